//! Which sequence numbers readers hold.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use crate::Result;
use crate::head::Head;
use crate::model::{Seq, TimestampMicros};

/// The newest head, and how many readers hold which.
pub(crate) struct Pins {
    head: ArcSwap<Head>,
    held: Mutex<BTreeMap<Seq, Hold>>,
}

/// The readers of one head.
#[derive(Default)]
struct Hold {
    readers: usize,
    /// When a newer head took its place: no reader of it is younger.
    superseded: Option<TimestampMicros>,
    /// Whether it was held for too long and holds nothing any more.
    expired: Arc<AtomicBool>,
}

/// A head that is held: while it lives and has not expired, nothing that it sees is deleted.
pub struct Snapshot {
    head: Arc<Head>,
    pins: Arc<Pins>,
    expired: Arc<AtomicBool>,
}

impl Pins {
    pub(crate) fn new(head: Head) -> Pins {
        Pins { head: ArcSwap::from_pointee(head), held: Mutex::default() }
    }

    pub(crate) fn publish(&self, head: Arc<Head>) {
        let mut held = self.held.lock();
        let at = head.at;
        let is_newer = self.head.load().seq < head.seq;
        self.head.store(head);
        if !is_newer {
            // Shown before; readers of it hold the newest still.
            return;
        }
        for hold in held.values_mut().rev().take_while(|hold| hold.superseded.is_none()) {
            hold.superseded = Some(at);
        }
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
        let hold = held.entry(head.seq).or_default();
        hold.readers += 1;
        Snapshot { expired: Arc::clone(&hold.expired), head, pins: Arc::clone(self) }
    }

    /// Holds a state of the past from now on, which `make` makes of the newest head. It is held before, so that no object
    /// that it sees is deleted; a commit that is under way may still forget it.
    pub(crate) fn past<T>(
        self: &Arc<Self>,
        seq: Seq,
        now: TimestampMicros,
        make: impl FnOnce(&Head) -> Result<Option<(Head, T)>>,
    ) -> Result<Option<(Snapshot, T)>> {
        let (mut snapshot, newest) = self.hold_past(seq, now);
        let Some((head, found)) = make(&newest)? else { return Ok(None) };
        snapshot.head = Arc::new(head);
        Ok(Some((snapshot, found)))
    }

    fn hold_past(self: &Arc<Self>, seq: Seq, now: TimestampMicros) -> (Snapshot, Arc<Head>) {
        let mut held = self.held.lock();
        let newest = self.head.load_full();
        let hold = held.entry(seq).or_default();
        hold.readers += 1;
        if hold.expired.load(Ordering::Acquire) {
            hold.expired = Arc::default();
        }
        if seq < newest.seq {
            hold.superseded = Some(now);
        }
        let head = Arc::new(Head { seq, ..Head::default() });
        (Snapshot { expired: Arc::clone(&hold.expired), head, pins: Arc::clone(self) }, newest)
    }

    pub(crate) fn horizon(&self) -> Seq {
        let held = self.held.lock();
        let oldest = held.iter().find(|(_, hold)| !hold.expired.load(Ordering::Acquire));
        oldest.map_or_else(|| self.head.load().seq, |(seq, _)| *seq)
    }

    /// Snapshots that were superseded at that time or before expire. Returns the number of their readers.
    pub(crate) fn expire(&self, until: TimestampMicros) -> usize {
        let held = self.held.lock();
        // Who looks at the past holds an old state from a later time on, so they are in no order.
        let old = held.values().filter(|hold| hold.superseded.is_some_and(|at| at <= until));
        old.filter(|hold| !hold.expired.swap(true, Ordering::AcqRel)).map(|hold| hold.readers).sum()
    }

    pub(crate) fn held(&self) -> Vec<(Seq, u64)> {
        self.held.lock().iter().map(|(seq, hold)| (*seq, hold.readers as u64)).collect()
    }

    fn hold(&self, seq: Seq) {
        self.held.lock().entry(seq).or_default().readers += 1;
    }

    fn release(&self, seq: Seq) {
        let mut held = self.held.lock();
        if let Some(hold) = held.get_mut(&seq) {
            hold.readers -= 1;
            if hold.readers == 0 {
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

    /// Whether it was held for so long that what it sees may be gone.
    pub fn is_expired(&self) -> bool {
        self.expired.load(Ordering::Acquire)
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
        Snapshot { head: Arc::clone(&self.head), pins: Arc::clone(&self.pins), expired: Arc::clone(&self.expired) }
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        self.pins.release(self.head.seq);
    }
}
