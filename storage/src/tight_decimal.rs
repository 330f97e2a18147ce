//! Bare numerics are recorded with no more digits than their values need: what a file claims and does not use, later
//! values cannot have (a table's values share one decimal of at most 76 digits). Arrays are recorded as lists unless a value
//! is none.

use std::sync::Arc;

use arrow::array::types::{Decimal128Type, Decimal256Type};
use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, ListArray, PrimitiveArray};
use arrow::datatypes::{DataType, Field, FieldRef, i256};
use peristyle_catalog::model::PgType;

use crate::shape::{Arrays, is_shaped};
use crate::special_numeric::{Special, has_special};
use crate::statistics::DecimalExtremes;
use crate::types::{self, DECIMAL128_PRECISION_MAX, DECIMAL256_PRECISION_MAX, OPEN_DECIMAL, pg_field};
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
    let (tight, ty) = match values.data_type() {
        DataType::Decimal128(_, scale) => {
            let array = values.as_primitive::<Decimal128Type>();
            let digits = array.iter().flatten().map(|value| digits(value.unsigned_abs())).max().unwrap_or(0);
            (narrow(array.clone(), digits, *scale)?, ty)
        }
        DataType::Decimal256(..) => wide(values)?,
        _ => return Ok((Arc::clone(values), Arc::clone(field))),
    };
    let field = pg_field(field.name(), ty, tight.data_type().clone(), field.is_nullable());
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
    // Only of items of which some are special the type says more than their decimals.
    let ty = PgType { oid: ty.oid, typmod: types::pg_type(&item).typmod };
    let tight = ListArray::try_new(item, lists.offsets().clone(), items, lists.nulls().cloned())?;
    let field = pg_field(field.name(), ty, tight.data_type().clone(), field.is_nullable());
    Ok((Arc::new(tight), field))
}

/// The type to record for a column of a file, of whose decimals that is known.
pub(crate) fn tightened_type(field: &Field, written: PgType, known: Option<DecimalExtremes>) -> PgType {
    let Some(known) = known.filter(|_| types::pg_type(field).is_bare_numeric()) else { return written };
    let (low, high) = known.finite.unwrap_or_default();
    let tight = stored_type(wide_digits(low).max(wide_digits(high)), known.scale, known.has_special());
    PgType { oid: written.oid, typmod: tight.typmod }
}

/// The type of decimals of so many digits.
fn stored_type(digits: i32, scale: i8, has_special: bool) -> PgType {
    let precision = stored_precision(digits, scale);
    if has_special { PgType::special_numeric(precision, scale) } else { PgType::numeric(precision, scale) }
}

fn stored_precision(digits: i32, scale: i8) -> u8 {
    let needed = digits.max(scale.into());
    if needed <= DECIMAL128_PRECISION_MAX.into() { narrow_precision(digits, scale) } else { needed as u8 }
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

fn wide(values: &ArrayRef) -> Result<(ArrayRef, PgType)> {
    let array = without_open_zeros(values.as_primitive::<Decimal256Type>());
    let DataType::Decimal256(_, scale) = *array.data_type() else {
        return Err(Error::Internal(format!("{} is no wide decimal", array.data_type())));
    };
    let most = finite(&array).map(wide_digits).max().unwrap_or(0);
    if has_special(&array) {
        let tight = array.with_precision_and_scale(DECIMAL256_PRECISION_MAX, scale)?;
        return Ok((Arc::new(tight), stored_type(most, scale, true)));
    }
    let precision = stored_precision(most, scale);
    if precision <= DECIMAL128_PRECISION_MAX {
        let narrowed: PrimitiveArray<Decimal128Type> = array.unary(i256::as_i128);
        return Ok((narrow(narrowed, most, scale)?, PgType::NUMERIC));
    }
    Ok((Arc::new(array.with_precision_and_scale(precision, scale)?), PgType::NUMERIC))
}

fn finite(array: &PrimitiveArray<Decimal256Type>) -> impl Iterator<Item = i256> + '_ {
    array.iter().flatten().filter(|value| Special::of(*value).is_none())
}

/// Values whose digits behind the point were not known when they were computed have zeros there that mean nothing.
fn without_open_zeros(array: &PrimitiveArray<Decimal256Type>) -> PrimitiveArray<Decimal256Type> {
    let DataType::Decimal256(precision, scale) = *array.data_type() else { return array.clone() };
    if *array.data_type() != OPEN_DECIMAL {
        return array.clone();
    }
    let unused = finite(array).map(|value| types::trailing_zeros(value, scale)).min().unwrap_or(scale);
    let divisor = i256::from_i128(10_i128.pow(unused.unsigned_abs().into()));
    let shorten = |value| if Special::of(value).is_some() { value } else { value.wrapping_div(divisor) };
    let shortened: PrimitiveArray<Decimal256Type> = array.unary(shorten);
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
    fn special_values_keep_the_greatest_decimal() {
        let open: Decimal256Array =
            [Special::NaN.unscaled(), i256::from_i128(25 * 10_i128.pow(36))].map(Some).into_iter().collect();
        let values: ArrayRef = Arc::new(open.with_data_type(OPEN_DECIMAL));
        let (tight, field) = tightened(&values, &pg_field("n", PgType::NUMERIC, OPEN_DECIMAL, true)).unwrap();
        assert_eq!(types::pg_type(&field), PgType::special_numeric(21, 2));
        let tight = tight.as_primitive::<Decimal256Type>();
        assert_eq!(*tight.data_type(), DataType::Decimal256(76, 2));
        assert_eq!((tight.value(0), tight.value(1)), (Special::NaN.unscaled(), i256::from_i128(25)));
    }

    #[test]
    fn a_file_claims_what_its_bounds_need() {
        use crate::statistics::Collector;
        use peristyle_catalog::model::ColumnId;
        let known = |values: &ArrayRef| {
            let mut collector = Collector::new(ColumnId(1), PgType::numeric(76, 3));
            collector.add(values);
            collector.decimals()
        };
        let field = pg_field("n", PgType::NUMERIC, DataType::Decimal256(76, 3), true);
        let tight = |values: &ArrayRef| tightened_type(&field, PgType::numeric(76, 3), known(values));
        assert_eq!(tight(&of_wide(&[-5, 7], 3)), PgType::numeric(22, 3));
        assert_eq!(tight(&of_wide(&[], 3)), PgType::numeric(76, 3), "of which nothing is known");
        let special = [Special::Infinity.unscaled(), i256::from_i128(7)].map(Some).into_iter();
        let special: Decimal256Array = special.collect();
        let special: ArrayRef = Arc::new(special.with_data_type(DataType::Decimal256(76, 3)));
        assert_eq!(tight(&special), PgType::special_numeric(22, 3));
    }
}
