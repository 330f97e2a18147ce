//! Bare numerics are recorded with no more digits than their values need: what a file claims and does not use, later
//! values cannot have (a table's values share one decimal of at most 76 digits). Arrays are recorded as lists unless a value
//! is none.

use std::sync::Arc;

use arrow::array::types::{Decimal128Type, Decimal256Type};
use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, ListArray, PrimitiveArray};
use arrow::datatypes::{DataType, Field, FieldRef, i256};
use peristyle_catalog::model::{BoundValue, ColumnStatistics, PgType};

use crate::shape::{Arrays, is_shaped};
use crate::types::{self, DECIMAL128_PRECISION_MAX, OPEN_DECIMAL, pg_field};
use crate::{Error, Result};

/// Digits before the point up to which narrow decimals are recorded alike, so that a table has few layouts.
const WHOLE_DIGITS_MIN: i32 = 19;

/// The column with the narrowest decimal that holds its values, if it is a bare numeric or an array of them; shaped arrays as
/// lists if all are.
pub(crate) fn tightened(values: &ArrayRef, field: &FieldRef) -> Result<(ArrayRef, FieldRef)> {
    let ty = types::pg_type(field);
    if is_shaped(values.data_type()) {
        return tightened_arrays(values, ty, field);
    }
    if let (DataType::List(item), Some(PgType::NUMERIC)) = (values.data_type(), ty.element()) {
        return tightened_list(values.as_list(), ty, item, field);
    }
    if ty != PgType::NUMERIC {
        return Ok((Arc::clone(values), Arc::clone(field)));
    }
    let tight = match values.data_type() {
        DataType::Decimal128(_, scale) => {
            let array = values.as_primitive::<Decimal128Type>();
            let digits = array.iter().flatten().map(|value| digits(value.unsigned_abs())).max().unwrap_or(0);
            narrow(array.clone(), digits, *scale)?
        }
        DataType::Decimal256(..) => wide(values)?,
        _ => return Ok((Arc::clone(values), Arc::clone(field))),
    };
    let field = pg_field(field.name(), PgType::NUMERIC, tight.data_type().clone(), field.is_nullable());
    Ok((tight, field))
}

fn tightened_arrays(values: &ArrayRef, ty: PgType, field: &FieldRef) -> Result<(ArrayRef, FieldRef)> {
    let arrays = Arrays::of(values).ok_or_else(|| Error::Internal("a shaped array without its parts".into()))?;
    let lists: ArrayRef = Arc::new(arrays.lists().clone());
    let list = pg_field(field.name(), ty, lists.data_type().clone(), field.is_nullable());
    let (lists, list) = tightened(&lists, &list)?;
    if arrays.are_plain() {
        return Ok((lists, list));
    }
    let tight = arrays.with_lists(lists.as_list().clone())?;
    let field = pg_field(field.name(), ty, tight.data_type().clone(), field.is_nullable());
    Ok((tight, field))
}

fn tightened_list(lists: &ListArray, ty: PgType, item: &FieldRef, field: &FieldRef) -> Result<(ArrayRef, FieldRef)> {
    let item = pg_field(item.name(), PgType::NUMERIC, item.data_type().clone(), item.is_nullable());
    let (items, item) = tightened(lists.values(), &item)?;
    let tight = ListArray::try_new(item, lists.offsets().clone(), items, lists.nulls().cloned())?;
    let field = pg_field(field.name(), ty, tight.data_type().clone(), field.is_nullable());
    Ok((Arc::new(tight), field))
}

/// The type to record for a column of a file whose statistics are known.
pub(crate) fn tightened_type(field: &Field, written: PgType, statistics: &ColumnStatistics) -> PgType {
    let is_bare = types::pg_type(field) == PgType::NUMERIC;
    let bounds = (statistics.min.as_ref().map(|b| &b.value), statistics.max.as_ref().map(|b| &b.value));
    match (is_bare, bounds) {
        (
            true,
            (Some(BoundValue::Decimal { unscaled: low, scale }), Some(BoundValue::Decimal { unscaled: high, .. })),
        ) => {
            let digits = digits(low.unsigned_abs().max(high.unsigned_abs()));
            PgType::numeric(narrow_precision(digits, *scale), *scale)
        }
        _ => written,
    }
}

fn digits(magnitude: u128) -> i32 {
    magnitude.checked_ilog10().map_or(0, |log| log as i32 + 1)
}

fn wide_digits(value: i256) -> i32 {
    match value.to_i128() {
        Some(small) => digits(small.unsigned_abs()),
        None => value.to_string().trim_start_matches('-').len() as i32,
    }
}

fn narrow_precision(digits: i32, scale: i8) -> u8 {
    let needed = digits.max(WHOLE_DIGITS_MIN + i32::from(scale));
    needed.clamp(1, DECIMAL128_PRECISION_MAX.into()) as u8
}

fn narrow(array: Decimal128Array, digits: i32, scale: i8) -> Result<ArrayRef> {
    Ok(Arc::new(array.with_precision_and_scale(narrow_precision(digits, scale), scale)?))
}

fn wide(values: &ArrayRef) -> Result<ArrayRef> {
    let array = without_open_zeros(values.as_primitive::<Decimal256Type>());
    let DataType::Decimal256(_, scale) = *array.data_type() else {
        return Err(Error::Internal(format!("{} is no wide decimal", array.data_type())));
    };
    let most = array.iter().flatten().map(wide_digits).max().unwrap_or(0);
    if most.max(i32::from(scale)) <= DECIMAL128_PRECISION_MAX.into() {
        let narrowed: PrimitiveArray<Decimal128Type> = array.unary(i256::as_i128);
        return narrow(narrowed, most, scale);
    }
    let precision = most.max(i32::from(scale)).max(i32::from(DECIMAL128_PRECISION_MAX) + 1) as u8;
    Ok(Arc::new(array.with_precision_and_scale(precision, scale)?))
}

/// Values whose digits behind the point were not known when they were computed have zeros there that mean nothing.
fn without_open_zeros(array: &PrimitiveArray<Decimal256Type>) -> PrimitiveArray<Decimal256Type> {
    let DataType::Decimal256(precision, scale) = *array.data_type() else { return array.clone() };
    if *array.data_type() != OPEN_DECIMAL {
        return array.clone();
    }
    let unused = array.iter().flatten().map(|value| types::trailing_zeros(value, scale)).min().unwrap_or(scale);
    let divisor = i256::from_i128(10_i128.pow(unused.unsigned_abs().into()));
    let shortened: PrimitiveArray<Decimal256Type> = array.unary(|value| value.wrapping_div(divisor));
    shortened.with_data_type(DataType::Decimal256(precision, scale - unused))
}

#[cfg(test)]
mod tests {
    use arrow::array::Decimal256Array;

    use super::*;

    fn tight(values: ArrayRef) -> DataType {
        let field = pg_field("n", PgType::NUMERIC, values.data_type().clone(), true);
        tightened(&values, &field).unwrap().0.data_type().clone()
    }

    fn of_wide(values: &[i128], scale: i8) -> ArrayRef {
        let array: Decimal256Array = values.iter().map(|value| Some(i256::from_i128(*value))).collect();
        Arc::new(array.with_data_type(DataType::Decimal256(76, scale)))
    }

    #[test]
    fn a_decimal_claims_what_its_values_need() {
        let narrow = Decimal128Array::from(vec![150]).with_data_type(DataType::Decimal128(38, 2));
        assert_eq!(tight(Arc::new(narrow)), DataType::Decimal128(21, 2));
        assert_eq!(tight(of_wide(&[10_i128.pow(30)], 0)), DataType::Decimal128(31, 0));
        assert_eq!(tight(of_wide(&[1, 10_i128.pow(38)], 50)), DataType::Decimal256(50, 50));
        let one = 10_i128.pow(38);
        assert_eq!(tight(of_wide(&[one, one / 4], 38)), DataType::Decimal128(21, 2), "1 and 0.25, computed");
        assert_eq!(tight(of_wide(&[], 38)), DataType::Decimal128(19, 0));
    }

    #[test]
    fn a_declared_decimal_stays_as_it_is() {
        let values: ArrayRef = of_wide(&[1], 2);
        let field = pg_field("n", PgType::numeric(76, 2), values.data_type().clone(), true);
        assert_eq!(tightened(&values, &field).unwrap().0.data_type(), &DataType::Decimal256(76, 2));
    }

    #[test]
    fn a_file_claims_what_its_bounds_need() {
        use peristyle_catalog::model::{Bound, ColumnId};
        let bound = |unscaled| Some(Bound { value: BoundValue::Decimal { unscaled, scale: 3 }, exact: true });
        let known = ColumnStatistics { column: ColumnId(1), nulls: 0, min: bound(-5), max: bound(7) };
        let field = pg_field("n", PgType::NUMERIC, DataType::Decimal256(76, 3), true);
        assert_eq!(tightened_type(&field, PgType::numeric(76, 3), &known), PgType::numeric(22, 3));
        let unknown = ColumnStatistics { min: None, max: None, ..known };
        assert_eq!(tightened_type(&field, PgType::numeric(76, 3), &unknown), PgType::numeric(76, 3));
    }
}
