use std::sync::Arc;

use arrow::array::{ArrayRef, UInt64Array, new_null_array};
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::file::metadata::RowGroupMetaData;
use peristyle_catalog::model::Partition;

use super::footers::Footer;
use super::reader::{ReadColumn, missing_value, repeat, stored_as};
use super::widening::widen_array;
use crate::Result;
use crate::statistics::{has_bounds, keeps_order};

/// What a partition's footer says of its row groups, as Arrow arrays in the plan's types with one entry per row
/// group, for pruning. NULL is unknown.
pub struct RowGroups {
    partition: Arc<Partition>,
    footer: Arc<Footer>,
}

impl RowGroups {
    /// The row groups of a partition whose footer was opened.
    pub fn new(partition: Arc<Partition>, footer: Arc<Footer>) -> RowGroups {
        RowGroups { partition, footer }
    }

    /// Number of row groups.
    pub fn len(&self) -> usize {
        self.footer.row_groups()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Rows of each row group.
    pub fn row_counts(&self) -> UInt64Array {
        (0..self.len()).map(|group| self.footer.row_group_rows(group)).collect()
    }

    /// No value of the row group is below.
    pub fn min(&self, column: &ReadColumn) -> Result<ArrayRef> {
        self.bounds(column, |converter, groups| converter.row_group_mins(groups))
    }

    /// No value of the row group is above.
    pub fn max(&self, column: &ReadColumn) -> Result<ArrayRef> {
        self.bounds(column, |converter, groups| converter.row_group_maxes(groups))
    }

    /// NULLs in each row group.
    pub fn null_counts(&self, column: &ReadColumn) -> Result<UInt64Array> {
        if stored_as(&self.partition, column.id).is_none() {
            let is_null = arrow::array::Array::is_null(&missing_value(column), 0);
            return Ok(self.row_counts().iter().map(|rows| if is_null { rows } else { Some(0) }).collect());
        }
        match self.converter(column)? {
            Some(converter) => Ok(converter.row_group_null_counts(self.groups())?),
            None => Ok(UInt64Array::new_null(self.len())),
        }
    }

    fn groups(&self) -> &[RowGroupMetaData] {
        self.footer.reader.metadata().row_groups()
    }

    fn bounds<'a>(
        &'a self,
        column: &ReadColumn,
        read: impl Fn(&StatisticsConverter<'a>, &'a [RowGroupMetaData]) -> parquet::errors::Result<ArrayRef>,
    ) -> Result<ArrayRef> {
        let target = column.field.data_type();
        let unknown = || new_null_array(target, self.len());
        let Some((in_file, stored)) = stored_as(&self.partition, column.id) else {
            return repeat(&missing_value(column), self.len());
        };
        if !has_bounds(stored) || !keeps_order(stored, target) || self.footer.has_nan(in_file) {
            return Ok(unknown());
        }
        let Some(converter) = self.converter(column)? else { return Ok(unknown()) };
        let values = read(&converter, self.groups())?;
        Ok(widen_array(&values, stored, &column.field).unwrap_or_else(|_| unknown()))
    }

    fn converter(&self, column: &ReadColumn) -> Result<Option<StatisticsConverter<'_>>> {
        let position = stored_as(&self.partition, column.id).and_then(|(in_file, _)| self.footer.position(in_file));
        let Some(position) = position else { return Ok(None) };
        let (arrow, parquet) = (self.footer.reader.schema(), self.footer.reader.parquet_schema());
        let field = arrow.field(position);
        if field.data_type().is_nested() {
            return Ok(None);
        }
        let leaf = (0..parquet.num_columns()).find(|leaf| parquet.get_column_root_idx(*leaf) == position);
        let Some(leaf) = leaf else { return Ok(None) };
        Ok(Some(StatisticsConverter::from_column_index(leaf, field, parquet)?))
    }
}
