//! Whether an object is found by its name alone. NULL for an oid that is of none.

use datafusion::error::Result;
use peristyle_catalog::model::PgType;

use super::Function;
use super::Parameter::Oid;
use super::call::Call;
use crate::pg_catalog::built_in_types::by_oid;
use crate::pg_catalog::names::{relation_is_visible, relation_of_type, type_is_visible};
use crate::pg_catalog::pg_proc::function;
use crate::relation::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::stable("pg_table_is_visible", &[&[Oid]], PgType::BOOL, table),
    Function::stable("pg_type_is_visible", &[&[Oid]], PgType::BOOL, of_type),
    Function::stable("pg_function_is_visible", &[&[Oid]], PgType::BOOL, of_function),
    Function::stable("pg_operator_is_visible", &[&[Oid]], PgType::BOOL, built_in),
    Function::stable("pg_opclass_is_visible", &[&[Oid]], PgType::BOOL, built_in),
    Function::stable("pg_opfamily_is_visible", &[&[Oid]], PgType::BOOL, built_in),
    Function::stable("pg_collation_is_visible", &[&[Oid]], PgType::BOOL, built_in),
    Function::stable("pg_conversion_is_visible", &[&[Oid]], PgType::BOOL, built_in),
    Function::stable("pg_statistics_obj_is_visible", &[&[Oid]], PgType::BOOL, built_in),
    Function::stable("pg_ts_config_is_visible", &[&[Oid]], PgType::BOOL, built_in),
    Function::stable("pg_ts_dict_is_visible", &[&[Oid]], PgType::BOOL, built_in),
    Function::stable("pg_ts_parser_is_visible", &[&[Oid]], PgType::BOOL, built_in),
    Function::stable("pg_ts_template_is_visible", &[&[Oid]], PgType::BOOL, built_in),
];

fn table(call: &Call<'_>) -> Result<Value<'static>> {
    Ok(relation_is_visible(&call.context, call.oid(0)?).into())
}

/// A row type is visible as an enum type is; built-in types always are.
fn of_type(call: &Call<'_>) -> Result<Value<'static>> {
    let oid = call.oid(0)?;
    if by_oid(oid.0).is_some() {
        return Ok(true.into());
    }
    let relation = relation_of_type(&call.context, oid);
    Ok(relation.map(|(relation, _)| type_is_visible(&call.context, relation)).into())
}

fn of_function(call: &Call<'_>) -> Result<Value<'static>> {
    Ok(function(call.oid(0)?.0).map(|_| true).into())
}

/// Objects of these kinds are built in, all in `pg_catalog`, which is always on the path.
fn built_in(_: &Call<'_>) -> Result<Value<'static>> {
    Ok(true.into())
}
