//! `(start, end) OVERLAPS (start, end)`, where an end may be a length.

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use peristyle_catalog::model::PgType;

use super::define::{Call, Definition, Overload, overload, zoned};
use super::interval::{add_to_timestamp, add_to_timestamptz};
use super::rows::*;
use super::signature::Ty;
use crate::semantics::DAY_MICROS;

/// The overloads over a type of time.
macro_rules! over {
    ($ty:expr, $eval:expr) => {
        [
            overload(&[$ty, $ty, $ty, $ty], PgType::BOOL, $eval),
            overload(&[$ty, Ty::Interval, $ty, Ty::Interval], PgType::BOOL, $eval),
            overload(&[$ty, Ty::Interval, $ty, $ty], PgType::BOOL, $eval),
            overload(&[$ty, $ty, $ty, Ty::Interval], PgType::BOOL, $eval),
        ]
    };
}

const TIMESTAMPS: [Overload; 4] = over!(Ty::Timestamp, overlaps);
const TIMESTAMPTZS: [Overload; 4] = over!(Ty::Timestamptz, overlaps);
const TIMES_OF_DAY: [Overload; 4] = over!(Ty::Time, times_overlap);
const fn seeing_nulls(overloads: [Overload; 4]) -> [Overload; 4] {
    let [a, b, c, d] = overloads;
    [a.not_strict(), b.not_strict(), c.not_strict(), d.not_strict()]
}
const LOCAL: [Overload; 4] = seeing_nulls(TIMESTAMPS);
const ZONED: [Overload; 4] = seeing_nulls(TIMESTAMPTZS);
const TIMES: [Overload; 4] = seeing_nulls(TIMES_OF_DAY);

pub(crate) const DEFINITIONS: &[Definition] = &[zoned("overlaps", &OVERLOADS)];

const OVERLOADS: [Overload; 12] = [
    LOCAL[0], LOCAL[1], LOCAL[2], LOCAL[3], ZONED[0], ZONED[1], ZONED[2], ZONED[3], TIMES[0], TIMES[1], TIMES[2],
    TIMES[3],
];

fn overlaps(call: &Call<'_>) -> Result<ArrayRef> {
    let row = |row| Ok(decided(period(call, 0, row)?, period(call, 2, row)?));
    Ok(bool::collect((0..call.rows).map(row).collect::<Result<_>>()?))
}

/// Of times of day, to which a length is added around midnight.
fn times_overlap(call: &Call<'_>) -> Result<ArrayRef> {
    let period = |place, row| {
        let start = Argument::<Time>::of(call, place).get(row);
        let end = match call.args[place + 1].data_type() {
            DataType::Interval(_) => start
                .zip(Argument::<Interval>::of(call, place + 1).get(row))
                .map(|(start, length)| start.saturating_add(length.nanoseconds / 1000).rem_euclid(DAY_MICROS)),
            _ => Argument::<Time>::of(call, place + 1).get(row),
        };
        in_order(start, end)
    };
    Ok(bool::collect((0..call.rows).map(|row| decided(period(0, row), period(2, row))).collect()))
}

fn in_order(start: Option<i64>, end: Option<i64>) -> (Option<i64>, Option<i64>) {
    match (start, end) {
        (Some(start), Some(end)) => (Some(start.min(end)), Some(start.max(end))),
        (start, end) => (start.or(end), None),
    }
}

/// The bounds of a period, the lesser first; one that is NULL comes last.
fn period(call: &Call<'_>, place: usize, row: usize) -> Result<(Option<i64>, Option<i64>)> {
    let start = Argument::<Timestamp>::of(call, place).get(row);
    let is_length = matches!(call.args[place + 1].data_type(), DataType::Interval(_));
    let end = match start {
        Some(start) if is_length => match Argument::<Interval>::of(call, place + 1).get(row) {
            Some(length) if has_zone(call, place) => Some(add_to_timestamptz(start, length, call.context()?.zone())?),
            Some(length) => Some(add_to_timestamp(start, length)?),
            None => None,
        },
        _ if is_length => None,
        _ => Argument::<Timestamp>::of(call, place + 1).get(row),
    };
    Ok(in_order(start, end))
}

fn has_zone(call: &Call<'_>, place: usize) -> bool {
    matches!(call.args[place].data_type(), DataType::Timestamp(_, Some(_)))
}

/// Whether two periods share an instant; NULL where a bound that would tell is.
fn decided(a: (Option<i64>, Option<i64>), b: (Option<i64>, Option<i64>)) -> Option<bool> {
    let (Some(a_start), Some(b_start)) = (a.0, b.0) else { return None };
    if a_start == b_start {
        return (a.1.is_some() && b.1.is_some()).then_some(true);
    }
    let (earlier, later_start) = if a_start < b_start { (a, b_start) } else { (b, a_start) };
    let other_end = if a_start < b_start { b.1 } else { a.1 };
    match earlier.1 {
        Some(end) if later_start < end => Some(true),
        Some(_) => other_end.map(|_| false),
        None => None,
    }
}
