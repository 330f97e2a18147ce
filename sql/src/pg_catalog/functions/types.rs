//! Functions over types: `format_type`, `pg_typeof`, what functions take and give.

use datafusion::error::Result;
use peristyle_catalog::model::PgType;

use super::call::Call;
use super::{Function, Parameter::*};
use crate::pg_catalog::pg_proc::{Function as Signature, function};
use crate::pg_catalog::type_names::format_type;
use crate::relation::{RelationContext, Value};

const REGTYPE: PgType = PgType::plain(2206);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::stable("format_type", &[&[Oid, Int]], PgType::TEXT, type_name).not_strict(),
    Function::stable("pg_typeof", &[&[Any]], REGTYPE, type_of).not_strict(),
    Function::stable("pg_get_function_result", &[&[Oid]], PgType::TEXT, function_result),
    Function::stable("pg_get_function_arguments", &[&[Oid]], PgType::TEXT, function_arguments),
    Function::stable("pg_get_function_identity_arguments", &[&[Oid]], PgType::TEXT, function_arguments),
    Function::stable("pg_get_function_sqlbody", &[&[Oid]], PgType::TEXT, none),
    Function::stable("pg_get_functiondef", &[&[Oid]], PgType::TEXT, none),
];

fn type_name(call: &Call<'_>) -> Result<Value<'static>> {
    if call.is_null(0) {
        return Ok(Value::Null);
    }
    let typmod = call.int(1).and_then(|typmod| i32::try_from(typmod).ok());
    Ok(format_type(&call.context, call.oid(0)?.0, typmod).into())
}

fn type_of(call: &Call<'_>) -> Result<Value<'static>> {
    Ok(call.ty(0).oid.into())
}

fn function_result(call: &Call<'_>) -> Result<Value<'static>> {
    let shown = |found: Signature| {
        let name = format_type(&call.context, found.result, None);
        if found.returns_set { format!("SETOF {name}") } else { name }
    };
    Ok(function(call.oid(0)?.0).map(shown).into())
}

fn function_arguments(call: &Call<'_>) -> Result<Value<'static>> {
    Ok(function(call.oid(0)?.0).map(|found| arguments(&call.context, &found)).into())
}

/// The types that a function takes, as its signature is written.
pub(super) fn arguments(context: &RelationContext<'_>, function: &Signature) -> String {
    let last = function.arguments.len().saturating_sub(1);
    let shown = |(at, ty): (usize, &u32)| {
        let name = format_type(context, *ty, None);
        if function.variadic.is_some() && at == last { format!("VARIADIC {name}") } else { name }
    };
    function.arguments.iter().enumerate().map(shown).collect::<Vec<_>>().join(", ")
}

/// Built-in functions have no text in SQL.
fn none(_: &Call<'_>) -> Result<Value<'static>> {
    Ok(Value::Null)
}
