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
    Function::stable("pg_blocking_pids", &[&[Int]], INT4_ARRAY, blocking).volatile(),
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

/// For whom a session waits, for an advisory lock or for a row that another has locked.
fn blocking(call: &Call<'_>) -> Result<Value<'static>> {
    let sessions = process_id(call).map(|process_id| call.control.blocking(process_id)).unwrap_or_default();
    Ok(Value::List(sessions.into_iter().map(Value::from).collect()))
}
