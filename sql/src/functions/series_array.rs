//! `generate_series` whose bounds come from rows: the series of each row as an array.

use arrow::array::ArrayRef;
use arrow::datatypes::*;
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use peristyle_catalog::model::PgType;
use peristyle_storage::special_numeric::Special;
use peristyle_storage::types::DECIMAL256_PRECISION_MAX;

use super::decimal::decimal_parts;
use super::define::{Call, Definition, computed, overload, stable};
use super::error::{invalid_parameter, numeric_overflow};
use super::interval::{add_to_timestamp, add_to_timestamptz, key};
use super::places::lists_from;
use super::rounding::unscaled;
use super::rows::{Argument, In, Int4, Int8, Interval, Timestamp};
use super::signature::Ty;
use super::time_zone::is_infinite;
use crate::semantics::type_planner::typed_field;

/// The series of a row as an array.
pub(crate) const SERIES: &str = "pg_series";
/// Items for which memory is asked at a time, at least.
const ITEMS_AT_ONCE: usize = 1024;

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
    let mut series = Series::<T::Native>::of(call)?;
    for row in 0..call.rows {
        let bounds =
            bound(0, row).zip(bound(1, row)).zip(bound(2, row)).map(|((start, stop), step)| (start, stop, step));
        // The bounds are of the type, and so is what lies between them.
        series.add(bounds, |value| T::Native::try_from(value).ok(), |value, step| Ok(value.checked_add(step)))?;
    }
    lists_from::<T>(call, series.values, series.lengths)
}

/// The series of a call's rows, one after another, counted in the statement's memory while they are made.
struct Series<V> {
    values: Vec<V>,
    lengths: Vec<Option<usize>>,
    memory: MemoryReservation,
}

impl<V> Series<V> {
    fn of(call: &Call<'_>) -> Result<Self> {
        let memory = MemoryConsumer::new("generate_series").register(&call.context()?.memory);
        Ok(Series { values: Vec::new(), lengths: Vec::with_capacity(call.rows), memory })
    }

    /// Adds a row: the values from a start to a stop by a step, as `item` writes each; no series if one is NULL. `next`
    /// gives none past what the type holds.
    fn add<B: PartialOrd + Copy, S: Copy + Direction>(
        &mut self,
        bounds: Option<(B, B, S)>,
        item: impl Fn(B) -> Option<V>,
        next: impl Fn(B, S) -> Result<Option<B>>,
    ) -> Result<()> {
        let Some((start, stop, step)) = bounds else {
            self.lengths.push(None);
            return Ok(());
        };
        let goes_up = match step.direction() {
            0 => return Err(invalid_parameter("step size cannot equal zero")),
            direction => direction > 0,
        };
        let before = self.values.len();
        let mut value = Some(start);
        while let Some(this) = value.filter(|value| if goes_up { *value <= stop } else { *value >= stop }) {
            self.reserve()?;
            self.values.extend(item(this));
            value = next(this, step)?;
        }
        self.lengths.push(Some(self.values.len() - before));
        Ok(())
    }

    /// Makes room for one more value.
    fn reserve(&mut self) -> Result<()> {
        if self.values.len() == self.values.capacity() {
            let more = self.values.capacity().max(ITEMS_AT_ONCE);
            self.memory.try_grow(more * size_of::<V>())?;
            self.values.reserve_exact(more);
        }
        Ok(())
    }
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
        let scaled = |value: i256| match Special::of(value) {
            Some(special) => Err(not_in_series(place, special)),
            None => value.checked_mul(power).ok_or_else(numeric_overflow),
        };
        values.into_iter().map(|value| value.map(scaled).transpose()).collect::<Result<Vec<_>>>()
    };
    let (starts, stops) = (at_scale(0)?, at_scale(1)?);
    let one = i256::from_i128(10).checked_pow(scale.unsigned_abs()).ok_or_else(numeric_overflow)?;
    let steps = if call.args.len() > 2 { at_scale(2)? } else { vec![Some(one); call.rows] };
    let mut series = Series::of(call)?;
    for ((start, stop), step) in starts.into_iter().zip(stops).zip(steps) {
        let bounds = start.zip(stop).zip(step).map(|((start, stop), step)| (start, stop, step));
        series.add(bounds, Some, |value, step| Ok(value.checked_add(step)))?;
    }
    lists_from::<Decimal256Type>(call, series.values, series.lengths)
}

/// 22023 for a start, stop or step that is no number.
fn not_in_series(place: usize, special: Special) -> DataFusionError {
    let bound = ["start value", "stop value", "step size"][place];
    let what = if special == Special::NaN { "NaN" } else { "infinity" };
    invalid_parameter(format!("{bound} cannot be {what}"))
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
    let mut series = Series::of(call)?;
    for row in 0..call.rows {
        let bounds = match (starts.get(row), stops.get(row), steps.get(row)) {
            (Some(start), Some(stop), Some(_)) if is_infinite(start) || is_infinite(stop) => {
                return Err(invalid_parameter("a series of timestamps needs finite bounds"));
            }
            (Some(start), Some(stop), Some(step)) => Some((start, stop, step)),
            _ => None,
        };
        series.add(bounds, Some, next)?;
    }
    lists_from::<TimestampMicrosecondType>(call, series.values, series.lengths)
}
