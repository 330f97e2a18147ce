//! Footers of partitions in memory, within a byte limit: planning and the first read of a fresh partition open
//! nothing for them (law 10).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema};
use parking_lot::Mutex;
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::file::metadata::ParquetMetaData;
use peristyle_catalog::model::{ColumnId, PartitionId};

use super::physical::read_field;
use crate::Result;

/// Key of the footer's own metadata under which the ids of columns with a NaN stand, separated by commas.
pub(super) const NAN_COLUMNS: &str = "peristyle.nan_columns";

/// A partition's footer, ready to read with.
#[derive(Debug)]
pub struct Footer {
    pub(super) reader: ArrowReaderMetadata,
    /// Position of each column in the file.
    columns: HashMap<ColumnId, usize>,
    nan_columns: Vec<ColumnId>,
    bytes: usize,
}

impl Footer {
    pub(super) fn new(metadata: Arc<ParquetMetaData>) -> Result<Footer> {
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let inferred = ArrowReaderMetadata::try_new(metadata.clone(), options.clone())?;
        let fields: Vec<FieldRef> = inferred.schema().fields().iter().map(read_field).collect();
        let columns = fields.iter().enumerate().filter_map(|(at, field)| Some((field_id(field)?, at))).collect();
        let reader = ArrowReaderMetadata::try_new(metadata, options.with_schema(Arc::new(Schema::new(fields))))?;
        let nan_columns = nan_columns(reader.metadata());
        // The two Arrow schemas cost about as much again as the column chunks of one row group.
        let bytes = reader.metadata().memory_size() * 2;
        Ok(Footer { reader, columns, nan_columns, bytes })
    }

    /// Where the file has the column.
    pub(super) fn position(&self, id: ColumnId) -> Option<usize> {
        self.columns.get(&id).copied()
    }

    /// Whether the file has the column.
    pub fn has_column(&self, id: ColumnId) -> bool {
        self.columns.contains_key(&id)
    }

    pub(super) fn has_nan(&self, id: ColumnId) -> bool {
        self.nan_columns.contains(&id)
    }

    /// Number of row groups.
    pub fn row_groups(&self) -> usize {
        self.reader.metadata().num_row_groups()
    }

    /// Rows of one row group.
    pub fn row_group_rows(&self, row_group: usize) -> u64 {
        u64::try_from(self.reader.metadata().row_group(row_group).num_rows()).unwrap_or(0)
    }

    /// Memory held, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

fn field_id(field: &FieldRef) -> Option<ColumnId> {
    field.metadata().get(PARQUET_FIELD_ID_META_KEY)?.parse().ok().map(ColumnId)
}

fn nan_columns(metadata: &ParquetMetaData) -> Vec<ColumnId> {
    let pairs = metadata.file_metadata().key_value_metadata();
    let value = pairs.and_then(|pairs| pairs.iter().find(|pair| pair.key == NAN_COLUMNS)?.value.as_deref());
    value.unwrap_or("").split(',').filter_map(|id| id.parse().ok().map(ColumnId)).collect()
}

/// The least recently used footer goes first when the byte limit is passed.
#[derive(Debug)]
pub struct FooterCache {
    bytes_max: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    bytes: usize,
    next_use: u64,
    footers: HashMap<PartitionId, (Arc<Footer>, u64)>,
    by_use: BTreeMap<u64, PartitionId>,
}

impl FooterCache {
    /// An empty cache.
    pub fn new(bytes_max: usize) -> FooterCache {
        FooterCache { bytes_max, state: Mutex::default() }
    }

    /// The footer, if it is in memory.
    pub fn get(&self, partition: PartitionId) -> Option<Arc<Footer>> {
        let mut state = self.state.lock();
        let footer = state.footers.get(&partition)?.0.clone();
        state.touch(partition);
        Some(footer)
    }

    /// Memory held, in bytes.
    pub fn bytes(&self) -> usize {
        self.state.lock().bytes
    }

    pub(super) fn put(&self, partition: PartitionId, footer: Arc<Footer>) {
        if footer.bytes > self.bytes_max {
            return;
        }
        let mut state = self.state.lock();
        state.remove(partition);
        state.bytes += footer.bytes;
        state.footers.insert(partition, (footer, 0));
        state.touch(partition);
        while state.bytes > self.bytes_max {
            let Some((_, oldest)) = state.by_use.pop_first() else { break };
            state.remove(oldest);
        }
    }

    /// Forgets the footer of a deleted partition.
    pub fn remove(&self, partition: PartitionId) {
        self.state.lock().remove(partition);
    }
}

impl State {
    fn touch(&mut self, partition: PartitionId) {
        self.next_use += 1;
        let now = self.next_use;
        if let Some((_, used)) = self.footers.get_mut(&partition) {
            self.by_use.remove(used);
            *used = now;
            self.by_use.insert(now, partition);
        }
    }

    fn remove(&mut self, partition: PartitionId) {
        if let Some((footer, used)) = self.footers.remove(&partition) {
            self.bytes -= footer.bytes;
            self.by_use.remove(&used);
        }
    }
}
