//! The state at one sequence number, whole in memory and immutable: publishing a new one costs the change, not the
//! table, because the maps share structure.

mod apply;
mod bootstrap;
mod contents;
mod decimals;
mod dump;
mod history;
mod shaped_columns;
mod written;

use std::sync::Arc;

use imbl::OrdMap;

pub(crate) use apply::next_layout;
pub(crate) use bootstrap::bootstrap;
pub use contents::{PartitionOrder, TableContents};
pub use decimals::DecimalNeeds;
pub(crate) use decimals::decimals_fit;
pub(crate) use dump::{relation_records, statistics_keys};
pub use shaped_columns::ShapedColumns;

use crate::model::{
    Chunk, ChunkId, ColumnId, Database, EnumType, IngestId, Oid, Partition, PartitionId, PgType, Relation, Role,
    Schema, Seq, Sequence, SequencePlace, Table, TimestampMicros,
};
use crate::records::CommitRow;

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
    /// Of all tables' chunks together.
    pub(crate) real_time_bytes: u64,
    /// Partitions with an end mark, by the commit that set it, until their objects are deleted.
    pub(crate) ended: OrdMap<(Seq, Oid, PartitionId), Arc<Partition>>,
    pub(crate) ingested: OrdMap<IngestId, (Seq, TimestampMicros)>,
    /// The same ids by age.
    pub(crate) ingested_by_seq: OrdMap<Seq, IngestId>,
    /// Chunks that were removed, by the commit that did it, while a state can be read that saw them.
    pub(crate) ended_chunks: OrdMap<(Seq, Oid, ChunkId), Arc<Chunk>>,
    /// Definitions of tables that were changed or dropped, likewise.
    pub(crate) past_relations: OrdMap<(Seq, Oid), Arc<Relation>>,
    /// The newest commits, and some of the older ones.
    pub(crate) commits: OrdMap<Seq, CommitRow>,
    /// The newest commit of a server that did not keep what it ended.
    pub(crate) unkept: Seq,
    /// How far sequences have come: the run, and a place in it that no value given is after.
    pub(crate) sequences: OrdMap<Oid, (Oid, SequencePlace)>,
}

/// The definitions of one state, which those that come after it share until one is changed. See [`Head::definitions`].
pub struct Definitions {
    schemas: OrdMap<Oid, Arc<Schema>>,
    relations: OrdMap<Oid, Arc<Relation>>,
    names: OrdMap<(Oid, String), Oid>,
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

    /// Tables, views, indexes, sequences and enum types of all schemas, by oid.
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

    /// What names lead to.
    pub fn definitions(&self) -> Definitions {
        Definitions { schemas: self.schemas.clone(), relations: self.relations.clone(), names: self.names.clone() }
    }

    /// Whether all names surely lead to the very same definitions.
    pub fn has_definitions(&self, definitions: &Definitions) -> bool {
        self.names.ptr_eq(&definitions.names)
            && self.relations.ptr_eq(&definitions.relations)
            && self.schemas.ptr_eq(&definitions.schemas)
    }

    /// What a table holds; `None` for a table that never held anything.
    pub fn contents(&self, table: Oid) -> Option<&Arc<TableContents>> {
        self.contents.get(&table)
    }

    /// Whether a relation was dropped and can be taken back.
    pub fn is_dropped(&self, relation: &Relation) -> bool {
        self.schema(relation.schema).is_some_and(|schema| schema.is_of_dropped())
    }

    /// Whether a load of that id was committed, and not so long ago that it is forgotten.
    pub fn is_ingested(&self, id: &IngestId) -> bool {
        self.ingested.contains_key(id)
    }

    /// Partitions with an end mark whose objects are not deleted yet, oldest mark first.
    pub fn ended(&self) -> impl Iterator<Item = &Arc<Partition>> {
        self.ended.values()
    }

    /// Where the frame of the oldest chunk of all tables starts in the log.
    pub fn oldest_chunk_position(&self) -> Option<u64> {
        let oldest = self.contents.values().filter_map(|contents| contents.chunks.get_min());
        oldest.map(|(_, chunk)| chunk.log_position).min()
    }

    /// Memory that the rows of all tables' chunks hold, in bytes.
    pub fn real_time_bytes(&self) -> u64 {
        self.real_time_bytes
    }

    /// A place in the sequence's run that no value given is after.
    pub fn sequence_place(&self, oid: Oid, sequence: &Sequence) -> SequencePlace {
        match self.sequences.get(&oid) {
            Some((run, place)) if *run == sequence.run => *place,
            Some(_) | None => sequence.begin,
        }
    }

    /// The relation that defines an enum type, or the type of an array's elements.
    pub fn enum_definition(&self, ty: PgType) -> Option<(&Arc<Relation>, &EnumType)> {
        let relation = self.relation(ty.enum_definition()?)?;
        Some((relation, relation.as_enum()?))
    }

    /// Tables that have columns of the enum type that the relation defines, or of its array type.
    pub fn tables_of_enum(&self, definition: Oid) -> impl Iterator<Item = &Arc<Relation>> {
        let has_type = move |table: &Table| table.columns.iter().any(|c| c.ty.enum_definition() == Some(definition));
        self.relations.values().filter(move |relation| relation.as_table().is_some_and(has_type))
    }

    /// The sequences that go with a table.
    pub fn sequences_of(&self, table: Oid) -> impl Iterator<Item = &Arc<Relation>> {
        self.relations.values().filter(move |relation| {
            relation.as_sequence().and_then(|sequence| sequence.owner).is_some_and(|owner| owner.table == table)
        })
    }

    /// Views that read the relation, materialized ones too. Those that were dropped hold nobody back.
    pub fn dependents(&self, oid: Oid) -> impl Iterator<Item = &Arc<Relation>> {
        let reads = move |relation: &&Arc<Relation>| {
            relation.stored_query().is_some_and(|query| query.depends_on.iter().any(|on| on.relation == oid))
        };
        self.relations.values().filter(reads).filter(|relation| !self.is_dropped(relation))
    }

    /// Views that read the table's column, materialized ones too.
    pub fn column_readers(&self, table: Oid, column: ColumnId) -> impl Iterator<Item = &Arc<Relation>> {
        self.dependents(table).filter(move |relation| {
            let mut sources = relation.stored_query().into_iter().flat_map(|query| &query.depends_on);
            sources.any(|on| on.relation == table && on.columns.iter().any(|(_, id)| *id == column))
        })
    }
}
