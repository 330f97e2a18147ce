//! The work of one scan, shared by its streams: whoever is free takes the next piece.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use peristyle_catalog::model::Partition;

/// A piece of work.
pub(super) enum Piece {
    /// A partition that nobody has opened: its row groups become pieces of their own.
    Partition(Arc<Partition>),
    /// Some row groups of an opened partition.
    RowGroups(Arc<Partition>, Vec<usize>),
}

/// Pieces that wait.
pub(super) struct Work {
    pieces: Mutex<VecDeque<Piece>>,
}

impl Work {
    pub(super) fn new(partitions: &[Arc<Partition>]) -> Work {
        Work { pieces: Mutex::new(partitions.iter().cloned().map(Piece::Partition).collect()) }
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
