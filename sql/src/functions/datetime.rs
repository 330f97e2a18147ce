//! Dates and times: truncated, binned, moved between time zones.

use arrow::datatypes::IntervalMonthDayNano;
use chrono::{Datelike, NaiveDate};
use datafusion::common::Result;
use peristyle_catalog::model::PgType;

use super::define::{Definition, Overload, immutable, overload, zoned};
use super::error::{error, not_supported};
use super::interval::{key, timestamp_out_of_range};
use super::rows::*;
use super::signature::Ty;
use super::time_zone::is_infinite;
use super::timetz;
use crate::semantics::{DAY_MICROS, date_of_days, days_to_micros, micros_to_days};
use crate::values::{TIMESTAMP_INFINITY, TIMESTAMP_NEGATIVE_INFINITY, Zone};

const TIMEZONE: &[Overload] = &[
    overload(&[Ty::Text, Ty::Timestamp], PgType::TIMESTAMPTZ, |c| {
        map2::<Text, Timestamp, TimestamptzOut>(c, |zone, t| Ok(TimestamptzOut(Zone::of_expression(zone)?.to_utc(t))))
    }),
    overload(&[Ty::Text, Ty::Timestamptz], PgType::TIMESTAMP, |c| {
        map2::<Text, Timestamp, TimestampOut>(c, |zone, t| Ok(TimestampOut(Zone::of_expression(zone)?.to_local(t))))
    }),
    overload(&[Ty::Interval, Ty::Timestamp], PgType::TIMESTAMPTZ, |c| {
        map2::<Interval, Timestamp, TimestamptzOut>(c, |i, t| Ok(TimestamptzOut(t - i.nanoseconds / 1000)))
    }),
    overload(&[Ty::Interval, Ty::Timestamptz], PgType::TIMESTAMP, |c| {
        map2::<Interval, Timestamp, TimestampOut>(c, |i, t| Ok(TimestampOut(t + i.nanoseconds / 1000)))
    }),
    timetz::IN_ZONE,
    timetz::IN_OFFSET,
];

pub(crate) const DEFINITIONS: &[Definition] = &[
    zoned(
        "date_trunc",
        &[
            overload(&[Ty::Text, Ty::Timestamp], PgType::TIMESTAMP, |c| {
                map2::<Text, Timestamp, TimestampOut>(c, |unit, t| truncate(&unit_of(unit)?, t).map(TimestampOut))
            }),
            overload(&[Ty::Text, Ty::Timestamptz], PgType::TIMESTAMPTZ, |c| {
                let zone = c.context()?.zone();
                map2::<Text, Timestamp, TimestamptzOut>(c, |unit, t| {
                    truncate_in(&unit_of(unit)?, t, zone).map(TimestamptzOut)
                })
            }),
            overload(&[Ty::Text, Ty::Timestamptz, Ty::Text], PgType::TIMESTAMPTZ, |c| {
                map3::<Text, Timestamp, Text, TimestamptzOut>(c, |unit, t, zone| {
                    truncate_in(&unit_of(unit)?, t, Zone::of_expression(zone)?).map(TimestamptzOut)
                })
            }),
            overload(&[Ty::Text, Ty::Interval], PgType::INTERVAL, |c| map2::<Text, Interval, _>(c, truncate_interval)),
        ],
    ),
    immutable(
        "date_bin",
        &[
            overload(&[Ty::Interval, Ty::Timestamp, Ty::Timestamp], PgType::TIMESTAMP, |c| {
                map3::<Interval, Timestamp, Timestamp, TimestampOut>(c, |i, t, origin| {
                    bin(i, t, origin).map(TimestampOut)
                })
            }),
            overload(&[Ty::Interval, Ty::Timestamptz, Ty::Timestamptz], PgType::TIMESTAMPTZ, |c| {
                map3::<Interval, Timestamp, Timestamp, TimestamptzOut>(c, |i, t, origin| {
                    bin(i, t, origin).map(TimestamptzOut)
                })
            }),
        ],
    ),
    immutable("timezone", TIMEZONE),
    immutable(
        "isfinite",
        &[
            overload(&[Ty::Timestamp], PgType::BOOL, |c| map1::<Timestamp, bool>(c, |t| Ok(!is_infinite(t)))),
            overload(&[Ty::Timestamptz], PgType::BOOL, |c| map1::<Timestamp, bool>(c, |t| Ok(!is_infinite(t)))),
            overload(&[Ty::Date], PgType::BOOL, |c| map1::<Date, bool>(c, |d| Ok(!is_infinite(days_to_micros(d)?)))),
            overload(&[Ty::Interval], PgType::BOOL, |c| map1::<Interval, bool>(c, |_| Ok(true))),
        ],
    ),
];

/// `to_timestamp(seconds since 1970)`, in microseconds.
pub(crate) fn from_epoch(seconds: f64) -> Result<i64> {
    if seconds.is_infinite() {
        return Ok(if seconds > 0.0 { TIMESTAMP_INFINITY } else { TIMESTAMP_NEGATIVE_INFINITY });
    }
    let micros = (seconds * 1e6).round_ties_even();
    if micros.is_nan() {
        return Err(error("22008", "timestamp cannot be NaN"));
    }
    if micros.abs() >= i64::MAX as f64 {
        return Err(error("22008", format!("timestamp out of range: \"{seconds}\"")));
    }
    Ok(micros as i64)
}

/// The units of time, finest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Unit {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    Decade,
    Century,
    Millennium,
}

fn unit_of(name: &str) -> Result<Unit> {
    Ok(match name.trim().to_ascii_lowercase().trim_end_matches('s') {
        "microsecond" | "usec" | "u" => Unit::Microsecond,
        "millisecond" | "msec" | "m" if name.len() != 1 => Unit::Millisecond,
        "second" | "sec" => Unit::Second,
        "minute" | "min" => Unit::Minute,
        "hour" | "hr" => Unit::Hour,
        "day" => Unit::Day,
        "week" => Unit::Week,
        "month" | "mon" => Unit::Month,
        "quarter" | "qtr" => Unit::Quarter,
        "year" | "yr" => Unit::Year,
        "decade" | "dec" => Unit::Decade,
        "century" | "centurie" | "cent" => Unit::Century,
        "millennium" | "millennia" | "mil" => Unit::Millennium,
        _ => return Err(unknown_unit(name, "timestamp without time zone")),
    })
}

pub(crate) fn unknown_unit(name: &str, type_name: &str) -> datafusion::common::DataFusionError {
    error("22023", format!("unit \"{name}\" not recognized for type {type_name}"))
}

/// Microseconds of a unit that is the same everywhere.
fn fixed_micros(unit: Unit) -> Option<i64> {
    match unit {
        Unit::Microsecond => Some(1),
        Unit::Millisecond => Some(1_000),
        Unit::Second => Some(1_000_000),
        Unit::Minute => Some(60_000_000),
        Unit::Hour => Some(3_600_000_000),
        Unit::Day => Some(DAY_MICROS),
        _ => None,
    }
}

fn truncate(unit: &Unit, micros: i64) -> Result<i64> {
    if is_infinite(micros) {
        return Ok(micros);
    }
    if let Some(size) = fixed_micros(*unit) {
        return Ok(micros - micros.rem_euclid(size));
    }
    let date = date_of_days(micros_to_days(micros)).ok_or_else(timestamp_out_of_range)?;
    let start = start_of(*unit, date).ok_or_else(timestamp_out_of_range)?;
    Ok(date_micros(start))
}

fn date_micros(date: NaiveDate) -> i64 {
    date.signed_duration_since(NaiveDate::default()).num_days() * DAY_MICROS
}

/// The first day of the unit in which a day lies.
fn start_of(unit: Unit, date: NaiveDate) -> Option<NaiveDate> {
    let year = date.year();
    let first_of = |year: i32| NaiveDate::from_ymd_opt(year, 1, 1);
    // Centuries begin in their year 1.
    let span = |years: i32| (year - 1).div_euclid(years) * years + 1;
    match unit {
        Unit::Week => date.checked_sub_days(chrono::Days::new(date.weekday().num_days_from_monday().into())),
        Unit::Month => NaiveDate::from_ymd_opt(year, date.month(), 1),
        Unit::Quarter => NaiveDate::from_ymd_opt(year, date.month0() / 3 * 3 + 1, 1),
        Unit::Year => first_of(year),
        Unit::Decade => first_of(year.div_euclid(10) * 10),
        Unit::Century => first_of(span(100)),
        Unit::Millennium => first_of(span(1000)),
        _ => Some(date),
    }
}

fn truncate_in(unit: &Unit, micros: i64, zone: Zone) -> Result<i64> {
    let truncated = truncate(unit, zone.to_local(micros))?;
    if *unit >= Unit::Day {
        return Ok(zone.to_utc(truncated));
    }
    // Within a day the offset of the instant itself counts, also in a repeated hour.
    let offset = i64::from(zone.offset_seconds_at(micros)) * 1_000_000;
    Ok(if is_infinite(micros) { micros } else { truncated - offset })
}

fn truncate_interval(unit: &str, interval: IntervalMonthDayNano) -> Result<IntervalMonthDayNano> {
    let unit_name = unit;
    let unit = unit_of(unit).map_err(|_| unknown_unit(unit, "interval"))?;
    let months = |size: i32| Ok(IntervalMonthDayNano::new(interval.months / size * size, 0, 0));
    match unit {
        Unit::Day => Ok(IntervalMonthDayNano::new(interval.months, interval.days, 0)),
        Unit::Week => Err(error("0A000", format!("unit \"{unit_name}\" not supported for type interval"))),
        Unit::Month => months(1),
        Unit::Quarter => months(3),
        Unit::Year => months(12),
        Unit::Decade => months(120),
        Unit::Century => months(1200),
        Unit::Millennium => months(12_000),
        _ => {
            let size = fixed_micros(unit).unwrap_or(1) * 1000;
            Ok(IntervalMonthDayNano::new(interval.months, interval.days, interval.nanoseconds / size * size))
        }
    }
}

fn bin(stride: IntervalMonthDayNano, micros: i64, origin: i64) -> Result<i64> {
    if is_infinite(micros) {
        return Ok(micros);
    }
    if stride.months != 0 {
        return Err(not_supported("a timestamp binned into intervals containing months or years"));
    }
    let size = i64::try_from(key(stride)).map_err(|_| error("22008", "interval out of range"))?;
    if size <= 0 {
        return Err(error("22008", "stride must be greater than zero"));
    }
    let since = micros.checked_sub(origin).ok_or_else(|| error("22008", "interval out of range"))?;
    Ok(origin + since - since.rem_euclid(size))
}
