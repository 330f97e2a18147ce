//! Arrays of any dimensions as values: what joins them, and columns of them (decision 0044).

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ListArray, new_empty_array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::concat;
use arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, Result, internal_err};
use peristyle_storage::shape::{Arrays, BoundsBuilder, DIMENSIONS_MAX, Dimension, Shape, is_shaped, item_of_array};

use super::define::Call;
use super::error::{FunctionError, error};

/// One array: its items in storage order and its dimensions.
#[derive(Clone, Debug)]
pub(crate) struct ArrayValue {
    pub(crate) shape: Shape,
    pub(crate) items: ArrayRef,
}

impl ArrayValue {
    /// A list of these items.
    pub(crate) fn of_items(items: ArrayRef) -> ArrayValue {
        ArrayValue { shape: Shape::of_list(items.len()), items }
    }

    /// An array without items, of which type another is.
    pub(crate) fn empty_like(other: &ArrayRef) -> ArrayValue {
        ArrayValue { shape: Shape::default(), items: new_empty_array(other.data_type()) }
    }

    /// The array of a row of a column of arrays; `None` for NULL, and for what is no array.
    pub(crate) fn at(values: &ArrayRef, row: usize) -> Option<ArrayValue> {
        let value = Arrays::of(&values.slice(row, 1)).filter(|arrays| !arrays.is_null(0))?;
        Some(ArrayValue { shape: value.shape(0), items: value.items(0) })
    }

    fn dimensions(&self) -> &[Dimension] {
        self.shape.dimensions()
    }
}

/// An argument that takes arrays as they lie; a constant is one row that stands for all.
pub(crate) struct ArrayArgument {
    arrays: Arrays,
    is_constant: bool,
}

impl ArrayArgument {
    /// The argument at that place.
    pub(crate) fn of(call: &Call<'_>, place: usize) -> Result<ArrayArgument> {
        ArrayArgument::new(&call.args[place], call.is_constant[place])
    }

    fn new(values: &ArrayRef, is_constant: bool) -> Result<ArrayArgument> {
        match Arrays::of(values) {
            Some(arrays) => Ok(ArrayArgument { arrays, is_constant }),
            None => internal_err!("an array was expected, not {}", values.data_type()),
        }
    }

    fn index(&self, row: usize) -> usize {
        if self.is_constant { 0 } else { row }
    }

    /// The array of a row; `None` for NULL.
    pub(crate) fn get(&self, row: usize) -> Option<ArrayValue> {
        let index = self.index(row);
        let is_there = !self.arrays.is_null(index);
        is_there.then(|| ArrayValue { shape: self.arrays.shape(index), items: self.arrays.items(index) })
    }

    /// No items of the type of the arrays'.
    pub(crate) fn no_items(&self) -> ArrayRef {
        new_empty_array(self.arrays.lists().values().data_type())
    }

    /// The dimensions of the array of a row; `None` for NULL.
    pub(crate) fn shape(&self, row: usize) -> Option<Shape> {
        let index = self.index(row);
        (!self.arrays.is_null(index)).then(|| self.arrays.shape(index))
    }
}

/// A column of such values, of that Arrow type, which is of either form. Lists hold the items alone.
pub(crate) fn column_of(ty: &DataType, values: Vec<Option<ArrayValue>>) -> Result<ArrayRef> {
    let Some(item) = item_of_array(ty) else { return internal_err!("an array was expected, not {ty}") };
    let lengths = values.iter().map(|value| value.as_ref().map_or(0, |value| value.items.len()));
    let offsets = OffsetBuffer::from_lengths(lengths);
    let nulls: NullBuffer = values.iter().map(Option::is_some).collect();
    let parts: Vec<&dyn Array> = values.iter().flatten().map(|value| value.items.as_ref()).collect();
    let items = if parts.is_empty() { new_empty_array(item.data_type()) } else { concat(&parts)? };
    let lists = ListArray::try_new(Arc::clone(item), offsets, items, Some(nulls))?;
    if !is_shaped(ty) {
        return Ok(Arc::new(lists));
    }
    let mut bounds = BoundsBuilder::default();
    for value in &values {
        bounds.push(value.as_ref().map_or(&Shape::default(), |value| &value.shape));
    }
    Ok(bounds.finish(lists)?)
}

pub(crate) fn too_many_dimensions(dimensions: usize) -> DataFusionError {
    error("54000", format!("number of array dimensions ({dimensions}) exceeds the maximum allowed ({DIMENSIONS_MAX})"))
}

/// `ARRAY[a, b]` of arrays: one more dimension around those that all have.
pub(crate) fn nested(parts: &[Option<ArrayValue>]) -> Result<Option<ArrayValue>> {
    let unmatched = || error("2202E", "multidimensional arrays must have array expressions with matching dimensions");
    let full = |part: &&ArrayValue| !part.dimensions().is_empty();
    let Some(first) = parts.iter().flatten().find(full) else {
        return Ok(parts.iter().flatten().next().map(|part| ArrayValue::empty_like(&part.items)));
    };
    if parts.iter().any(|part| part.as_ref().is_none_or(|part| part.shape != first.shape)) {
        return Err(unmatched());
    }
    around(&first.shape, parts.iter().flatten().map(|part| part.items.as_ref()).collect()).map(Some)
}

/// What array_agg makes of arrays.
pub(crate) fn gathered(parts: &[Option<ArrayValue>]) -> Result<Option<ArrayValue>> {
    let Some(first) = parts.first() else { return Ok(None) };
    for part in parts {
        let Some(part) = part else { return Err(error("22004", "cannot accumulate null arrays")) };
        if part.dimensions().is_empty() {
            return Err(error("2202E", "cannot accumulate empty arrays"));
        }
        if first.as_ref().is_some_and(|first| first.shape != part.shape) {
            return Err(error("2202E", "cannot accumulate arrays of different dimensionality"));
        }
    }
    let Some(first) = first else { return Ok(None) };
    around(&first.shape, parts.iter().flatten().map(|part| part.items.as_ref()).collect()).map(Some)
}

/// Arrays of one shape in an array.
fn around(shape: &Shape, items: Vec<&dyn Array>) -> Result<ArrayValue> {
    if shape.dimensions().len() == DIMENSIONS_MAX {
        return Err(too_many_dimensions(DIMENSIONS_MAX + 1));
    }
    let outer = Dimension::of(items.len() as i32);
    let dimensions = std::iter::once(outer).chain(shape.dimensions().iter().copied());
    Ok(ArrayValue { shape: Shape::new(dimensions.collect()), items: concat(&items)? })
}

/// `a || b` of arrays: one after the other, or the one as an element of the other.
pub(crate) fn joined(left: ArrayValue, right: ArrayValue) -> Result<ArrayValue> {
    let (l, r) = (left.dimensions().to_vec(), right.dimensions().to_vec());
    let dimensions = match (l.as_slice(), r.as_slice()) {
        ([], _) => return Ok(right),
        (_, []) => return Ok(left),
        ([outer, inner @ ..], [other, others @ ..]) if l.len() == r.len() => {
            same(inner, others, "Arrays with differing element dimensions")?;
            longer(*outer, other.length, inner)?
        }
        ([outer, inner @ ..], _) if l.len() == r.len() + 1 => {
            same(inner, &r, "Arrays with differing dimensions")?;
            longer(*outer, 1, inner)?
        }
        (_, [outer, inner @ ..]) if l.len() + 1 == r.len() => {
            same(&l, inner, "Arrays with differing dimensions")?;
            longer(*outer, 1, inner)?
        }
        _ => return Err(incompatible(&format!("Arrays of {} and {} dimensions", l.len(), r.len()))),
    };
    let items = concat(&[left.items.as_ref(), right.items.as_ref()])?;
    Ok(ArrayValue { shape: Shape::new(dimensions), items })
}

fn longer(outer: Dimension, more: i32, inner: &[Dimension]) -> Result<Vec<Dimension>> {
    let length = outer.length.checked_add(more).filter(|length| outer.lower.checked_add(*length).is_some());
    let length = length.ok_or_else(|| error("54000", "array is too long"))?;
    Ok(std::iter::once(Dimension { length, ..outer }).chain(inner.iter().copied()).collect())
}

fn same(left: &[Dimension], right: &[Dimension], which: &str) -> Result<()> {
    if left == right { Ok(()) } else { Err(incompatible(which)) }
}

fn incompatible(which: &str) -> DataFusionError {
    FunctionError::new("2202E", "cannot concatenate incompatible arrays")
        .with_detail(format!("{which} are not compatible for concatenation."))
        .into()
}

/// The array with one more item at its end, or at its start, which keeps its lower bound.
pub(crate) fn extended(array: Option<ArrayValue>, item: ArrayRef, is_appended: bool) -> Result<ArrayValue> {
    let Some(array) = array else { return Ok(ArrayValue::of_items(item)) };
    let shape = match array.dimensions() {
        [] => Shape::of_list(1),
        [only] => Shape::new(longer(*only, 1, &[])?),
        _ => return Err(error("22000", "argument must be empty or one-dimensional array")),
    };
    let (array, item) = (array.items.as_ref(), item.as_ref());
    let items = concat(&if is_appended { [array, item] } else { [item, array] })?;
    Ok(ArrayValue { shape, items })
}
