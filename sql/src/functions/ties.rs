//! The mark of a limit that takes ties; `plan::ties` makes a condition of it.

use arrow::array::ArrayRef;
use datafusion::common::Result;
use peristyle_catalog::model::PgType;

use super::define::{Call, Definition, immutable, overload};
use super::error::error;
use super::rows::*;
use super::signature::Ty;

/// `FETCH FIRST n ROWS WITH TIES` as a LIMIT of a call of this. No name of a client's holds a control character.
pub(crate) const MARK: &str = "\u{1}with_ties";

pub(crate) const DEFINITIONS: &[Definition] = &[immutable(MARK, &[overload(&[Ty::Int8], PgType::INT8, checked)])];

/// The number of rows, which is not negative.
fn checked(call: &Call<'_>) -> Result<ArrayRef> {
    map1::<Int8, i64>(call, |rows| match rows {
        0.. => Ok(rows),
        _ => Err(error("2201W", "LIMIT must not be negative")),
    })
}
