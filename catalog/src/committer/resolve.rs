//! Turns a change set into operations on rows: checks it, gives numbers, and applies it to a scratch head on the way,
//! so that each change sees those before it and a failure leaves nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;

use super::keys::ToldKeys;
use super::{Numbers, invalid, require};
use crate::model::{Change, ChangeSet, Chunk, ColumnId, Commit, Database, IngestId, Oid, Schema, Seq, TimestampMicros};
use crate::records::{Counters, Key, RawOp, Record, RowOp};
use crate::tier::ArrivingChunk;
use crate::{Error, Head, Result};

/// Expired ingest ids that one commit forgets.
const INGEST_IDS_FORGOTTEN_MAX: usize = 8;
/// Longest ingest id.
const INGEST_ID_BYTES_MAX: usize = 1024;

/// What resolving needs beside the head.
pub(crate) struct Context<'a> {
    pub(crate) numbers: &'a Numbers,
    /// The clock's time.
    pub(crate) now: TimestampMicros,
    /// Where the commit's frame starts.
    pub(crate) log_position: u64,
    pub(crate) max_table_columns: usize,
    pub(crate) ingest_id_seconds: u64,
}

/// A change set as operations on rows, and the head after it; its chunks' rows are not appended yet.
pub(crate) struct Resolved {
    pub(crate) head: Head,
    pub(crate) ops: Vec<RawOp>,
    /// For the log: table, position among the commit's chunks, encoded rows.
    pub(crate) bodies: Vec<(Oid, u32, Bytes)>,
    pub(crate) arriving: BTreeMap<Oid, Vec<ArrivingChunk>>,
    pub(crate) leaving: BTreeMap<Oid, Vec<Arc<Chunk>>>,
    pub(crate) dropped: Vec<Oid>,
}

/// Checks what a change set requires of a head. It is done already, with the commit that is given back, if its ingest id
/// was seen before or it changes nothing.
pub(crate) fn check(head: &Head, changes: &ChangeSet) -> Result<Option<Commit>> {
    let done = |duplicate| Ok(Some(Commit { seq: head.seq, at: head.at, duplicate }));
    if changes.ingest_id.as_ref().is_some_and(|id| head.ingested.contains_key(id)) {
        return done(true);
    }
    changes.requires.iter().try_for_each(|requirement| require::check(head, requirement))?;
    if changes.changes.is_empty() && changes.ingest_id.is_none() { done(false) } else { Ok(None) }
}

/// Resolves a checked change set against a head, which is lost if that fails.
pub(crate) fn resolve(head: Head, changes: &ChangeSet, context: &Context<'_>) -> Result<Resolved> {
    let keys = ToldKeys::of(&head, changes);
    let mut resolver = Resolver::new(head, context);
    changes.changes.iter().try_for_each(|change| resolver.change(change))?;
    keys.note(&mut resolver.head, resolver.seq);
    resolver.remember_ingest(changes.ingest_id.as_ref())?;
    Ok(resolver.finish())
}

/// A commit in the making.
pub(super) struct Resolver<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) head: Head,
    pub(super) seq: Seq,
    pub(super) at: TimestampMicros,
    /// In the order in which they were applied; a key may come more than once.
    ops: Vec<RawOp>,
    next_oid: u32,
    /// What became of proposed columns that did not get the proposed id.
    pub(super) remapped: HashMap<(Oid, ColumnId), ColumnId>,
    /// Tables whose layouts may have lost their last use.
    pub(super) touched: BTreeSet<Oid>,
    pub(super) bodies: Vec<(Oid, u32, Bytes)>,
    pub(super) arriving: BTreeMap<Oid, Vec<ArrivingChunk>>,
    pub(super) leaving: BTreeMap<Oid, Vec<Arc<Chunk>>>,
    pub(super) dropped: Vec<Oid>,
}

impl<'a> Resolver<'a> {
    fn new(head: Head, context: &'a Context<'a>) -> Self {
        Resolver {
            context,
            seq: head.seq.next(),
            at: context.now.max(head.at),
            ops: Vec::new(),
            next_oid: head.next_oid,
            head,
            remapped: HashMap::new(),
            touched: BTreeSet::new(),
            bodies: Vec::new(),
            arriving: BTreeMap::new(),
            leaving: BTreeMap::new(),
            dropped: Vec::new(),
        }
    }

    fn change(&mut self, change: &Change) -> Result<()> {
        match change {
            Change::CreateDatabase(database) => self.create_database(database),
            Change::CreateSchema(schema) => self.create_schema(schema),
            Change::DropSchema(oid) => self.drop_schema(*oid),
            Change::CreateRelation(relation) => self.create_relation(relation),
            Change::ReplaceRelation(relation) => self.replace_relation(relation),
            Change::DropRelation(oid) => self.drop_relation(*oid),
            Change::AdvanceSequence { sequence, run, place } => self.advance_sequence(*sequence, *run, *place),
            Change::EnsureColumn { table, proposed, name, ty } => self.ensure_column(*table, *proposed, name, *ty),
            Change::Append { table, partitions, chunks } => self.append(*table, partitions, chunks),
            Change::Remove { table, partitions, chunks } => self.remove_rows(*table, partitions, chunks),
            Change::Merge { table, partitions, chunks, into } => self.merge(*table, partitions, chunks, into),
            Change::ForgetHistory { before } => self.forget_history(*before),
            Change::Forget(partitions) => self.forget(partitions),
        }
    }

    /// Puts a row into the commit and into the scratch head.
    pub(super) fn put(&mut self, record: Record) -> Result<()> {
        self.apply(RowOp::Put(record))
    }

    /// Deletes a row.
    pub(super) fn delete(&mut self, key: Key) -> Result<()> {
        self.apply(RowOp::Delete(key))
    }

    fn apply(&mut self, op: RowOp) -> Result<()> {
        let raw = RawOp::from(&op);
        self.head.apply(op).map_err(|error| invalid(error.0))?;
        self.ops.push(raw);
        Ok(())
    }

    /// Takes note of an oid that the commit uses.
    pub(super) fn uses_oid(&mut self, oid: Oid) {
        if oid >= Oid::FIRST_USER {
            self.next_oid = self.next_oid.max(oid.0.saturating_add(1));
        }
    }

    fn create_database(&mut self, database: &Database) -> Result<()> {
        let is_taken = self.head.databases.contains_key(&database.oid);
        if is_taken || self.head.database_by_name(&database.name).is_some() {
            return Err(invalid(format!("database \"{}\" already exists", database.name)));
        }
        self.uses_oid(database.oid);
        self.put(Record::Database(database.clone()))
    }

    fn create_schema(&mut self, schema: &Schema) -> Result<()> {
        if !self.head.databases.contains_key(&schema.database) {
            return Err(invalid(format!("database with OID {} does not exist", schema.database)));
        }
        require::schema_name_free(&self.head, schema.database, &schema.name)?;
        if self.head.schemas.contains_key(&schema.oid) {
            return Err(invalid(format!("OID {} is in use", schema.oid)));
        }
        self.uses_oid(schema.oid);
        self.put(Record::Schema(schema.clone()))
    }

    fn drop_schema(&mut self, oid: Oid) -> Result<()> {
        require::schema_live(&self.head, oid)?;
        require::schema_empty(&self.head, oid)?;
        self.delete(Key::Schema(oid))
    }

    fn remember_ingest(&mut self, id: Option<&IngestId>) -> Result<()> {
        if let Some(id) = id {
            if id.0.is_empty() || id.0.len() > INGEST_ID_BYTES_MAX {
                return Err(invalid(format!("an ingest id has 1 to {INGEST_ID_BYTES_MAX} bytes")));
            }
            self.put(Record::Ingested(id.clone(), self.seq, self.at))?;
        }
        self.forget_expired_ingests()
    }

    fn forget_expired_ingests(&mut self) -> Result<()> {
        let expired = self.at.seconds_before(self.context.ingest_id_seconds);
        let oldest = self.head.ingested_by_seq.values().take(INGEST_IDS_FORGOTTEN_MAX);
        let is_expired = |id: &&IngestId| self.head.ingested.get(*id).is_some_and(|(_, at)| *at < expired);
        let forgotten: Vec<IngestId> = oldest.take_while(is_expired).cloned().collect();
        forgotten.into_iter().try_for_each(|id| self.delete(Key::Ingested(id)))
    }

    fn finish(mut self) -> Resolved {
        const INFALLIBLE: &str = "these rows need no others";
        self.drop_unused_layouts().expect(INFALLIBLE);
        self.remember_commit().expect(INFALLIBLE);
        let counters = Counters { seq: self.seq, at: self.at, next_oid: self.next_oid };
        self.put(Record::Counters(counters)).expect(INFALLIBLE);
        Resolved {
            head: self.head,
            ops: last_of_each_key(self.ops),
            bodies: self.bodies,
            arriving: self.arriving,
            leaving: self.leaving,
            dropped: self.dropped,
        }
    }
}

/// The last operation on each key, in the order of keys.
fn last_of_each_key(mut ops: Vec<RawOp>) -> Vec<RawOp> {
    ops.reverse();
    ops.sort_by(|a, b| a.key.cmp(&b.key));
    ops.dedup_by(|earlier, last| earlier.key == last.key);
    ops
}

impl Resolved {
    /// The commit as its client learns of it.
    pub(crate) fn commit(&self) -> Commit {
        Commit { seq: self.head.seq, at: self.head.at, duplicate: false }
    }

    /// Hands the chunks that come and go to the real-time tier.
    pub(crate) fn move_rows(&mut self, tier: &dyn crate::RealTimeTier) -> Result<()> {
        for (table, chunks) in &self.leaving {
            self.head.change_contents(*table, |contents| {
                contents.real_time = contents.real_time.take().and_then(|rows| tier.remove(&rows, chunks));
            });
        }
        for (table, chunks) in std::mem::take(&mut self.arriving) {
            self.head.append_rows(table, chunks, tier).map_err(Error::Tier)?;
        }
        Ok(())
    }
}
