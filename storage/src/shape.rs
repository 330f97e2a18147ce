//! Shaped arrays: each value's items beside its dimensions and lower bounds (decision 0044).
//!
//! In Arrow they are a group of two lists: the items in storage order, and the bounds, which are the number of dimensions,
//! the length of each, the lower bound of each. Compared field by field they come in PostgreSQL's order of arrays. Most
//! arrays have one dimension that counts from 1; where all of a column are known to be so, the list of the items is all.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, ListArray, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Int32Type};
use arrow::error::ArrowError;

type Result<T, E = ArrowError> = std::result::Result<T, E>;

/// Most dimensions of an array, as in PostgreSQL.
pub const DIMENSIONS_MAX: usize = 6;

const ITEMS: &str = "peristyle.items";
const BOUNDS: &str = "peristyle.bounds";

/// The subscripts of one dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dimension {
    pub length: i32,
    pub lower: i32,
}

impl Dimension {
    /// A dimension that counts from 1.
    pub fn of(length: i32) -> Dimension {
        Dimension { length, lower: 1 }
    }

    /// The greatest subscript.
    pub fn upper(self) -> i32 {
        self.lower + (self.length - 1)
    }
}

/// The dimensions of an array, the outermost first; an empty array has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape(Vec<Dimension>);

/// A step through an array from its first item to its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Open,
    /// Between two items, or two arrays within an array.
    Separator,
    /// The item of that number, from 0.
    Item(usize),
    Close,
}

impl Shape {
    /// An array of these dimensions; of none if one of them is empty.
    pub fn new(dimensions: Vec<Dimension>) -> Shape {
        if dimensions.iter().any(|dimension| dimension.length == 0) { Shape::default() } else { Shape(dimensions) }
    }

    /// Of a list of so many items.
    pub fn of_list(length: usize) -> Shape {
        Shape::new(vec![Dimension::of(length as i32)])
    }

    /// The dimensions, the outermost first.
    pub fn dimensions(&self) -> &[Dimension] {
        &self.0
    }

    /// Whether it is that of a list: one dimension that counts from 1, or none.
    pub fn is_plain(&self) -> bool {
        matches!(self.0.as_slice(), [] | [Dimension { lower: 1, .. }])
    }

    /// Whether a text of such an array begins with its bounds: some dimension does not count from 1.
    pub fn has_written_bounds(&self) -> bool {
        self.0.iter().any(|dimension| dimension.lower != 1)
    }

    /// The number of items.
    pub fn items(&self) -> usize {
        if self.0.is_empty() { 0 } else { self.0.iter().map(|dimension| dimension.length as usize).product() }
    }

    /// Appends what the bounds of a value say.
    pub fn write_bounds(&self, bounds: &mut Vec<i32>) {
        bounds.push(self.0.len() as i32);
        bounds.extend(self.0.iter().map(|dimension| dimension.length));
        bounds.extend(self.0.iter().map(|dimension| dimension.lower));
    }

    /// The opposite of [`Shape::write_bounds`].
    fn of_bounds(bounds: &[i32]) -> Shape {
        let Some((_, dimensions)) = bounds.split_first() else { return Shape::default() };
        let (lengths, lowers) = dimensions.split_at(dimensions.len() / 2);
        Shape(lengths.iter().zip(lowers).map(|(&length, &lower)| Dimension { length, lower }).collect())
    }

    /// Goes through an array of this shape as its text is written.
    pub fn walk<E>(&self, mut visit: impl FnMut(Part) -> Result<(), E>) -> Result<(), E> {
        if self.0.is_empty() {
            visit(Part::Open)?;
            return visit(Part::Close);
        }
        self.walk_from(0, &mut 0, &mut visit)
    }

    fn walk_from<E>(
        &self,
        depth: usize,
        next: &mut usize,
        visit: &mut impl FnMut(Part) -> Result<(), E>,
    ) -> Result<(), E> {
        visit(Part::Open)?;
        for place in 0..self.0[depth].length {
            if place > 0 {
                visit(Part::Separator)?;
            }
            if depth + 1 < self.0.len() {
                self.walk_from(depth + 1, next, visit)?;
            } else {
                visit(Part::Item(*next))?;
                *next += 1;
            }
        }
        visit(Part::Close)
    }
}

/// As array_dims writes it.
impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|dimension| write!(f, "[{}:{}]", dimension.lower, dimension.upper()))
    }
}

/// The shaped form of arrays that are lists of that type.
pub fn shaped_type(list: &DataType) -> DataType {
    DataType::Struct(fields(list.clone()))
}

fn fields(list: DataType) -> Fields {
    Fields::from(vec![Field::new(ITEMS, list, true), Field::new(BOUNDS, bounds_type(), true)])
}

fn bounds_type() -> DataType {
    DataType::new_list(DataType::Int32, true)
}

/// The lists of which an Arrow type is the shaped form.
pub fn list_of_shaped(arrow: &DataType) -> Option<&DataType> {
    let DataType::Struct(fields) = arrow else { return None };
    match fields.iter().collect::<Vec<_>>().as_slice() {
        [items, bounds] if items.name() == ITEMS && bounds.name() == BOUNDS => Some(items.data_type()),
        _ => None,
    }
}

/// A field as that of the lists behind it, if it is of shaped arrays.
pub fn list_field(field: &FieldRef) -> FieldRef {
    match list_of_shaped(field.data_type()) {
        Some(list) => Arc::new(field.as_ref().clone().with_data_type(list.clone())),
        None => Arc::clone(field),
    }
}

/// Whether an Arrow type is the shaped form of arrays.
pub fn is_shaped(arrow: &DataType) -> bool {
    list_of_shaped(arrow).is_some()
}

/// The field of an array's items, in either form.
pub fn item_of_array(arrow: &DataType) -> Option<&FieldRef> {
    match list_of_shaped(arrow).unwrap_or(arrow) {
        DataType::List(item) => Some(item),
        _ => None,
    }
}

/// Builds the bounds of many arrays.
#[derive(Debug, Default)]
pub struct BoundsBuilder {
    bounds: Vec<i32>,
    lengths: Vec<usize>,
}

impl BoundsBuilder {
    /// Appends those of the next array.
    pub fn push(&mut self, shape: &Shape) {
        let start = self.bounds.len();
        shape.write_bounds(&mut self.bounds);
        self.lengths.push(self.bounds.len() - start);
    }

    /// The lists with these shapes.
    pub fn finish(self, lists: ListArray) -> Result<ArrayRef> {
        let item = Arc::new(Field::new_list_field(DataType::Int32, true));
        let offsets = OffsetBuffer::from_lengths(self.lengths);
        let bounds = ListArray::try_new(item, offsets, Arc::new(Int32Array::from(self.bounds)), None)?;
        joined(lists, bounds)
    }
}

fn joined(lists: ListArray, bounds: ListArray) -> Result<ArrayRef> {
    let (fields, nulls) = (fields(lists.data_type().clone()), lists.nulls().cloned());
    // A file says more of its fields.
    let (_, offsets, numbers, missing) = bounds.into_parts();
    let item = Arc::new(Field::new_list_field(DataType::Int32, true));
    let bounds = ListArray::try_new(item, offsets, numbers, missing)?;
    Ok(Arc::new(StructArray::try_new(fields, vec![Arc::new(lists), Arc::new(bounds)], nulls)?))
}

/// Lists in the shaped form.
pub fn shaped(lists: &ListArray) -> Result<ArrayRef> {
    let mut bounds = BoundsBuilder::default();
    lists.offsets().lengths().for_each(|length| bounds.push(&Shape::of_list(length)));
    bounds.finish(lists.clone())
}

/// Arrays in either form.
#[derive(Clone, Debug)]
pub struct Arrays {
    lists: ListArray,
    /// `None` if the lists are all.
    bounds: Option<ListArray>,
}

impl Arrays {
    /// `None` for values that are no arrays.
    pub fn of(values: &dyn Array) -> Option<Arrays> {
        if let Some(lists) = values.as_list_opt::<i32>() {
            return Some(Arrays { lists: lists.clone(), bounds: None });
        }
        if !is_shaped(values.data_type()) {
            return None;
        }
        let parts = values.as_struct();
        let (lists, bounds) = (parts.column(0).as_list_opt::<i32>()?, parts.column(1).as_list_opt::<i32>()?);
        let nulls = NullBuffer::union(lists.nulls(), parts.nulls());
        let (item, offsets, items, _) = lists.clone().into_parts();
        let lists = ListArray::try_new(item, offsets, items, nulls).ok()?;
        Some(Arrays { lists, bounds: Some(bounds.clone()) })
    }

    /// The items of all, without their dimensions.
    pub fn lists(&self) -> &ListArray {
        &self.lists
    }

    /// The number of arrays.
    pub fn len(&self) -> usize {
        self.lists.len()
    }

    /// Whether there is no array.
    pub fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    /// Whether the array of a row is NULL.
    pub fn is_null(&self, row: usize) -> bool {
        self.lists.is_null(row)
    }

    /// The items of a row's array in storage order.
    pub fn items(&self, row: usize) -> ArrayRef {
        self.lists.value(row)
    }

    /// The dimensions of a row's array.
    pub fn shape(&self, row: usize) -> Shape {
        match &self.bounds {
            Some(bounds) => Shape::of_bounds(bounds.value(row).as_primitive::<Int32Type>().values()),
            None => Shape::of_list(self.lists.value_length(row) as usize),
        }
    }

    /// Whether no array needs its bounds to be told.
    pub fn are_plain(&self) -> bool {
        self.bounds.is_none() || (0..self.len()).all(|row| self.is_null(row) || self.shape(row).is_plain())
    }

    /// The same arrays with other items, as many in each.
    pub fn with_lists(&self, lists: ListArray) -> Result<ArrayRef> {
        match &self.bounds {
            Some(bounds) => joined(lists, bounds.clone()),
            None => Ok(Arc::new(lists)),
        }
    }

    /// The same arrays in the shaped form.
    pub fn shaped(&self) -> Result<ArrayRef> {
        if self.bounds.is_some() { self.with_lists(self.lists.clone()) } else { shaped(&self.lists) }
    }
}

/// The items of all arrays of a shaped column.
pub fn items_of_shaped(values: &dyn Array) -> Option<&ArrayRef> {
    let parts = values.as_struct_opt().filter(|_| is_shaped(values.data_type()))?;
    Some(parts.column(0).as_list_opt::<i32>()?.values())
}

/// Arrays as lists of their items; other values as they are.
pub fn flattened(values: &ArrayRef) -> ArrayRef {
    match Arrays::of(values).filter(|_| is_shaped(values.data_type())) {
        Some(arrays) => Arc::new(arrays.lists),
        None => Arc::clone(values),
    }
}

/// As [`flattened`], if no array needs its bounds to be told.
pub fn plain_lists(values: &ArrayRef) -> Option<ArrayRef> {
    let are_plain = Arrays::of(values).is_none_or(|arrays| arrays.are_plain());
    are_plain.then(|| flattened(values))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_by_two() -> Shape {
        Shape::new(vec![Dimension::of(2), Dimension { length: 2, lower: 0 }])
    }

    fn lists() -> ListArray {
        ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1); 4]), None, Some(vec![])])
    }

    #[test]
    fn a_shape_is_walked_as_it_is_written() {
        let mut text = String::new();
        let walked: Result<()> = two_by_two().walk(|part| {
            match part {
                Part::Open => text.push('{'),
                Part::Separator => text.push(','),
                Part::Item(at) => text.push_str(&at.to_string()),
                Part::Close => text.push('}'),
            }
            Ok(())
        });
        assert!(walked.is_ok());
        assert_eq!(text, "{{0,1},{2,3}}");
        assert_eq!(two_by_two().to_string(), "[1:2][0:1]");
    }

    #[test]
    fn shaped_arrays_keep_their_bounds() {
        let mut bounds = BoundsBuilder::default();
        [two_by_two(), Shape::default(), Shape::default()].iter().for_each(|shape| bounds.push(shape));
        let values = bounds.finish(lists()).unwrap();
        assert!(is_shaped(values.data_type()));
        let arrays = Arrays::of(&values).unwrap();
        assert_eq!((arrays.shape(0), arrays.is_null(1), arrays.shape(2)), (two_by_two(), true, Shape::default()));
        assert!(!arrays.are_plain());
        assert_eq!(flattened(&values).as_list::<i32>(), &lists());
    }

    #[test]
    fn lists_are_plain_in_either_form() {
        let values = shaped(&lists()).unwrap();
        let arrays = Arrays::of(&values).unwrap();
        assert!(arrays.are_plain());
        assert_eq!(arrays.shape(0), Shape::of_list(4));
    }

    #[test]
    fn an_empty_dimension_leaves_no_array() {
        assert_eq!(Shape::new(vec![Dimension::of(2), Dimension::of(0)]), Shape::default());
        assert_eq!(Shape::default().items(), 0);
        assert_eq!(two_by_two().items(), 4);
    }
}
