//! Names of users' types in a tree are looked up once, before anything asks what type a name means, and stand there by
//! their oids from then on.

use std::convert::Infallible;
use std::ops::ControlFlow;

use peristyle_catalog::model::{PgType, Relation};
use sqlparser::ast::{ArrayElemTypeDef, DataType, Expr, TableFactor, VisitMut, VisitorMut};

use crate::error::SqlError;
use crate::names::parts;
use crate::scope::Scope;
use crate::semantics::{pg_type_of_sql, sql_type_of};

/// Finds the relation that defines the enum type of a name, in parts.
pub(super) type Find<'a> = &'a dyn Fn(&[String]) -> Option<PgType>;

/// Puts oids in the place of the names of users' types. Names that lead to no type stay.
pub(super) fn look_up(tree: &mut impl VisitMut, find: Find<'_>) {
    let _ = tree.visit(&mut Names { find });
}

/// The type of a column, a parameter or a cast as it was written, with a user's type looked up.
pub(crate) fn looked_up(scope: &Scope, ty: &DataType) -> Result<DataType, SqlError> {
    let mut ty = ty.clone();
    look_up_type(&mut ty, &|name| in_scope(scope, name));
    Ok(ty)
}

/// An expression that is kept, with users' types by their oids, so that it follows a rename.
pub(crate) fn by_oids(scope: &Scope, expression: &Expr) -> Expr {
    let mut expression = expression.clone();
    look_up(&mut expression, &|name| in_scope(scope, name));
    expression
}

fn in_scope(scope: &Scope, name: &[String]) -> Option<PgType> {
    let (last, schema) = name.split_last()?;
    of_name(last, &|name| Some(scope.enum_type(schema.last().map(String::as_str), name)?.as_ref().clone()))
}

/// The type of a name: of `_name` the array type over it, if nothing else has that name.
pub(super) fn of_name(name: &str, definition: &dyn Fn(&str) -> Option<Relation>) -> Option<PgType> {
    let ty = |relation: Relation| PgType::of_enum(relation.oid);
    let array = || definition(name.strip_prefix('_')?).and_then(ty)?.array();
    definition(name).and_then(ty).or_else(array)
}

struct Names<'a> {
    find: Find<'a>,
}

impl VisitorMut for Names<'_> {
    type Break = Infallible;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Infallible> {
        match expr {
            Expr::Cast { data_type, .. } => look_up_type(data_type, self.find),
            Expr::TypedString(typed) => look_up_type(&mut typed.data_type, self.find),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Infallible> {
        let (TableFactor::Table { alias, .. } | TableFactor::Function { alias, .. }) = factor else {
            return ControlFlow::Continue(());
        };
        let columns = alias.iter_mut().flat_map(|alias| &mut alias.columns);
        columns.filter_map(|column| column.data_type.as_mut()).for_each(|ty| look_up_type(ty, self.find));
        ControlFlow::Continue(())
    }
}

fn look_up_type(ty: &mut DataType, find: Find<'_>) {
    match ty {
        DataType::Array(
            ArrayElemTypeDef::SquareBracket(element, _)
            | ArrayElemTypeDef::AngleBracket(element)
            | ArrayElemTypeDef::Parenthesis(element),
        ) => look_up_type(element, find),
        DataType::Custom(name, modifiers) if modifiers.is_empty() => {
            let Ok(written) = parts(name) else { return };
            // PostgreSQL's own types are found first.
            if pg_type_of_sql(ty).is_err()
                && let Some(found) = find(&written)
            {
                *ty = sql_type_of(found);
            }
        }
        _ => {}
    }
}
