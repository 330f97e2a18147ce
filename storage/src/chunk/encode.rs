use arrow::array::types::{
    Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType, UInt32Type,
};
use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray};
use arrow::datatypes::{DataType, IntervalUnit, TimeUnit, ToByteSlice};

use super::{ALL_NULL, NO_NULLS, SOME_NULLS};
use crate::partition::NANOS_PER_MICRO;
use crate::{Error, Result};

/// A length as a little-endian base-128 number (LEB128).
pub(super) fn length(body: &mut Vec<u8>, length: usize) {
    let mut rest = length as u64;
    while rest >= 0x80 {
        body.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    body.push(rest as u8);
}

pub(super) fn column(body: &mut Vec<u8>, values: &ArrayRef) -> Result<()> {
    if values.null_count() == values.len() && !values.is_empty() {
        body.push(ALL_NULL);
        return Ok(());
    }
    if values.null_count() == 0 {
        body.push(NO_NULLS);
    } else {
        body.push(SOME_NULLS);
        bits(body, (0..values.len()).map(|row| values.is_valid(row)));
    }
    present_values(body, values)
}

/// Eight to a byte, the first in the lowest bit.
fn bits(body: &mut Vec<u8>, bits: impl Iterator<Item = bool>) {
    let mut bits = bits.peekable();
    while bits.peek().is_some() {
        body.push(bits.by_ref().take(8).enumerate().fold(0, |byte, (at, bit)| byte | (u8::from(bit) << at)));
    }
}

/// The values that are not NULL, in their order.
fn present_values(body: &mut Vec<u8>, values: &ArrayRef) -> Result<()> {
    match values.data_type() {
        DataType::Boolean => bits(body, values.as_boolean().iter().flatten()),
        DataType::Int16 => fixed::<Int16Type>(body, values),
        DataType::Int32 => fixed::<Int32Type>(body, values),
        DataType::Int64 => fixed::<Int64Type>(body, values),
        DataType::UInt32 => fixed::<UInt32Type>(body, values),
        DataType::Float32 => fixed::<Float32Type>(body, values),
        DataType::Float64 => fixed::<Float64Type>(body, values),
        DataType::Date32 => fixed::<Date32Type>(body, values),
        DataType::Time64(TimeUnit::Microsecond) => fixed::<Time64MicrosecondType>(body, values),
        DataType::Timestamp(TimeUnit::Microsecond, _) => fixed::<TimestampMicrosecondType>(body, values),
        DataType::Decimal128(..) => fixed::<Decimal128Type>(body, values),
        DataType::Decimal256(..) => {
            let values = values.as_primitive::<Decimal256Type>().iter().flatten();
            values.for_each(|value| body.extend_from_slice(&value.to_le_bytes()));
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => intervals(body, values),
        DataType::Utf8View => strings(body, values.as_string_view().iter().flatten().map(str::as_bytes)),
        DataType::BinaryView => strings(body, values.as_binary_view().iter().flatten()),
        DataType::LargeBinary => strings(body, values.as_binary::<i64>().iter().flatten()),
        DataType::FixedSizeBinary(_) => {
            values.as_fixed_size_binary().iter().flatten().for_each(|value| body.extend_from_slice(value));
        }
        DataType::List(_) => return lists(body, values),
        DataType::Struct(_) => return parts(body, values),
        other => return Err(Error::Unsupported(format!("storing a column of Arrow type {other}"))),
    }
    Ok(())
}

#[cfg(target_endian = "big")]
compile_error!("the values of a chunk body are written in memory order, which must be little-endian");

fn fixed<T: ArrowPrimitiveType>(body: &mut Vec<u8>, values: &ArrayRef) {
    let values = values.as_primitive::<T>();
    if values.null_count() == 0 {
        return body.extend_from_slice(values.values().to_byte_slice());
    }
    values.iter().flatten().for_each(|value| body.extend_from_slice(value.to_byte_slice()));
}

fn intervals(body: &mut Vec<u8>, values: &ArrayRef) {
    for value in values.as_primitive::<IntervalMonthDayNanoType>().iter().flatten() {
        body.extend_from_slice(&value.months.to_le_bytes());
        body.extend_from_slice(&value.days.to_le_bytes());
        body.extend_from_slice(&(value.nanoseconds / NANOS_PER_MICRO).to_le_bytes());
    }
}

fn strings<'a>(body: &mut Vec<u8>, values: impl Iterator<Item = &'a [u8]>) {
    for value in values {
        length(body, value.len());
        body.extend_from_slice(value);
    }
}

fn present(values: &ArrayRef) -> Result<ArrayRef> {
    if values.null_count() == 0 {
        return Ok(values.clone());
    }
    Ok(arrow::compute::filter(values, &arrow::compute::is_not_null(values)?)?)
}

/// The columns of a group, one after another.
fn parts(body: &mut Vec<u8>, values: &ArrayRef) -> Result<()> {
    present(values)?.as_struct().columns().iter().try_for_each(|part| column(body, part))
}

fn lists(body: &mut Vec<u8>, values: &ArrayRef) -> Result<()> {
    let present = present(values)?;
    let lists = present.as_list::<i32>();
    let offsets = lists.value_offsets();
    for range in offsets.windows(2) {
        length(body, (range[1] - range[0]) as usize);
    }
    let (first, last) = (offsets[0] as usize, offsets[offsets.len() - 1] as usize);
    column(body, &lists.values().slice(first, last - first))
}
