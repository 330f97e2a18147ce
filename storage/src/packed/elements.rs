//! The bounds of ranges as arrays of what they are ranges of, and such arrays as the numbers that bounds are.

use std::sync::Arc;

use arrow::array::types::{Date32Type, Decimal256Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, FixedSizeBinaryArray, PrimitiveArray};
use arrow::datatypes::{DataType, i256};
use peristyle_catalog::model::{PgType, TypeKind};

use super::range::{Bound, RangeType};
use crate::types::{OPEN_DECIMAL, arrow_type};

/// The lower and the upper bounds of ranges; NULL where there is none.
pub fn bounds(values: &FixedSizeBinaryArray, ty: &RangeType) -> [ArrayRef; 2] {
    let edges: Vec<_> = values.iter().map(|value| value.and_then(|bytes| ty.unpack(bytes).edges())).collect();
    let value = |bound: Bound| bound.map(|(value, _)| value);
    let lower = edges.iter().map(|edges| value(edges.as_ref()?.0.as_lower()));
    let upper = edges.iter().map(|edges| value(edges.as_ref()?.1.as_upper()));
    [elements(ty.element, lower.collect()), elements(ty.element, upper.collect())]
}

/// The Arrow type of a range's elements: a numeric has room for the digits of all.
pub fn element_arrow(element: PgType) -> DataType {
    if element == PgType::NUMERIC { OPEN_DECIMAL } else { arrow_type(element, None) }
}

fn elements(element: PgType, numbers: Vec<Option<i256>>) -> ArrayRef {
    let arrow = element_arrow(element);
    match element.kind() {
        Some(TypeKind::Int4) => narrowed::<Int32Type>(numbers, arrow, |value| value as i32),
        Some(TypeKind::Date) => narrowed::<Date32Type>(numbers, arrow, |value| value as i32),
        Some(TypeKind::Int8) => narrowed::<Int64Type>(numbers, arrow, |value| value as i64),
        Some(TypeKind::Timestamp | TypeKind::Timestamptz) => {
            narrowed::<TimestampMicrosecondType>(numbers, arrow, |value| value as i64)
        }
        _ => Arc::new(PrimitiveArray::<Decimal256Type>::from_iter(numbers).with_data_type(arrow)),
    }
}

fn narrowed<T: ArrowPrimitiveType>(
    numbers: Vec<Option<i256>>,
    arrow: DataType,
    narrow: impl Fn(i128) -> T::Native,
) -> ArrayRef {
    let values = numbers.into_iter().map(|number| number.map(|number| narrow(number.as_i128())));
    Arc::new(values.collect::<PrimitiveArray<T>>().with_data_type(arrow))
}

/// The numbers of elements that lie in Arrow as [`element_arrow`] says.
pub fn numbers(elements: &ArrayRef) -> Vec<Option<i256>> {
    match elements.data_type() {
        DataType::Int32 => widened::<Int32Type>(elements),
        DataType::Date32 => widened::<Date32Type>(elements),
        DataType::Int64 => widened::<Int64Type>(elements),
        DataType::Timestamp(..) => widened::<TimestampMicrosecondType>(elements),
        DataType::Decimal256(..) => elements.as_primitive::<Decimal256Type>().iter().collect(),
        _ => vec![None; elements.len()],
    }
}

fn widened<T: ArrowPrimitiveType>(elements: &ArrayRef) -> Vec<Option<i256>>
where
    T::Native: Into<i128>,
{
    let values = elements.as_primitive::<T>().iter();
    values.map(|value| value.map(|value| i256::from_i128(value.into()))).collect()
}
