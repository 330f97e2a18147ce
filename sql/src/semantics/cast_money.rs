//! Casts between money and numbers.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::datatypes::{DataType, Decimal256Type, Int64Type, i256};
use datafusion::common::Result;
use peristyle_catalog::model::{PgType, TypeKind};
use peristyle_storage::packed::{Money, Packed};

use super::assignment::is_cast_to_money;
use super::cast::CastJob;
use super::cast_number;
use crate::functions::money::money_out_of_range;
use crate::functions::packed_rows::collect;

/// Digits of cents.
const CENTS_SCALE: i8 = 2;
/// Digits of the greatest amount.
const CENTS_PRECISION: u8 = 38;
const CENTS_PER_UNIT: i64 = 100;

/// Amounts of so many units; a numeric's cents are rounded.
pub(super) fn from_numbers(job: &CastJob<'_>, input: &ArrayRef) -> Result<ArrayRef> {
    if !is_cast_to_money(job.source_type(input)) {
        return Err(job.cannot_cast(input.data_type()));
    }
    let units = |units: i64| units.checked_mul(CENTS_PER_UNIT).map(Money).ok_or_else(money_out_of_range);
    let amounts: Result<Vec<Option<Money>>> = match input.data_type() {
        DataType::Int32 | DataType::Int64 => {
            let whole = arrow::compute::cast(input, &DataType::Int64)?;
            whole.as_primitive::<Int64Type>().iter().map(|value| value.map(units).transpose()).collect()
        }
        _ => {
            let arrow = DataType::Decimal256(76, CENTS_SCALE);
            let target = PgType::numeric(76, CENTS_SCALE);
            let cents = cast_number::number_to_number(&CastJob { target, arrow: &arrow, ..*job }, input)?;
            cents.as_primitive::<Decimal256Type>().iter().map(|value| value.map(amount).transpose()).collect()
        }
    };
    Ok(collect(amounts?))
}

fn amount(cents: i256) -> Result<Money> {
    cents.to_i128().and_then(|cents| i64::try_from(cents).ok()).map(Money).ok_or_else(money_out_of_range)
}

/// Amounts as numerics of two digits behind the point.
pub(super) fn to_numbers(job: &CastJob<'_>, input: &ArrayRef) -> Result<ArrayRef> {
    if job.target.kind() != Some(TypeKind::Numeric) {
        return Err(job.cannot_cast(input.data_type()));
    }
    let cents = input.as_fixed_size_binary().iter().map(|bytes| bytes.map(|bytes| i128::from(Money::of(bytes).0)));
    let arrow = DataType::Decimal128(CENTS_PRECISION, CENTS_SCALE);
    let cents = cents.collect::<PrimitiveArray<arrow::datatypes::Decimal128Type>>().with_data_type(arrow);
    cast_number::number_to_number(job, &(Arc::new(cents) as ArrayRef))
}
