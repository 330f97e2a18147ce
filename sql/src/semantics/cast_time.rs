//! Casts between dates, times, timestamps and intervals, in the session's TimeZone.

use std::sync::Arc;

use arrow::array::*;
use arrow::datatypes::*;
use chrono::NaiveDate;
use datafusion::common::Result;

use super::cast::CastJob;
use crate::functions::error::error;
use crate::values::{
    DATE_INFINITY, DATE_NEGATIVE_INFINITY, MICROS_PER_DAY, TIMESTAMP_INFINITY, TIMESTAMP_NEGATIVE_INFINITY, Zone,
    round_micros,
};

pub(crate) const DAY_MICROS: i64 = MICROS_PER_DAY;
/// Days from 0001-01-01 of the proleptic calendar, as chrono counts them, to 1970-01-01.
const EPOCH_DAYS_FROM_CE: i32 = 719_163;

pub(crate) fn time_to_time(job: &CastJob<'_>, input: &ArrayRef) -> Result<ArrayRef> {
    let zone = job.context.map_or(Zone::Utc, |context| context.zone());
    let digits = job.target.typmod;
    Ok(match (input.data_type(), job.arrow) {
        (DataType::Date32, DataType::Timestamp(_, None)) => timestamps(map_days(input, days_to_micros)?, None),
        (DataType::Date32, DataType::Timestamp(_, Some(utc))) => {
            let days = map_days(input, |days| Ok(zone.to_utc(days_to_micros(days)?)))?;
            timestamps(days, Some(utc))
        }
        (DataType::Timestamp(_, from), DataType::Timestamp(_, to)) => {
            let convert = |micros| match (from, to) {
                (None, Some(_)) => zone.to_utc(micros),
                (Some(_), None) => zone.to_local(micros),
                _ => micros,
            };
            timestamps(map_micros(input, |micros| round_micros(convert(micros), digits)), to.as_ref())
        }
        (DataType::Timestamp(_, from), DataType::Date32) => {
            let local = |micros| if from.is_some() { zone.to_local(micros) } else { micros };
            let days = map_micros(input, |micros| micros_to_days(local(micros)));
            Arc::new(Date32Array::from_iter(days))
        }
        (DataType::Timestamp(_, from), DataType::Time64(_)) => {
            let local = |micros| if from.is_some() { zone.to_local(micros) } else { micros };
            let time = |micros| match micros {
                // As in PostgreSQL: the end of time has no time of day.
                TIMESTAMP_INFINITY | TIMESTAMP_NEGATIVE_INFINITY => None,
                micros => Some(round_micros(local(micros).rem_euclid(DAY_MICROS), digits)),
            };
            Arc::new(Time64MicrosecondArray::from_iter(map_micros(input, time).into_iter().map(Option::flatten)))
        }
        (DataType::Time64(_), DataType::Time64(_)) => {
            let times = input.as_primitive::<Time64MicrosecondType>();
            Arc::new(times.unary::<_, Time64MicrosecondType>(|micros| round_micros(micros, digits)))
        }
        (DataType::Time64(_), DataType::Interval(_)) => {
            let times = input.as_primitive::<Time64MicrosecondType>();
            let interval = |micros: i64| IntervalMonthDayNano::new(0, 0, micros * 1000);
            Arc::new(times.unary::<_, IntervalMonthDayNanoType>(interval))
        }
        (DataType::Interval(_), DataType::Time64(_)) => {
            let intervals = input.as_primitive::<IntervalMonthDayNanoType>();
            let time = |interval: IntervalMonthDayNano| (interval.nanoseconds / 1000).rem_euclid(DAY_MICROS);
            Arc::new(intervals.unary::<_, Time64MicrosecondType>(time))
        }
        (DataType::Interval(_), DataType::Interval(_)) => Arc::clone(input),
        (from, _) => return Err(job.cannot_cast(from)),
    })
}

fn map_days(input: &ArrayRef, f: impl Fn(i32) -> Result<i64>) -> Result<Vec<Option<i64>>> {
    input.as_primitive::<Date32Type>().iter().map(|days| days.map(&f).transpose()).collect()
}

fn map_micros<T>(input: &ArrayRef, f: impl Fn(i64) -> T) -> Vec<Option<T>> {
    input.as_primitive::<TimestampMicrosecondType>().iter().map(|micros| micros.map(&f)).collect()
}

fn timestamps(values: Vec<Option<i64>>, zone: Option<&Arc<str>>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(values).with_timezone_opt(zone.cloned()))
}

/// Midnight of a day, in microseconds of wall clock time.
pub(crate) fn days_to_micros(days: i32) -> Result<i64> {
    match days {
        DATE_INFINITY => Ok(TIMESTAMP_INFINITY),
        DATE_NEGATIVE_INFINITY => Ok(TIMESTAMP_NEGATIVE_INFINITY),
        _ => i64::from(days).checked_mul(DAY_MICROS).ok_or_else(|| error("22008", "date out of range for timestamp")),
    }
}

/// The day of a wall clock time.
pub(crate) fn micros_to_days(micros: i64) -> i32 {
    match micros {
        TIMESTAMP_INFINITY => DATE_INFINITY,
        TIMESTAMP_NEGATIVE_INFINITY => DATE_NEGATIVE_INFINITY,
        _ => micros.div_euclid(DAY_MICROS) as i32,
    }
}

/// The calendar's date of a day since 1970; `None` for infinities and far years.
pub(crate) fn date_of_days(days: i32) -> Option<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(days.checked_add(EPOCH_DAYS_FROM_CE)?)
}
