//! Dates, times and intervals put together of their parts.

use arrow::array::ArrayRef;
use arrow::datatypes::IntervalMonthDayNano;
use chrono::NaiveDate;
use datafusion::common::Result;
use peristyle_catalog::model::PgType;

use super::define::{Call, Definition, immutable, overload, stable};
use super::error::{error, out_of_range};
use super::rows::*;
use super::signature::Ty;
use crate::semantics::{DAY_MICROS, days_to_micros};
use crate::values::Zone;

pub(crate) const DEFINITIONS: &[Definition] = &[
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
        &[overload(MAKE_TIMESTAMP, PgType::TIMESTAMP, |c| make_timestamp(c, |_, t| Ok(Some(t)), TimestampOut))],
    ),
    stable(
        "make_timestamptz",
        &[
            overload(MAKE_TIMESTAMP, PgType::TIMESTAMPTZ, |c| {
                let zone = c.context()?.zone();
                make_timestamp(c, |_, t| Ok(Some(zone.to_utc(t))), TimestamptzOut)
            }),
            overload(MAKE_IN_ZONE, PgType::TIMESTAMPTZ, |c| {
                let zones = Argument::<Text>::of(c, MAKE_TIMESTAMP.len());
                let place = |row, t| Ok(zones.get(row).map(Zone::of_parts).transpose()?.map(|zone| zone.to_utc(t)));
                make_timestamp(c, place, TimestamptzOut)
            }),
        ],
    ),
    immutable("make_interval", &[overload(&[Ty::Float8], PgType::INTERVAL, make_interval).variadic()]),
];

const MAKE_TIMESTAMP: &[Ty] = &[Ty::Int4, Ty::Int4, Ty::Int4, Ty::Int4, Ty::Int4, Ty::Float8];
const MAKE_IN_ZONE: &[Ty] = &[Ty::Int4, Ty::Int4, Ty::Int4, Ty::Int4, Ty::Int4, Ty::Float8, Ty::Text];

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

/// Timestamps of their parts; `place` makes one of a row's wall clock.
fn make_timestamp<R: Out>(
    call: &Call<'_>,
    place: impl Fn(usize, i64) -> Result<Option<i64>>,
    wrap: impl Fn(i64) -> R,
) -> Result<ArrayRef> {
    let parts: [Argument<'_, Int4>; 5] = std::array::from_fn(|place| Argument::of(call, place));
    let seconds = Argument::<Float8>::of(call, 5);
    let row = |row| {
        let [Some(year), Some(month), Some(day), Some(hour), Some(minute)] = parts.each_ref().map(|part| part.get(row))
        else {
            return Ok(None);
        };
        let Some(seconds) = seconds.get(row) else { return Ok(None) };
        let local = days_to_micros(make_date(year, month, day)?)? + make_time(hour, minute, seconds)?;
        Ok(place(row, local)?.map(&wrap))
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
