//! Arrays: a file holds them with dimensions and lower bounds of their own only if it says so (decision 0044), and a reader
//! takes a column so if some file of its snapshot does.

use std::collections::BTreeSet;

use super::TableContents;
use super::decimals::remaps;
use crate::model::{Column, ColumnId, Table};

/// The array columns of a table of which some layout is shaped.
#[derive(Default)]
pub struct ShapedColumns(BTreeSet<ColumnId>);

impl ShapedColumns {
    /// Of the table's live columns.
    pub fn of(table: &Table, contents: Option<&TableContents>) -> ShapedColumns {
        let arrays: Vec<&Column> = table.columns.iter().filter(|column| column.ty.is_array()).collect();
        if arrays.is_empty() {
            return ShapedColumns::default();
        }
        let mut shaped: BTreeSet<ColumnId> =
            arrays.iter().filter(|column| is_shaped_where_missing(column)).map(|column| column.id).collect();
        let Some(contents) = contents else { return ShapedColumns(shaped) };
        let renamed = remaps(table, contents);
        let stored = contents.layouts().flat_map(|layout| &layout.columns).filter(|(_, ty)| ty.is_shaped());
        for (id, _) in stored {
            shaped.insert(*id);
            shaped.extend(renamed.iter().filter(|remap| remap.in_file == *id).map(|remap| remap.in_table));
        }
        ShapedColumns(shaped)
    }

    /// Whether values of the column may have any dimensions.
    pub fn contains(&self, column: &Column) -> bool {
        self.0.contains(&column.id)
    }
}

/// Whether what files without the column read as is an array of several dimensions, or with a lower bound that is written.
fn is_shaped_where_missing(column: &Column) -> bool {
    column.missing.as_ref().is_some_and(|missing| missing.text.starts_with("{{") || missing.text.starts_with('['))
}
