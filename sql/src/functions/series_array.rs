//! `generate_series` whose bounds come from rows: the series of each row as an array.

use arrow::array::ArrayRef;
use arrow::datatypes::*;
use datafusion::common::{Result, internal_err};
use peristyle_catalog::model::PgType;
use peristyle_storage::types::DECIMAL256_PRECISION_MAX;

use super::decimal::decimal_parts;
use super::define::{Call, Definition, computed, overload, stable};
use super::error::{error, invalid_parameter, numeric_overflow};
use super::interval::{add_to_timestamp, add_to_timestamptz, key};
use super::places::lists_of;
use super::rounding::unscaled;
use super::rows::{Argument, In, Int4, Int8, Interval, Timestamp};
use super::signature::Ty;
use super::time_zone::is_infinite;
use crate::semantics::type_planner::typed_field;

/// The series of a row as an array.
pub(crate) const SERIES: &str = "pg_series";
/// Most items of one such series; they are all in memory.
const ITEMS_MAX: usize = 10_000_000;

const INT4_ARRAY: PgType = PgType::plain(1007);
const INT8_ARRAY: PgType = PgType::plain(1016);
const NUMERIC_ARRAY: PgType = PgType::plain(1231);
const TIMESTAMP_ARRAY: PgType = PgType::plain(1115);
const TIMESTAMPTZ_ARRAY: PgType = PgType::plain(1185);

pub(crate) const DEFINITIONS: &[Definition] = &[stable(
    SERIES,
    &[
        overload(&[Ty::Int4, Ty::Int4], INT4_ARRAY, integers::<Int4, Int32Type>),
        overload(&[Ty::Int4, Ty::Int4, Ty::Int4], INT4_ARRAY, integers::<Int4, Int32Type>),
        overload(&[Ty::Int8, Ty::Int8], INT8_ARRAY, integers::<Int8, Int64Type>),
        overload(&[Ty::Int8, Ty::Int8, Ty::Int8], INT8_ARRAY, integers::<Int8, Int64Type>),
        computed(&[Ty::Numeric, Ty::Numeric], numerics_type, numerics),
        computed(&[Ty::Numeric, Ty::Numeric, Ty::Numeric], numerics_type, numerics),
        overload(&[Ty::Timestamp, Ty::Timestamp, Ty::Interval], TIMESTAMP_ARRAY, timestamps),
        overload(&[Ty::Timestamptz, Ty::Timestamptz, Ty::Interval], TIMESTAMPTZ_ARRAY, timestamps),
    ],
)];

fn integers<I, T>(call: &Call<'_>) -> Result<ArrayRef>
where
    I: for<'a> In<Value<'a> = T::Native>,
    T: ArrowPrimitiveType,
    T::Native: Into<i64> + TryFrom<i64>,
{
    let bounds: Vec<Argument<'_, I>> = (0..call.args.len()).map(|place| Argument::of(call, place)).collect();
    let bound = |place: usize, row| bounds.get(place).map_or(Some(1), |bound| bound.get(row).map(Into::into));
    let row = |row| match (bound(0, row), bound(1, row), bound(2, row)) {
        (Some(start), Some(stop), Some(step)) => {
            let series = counted(start, stop, step, |value, step| Ok(value.checked_add(step)))?;
            Ok(Some(series.into_iter().filter_map(|value| T::Native::try_from(value).ok()).collect()))
        }
        _ => Ok(None),
    };
    lists_of::<T>(call, (0..call.rows).map(row).collect::<Result<_>>()?)
}

/// The values from `start` to `stop`; `next` gives none past what the type holds.
fn counted<V: PartialOrd + Copy, S: Copy + Direction>(
    start: V,
    stop: V,
    step: S,
    next: impl Fn(V, S) -> Result<Option<V>>,
) -> Result<Vec<V>> {
    let goes_up = match step.direction() {
        0 => return Err(invalid_parameter("step size cannot equal zero")),
        direction => direction > 0,
    };
    let mut series = Vec::new();
    let mut value = Some(start);
    while let Some(this) = value.filter(|value| if goes_up { *value <= stop } else { *value >= stop }) {
        if series.len() == ITEMS_MAX {
            return Err(error("54000", format!("a series of more than {ITEMS_MAX} values in one row")));
        }
        series.push(this);
        value = next(this, step)?;
    }
    Ok(series)
}

/// The way in which a step leads.
trait Direction {
    /// Above zero for upwards.
    fn direction(self) -> i32;
}

impl Direction for i64 {
    fn direction(self) -> i32 {
        self.signum() as i32
    }
}

impl Direction for i256 {
    fn direction(self) -> i32 {
        if self == i256::ZERO {
            0
        } else if self.is_negative() {
            -1
        } else {
            1
        }
    }
}

impl Direction for IntervalMonthDayNano {
    fn direction(self) -> i32 {
        key(self).signum() as i32
    }
}

/// Numerics of the greatest scale of the bounds and the step.
fn numerics_type(name: &str, fields: &[FieldRef]) -> Result<FieldRef> {
    let scale = fields.iter().filter_map(|field| decimal_parts(field.data_type())).map(|(_, scale)| scale).max();
    let decimal = DataType::Decimal256(DECIMAL256_PRECISION_MAX, scale.unwrap_or(0));
    let item = typed_field(Field::LIST_FIELD_DEFAULT_NAME, PgType::NUMERIC, decimal);
    Ok(typed_field(name, NUMERIC_ARRAY, DataType::List(item)))
}

fn numerics(call: &Call<'_>) -> Result<ArrayRef> {
    let DataType::List(item) = call.return_type() else { return internal_err!("an array was expected") };
    let scale = decimal_parts(item.data_type()).map_or(0, |(_, scale)| i32::from(scale));
    let at_scale = |place: usize| {
        let (values, own) = unscaled(call, place)?;
        let power = i256::from_i128(10).checked_pow((scale - own).unsigned_abs()).ok_or_else(numeric_overflow)?;
        let scaled = |value: i256| value.checked_mul(power).ok_or_else(numeric_overflow);
        values.into_iter().map(|value| value.map(scaled).transpose()).collect::<Result<Vec<_>>>()
    };
    let (starts, stops) = (at_scale(0)?, at_scale(1)?);
    let one = i256::from_i128(10).checked_pow(scale.unsigned_abs()).ok_or_else(numeric_overflow)?;
    let steps = if call.args.len() > 2 { at_scale(2)? } else { vec![Some(one); call.rows] };
    let row = |row: usize| match (starts[row], stops[row], steps[row]) {
        (Some(start), Some(stop), Some(step)) => {
            counted(start, stop, step, |value, step| Ok(value.checked_add(step))).map(Some)
        }
        _ => Ok(None),
    };
    lists_of::<Decimal256Type>(call, (0..call.rows).map(row).collect::<Result<_>>()?)
}

fn timestamps(call: &Call<'_>) -> Result<ArrayRef> {
    let DataType::List(item) = call.return_type() else { return internal_err!("an array was expected") };
    let has_zone = matches!(item.data_type(), DataType::Timestamp(_, Some(_)));
    let zone = call.context()?.zone();
    let (starts, stops) = (Argument::<Timestamp>::of(call, 0), Argument::<Timestamp>::of(call, 1));
    let steps = Argument::<Interval>::of(call, 2);
    let next = |value: i64, step| {
        let next = if has_zone { add_to_timestamptz(value, step, zone) } else { add_to_timestamp(value, step) };
        next.map(Some)
    };
    let row = |row| match (starts.get(row), stops.get(row), steps.get(row)) {
        (Some(start), Some(stop), Some(_)) if is_infinite(start) || is_infinite(stop) => {
            Err(invalid_parameter("a series of timestamps needs finite bounds"))
        }
        (Some(start), Some(stop), Some(step)) => counted(start, stop, step, next).map(Some),
        _ => Ok(None),
    };
    lists_of::<TimestampMicrosecondType>(call, (0..call.rows).map(row).collect::<Result<_>>()?)
}
