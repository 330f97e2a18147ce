//! The work of one scan, shared by its streams: whoever is free takes the next piece.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use peristyle_catalog::model::{Chunk, Partition};

use super::log_rows;

/// A piece of work.
pub(super) enum Piece {
    /// A partition that nobody has opened: its row groups become pieces of their own.
    Partition(Arc<Partition>),
    /// Some row groups of an opened partition.
    RowGroups(Arc<Partition>, Vec<usize>),
    /// Chunks whose rows are in the log alone.
    LogRows(Vec<Arc<Chunk>>),
}

/// Pieces that wait.
pub(super) struct Work {
    pieces: Mutex<VecDeque<Piece>>,
}

impl Work {
    pub(super) fn new(partitions: &[Arc<Partition>], in_log: &[Arc<Chunk>]) -> Work {
        let partitions = partitions.iter().cloned().map(Piece::Partition);
        let in_log = log_rows::pieces(in_log).into_iter().map(Piece::LogRows);
        Work { pieces: Mutex::new(in_log.chain(partitions).collect()) }
    }

    pub(super) fn take(&self) -> Option<Piece> {
        self.pieces.lock().pop_front()
    }

    /// Gives the row groups of a partition to all streams, one by one, before partitions that nobody has opened.
    pub(super) fn share(&self, partition: &Arc<Partition>, row_groups: Vec<usize>) {
        let mut pieces = self.pieces.lock();
        for group in row_groups.into_iter().rev() {
            pieces.push_front(Piece::RowGroups(Arc::clone(partition), vec![group]));
        }
    }
}
