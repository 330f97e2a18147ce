//! `CREATE TABLE b CLONE a`: a table like another, with its rows, whose partitions name the same objects. Rows in the log are
//! first brought into partitions; the few that came meanwhile are written again.

use std::sync::Arc;

use peristyle_catalog::model::{
    Change, ChunkId, ColumnId, Constraint, ConstraintKind, Index, NewPartition, Oid, Partition, PartitionId, Relation,
    RelationKind, Requirement, Seq, SharedObject, Table,
};
use peristyle_storage::merge::Extent;
use sqlparser::ast::{CreateTable, CreateTableOptions, ObjectName};

use super::keys::numbered;
use super::place::Place;
use super::{Done, copied_sequences, unchanged};
use crate::error::{SqlError, SqlState};
use crate::maintenance::compact;
use crate::modify::{claim, copied_chunks};
use crate::names::QualifiedName;
use crate::scan::{RowSource, check_populated};
use crate::scope::Scope;
use crate::session::SharedTransaction;
use crate::temporary::is_shown;
use crate::transaction::Isolation;
use crate::write::{Target, newest};

pub(super) async fn run(
    scope: &Arc<Scope>,
    transaction: &SharedTransaction,
    create: &CreateTable,
    source: &ObjectName,
) -> Result<Done, SqlError> {
    if create.version.is_some() {
        return Err(SqlError::unsupported("cloning a state of the past is not supported")
            .hint("Write CREATE TABLE ... AS SELECT * FROM ... FOR SYSTEM_TIME AS OF ..."));
    }
    if !create.columns.is_empty() || create.table_options != CreateTableOptions::None || create.on_commit.is_some() {
        return Err(SqlError::syntax("CREATE TABLE ... CLONE takes two names and nothing else"));
    }
    let name = QualifiedName::of(scope, &create.name)?;
    let place = Place::of(scope, &name, create.temporary)?;
    if place.existing(scope, &name.name).is_some() {
        let message = format!("relation \"{}\" already exists", name.name);
        if create.if_not_exists {
            scope.notice(SqlState::DUPLICATE_TABLE, format!("{message}, skipping"));
            return Ok(Done::nothing("CREATE TABLE"));
        }
        return Err(SqlError::new(SqlState::DUPLICATE_TABLE, message));
    }
    let source = QualifiedName::of(scope, source)?;
    if sees_newest(transaction) {
        compact(scope, scope.require_stored(&source)?, Extent::Chunks).await?;
    }
    // The view of before has the chunks.
    let scope = &newest(scope, transaction)?;
    let original = Arc::clone(scope.require_stored(&source)?);
    check_populated(&original)?;
    let (mut clone, indexes) = definition(scope, &original, place.schema(), name.name.clone());
    let sequences = copied_sequences::give_all(scope, &original, &mut clone, &indexes);
    let (mut requires, mut changes) = place.claim(&name.name);
    requires.push(unchanged(&original));
    let oid = clone.oid;
    changes.push(Change::CreateRelation(clone));
    changes.extend(indexes);
    changes.extend(sequences);
    let held = Held::of(scope, &original);
    claim(scope, transaction, &held.sources(), &[])?;
    requires.extend(held.live(scope, original.oid));
    changes.push(rows(scope, &original, oid, held).await?);
    Ok(Done::new("CREATE TABLE", requires, changes))
}

/// Whether rows that are brought into partitions now are seen there. A transaction that keeps its snapshot sees them in the
/// log still, and copies them.
fn sees_newest(transaction: &SharedTransaction) -> bool {
    let isolation = transaction.lock().as_ref().map(|transaction| transaction.modes().isolation);
    isolation == Some(Isolation::ReadCommitted)
}

/// What the table holds.
struct Held {
    partitions: Vec<Arc<Partition>>,
    chunks: Vec<Arc<peristyle_catalog::model::Chunk>>,
}

impl Held {
    fn of(scope: &Scope, original: &Relation) -> Held {
        scope.note_read(original);
        let contents = scope.view.contents(original.oid);
        Held {
            partitions: contents.into_iter().flat_map(|contents| contents.partitions()).cloned().collect(),
            chunks: contents.into_iter().flat_map(|contents| contents.chunks()).cloned().collect(),
        }
    }

    fn sources(&self) -> Vec<RowSource> {
        let partitions = self.partitions.iter().cloned().map(RowSource::Partition);
        partitions.chain(self.chunks.iter().cloned().map(RowSource::Chunk)).collect()
    }

    /// It is all still there: an object that nobody names any more may be gone. Chunks of this very transaction have
    /// provisional numbers, and nobody else can take them away.
    fn live(&self, scope: &Scope, table: Oid) -> [Requirement; 2] {
        let partitions: Vec<PartitionId> = self.partitions.iter().map(|partition| partition.id).collect();
        let committed = scope.view.committed();
        let chunks = self.chunks.iter().map(|chunk| chunk.id).filter(|id| id.seq <= committed);
        let chunks: Vec<ChunkId> = chunks.collect();
        [Requirement::PartitionsLive { table, partitions }, Requirement::ChunksLive { table, chunks }]
    }
}

async fn rows(scope: &Arc<Scope>, original: &Arc<Relation>, clone: Oid, held: Held) -> Result<Change, SqlError> {
    let mut partitions = shared(scope, original, &held.partitions)?;
    let (copied, chunks) = copied_chunks(scope, &Target::of(scope, original)?, held.chunks).await?;
    let home = original.oid;
    partitions.extend(
        copied.into_iter().map(|new| NewPartition { shared: Some(SharedObject { home, remap: Vec::new() }), ..new }),
    );
    Ok(Change::Append { table: clone, partitions, chunks })
}

/// The partitions as another table has them, with all that is known of their columns.
fn shared(scope: &Scope, original: &Relation, partitions: &[Arc<Partition>]) -> Result<Vec<NewPartition>, SqlError> {
    let columns: Vec<ColumnId> =
        original.as_table().into_iter().flat_map(|table| &table.columns).map(|column| column.id).collect();
    let statistics = scope.engine.catalog().statistics(partitions, &columns)?;
    let shared = partitions.iter().zip(statistics).map(|(partition, statistics)| {
        // Rows of this very transaction have no commit yet.
        let is_own = partition.row_seqs.1 > scope.view.committed();
        NewPartition {
            id: partition.id,
            columns: partition.layout.columns.clone(),
            rows: partition.rows,
            bytes: partition.bytes,
            row_seqs: (!is_own).then_some(partition.row_seqs),
            key: partition.key,
            level: partition.level,
            checksum: partition.checksum,
            statistics: statistics.into_iter().flatten().collect(),
            shared: Some(SharedObject { home: partition.home, remap: partition.remap.clone() }),
        }
    });
    Ok(shared.collect())
}

/// The clone's definition, with oids of its own, and its indexes. Column ids are the original's: the files name them.
fn definition(scope: &Scope, original: &Relation, schema: Oid, name: String) -> (Relation, Vec<Change>) {
    let catalog = scope.engine.catalog();
    let oid = catalog.reserve_oids(3);
    let mut clone = Relation {
        oid,
        schema,
        name,
        owner: scope.session.user_oid,
        acl: None,
        version: Seq::ZERO,
        ..original.clone()
    };
    let (clone_name, owner) = (clone.name.clone(), clone.owner);
    let mut indexes = Vec::new();
    if let RelationKind::Table(table) = &mut clone.kind {
        table.options.retain(|(option, _)| is_shown(option));
        // Of a materialized view: its rows, which are the clone's own from here on.
        table.materialized = None;
        (table.row_type, table.array_type) = (Oid(oid.0 + 1), Oid(oid.0 + 2));
        for default in table.columns.iter_mut().filter_map(|column| column.default.as_mut()) {
            default.oid = catalog.reserve_oids(1);
        }
        for constraint in &mut table.constraints {
            constraint.oid = catalog.reserve_oids(1);
        }
        let columns = column_names(table);
        for constraint in &mut table.constraints {
            if let Some(index) = index_behind(scope, constraint, schema, &clone_name, oid, &columns) {
                let index = Relation { owner, ..index };
                indexes.push(Change::CreateRelation(index));
            }
        }
    }
    (clone, indexes)
}

fn column_names(table: &Table) -> Vec<(ColumnId, String)> {
    table.columns.iter().map(|column| (column.id, column.name.clone())).collect()
}

/// A new index for a key, under whose name the key goes from now on; `None` for other constraints.
fn index_behind(
    scope: &Scope,
    constraint: &mut Constraint,
    schema: Oid,
    table_name: &str,
    table: Oid,
    names: &[(ColumnId, String)],
) -> Option<Relation> {
    let (columns, index, primary) = match &mut constraint.kind {
        ConstraintKind::PrimaryKey { columns, index } => (columns.clone(), index, true),
        ConstraintKind::Unique { columns, index } => (columns.clone(), index, false),
        ConstraintKind::ForeignKey { .. } | ConstraintKind::Check { .. } => return None,
    };
    let named: Vec<&str> = columns
        .iter()
        .filter_map(|id| names.iter().find(|(own, _)| own == id))
        .map(|(_, name)| name.as_str())
        .collect();
    let base = match primary {
        true => format!("{table_name}_pkey"),
        false => format!("{table_name}_{}_key", named.join("_")),
    };
    let name = numbered(base, |name| scope.view.relation_by_name(schema, name).is_some());
    *index = scope.engine.catalog().reserve_oids(1);
    let definition = format!("CREATE UNIQUE INDEX {name} ON {table_name} USING btree ({})", named.join(", "));
    let oid = *index;
    constraint.name.clone_from(&name);
    Some(Relation {
        oid,
        schema,
        name,
        owner: scope.session.user_oid,
        comment: None,
        acl: None,
        version: Seq::ZERO,
        kind: RelationKind::Index(Index { table, columns, unique: true, primary, definition }),
    })
}
