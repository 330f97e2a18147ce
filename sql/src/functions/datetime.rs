//! Dates and times: truncated, binned, taken apart, put together, moved between time zones.

use arrow::array::ArrayRef;
use arrow::datatypes::IntervalMonthDayNano;
use chrono::{Datelike, NaiveDate};
use datafusion::common::Result;
use peristyle_catalog::model::PgType;

use super::define::{Call, Definition, Overload, immutable, overload, stable, zoned};
use super::error::{error, not_supported, out_of_range};
use super::interval::{DAYS_PER_MONTH, key, local_now, move_months, timestamp_out_of_range};
use super::rows::*;
use super::signature::Ty;
use super::time_zone::is_infinite;
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
                    truncate_in(&unit_of(unit)?, t, Zone::require(zone)?).map(TimestamptzOut)
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
    stable(
        "age",
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
    immutable(
        "make_date",
        &[overload(&[Ty::Int4, Ty::Int4, Ty::Int4], PgType::DATE, |c| {
            map3::<Int4, Int4, Int4, DateOut>(c, |y, m, d| make_date(y, m, d).map(DateOut))
        })],
    ),
    immutable(
        "make_time",
        &[overload(&[Ty::Int4, Ty::Int4, Ty::Float8], PgType::TIME, |c| {
            map3::<Int4, Int4, Float8, TimeOut>(c, |h, m, s| make_time(h, m, s).map(TimeOut))
        })],
    ),
    immutable(
        "make_timestamp",
        &[overload(MAKE_TIMESTAMP, PgType::TIMESTAMP, |c| make_timestamp(c, |t| t, TimestampOut))],
    ),
    stable(
        "make_timestamptz",
        &[overload(MAKE_TIMESTAMP, PgType::TIMESTAMPTZ, |c| {
            let zone = c.context()?.zone();
            make_timestamp(c, |t| zone.to_utc(t), TimestamptzOut)
        })],
    ),
    immutable("make_interval", &[overload(&[Ty::Float8], PgType::INTERVAL, make_interval).variadic()]),
    immutable(
        "justify_days",
        &[overload(&[Ty::Interval], PgType::INTERVAL, |c| map1::<Interval, _>(c, |i| Ok(justify_days(i))))],
    ),
    immutable(
        "justify_hours",
        &[overload(&[Ty::Interval], PgType::INTERVAL, |c| map1::<Interval, _>(c, |i| Ok(justify_hours(i))))],
    ),
    immutable(
        "justify_interval",
        &[overload(&[Ty::Interval], PgType::INTERVAL, |c| map1::<Interval, _>(c, |i| Ok(justify_interval(i))))],
    ),
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

const MAKE_TIMESTAMP: &[Ty] = &[Ty::Int4, Ty::Int4, Ty::Int4, Ty::Int4, Ty::Int4, Ty::Float8];

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

fn make_date(year: i32, month: i32, day: i32) -> Result<i32> {
    let out_of_range = || error("22008", format!("date field value out of range: {year}-{month:02}-{day:02}"));
    // Year -1 is 1 BC; there is no year 0.
    let calendar_year = match year {
        0 => return Err(out_of_range()),
        1.. => year,
        _ => year + 1,
    };
    let (month, day) = (u32::try_from(month).unwrap_or(0), u32::try_from(day).unwrap_or(0));
    let date = NaiveDate::from_ymd_opt(calendar_year, month, day).ok_or_else(out_of_range)?;
    Ok(date.signed_duration_since(NaiveDate::default()).num_days() as i32)
}

fn make_time(hours: i32, minutes: i32, seconds: f64) -> Result<i64> {
    let is_valid = (0..=24).contains(&hours) && (0..60).contains(&minutes) && (0.0..=60.0).contains(&seconds);
    let micros =
        (i64::from(hours) * 3600 + i64::from(minutes) * 60) * 1_000_000 + (seconds * 1e6).round_ties_even() as i64;
    if !is_valid || micros > DAY_MICROS {
        return Err(error("22008", format!("time field value out of range: {hours}:{minutes:02}:{seconds:02}")));
    }
    Ok(micros)
}

fn make_timestamp<R: Out>(call: &Call<'_>, place: impl Fn(i64) -> i64, wrap: impl Fn(i64) -> R) -> Result<ArrayRef> {
    let parts: [Argument<'_, Int4>; 5] = std::array::from_fn(|place| Argument::of(call, place));
    let seconds = Argument::<Float8>::of(call, 5);
    let row = |row| {
        let [Some(year), Some(month), Some(day), Some(hour), Some(minute)] = parts.each_ref().map(|part| part.get(row))
        else {
            return Ok(None);
        };
        let Some(seconds) = seconds.get(row) else { return Ok(None) };
        let local = days_to_micros(make_date(year, month, day)?)? + make_time(hour, minute, seconds)?;
        Ok(Some(wrap(place(local))))
    };
    Ok(R::collect((0..call.rows).map(row).collect::<Result<_>>()?))
}

/// `make_interval(years, months, weeks, days, hours, mins, secs)`, each optional from the right.
fn make_interval(call: &Call<'_>) -> Result<ArrayRef> {
    if call.args.len() > 7 {
        return Err(error("42883", "function make_interval takes at most seven arguments"));
    }
    let parts: Vec<Argument<'_, Float8>> = (0..call.args.len()).map(|place| Argument::of(call, place)).collect();
    let row = |row| {
        let mut values = [0.0; 7];
        for (value, part) in values.iter_mut().zip(&parts) {
            let Some(given) = part.get(row) else { return Ok(None) };
            *value = given;
        }
        let [years, months, weeks, days, hours, minutes, seconds] = values;
        let micros = ((hours * 3600.0 + minutes * 60.0 + seconds) * 1e6).round_ties_even();
        if micros.abs() > i64::MAX as f64 / 1000.0 {
            return Err(out_of_range("interval"));
        }
        let months = years * 12.0 + months;
        Ok(Some(IntervalMonthDayNano::new(months as i32, (weeks * 7.0 + days) as i32, micros as i64 * 1000)))
    };
    Ok(IntervalMonthDayNano::collect((0..call.rows).map(row).collect::<Result<_>>()?))
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

fn justify_hours(i: IntervalMonthDayNano) -> IntervalMonthDayNano {
    let whole = (i.nanoseconds / DAY_NANOS) as i32;
    let (days, time) = of_one_sign(i.days + whole, i.nanoseconds % DAY_NANOS, DAY_NANOS);
    IntervalMonthDayNano::new(i.months, days, time)
}

/// Whole days out of time, whole months out of days, then one sign for all parts.
fn justify_interval(i: IntervalMonthDayNano) -> IntervalMonthDayNano {
    let (days, time) = (i.days + (i.nanoseconds / DAY_NANOS) as i32, i.nanoseconds % DAY_NANOS);
    let (mut months, mut days) = (i.months + days / DAYS_PER_MONTH, days % DAYS_PER_MONTH);
    if months > 0 && (days < 0 || (days == 0 && time < 0)) {
        days += DAYS_PER_MONTH;
        months -= 1;
    } else if months < 0 && (days > 0 || (days == 0 && time > 0)) {
        days -= DAYS_PER_MONTH;
        months += 1;
    }
    let (days, time) = of_one_sign(days, time, DAY_NANOS);
    IntervalMonthDayNano::new(months, days, time)
}

fn justify_days(i: IntervalMonthDayNano) -> IntervalMonthDayNano {
    let (whole, rest) = (i.days / DAYS_PER_MONTH, i.days % DAYS_PER_MONTH);
    let (months, days) = of_one_sign(i.months + whole, rest.into(), DAYS_PER_MONTH.into());
    IntervalMonthDayNano::new(months, days as i32, i.nanoseconds)
}
