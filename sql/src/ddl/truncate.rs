//! TRUNCATE: removes what the statement's snapshot saw; rows appended meanwhile stay.

use peristyle_catalog::Head;
use peristyle_catalog::model::{Change, Oid, Relation, Requirement};
use sqlparser::ast::{Truncate, TruncateIdentityOption};

use super::sequence::restarted;
use super::{Done, unchanged};
use crate::error::SqlError;
use crate::names::QualifiedName;
use crate::scope::Scope;

pub(super) fn run(scope: &Scope, truncate: &Truncate) -> Result<Done, SqlError> {
    let (mut requires, mut changes) = (Vec::new(), Vec::new());
    for target in &truncate.table_names {
        let name = QualifiedName::of(scope, &target.name)?;
        if truncate.if_exists && scope.relation(name.schema(), &name.name).is_none() {
            continue;
        }
        let relation = scope.require_table(&name)?;
        scope.note_read(relation);
        requires.push(Requirement::RelationLive(relation.oid));
        if let Some((requirement, removal)) = remove_all(scope, relation) {
            requires.extend(requirement);
            changes.push(removal);
        }
        if truncate.identity == Some(TruncateIdentityOption::Restart) {
            for sequence in scope.view.sequences_of(relation.oid) {
                requires.push(unchanged(sequence));
                let of = sequence.as_sequence().into_iter();
                changes.extend(of.map(|s| Change::ReplaceRelation(restarted(scope, sequence, s))));
            }
        }
    }
    Ok(Done::new("TRUNCATE TABLE", requires, changes))
}

/// The removal of everything that the table holds, and what it requires.
fn remove_all(scope: &Scope, relation: &Relation) -> Option<(Vec<Requirement>, Change)> {
    let removal = removal_of_rows(&scope.view, relation.oid)?;
    let Change::Remove { table, partitions, chunks } = &removal else { return None };
    let requires = vec![
        Requirement::PartitionsLive { table: *table, partitions: partitions.clone() },
        Requirement::ChunksLive { table: *table, chunks: chunks.clone() },
    ];
    Some((requires, removal))
}

/// The removal of everything that a table holds; `None` if it is empty.
pub(crate) fn removal_of_rows(head: &Head, table: Oid) -> Option<Change> {
    let contents = head.contents(table)?;
    let partitions: Vec<_> = contents.partitions().map(|partition| partition.id).collect();
    let chunks: Vec<_> = contents.chunks().map(|chunk| chunk.id).collect();
    let is_empty = partitions.is_empty() && chunks.is_empty();
    (!is_empty).then_some(Change::Remove { table, partitions, chunks })
}
