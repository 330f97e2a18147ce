//! Definitions: `pg_get_expr`, `pg_get_viewdef`, `pg_get_constraintdef`, `pg_get_indexdef` and the like.

use datafusion::error::Result;
use peristyle_catalog::model::{Index, PgType, Relation, RelationKind};

use super::call::Call;
use super::{Function, Parameter, UNDEFINED_COLUMN, UNDEFINED_TABLE, failure};
use crate::pg_catalog::definitions::{constraint_definition, index_definition, view_definition};
use crate::pg_catalog::names::{columns, parts, qualified, quoted, relation_named, schema_name};
use crate::pg_catalog::parentheses::parenthesised;
use crate::pg_catalog::pg_index::indexed_columns;
use crate::pg_catalog::pg_sequence::sequence_of_column;
use crate::relation::Value;
use Parameter::{Bool, Int, Named, Oid, Text};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::stable("pg_get_expr", &[&[Text, Oid], &[Text, Oid, Bool]], PgType::TEXT, expression),
    Function::stable("pg_get_viewdef", &[&[Oid], &[Oid, Named]], PgType::TEXT, view),
    Function::stable("pg_get_constraintdef", &[&[Oid], &[Oid, Bool]], PgType::TEXT, constraint),
    Function::stable("pg_get_indexdef", &[&[Oid], &[Oid, Int, Bool]], PgType::TEXT, index),
    Function::stable("pg_get_ruledef", &[&[Oid], &[Oid, Bool]], PgType::TEXT, rule),
    Function::stable("pg_get_triggerdef", &[&[Oid], &[Oid, Bool]], PgType::TEXT, none),
    Function::stable("pg_get_partkeydef", &[&[Oid]], PgType::TEXT, none),
    Function::stable("pg_get_statisticsobjdef", &[&[Oid]], PgType::TEXT, none),
    Function::stable("pg_get_statisticsobjdef_columns", &[&[Oid]], PgType::TEXT, none),
    Function::stable("pg_get_serial_sequence", &[&[Text, Text]], PgType::TEXT, serial_sequence),
];

/// What Peristyle has none of, so that no oid names one.
fn none(_: &Call<'_>) -> Result<Value<'static>> {
    Ok(Value::Null)
}

/// Trees are kept as the SQL text that they stand for.
fn expression(call: &Call<'_>) -> Result<Value<'static>> {
    let is_pretty = call.boolean(2) == Some(true);
    Ok(call.text(0).map(|text| if is_pretty { text.to_owned() } else { parenthesised(text).into_owned() }).into())
}

fn view(call: &Call<'_>) -> Result<Value<'static>> {
    let relation = call.context.head.relation(call.oid(0)?);
    Ok(relation.and_then(Relation::stored_query).map(view_definition).into())
}

/// A view's rule has the view's oid.
fn rule(call: &Call<'_>) -> Result<Value<'static>> {
    let Some(relation) = call.context.head.relation(call.oid(0)?) else { return Ok(Value::Null) };
    let text = relation.stored_query().map(|query| {
        let name = quoted(&relation.name);
        format!("CREATE RULE \"_RETURN\" AS\n    ON SELECT TO {name} DO INSTEAD {}", view_definition(query))
    });
    Ok(text.into())
}

fn constraint(call: &Call<'_>) -> Result<Value<'static>> {
    let oid = call.oid(0)?;
    let relations = call.context.head.relations(call.context.database.oid);
    let found = relations.iter().filter_map(|relation| relation.as_table()).find_map(|table| {
        let constraint = table.constraints.iter().find(|constraint| constraint.oid == oid)?;
        Some(constraint_definition(&call.context, table, constraint, call.boolean(1) == Some(true)))
    });
    Ok(found.into())
}

fn index(call: &Call<'_>) -> Result<Value<'static>> {
    let Some(relation) = call.context.head.relation(call.oid(0)?) else { return Ok(Value::Null) };
    let RelationKind::Index(index) = &relation.kind else { return Ok(Value::Null) };
    match call.int(1).unwrap_or(0) {
        0 => Ok(index_definition(&call.context, relation, index).into()),
        column => Ok(index_column(call, index, column).into()),
    }
}

fn index_column(call: &Call<'_>, index: &Index, number: i64) -> Option<String> {
    let at = usize::try_from(number).ok()?.checked_sub(1)?;
    indexed_columns(&call.context, index).get(at).map(|column| quoted(&column.name).into_owned())
}

/// The sequence of a serial or identity column, as SQL must write its name.
fn serial_sequence(call: &Call<'_>) -> Result<Value<'static>> {
    let (table, column) = (call.text(0).unwrap_or_default(), call.text(1).unwrap_or_default());
    let missing = || failure(UNDEFINED_TABLE, format!("relation \"{table}\" does not exist"));
    let parts = parts(table).ok_or_else(missing)?;
    let (schema, name) = match parts.as_slice() {
        [name] => (None, name),
        [.., schema, name] => (Some(schema.as_str()), name),
        [] => return Err(missing()),
    };
    let relation = relation_named(&call.context, schema, name).ok_or_else(missing)?;
    let relation = call.context.head.relation(relation).ok_or_else(missing)?;
    let found = columns(relation).iter().find(|found| found.name == column);
    let column = found.ok_or_else(|| {
        let message = format!("column \"{column}\" of relation \"{}\" does not exist", relation.name);
        failure(UNDEFINED_COLUMN, message)
    })?;
    let sequence = sequence_of_column(&call.context, relation.oid, column.attnum);
    let shown = sequence.and_then(|sequence| Some((schema_name(&call.context, sequence.schema)?, &sequence.name)));
    Ok(shown.map(|(schema, name)| qualified(schema, name)).into())
}
