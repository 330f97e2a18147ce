//! `FROM json_populate_record(NULL::t, j)`: the members of an object as the columns of a relation, whose row type the first
//! argument has. It is read as `FROM json_to_record(j) AS t(a integer, …)`, which says the same of columns that it names.

use std::ops::ControlFlow;

use peristyle_catalog::model::{Column, PgType, Relation};
use sqlparser::ast::{
    DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Query, SetExpr, TableAlias,
    TableAliasColumnDef, TableFactor, TableFunctionArgs, TableWithJoins, Value, VisitMut, VisitorMut,
};

use super::Planner;
use crate::error::SqlError;
use crate::names::parts;
use crate::parse::{parse_expression, parse_query};
use crate::semantics::sql_type_of;
use crate::values::type_name;

/// Each function, and the one to which an alias says the columns.
const FUNCTIONS: &[(&str, &str)] = &[
    ("json_populate_record", "json_to_record"),
    ("jsonb_populate_record", "jsonb_to_record"),
    ("json_populate_recordset", "json_to_recordset"),
    ("jsonb_populate_recordset", "jsonb_to_recordset"),
];

/// Says all such functions in FROM by their columns.
pub(super) fn settle(planner: &Planner<'_>, query: &mut Query) -> Result<(), SqlError> {
    match query.visit(&mut Populated { planner }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Populated<'a, 'p> {
    planner: &'a Planner<'p>,
}

impl VisitorMut for Populated<'_, '_> {
    type Break = SqlError;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<SqlError> {
        match self.by_columns(factor) {
            Ok(None) => ControlFlow::Continue(()),
            Ok(Some(settled)) => {
                *factor = settled;
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        match self.refuse_value(expr) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

impl Populated<'_, '_> {
    /// The function by its columns; `None` for anything else, and for one whose first argument has no row type.
    fn by_columns(&self, factor: &TableFactor) -> Result<Option<TableFactor>, SqlError> {
        let (name, args, alias) = match factor {
            TableFactor::Table { name, args: Some(args), with_ordinality: false, alias, .. } => {
                (name, &args.args, alias)
            }
            TableFactor::Function { name, args, with_ordinality: false, alias, .. } => (name, args, alias),
            _ => return Ok(None),
        };
        let Some(name) = parts(name)?.pop() else { return Ok(None) };
        let Some(of_columns) = of_columns(&name) else { return Ok(None) };
        let [FunctionArg::Unnamed(FunctionArgExpr::Expr(base)), json] = args.as_slice() else { return Ok(None) };
        let Some(relation) = self.row_type(base)? else { return Ok(None) };
        if !is_null(base) {
            return Err(SqlError::unsupported(format!("{name} of a row that is not NULL is not supported")));
        }
        let columns = columns_of(&relation).iter().map(declared).collect::<Result<Vec<_>, SqlError>>()?;
        let renamed = alias.as_ref().filter(|alias| !alias.columns.is_empty());
        let name = alias.as_ref().map_or_else(|| Ident::new(name), |alias| alias.name.clone());
        let declared = TableFactor::Table {
            name: ObjectName::from(vec![Ident::new(of_columns)]),
            alias: Some(TableAlias { explicit: true, name, columns, at: None }),
            args: Some(TableFunctionArgs { args: vec![json.clone()], settings: None }),
            with_hints: Vec::new(),
            version: None,
            with_ordinality: false,
            partitions: Vec::new(),
            json_path: None,
            sample: None,
            index_hints: Vec::new(),
        };
        match renamed {
            Some(alias) => Ok(Some(under_names(declared, alias)?)),
            None => Ok(Some(declared)),
        }
    }

    /// 0A000 for such a function where it is no part of FROM.
    fn refuse_value(&self, expr: &Expr) -> Result<(), SqlError> {
        let Expr::Function(function) = expr else { return Ok(()) };
        let Some(name) = parts(&function.name)?.pop().filter(|name| of_columns(name).is_some()) else { return Ok(()) };
        let FunctionArguments::List(list) = &function.args else { return Ok(()) };
        let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(base))) = list.args.first() else { return Ok(()) };
        if is_record(base) {
            let hint = "Provide a non-null record argument, or call the function in the FROM clause using a column \
                        definition list.";
            let message = format!("could not determine row type for result of {name}");
            return Err(SqlError::unsupported(message).hint(hint));
        }
        match self.row_type(base)? {
            Some(_) => Err(SqlError::unsupported(format!("{name} outside of FROM is not supported"))),
            None => Ok(()),
        }
    }

    /// The relation whose row type a value is cast to.
    fn row_type(&self, base: &Expr) -> Result<Option<std::sync::Arc<Relation>>, SqlError> {
        match base {
            Expr::Nested(inner) => self.row_type(inner),
            Expr::Cast { data_type: DataType::Custom(name, modifiers), .. } if modifiers.is_empty() => {
                Ok(self.planner.provider.row_type(&parts(name)?))
            }
            _ => Ok(None),
        }
    }
}

/// The function that is told the columns, for one that takes them from a row.
fn of_columns(name: &str) -> Option<&'static str> {
    FUNCTIONS.iter().find(|(populating, _)| *populating == name).map(|(_, of_columns)| *of_columns)
}

/// Whether a value is cast to a row of no type.
fn is_record(base: &Expr) -> bool {
    let Expr::Cast { data_type: DataType::Custom(name, _), .. } = base else { return false };
    parts(name).is_ok_and(|parts| parts == ["record"])
}

fn is_null(base: &Expr) -> bool {
    match base {
        Expr::Nested(inner) => is_null(inner),
        Expr::Cast { expr, .. } => matches!(expr.as_ref(), Expr::Value(value) if value.value == Value::Null),
        _ => false,
    }
}

fn columns_of(relation: &Relation) -> &[Column] {
    let of_table = relation.as_table().map(|table| table.columns.as_slice());
    of_table.or_else(|| relation.as_view().map(|view| view.columns.as_slice())).unwrap_or_default()
}

fn declared(column: &Column) -> Result<TableAliasColumnDef, SqlError> {
    let data_type = Some(data_type(column.ty)?);
    Ok(TableAliasColumnDef { name: Ident::with_quote('"', &column.name), data_type })
}

fn data_type(ty: PgType) -> Result<DataType, SqlError> {
    if ty.element().unwrap_or(ty).enum_definition().is_some() {
        return Ok(sql_type_of(ty));
    }
    match parse_expression(&format!("NULL::{}", type_name(ty)))? {
        Expr::Cast { data_type, .. } => Ok(data_type),
        _ => Err(SqlError::internal("a cast was expected")),
    }
}

/// The rows with the names that the alias gives to the first columns.
fn under_names(rows: TableFactor, alias: &TableAlias) -> Result<TableFactor, SqlError> {
    let mut query = parse_query("SELECT *")?;
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.from = vec![TableWithJoins { relation: rows, joins: Vec::new() }];
    }
    Ok(TableFactor::Derived { lateral: true, subquery: query, alias: Some(alias.clone()), sample: None })
}
