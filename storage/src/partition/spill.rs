//! Sorted runs in the spill folder, and their merge. A run's file has no name: it is unlinked as soon as it is open,
//! so nothing is left behind however the process ends.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::interleave_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use arrow::row::Rows;
use uuid::Uuid;

use super::sort::{SortKeys, SortRule};
use crate::batches::compact;
use crate::{Error, Result};

/// Rows of the batches in which runs are written and merged.
pub(super) const RUN_BATCH_ROWS: usize = 8192;

/// Sorted batches, whatever they come from.
pub(super) type SortedBatches = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// A sorted run on disk.
pub(super) struct Run {
    file: File,
}

impl Run {
    /// Writes sorted batches to a new file.
    pub(super) fn write(folder: &Path, name: Uuid, schema: &SchemaRef, batches: SortedBatches) -> Result<Run> {
        let failed = |source| Error::io("write a sorted run in", folder, source);
        let file = unnamed_file(folder, name).map_err(failed)?;
        let mut writer = StreamWriter::try_new(BufWriter::new(file), schema)?;
        for batch in batches {
            writer.write(&batch?)?;
        }
        writer.finish()?;
        let buffered = writer.into_inner()?;
        let file = buffered.into_inner().map_err(|error| failed(error.into_error()))?;
        Ok(Run { file })
    }

    /// Reads it back, once.
    pub(super) fn read(mut self) -> Result<SortedBatches> {
        self.file
            .seek(SeekFrom::Start(0))
            .map_err(|error| Error::Io { what: "could not read a run".into(), source: error })?;
        let reader = StreamReader::try_new(BufReader::new(self.file), None)?;
        Ok(Box::new(reader.map(|batch| Ok(batch?))))
    }
}

fn unnamed_file(folder: &Path, name: Uuid) -> std::io::Result<File> {
    fs::create_dir_all(folder)?;
    let path = folder.join(format!("{name}.run"));
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

/// A k-way merge of sorted sources into sorted batches.
pub(super) struct Merge {
    keys: SortKeys,
    sources: Vec<SortedBatches>,
    heap: BinaryHeap<Reverse<Head>>,
    /// The batches that pending rows lie in; each source's current one is the last that it put here.
    batches: Vec<RecordBatch>,
    pending: Vec<(usize, usize)>,
}

/// The next row of one source.
struct Head {
    keys: Arc<Rows>,
    row: usize,
    source: usize,
    batch: usize,
}

impl Merge {
    pub(super) fn new(rule: &SortRule, schema: &SchemaRef, sources: Vec<SortedBatches>) -> Result<Merge> {
        let count = sources.len();
        let keys = SortKeys::new(rule, schema)?;
        let mut merge = Merge { keys, sources, heap: BinaryHeap::new(), batches: Vec::new(), pending: Vec::new() };
        for source in 0..count {
            merge.load(source)?;
        }
        Ok(merge)
    }

    /// Takes the source's next batch that has rows, if there is one.
    fn load(&mut self, source: usize) -> Result<()> {
        for batch in self.sources[source].by_ref() {
            let batch = batch?;
            if batch.num_rows() > 0 {
                let keys = Arc::new(self.keys.of(&batch)?);
                self.heap.push(Reverse(Head { keys, row: 0, source, batch: self.batches.len() }));
                self.batches.push(batch);
                return Ok(());
            }
        }
        Ok(())
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        while self.pending.len() < RUN_BATCH_ROWS {
            let Some(Reverse(mut head)) = self.heap.pop() else { break };
            self.pending.push((head.batch, head.row));
            head.row += 1;
            if head.row < head.keys.num_rows() {
                self.heap.push(Reverse(head));
            } else {
                self.load(head.source)?;
            }
        }
        if self.pending.is_empty() { Ok(None) } else { self.emit().map(Some) }
    }

    /// Makes a batch of the pending rows and lets go of the batches that are used up.
    fn emit(&mut self) -> Result<RecordBatch> {
        let batches: Vec<&RecordBatch> = self.batches.iter().collect();
        let merged = compact(interleave_record_batch(&batches, &self.pending)?);
        self.pending.clear();
        let mut current = Vec::with_capacity(self.heap.len());
        let heads = std::mem::take(&mut self.heap).into_vec();
        for Reverse(mut head) in heads {
            current.push(self.batches[head.batch].clone());
            head.batch = current.len() - 1;
            self.heap.push(Reverse(head));
        }
        self.batches = current;
        merged
    }
}

impl Iterator for Merge {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_batch().transpose()
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        self.keys.row(self.row).cmp(&other.keys.row(other.row)).then(self.source.cmp(&other.source))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}
