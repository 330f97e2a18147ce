//! Spans on the calendar: from one time to another, and intervals brought to whole months, days and hours.

use arrow::datatypes::IntervalMonthDayNano;
use chrono::{Datelike, NaiveDate};
use datafusion::common::Result;
use peristyle_catalog::model::PgType;

use super::define::{Definition, immutable, overload, zoned};
use super::error::error;
use super::interval::{DAYS_PER_MONTH, interval_out_of_range, local_now, move_months, timestamp_out_of_range};
use super::rows::*;
use super::signature::Ty;
use super::time_zone::is_infinite;
use crate::semantics::{DAY_MICROS, date_of_days, micros_to_days};

const AGE: &str = "age";

/// Whether a call is `age(x)`, the time up to today.
pub(crate) fn reads_clock(function: &str, arguments: usize) -> bool {
    function == AGE && arguments == 1
}

pub(crate) const DEFINITIONS: &[Definition] = &[
    zoned(
        AGE,
        &[
            overload(&[Ty::Timestamp, Ty::Timestamp], PgType::INTERVAL, |c| map2::<Timestamp, Timestamp, _>(c, age)),
            overload(&[Ty::Timestamptz, Ty::Timestamptz], PgType::INTERVAL, |c| {
                let zone = c.context()?.zone();
                map2::<Timestamp, Timestamp, _>(c, |a, b| age(zone.to_local(a), zone.to_local(b)))
            }),
            overload(&[Ty::Timestamp], PgType::INTERVAL, |c| {
                let today = midnight(local_now(c.context()?));
                map1::<Timestamp, _>(c, |t| age(today, t))
            }),
            overload(&[Ty::Timestamptz], PgType::INTERVAL, |c| {
                let context = c.context()?;
                let today = midnight(local_now(context));
                map1::<Timestamp, _>(c, |t| age(today, context.zone().to_local(t)))
            }),
        ],
    ),
    immutable("justify_days", &[overload(&[Ty::Interval], PgType::INTERVAL, |c| map1::<Interval, _>(c, justify_days))]),
    immutable(
        "justify_hours",
        &[overload(&[Ty::Interval], PgType::INTERVAL, |c| map1::<Interval, _>(c, justify_hours))],
    ),
    immutable(
        "justify_interval",
        &[overload(&[Ty::Interval], PgType::INTERVAL, |c| map1::<Interval, _>(c, justify_interval))],
    ),
];

fn midnight(micros: i64) -> i64 {
    micros - micros.rem_euclid(DAY_MICROS)
}

/// Years, months, days and time from b to a on the calendar.
fn age(a: i64, b: i64) -> Result<IntervalMonthDayNano> {
    if is_infinite(a) || is_infinite(b) {
        return Err(error("22008", "cannot subtract infinite timestamps"));
    }
    let (later, earlier, sign) = if a >= b { (a, b, 1) } else { (b, a, -1) };
    let day = |micros| date_of_days(micros_to_days(micros)).ok_or_else(timestamp_out_of_range);
    let (to, from) = (day(later)?, day(earlier)?);
    let mut time = later.rem_euclid(DAY_MICROS) - earlier.rem_euclid(DAY_MICROS);
    let mut days = to.day() as i32 - from.day() as i32;
    let mut months = (to.year() - from.year()) * 12 + to.month() as i32 - from.month() as i32;
    if time < 0 {
        time += DAY_MICROS;
        days -= 1;
    }
    if days < 0 {
        // The borrowed month is the earlier date's.
        days += days_in_month(from);
        months -= 1;
    }
    Ok(IntervalMonthDayNano::new(months * sign, days * sign, time * 1000 * i64::from(sign)))
}

fn days_in_month(date: NaiveDate) -> i32 {
    let first = date.with_day(1).unwrap_or(date);
    move_months(first, 1).map_or(DAYS_PER_MONTH, |next| next.signed_duration_since(first).num_days() as i32)
}

/// Both parts with one sign; `unit` of the smaller make one of the larger.
fn of_one_sign(larger: i32, smaller: i64, unit: i64) -> (i32, i64) {
    if larger > 0 && smaller < 0 {
        (larger - 1, smaller + unit)
    } else if larger < 0 && smaller > 0 {
        (larger + 1, smaller - unit)
    } else {
        (larger, smaller)
    }
}

const DAY_NANOS: i64 = DAY_MICROS * 1000;

fn justify_hours(i: IntervalMonthDayNano) -> Result<IntervalMonthDayNano> {
    // A time in nanoseconds makes some 100,000 days at most.
    let whole = i.days.checked_add((i.nanoseconds / DAY_NANOS) as i32).ok_or_else(interval_out_of_range)?;
    let (days, time) = of_one_sign(whole, i.nanoseconds % DAY_NANOS, DAY_NANOS);
    Ok(IntervalMonthDayNano::new(i.months, days, time))
}

/// Whole days out of time, whole months out of days, then one sign for all parts.
fn justify_interval(i: IntervalMonthDayNano) -> Result<IntervalMonthDayNano> {
    // Whole months come out of the days before these have to fit.
    let (days, time) = (i64::from(i.days) + i.nanoseconds / DAY_NANOS, i.nanoseconds % DAY_NANOS);
    let whole = i64::from(i.months) + days / i64::from(DAYS_PER_MONTH);
    let mut months = i32::try_from(whole).map_err(|_| interval_out_of_range())?;
    let mut days = (days % i64::from(DAYS_PER_MONTH)) as i32;
    if months > 0 && (days < 0 || (days == 0 && time < 0)) {
        days += DAYS_PER_MONTH;
        months -= 1;
    } else if months < 0 && (days > 0 || (days == 0 && time > 0)) {
        days -= DAYS_PER_MONTH;
        months += 1;
    }
    let (days, time) = of_one_sign(days, time, DAY_NANOS);
    Ok(IntervalMonthDayNano::new(months, days, time))
}

fn justify_days(i: IntervalMonthDayNano) -> Result<IntervalMonthDayNano> {
    let (whole, rest) = (i.days / DAYS_PER_MONTH, i.days % DAYS_PER_MONTH);
    let whole = i.months.checked_add(whole).ok_or_else(interval_out_of_range)?;
    let (months, days) = of_one_sign(whole, rest.into(), DAYS_PER_MONTH.into());
    Ok(IntervalMonthDayNano::new(months, days as i32, i.nanoseconds))
}
