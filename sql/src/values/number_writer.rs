//! Writers of integers, floats and decimals.

use arrow::array::{Array, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::datatypes::{Decimal256Type, i256};
use bytes::{BufMut, BytesMut};
use peristyle_catalog::model::TypeKind;
use peristyle_storage::special_numeric::Special;
use peristyle_storage::types::{OPEN_DECIMAL, trailing_zeros};

use super::float::{write_f32, write_f64};
use super::names::type_name;
use super::style::Format;
use super::writer::{BoxedWriter, Request, primitive, widen};
use super::{decimal_binary, decimal_text};
use crate::error::{Result, SqlError, SqlState};

/// Writes Arrow integers as any number type.
pub(super) fn int<'a, T>(array: &'a dyn Array, request: Request) -> Result<BoxedWriter<'a>>
where
    T: ArrowPrimitiveType,
    T::Native: itoa::Integer + Into<i128>,
{
    let array = array.as_primitive::<T>();
    let extra = request.style.extra_float_digits;
    let wide = |value: T::Native| -> i128 { value.into() };
    let writer = match (request.format, request.kind) {
        (Format::Text, TypeKind::Float4) => primitive(array, move |v, out| {
            write_f32(wide(v) as f32, extra, out);
            Ok(())
        }),
        (Format::Text, TypeKind::Float8) => primitive(array, move |v, out| {
            write_f64(wide(v) as f64, extra, out);
            Ok(())
        }),
        _ if request.is_plain_text() => primitive(array, |value, out| {
            out.put_slice(itoa::Buffer::new().format(value).as_bytes());
            Ok(())
        }),
        (_, TypeKind::Int2) => primitive(array, move |v, out| {
            out.put_i16(in_range(wide(v), request)?);
            Ok(())
        }),
        (_, TypeKind::Int4) => primitive(array, move |v, out| {
            out.put_i32(in_range(wide(v), request)?);
            Ok(())
        }),
        (_, TypeKind::Int8) => primitive(array, move |v, out| {
            out.put_i64(in_range(wide(v), request)?);
            Ok(())
        }),
        (_, kind) if kind.is_oid() => primitive(array, move |v, out| {
            out.put_u32(in_range(wide(v), request)?);
            Ok(())
        }),
        (_, TypeKind::Float4) => primitive(array, move |v, out| {
            out.put_f32(wide(v) as f32);
            Ok(())
        }),
        (_, TypeKind::Float8) => primitive(array, move |v, out| {
            out.put_f64(wide(v) as f64);
            Ok(())
        }),
        (_, TypeKind::Numeric) => primitive(array, move |v, out| {
            decimal_binary::write_binary(widen(wide(v)), 0, out);
            Ok(())
        }),
        _ => return request.bridge(array),
    };
    Ok(writer)
}

fn in_range<T: TryFrom<i128>>(value: i128, request: Request) -> Result<T> {
    T::try_from(value).map_err(|_| {
        SqlError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, format!("{} out of range", type_name(request.ty)))
    })
}

/// Writes Arrow floats as real or double precision.
pub(super) fn float<'a, T: ArrowPrimitiveType>(
    array: &'a dyn Array,
    request: Request,
    to_f64: impl Fn(T::Native) -> f64 + Send + Copy + 'a,
) -> Result<BoxedWriter<'a>> {
    let array = array.as_primitive::<T>();
    let extra = request.style.extra_float_digits;
    // A real that stands where no float is asked for still prints as a real.
    let is_real = request.kind == TypeKind::Float4 || (request.kind != TypeKind::Float8 && size_of::<T::Native>() < 8);
    let writer = match request.format {
        _ if request.is_plain_text() && is_real => primitive(array, move |v, out| {
            write_f32(to_f64(v) as f32, extra, out);
            Ok(())
        }),
        _ if request.is_plain_text() => primitive(array, move |v, out| {
            write_f64(to_f64(v), extra, out);
            Ok(())
        }),
        _ if request.kind == TypeKind::Float4 => primitive(array, move |v, out| {
            out.put_f32(to_f64(v) as f32);
            Ok(())
        }),
        _ if request.kind == TypeKind::Float8 => primitive(array, move |v, out| {
            out.put_f64(to_f64(v));
            Ok(())
        }),
        _ => return request.bridge(array),
    };
    Ok(writer)
}

/// Writes Arrow decimals of up to 128 bits with the array's scale.
pub(super) fn decimal<'a, T: ArrowPrimitiveType>(
    array: &'a dyn Array,
    request: Request,
    scale: i8,
    to_i128: impl Fn(T::Native) -> i128 + Send + 'a,
) -> Result<BoxedWriter<'a>> {
    let array = array.as_primitive::<T>();
    if request.is_plain_text() {
        return Ok(primitive(array, move |value, out| {
            decimal_text::write_i128(to_i128(value), scale, out);
            Ok(())
        }));
    }
    if request.kind == TypeKind::Numeric {
        return Ok(primitive(array, move |value, out: &mut BytesMut| {
            decimal_binary::write_binary(widen(to_i128(value)), scale, out);
            Ok(())
        }));
    }
    request.bridge(array)
}

/// The value without the zeros at its end that mean nothing.
fn shortened(value: i256, scale: i8) -> (i256, i8) {
    if Special::of(value).is_some() {
        return (value, scale);
    }
    let zeros = trailing_zeros(value, scale);
    // At most 38 zeros are cut.
    let divisor = i256::from_i128(10_i128.pow(zeros.unsigned_abs().into()));
    (value.wrapping_div(divisor), scale - zeros)
}

/// Writes Arrow decimals of 256 bits with the array's scale; numbers whose scale is not known with the digits they have.
pub(super) fn decimal256(
    array: &PrimitiveArray<Decimal256Type>,
    request: Request,
    scale: i8,
) -> Result<BoxedWriter<'_>> {
    let is_open = *array.data_type() == OPEN_DECIMAL && request.ty.typmod < 0;
    if request.is_plain_text() {
        return Ok(primitive(array, move |value: i256, out| {
            let (value, scale) = if is_open { shortened(value, scale) } else { (value, scale) };
            decimal_text::write_i256(value, scale, out);
            Ok(())
        }));
    }
    if request.kind == TypeKind::Numeric {
        return Ok(primitive(array, move |value: i256, out| {
            let (value, scale) = if is_open { shortened(value, scale) } else { (value, scale) };
            decimal_binary::write_binary(value, scale, out);
            Ok(())
        }));
    }
    request.bridge(array)
}
