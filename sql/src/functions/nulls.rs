//! How many of the arguments are NULL, and how many are not.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int32Array};
use datafusion::common::Result;
use peristyle_catalog::model::PgType;

use super::define::{Call, Definition, immutable, overload};
use super::signature::Ty;

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable("num_nulls", &[overload(&[Ty::Any], PgType::INT4, |c| count(c, true)).variadic().not_strict()]),
    immutable("num_nonnulls", &[overload(&[Ty::Any], PgType::INT4, |c| count(c, false)).variadic().not_strict()]),
];

fn count(call: &Call<'_>, is_null: bool) -> Result<ArrayRef> {
    let nulls: Vec<_> = call.args.iter().map(|argument| argument.logical_nulls()).collect();
    let is_counted = |row: usize, at: usize| {
        let nulls = nulls[at].as_ref();
        nulls.is_some_and(|nulls| nulls.is_null(call.index(at, row))) == is_null
    };
    let counts = (0..call.rows).map(|row| (0..nulls.len()).filter(|at| is_counted(row, *at)).count() as i32);
    Ok(Arc::new(Int32Array::from_iter_values(counts)))
}
