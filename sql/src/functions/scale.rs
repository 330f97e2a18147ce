//! The digits behind a numeric's point: `scale`, `min_scale`, `trim_scale`.

use arrow::array::ArrayRef;
use arrow::datatypes::{FieldRef, i256};
use datafusion::common::Result;
use peristyle_catalog::model::PgType;
use peristyle_storage::special_numeric::Special;
use peristyle_storage::types::{OPEN_DECIMAL, trailing_zeros};

use super::decimal::decimal_parts;
use super::define::{Call, Definition, computed, immutable, overload};
use super::rounding::unscaled;
use super::rows::Out;
use super::signature::Ty;
use crate::semantics::type_planner::typed_field;

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable("scale", &[overload(&[Ty::Numeric], PgType::INT4, scale)]),
    immutable("min_scale", &[overload(&[Ty::Numeric], PgType::INT4, |c| scales(c, true))]),
    immutable("trim_scale", &[computed(&[Ty::Numeric], open_type, trim_scale)]),
];

/// NULL of NaN and the infinities. Numbers that were computed have the digits that they use, others those of their column.
fn scale(call: &Call<'_>) -> Result<ArrayRef> {
    scales(call, *call.args[0].data_type() == OPEN_DECIMAL)
}

fn scales(call: &Call<'_>, is_trimmed: bool) -> Result<ArrayRef> {
    let scale = decimal_parts(call.args[0].data_type()).map_or(0, |parts| parts.1);
    let (values, _) = unscaled(call, 0)?;
    let digits = |value| i32::from(if is_trimmed { scale.max(0) - trailing_zeros(value, scale) } else { scale.max(0) });
    let number = |value: &i256| Special::of(*value).is_none();
    Ok(i32::collect(values.into_iter().map(|value| value.filter(number).map(digits)).collect()))
}

fn open_type(name: &str, _fields: &[FieldRef]) -> Result<FieldRef> {
    Ok(typed_field(name, PgType::NUMERIC, OPEN_DECIMAL))
}

fn trim_scale(call: &Call<'_>) -> Result<ArrayRef> {
    crate::semantics::cast_array(&call.expanded(0)?, PgType::NUMERIC, call.return_type())
}
