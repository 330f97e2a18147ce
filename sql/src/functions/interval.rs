//! Arithmetic on dates, times and intervals, and PostgreSQL's order of intervals.
//!
//! Months are added on the calendar (the day is cut to the month's last), then days, then time; days and months of a
//! timestamptz are the session's local ones. Intervals compare as if a month had 30 days and a day 24 hours.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Decimal128Array};
use arrow::datatypes::*;
use chrono::{Datelike, NaiveDate};
use datafusion::common::Result;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::ScalarFunction;
use peristyle_catalog::model::{PgType, TypeKind};
use sqlparser::ast::BinaryOperator;

use super::context::FunctionContext;
use super::define::{Call, Definition, computed, immutable, overload, zoned};
use super::error::{FunctionError, division_by_zero, error, out_of_range};
use super::named;
use super::rows::*;
use super::signature::Ty;
use super::time_zone::is_infinite;
use super::timetz;
use crate::semantics::category::{Category, category};
use crate::semantics::date_of_days;
use crate::semantics::operators::as_type;
use crate::semantics::{DAY_MICROS, days_to_micros, micros_to_days};
use crate::values::{DATE_INFINITY, DATE_NEGATIVE_INFINITY, Zone};

/// The number that orders intervals.
pub(crate) const KEY: &str = "pg_interval_key";
const ADD: &str = "pg_op_time_add";
pub(crate) const SUBTRACT: &str = "pg_op_time_subtract";
const MULTIPLY: &str = "pg_op_interval_multiply";
const DIVIDE: &str = "pg_op_interval_divide";

pub(crate) const DAYS_PER_MONTH: i32 = 30;
/// Digits of the greatest key: 2³¹ months of microseconds and some.
const KEY_DIGITS: u8 = 24;

pub(crate) const DEFINITIONS: &[Definition] = &[
    zoned(
        ADD,
        &[
            overload(&[Ty::Date, Ty::Int4], PgType::DATE, |c| {
                map2::<Date, Int4, DateOut>(c, |d, n| add_days(d, n.into()))
            }),
            overload(&[Ty::Date, Ty::Interval], PgType::TIMESTAMP, |c| {
                map2::<Date, Interval, TimestampOut>(c, |d, i| {
                    add_to_timestamp(days_to_micros(d)?, i).map(TimestampOut)
                })
            }),
            overload(&[Ty::Date, Ty::Time], PgType::TIMESTAMP, |c| {
                map2::<Date, Time, TimestampOut>(c, |d, t| Ok(TimestampOut(days_to_micros(d)?.saturating_add(t))))
            }),
            overload(&[Ty::Timestamp, Ty::Interval], PgType::TIMESTAMP, |c| {
                map2::<Timestamp, Interval, TimestampOut>(c, |t, i| add_to_timestamp(t, i).map(TimestampOut))
            }),
            overload(&[Ty::Timestamptz, Ty::Interval], PgType::TIMESTAMPTZ, |c| {
                let zone = c.context()?.zone();
                map2::<Timestamp, Interval, TimestamptzOut>(c, |t, i| {
                    add_to_timestamptz(t, i, zone).map(TimestamptzOut)
                })
            }),
            overload(&[Ty::Time, Ty::Interval], PgType::TIME, |c| {
                map2::<Time, Interval, TimeOut>(c, |t, i| {
                    Ok(TimeOut((t + i.nanoseconds / 1000).rem_euclid(DAY_MICROS)))
                })
            }),
            overload(&[Ty::Interval, Ty::Interval], PgType::INTERVAL, |c| {
                map2::<Interval, Interval, _>(c, add_intervals)
            }),
            timetz::ADD,
            timetz::ON_DATE,
        ],
    ),
    zoned(
        SUBTRACT,
        &[
            overload(&[Ty::Date, Ty::Int4], PgType::DATE, |c| {
                map2::<Date, Int4, DateOut>(c, |d, n| add_days(d, -i64::from(n)))
            }),
            overload(&[Ty::Date, Ty::Date], PgType::INT4, |c| map2::<Date, Date, i32>(c, subtract_dates)),
            overload(&[Ty::Date, Ty::Interval], PgType::TIMESTAMP, |c| {
                map2::<Date, Interval, TimestampOut>(c, |d, i| {
                    add_to_timestamp(days_to_micros(d)?, negated(i)?).map(TimestampOut)
                })
            }),
            overload(&[Ty::Timestamp, Ty::Interval], PgType::TIMESTAMP, |c| {
                map2::<Timestamp, Interval, TimestampOut>(c, |t, i| add_to_timestamp(t, negated(i)?).map(TimestampOut))
            }),
            overload(&[Ty::Timestamptz, Ty::Interval], PgType::TIMESTAMPTZ, |c| {
                let zone = c.context()?.zone();
                map2::<Timestamp, Interval, TimestamptzOut>(c, |t, i| {
                    add_to_timestamptz(t, negated(i)?, zone).map(TimestamptzOut)
                })
            }),
            overload(&[Ty::Timestamp, Ty::Timestamp], PgType::INTERVAL, |c| {
                map2::<Timestamp, Timestamp, _>(c, difference)
            }),
            overload(&[Ty::Timestamptz, Ty::Timestamptz], PgType::INTERVAL, |c| {
                map2::<Timestamp, Timestamp, _>(c, difference)
            }),
            overload(&[Ty::Time, Ty::Interval], PgType::TIME, |c| {
                map2::<Time, Interval, TimeOut>(c, |t, i| {
                    Ok(TimeOut((t - i.nanoseconds / 1000).rem_euclid(DAY_MICROS)))
                })
            }),
            overload(&[Ty::Time, Ty::Time], PgType::INTERVAL, |c| {
                map2::<Time, Time, _>(c, |a, b| Ok(IntervalMonthDayNano::new(0, 0, (a - b) * 1000)))
            }),
            overload(&[Ty::Interval, Ty::Interval], PgType::INTERVAL, |c| {
                map2::<Interval, Interval, _>(c, |a, b| add_intervals(a, negated(b)?))
            }),
            timetz::SUBTRACT,
        ],
    ),
    immutable(
        MULTIPLY,
        &[overload(&[Ty::Interval, Ty::Float8], PgType::INTERVAL, |c| map2::<Interval, Float8, _>(c, multiply))],
    ),
    immutable(
        DIVIDE,
        &[overload(&[Ty::Interval, Ty::Float8], PgType::INTERVAL, |c| {
            map2::<Interval, Float8, _>(c, |i, by| if by == 0.0 { Err(division_by_zero()) } else { divide(i, by) })
        })],
    ),
    immutable(KEY, &[computed(&[Ty::Interval], key_type, keys)]),
];

fn key_type(name: &str, _fields: &[FieldRef]) -> Result<FieldRef> {
    Ok(Arc::new(Field::new(name, DataType::Decimal128(KEY_DIGITS, 0), true)))
}

fn keys(call: &Call<'_>) -> Result<ArrayRef> {
    Ok(key_array(&call.args[0]))
}

/// The number of each interval that orders them.
pub(crate) fn key_array(intervals: &ArrayRef) -> ArrayRef {
    let keys: Decimal128Array = intervals.as_primitive::<IntervalMonthDayNanoType>().unary(key);
    Arc::new(keys.with_data_type(DataType::Decimal128(KEY_DIGITS, 0)))
}

/// Microseconds with a month of 30 days and a day of 24 hours.
pub(crate) fn key(interval: IntervalMonthDayNano) -> i128 {
    let days = i128::from(interval.months) * i128::from(DAYS_PER_MONTH) + i128::from(interval.days);
    days * i128::from(DAY_MICROS) + i128::from(interval.nanoseconds / 1000)
}

/// What an operand is to the arithmetic of time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Point,
    Time,
    Interval,
    Number,
    Unknown,
    Other,
}

fn role(ty: Option<PgType>) -> Role {
    match ty.map(category) {
        None => Role::Unknown,
        Some(Category::Time) => Role::Point,
        Some(Category::Own(TypeKind::Time | TypeKind::Timetz)) => Role::Time,
        Some(Category::Own(TypeKind::Interval)) => Role::Interval,
        Some(Category::Number) => Role::Number,
        Some(_) => Role::Other,
    }
}

/// Plans an operator of which an operand is a date, time, timestamp or interval; `None` for all others.
pub(crate) fn plan_time_arithmetic(
    op: &BinaryOperator,
    left: &Expr,
    left_type: Option<PgType>,
    right: &Expr,
    right_type: Option<PgType>,
) -> Result<Option<Expr>> {
    use BinaryOperator as B;
    let roles = (role(left_type), role(right_type));
    let call =
        |name: &str, args: Vec<Expr>| Ok(Some(Expr::ScalarFunction(ScalarFunction::new_udf(named(name)?, args))));
    let ordered = vec![left.clone(), right.clone()];
    let swapped = vec![right.clone(), left.clone()];
    let typed = |expr: &Expr, ty: PgType| as_type(expr.clone(), None, ty);
    match (op, roles) {
        (B::Plus, (Role::Point | Role::Time, Role::Unknown)) if let Some(name) = name_if_of_several(left_type) => {
            Err(not_unique(name, "unknown"))
        }
        (B::Plus, (Role::Unknown, Role::Point | Role::Time)) if let Some(name) = name_if_of_several(right_type) => {
            Err(not_unique("unknown", name))
        }
        (B::Plus, (Role::Point | Role::Time | Role::Interval, Role::Unknown)) => {
            call(ADD, vec![left.clone(), typed(right, PgType::INTERVAL)])
        }
        (B::Plus, (Role::Unknown, Role::Point | Role::Time | Role::Interval)) => {
            call(ADD, vec![right.clone(), typed(left, PgType::INTERVAL)])
        }
        (B::Minus, (Role::Point | Role::Time | Role::Interval, Role::Unknown)) => {
            // From a time with an offset only an interval is taken away.
            let same = left_type.filter(|ty| ty.oid != PgType::TIMETZ.oid).unwrap_or(PgType::INTERVAL);
            call(SUBTRACT, vec![left.clone(), typed(right, PgType::plain(same.oid))])
        }
        (B::Minus, (Role::Unknown, Role::Point | Role::Time)) => {
            let same = right_type.unwrap_or(PgType::INTERVAL);
            call(SUBTRACT, vec![typed(left, PgType::plain(same.oid)), right.clone()])
        }
        (B::Plus, (Role::Point | Role::Time, Role::Number | Role::Interval) | (Role::Interval, Role::Interval))
        | (B::Plus, (Role::Point, Role::Time)) => call(ADD, ordered),
        (B::Plus, (Role::Number | Role::Interval, Role::Point | Role::Time) | (Role::Time, Role::Point)) => {
            call(ADD, swapped)
        }
        (B::Minus, (Role::Point, _) | (Role::Time, _) | (Role::Interval, Role::Interval)) => call(SUBTRACT, ordered),
        (B::Multiply, (Role::Interval, Role::Number | Role::Unknown)) => call(MULTIPLY, ordered),
        (B::Multiply, (Role::Number | Role::Unknown, Role::Interval)) => call(MULTIPLY, swapped),
        (B::Divide, (Role::Interval, Role::Number | Role::Unknown)) => call(DIVIDE, ordered),
        _ => Ok(None),
    }
}

/// The name of a type to which values of several types are added: to a date integers, intervals and times, to a time with an
/// offset intervals and dates.
fn name_if_of_several(ty: Option<PgType>) -> Option<&'static str> {
    match ty?.kind()? {
        TypeKind::Date => Some("date"),
        TypeKind::Timetz => Some("time with time zone"),
        _ => None,
    }
}

fn not_unique(left: &str, right: &str) -> datafusion::common::DataFusionError {
    FunctionError::new("42725", format!("operator is not unique: {left} + {right}"))
        .with_hint("Could not choose a best candidate operator. You might need to add explicit type casts.")
        .into()
}

fn date_out_of_range() -> datafusion::common::DataFusionError {
    error("22008", "date out of range")
}

pub(crate) fn timestamp_out_of_range() -> datafusion::common::DataFusionError {
    error("22008", "timestamp out of range")
}

pub(crate) fn interval_out_of_range() -> datafusion::common::DataFusionError {
    error("22008", "interval out of range")
}

fn is_infinite_day(days: i32) -> bool {
    days == DATE_INFINITY || days == DATE_NEGATIVE_INFINITY
}

fn add_days(days: i32, more: i64) -> Result<DateOut> {
    if is_infinite_day(days) {
        return Ok(DateOut(days));
    }
    let sum = i32::try_from(i64::from(days) + more).map_err(|_| date_out_of_range())?;
    date_of_days(sum).map(|_| DateOut(sum)).ok_or_else(date_out_of_range)
}

fn subtract_dates(a: i32, b: i32) -> Result<i32> {
    if is_infinite_day(a) || is_infinite_day(b) {
        return Err(error("22008", "cannot subtract infinite dates"));
    }
    a.checked_sub(b).ok_or_else(|| out_of_range("integer"))
}

/// A wall clock time later by an interval.
pub(crate) fn add_to_timestamp(micros: i64, interval: IntervalMonthDayNano) -> Result<i64> {
    if is_infinite(micros) {
        return Ok(micros);
    }
    let moved = add_days_micros(add_months(micros, interval.months)?, interval.days)?;
    moved.checked_add(interval.nanoseconds / 1000).ok_or_else(timestamp_out_of_range)
}

/// An instant later by an interval, whose months and days are local ones.
pub(crate) fn add_to_timestamptz(micros: i64, interval: IntervalMonthDayNano, zone: Zone) -> Result<i64> {
    if is_infinite(micros) {
        return Ok(micros);
    }
    let mut moved = micros;
    if interval.months != 0 {
        moved = zone.to_utc(add_months(zone.to_local(moved), interval.months)?);
    }
    if interval.days != 0 {
        moved = zone.to_utc(add_days_micros(zone.to_local(moved), interval.days)?);
    }
    moved.checked_add(interval.nanoseconds / 1000).ok_or_else(timestamp_out_of_range)
}

fn add_days_micros(micros: i64, days: i32) -> Result<i64> {
    i64::from(days).checked_mul(DAY_MICROS).and_then(|more| micros.checked_add(more)).ok_or_else(timestamp_out_of_range)
}

fn add_months(micros: i64, months: i32) -> Result<i64> {
    if months == 0 {
        return Ok(micros);
    }
    let date = date_of_days(micros_to_days(micros)).ok_or_else(timestamp_out_of_range)?;
    let moved = move_months(date, months).ok_or_else(timestamp_out_of_range)?;
    let days = moved.signed_duration_since(date).num_days();
    days.checked_mul(DAY_MICROS).and_then(|more| micros.checked_add(more)).ok_or_else(timestamp_out_of_range)
}

/// The same day some months later, or that month's last.
pub(crate) fn move_months(date: NaiveDate, months: i32) -> Option<NaiveDate> {
    let count = i64::from(date.year()) * 12 + i64::from(date.month0()) + i64::from(months);
    let (year, month) = (i32::try_from(count.div_euclid(12)).ok()?, count.rem_euclid(12) as u32 + 1);
    (28..=date.day().max(28))
        .rev()
        .chain(std::iter::once(date.day()))
        .filter(|day| *day <= date.day())
        .find_map(|day| NaiveDate::from_ymd_opt(year, month, day))
}

/// Days and time between two instants.
pub(crate) fn difference(a: i64, b: i64) -> Result<IntervalMonthDayNano> {
    if is_infinite(a) || is_infinite(b) {
        return Err(error("22008", "cannot subtract infinite timestamps"));
    }
    let micros = a.checked_sub(b).ok_or_else(interval_out_of_range)?;
    let days = i32::try_from(micros / DAY_MICROS).map_err(|_| interval_out_of_range())?;
    Ok(IntervalMonthDayNano::new(0, days, micros % DAY_MICROS * 1000))
}

/// Unary minus.
pub(crate) fn negate(call: &Call<'_>) -> Result<ArrayRef> {
    map1::<Interval, _>(call, negated)
}

pub(crate) fn negated(interval: IntervalMonthDayNano) -> Result<IntervalMonthDayNano> {
    let parts = (interval.months.checked_neg(), interval.days.checked_neg(), interval.nanoseconds.checked_neg());
    from_parts(parts)
}

fn from_parts(parts: (Option<i32>, Option<i32>, Option<i64>)) -> Result<IntervalMonthDayNano> {
    match parts {
        (Some(months), Some(days), Some(nanoseconds)) => Ok(IntervalMonthDayNano::new(months, days, nanoseconds)),
        _ => Err(interval_out_of_range()),
    }
}

pub(crate) fn add_intervals(a: IntervalMonthDayNano, b: IntervalMonthDayNano) -> Result<IntervalMonthDayNano> {
    from_parts((a.months.checked_add(b.months), a.days.checked_add(b.days), a.nanoseconds.checked_add(b.nanoseconds)))
}

pub(crate) fn divide(interval: IntervalMonthDayNano, by: f64) -> Result<IntervalMonthDayNano> {
    scale(interval, |part| part / by)
}

pub(crate) fn multiply(interval: IntervalMonthDayNano, by: f64) -> Result<IntervalMonthDayNano> {
    scale(interval, |part| part * by)
}

/// Scales each part; fractions of months become days (30 each), fractions of days time, as PostgreSQL does.
fn scale(interval: IntervalMonthDayNano, f: impl Fn(f64) -> f64) -> Result<IntervalMonthDayNano> {
    let (months, days) = (f(interval.months.into()), f(interval.days.into()));
    if !months.is_finite()
        || months.abs() > f64::from(i32::MAX)
        || !days.is_finite()
        || days.abs() > f64::from(i32::MAX)
    {
        return Err(interval_out_of_range());
    }
    let seconds_per_day = 86_400.0;
    let month_days = round_to_micros((months - months.trunc()) * f64::from(DAYS_PER_MONTH));
    let mut seconds = (days - days.trunc() + month_days - month_days.trunc()) * seconds_per_day;
    seconds = round_to_micros(seconds);
    let mut whole_days = days.trunc() + month_days.trunc();
    if seconds.abs() >= seconds_per_day {
        whole_days += (seconds / seconds_per_day).trunc();
        seconds %= seconds_per_day;
    }
    let micros = (f((interval.nanoseconds / 1000) as f64) + seconds * 1e6).round_ties_even();
    if micros.abs() > i64::MAX as f64 / 1000.0 {
        return Err(interval_out_of_range());
    }
    Ok(IntervalMonthDayNano::new(months.trunc() as i32, whole_days as i32, micros as i64 * 1000))
}

fn round_to_micros(value: f64) -> f64 {
    (value * 1e6).round_ties_even() / 1e6
}

/// `now()` of the statement as wall clock time.
pub(crate) fn local_now(context: &FunctionContext) -> i64 {
    context.zone().to_local(context.transaction_start.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_end_where_the_month_ends() {
        let date = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).expect("a date");
        assert_eq!(move_months(date(2024, 1, 31), 1), Some(date(2024, 2, 29)));
        assert_eq!(move_months(date(2023, 3, 31), -1), Some(date(2023, 2, 28)));
        assert_eq!(move_months(date(2023, 3, 5), 11), Some(date(2024, 2, 5)));
    }

    #[test]
    fn a_month_is_thirty_days_in_order() {
        let interval = IntervalMonthDayNano::new;
        assert_eq!(key(interval(1, 0, 0)), key(interval(0, 30, 0)));
        assert!(key(interval(0, 1, 0)) > key(interval(0, 0, 86_399_000_000_000)));
    }
}
