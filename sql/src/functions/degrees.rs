//! Trigonometry in degrees, exact where an angle has a simple sine, as PostgreSQL's is.

use datafusion::common::Result;
use peristyle_catalog::model::PgType;

use super::define::{Definition, immutable, overload};
use super::error::out_of_range_input;
use super::rows::*;
use super::signature::Ty;

macro_rules! of_angle {
    ($name:literal, $f:expr) => {
        immutable($name, &[overload(&[Ty::Float8], PgType::FLOAT8, |c| map1::<Float8, f64>(c, $f))])
    };
}

pub(crate) const DEFINITIONS: &[Definition] = &[
    of_angle!("sind", |x| finite(x).map(sine)),
    of_angle!("cosd", |x| finite(x).map(cosine)),
    of_angle!("tand", |x| finite(x).map(|x| plain_zero(sine(x) / cosine(x) / unit_tangent()))),
    of_angle!("cotd", |x| finite(x).map(|x| plain_zero(cosine(x) / sine(x) * unit_tangent()))),
    of_angle!("asind", |x| within_one(x).map(arc_sine)),
    of_angle!("acosd", |x| within_one(x).map(|x| 90.0 - arc_sine(x))),
    of_angle!("atand", |x| Ok(x.atan() / 1_f64.atan() * 45.0)),
    immutable(
        "atan2d",
        &[overload(&[Ty::Float8, Ty::Float8], PgType::FLOAT8, |c| {
            map2::<Float8, Float8, f64>(c, |y, x| Ok(y.atan2(x) / 1_f64.atan() * 45.0))
        })],
    ),
];

fn finite(x: f64) -> Result<f64> {
    if x.is_infinite() { Err(out_of_range_input()) } else { Ok(x) }
}

fn within_one(x: f64) -> Result<f64> {
    if x.abs() > 1.0 { Err(out_of_range_input()) } else { Ok(x) }
}

/// −0.0 as 0.0.
fn plain_zero(x: f64) -> f64 {
    x + 0.0
}

/// The sine of at most 30 degrees, 0.5 at 30.
fn small_sine(x: f64) -> f64 {
    x.to_radians().sin() / 30_f64.to_radians().sin() / 2.0
}

/// The cosine of at most 60 degrees, 0.5 at 60.
fn small_cosine(x: f64) -> f64 {
    let at_sixty = 1.0 - 60_f64.to_radians().cos();
    1.0 - (1.0 - x.to_radians().cos()) / at_sixty / 2.0
}

fn first_quadrant_sine(x: f64) -> f64 {
    if x <= 30.0 { small_sine(x) } else { small_cosine(90.0 - x) }
}

fn sine(x: f64) -> f64 {
    let x = x % 360.0;
    let (sign, x) = if x < 0.0 { (-1.0, -x) } else { (1.0, x) };
    let (sign, x) = if x > 180.0 { (-sign, 360.0 - x) } else { (sign, x) };
    let x = if x > 90.0 { 180.0 - x } else { x };
    plain_zero(sign * first_quadrant_sine(x))
}

fn cosine(x: f64) -> f64 {
    let x = x.abs() % 360.0;
    let x = if x > 180.0 { 360.0 - x } else { x };
    let (sign, x) = if x > 90.0 { (-1.0, 180.0 - x) } else { (1.0, x) };
    plain_zero(sign * if x <= 60.0 { small_cosine(x) } else { small_sine(90.0 - x) })
}

/// What the quotient of sine and cosine is at 45 degrees.
fn unit_tangent() -> f64 {
    sine(45.0) / cosine(45.0)
}

fn arc_sine(x: f64) -> f64 {
    if x < 0.0 {
        return -arc_sine(-x);
    }
    if x <= 0.5 { x.asin() / 0.5_f64.asin() * 30.0 } else { 90.0 - x.acos() / 0.5_f64.acos() * 60.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simple_angles_are_exact() {
        assert_eq!([sine(30.0), sine(150.0), sine(-90.0), sine(180.0)], [0.5, 0.5, -1.0, 0.0]);
        assert_eq!([cosine(60.0), cosine(120.0), cosine(90.0), cosine(0.0)], [0.5, -0.5, 0.0, 1.0]);
        assert_eq!([arc_sine(0.5), arc_sine(1.0), arc_sine(-0.5)], [30.0, 90.0, -30.0]);
        assert_eq!(sine(45.0) / cosine(45.0) / unit_tangent(), 1.0);
    }
}
