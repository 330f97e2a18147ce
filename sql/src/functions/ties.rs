//! The marks of pages that `plan::ties` makes conditions of: they check the numbers of rows.

use arrow::array::ArrayRef;
use datafusion::common::Result;
use peristyle_catalog::model::PgType;

use super::define::{Call, Definition, immutable, overload};
use super::error::error;
use super::rows::*;
use super::signature::Ty;

/// `FETCH FIRST n ROWS WITH TIES` as a LIMIT of a call of this. No name of a client's holds a control character.
pub(crate) const MARK: &str = "\u{1}with_ties";

/// The number of an OFFSET that a subquery gives.
pub(crate) const OFFSET_MARK: &str = "\u{1}offset";

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable(MARK, &[overload(&[Ty::Int8], PgType::INT8, |c| checked(c, "2201W", "LIMIT must not be negative"))]),
    immutable(
        OFFSET_MARK,
        &[overload(&[Ty::Int8], PgType::INT8, |c| checked(c, "2201X", "OFFSET must not be negative"))],
    ),
];

/// The number of rows, which is not negative.
fn checked(call: &Call<'_>, code: &'static str, message: &str) -> Result<ArrayRef> {
    map1::<Int8, i64>(call, |rows| if rows < 0 { Err(error(code, message)) } else { Ok(rows) })
}
