use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryViewBuilder, BooleanBuilder, FixedSizeBinaryBuilder, Float32Builder, Float64Builder, Int64Builder,
    LargeBinaryArray, StringViewBuilder, new_null_array,
};
use arrow::array::{Decimal256Builder, PrimitiveArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, i256};
use peristyle_catalog::model::{BOUND_BYTES_MAX, Bound, BoundValue, PgType, TypeKind};

use super::has_bounds;
use crate::packed::{self, Bits};
use crate::types::DECIMAL256_PRECISION_MAX;

/// Bounds of one column over many files as an Arrow array of the plan's type, for pruning. NULL where a bound is
/// unknown, where the widening from the stored type to the plan's does not keep the order, or where the value does
/// not fit (law 9).
pub fn bounds_array<'a>(
    bounds: impl Iterator<Item = Option<&'a Bound>>,
    stored: PgType,
    target: &DataType,
) -> ArrayRef {
    let values: Vec<Option<&BoundValue>> = bounds.map(|bound| bound.map(|bound| &bound.value)).collect();
    if !has_bounds(stored) || !keeps_order(stored, target) {
        return new_null_array(target, values.len());
    }
    convert(&values, target).unwrap_or_else(|| new_null_array(target, values.len()))
}

/// Whether values of the stored type are ordered alike in the plan's type.
pub(crate) fn keeps_order(stored: PgType, target: &DataType) -> bool {
    use TypeKind::{
        Bool, Bpchar, Bytea, Char, Date, Enum, Float4, Float8, Int2, Int4, Int8, Name, Numeric, Oid, Text, Time,
        Timestamp, Timestamptz, Uuid, Varchar, Xid,
    };
    let Some(kind) = stored.kind() else { return false };
    match target {
        DataType::Boolean => kind == Bool,
        DataType::Int16 => kind == Int2,
        DataType::Int32 => matches!(kind, Int2 | Int4),
        DataType::Int64 => matches!(kind, Int2 | Int4 | Int8),
        DataType::UInt32 => matches!(kind, Oid | Xid),
        DataType::Float32 => kind == Float4,
        DataType::Float64 => matches!(kind, Int2 | Int4 | Float4 | Float8),
        DataType::Decimal128(..) | DataType::Decimal256(..) => matches!(kind, Int2 | Int4 | Int8 | Numeric),
        DataType::Date32 => kind == Date,
        DataType::Time64(_) => kind == Time,
        DataType::Timestamp(_, None) => kind == Timestamp,
        DataType::Timestamp(_, Some(_)) => kind == Timestamptz,
        DataType::Utf8View => matches!(kind, Text | Varchar | Bpchar | Name | Char | Enum),
        DataType::BinaryView => kind == Bytea,
        DataType::FixedSizeBinary(width) => (kind == Uuid && *width == 16) || packed::width(kind) == Some(*width),
        DataType::LargeBinary => Bits::is_of(kind),
        _ => false,
    }
}

fn convert(values: &[Option<&BoundValue>], target: &DataType) -> Option<ArrayRef> {
    let array: ArrayRef = match target {
        DataType::Boolean => {
            let mut builder = BooleanBuilder::new();
            ints(values).for_each(|value| builder.append_option(value.map(|value| value != 0)));
            Arc::new(builder.finish())
        }
        DataType::Float32 => {
            let mut builder = Float32Builder::new();
            floats(values).for_each(|value| builder.append_option(value.map(|value| value as f32)));
            Arc::new(builder.finish())
        }
        DataType::Float64 => {
            let mut builder = Float64Builder::new();
            floats(values).for_each(|value| builder.append_option(value));
            Arc::new(builder.finish())
        }
        DataType::Decimal128(..) | DataType::Decimal256(..) => return decimals(values, target),
        DataType::Utf8View => {
            let mut builder = StringViewBuilder::new();
            bytes(values).for_each(|value| builder.append_option(value.and_then(|v| std::str::from_utf8(v).ok())));
            Arc::new(builder.finish())
        }
        DataType::BinaryView => {
            let mut builder = BinaryViewBuilder::new();
            bytes(values).for_each(|value| builder.append_option(value));
            Arc::new(builder.finish())
        }
        DataType::FixedSizeBinary(width) => return fixed(values, *width),
        DataType::LargeBinary => Arc::new(bytes(values).collect::<LargeBinaryArray>()),
        _ => return integers(values, target),
    };
    Some(array)
}

fn ints<'a>(values: &'a [Option<&'a BoundValue>]) -> impl Iterator<Item = Option<i64>> + 'a {
    values.iter().map(|value| match value {
        Some(BoundValue::Int(value)) => Some(*value),
        _ => None,
    })
}

fn floats<'a>(values: &'a [Option<&'a BoundValue>]) -> impl Iterator<Item = Option<f64>> + 'a {
    values.iter().map(|value| match value {
        Some(BoundValue::Float(value)) => Some(*value),
        // Only smallint and integer come here, which a double holds exactly.
        Some(BoundValue::Int(value)) => Some(*value as f64),
        _ => None,
    })
}

fn bytes<'a>(values: &'a [Option<&'a BoundValue>]) -> impl Iterator<Item = Option<&'a [u8]>> + 'a {
    values.iter().map(|value| match value {
        Some(BoundValue::Bytes(value)) => Some(value.as_slice()),
        _ => None,
    })
}

/// A bound that was cut is filled up with zeros: a lower one is still below, an upper one, which was incremented, above.
fn fixed(values: &[Option<&BoundValue>], width: i32) -> Option<ArrayRef> {
    let mut builder = FixedSizeBinaryBuilder::new(width);
    let width = usize::try_from(width).ok()?;
    for value in bytes(values) {
        match value.filter(|value| value.len() == width || value.len() <= BOUND_BYTES_MAX && width > BOUND_BYTES_MAX) {
            Some(value) => {
                let mut whole = value.to_vec();
                whole.resize(width, 0);
                builder.append_value(&whole).ok()?;
            }
            None => builder.append_null(),
        }
    }
    Some(Arc::new(builder.finish()))
}

/// Everything that is an integer underneath. What does not fit becomes NULL.
fn integers(values: &[Option<&BoundValue>], target: &DataType) -> Option<ArrayRef> {
    let mut builder = Int64Builder::new();
    ints(values).for_each(|value| builder.append_option(value));
    let wide: ArrayRef = Arc::new(builder.finish());
    let narrow = CastOptions { safe: true, ..CastOptions::default() };
    match target {
        DataType::Date32 => {
            let days = cast_with_options(&wide, &DataType::Int32, &narrow).ok()?;
            cast_with_options(&days, target, &narrow).ok()
        }
        _ => cast_with_options(&wide, target, &narrow).ok(),
    }
}

/// Brought to the target's scale without rounding; what loses a digit becomes NULL.
fn decimals(values: &[Option<&BoundValue>], target: &DataType) -> Option<ArrayRef> {
    let (DataType::Decimal128(precision, to_scale) | DataType::Decimal256(precision, to_scale)) = target else {
        return None;
    };
    let mut builder = Decimal256Builder::new();
    let limit = i256::from_i128(10).checked_pow((*precision).into())?;
    for value in values {
        let rescaled = match value {
            Some(BoundValue::Decimal { unscaled, scale }) => rescale(*unscaled, *scale, *to_scale),
            Some(BoundValue::Int(value)) => rescale((*value).into(), 0, *to_scale),
            _ => None,
        };
        builder.append_option(rescaled.filter(|value| *value < limit && *value > limit.wrapping_neg()));
    }
    let wide: PrimitiveArray<_> =
        builder.finish().with_precision_and_scale(DECIMAL256_PRECISION_MAX, *to_scale).ok()?;
    cast_with_options(&wide, target, &CastOptions { safe: true, ..CastOptions::default() }).ok()
}

fn rescale(unscaled: i128, from: i8, to: i8) -> Option<i256> {
    let value = i256::from_i128(unscaled);
    let shift = i16::from(to) - i16::from(from);
    let factor = i256::from_i128(10).checked_pow(shift.unsigned_abs().into())?;
    if shift >= 0 {
        return value.checked_mul(factor);
    }
    let kept = value.checked_div(factor)?;
    (kept.checked_mul(factor)? == value).then_some(kept)
}
