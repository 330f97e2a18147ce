//! What functions and operators of times do with those that have an offset.

use arrow::datatypes::{DataType, IntervalMonthDayNano};
use datafusion::common::Result;
use peristyle_catalog::model::{PgType, TypeKind};
use peristyle_storage::packed::{self, Timetz};

use super::define::{Definition, Overload, overload, stable};
use super::error::error;
use super::packed_rows::Of;
use super::rows::{Date, Int4, Interval, Text, TimestamptzOut, map1, map2};
use super::signature::{Ty, is_string};
use crate::semantics::{DAY_MICROS, days_to_micros};
use crate::values::{MICROS_PER_SECOND, Zone, round_micros};

pub(super) const TIMETZ: Ty = Ty::Packed(TypeKind::Timetz);

/// `time AT TIME ZONE 'name'` in plans: the zone has another offset on another day.
const AT_ZONE: &str = "pg_op_timetz_at_zone";

pub(crate) const DEFINITIONS: &[Definition] = &[stable(AT_ZONE, &[IN_ZONE])];

/// The function in whose place a call of `timezone` with arguments of such types stands, which is not the same on all days.
pub(crate) fn at_zone(function: &str, arguments: &[DataType]) -> Option<&'static str> {
    let [zone, time] = arguments else { return None };
    let is_meant = packed::kind_of(time) == Some(TypeKind::Timetz) && is_string(zone);
    (function == "timezone" && is_meant).then_some(AT_ZONE)
}

/// `time + interval`.
pub(super) const ADD: Overload = overload(&[TIMETZ, Ty::Interval], PgType::TIMETZ, |c| {
    map2::<Of<Timetz>, Interval, _>(c, |time, by| Ok(later(time, by.nanoseconds / 1000)))
});
/// `time - interval`.
pub(super) const SUBTRACT: Overload = overload(&[TIMETZ, Ty::Interval], PgType::TIMETZ, |c| {
    map2::<Of<Timetz>, Interval, _>(c, |time, by| Ok(later(time, -(by.nanoseconds / 1000))))
});
/// `date + time`.
pub(super) const ON_DATE: Overload = overload(&[Ty::Date, TIMETZ], PgType::TIMESTAMPTZ, |c| {
    map2::<Date, Of<Timetz>, TimestamptzOut>(c, |day, time| {
        Ok(TimestamptzOut(days_to_micros(day)?.saturating_add(time.utc_micros())))
    })
});
/// `time AT TIME ZONE 'name'`: the zone's offset is that of the statement's transaction.
pub(super) const IN_ZONE: Overload = overload(&[Ty::Text, TIMETZ], PgType::TIMETZ, |c| {
    let now = c.context()?.transaction_start.0;
    map2::<Text, Of<Timetz>, _>(c, |zone, time| Ok(at_offset(time, Zone::of_expression(zone)?.offset_seconds_at(now))))
});
pub(super) const IN_OFFSET: Overload = overload(&[Ty::Interval, TIMETZ], PgType::TIMETZ, |c| {
    map2::<Interval, Of<Timetz>, _>(c, |offset, time| Ok(at_offset(time, offset_of(offset)?)))
});
pub(super) const NOW: &[Overload] = &[
    overload(&[], PgType::TIMETZ, |c| {
        let (now, zone) = (c.context()?.transaction_start.0, c.context()?.zone());
        Ok(super::packed_rows::collect(vec![Some(of_instant(now, zone)); c.rows]))
    }),
    overload(&[Ty::Int4], PgType::TIMETZ, |c| {
        let (now, zone) = (c.context()?.transaction_start.0, c.context()?.zone());
        map1::<Int4, _>(c, |digits| Ok(of_instant(round_micros(now, digits), zone)))
    }),
];

/// The time of day of an instant somewhere.
pub(crate) fn of_instant(utc_micros: i64, zone: Zone) -> Timetz {
    let offset = zone.offset_seconds_at(utc_micros);
    let micros = zone.to_local(utc_micros).rem_euclid(DAY_MICROS);
    Timetz { micros, offset }
}

/// A time of day with the offset that a zone has at an instant.
pub(crate) fn with_zone(micros: i64, zone: Zone, now: i64) -> Timetz {
    let today = zone.to_local(now).div_euclid(DAY_MICROS) * DAY_MICROS;
    let offset = zone.offset_seconds_of(today + micros).unwrap_or_else(|| zone.offset_seconds_at(now));
    Timetz { micros, offset }
}

fn later(time: Timetz, micros: i64) -> Timetz {
    Timetz { micros: (time.micros.wrapping_add(micros)).rem_euclid(DAY_MICROS), ..time }
}

fn at_offset(time: Timetz, offset: i32) -> Timetz {
    let micros = time.utc_micros() + i64::from(offset) * MICROS_PER_SECOND;
    Timetz { micros: micros.rem_euclid(DAY_MICROS), offset }
}

fn offset_of(interval: IntervalMonthDayNano) -> Result<i32> {
    if interval.months != 0 || interval.days != 0 {
        return Err(error("22023", "interval time zone must not include months or days"));
    }
    Ok((interval.nanoseconds / 1000 / MICROS_PER_SECOND) as i32)
}
