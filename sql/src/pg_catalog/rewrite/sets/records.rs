//! `FROM jsonb_to_recordset(j) AS t(a int, b text)`: the members of each object as the columns that the alias declares.

use peristyle_catalog::model::PgType;
use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Ident, SetExpr, TableAlias, TableFactor, TableWithJoins, Value,
};

use super::super::folded;
use super::{alias_of, call, givers, select_of, unnest};
use crate::functions::json_sets::JSONB_ITEM_TEXTS;
use crate::names::fold;
use crate::parse::parse_expression;
use crate::semantics::pg_type_of_sql;

/// Name of the rows that hold the objects; no name of a client's in lower case holds a blank by accident.
const OBJECTS: &str = "json objects";

/// The function as a subquery; `None` for another function.
pub(super) fn derived(name: &str, argument: &Expr, alias: Option<&TableAlias>, lateral: bool) -> Option<TableFactor> {
    let items = match name {
        "json_to_record" | "jsonb_to_record" => argument.clone(),
        "json_to_recordset" => unnest(call(givers::named("json_array_elements")?.columns[0].1, vec![argument.clone()])),
        "jsonb_to_recordset" => {
            unnest(call(givers::named("jsonb_array_elements")?.columns[0].1, vec![argument.clone()]))
        }
        _ => return None,
    };
    let alias = alias?;
    let objects = select_of(vec![(items, Ident::new("object"))]);
    let objects = TableFactor::Derived {
        lateral,
        subquery: Box::new(objects),
        alias: Some(alias_of(Ident::with_quote('"', OBJECTS))),
        sample: None,
    };
    let type_of = if name.starts_with("jsonb") { "jsonb_typeof" } else { "json_typeof" };
    let columns = alias.columns.iter().map(|column| {
        let ty = column.data_type.clone().unwrap_or(DataType::Text);
        let value = if matches!(ty, DataType::Array(_)) {
            array(&column.name, &ty, type_of)
        } else {
            member(&column.name, &ty)
        };
        (value, column.name.clone())
    });
    let mut rows = select_of(columns.collect());
    if let SetExpr::Select(select) = rows.body.as_mut() {
        select.from = vec![TableWithJoins { relation: objects, joins: Vec::new() }];
    }
    let alias = alias_of(Ident::with_quote('"', folded(&alias.name)));
    Some(TableFactor::Derived { lateral, subquery: Box::new(rows), alias: Some(alias), sample: None })
}

/// The items of a member that is a json array as those of an array; a member that is text is read as one.
fn array(name: &Ident, ty: &DataType, type_of: &str) -> Expr {
    let json = get(name, BinaryOperator::Arrow);
    let items = cast(call(JSONB_ITEM_TEXTS, vec![json.clone()]), ty);
    let Ok(mut chosen) = parse_expression("CASE kind WHEN 'array' THEN items ELSE other END") else { return items };
    if let Expr::Case { operand, conditions, else_result, .. } = &mut chosen {
        *operand = Some(Box::new(call(type_of, vec![json])));
        conditions.iter_mut().for_each(|when| when.result = items.clone());
        *else_result = Some(Box::new(member(name, ty)));
    }
    chosen
}

/// `(object ->> 'name')::type`; json stays json.
fn member(name: &Ident, ty: &DataType) -> Expr {
    let is_json = matches!(pg_type_of_sql(ty), Ok(PgType::JSON | PgType::JSONB));
    let op = if is_json { BinaryOperator::Arrow } else { BinaryOperator::LongArrow };
    cast(get(name, op), ty)
}

fn get(name: &Ident, op: BinaryOperator) -> Expr {
    let key = Expr::Value(Value::SingleQuotedString(fold(name)).into());
    let value = Expr::BinaryOp { left: Box::new(Expr::Identifier(Ident::new("object"))), op, right: Box::new(key) };
    Expr::Nested(Box::new(value))
}

fn cast(expr: Expr, ty: &DataType) -> Expr {
    let (expr, data_type) = (Box::new(expr), ty.clone());
    Expr::Cast { kind: CastKind::DoubleColon, expr, data_type, array: false, format: None }
}
