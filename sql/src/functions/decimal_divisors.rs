//! Greatest common divisors and least common multiples of numerics.

use arrow::datatypes::{DataType, FieldRef, i256};
use datafusion::common::Result;
use peristyle_catalog::model::PgType;
use peristyle_storage::special_numeric::Special;
use peristyle_storage::types::DECIMAL256_PRECISION_MAX;

use super::decimal::{aligned_rows, decimal_parts};
use super::define::{Overload, computed};
use super::signature::Ty;
use crate::semantics::type_planner::typed_field;

pub(super) const GCD: Overload =
    computed(&[Ty::Numeric, Ty::Numeric], result_type, |c| aligned_rows(c, of_special, |a, b| Some(gcd(a, b))));
pub(super) const LCM: Overload =
    computed(&[Ty::Numeric, Ty::Numeric], result_type, |c| aligned_rows(c, of_special, lcm));

/// As many digits behind the point as the operand that has more.
fn result_type(name: &str, fields: &[FieldRef]) -> Result<FieldRef> {
    let scale = fields.iter().filter_map(|field| decimal_parts(field.data_type())).map(|parts| parts.1).max();
    Ok(typed_field(name, PgType::NUMERIC, DataType::Decimal256(DECIMAL256_PRECISION_MAX, scale.unwrap_or(0))))
}

/// NaN, of whatever is no number.
fn of_special(a: i256, b: i256) -> Option<i256> {
    Special::of(a).or(Special::of(b)).map(|_| Special::NaN.unscaled())
}

fn gcd(a: i256, b: i256) -> i256 {
    if b == i256::ZERO { a.wrapping_abs() } else { gcd(b, a.wrapping_rem(b)) }
}

fn lcm(a: i256, b: i256) -> Option<i256> {
    if a == i256::ZERO || b == i256::ZERO {
        return Some(i256::ZERO);
    }
    a.checked_div(gcd(a, b))?.checked_mul(b).map(i256::wrapping_abs)
}
