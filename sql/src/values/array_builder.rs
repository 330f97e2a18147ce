//! Building arrays from parsed values: lists until a value comes that is none, shaped ones from there on.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ListArray, NullBufferBuilder};
use arrow::buffer::OffsetBuffer;
use peristyle_catalog::model::PgType;
use peristyle_storage::shape::{BoundsBuilder, Shape};
use peristyle_storage::types::item_field;

use super::cell::Cell;
use super::column_builder::ColumnBuilder;
use crate::error::{Result, SqlError};

/// Collects the arrays of one column.
pub(super) struct ArrayBuilder {
    items: Box<ColumnBuilder>,
    /// Where each array ends among the items; the first is the start of all.
    ends: Vec<i32>,
    nulls: NullBufferBuilder,
    /// The bounds of all arrays, from the first on that is no list.
    bounds: Option<BoundsBuilder>,
}

impl ArrayBuilder {
    /// A builder over that of the items; a shaped one gives no lists, whatever the values.
    pub(super) fn new(items: ColumnBuilder, is_shaped: bool) -> ArrayBuilder {
        ArrayBuilder {
            items: Box::new(items),
            ends: vec![0],
            nulls: NullBufferBuilder::new(0),
            bounds: is_shaped.then(BoundsBuilder::default),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len() - 1
    }

    /// Whether the arrays are no lists.
    pub(super) fn is_shaped(&self) -> bool {
        self.bounds.is_some()
    }

    /// All or nothing: what can fail in an item fails before the first is appended.
    pub(super) fn push(&mut self, shape: &Shape, cells: Vec<Cell>) -> Result<()> {
        self.items.check_cells(&cells)?;
        if self.bounds.is_none() && !shape.is_plain() {
            self.bounds = Some(self.bounds_of_lists());
        }
        for cell in cells {
            self.items.push_cell(cell)?;
        }
        self.nulls.append_non_null();
        self.end(shape);
        Ok(())
    }

    pub(super) fn push_null(&mut self) {
        self.nulls.append_null();
        self.end(&Shape::default());
    }

    fn end(&mut self, shape: &Shape) {
        self.ends.push(self.items.len() as i32);
        if let Some(bounds) = &mut self.bounds {
            bounds.push(shape);
        }
    }

    /// The bounds of what was pushed so far.
    fn bounds_of_lists(&self) -> BoundsBuilder {
        let mut bounds = BoundsBuilder::default();
        self.ends.windows(2).for_each(|pair| bounds.push(&Shape::of_list((pair[1] - pair[0]) as usize)));
        bounds
    }

    pub(super) fn finish(mut self, ty: PgType) -> Result<ArrayRef> {
        let values = self.items.finish()?;
        let item = ty.item().expect("an array builder is of an array type");
        let field = item_field(item, values.data_type().clone());
        let lists = ListArray::try_new(field, OffsetBuffer::new(self.ends.into()), values, self.nulls.finish());
        let lists = lists.map_err(|error| SqlError::internal(error.to_string()))?;
        match self.bounds {
            Some(bounds) => Ok(bounds.finish(lists)?),
            None => Ok(Arc::new(lists)),
        }
    }
}
