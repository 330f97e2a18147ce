//! `extract(field from x)` as numeric and `date_part(field, x)` as double precision.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Float64Array};
use arrow::datatypes::*;
use chrono::{Datelike, NaiveDate};
use datafusion::common::Result;
use peristyle_catalog::model::PgType;
use peristyle_storage::packed::Timetz;

use super::datetime::unknown_unit;
use super::decimal::decimal_parts;
use super::define::{Call, Definition, Overload, Returns, overload, zoned};
use super::error::error;
use super::interval::key;
use super::packed_rows::Of;
use super::rows::*;
use super::signature::Ty;
use super::time_zone::is_infinite;
use super::timetz::TIMETZ;
use crate::semantics::date_of_days;
use crate::semantics::type_planner::typed_field;
use crate::semantics::{DAY_MICROS, days_to_micros, micros_to_days};

/// Fields are computed in millionths, which seconds, epochs and Julian days need.
const SCALE: i8 = 6;
/// Digits of a result.
const DIGITS: u8 = 24;
const UNIT: i128 = 1_000_000;
/// Stands for an infinite field, or negated for one below all numbers.
const INFINITE: i128 = i128::MAX;

/// What a value of time is taken apart as.
enum Source {
    /// Wall clock microseconds, seconds east of UTC if there is a zone, the type's name.
    Point {
        local: i64,
        offset: Option<i32>,
        type_name: &'static str,
    },
    Span(IntervalMonthDayNano),
    TimeOfDay(i64),
    TimeSomewhere(Timetz),
}

const fn as_numeric<const SCALE: i8>(parameters: &'static [Ty], eval: super::define::Eval) -> Overload {
    Overload { parameters, variadic: false, strict: true, returns: Returns::Computed(numeric_type::<SCALE>), eval }
}

/// `extract` to so many digits behind the point. Of dates, which have no time, it has whole fields alone.
macro_rules! extract_overloads {
    ($scale:literal) => {
        &[
            as_numeric::<$scale>(&[Ty::Text, Ty::Timestamp], |c| numeric(c, timestamp_values)),
            as_numeric::<$scale>(&[Ty::Text, Ty::Timestamptz], |c| numeric(c, timestamptz_values)),
            as_numeric::<0>(&[Ty::Text, Ty::Date], |c| numeric(c, date_values)),
            as_numeric::<$scale>(&[Ty::Text, Ty::Interval], |c| numeric(c, interval_values)),
            as_numeric::<$scale>(&[Ty::Text, Ty::Time], |c| numeric(c, time_values)),
            as_numeric::<$scale>(&[Ty::Text, TIMETZ], |c| numeric(c, timetz_values)),
        ]
    };
}

pub(crate) const DEFINITIONS: &[Definition] = &[
    zoned("extract", extract_overloads!(6)),
    zoned(OF_MILLISECONDS, extract_overloads!(3)),
    zoned(OF_WHOLE, extract_overloads!(0)),
    zoned(
        "date_part",
        &[
            overload(&[Ty::Text, Ty::Timestamp], PgType::FLOAT8, |c| double(c, timestamp_values)),
            overload(&[Ty::Text, Ty::Timestamptz], PgType::FLOAT8, |c| double(c, timestamptz_values)),
            overload(&[Ty::Text, Ty::Date], PgType::FLOAT8, |c| double(c, midnight_values)),
            overload(&[Ty::Text, Ty::Interval], PgType::FLOAT8, |c| double(c, interval_values)),
            overload(&[Ty::Text, Ty::Time], PgType::FLOAT8, |c| double(c, time_values)),
            overload(&[Ty::Text, TIMETZ], PgType::FLOAT8, |c| double(c, timetz_values)),
        ],
    ),
];

const OF_MILLISECONDS: &str = "pg_extract_milliseconds";
const OF_WHOLE: &str = "pg_extract_whole";

/// Every name under which a field is extracted as a numeric.
pub(crate) const NAMES: &[&str] = &["extract", OF_MILLISECONDS, OF_WHOLE];

/// The function whose result has as many digits behind the point as the field.
pub(crate) fn function_for(field: &str) -> &'static str {
    match field {
        "epoch" | "julian" | "second" | "seconds" => "extract",
        "millisecond" | "milliseconds" | "ms" => OF_MILLISECONDS,
        _ => OF_WHOLE,
    }
}

fn numeric_type<const SCALE: i8>(name: &str, _fields: &[FieldRef]) -> Result<FieldRef> {
    Ok(typed_field(name, PgType::NUMERIC, DataType::Decimal128(DIGITS, SCALE)))
}

type Values = fn(&Call<'_>) -> Result<Vec<Option<i128>>>;

fn numeric(call: &Call<'_>, values: Values) -> Result<ArrayRef> {
    let scale = decimal_parts(call.return_type()).map_or(0, |parts| parts.1);
    let divisor = 10_i128.pow((SCALE - scale).unsigned_abs().into());
    let values = values(call)?.into_iter().map(|value| match value.map(i128::abs) {
        Some(INFINITE) => Err(error("22003", "an infinite field of time cannot be stored as numeric")),
        _ => Ok(value.map(|value| value / divisor)),
    });
    let values = values.collect::<Result<Vec<_>>>()?.into_iter();
    Ok(Arc::new(values.collect::<Decimal128Array>().with_data_type(call.return_type().clone())))
}

fn double(call: &Call<'_>, values: Values) -> Result<ArrayRef> {
    let double = |value: i128| match value {
        INFINITE => f64::INFINITY,
        value if value == -INFINITE => f64::NEG_INFINITY,
        value => value as f64 / UNIT as f64,
    };
    let doubles = values(call)?.into_iter().map(|value| value.map(double));
    Ok(Arc::new(doubles.collect::<Float64Array>()))
}

fn values<A: In>(call: &Call<'_>, source: impl Fn(A::Value<'_>) -> Result<Source>) -> Result<Vec<Option<i128>>> {
    let (fields, times) = (Argument::<Text>::of(call, 0), Argument::<A>::of(call, 1));
    let row = |row| match (fields.get(row), times.get(row)) {
        (Some(field), Some(time)) => field_of(field, &source(time)?),
        _ => Ok(None),
    };
    (0..call.rows).map(row).collect()
}

fn timestamp_values(call: &Call<'_>) -> Result<Vec<Option<i128>>> {
    let type_name = "timestamp without time zone";
    values::<Timestamp>(call, |local| Ok(Source::Point { local, offset: None, type_name }))
}

fn timestamptz_values(call: &Call<'_>) -> Result<Vec<Option<i128>>> {
    let zone = call.context()?.zone();
    let type_name = "timestamp with time zone";
    values::<Timestamp>(call, |utc| {
        Ok(Source::Point { local: zone.to_local(utc), offset: Some(zone.offset_seconds_at(utc)), type_name })
    })
}

fn date_values(call: &Call<'_>) -> Result<Vec<Option<i128>>> {
    values::<Date>(call, |days| Ok(Source::Point { local: days_to_micros(days)?, offset: None, type_name: "date" }))
}

/// `date_part` takes a date as a timestamp, `extract` does not.
fn midnight_values(call: &Call<'_>) -> Result<Vec<Option<i128>>> {
    let type_name = "timestamp without time zone";
    values::<Date>(call, |days| Ok(Source::Point { local: days_to_micros(days)?, offset: None, type_name }))
}

fn interval_values(call: &Call<'_>) -> Result<Vec<Option<i128>>> {
    values::<Interval>(call, |interval| Ok(Source::Span(interval)))
}

fn time_values(call: &Call<'_>) -> Result<Vec<Option<i128>>> {
    values::<Time>(call, |micros| Ok(Source::TimeOfDay(micros)))
}

fn timetz_values(call: &Call<'_>) -> Result<Vec<Option<i128>>> {
    values::<Of<Timetz>>(call, |time| Ok(Source::TimeSomewhere(time)))
}

/// The field in millionths; `None` where an infinite value has none.
fn field_of(field: &str, source: &Source) -> Result<Option<i128>> {
    let field = field.trim().to_ascii_lowercase();
    match source {
        Source::Point { type_name: "date", .. } if clock_field(&field, 0).is_some() => Err(unsupported(&field, "date")),
        Source::Point { local, type_name, .. } if is_infinite(*local) => infinite_field(&field, *local, type_name),
        Source::Point { local, offset, type_name } => {
            point_field(&field, *local, *offset).map(Some).ok_or_else(|| unsupported(&field, type_name))
        }
        Source::Span(interval) => {
            span_field(&field, *interval).map(Some).ok_or_else(|| unsupported(&field, "interval"))
        }
        Source::TimeOfDay(micros) => match field.as_str() {
            "epoch" => Some(i128::from(*micros)),
            _ => clock_field(&field, *micros),
        }
        .map(Some)
        .ok_or_else(|| unsupported(&field, "time without time zone")),
        Source::TimeSomewhere(time) => match field.as_str() {
            "epoch" => Some(time.utc_micros().into()),
            _ => clock_field(&field, time.micros).or_else(|| Some(offset_field(&field, time.offset)? * UNIT)),
        }
        .map(Some)
        .ok_or_else(|| unsupported(&field, "time with time zone")),
    }
}

/// Fields that grow without end are infinite themselves, all others of such times are NULL.
fn infinite_field(field: &str, local: i64, type_name: &str) -> Result<Option<i128>> {
    match field {
        "epoch" | "julian" | "year" | "years" | "isoyear" | "decade" | "decades" | "century" | "centuries"
        | "millennium" | "millennia" => Ok(Some(if local > 0 { INFINITE } else { -INFINITE })),
        _ if point_field(field, 0, Some(0)).is_some() => Ok(None),
        _ => Err(unknown_unit(field, type_name)),
    }
}

fn unsupported(field: &str, type_name: &str) -> datafusion::common::DataFusionError {
    const KNOWN: &[&str] = &[
        "epoch",
        "julian",
        "year",
        "isoyear",
        "decade",
        "century",
        "millennium",
        "quarter",
        "month",
        "week",
        "day",
        "dow",
        "isodow",
        "doy",
        "hour",
        "minute",
        "second",
        "milliseconds",
        "microseconds",
        "timezone",
        "timezone_hour",
        "timezone_minute",
    ];
    if KNOWN.contains(&field) {
        return error("0A000", format!("unit \"{field}\" not supported for type {type_name}"));
    }
    unknown_unit(field, type_name)
}

fn clock_field(field: &str, micros_of_day: i64) -> Option<i128> {
    let micros = i128::from(micros_of_day);
    let of_minute = micros % 60_000_000;
    Some(match field {
        "hour" | "hours" => micros / 3_600_000_000 * UNIT,
        "minute" | "minutes" => micros / 60_000_000 % 60 * UNIT,
        "second" | "seconds" => of_minute,
        "millisecond" | "milliseconds" | "ms" => of_minute * 1000,
        "microsecond" | "microseconds" | "us" => of_minute * UNIT,
        _ => return None,
    })
}

/// Years before 1 are counted without a year 0.
fn historical(year: i32) -> i128 {
    i128::from(if year > 0 { year } else { year - 1 })
}

/// Which span of so many years a year lies in, from 1, or below -1.
fn ordinal_span(year: i32, years: i32) -> i128 {
    let historical = if year > 0 { year } else { year - 1 };
    i128::from(if historical > 0 { (historical + years - 1) / years } else { -((years - 1 - historical) / years) })
}

fn point_field(field: &str, local: i64, offset: Option<i32>) -> Option<i128> {
    if let Some(value) = clock_field(field, local.rem_euclid(DAY_MICROS)) {
        return Some(value);
    }
    let date: NaiveDate = date_of_days(micros_to_days(local))?;
    let whole = match field {
        "epoch" => return Some(i128::from(local) - i128::from(offset.unwrap_or(0)) * UNIT),
        "julian" => return Some(julian(local)),
        "year" | "years" => historical(date.year()),
        "isoyear" => historical(date.iso_week().year()),
        "decade" | "decades" => i128::from(date.year().div_euclid(10)),
        "century" | "centuries" => ordinal_span(date.year(), 100),
        "millennium" | "millennia" => ordinal_span(date.year(), 1000),
        "quarter" => i128::from(date.month0() / 3 + 1),
        "month" | "months" => date.month().into(),
        "week" | "weeks" => date.iso_week().week().into(),
        "day" | "days" => date.day().into(),
        "dow" => date.weekday().num_days_from_sunday().into(),
        "isodow" => date.weekday().number_from_monday().into(),
        "doy" => date.ordinal().into(),
        _ => offset_field(field, offset?)?,
    };
    Some(whole * UNIT)
}

fn offset_field(field: &str, offset: i32) -> Option<i128> {
    match field {
        "timezone" => Some(offset.into()),
        "timezone_hour" => Some((offset / 3600).into()),
        "timezone_minute" => Some((offset % 3600 / 60).into()),
        _ => None,
    }
}

/// Days since 4714-11-24 BC, in millionths.
fn julian(local: i64) -> i128 {
    const EPOCH_JULIAN_DAY: i128 = 2_440_588;
    let day = i128::from(local.div_euclid(DAY_MICROS)) + EPOCH_JULIAN_DAY;
    day * UNIT + i128::from(local.rem_euclid(DAY_MICROS)) * UNIT / i128::from(DAY_MICROS)
}

fn span_field(field: &str, interval: IntervalMonthDayNano) -> Option<i128> {
    let micros = interval.nanoseconds / 1000;
    if let Some(value) = clock_field(field, micros) {
        return Some(value);
    }
    let months = i128::from(interval.months);
    let whole = match field {
        // A year of an epoch has 365.25 days.
        "epoch" => {
            let years = months / 12 * 31_557_600;
            let rest = key(IntervalMonthDayNano::new(interval.months % 12, interval.days, interval.nanoseconds));
            return Some(years * UNIT + rest);
        }
        "year" | "years" => months / 12,
        "month" | "months" => months % 12,
        "quarter" => months % 12 / 3 + 1,
        "day" | "days" => interval.days.into(),
        "decade" | "decades" => months / 120,
        "century" | "centuries" => months / 1200,
        "millennium" | "millennia" => months / 12_000,
        _ => return None,
    };
    Some(whole * UNIT)
}
