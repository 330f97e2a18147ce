//! JSON arrays as arrays of a column: arrays within arrays are further dimensions.

use peristyle_catalog::model::{PgType, TypeKind};
use peristyle_storage::shape::{DIMENSIONS_MAX, Dimension, Shape};

use super::json_values::cell_of;
use crate::error::{Result, SqlError, SqlState};
use crate::values::{Cell, InputStyle, Json, too_many_dimensions};

/// The array of a JSON array's items; 22P02 if arrays within it differ in length.
pub(super) fn json_array(element: PgType, items: &[Json<'_>], style: &InputStyle) -> Result<Cell> {
    let mut gathered = Gathered { element, style, lengths: Vec::new(), depth: None, cells: Vec::new() };
    gathered.level(items, 1)?;
    let shape = Shape::new(gathered.lengths.into_iter().map(Dimension::of).collect());
    Ok(Cell::array(shape, gathered.cells))
}

struct Gathered<'a> {
    element: PgType,
    style: &'a InputStyle,
    /// Of the dimensions so far.
    lengths: Vec<i32>,
    /// Number of dimensions, once an item was met.
    depth: Option<usize>,
    cells: Vec<Cell>,
}

impl Gathered<'_> {
    fn level(&mut self, items: &[Json<'_>], depth: usize) -> Result<()> {
        if depth > DIMENSIONS_MAX {
            return Err(too_many_dimensions(depth));
        }
        let length = items.len() as i32;
        match self.lengths.get(depth - 1) {
            None => self.lengths.push(length),
            Some(known) if *known == length => {}
            Some(_) => return Err(ragged()),
        }
        items.iter().try_for_each(|item| self.item(item, depth))
    }

    fn item(&mut self, item: &Json<'_>, depth: usize) -> Result<()> {
        match item {
            Json::Array(items) if !holds_json(self.element) => {
                if self.depth.is_some_and(|known| known <= depth) {
                    Err(ragged())
                } else {
                    self.level(items, depth + 1)
                }
            }
            _ if *self.depth.get_or_insert(depth) != depth || self.lengths.len() > depth => Err(ragged()),
            _ => {
                self.cells.push(cell_of(self.element, item, self.style)?);
                Ok(())
            }
        }
    }
}

/// Whether an array is itself a value of the type.
fn holds_json(element: PgType) -> bool {
    matches!(element.kind(), Some(TypeKind::Json | TypeKind::Jsonb))
}

#[cold]
fn ragged() -> SqlError {
    SqlError::new(SqlState::INVALID_TEXT_REPRESENTATION, "malformed JSON array")
        .detail("Multidimensional arrays must have sub-arrays with matching dimensions.")
}
