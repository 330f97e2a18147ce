//! What a transaction's statements read of others' commits.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use peristyle_catalog::model::Oid;

/// The tables and views that were planned to be read, whole: which rows, nobody remembers. Kept over ROLLBACK TO, as the
/// client may have seen them. Copies are the same list.
#[derive(Clone, Default)]
pub(crate) struct Reads(Arc<Mutex<BTreeSet<Oid>>>);

impl Reads {
    pub(crate) fn note(&self, relation: Oid) {
        self.0.lock().insert(relation);
    }

    pub(super) fn relations(&self) -> BTreeSet<Oid> {
        self.0.lock().clone()
    }
}
