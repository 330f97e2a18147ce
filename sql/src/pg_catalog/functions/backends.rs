//! Other sessions: cancel, terminate, who waits for whom.

use datafusion::error::Result;
use peristyle_catalog::model::PgType;

use super::call::Call;
use super::{Function, Parameter::Int};
use crate::relation::Value;

const INT4_ARRAY: PgType = PgType::plain(1007);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::stable("pg_cancel_backend", &[&[Int]], PgType::BOOL, cancel).volatile(),
    Function::stable("pg_terminate_backend", &[&[Int], &[Int, Int]], PgType::BOOL, terminate).volatile(),
    Function::stable("pg_blocking_pids", &[&[Int]], INT4_ARRAY, blocking),
    Function::stable("pg_advisory_unlock_all", &[&[]], PgType::VOID, nothing).volatile(),
];

fn cancel(call: &Call<'_>) -> Result<Value<'static>> {
    Ok(process_id(call).is_some_and(|process_id| call.control.cancel(process_id)).into())
}

fn terminate(call: &Call<'_>) -> Result<Value<'static>> {
    Ok(process_id(call).is_some_and(|process_id| call.control.terminate(process_id)).into())
}

fn process_id(call: &Call<'_>) -> Option<i32> {
    i32::try_from(call.int(0)?).ok()
}

/// No statement ever waits for a lock of another.
fn blocking(_: &Call<'_>) -> Result<Value<'static>> {
    Ok(Value::List(Vec::new()))
}

/// There are no advisory locks, so none is held.
fn nothing(_: &Call<'_>) -> Result<Value<'static>> {
    Ok(Value::Null)
}
