//! The percentage of a TABLESAMPLE, which `plan::sampled` makes a condition of.

use arrow::array::ArrayRef;
use datafusion::common::Result;
use peristyle_catalog::model::PgType;

use super::define::{Call, Definition, immutable, overload};
use super::error::error;
use super::rows::*;
use super::signature::Ty;

/// Its name; no name of a client's holds a control character.
pub(crate) const PERCENT: &str = "\u{1}sample_percent";

pub(crate) const DEFINITIONS: &[Definition] =
    &[immutable(PERCENT, &[overload(&[Ty::Float8], PgType::FLOAT8, checked).not_strict()])];

fn checked(call: &Call<'_>) -> Result<ArrayRef> {
    let percents = Argument::<Float8>::of(call, 0);
    let checked = |row| match percents.get(row) {
        None => Err(error("2202H", "TABLESAMPLE parameter cannot be null")),
        Some(percent) if !(0.0..=100.0).contains(&percent) => {
            Err(error("2202H", "sample percentage must be between 0 and 100"))
        }
        percent => Ok(percent),
    };
    Ok(f64::collect((0..call.rows).map(checked).collect::<Result<_>>()?))
}
