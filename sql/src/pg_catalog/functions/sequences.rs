//! Values of sequences: `nextval`, `currval`, `lastval`, `setval`, and how far a sequence has come.

use datafusion::error::Result;
use peristyle_catalog::model::{Oid, PgType};

use super::call::Call;
use super::registered::{Registered, parse_registered};
use super::{Function, Parameter};
use crate::pg_catalog::pg_sequence;
use crate::relation::Value;
use Parameter::{Bool, Int, Named};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::stable("nextval", &[&[Named]], PgType::INT8, next).volatile(),
    Function::stable("currval", &[&[Named]], PgType::INT8, current).volatile(),
    Function::stable("lastval", &[&[]], PgType::INT8, last).volatile(),
    Function::stable("setval", &[&[Named, Int], &[Named, Int, Bool]], PgType::INT8, set).volatile(),
    Function::stable("pg_sequence_last_value", &[&[Named]], PgType::INT8, reached).volatile(),
];

fn next(call: &Call<'_>) -> Result<Value<'static>> {
    let expected = call.rows_left();
    Ok(call.control.next_value(sequence(call)?, expected)?.into())
}

fn current(call: &Call<'_>) -> Result<Value<'static>> {
    Ok(call.control.current_value(sequence(call)?)?.into())
}

fn last(call: &Call<'_>) -> Result<Value<'static>> {
    Ok(call.control.last_value()?.into())
}

fn set(call: &Call<'_>) -> Result<Value<'static>> {
    let value = call.int(1).unwrap_or_default();
    let is_called = call.boolean(2).unwrap_or(true);
    call.control.set_value(sequence(call)?, value, is_called)?;
    Ok(value.into())
}

fn reached(call: &Call<'_>) -> Result<Value<'static>> {
    Ok(pg_sequence::last_value(&call.context, sequence(call)?).into())
}

/// The sequence that the first argument names.
fn sequence(call: &Call<'_>) -> Result<Oid> {
    match call.text(0) {
        Some(text) => Ok(Oid(parse_registered(&call.context, Registered::Class, text)?)),
        None => call.oid(0),
    }
}
