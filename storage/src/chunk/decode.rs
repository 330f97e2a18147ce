use std::sync::Arc;

use arrow::array::types::{
    Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    IntervalMonthDayNano, IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType, UInt32Type,
};
use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BinaryViewBuilder, BooleanArray, FixedSizeBinaryBuilder, ListArray, PrimitiveArray,
    StringViewBuilder, StructArray, UInt32Array, new_null_array,
};
use arrow::buffer::{BooleanBuffer, NullBuffer, OffsetBuffer};
use arrow::compute::take;
use arrow::datatypes::{ArrowNativeType, DataType, FieldRef, Fields, IntervalUnit, TimeUnit, i256};

use super::{ALL_NULL, NO_NULLS, SOME_NULLS};
use crate::partition::NANOS_PER_MICRO;
use crate::{Error, Result};

/// What is left of a body.
pub(super) struct Input<'a>(&'a [u8]);

fn damaged(detail: &str) -> Error {
    Error::corrupt("chunk", detail)
}

impl<'a> Input<'a> {
    pub(super) fn new(body: &'a [u8]) -> Input<'a> {
        Input(body)
    }

    pub(super) fn byte(&mut self) -> Result<u8> {
        Ok(self.bytes(1)?[0])
    }

    fn bytes(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(|| damaged("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    /// A number of rows or bytes. No count is accepted that the address space could not hold.
    pub(super) fn length(&mut self) -> Result<usize> {
        let mut value = 0_u64;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return i32::try_from(value).map(|value| value as usize).map_err(|_| damaged("a length is too large"));
            }
        }
        Err(damaged("a length is too large"))
    }

    pub(super) fn finish(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(damaged("bytes follow its last column")) }
    }

    fn bits(&mut self, count: usize) -> Result<BooleanBuffer> {
        let bytes = self.bytes(count.div_ceil(8))?;
        Ok(BooleanBuffer::new(bytes.to_vec().into(), 0, count))
    }
}

pub(super) fn column(input: &mut Input<'_>, ty: &DataType, rows: usize) -> Result<ArrayRef> {
    let nulls = match input.byte()? {
        NO_NULLS => None,
        SOME_NULLS => Some(NullBuffer::new(input.bits(rows)?)),
        ALL_NULL => return Ok(new_null_array(ty, rows)),
        other => return Err(damaged(&format!("a column starts with {other}"))),
    };
    let slots = Slots { rows, nulls };
    match ty {
        DataType::Boolean => booleans(input, slots),
        DataType::Int16 => fixed::<Int16Type, 2>(input, slots, ty, i16::from_le_bytes),
        DataType::Int32 => fixed::<Int32Type, 4>(input, slots, ty, i32::from_le_bytes),
        DataType::Int64 => fixed::<Int64Type, 8>(input, slots, ty, i64::from_le_bytes),
        DataType::UInt32 => fixed::<UInt32Type, 4>(input, slots, ty, u32::from_le_bytes),
        DataType::Float32 => fixed::<Float32Type, 4>(input, slots, ty, f32::from_le_bytes),
        DataType::Float64 => fixed::<Float64Type, 8>(input, slots, ty, f64::from_le_bytes),
        DataType::Date32 => fixed::<Date32Type, 4>(input, slots, ty, i32::from_le_bytes),
        DataType::Time64(TimeUnit::Microsecond) => {
            fixed::<Time64MicrosecondType, 8>(input, slots, ty, i64::from_le_bytes)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            fixed::<TimestampMicrosecondType, 8>(input, slots, ty, i64::from_le_bytes)
        }
        DataType::Decimal128(..) => fixed::<Decimal128Type, 16>(input, slots, ty, i128::from_le_bytes),
        DataType::Decimal256(..) => fixed::<Decimal256Type, 32>(input, slots, ty, i256::from_le_bytes),
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            fixed::<IntervalMonthDayNanoType, 16>(input, slots, ty, interval)
        }
        DataType::Utf8View => strings(input, slots),
        DataType::BinaryView => binaries(input, slots),
        DataType::LargeBinary => Ok(arrow::compute::cast(&binaries(input, slots)?, ty)?),
        DataType::FixedSizeBinary(width) => fixed_binaries(input, slots, *width),
        DataType::List(item) => lists(input, slots, item),
        DataType::Struct(fields) => parts(input, slots, fields),
        other => Err(Error::Unsupported(format!("reading a column of Arrow type {other}"))),
    }
}

/// Which rows have a value.
struct Slots {
    rows: usize,
    nulls: Option<NullBuffer>,
}

impl Slots {
    fn is_present(&self, row: usize) -> bool {
        self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row))
    }

    fn present(&self) -> usize {
        self.rows - self.nulls.as_ref().map_or(0, NullBuffer::null_count)
    }
}

fn interval(bytes: [u8; 16]) -> IntervalMonthDayNano {
    let [a, b, c, d, e, f, g, h, micros @ ..] = bytes;
    IntervalMonthDayNano {
        months: i32::from_le_bytes([a, b, c, d]),
        days: i32::from_le_bytes([e, f, g, h]),
        nanoseconds: i64::from_le_bytes(micros).saturating_mul(NANOS_PER_MICRO),
    }
}

fn fixed<T: ArrowPrimitiveType, const N: usize>(
    input: &mut Input<'_>,
    slots: Slots,
    ty: &DataType,
    read: impl Fn([u8; N]) -> T::Native,
) -> Result<ArrayRef> {
    let count = slots.present().checked_mul(N).ok_or_else(|| damaged("a length is too large"))?;
    let mut present = input.bytes(count)?.as_chunks::<N>().0.iter().map(|bytes| read(*bytes));
    let values: Vec<T::Native> = match &slots.nulls {
        None => present.collect(),
        Some(nulls) => {
            let zero = T::Native::usize_as(0);
            nulls.iter().map(|valid| if valid { present.next().unwrap_or(zero) } else { zero }).collect()
        }
    };
    let array = PrimitiveArray::<T>::try_new(values.into(), slots.nulls)?.with_data_type(ty.clone());
    Ok(Arc::new(array))
}

fn booleans(input: &mut Input<'_>, slots: Slots) -> Result<ArrayRef> {
    let present = input.bits(slots.present())?;
    let Some(nulls) = slots.nulls else { return Ok(Arc::new(BooleanArray::new(present, None))) };
    let mut next = present.iter();
    let values: BooleanBuffer = nulls.iter().map(|valid| valid && next.next().unwrap_or(false)).collect();
    Ok(Arc::new(BooleanArray::new(values, Some(nulls))))
}

fn strings(input: &mut Input<'_>, slots: Slots) -> Result<ArrayRef> {
    let mut builder = StringViewBuilder::new();
    for row in 0..slots.rows {
        if !slots.is_present(row) {
            builder.append_null();
            continue;
        }
        let length = input.length()?;
        let text = std::str::from_utf8(input.bytes(length)?).map_err(|error| Error::corrupt("chunk", error))?;
        builder.append_value(text);
    }
    Ok(Arc::new(builder.finish()))
}

fn binaries(input: &mut Input<'_>, slots: Slots) -> Result<ArrayRef> {
    let mut builder = BinaryViewBuilder::new();
    for row in 0..slots.rows {
        if slots.is_present(row) {
            let length = input.length()?;
            builder.append_value(input.bytes(length)?);
        } else {
            builder.append_null();
        }
    }
    Ok(Arc::new(builder.finish()))
}

fn fixed_binaries(input: &mut Input<'_>, slots: Slots, width: i32) -> Result<ArrayRef> {
    let mut builder = FixedSizeBinaryBuilder::new(width);
    for row in 0..slots.rows {
        if slots.is_present(row) {
            builder.append_value(input.bytes(width as usize)?)?;
        } else {
            builder.append_null();
        }
    }
    Ok(Arc::new(builder.finish()))
}

fn lists(input: &mut Input<'_>, slots: Slots, item: &FieldRef) -> Result<ArrayRef> {
    let mut end = 0_i32;
    let mut offsets = vec![end];
    for row in 0..slots.rows {
        if slots.is_present(row) {
            let length = i32::try_from(input.length()?).map_err(|_| damaged("a length is too large"))?;
            end = end.checked_add(length).ok_or_else(|| damaged("a length is too large"))?;
        }
        offsets.push(end);
    }
    let values = column(input, item.data_type(), end as usize)?;
    Ok(Arc::new(ListArray::try_new(item.clone(), OffsetBuffer::new(offsets.into()), values, slots.nulls)?))
}

/// The columns of a group hold the rows that have a value.
fn parts(input: &mut Input<'_>, slots: Slots, fields: &Fields) -> Result<ArrayRef> {
    let places = slots.nulls.as_ref().map(|nulls| {
        let mut next = 0;
        let place = |valid: bool| {
            valid.then(|| {
                next += 1;
                next - 1
            })
        };
        nulls.iter().map(place).collect::<UInt32Array>()
    });
    let present = slots.present();
    let parts = fields.iter().map(|field| {
        let part = column(input, field.data_type(), present)?;
        match &places {
            Some(places) => Ok(take(&part, places, None)?),
            None => Ok(part),
        }
    });
    Ok(Arc::new(StructArray::try_new(fields.clone(), parts.collect::<Result<_>>()?, slots.nulls)?))
}
