//! A relation's name where a value may stand is its row. Functions that make JSON of it, as `row_to_json(t)`, get an object
//! of its columns; in a list of results, as in `SELECT t FROM t`, it is a value of the relation's row type. `(a, b)` there is a
//! row too.

use peristyle_catalog::model::{Oid, Relation, RelationKind};
use sqlparser::ast::{
    AccessExpr, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, ObjectNamePart,
    Value,
};

use super::scopes::Scopes;
use crate::functions::json_build::{JSON_ROW, JSON_ROW_LINES};
use crate::functions::row;
use crate::names::fold;
use crate::semantics::{call, string};

/// Functions that take a row.
const OF_ROWS: &[&str] = &["row_to_json", "to_json", "to_jsonb", "json_agg", "jsonb_agg"];

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
    let (item, columns) = scopes.row(name)?;
    let row_type = scopes.relation(item).and_then(|relation| row_type(&relation));
    let function = row_type.map_or_else(|| "row".to_owned(), row::name_of_type);
    Some(call(&function, columns.iter().map(|column| column_of(name, column)).collect()))
}

/// The column that `(t).column` is of the relation of that name.
pub(super) fn field(root: &Expr, chain: &[AccessExpr], scopes: &Scopes<'_, '_>) -> Option<Expr> {
    let (Expr::Nested(inner), [AccessExpr::Dot(Expr::Identifier(field))]) = (root, chain) else { return None };
    let Expr::Identifier(name) = inner.as_ref() else { return None };
    let (_, columns) = scopes.row(name)?;
    let field = fold(field);
    columns.contains(&field).then(|| column_of(name, &field))
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

/// Gives a function of rows an object of the relation's columns, if its argument is a relation's name.
pub(super) fn make_objects(function: &mut Function, scopes: &Scopes<'_, '_>) {
    let Some(taker) = function.name.0.last().and_then(ObjectNamePart::as_ident).map(fold) else { return };
    let FunctionArguments::List(list) = &mut function.args else { return };
    let has_lines = match list.args.as_slice() {
        [_] => false,
        [_, FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(flag)))] => match flag.value {
            Value::Boolean(has_lines) => has_lines,
            _ => return,
        },
        _ => return,
    };
    let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))) = list.args.first_mut() else { return };
    let Expr::Identifier(row) = &*argument else { return };
    if !OF_ROWS.contains(&taker.as_str()) {
        return;
    }
    let Some((_, columns)) = scopes.row(row) else { return };
    let members = columns.iter().flat_map(|column| [string(column.as_str()), column_of(row, column)]).collect();
    let maker = match taker.as_str() {
        "row_to_json" if has_lines => JSON_ROW_LINES,
        jsonb if jsonb.contains("jsonb") => "jsonb_build_object",
        _ => JSON_ROW,
    };
    *argument = call(maker, members);
    if taker == "row_to_json" {
        list.args.truncate(1);
        function.name = ObjectName::from(vec![Ident::new("to_json")]);
    }
}
