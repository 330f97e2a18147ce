//! Roots, logarithms, powers and trigonometry, with PostgreSQL's errors outside their domains.
//!
//! What these make of numerics is in `decimal_math`.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::compute::cast;
use arrow::datatypes::*;
use datafusion::common::Result;
use peristyle_catalog::model::PgType;

use super::arithmetic::{Float, overflow_of};
use super::decimal::{from_wide, same_scale_type};
use super::decimal_math;
use super::define::{Call, Definition, Overload, computed, immutable, overload, same};
use super::error::{division_by_zero, error, float_overflow, out_of_range, out_of_range_input};
use super::rounding::unscaled;
use super::rows::*;
use super::signature::Ty;
use super::{macaddr, network};
use crate::semantics::type_planner::typed_field;
use crate::values::Decimal;

const POWER: &[Overload] = &[
    overload(&[Ty::Float8, Ty::Float8], PgType::FLOAT8, |c| map2::<Float8, Float8, _>(c, power)),
    computed(&[Ty::Numeric, Ty::Numeric], decimal_math::result_type, |c| {
        decimal_math::of_two(c, power, Decimal::power)
    }),
];
const LN: &[Overload] = &[
    overload(&[Ty::Float8], PgType::FLOAT8, |c| map1::<Float8, _>(c, ln)),
    computed(&[Ty::Numeric], decimal_math::result_type, |c| decimal_math::of_one(c, ln, Decimal::natural_logarithm)),
];
const LOG10: &[Overload] = &[
    overload(&[Ty::Float8], PgType::FLOAT8, |c| map1::<Float8, _>(c, log10)),
    computed(&[Ty::Numeric], decimal_math::result_type, |c| {
        decimal_math::of_one(c, log10, |x| x.logarithm(Decimal::TEN))
    }),
    computed(&[Ty::Numeric, Ty::Numeric], decimal_math::result_type, |c| {
        decimal_math::of_two(c, log, |base, x| x.logarithm(base))
    }),
];

macro_rules! double {
    ($name:literal, $f:expr) => {
        immutable($name, &[overload(&[Ty::Float8], PgType::FLOAT8, |c| map1::<Float8, _>(c, $f))])
    };
}

/// `~`.
pub(crate) const BIT_NOT: &str = "pg_op_bit_not";

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable(
        "abs",
        &[
            same(&[Ty::Int2], |c| map1::<Int2, i16>(c, |x| x.checked_abs().ok_or_else(|| out_of_range("smallint")))),
            same(&[Ty::Int4], |c| map1::<Int4, i32>(c, |x| x.checked_abs().ok_or_else(|| out_of_range("integer")))),
            same(&[Ty::Int8], |c| map1::<Int8, i64>(c, |x| x.checked_abs().ok_or_else(|| out_of_range("bigint")))),
            same(&[Ty::Float4], |c| map1::<Float4, f32>(c, |x| Ok(x.abs()))),
            same(&[Ty::Float8], |c| map1::<Float8, f64>(c, |x| Ok(x.abs()))),
            computed(&[Ty::Numeric], same_scale_type, |c| {
                let (values, _) = unscaled(c, 0)?;
                from_wide(values.into_iter().map(|v| v.map(i256::wrapping_abs)).collect(), c.return_type())
            }),
        ],
    ),
    immutable(
        "sqrt",
        &[
            overload(&[Ty::Float8], PgType::FLOAT8, |c| map1::<Float8, _>(c, sqrt)),
            computed(&[Ty::Numeric], decimal_math::result_type, |c| decimal_math::of_one(c, sqrt, Decimal::root)),
        ],
    ),
    double!("cbrt", |x| Ok(x.cbrt())),
    immutable(
        "exp",
        &[
            overload(&[Ty::Float8], PgType::FLOAT8, |c| map1::<Float8, _>(c, exp)),
            computed(&[Ty::Numeric], decimal_math::result_type, |c| decimal_math::of_one(c, exp, Decimal::exponential)),
        ],
    ),
    immutable("ln", LN),
    immutable("log", LOG10),
    immutable("log10", LOG10),
    immutable("power", POWER),
    immutable("pow", POWER),
    immutable(
        "gcd",
        &[
            same(&[Ty::Int4, Ty::Int4], |c| {
                map2::<Int4, Int4, i32>(c, |a, b| narrow(gcd(a.into(), b.into()), "integer"))
            }),
            same(&[Ty::Int8, Ty::Int8], |c| {
                map2::<Int8, Int8, i64>(c, |a, b| narrow(gcd(a.into(), b.into()), "bigint"))
            }),
            computed(&[Ty::Numeric, Ty::Numeric], decimal_math::divisor_type, decimal_math::greatest_divisor),
        ],
    ),
    immutable(
        "lcm",
        &[
            same(&[Ty::Int4, Ty::Int4], |c| {
                map2::<Int4, Int4, i32>(c, |a, b| narrow(lcm(a.into(), b.into()), "integer"))
            }),
            same(&[Ty::Int8, Ty::Int8], |c| {
                map2::<Int8, Int8, i64>(c, |a, b| narrow(lcm(a.into(), b.into()), "bigint"))
            }),
            computed(&[Ty::Numeric, Ty::Numeric], decimal_math::divisor_type, decimal_math::least_multiple),
        ],
    ),
    immutable("factorial", &[computed(&[Ty::Int8], factorial_type, factorial)]),
    immutable(
        "width_bucket",
        &[
            overload(&[Ty::Float8, Ty::Float8, Ty::Float8, Ty::Int4], PgType::INT4, width_bucket),
            overload(&[Ty::Any, Ty::ShapedArray], PgType::INT4, super::array_items::bucket),
        ],
    ),
    immutable(
        BIT_NOT,
        &[
            same(&[Ty::Int2], |c| map1::<Int2, i16>(c, |x| Ok(!x))),
            same(&[Ty::Int4], |c| map1::<Int4, i32>(c, |x| Ok(!x))),
            same(&[Ty::Int8], |c| map1::<Int8, i64>(c, |x| Ok(!x))),
            network::NOT,
            macaddr::NOT,
            macaddr::NOT_8,
        ],
    ),
    double!("sin", |x| within_domain(x.sin(), x)),
    double!("cos", |x| within_domain(x.cos(), x)),
    double!("tan", |x| within_domain(x.tan(), x)),
    double!("cot", |x| within_domain(1.0 / x.tan(), x)),
    double!("asin", |x| within_domain(x.asin(), x)),
    double!("acos", |x| within_domain(x.acos(), x)),
    double!("atan", |x| Ok(x.atan())),
    immutable(
        "atan2",
        &[overload(&[Ty::Float8, Ty::Float8], PgType::FLOAT8, |c| {
            map2::<Float8, Float8, f64>(c, |y, x| Ok(y.atan2(x).canonical()))
        })],
    ),
    double!("sinh", |x| finite(x.sinh(), x)),
    double!("cosh", |x| finite(x.cosh(), x)),
    double!("tanh", |x| Ok(x.tanh())),
    double!("asinh", |x| Ok(x.asinh())),
    double!("acosh", |x| within_domain(x.acosh(), x)),
    double!("atanh", |x| within_domain(x.atanh(), x)),
    double!("degrees", |x| finite(x.to_degrees(), x)),
    double!("radians", |x| Ok(x.to_radians())),
];

fn finite(result: f64, argument: f64) -> Result<f64> {
    if result.is_infinite() && argument.is_finite() { Err(float_overflow()) } else { Ok(result.canonical()) }
}

fn within_domain(result: f64, argument: f64) -> Result<f64> {
    if result.is_nan() && !argument.is_nan() { Err(out_of_range_input()) } else { Ok(result.canonical()) }
}

fn sqrt(x: f64) -> Result<f64> {
    if x < 0.0 { Err(negative_root()) } else { Ok(x.sqrt()) }
}

fn negative_root() -> datafusion::common::DataFusionError {
    error("2201F", "cannot take square root of a negative number")
}

fn exp(x: f64) -> Result<f64> {
    finite(x.exp(), x)
}

fn ln(x: f64) -> Result<f64> {
    check_logarithm(x)?;
    Ok(x.ln())
}

fn log10(x: f64) -> Result<f64> {
    check_logarithm(x)?;
    Ok(x.log10())
}

fn log(base: f64, x: f64) -> Result<f64> {
    let (base, x) = (ln(base)?, ln(x)?);
    if base == 0.0 && !x.is_nan() { Err(division_by_zero()) } else { Ok(x / base) }
}

fn check_logarithm(x: f64) -> Result<()> {
    if x == 0.0 {
        return Err(error("2201E", "cannot take logarithm of zero"));
    }
    if x < 0.0 { Err(error("2201E", "cannot take logarithm of a negative number")) } else { Ok(()) }
}

fn power(x: f64, y: f64) -> Result<f64> {
    if x == 0.0 && y < 0.0 {
        return Err(error("2201F", "zero raised to a negative power is undefined"));
    }
    if x < 0.0 && y.is_finite() && y.fract() != 0.0 {
        return Err(error("2201F", "a negative number raised to a non-integer power yields a complex result"));
    }
    let result = x.powf(y);
    if result.is_infinite() && x.is_finite() && y.is_finite() { Err(float_overflow()) } else { Ok(result.canonical()) }
}

fn gcd(a: i128, b: i128) -> i128 {
    if b == 0 { a.abs() } else { gcd(b, a % b) }
}

fn lcm(a: i128, b: i128) -> i128 {
    if a == 0 || b == 0 { 0 } else { (a / gcd(a, b) * b).abs() }
}

fn narrow<T: TryFrom<i128>>(value: i128, type_name: &str) -> Result<T> {
    T::try_from(value).map_err(|_| out_of_range(type_name))
}

fn factorial_type(name: &str, _fields: &[FieldRef]) -> Result<FieldRef> {
    Ok(typed_field(name, PgType::NUMERIC, DataType::Decimal128(38, 0)))
}

fn factorial(call: &Call<'_>) -> Result<ArrayRef> {
    let argument = Argument::<Int8>::of(call, 0);
    let row = |row| {
        let Some(n) = argument.get(row) else { return Ok(None) };
        if n < 0 {
            return Err(error("22003", "factorial of a negative number is undefined"));
        }
        let product = (2..=n).try_fold(1_i128, |product, factor| product.checked_mul(factor.into()));
        product.ok_or_else(|| overflow_of(call.return_type())).map(Some)
    };
    let values: Vec<Option<i128>> = (0..call.rows).map(row).collect::<Result<_>>()?;
    let array = arrow::array::Decimal128Array::from(values).with_data_type(DataType::Decimal128(38, 0));
    Ok(cast(&(Arc::new(array) as ArrayRef), call.return_type())?)
}

fn width_bucket(call: &Call<'_>) -> Result<ArrayRef> {
    let [x, low, high] = [0, 1, 2].map(|place| Argument::<Float8>::of(call, place));
    let count = Argument::<Int4>::of(call, 3);
    let row = |row| match (x.get(row), low.get(row), high.get(row), count.get(row)) {
        (Some(x), Some(low), Some(high), Some(count)) => bucket(x, low, high, count).map(Some),
        _ => Ok(None),
    };
    Ok(i32::collect((0..call.rows).map(row).collect::<Result<_>>()?))
}

fn bucket(x: f64, low: f64, high: f64, count: i32) -> Result<i32> {
    let bad = |message: &str| Err(error("2201G", message));
    if count <= 0 {
        return bad("count must be greater than zero");
    }
    if x.is_nan() || low.is_nan() || high.is_nan() {
        return bad("operand, lower bound, and upper bound cannot be NaN");
    }
    if low.is_infinite() || high.is_infinite() {
        return bad("lower and upper bounds must be finite");
    }
    if low == high {
        return bad("lower bound cannot equal upper bound");
    }
    let (from_low, span) = if low < high { (x - low, high - low) } else { (low - x, low - high) };
    if from_low < 0.0 {
        return Ok(0);
    }
    if from_low >= span {
        return count.checked_add(1).ok_or_else(|| out_of_range("integer"));
    }
    Ok((from_low / span * f64::from(count)) as i32 + 1)
}
