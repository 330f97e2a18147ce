//! Numbers as times: what the time column of an open table takes.

use datafusion::common::Result;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::ScalarFunction;
use peristyle_catalog::model::PgType;

use super::define::{Definition, Overload, overload, stable};
use super::error::error;
use super::rows::*;
use super::signature::Ty;

const NAME: &str = "pg_epoch_by_magnitude";

const EPOCH: &[Overload] = &[overload(&[Ty::Float8], PgType::TIMESTAMPTZ, |c| {
    map1::<Float8, TimestamptzOut>(c, |number: f64| Ok(TimestamptzOut(micros(number)?)))
})];

pub(crate) const DEFINITIONS: &[Definition] = &[stable(NAME, EPOCH)];

fn micros(number: f64) -> Result<i64> {
    crate::copy::epoch_by_magnitude(number)
        .ok_or_else(|| error("22008", format!("timestamp out of range: \"{number}\"")))
}

/// A number of seconds, milliseconds or microseconds since 1970, told apart by its magnitude, as timestamptz.
pub(crate) fn epoch_by_magnitude(number: Expr) -> Result<Expr> {
    Ok(Expr::ScalarFunction(ScalarFunction::new_udf(super::named(NAME)?, vec![number])))
}
