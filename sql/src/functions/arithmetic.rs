//! `+ - * / %` and unary minus on numbers: checked, with PostgreSQL's result types and errors.
//!
//! Operands come in one Arrow type (the operator planner casts them); decimals keep their own scales. The kernels
//! are Arrow's checked ones; floats are made canonical (one NaN, no −0.0).

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, Datum, PrimitiveArray, Scalar};
use arrow::compute::kernels::{cmp, numeric};
use arrow::datatypes::*;
use arrow::error::ArrowError;
use datafusion::common::{DataFusionError, Result, ScalarValue};

use super::decimal::{self, decimal_parts};
use super::decimal_quotient;
use super::define::{Call, Definition, computed, immutable, same};
use super::error::{division_by_zero, error, float_overflow, numeric_overflow, out_of_range};
use super::signature::Ty;
use super::special;

/// Internal names of the operators' functions; no user's function can shadow them.
pub(crate) const ADD: &str = "pg_op_add";
/// The sum of all arguments, from the left.
pub(crate) const ADD_ALL: &str = "pg_op_add_all";
pub(crate) const SUBTRACT: &str = "pg_op_subtract";
pub(crate) const MULTIPLY: &str = "pg_op_multiply";
pub(crate) const DIVIDE: &str = "pg_op_divide";
pub(crate) const MODULO: &str = "pg_op_modulo";
pub(crate) const NEGATE: &str = "pg_op_negate";

macro_rules! number_overloads {
    ($decimal_type:path, $eval:path) => {
        [
            same(&[Ty::Int2, Ty::Int2], $eval),
            same(&[Ty::Int4, Ty::Int4], $eval),
            same(&[Ty::Int8, Ty::Int8], $eval),
            same(&[Ty::Float4, Ty::Float4], $eval),
            same(&[Ty::Float8, Ty::Float8], $eval),
            computed(&[Ty::Numeric, Ty::Numeric], $decimal_type, $eval),
        ]
    };
}

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable(ADD, &number_overloads!(decimal::add_type, add)),
    immutable(
        ADD_ALL,
        &[
            same(&[Ty::Int2], add_all).variadic(),
            same(&[Ty::Int4], add_all).variadic(),
            same(&[Ty::Int8], add_all).variadic(),
            same(&[Ty::Float4], add_all).variadic(),
            same(&[Ty::Float8], add_all).variadic(),
        ],
    ),
    immutable(SUBTRACT, &number_overloads!(decimal::add_type, subtract)),
    immutable(MULTIPLY, &number_overloads!(decimal::multiply_type, multiply)),
    immutable(DIVIDE, &number_overloads!(decimal::divide_type, divide)),
    immutable(MODULO, &number_overloads!(decimal::modulo_type, modulo)),
    immutable(
        "mod",
        &[
            same(&[Ty::Int2, Ty::Int2], modulo),
            same(&[Ty::Int4, Ty::Int4], modulo),
            same(&[Ty::Int8, Ty::Int8], modulo),
            computed(&[Ty::Numeric, Ty::Numeric], decimal::modulo_type, modulo),
        ],
    ),
    immutable(
        NEGATE,
        &[
            same(&[Ty::Int2], negate),
            same(&[Ty::Int4], negate),
            same(&[Ty::Int8], negate),
            same(&[Ty::Float4], negate),
            same(&[Ty::Float8], negate),
            computed(&[Ty::Numeric], decimal::same_scale_type, negate),
            same(&[Ty::Interval], super::interval::negate),
        ],
    ),
];

/// A kernel of Arrow's over two operands.
pub(crate) type Kernel = fn(&dyn Datum, &dyn Datum) -> Result<ArrayRef, ArrowError>;

fn add(call: &Call<'_>) -> Result<ArrayRef> {
    if decimal_parts(call.return_type()).is_some() {
        return decimal::add(call);
    }
    binary(call, numeric::add)
}

fn add_all(call: &Call<'_>) -> Result<ArrayRef> {
    let mut sum = call.expanded(0)?;
    for argument in 1..call.args.len() {
        let pair = [sum, Arc::clone(&call.args[argument])];
        sum = add(&call.of_pair(pair, [call.rows == 1, call.is_constant[argument]]))?;
    }
    Ok(sum)
}

fn subtract(call: &Call<'_>) -> Result<ArrayRef> {
    if decimal_parts(call.return_type()).is_some() {
        return decimal::subtract(call);
    }
    binary(call, numeric::sub)
}

fn multiply(call: &Call<'_>) -> Result<ArrayRef> {
    if decimal_parts(call.return_type()).is_some() {
        return decimal::multiply(call);
    }
    let product = binary(call, numeric::mul)?;
    refuse_underflow(call, &product, false)?;
    Ok(product)
}

fn divide(call: &Call<'_>) -> Result<ArrayRef> {
    refuse_zero_divisor(call)?;
    if decimal_parts(call.return_type()).is_some() {
        return decimal_quotient::divide(call);
    }
    let quotient = binary(call, numeric::div)?;
    refuse_underflow(call, &quotient, true)?;
    Ok(quotient)
}

fn modulo(call: &Call<'_>) -> Result<ArrayRef> {
    refuse_zero_divisor(call)?;
    if decimal_parts(call.return_type()).is_some() {
        return decimal::modulo(call);
    }
    // The remainder of the least integer by -1 is 0, not an overflow.
    binary(call, numeric::rem)
}

fn binary(call: &Call<'_>, kernel: Kernel) -> Result<ArrayRef> {
    let result = with_datums(call, kernel).map_err(|error| arithmetic_error(error, call.return_type()))?;
    match call.return_type() {
        DataType::Float32 => canonical::<Float32Type>(call, &result),
        DataType::Float64 => canonical::<Float64Type>(call, &result),
        _ => Ok(result),
    }
}

/// 22003 where a product or quotient of floats is 0 though none of the operands that could make it so is: the dividend
/// or a factor is not 0, and the divisor not infinite.
fn refuse_underflow(call: &Call<'_>, result: &ArrayRef, is_quotient: bool) -> Result<()> {
    match call.return_type() {
        DataType::Float32 => underflows::<Float32Type>(call, result, is_quotient),
        DataType::Float64 => underflows::<Float64Type>(call, result, is_quotient),
        _ => Ok(()),
    }
}

fn underflows<T: ArrowPrimitiveType>(call: &Call<'_>, result: &ArrayRef, is_quotient: bool) -> Result<()>
where
    T::Native: Float,
{
    let result = result.as_primitive::<T>();
    let operand =
        |argument: usize, row: usize| call.args[argument].as_primitive::<T>().value(call.index(argument, row));
    let is_lost = |row: usize| {
        let explains = |value: T::Native| if is_quotient { value.is_infinite() } else { value.equals_zero() };
        result.is_valid(row)
            && result.value(row).equals_zero()
            && !operand(0, row).equals_zero()
            && !explains(operand(1, row))
    };
    if (0..call.rows).any(is_lost) { Err(error("22003", "value out of range: underflow")) } else { Ok(()) }
}

/// Applies a kernel, passing constants as Arrow's scalars.
pub(crate) fn with_datums(call: &Call<'_>, kernel: Kernel) -> Result<ArrayRef, ArrowError> {
    let (left, right) = (&call.args[0], &call.args[1]);
    match (call.is_constant[0] && call.rows != 1, call.is_constant[1] && call.rows != 1) {
        (false, false) => kernel(left, right),
        (true, false) => kernel(&Scalar::new(Arc::clone(left)), right),
        (false, true) => kernel(left, &Scalar::new(Arc::clone(right))),
        (true, true) => kernel(&Scalar::new(Arc::clone(left)), &Scalar::new(Arc::clone(right))),
    }
}

/// Arrow's overflow as PostgreSQL says it for the type.
pub(crate) fn arithmetic_error(error: ArrowError, ty: &DataType) -> DataFusionError {
    match error {
        ArrowError::ArithmeticOverflow(_) => overflow_of(ty),
        ArrowError::DivideByZero => division_by_zero(),
        other => DataFusionError::from(other),
    }
}

/// 22003 with the message for the type.
pub(crate) fn overflow_of(ty: &DataType) -> DataFusionError {
    match ty {
        DataType::Int16 => out_of_range("smallint"),
        DataType::Int32 => out_of_range("integer"),
        DataType::Int64 => out_of_range("bigint"),
        DataType::Float32 | DataType::Float64 => float_overflow(),
        _ => numeric_overflow(),
    }
}

/// 22012 if a divisor that meets a value is zero.
fn refuse_zero_divisor(call: &Call<'_>) -> Result<()> {
    let divisor = &call.args[1];
    let zero = ScalarValue::new_zero(divisor.data_type())?.to_scalar()?;
    let mut is_zero = cmp::eq(divisor, &zero)?;
    if matches!(divisor.data_type(), DataType::Float32 | DataType::Float64) {
        let minus_zero = numeric::neg(&ScalarValue::new_zero(divisor.data_type())?.to_array()?)?;
        let is_minus_zero = cmp::eq(divisor, &Scalar::new(minus_zero))?;
        is_zero = arrow::compute::or(&is_zero, &is_minus_zero)?;
    }
    if is_zero.true_count() == 0 || !meets_value(call, &is_zero) { Ok(()) } else { Err(division_by_zero()) }
}

/// Whether a zero divisor stands beside a dividend that is not NULL, nor a numeric's NaN, of which the quotient is NaN.
fn meets_value(call: &Call<'_>, is_zero: &BooleanArray) -> bool {
    let numerics = call.args[0].as_primitive_opt::<Decimal256Type>();
    let is_nan = |row: usize| numerics.is_some_and(|numerics| special::is_nan(numerics.value(row)));
    (0..call.rows).any(|row| {
        let (dividend, divisor) = (call.index(0, row), call.index(1, row));
        let is_divided = call.args[0].is_valid(dividend) && !is_nan(dividend);
        is_zero.is_valid(divisor) && is_zero.value(divisor) && is_divided
    })
}

/// One NaN, no −0.0; an infinity from finite operands is 22003.
fn canonical<T: ArrowPrimitiveType>(call: &Call<'_>, result: &ArrayRef) -> Result<ArrayRef>
where
    T::Native: Float,
{
    let array = result.as_primitive::<T>();
    let overflows = array.values().iter().any(|value| value.is_infinite()) && creates_infinity::<T>(call, array);
    if overflows {
        return Err(float_overflow());
    }
    Ok(Arc::new(array.unary::<_, T>(Float::canonical)))
}

/// What the checks need of f32 and f64.
pub(crate) trait Float: Copy {
    fn is_infinite(self) -> bool;
    fn is_finite(self) -> bool;
    fn equals_zero(self) -> bool;
    /// NaN as the one positive NaN, −0.0 as 0.0.
    fn canonical(self) -> Self;
}

macro_rules! float {
    ($float:ident) => {
        impl Float for $float {
            fn is_infinite(self) -> bool {
                $float::is_infinite(self)
            }
            fn is_finite(self) -> bool {
                $float::is_finite(self)
            }
            fn equals_zero(self) -> bool {
                self == 0.0
            }
            fn canonical(self) -> Self {
                if self.is_nan() { $float::NAN } else { self + 0.0 }
            }
        }
    };
}
float!(f32);
float!(f64);

fn creates_infinity<T: ArrowPrimitiveType>(call: &Call<'_>, result: &PrimitiveArray<T>) -> bool
where
    T::Native: Float,
{
    let is_finite = |argument: usize, row: usize| {
        let array = call.args[argument].as_primitive::<T>();
        array.value(call.index(argument, row)).is_finite()
    };
    (0..call.rows).any(|row| {
        result.is_valid(row)
            && result.value(row).is_infinite()
            && (0..call.args.len()).all(|argument| is_finite(argument, row))
    })
}

fn negate(call: &Call<'_>) -> Result<ArrayRef> {
    if decimal_parts(call.return_type()).is_some() {
        return decimal::negate(call);
    }
    let result = numeric::neg(&call.args[0]).map_err(|error| arithmetic_error(error, call.return_type()))?;
    match call.return_type() {
        DataType::Float32 => canonical::<Float32Type>(call, &result),
        DataType::Float64 => canonical::<Float64Type>(call, &result),
        _ => Ok(result),
    }
}
