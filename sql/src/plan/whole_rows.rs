//! A relation's name where a value may stand is its row, of the relation's row type. `(a, b)` in a list of results is a row
//! too. `(row).field` and `(row).*` are what such a row was made of.

use peristyle_catalog::model::{Oid, Relation, RelationKind};
use sqlparser::ast::{
    AccessExpr, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectNamePart, Select,
    SelectItem, SelectItemQualifiedWildcardKind,
};

use super::output_names::apart;
use super::scopes::Scopes;
use crate::error::SqlError;
use crate::functions::row;
use crate::names::fold;
use crate::parse::ALL_FIELDS;
use crate::pg_catalog::rewrite::columns_of_rows;
use crate::semantics::call;

/// Makes a row of a result that is a list of values.
pub(super) fn show_list(expr: &mut Expr) {
    if let Expr::Tuple(values) = expr
        && !values.is_empty()
    {
        *expr = call("row", std::mem::take(values));
    }
}

/// The row of the relation of that name, unless a column has the name.
pub(super) fn row_called(name: &Ident, scopes: &Scopes<'_, '_>) -> Option<Expr> {
    let row = scopes.row(name)?;
    let row_type = scopes.relation(row.item).and_then(|relation| row_type(&relation));
    let values = row.own.iter().map(|column| column_of(name, column)).collect();
    Some(row_of(&row::name_of(row_type, row.names, row.item.may_be_missing), values))
}

/// The call of a function that makes rows; its name holds those of the columns as they are.
fn row_of(function: &str, values: Vec<Expr>) -> Expr {
    let mut row = call(function, values);
    if let Expr::Function(function) = &mut row
        && let Some(ObjectNamePart::Identifier(name)) = function.name.0.first_mut()
    {
        name.quote_style = Some('"');
    }
    row
}

fn row_type(relation: &Relation) -> Option<Oid> {
    match &relation.kind {
        RelationKind::Table(table) => Some(table.row_type),
        RelationKind::View(view) => Some(view.row_type),
        RelationKind::Index(_) | RelationKind::Sequence(_) | RelationKind::Enum(_) => None,
    }
}

fn column_of(table: &Ident, column: &str) -> Expr {
    Expr::CompoundIdentifier(vec![table.clone(), Ident::with_quote('"', column)])
}

/// `count(t.*)` is `count(t)`.
pub(super) fn rows_of_all(function: &mut Function, scopes: &Scopes<'_, '_>) {
    let FunctionArguments::List(list) = &mut function.args else { return };
    for argument in &mut list.args {
        let FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(table)) = argument else { continue };
        let [ObjectNamePart::Identifier(name)] = table.0.as_slice() else { continue };
        if let Some(row) = row_called(name, scopes) {
            *argument = FunctionArg::Unnamed(FunctionArgExpr::Expr(row));
        }
    }
}

/// What `(row).field` and `relation.field[subscript]` are, where the row is made of values there. A column that a relation
/// lacks is missed by its name.
pub(super) fn field(root: &Expr, chain: &[AccessExpr]) -> Option<Expr> {
    let [AccessExpr::Dot(Expr::Identifier(field)), rest @ ..] = chain else { return None };
    let value = field_of(root, field)?;
    if rest.is_empty() {
        return Some(value);
    }
    Some(Expr::CompoundFieldAccess { root: Box::new(value), access_chain: rest.to_vec() })
}

fn field_of(root: &Expr, field: &Ident) -> Option<Expr> {
    let (name, fields) = (fold(field), fields_of(root)?);
    let table = match fields.first() {
        Some((_, Expr::CompoundIdentifier(path))) => path.first().cloned(),
        _ => None,
    };
    let known = fields.into_iter().find_map(|(own, value)| (own == name).then_some(value));
    known.or_else(|| table.map(|table| Expr::CompoundIdentifier(vec![table, field.clone()])))
}

/// The names and values of the fields of a row that is made of values.
fn fields_of(row: &Expr) -> Option<Vec<(String, Expr)>> {
    match row {
        Expr::Nested(inner) => fields_of(inner),
        Expr::Tuple(values) => {
            Some((1..).zip(values).map(|(number, value)| (format!("f{number}"), value.clone())).collect())
        }
        Expr::Function(function) => {
            let columns = row::columns_of(&function.name.0.last()?.as_ident()?.value)?;
            let FunctionArguments::List(list) = &function.args else { return None };
            let values = list.args.iter().map(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => Some(value.clone()),
                _ => None,
            });
            Some(columns.into_iter().map(str::to_owned).zip(values.collect::<Option<Vec<_>>>()?).collect())
        }
        _ => None,
    }
}

/// Marks results that are all fields of a row, as `t.*` is: names are given to results later.
pub(super) fn mark_stars(select: &mut Select) {
    for item in &mut select.projection {
        let SelectItem::UnnamedExpr(Expr::CompoundFieldAccess { root, access_chain }) = item else { continue };
        let Some(AccessExpr::Dot(Expr::Identifier(last))) = access_chain.last() else { continue };
        if last.value != ALL_FIELDS {
            continue;
        }
        access_chain.pop();
        let (root, chain) = (root.as_ref().clone(), std::mem::take(access_chain));
        let row = match chain.is_empty() {
            true => root,
            false => Expr::CompoundFieldAccess { root: Box::new(root), access_chain: chain },
        };
        *item = SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::Expr(row), Default::default());
    }
}

/// The results that `(row).*` stands for, whose names are settled; of a list with it, at that place.
pub(super) fn all_fields(row: &Expr, place: usize, scopes: &Scopes<'_, '_>) -> Result<Vec<SelectItem>, SqlError> {
    if let Some(fields) = fields_of(row) {
        return Ok(fields.into_iter().enumerate().map(|(at, (name, value))| result(value, &name, place, at)).collect());
    }
    let names = match plain(row) {
        Expr::Function(function) => function.name.0.last().and_then(ObjectNamePart::as_ident).and_then(columns_of_rows),
        Expr::Identifier(name) => scopes.fields(std::slice::from_ref(name)),
        Expr::CompoundIdentifier(path) => scopes.fields(path),
        _ => None,
    };
    let Some(names) = names else {
        return Err(SqlError::unsupported("all fields of this expression by .* are not supported"));
    };
    let field = |name: &str| Expr::CompoundFieldAccess {
        root: Box::new(row.clone()),
        access_chain: vec![AccessExpr::Dot(Expr::Identifier(Ident::with_quote('"', name)))],
    };
    Ok(names.iter().enumerate().map(|(at, name)| result(field(name), name, place, at)).collect())
}

fn plain(expr: &Expr) -> &Expr {
    match expr {
        Expr::Nested(inner) => plain(inner),
        expr => expr,
    }
}

/// A column by itself, as `t.*` gives it; anything else under the field's name, apart from others of it.
fn result(value: Expr, name: &str, place: usize, at: usize) -> SelectItem {
    match value {
        Expr::CompoundIdentifier(_) => SelectItem::UnnamedExpr(value),
        expr => {
            let name = if place == 0 { name.to_owned() } else { apart(name, place * 10_000 + at) };
            SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', name) }
        }
    }
}
