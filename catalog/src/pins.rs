//! Which sequence numbers readers hold.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use crate::head::Head;
use crate::model::Seq;

/// The newest head, and how many readers hold which.
pub(crate) struct Pins {
    head: ArcSwap<Head>,
    held: Mutex<BTreeMap<Seq, usize>>,
}

/// A head that is held: while it lives, nothing that it sees is deleted.
pub struct Snapshot {
    head: Arc<Head>,
    pins: Arc<Pins>,
}

impl Pins {
    pub(crate) fn new(head: Head) -> Pins {
        Pins { head: ArcSwap::from_pointee(head), held: Mutex::default() }
    }

    pub(crate) fn publish(&self, head: Arc<Head>) {
        self.head.store(head);
    }

    /// The newest head, not held.
    pub(crate) fn head(&self) -> Arc<Head> {
        self.head.load_full()
    }

    /// Holds the newest head.
    pub(crate) fn snapshot(self: &Arc<Self>) -> Snapshot {
        // The head is read under the lock: whoever asks for the horizon later sees the hold, whoever asked before saw
        // a head that is not newer than this one.
        let mut held = self.held.lock();
        let head = self.head.load_full();
        *held.entry(head.seq).or_default() += 1;
        Snapshot { head, pins: Arc::clone(self) }
    }

    pub(crate) fn horizon(&self) -> Seq {
        let held = self.held.lock();
        held.keys().next().copied().unwrap_or_else(|| self.head.load().seq)
    }

    pub(crate) fn held(&self) -> Vec<(Seq, u64)> {
        self.held.lock().iter().map(|(seq, count)| (*seq, *count as u64)).collect()
    }

    fn hold(&self, seq: Seq) {
        *self.held.lock().entry(seq).or_default() += 1;
    }

    fn release(&self, seq: Seq) {
        let mut held = self.held.lock();
        if let Some(count) = held.get_mut(&seq) {
            *count -= 1;
            if *count == 0 {
                held.remove(&seq);
            }
        }
    }
}

impl Snapshot {
    /// The head itself, for one who keeps the snapshot beside it.
    pub fn head(&self) -> &Arc<Head> {
        &self.head
    }
}

impl Deref for Snapshot {
    type Target = Head;

    fn deref(&self) -> &Head {
        &self.head
    }
}

impl Clone for Snapshot {
    fn clone(&self) -> Self {
        self.pins.hold(self.head.seq);
        Snapshot { head: Arc::clone(&self.head), pins: Arc::clone(&self.pins) }
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        self.pins.release(self.head.seq);
    }
}
