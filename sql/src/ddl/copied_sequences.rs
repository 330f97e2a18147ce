//! The sequences of a clone's columns: its own, which go on where the original's are, so that they give no value that a
//! row has. A sequence that is no column's stays shared, as others who name it share it.

use peristyle_catalog::model::{Change, Column, ColumnRule, Oid, Relation, RelationKind, Sequence, SequenceOwner};

use super::keys::numbered;
use super::own_sequence::sequence_name;
use super::sequence::continued;
use crate::scope::Scope;
use crate::sequence::with_another;

/// Copies the sequences of the original's columns for a clone, whose columns take their values from these then. `beside`
/// makes what else comes with the clone.
pub(super) fn give_all(scope: &Scope, original: &Relation, clone: &mut Relation, beside: &[Change]) -> Vec<Change> {
    let mut names = vec![clone.name.clone()];
    names.extend(beside.iter().filter_map(created).map(|relation| relation.name.clone()));
    let mut copies = Vec::new();
    for (relation, sequence, owner) in sequences_of(scope, original) {
        let (schema, table) = (clone.schema, clone.oid);
        let Some(column) = columns_of(clone).iter_mut().find(|column| column.attnum == owner.attnum) else { continue };
        let is_taken =
            |name: &str| scope.view.relation_by_name(schema, name).is_some() || names.iter().any(|taken| taken == name);
        let name = numbered(sequence_name(&names[0], &column.name), is_taken);
        let copy = continued(scope, relation, sequence, schema, name, SequenceOwner { table, ..owner });
        names.push(copy.name.clone());
        take_from(columns_of(clone), relation.oid, copy.oid);
        copies.push(Change::CreateRelation(copy));
    }
    copies
}

fn created(change: &Change) -> Option<&Relation> {
    match change {
        Change::CreateRelation(relation) => Some(relation),
        _ => None,
    }
}

fn sequences_of<'a>(
    scope: &'a Scope,
    table: &Relation,
) -> impl Iterator<Item = (&'a Relation, &'a Sequence, SequenceOwner)> {
    scope.view.sequences_of(table.oid).filter_map(|relation| {
        let sequence = relation.as_sequence()?;
        Some((relation.as_ref(), sequence, sequence.owner?))
    })
}

fn columns_of(relation: &mut Relation) -> &mut [Column] {
    match &mut relation.kind {
        RelationKind::Table(table) => &mut table.columns,
        RelationKind::View(_) | RelationKind::Index(_) | RelationKind::Sequence(_) | RelationKind::Enum(_) => &mut [],
    }
}

/// Columns that take values from one sequence take them from another.
fn take_from(columns: &mut [Column], before: Oid, after: Oid) {
    for column in columns {
        if let ColumnRule::Identity { sequence, .. } = &mut column.rule
            && *sequence == before
        {
            *sequence = after;
        }
        if let Some(default) = &mut column.default
            && let Some(expression) = with_another(&default.expression, before, after)
        {
            default.expression = expression;
        }
    }
}
