//! Checks what a change set rests on.

use crate::model::{ColumnId, ColumnRule, ConstraintKind, Oid, PgType, Requirement, Seq, Table, widen};
use crate::{Error, Head, Result, TableContents};

/// Checks one requirement against a head.
pub(crate) fn check(head: &Head, requirement: &Requirement) -> Result<()> {
    match requirement {
        Requirement::SchemaLive(oid) => schema_live(head, *oid),
        Requirement::SchemaEmpty(oid) => schema_empty(head, *oid),
        Requirement::SchemaNameFree { database, name } => schema_name_free(head, *database, name),
        Requirement::NameFree { schema, name } => name_free(head, *schema, name, None),
        Requirement::RelationLive(oid) => match head.relation(*oid) {
            Some(relation) if !head.is_dropped(relation) => Ok(()),
            Some(_) | None => Err(Error::RelationGone(*oid)),
        },
        Requirement::RelationVersion { oid, version } => {
            let holds = head.relation(*oid).is_some_and(|relation| relation.version == *version);
            if holds { Ok(()) } else { Err(conflict(*oid)) }
        }
        Requirement::NoDependents { oid, except } => no_dependents(head, *oid, except),
        Requirement::NoColumnDependents { table, column, except } => {
            no_column_dependents(head, *table, *column, except)
        }
        Requirement::ColumnsAccept { table, columns } => columns_accept(*table, self::table(head, *table)?, columns),
        Requirement::EnforcesOnly { table, not_null, checks } => {
            let definition = self::table(head, *table)?;
            if enforces_only(definition, not_null, checks) { Ok(()) } else { Err(conflict(*table)) }
        }
        Requirement::KeyedBy { table, key } => {
            if self::table(head, *table)?.partition_key == *key {
                Ok(())
            } else {
                Err(conflict(*table))
            }
        }
        Requirement::TableEmpty(oid) => {
            let rows = head.contents(*oid).map_or(0, |contents| contents.rows());
            if rows == 0 { Ok(()) } else { Err(conflict(*oid)) }
        }
        Requirement::NoRowsSince { table, since } => {
            let newest = head.contents(*table).map_or(Seq::ZERO, |contents| contents.newest_rows);
            if newest <= *since { Ok(()) } else { Err(conflict(*table)) }
        }
        Requirement::KeysFreeSince { table, since, written } => {
            let is_taken = head.contents(*table).is_some_and(|contents| contents.may_hold_since(*since, written));
            if is_taken { Err(conflict(*table)) } else { Ok(()) }
        }
        Requirement::UnchangedSince { relation, since } => {
            if is_unchanged(head, *relation, *since) {
                Ok(())
            } else {
                Err(Error::ReadChanged { relation: *relation })
            }
        }
        Requirement::PartitionsLive { table, partitions } => {
            let contents = head.contents(*table);
            let is_live = |id| contents.is_some_and(|contents| contents.orders.contains_key(id));
            if partitions.iter().all(is_live) { Ok(()) } else { Err(conflict(*table)) }
        }
        Requirement::ChunksLive { table, chunks } => {
            let contents = head.contents(*table);
            let is_live = |id| contents.is_some_and(|contents| contents.chunks.contains_key(id));
            if chunks.iter().all(is_live) { Ok(()) } else { Err(conflict(*table)) }
        }
    }
}

pub(crate) fn conflict(relation: Oid) -> Error {
    Error::Conflict { relation: Some(relation) }
}

pub(crate) fn schema_live(head: &Head, oid: Oid) -> Result<()> {
    head.schema(oid).map(|_| ()).ok_or(Error::SchemaGone(oid))
}

pub(crate) fn schema_empty(head: &Head, oid: Oid) -> Result<()> {
    let named = head.names.range((oid, String::new())..);
    let dependents: Vec<Oid> =
        named.take_while(|((schema, _), _)| *schema == oid).map(|(_, relation)| *relation).collect();
    if dependents.is_empty() { Ok(()) } else { Err(Error::DependentObjects { dependents }) }
}

pub(crate) fn schema_name_free(head: &Head, database: Oid, name: &str) -> Result<()> {
    match head.schema_by_name(database, name) {
        None => Ok(()),
        Some(_) => Err(Error::DuplicateSchema(name.to_owned())),
    }
}

/// Whether nothing, or only the relation itself, has the name.
pub(crate) fn name_free(head: &Head, schema: Oid, name: &str, itself: Option<Oid>) -> Result<()> {
    match head.names.get(&(schema, name.to_owned())) {
        Some(oid) if Some(*oid) != itself => Err(Error::DuplicateRelation(name.to_owned())),
        Some(_) | None => Ok(()),
    }
}

fn no_dependents(head: &Head, oid: Oid, except: &[Oid]) -> Result<()> {
    let is_enum = head.relation(oid).is_some_and(|relation| relation.as_enum().is_some());
    // A dropped table that is taken back has texts in the place of values of a type that is gone.
    let tables = head.tables_of_enum(oid).filter(|table| is_enum && !head.is_dropped(table));
    let users = head.dependents(oid).chain(tables);
    let others = users.map(|relation| relation.oid).filter(|oid| !except.contains(oid));
    let dependents: Vec<Oid> = others.collect();
    if dependents.is_empty() { Ok(()) } else { Err(Error::DependentObjects { dependents }) }
}

fn no_column_dependents(head: &Head, table: Oid, column: ColumnId, except: &[Oid]) -> Result<()> {
    let readers = head.column_readers(table, column).map(|view| view.oid).filter(|oid| !except.contains(oid));
    let dependents: Vec<Oid> = readers.collect();
    if dependents.is_empty() { Ok(()) } else { Err(Error::DependentObjects { dependents }) }
}

fn is_unchanged(head: &Head, oid: Oid, since: Seq) -> bool {
    let has_old_rows = |contents: &TableContents| contents.newest_rows.max(contents.newest_removal) <= since;
    head.relation(oid).is_some_and(|relation| relation.version <= since)
        && head.contents(oid).is_none_or(|contents| has_old_rows(contents))
}

/// The table, or the error that it is gone.
pub(crate) fn table(head: &Head, oid: Oid) -> Result<&Table> {
    head.relation(oid).and_then(|relation| relation.as_table()).ok_or(Error::RelationGone(oid))
}

/// Whether the columns are live and take values of the written types.
pub(crate) fn columns_accept(oid: Oid, table: &Table, written: &[(ColumnId, PgType)]) -> Result<()> {
    let mut live: Vec<(ColumnId, PgType)> = table.columns.iter().map(|column| (column.id, column.ty)).collect();
    live.sort_unstable_by_key(|(id, _)| *id);
    let type_of = |column: ColumnId| live.binary_search_by_key(&column, |(id, _)| *id).ok().map(|at| live[at].1);
    let takes = |(column, ty): &(ColumnId, PgType)| type_of(*column).is_some_and(|has| accepts(has, *ty));
    let refused = written.iter().find(|written| written.0 != ColumnId::ROW_SEQ && !takes(written));
    match refused {
        None => Ok(()),
        Some((column, _)) => Err(Error::ColumnChanged { table: oid, column: *column }),
    }
}

/// Whether every NOT NULL, CHECK, enforced key and computed column of the table is among those that the writer knew.
fn enforces_only(table: &Table, not_null: &[ColumnId], checks: &[Oid]) -> bool {
    let is_enforced = |kind: &ConstraintKind| match kind {
        ConstraintKind::Check { .. } => true,
        ConstraintKind::PrimaryKey { .. } | ConstraintKind::Unique { .. } => table.enforces_keys(),
        ConstraintKind::ForeignKey { .. } => false,
    };
    let columns_hold =
        table.columns.iter().filter(|column| column.not_null).all(|column| not_null.contains(&column.id));
    let computed = table.columns.iter().filter(|column| column.rule == ColumnRule::Generated);
    let computes_known = computed.filter_map(|column| column.default.as_ref()).all(|own| checks.contains(&own.oid));
    columns_hold
        && computes_known
        && table.constraints.iter().filter(|c| is_enforced(&c.kind)).all(|c| checks.contains(&c.oid))
}

/// Modifiers were checked by the writer: lengths and precisions are not a matter of the catalog.
fn accepts(has: PgType, written: PgType) -> bool {
    has.oid == written.oid || widen(has, written) == has
}
