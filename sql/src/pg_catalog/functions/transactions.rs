//! Transaction numbers as the catalogs show them.

use datafusion::error::Result;
use peristyle_catalog::model::PgType;

use super::call::Call;
use super::{Function, Parameter};
use crate::relation::Value;

/// `xmin` of a catalog's row.
pub(crate) const ROW_VERSION: &str = "pg_row_version";
/// `age` of a transaction number.
pub(crate) const XID_AGE: &str = "pg_xid_age";

const XID: PgType = PgType::plain(28);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::stable(ROW_VERSION, &[&[]], XID, row_version),
    Function::stable(XID_AGE, &[&[Parameter::Oid]], PgType::INT4, age),
];

/// The catalogs are computed from the snapshot, all of their rows anew.
fn row_version(call: &Call<'_>) -> Result<Value<'static>> {
    Ok(Value::from(current(call)))
}

/// How many transactions ago, in numbers that wrap around.
fn age(call: &Call<'_>) -> Result<Value<'static>> {
    Ok(current(call).wrapping_sub(call.oid(0)?.0).cast_signed().into())
}

/// The low half of the transaction's number, which is what an xid holds.
fn current(call: &Call<'_>) -> u32 {
    (call.context.session.transaction_id & u64::from(u32::MAX)) as u32
}
