//! What a transaction's statements read of others' commits.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use peristyle_catalog::model::Oid;
use peristyle_catalog::{Catalog, Snapshot, StateClaim};

use super::{Isolation, Modes};

/// The first snapshot that a transaction read.
pub(super) struct First {
    pub(super) snapshot: Snapshot,
    /// What is read of it, if the transaction reads no other and may replace it.
    _claim: Option<Arc<StateClaim>>,
}

impl First {
    /// Only a block comes back to what it has read.
    pub(super) fn of(catalog: &Catalog, modes: Modes, is_block: bool, reads: &Reads) -> First {
        let snapshot = catalog.snapshot();
        let may_replace = is_block && modes.isolation != Isolation::ReadCommitted && !modes.is_read_only;
        let claim = may_replace.then(|| Arc::new(catalog.claims().claim_state(snapshot.seq())));
        reads.0.lock().claim = claim.as_ref().map(Arc::downgrade).unwrap_or_default();
        First { snapshot, _claim: claim }
    }
}

/// The tables and views that were planned to be read, whole: which rows, nobody remembers. Kept over ROLLBACK TO, as the
/// client may have seen them. Copies are the same list.
#[derive(Clone, Default)]
pub(crate) struct Reads(Arc<Mutex<Noted>>);

#[derive(Default)]
struct Noted {
    relations: BTreeSet<Oid>,
    /// What is read is claimed by the transaction, while it is open.
    claim: Weak<StateClaim>,
}

impl Reads {
    pub(crate) fn note(&self, relation: Oid) {
        let mut noted = self.0.lock();
        noted.relations.insert(relation);
        if let Some(claim) = noted.claim.upgrade() {
            claim.add(relation);
        }
    }

    pub(super) fn relations(&self) -> BTreeSet<Oid> {
        self.0.lock().relations.clone()
    }
}
