//! TRUNCATE: removes what the statement's snapshot saw; rows appended meanwhile stay.

use std::sync::Arc;

use peristyle_catalog::Head;
use peristyle_catalog::model::{Change, Oid, Relation, Requirement};
use sqlparser::ast::{Truncate, TruncateIdentityOption};

use super::rewrite::Replaced;
use super::sequence::restarted;
use super::{Done, unchanged};
use crate::error::SqlError;
use crate::modify::claim;
use crate::names::QualifiedName;
use crate::scope::Scope;
use crate::session::SharedTransaction;

pub(super) fn run(scope: &Scope, transaction: &SharedTransaction, truncate: &Truncate) -> Result<Done, SqlError> {
    let (mut requires, mut changes) = (Vec::new(), Vec::new());
    for relation in tables(scope, truncate)? {
        scope.note_read(relation);
        requires.push(Requirement::RelationLive(relation.oid));
        if let Some(transaction) = &mut *transaction.lock() {
            transaction.renew(relation.oid);
        }
        let removed = Replaced::of(scope, relation);
        if !removed.sources.is_empty() {
            claim(scope, transaction, &removed.sources, &[])?;
            let (live, removal) = removed.removal(relation.oid);
            requires.extend(live);
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

/// The tables that it names, each once.
fn tables<'a>(scope: &'a Scope, truncate: &Truncate) -> Result<Vec<&'a Arc<Relation>>, SqlError> {
    let mut tables: Vec<&Arc<Relation>> = Vec::with_capacity(truncate.table_names.len());
    for target in &truncate.table_names {
        let name = QualifiedName::of(scope, &target.name)?;
        if truncate.if_exists && scope.relation(name.schema(), &name.name).is_none() {
            continue;
        }
        let table = scope.require_table(&name)?;
        if tables.iter().all(|earlier| earlier.oid != table.oid) {
            tables.push(table);
        }
    }
    Ok(tables)
}

/// The removal of everything that a table holds; `None` if it is empty.
pub(crate) fn removal_of_rows(head: &Head, table: Oid) -> Option<Change> {
    let contents = head.contents(table)?;
    let partitions: Vec<_> = contents.partitions().map(|partition| partition.id).collect();
    let chunks: Vec<_> = contents.chunks().map(|chunk| chunk.id).collect();
    let is_empty = partitions.is_empty() && chunks.is_empty();
    (!is_empty).then_some(Change::Remove { table, partitions, chunks })
}
