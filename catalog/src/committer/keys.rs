//! The keys that a change set says it gives to rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Head;
use crate::model::{ChangeSet, Oid, Requirement, Seq, WrittenKeys};

/// What a change set says of the keys that it writes, table by table, and what each table was before.
pub(super) struct ToldKeys(BTreeMap<Oid, Told>);

struct Told {
    /// The newest commit of rows before.
    before: Seq,
    /// `None` where it does not say it of all its rows.
    written: Option<Vec<WrittenKeys>>,
}

impl ToldKeys {
    /// `head` is the one from before the change set.
    pub(super) fn of(head: &Head, changes: &ChangeSet) -> ToldKeys {
        let mut told = ToldKeys(BTreeMap::new());
        for requirement in &changes.requires {
            match requirement {
                Requirement::KeysFreeSince { table, written, .. } => told.add(head, *table, Some(written)),
                // Who looked at all rows may write all of them again.
                Requirement::NoRowsSince { table, .. } => told.add(head, *table, None),
                _ => {}
            }
        }
        told
    }

    fn add(&mut self, head: &Head, table: Oid, written: Option<&Vec<WrittenKeys>>) {
        let known = self.0.get(&table).map(|told| told.written.as_ref());
        let written = match known {
            None => written.cloned(),
            Some(known) => known.zip(written).and_then(|(known, written)| WrittenKeys::of_both(known, written)),
        };
        let before = head.contents(table).map_or(Seq::ZERO, |contents| contents.newest_rows);
        self.0.insert(table, Told { before, written });
    }

    /// Notes them in the head after it.
    pub(super) fn note(self, head: &mut Head, seq: Seq) {
        for (table, told) in self.0 {
            if let Some(written) = told.written {
                head.change_contents(table, |contents| contents.note_keys(told.before, seq, Arc::from(written)));
            }
        }
    }
}
