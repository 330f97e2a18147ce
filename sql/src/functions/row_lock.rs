//! The mark of clauses that lock rows; `row_locks` makes a node of the plan of it.

use arrow::array::ArrayRef;
use datafusion::common::Result;
use peristyle_catalog::model::PgType;

use super::define::{Call, Definition, overload, volatile};
use super::error::not_supported;
use super::signature::Ty;
use crate::row_locks::MARK;

pub(crate) const DEFINITIONS: &[Definition] =
    &[volatile(MARK, &[overload(&[Ty::Text], PgType::BOOL, misplaced).variadic()])];

/// A mark that is evaluated stands where no node was made of it.
fn misplaced(_call: &Call<'_>) -> Result<ArrayRef> {
    Err(not_supported("FOR UPDATE or FOR SHARE in this place"))
}
