//! numeric: result types and the operations that Arrow's kernels do not do as PostgreSQL does.
//!
//! PostgreSQL chooses a scale per value, Arrow has one per column. Sums, differences and products keep every digit.
//! A quotient is rounded to the digits that PostgreSQL's `select_div_scale` gives it, 16 significant ones at least, and lies
//! in a column of `QUOTIENT_SCALE` digits behind the point or more, which has room for those of quotients down to 10⁻⁴.
//!
//! What is computed of decimals that may be NaN or infinite may be so too, and has the greatest precision therefore.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Decimal256Array};
use arrow::compute::cast;
use arrow::compute::kernels::numeric;
use arrow::datatypes::*;
use datafusion::common::{Result, internal_err};
use peristyle_catalog::model::PgType;
use peristyle_storage::special_numeric::{Special, cast_numbers, has_special, is_number, may_be_special};
use peristyle_storage::types::{DECIMAL128_PRECISION_MAX, DECIMAL256_PRECISION_MAX, trailing_zeros};

use super::arithmetic::{Kernel, arithmetic_error, with_datums};
use super::define::Call;
use super::error::numeric_overflow;
use super::special;
use crate::semantics::type_planner::typed_field;

/// Least number of digits behind the point of a quotient.
const QUOTIENT_SCALE: i8 = 20;
/// Products that may need more than 38 digits stay in Decimal128 up to this scale, which leaves 19 digits before
/// the point; a value beyond is 22003.
const NARROW_SCALE_MAX: i8 = 19;
/// Greatest scale of a product; further digits are rounded.
const PRODUCT_SCALE_MAX: i8 = 38;

/// (precision, scale) of a decimal type.
pub(crate) fn decimal_parts(ty: &DataType) -> Option<(u8, i8)> {
    match ty {
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => Some((*precision, *scale)),
        _ => None,
    }
}

/// A decimal type for results: Decimal128 if the digits fit or both operands are Decimal128 and enough digits before
/// the point remain, else Decimal256.
fn result_type(precision: i32, scale: i8, operands_are_narrow: bool) -> DataType {
    let fits = precision <= i32::from(DECIMAL128_PRECISION_MAX);
    if operands_are_narrow && (fits || scale <= NARROW_SCALE_MAX) {
        let precision = precision.clamp(1, i32::from(DECIMAL128_PRECISION_MAX));
        return DataType::Decimal128(precision as u8, scale);
    }
    let precision = precision.clamp(1, i32::from(DECIMAL256_PRECISION_MAX));
    DataType::Decimal256(precision as u8, scale)
}

fn numeric_field(name: &str, ty: DataType) -> FieldRef {
    typed_field(name, PgType::NUMERIC, ty)
}

struct Operands {
    digits_before_point: [i32; 2],
    precision: [i32; 2],
    scale: [i8; 2],
    are_narrow: bool,
    may_be_special: bool,
}

impl Operands {
    /// The type of a result of these digits, with room for what else the operands may be.
    fn result_type(&self, precision: i32, scale: i8) -> DataType {
        let precision = if self.may_be_special { DECIMAL256_PRECISION_MAX.into() } else { precision };
        result_type(precision, scale, self.are_narrow)
    }
}

fn operands(fields: &[FieldRef]) -> Result<Operands> {
    let parts = (decimal_parts(fields[0].data_type()), decimal_parts(fields[1].data_type()));
    let (Some((p1, s1)), Some((p2, s2))) = parts else {
        return internal_err!("a decimal operator over {} and {}", fields[0].data_type(), fields[1].data_type());
    };
    Ok(Operands {
        digits_before_point: [i32::from(p1) - i32::from(s1), i32::from(p2) - i32::from(s2)],
        precision: [p1.into(), p2.into()],
        scale: [s1, s2],
        are_narrow: fields.iter().all(|field| matches!(field.data_type(), DataType::Decimal128(..))),
        may_be_special: fields.iter().any(|field| may_be_special(field.data_type())),
    })
}

pub(crate) fn add_type(name: &str, fields: &[FieldRef]) -> Result<FieldRef> {
    let o = operands(fields)?;
    let scale = o.scale[0].max(o.scale[1]);
    let before = o.digits_before_point[0].max(o.digits_before_point[1]) + 1;
    Ok(numeric_field(name, o.result_type(before + i32::from(scale), scale)))
}

pub(crate) fn multiply_type(name: &str, fields: &[FieldRef]) -> Result<FieldRef> {
    let o = operands(fields)?;
    let scale = o.scale[0].saturating_add(o.scale[1]).min(PRODUCT_SCALE_MAX);
    Ok(numeric_field(name, o.result_type(o.precision[0] + o.precision[1], scale)))
}

pub(crate) fn divide_type(name: &str, fields: &[FieldRef]) -> Result<FieldRef> {
    let o = operands(fields)?;
    let scale = o.scale[0].max(o.scale[1]).max(QUOTIENT_SCALE);
    let before = o.digits_before_point[0] + i32::from(o.scale[1]).max(0);
    let precision = before + i32::from(scale);
    let is_narrow = o.are_narrow && precision <= i32::from(DECIMAL128_PRECISION_MAX);
    Ok(numeric_field(name, Operands { are_narrow: is_narrow, ..o }.result_type(precision, scale)))
}

pub(crate) fn modulo_type(name: &str, fields: &[FieldRef]) -> Result<FieldRef> {
    let o = operands(fields)?;
    let scale = o.scale[0].max(o.scale[1]);
    let before = o.digits_before_point[0].max(o.digits_before_point[1]);
    Ok(numeric_field(name, o.result_type(before + i32::from(scale), scale)))
}

/// The argument's own decimal type, without its modifier.
pub(crate) fn same_scale_type(name: &str, fields: &[FieldRef]) -> Result<FieldRef> {
    Ok(numeric_field(name, fields[0].data_type().clone()))
}

/// Gives a decimal array the planned precision; the scale must agree, the width is changed if need be.
pub(crate) fn as_type(array: ArrayRef, ty: &DataType) -> Result<ArrayRef> {
    match (array.data_type(), ty) {
        (from, to) if from == to => Ok(array),
        (DataType::Decimal128(_, from), DataType::Decimal128(_, to)) if from == to => {
            Ok(Arc::new(array.as_primitive::<Decimal128Type>().clone().with_data_type(ty.clone())))
        }
        (DataType::Decimal256(_, from), DataType::Decimal256(_, to)) if from == to => {
            Ok(Arc::new(array.as_primitive::<Decimal256Type>().clone().with_data_type(ty.clone())))
        }
        _ => Ok(cast_numbers(&array, ty)?),
    }
}

/// The argument as Decimal256 of its own scale.
fn wide(array: &ArrayRef) -> Result<Decimal256Array> {
    let Some((precision, scale)) = decimal_parts(array.data_type()) else {
        return internal_err!("a decimal was expected, not {}", array.data_type());
    };
    Ok(cast(array, &DataType::Decimal256(precision, scale))?.as_primitive::<Decimal256Type>().clone())
}

/// The call with both operands in the result's width, as Arrow's kernels ask.
pub(crate) fn of_one_width<'a>(call: &'a Call<'_>) -> Result<Call<'a>> {
    let is_wide = |ty: &DataType| matches!(ty, DataType::Decimal256(..));
    let any_wide = is_wide(call.return_type()) || call.args.iter().any(|arg| is_wide(arg.data_type()));
    let args = call.args.iter().map(|arg| Ok(if any_wide { Arc::new(wide(arg)?) } else { Arc::clone(arg) }));
    Ok(call.with_args(args.collect::<Result<_>>()?))
}

pub(crate) fn multiply(call: &Call<'_>) -> Result<ArrayRef> {
    let exact_scale: i32 =
        call.args.iter().filter_map(|arg| decimal_parts(arg.data_type())).map(|p| i32::from(p.1)).sum();
    let Some((_, scale)) = decimal_parts(call.return_type()) else {
        return internal_err!("a product of decimals is a decimal");
    };
    if exact_scale == i32::from(scale) && !meets_special(call) {
        let call = of_one_width(call)?;
        let product = with_datums(&call, numeric::mul).map_err(|error| arithmetic_error(error, call.return_type()))?;
        return in_range(as_type(product, call.return_type())?);
    }
    let dropped = exact_scale - i32::from(scale);
    let divisor = power_of_ten(dropped)?;
    let multiplied = |a: i256, b: i256| match a.checked_mul(b) {
        Some(product) => divide_rounded(product, divisor),
        None => shortened_product(a, b, dropped),
    };
    per_row(call, |a, b| special::product(a, b).or_else(|| multiplied(a, b)))
}

/// a · b / 10ⁿ where the product itself has no room: zeros at the end of the operands are left out of it.
fn shortened_product(a: i256, b: i256, n: i32) -> Option<i256> {
    let limit = n.clamp(0, i32::from(PRODUCT_SCALE_MAX)) as i8;
    let of_a = trailing_zeros(a, limit);
    let of_b = trailing_zeros(b, limit - of_a);
    let without = |value: i256, zeros: i8| value.checked_div(power_of_ten(zeros.into()).ok()?);
    let product = without(a, of_a)?.checked_mul(without(b, of_b)?)?;
    divide_rounded(product, power_of_ten(n - i32::from(of_a) - i32::from(of_b)).ok()?)
}

pub(crate) fn add(call: &Call<'_>) -> Result<ArrayRef> {
    match meets_special(call) {
        true => aligned_rows(call, special::sum, i256::checked_add),
        false => by_kernel(call, numeric::add),
    }
}

pub(crate) fn subtract(call: &Call<'_>) -> Result<ArrayRef> {
    match meets_special(call) {
        true => aligned_rows(call, special::difference, i256::checked_sub),
        false => by_kernel(call, numeric::sub),
    }
}

pub(crate) fn modulo(call: &Call<'_>) -> Result<ArrayRef> {
    match meets_special(call) {
        true => aligned_rows(call, special::remainder, |a, b| match Special::of(b) {
            Some(_) => Some(a),
            None => a.checked_rem(b),
        }),
        false => by_kernel(call, numeric::rem),
    }
}

/// The negative; NaN has none of its own.
pub(crate) fn negate(call: &Call<'_>) -> Result<ArrayRef> {
    if !meets_special(call) {
        return numeric::neg(&call.args[0]).map_err(|error| arithmetic_error(error, call.return_type()));
    }
    let values = call.args[0].as_primitive::<Decimal256Type>();
    let negated: Decimal256Array =
        values.unary(|value| if special::is_nan(value) { value } else { value.wrapping_neg() });
    Ok(Arc::new(negated.with_data_type(call.return_type().clone())))
}

/// Whether an argument holds NaN or an infinity.
fn meets_special(call: &Call<'_>) -> bool {
    call.args.iter().any(|arg| has_special(arg.as_ref()))
}

fn by_kernel(call: &Call<'_>, kernel: Kernel) -> Result<ArrayRef> {
    let call = of_one_width(call)?;
    let result = with_datums(&call, kernel).map_err(|error| arithmetic_error(error, call.return_type()))?;
    in_range(as_type(result, call.return_type())?)
}

/// The results where they are not beyond 76 digits, which the kernels do not check.
fn in_range(numbers: ArrayRef) -> Result<ArrayRef> {
    if !may_be_special(numbers.data_type()) {
        return Ok(numbers);
    }
    let have_room = numbers.as_primitive::<Decimal256Type>().iter().flatten().all(is_number);
    if have_room { Ok(numbers) } else { Err(numeric_overflow()) }
}

/// Row by row at the result's scale: what special operands give, else what numbers do.
pub(super) fn aligned_rows(
    call: &Call<'_>,
    of_special: fn(i256, i256) -> Option<i256>,
    of_numbers: impl Fn(i256, i256) -> Option<i256>,
) -> Result<ArrayRef> {
    let scale = |ty: &DataType| decimal_parts(ty).map_or(0, |parts| i32::from(parts.1));
    let to = scale(call.return_type());
    let [up_a, up_b] = [0, 1].map(|place: usize| power_of_ten(to - scale(call.args[place].data_type())));
    let (up_a, up_b) = (up_a?, up_b?);
    let aligned = |value: i256, up| if Special::of(value).is_some() { Some(value) } else { value.checked_mul(up) };
    per_row(call, |a, b| {
        of_special(a, b).or_else(|| aligned(a, up_a).zip(aligned(b, up_b)).and_then(|(a, b)| of_numbers(a, b)))
    })
}

pub(super) fn per_row(call: &Call<'_>, f: impl Fn(i256, i256) -> Option<i256>) -> Result<ArrayRef> {
    let (a, b) = (wide(&call.args[0])?, wide(&call.args[1])?);
    let row = |row: usize| {
        let (i, j) = (call.index(0, row), call.index(1, row));
        if a.is_null(i) || b.is_null(j) {
            return Ok(None);
        }
        f(a.value(i), b.value(j)).ok_or_else(numeric_overflow).map(Some)
    };
    from_wide((0..call.rows).map(row).collect::<Result<Vec<_>>>()?, call.return_type())
}

/// Decimal values of the type's scale, checked against its width.
pub(crate) fn from_wide(values: Vec<Option<i256>>, ty: &DataType) -> Result<ArrayRef> {
    match ty {
        DataType::Decimal128(..) => {
            let narrow = |value: i256| value.to_i128().ok_or_else(numeric_overflow);
            let values = values.into_iter().map(|value| value.map(narrow).transpose()).collect::<Result<Vec<_>>>()?;
            Ok(Arc::new(Decimal128Array::from(values).with_data_type(ty.clone())))
        }
        DataType::Decimal256(..) => {
            let fits = |value: i256| is_number(value) || Special::of(value).is_some();
            if !values.iter().flatten().all(|value| fits(*value)) {
                return Err(numeric_overflow());
            }
            Ok(Arc::new(Decimal256Array::from(values).with_data_type(ty.clone())))
        }
        other => internal_err!("a decimal was expected, not {other}"),
    }
}

/// 10ⁿ.
///
/// # Errors
/// 22003 where it has more than 76 digits.
pub(crate) fn power_of_ten(exponent: i32) -> Result<i256> {
    let exponent = u32::try_from(exponent).map_err(|_| numeric_overflow())?;
    i256::from_i128(10).checked_pow(exponent).ok_or_else(numeric_overflow)
}

/// a / b, half away from zero.
pub(crate) fn divide_rounded(a: i256, b: i256) -> Option<i256> {
    let quotient = a.checked_div(b)?;
    let rest = a.checked_rem(b)?;
    let is_half_or_more = rest.wrapping_abs() >= b.wrapping_abs().wrapping_sub(rest.wrapping_abs());
    if rest == i256::ZERO || !is_half_or_more {
        return Some(quotient);
    }
    let away = if (a < i256::ZERO) == (b < i256::ZERO) { i256::ONE } else { i256::MINUS_ONE };
    quotient.checked_add(away)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_round_half_away_from_zero() {
        let divide = |a: i128, b: i128| divide_rounded(i256::from_i128(a), i256::from_i128(b)).and_then(i256::to_i128);
        assert_eq!(divide(5, 2), Some(3));
        assert_eq!(divide(-5, 2), Some(-3));
        assert_eq!(divide(7, 3), Some(2));
        assert_eq!(divide(-8, 3), Some(-3));
        assert_eq!(divide(1, 0), None);
    }

    #[test]
    fn zeros_at_the_end_take_no_room() {
        let of = |value: i128, zeros: i32| i256::from_i128(value).checked_mul(power_of_ten(zeros).unwrap()).unwrap();
        let (a, b) = (of(105, 37), of(25, 37));
        assert_eq!(shortened_product(a, b, 38), Some(of(2625, 36)), "10.5 by 2.5 with 38 digits behind the point");
    }
}
