//! What a transaction made or changed itself, and what that guards.

use imbl::OrdSet;
use peristyle_catalog::model::{Change, Oid, PartitionId, RelationKind, Requirement};

/// Kept as statements are staged, so that a long transaction does not look at all its changes for each. Copies share
/// structure.
#[derive(Clone, Default)]
pub(super) struct Own {
    relations: OrdSet<Oid>,
    /// Those of them that nobody else can know of.
    created: OrdSet<Oid>,
    schemas: OrdSet<Oid>,
    partitions: OrdSet<PartitionId>,
    /// Whether names were given or freed.
    renamed: bool,
    /// Whether anything but new rows was changed.
    pub(super) is_more_than_rows: bool,
}

impl Own {
    pub(super) fn add(&mut self, change: &Change) {
        self.is_more_than_rows |= !matches!(change, Change::Append { .. });
        match change {
            Change::CreateSchema(schema) => {
                self.schemas.insert(schema.oid);
                self.renamed = true;
            }
            Change::DropSchema(_) | Change::CreateDatabase(_) => self.renamed = true,
            Change::CreateRelation(relation) | Change::ReplaceRelation(relation) => {
                if matches!(change, Change::CreateRelation(_)) {
                    self.created.insert(relation.oid);
                }
                self.relations.insert(relation.oid);
                if let RelationKind::Index(index) = &relation.kind {
                    self.relations.insert(index.table);
                }
                self.renamed = true;
            }
            Change::DropRelation(oid) => {
                self.relations.insert(*oid);
                self.renamed = true;
            }
            Change::EnsureColumn { table, .. } => {
                self.relations.insert(*table);
            }
            Change::Append { partitions, .. } => self.partitions.extend(partitions.iter().map(|p| p.id)),
            // Of two of these, a client's statement makes none.
            Change::Merge { .. }
            | Change::ForgetHistory { .. }
            | Change::AdvanceSequence { .. }
            | Change::Remove { .. }
            | Change::Forget(_) => {}
        }
    }

    /// What it made, changed or dropped.
    pub(super) fn relations(&self) -> impl Iterator<Item = Oid> {
        self.relations.iter().copied()
    }

    /// Whether the transaction wrote the partition.
    pub(super) fn has_partition(&self, id: &PartitionId) -> bool {
        self.partitions.contains(id)
    }

    /// Whether the committer checks this again when it applies the transaction's own changes in order.
    pub(super) fn guards(&self, requirement: &Requirement) -> bool {
        match requirement {
            Requirement::SchemaLive(oid) | Requirement::SchemaEmpty(oid) => self.schemas.contains(oid) || self.renamed,
            Requirement::SchemaNameFree { .. } | Requirement::NameFree { .. } => self.renamed,
            Requirement::RelationLive(oid)
            | Requirement::RelationVersion { oid, .. }
            | Requirement::ColumnsAccept { table: oid, .. }
            | Requirement::EnforcesOnly { table: oid, .. }
            | Requirement::KeyedBy { table: oid, .. }
            | Requirement::TableEmpty(oid) => self.relations.contains(oid),
            // A change of the definition does not look at rows.
            Requirement::NoRowsSince { table: oid, .. }
            | Requirement::KeysFreeSince { table: oid, .. }
            | Requirement::UnchangedSince { relation: oid, .. } => self.created.contains(oid),
            // Of these the transaction's own are left out one by one.
            Requirement::NoDependents { .. }
            | Requirement::NoColumnDependents { .. }
            | Requirement::PartitionsLive { .. }
            | Requirement::ChunksLive { .. } => false,
        }
    }
}
