//! Arithmetic of money.

use datafusion::common::{DataFusionError, Result};
use peristyle_catalog::model::{PgType, TypeKind};
use peristyle_storage::packed::Money;

use super::define::{Definition, Overload, immutable, overload};
use super::error::{division_by_zero, out_of_range};
use super::packed_rows::Of;
use super::rows::{Float8, In, Int8, map2};
use super::signature::Ty;

const MONEY: Ty = Ty::Packed(TypeKind::Money);

const ADD: &str = "pg_op_money_add";
const SUBTRACT: &str = "pg_op_money_subtract";
const MULTIPLY: &str = "pg_op_money_multiply";
const DIVIDE: &str = "pg_op_money_divide";

/// Operators as they are written, and their functions.
pub(crate) const OPERATORS: &[(&str, &str)] = &[("+", ADD), ("-", SUBTRACT), ("*", MULTIPLY), ("/", DIVIDE)];

/// An amount times or through a number.
macro_rules! by {
    ($number:expr, $of:ty, $f:expr) => {
        overload(&[MONEY, $number], PgType::MONEY, |c| map2::<Of<Money>, $of, _>(c, $f))
    };
}

/// A number times an amount.
macro_rules! of {
    ($number:expr, $of:ty, $f:expr) => {
        overload(&[$number, MONEY], PgType::MONEY, |c| {
            map2::<$of, Of<Money>, _>(c, |number: <$of as In>::Value<'_>, amount| {
                let product: fn(Money, <$of as In>::Value<'_>) -> Result<Money> = $f;
                product(amount, number)
            })
        })
    };
}

const PRODUCTS: &[Overload] = &[
    by!(Ty::Float8, Float8, times),
    by!(Ty::Int8, Int8, times_whole),
    of!(Ty::Float8, Float8, times),
    of!(Ty::Int8, Int8, times_whole),
];

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable(ADD, &[overload(&[MONEY, MONEY], PgType::MONEY, |c| map2::<Of<Money>, Of<Money>, _>(c, sum))]),
    immutable(
        SUBTRACT,
        &[overload(&[MONEY, MONEY], PgType::MONEY, |c| map2::<Of<Money>, Of<Money>, _>(c, difference))],
    ),
    immutable(MULTIPLY, PRODUCTS),
    immutable(
        DIVIDE,
        &[
            by!(Ty::Float8, Float8, divided),
            by!(Ty::Int8, Int8, divided_whole),
            overload(&[MONEY, MONEY], PgType::FLOAT8, |c| map2::<Of<Money>, Of<Money>, f64>(c, ratio)),
        ],
    ),
];

pub(crate) fn money_out_of_range() -> DataFusionError {
    out_of_range("money")
}

pub(super) fn sum(a: Money, b: Money) -> Result<Money> {
    a.0.checked_add(b.0).map(Money).ok_or_else(money_out_of_range)
}

pub(super) fn difference(a: Money, b: Money) -> Result<Money> {
    a.0.checked_sub(b.0).map(Money).ok_or_else(money_out_of_range)
}

fn times_whole(amount: Money, by: i64) -> Result<Money> {
    amount.0.checked_mul(by).map(Money).ok_or_else(money_out_of_range)
}

/// Cents are cut where they are divided by whole numbers, and rounded otherwise.
fn divided_whole(amount: Money, by: i64) -> Result<Money> {
    if by == 0 {
        return Err(division_by_zero());
    }
    amount.0.checked_div(by).map(Money).ok_or_else(money_out_of_range)
}

fn times(amount: Money, by: f64) -> Result<Money> {
    rounded(amount.0 as f64 * by)
}

fn divided(amount: Money, by: f64) -> Result<Money> {
    if by == 0.0 { Err(division_by_zero()) } else { rounded(amount.0 as f64 / by) }
}

fn rounded(cents: f64) -> Result<Money> {
    // The greatest double below the end of 64 bits.
    const END: f64 = i64::MAX as f64;
    let rounded = cents.round_ties_even();
    if (-END..END).contains(&rounded) { Ok(Money(rounded as i64)) } else { Err(money_out_of_range()) }
}

fn ratio(a: Money, b: Money) -> Result<f64> {
    if b.0 == 0 { Err(division_by_zero()) } else { Ok(a.0 as f64 / b.0 as f64) }
}
