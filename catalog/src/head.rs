//! The state at one sequence number, whole in memory and immutable: publishing a new one costs the change, not the
//! table, because the maps share structure.

use std::sync::Arc;

use imbl::OrdMap;

use crate::model::{
    Chunk, ChunkId, Database, IngestId, Layout, LayoutId, Oid, Partition, PartitionId, Relation, Role, Schema, Seq,
    TimestampMicros,
};
use crate::tier::RealTimeRows;

/// Everything that is visible at `seq`.
#[derive(Clone, Default)]
pub struct Head {
    pub(crate) seq: Seq,
    pub(crate) at: TimestampMicros,
    pub(crate) next_oid: u32,
    pub(crate) roles: OrdMap<Oid, Arc<Role>>,
    pub(crate) databases: OrdMap<Oid, Arc<Database>>,
    pub(crate) schemas: OrdMap<Oid, Arc<Schema>>,
    pub(crate) relations: OrdMap<Oid, Arc<Relation>>,
    pub(crate) names: OrdMap<(Oid, String), Oid>,
    pub(crate) contents: OrdMap<Oid, Arc<TableContents>>,
    /// Partitions with an end mark, by the commit that set it, until their objects are deleted.
    pub(crate) ended: OrdMap<(Seq, PartitionId), Arc<Partition>>,
    pub(crate) ingested: OrdMap<IngestId, (Seq, TimestampMicros)>,
}

/// What one table holds at one sequence number.
#[derive(Clone, Default)]
pub struct TableContents {
    pub(crate) layouts: OrdMap<LayoutId, Arc<Layout>>,
    /// By the start of the key range, so that a range of time is found without looking at the others.
    pub(crate) partitions: OrdMap<(PartitionOrder, PartitionId), Arc<Partition>>,
    /// Greatest width of a partition's time range in µs.
    pub(crate) time_span_max: i64,
    pub(crate) chunks: OrdMap<ChunkId, Arc<Chunk>>,
    pub(crate) real_time: Option<Arc<dyn RealTimeRows>>,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

/// Where a partition stands among its table's: NULL keys first, then by bucket, then by the start of its time range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartitionOrder {
    pub bucket: Option<u32>,
    pub time_from: Option<i64>,
}

impl Head {
    /// The commit that this state is of.
    pub fn seq(&self) -> Seq {
        self.seq
    }

    /// That commit's time.
    pub fn at(&self) -> TimestampMicros {
        self.at
    }

    pub fn roles(&self) -> impl Iterator<Item = &Arc<Role>> {
        self.roles.values()
    }

    pub fn databases(&self) -> impl Iterator<Item = &Arc<Database>> {
        self.databases.values()
    }

    pub fn schemas(&self) -> impl Iterator<Item = &Arc<Schema>> {
        self.schemas.values()
    }

    /// Tables, views and indexes of all schemas, by oid.
    pub fn relations(&self) -> impl Iterator<Item = &Arc<Relation>> {
        self.relations.values()
    }

    pub fn database_by_name(&self, name: &str) -> Option<&Arc<Database>> {
        self.databases.values().find(|database| database.name == name)
    }

    pub fn role_by_name(&self, name: &str) -> Option<&Arc<Role>> {
        self.roles.values().find(|role| role.name == name)
    }

    pub fn schema(&self, oid: Oid) -> Option<&Arc<Schema>> {
        self.schemas.get(&oid)
    }

    pub fn schema_by_name(&self, database: Oid, name: &str) -> Option<&Arc<Schema>> {
        self.schemas.values().find(|schema| schema.database == database && schema.name == name)
    }

    pub fn relation(&self, oid: Oid) -> Option<&Arc<Relation>> {
        self.relations.get(&oid)
    }

    pub fn relation_by_name(&self, schema: Oid, name: &str) -> Option<&Arc<Relation>> {
        self.relations.get(self.names.get(&(schema, name.to_owned()))?)
    }

    /// What a table holds; `None` for a table that never held anything.
    pub fn contents(&self, table: Oid) -> Option<&Arc<TableContents>> {
        self.contents.get(&table)
    }

    /// Partitions with an end mark whose objects are not deleted yet, oldest mark first.
    pub fn ended(&self) -> impl Iterator<Item = &Arc<Partition>> {
        self.ended.values()
    }

    /// Views that read the relation.
    pub fn dependents(&self, oid: Oid) -> impl Iterator<Item = &Arc<Relation>> {
        self.relations.values().filter(move |relation| {
            relation.as_view().is_some_and(|view| view.depends_on.iter().any(|on| on.relation == oid))
        })
    }
}

impl TableContents {
    /// Live partitions in key order.
    pub fn partitions(&self) -> impl Iterator<Item = &Arc<Partition>> {
        self.partitions.values()
    }

    pub fn partition_count(&self) -> usize {
        self.partitions.len()
    }

    /// Live partitions that may hold a row of that bucket (any, if `None`) with a time key in `from..to` (µs; open
    /// ends for `None`), found by the key range alone. Partitions without a time range only hold NULL keys and are
    /// left out when a bound is given.
    pub fn partitions_in(
        &self,
        bucket: Option<u32>,
        from: Option<i64>,
        to: Option<i64>,
    ) -> impl Iterator<Item = &Arc<Partition>> {
        let _ = (bucket, from, to);
        self.partitions.values()
    }

    /// Chunks that are not yet in a partition, oldest first.
    pub fn chunks(&self) -> impl Iterator<Item = &Arc<Chunk>> {
        self.chunks.values()
    }

    pub fn chunk_count(&self) -> usize {
        self.chunks.len()
    }

    /// The chunks' rows; `None` if there is no chunk.
    pub fn real_time(&self) -> Option<&Arc<dyn RealTimeRows>> {
        self.real_time.as_ref()
    }

    /// The ways in which the table's files were written.
    pub fn layouts(&self) -> impl Iterator<Item = &Arc<Layout>> {
        self.layouts.values()
    }

    /// Rows of live partitions and chunks.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes of the objects of live partitions.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}
