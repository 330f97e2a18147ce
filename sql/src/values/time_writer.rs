//! Writers of dates, times, timestamps and intervals, from every unit that Arrow has.

use arrow::array::{Array, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType,
    DurationSecondType, IntervalDayTime, IntervalDayTimeType, IntervalMonthDayNanoType, IntervalUnit,
    IntervalYearMonthType, Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType,
    TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use bytes::{BufMut, BytesMut};
use peristyle_catalog::model::TypeKind;

use super::calendar::{
    DATE_INFINITY, DATE_NEGATIVE_INFINITY, MICROS_PER_DAY, MICROS_PER_SECOND, POSTGRES_EPOCH_DAYS,
    POSTGRES_EPOCH_MICROS, TIMESTAMP_INFINITY, TIMESTAMP_NEGATIVE_INFINITY, write_time,
};
use super::date_style::{write_date, write_timestamp, write_timestamptz};
use super::interval::Interval;
use super::style::Format;
use super::writer::{BoxedWriter, Request, primitive};
use crate::error::{Result, SqlError};

const MILLIS_PER_DAY: i64 = 86_400_000;

pub(super) fn writer(array: &dyn Array, request: Request) -> Result<BoxedWriter<'_>> {
    match array.data_type() {
        DataType::Date32 => days(array.as_primitive::<Date32Type>(), request, |days| days),
        DataType::Date64 => {
            days(array.as_primitive::<Date64Type>(), request, |ms| ms.div_euclid(MILLIS_PER_DAY) as i32)
        }
        DataType::Time32(TimeUnit::Second) => {
            time(array.as_primitive::<Time32SecondType>(), request, |s| i64::from(s) * MICROS_PER_SECOND)
        }
        DataType::Time32(_) => time(array.as_primitive::<Time32MillisecondType>(), request, |ms| i64::from(ms) * 1000),
        DataType::Time64(TimeUnit::Nanosecond) => {
            time(array.as_primitive::<Time64NanosecondType>(), request, |ns| ns / 1000)
        }
        DataType::Time64(_) => time(array.as_primitive::<Time64MicrosecondType>(), request, |us| us),
        DataType::Timestamp(unit, zone) => timestamp_of_unit(array, *unit, zone.is_some(), request),
        DataType::Duration(unit) => duration(array, *unit, request),
        DataType::Interval(unit) => interval_of_unit(array, *unit, request),
        other => Err(SqlError::internal(format!("{other} is no date or time"))),
    }
}

fn days<'a, T: ArrowPrimitiveType>(
    array: &'a PrimitiveArray<T>,
    request: Request,
    to_days: impl Fn(T::Native) -> i32 + Send + 'a,
) -> Result<BoxedWriter<'a>> {
    match (request.format, request.kind) {
        (_, TypeKind::Timestamp | TypeKind::Timestamptz) => {
            timestamp(array, request, false, move |value| Some(midnight(to_days(value))))
        }
        _ if request.is_plain_text() => Ok(primitive(array, move |value, out| {
            write_date(&request.style, to_days(value), out);
            Ok(())
        })),
        (_, TypeKind::Date) => Ok(primitive(array, move |value, out| {
            out.put_i32(binary_days(to_days(value)));
            Ok(())
        })),
        _ => request.bridge(array),
    }
}

/// The instant at which a UTC day begins; infinities stay.
fn midnight(days: i32) -> i64 {
    match days {
        DATE_INFINITY => TIMESTAMP_INFINITY,
        DATE_NEGATIVE_INFINITY => TIMESTAMP_NEGATIVE_INFINITY,
        days => i64::from(days).saturating_mul(MICROS_PER_DAY),
    }
}

fn binary_days(days: i32) -> i32 {
    match days {
        DATE_INFINITY | DATE_NEGATIVE_INFINITY => days,
        days => days.saturating_sub(POSTGRES_EPOCH_DAYS),
    }
}

fn time<'a, T: ArrowPrimitiveType>(
    array: &'a PrimitiveArray<T>,
    request: Request,
    to_micros: impl Fn(T::Native) -> i64 + Send + 'a,
) -> Result<BoxedWriter<'a>> {
    match request.kind {
        _ if request.is_plain_text() => Ok(primitive(array, move |value, out| {
            write_time(to_micros(value), out);
            Ok(())
        })),
        TypeKind::Time => Ok(primitive(array, move |value, out| {
            out.put_i64(to_micros(value));
            Ok(())
        })),
        _ => request.bridge(array),
    }
}

fn timestamp_of_unit(array: &dyn Array, unit: TimeUnit, has_zone: bool, request: Request) -> Result<BoxedWriter<'_>> {
    match unit {
        TimeUnit::Second => {
            let array = array.as_primitive::<TimestampSecondType>();
            timestamp(array, request, has_zone, |s| scale_up(s, MICROS_PER_SECOND))
        }
        TimeUnit::Millisecond => {
            let array = array.as_primitive::<TimestampMillisecondType>();
            timestamp(array, request, has_zone, |ms| scale_up(ms, 1000))
        }
        TimeUnit::Microsecond => timestamp(array.as_primitive::<TimestampMicrosecondType>(), request, has_zone, Some),
        TimeUnit::Nanosecond => {
            let array = array.as_primitive::<TimestampNanosecondType>();
            timestamp(array, request, has_zone, |ns| Some(scale_down(ns)))
        }
    }
}

/// Infinities are the ends of 64 bits in every unit.
fn scale_up(value: i64, factor: i64) -> Option<i64> {
    match value {
        TIMESTAMP_INFINITY | TIMESTAMP_NEGATIVE_INFINITY => Some(value),
        value => value.checked_mul(factor),
    }
}

fn scale_down(nanos: i64) -> i64 {
    match nanos {
        TIMESTAMP_INFINITY | TIMESTAMP_NEGATIVE_INFINITY => nanos,
        nanos => nanos.div_euclid(1000),
    }
}

fn timestamp<'a, T: ArrowPrimitiveType>(
    array: &'a PrimitiveArray<T>,
    request: Request,
    has_zone: bool,
    to_micros: impl Fn(T::Native) -> Option<i64> + Send + 'a,
) -> Result<BoxedWriter<'a>> {
    let to_micros = move |value| to_micros(value).ok_or_else(super::binary_input::timestamp_out_of_range);
    let style = request.style;
    match request.kind {
        TypeKind::Date if request.format == Format::Text => Ok(primitive(array, move |value, out| {
            write_date(&style, day_of(to_micros(value)?), out);
            Ok(())
        })),
        TypeKind::Date => Ok(primitive(array, move |value, out| {
            out.put_i32(binary_days(day_of(to_micros(value)?)));
            Ok(())
        })),
        TypeKind::Timestamp | TypeKind::Timestamptz if request.format == Format::Binary => {
            Ok(primitive(array, move |value, out| {
                out.put_i64(binary_micros(to_micros(value)?));
                Ok(())
            }))
        }
        kind if request.is_plain_text()
            && (kind == TypeKind::Timestamptz || (has_zone && kind != TypeKind::Timestamp)) =>
        {
            Ok(primitive(array, move |value, out: &mut BytesMut| {
                write_timestamptz(&style, to_micros(value)?, out);
                Ok(())
            }))
        }
        _ if request.is_plain_text() => Ok(primitive(array, move |value, out| {
            write_timestamp(&style, to_micros(value)?, out);
            Ok(())
        })),
        _ => request.bridge(array),
    }
}

fn day_of(micros: i64) -> i32 {
    match micros {
        TIMESTAMP_INFINITY => DATE_INFINITY,
        TIMESTAMP_NEGATIVE_INFINITY => DATE_NEGATIVE_INFINITY,
        // 64 bits of microseconds are fewer than 2^31 days.
        micros => micros.div_euclid(MICROS_PER_DAY) as i32,
    }
}

fn binary_micros(micros: i64) -> i64 {
    match micros {
        TIMESTAMP_INFINITY | TIMESTAMP_NEGATIVE_INFINITY => micros,
        micros => micros.saturating_sub(POSTGRES_EPOCH_MICROS),
    }
}

fn duration(array: &dyn Array, unit: TimeUnit, request: Request) -> Result<BoxedWriter<'_>> {
    let elapsed = |micros: i64| Ok(Interval::from_elapsed_micros(micros));
    let up = |value: i64, factor: i64| {
        let micros = value.checked_mul(factor).ok_or_else(super::interval::out_of_range)?;
        Ok(Interval::from_elapsed_micros(micros))
    };
    match unit {
        TimeUnit::Second => {
            interval(array.as_primitive::<DurationSecondType>(), request, move |s| up(s, MICROS_PER_SECOND))
        }
        TimeUnit::Millisecond => {
            interval(array.as_primitive::<DurationMillisecondType>(), request, move |ms| up(ms, 1000))
        }
        TimeUnit::Microsecond => interval(array.as_primitive::<DurationMicrosecondType>(), request, elapsed),
        TimeUnit::Nanosecond => {
            interval(array.as_primitive::<DurationNanosecondType>(), request, move |ns| elapsed(ns / 1000))
        }
    }
}

fn interval_of_unit(array: &dyn Array, unit: IntervalUnit, request: Request) -> Result<BoxedWriter<'_>> {
    match unit {
        IntervalUnit::YearMonth => interval(array.as_primitive::<IntervalYearMonthType>(), request, |months| {
            Ok(Interval { months, ..Interval::default() })
        }),
        IntervalUnit::DayTime => {
            interval(array.as_primitive::<IntervalDayTimeType>(), request, |value: IntervalDayTime| {
                Ok(Interval { months: 0, days: value.days, micros: i64::from(value.milliseconds) * 1000 })
            })
        }
        IntervalUnit::MonthDayNano => {
            interval(array.as_primitive::<IntervalMonthDayNanoType>(), request, |value| Ok(Interval::from_arrow(value)))
        }
    }
}

fn interval<'a, T: ArrowPrimitiveType>(
    array: &'a PrimitiveArray<T>,
    request: Request,
    to_interval: impl Fn(T::Native) -> Result<Interval> + Send + 'a,
) -> Result<BoxedWriter<'a>> {
    let style = request.style.interval_style;
    match request.kind {
        _ if request.is_plain_text() => Ok(primitive(array, move |value, out| {
            to_interval(value)?.write(style, out);
            Ok(())
        })),
        TypeKind::Interval => Ok(primitive(array, move |value, out| {
            let interval = to_interval(value)?;
            out.put_i64(interval.micros);
            out.put_i32(interval.days);
            out.put_i32(interval.months);
            Ok(())
        })),
        _ => request.bridge(array),
    }
}
