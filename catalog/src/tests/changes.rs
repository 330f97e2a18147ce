//! Each requirement and each change: what it does, and how it fails.

use std::sync::Arc;

use uuid::Uuid;

use super::support::{
    Home, PUBLIC, T, append_chunk, append_partition, chunk, column, create_t, describe, partition, relation, requiring,
    schema, set, table, view,
};
use crate::model::{
    Bound, BoundValue, Change, ChangeSet, ChunkId, ColumnId, ColumnRemap, ColumnStatistics, Index, NewPartition, Oid,
    PartitionId, PartitionKey, PgType, RelationKind, Requirement, Seq, TimeUnit,
};
use crate::{Catalog, Error, Result};

/// A catalog with table `t`.
async fn with_t() -> (Home, Arc<Catalog>) {
    let home = Home::new();
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    (home, catalog)
}

/// Commits, expects a failure, and that nothing changed.
async fn fails(catalog: &Catalog, changes: ChangeSet) -> Error {
    let before = describe(&catalog.snapshot());
    let error = catalog.commit(changes).await.unwrap_err();
    assert_eq!(describe(&catalog.snapshot()), before);
    error
}

async fn refused(catalog: &Catalog, requirement: Requirement) -> Error {
    fails(catalog, requiring(requirement, vec![append_chunk(T, b"x")])).await
}

async fn holds(catalog: &Catalog, requirement: Requirement) {
    catalog.commit(requiring(requirement, Vec::new())).await.unwrap();
}

fn live_partition(id: u128) -> Requirement {
    Requirement::PartitionsLive { table: Oid(T), partitions: vec![PartitionId(Uuid::from_u128(id))] }
}

fn remove_partition(id: u128) -> Change {
    let partitions = vec![PartitionId(Uuid::from_u128(id))];
    Change::Remove { table: Oid(T), partitions, chunks: Vec::new() }
}

fn ensure(proposed: u32, name: &str, ty: PgType) -> Change {
    Change::EnsureColumn { table: Oid(T), proposed: ColumnId(proposed), name: name.to_owned(), ty }
}

fn column_of(catalog: &Catalog, name: &str) -> crate::model::Column {
    let head = catalog.snapshot();
    head.relation(Oid(T)).unwrap().as_table().unwrap().column(name).unwrap().clone()
}

#[tokio::test]
async fn requirements_on_schemas() {
    let (_home, catalog) = with_t().await;
    holds(&catalog, Requirement::SchemaLive(PUBLIC)).await;
    assert!(matches!(refused(&catalog, Requirement::SchemaLive(Oid(9))).await, Error::SchemaGone(Oid(9))));
    let empty = refused(&catalog, Requirement::SchemaEmpty(PUBLIC)).await;
    assert!(matches!(empty, Error::DependentObjects { dependents } if dependents == [Oid(T)]));
    holds(&catalog, Requirement::SchemaEmpty(Oid(16385))).await;
    let named = |name: &str| Requirement::SchemaNameFree { database: Oid(16384), name: name.to_owned() };
    assert!(matches!(refused(&catalog, named("public")).await, Error::DuplicateSchema(name) if name == "public"));
    holds(&catalog, named("other")).await;
}

#[tokio::test]
async fn requirements_on_relations() {
    let (_home, catalog) = with_t().await;
    let free = |name: &str| Requirement::NameFree { schema: PUBLIC, name: name.to_owned() };
    assert!(matches!(refused(&catalog, free("t")).await, Error::DuplicateRelation(name) if name == "t"));
    holds(&catalog, free("u")).await;
    holds(&catalog, Requirement::RelationLive(Oid(T))).await;
    assert!(matches!(refused(&catalog, Requirement::RelationLive(Oid(1))).await, Error::RelationGone(Oid(1))));
    let version = |version| Requirement::RelationVersion { oid: Oid(T), version: Seq(version) };
    holds(&catalog, version(1)).await;
    assert!(matches!(refused(&catalog, version(2)).await, Error::Conflict { relation: Some(Oid(T)) }));
    catalog.commit(set(vec![Change::CreateRelation(view(30_000, "v", &[T]))])).await.unwrap();
    let alone = |except| Requirement::NoDependents { oid: Oid(T), except };
    let error = refused(&catalog, alone(Vec::new())).await;
    assert!(matches!(error, Error::DependentObjects { dependents } if dependents == [Oid(30_000)]));
    holds(&catalog, alone(vec![Oid(30_000)])).await;
}

#[tokio::test]
async fn requirements_on_columns_and_rows() {
    let (_home, catalog) = with_t().await;
    let accept = |id, ty| Requirement::ColumnsAccept { table: Oid(T), columns: vec![(ColumnId(id), ty)] };
    holds(&catalog, accept(1, PgType::INT2)).await;
    holds(&catalog, accept(2, PgType::varchar(5))).await;
    let error = refused(&catalog, accept(1, PgType::INT8)).await;
    assert!(matches!(error, Error::ColumnChanged { column: ColumnId(1), .. }));
    let error = refused(&catalog, accept(3, PgType::INT4)).await;
    assert!(matches!(error, Error::ColumnChanged { column: ColumnId(3), .. }));
    let gone = Requirement::ColumnsAccept { table: Oid(1), columns: Vec::new() };
    assert!(matches!(refused(&catalog, gone).await, Error::RelationGone(Oid(1))));
    let written = catalog.commit(set(vec![append_partition(T, 1), append_chunk(T, b"one")])).await.unwrap();
    holds(&catalog, live_partition(1)).await;
    assert!(matches!(refused(&catalog, live_partition(2)).await, Error::Conflict { relation: Some(Oid(T)) }));
    let chunk = |ordinal| {
        let chunks = vec![ChunkId { seq: written.seq, ordinal }];
        Requirement::ChunksLive { table: Oid(T), chunks }
    };
    holds(&catalog, chunk(0)).await;
    assert!(matches!(refused(&catalog, chunk(1)).await, Error::Conflict { relation: Some(Oid(T)) }));
}

/// What a serializable transaction requires: rows that came or went and another definition count, rows that moved do not.
#[tokio::test]
async fn requirements_on_what_was_read() {
    let (_home, catalog) = with_t().await;
    let unchanged = |since| Requirement::UnchangedSince { relation: Oid(T), since };
    let changed = |error| matches!(error, Error::ReadChanged { relation: Oid(T) });
    let written = catalog.commit(set(vec![append_partition(T, 1), append_chunk(T, b"one")])).await.unwrap().seq;
    holds(&catalog, unchanged(written)).await;
    assert!(changed(refused(&catalog, unchanged(Seq(written.0 - 1))).await));
    let into = NewPartition { row_seqs: Some((written, written)), ..partition(2, &[(1, PgType::INT4)]) };
    let chunks = vec![ChunkId { seq: written, ordinal: 0 }];
    let partitions = vec![PartitionId(Uuid::from_u128(1))];
    let merge = Change::Merge { table: Oid(T), partitions, chunks, into: vec![into] };
    let merged = catalog.commit(set(vec![merge])).await.unwrap().seq;
    holds(&catalog, unchanged(written)).await;
    let removed = catalog.commit(set(vec![remove_partition(2)])).await.unwrap().seq;
    assert!(changed(refused(&catalog, unchanged(merged)).await));
    holds(&catalog, unchanged(removed)).await;
    catalog.commit(set(vec![ensure(3, "c", PgType::INT4)])).await.unwrap();
    assert!(changed(refused(&catalog, unchanged(removed)).await));
    let gone = refused(&catalog, Requirement::UnchangedSince { relation: Oid(1), since: removed }).await;
    assert!(matches!(gone, Error::ReadChanged { relation: Oid(1) }));
}

#[tokio::test]
async fn changes_that_contradict_the_catalog_fail_whole() {
    let (_home, catalog) = with_t().await;
    let gone = |result: Error| matches!(result, Error::RelationGone(Oid(1)));
    assert!(gone(fails(&catalog, set(vec![append_chunk(T, b"x"), append_chunk(1, b"y")])).await));
    assert!(gone(fails(&catalog, set(vec![Change::DropRelation(Oid(1))])).await));
    assert!(gone(fails(&catalog, set(vec![Change::ReplaceRelation(table(1, "x", Vec::new()))])).await));
    let again = fails(&catalog, set(vec![Change::CreateRelation(table(30_000, "t", Vec::new()))])).await;
    assert!(matches!(again, Error::DuplicateRelation(_)));
    let same_oid = fails(&catalog, set(vec![Change::CreateRelation(table(T, "u", Vec::new()))])).await;
    assert!(matches!(same_oid, Error::Invalid(_)));
    let mut elsewhere = table(30_000, "u", Vec::new());
    elsewhere.schema = Oid(9);
    let error = fails(&catalog, set(vec![Change::CreateRelation(elsewhere)])).await;
    assert!(matches!(error, Error::SchemaGone(Oid(9))));
    let twice = vec![column(1, "a", PgType::INT4), column(1, "b", PgType::INT4)];
    let error = fails(&catalog, set(vec![Change::CreateRelation(table(30_000, "u", twice))])).await;
    assert!(matches!(error, Error::Invalid(_)));
    let other_kind = fails(&catalog, set(vec![Change::ReplaceRelation(view(T, "t", &[]))])).await;
    assert!(matches!(other_kind, Error::Invalid(_)));
    let not_there = Change::Forget(vec![PartitionId(Uuid::nil())]);
    assert!(matches!(fails(&catalog, set(vec![not_there])).await, Error::Conflict { relation: None }));
    assert!(matches!(fails(&catalog, set(vec![remove_partition(7)])).await, Error::Conflict { .. }));
    let error = fails(&catalog, set(vec![append_partition(T, 1), append_partition(T, 1)])).await;
    assert!(matches!(error, Error::Invalid(_)));
    let full = fails(&catalog, set(vec![Change::DropSchema(PUBLIC)])).await;
    assert!(matches!(full, Error::DependentObjects { .. }));
}

#[tokio::test]
async fn schemas_come_and_go() {
    let (_home, catalog) = with_t().await;
    catalog.commit(set(vec![Change::CreateSchema(schema(30_000, "s"))])).await.unwrap();
    assert_eq!(catalog.snapshot().schema_by_name(Oid(16384), "s").unwrap().oid, Oid(30_000));
    let again = fails(&catalog, set(vec![Change::CreateSchema(schema(30_001, "s"))])).await;
    assert!(matches!(again, Error::DuplicateSchema(_)));
    catalog.commit(set(vec![Change::DropSchema(Oid(30_000))])).await.unwrap();
    let gone = fails(&catalog, set(vec![Change::DropSchema(Oid(30_000))])).await;
    assert!(matches!(gone, Error::SchemaGone(_)));
}

#[tokio::test]
async fn names_can_be_swapped_in_one_commit() {
    let (home, catalog) = with_t().await;
    catalog.commit(set(vec![Change::CreateRelation(table(30_000, "u", Vec::new()))])).await.unwrap();
    let renamed = |oid: u32, name: &str| {
        let mut relation = (**catalog.snapshot().relation(Oid(oid)).unwrap()).clone();
        relation.name = name.to_owned();
        Change::ReplaceRelation(relation)
    };
    let swap = set(vec![renamed(T, "other"), renamed(30_000, "t"), renamed(T, "u")]);
    catalog.commit(swap).await.unwrap();
    let check = |catalog: &Catalog| {
        let head = catalog.snapshot();
        assert_eq!(head.relation_by_name(PUBLIC, "t").unwrap().oid, Oid(30_000));
        assert_eq!(head.relation_by_name(PUBLIC, "u").unwrap().oid, Oid(T));
        assert!(head.relation_by_name(PUBLIC, "other").is_none());
        assert_eq!(head.relation(Oid(T)).unwrap().version, Seq(3));
    };
    check(&catalog);
    drop(catalog);
    home.delete_index();
    check(&*home.open().await);
}

#[tokio::test]
async fn replacing_keeps_the_rows_and_drops_the_columns() {
    let (home, catalog) = with_t().await;
    catalog.commit(set(vec![append_chunk(T, b"one")])).await.unwrap();
    let mut relation = (**catalog.snapshot().relation(Oid(T)).unwrap()).clone();
    if let RelationKind::Table(table) = &mut relation.kind {
        table.columns.remove(1);
        table.next_column = ColumnId(1);
    }
    catalog.commit(set(vec![Change::ReplaceRelation(relation)])).await.unwrap();
    drop(catalog);
    let catalog = home.open().await;
    let head = catalog.snapshot();
    let table = head.relation(Oid(T)).unwrap().as_table().unwrap().clone();
    assert_eq!(table.columns, [column(1, "a", PgType::INT4)]);
    assert_eq!(table.next_column, ColumnId(3), "ids of dropped columns are not used again");
    assert_eq!(head.contents(Oid(T)).unwrap().rows(), 1);
}

#[tokio::test]
async fn dropping_a_table_ends_what_it_holds_and_its_indexes() {
    let (_home, catalog) = with_t().await;
    let index = Index {
        table: Oid(T),
        columns: vec![ColumnId(1)],
        unique: true,
        primary: false,
        definition: "create unique index i on t (a)".to_owned(),
    };
    let index = relation(30_000, "i", RelationKind::Index(index));
    catalog.commit(set(vec![Change::CreateRelation(index)])).await.unwrap();
    catalog.commit(set(vec![append_partition(T, 1), append_chunk(T, b"one")])).await.unwrap();
    let dropped = catalog.commit(set(vec![Change::DropRelation(Oid(T))])).await.unwrap();
    let head = catalog.snapshot();
    assert_eq!(head.relations().count(), 0);
    assert!(head.names.is_empty());
    let ended: Vec<_> = head.ended().cloned().collect();
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].removed.unwrap().seq, dropped.seq);
    assert_eq!(head.contents(Oid(T)).unwrap().chunk_count(), 0);
    catalog.commit(set(vec![Change::Forget(vec![ended[0].id])])).await.unwrap();
    let before = catalog.snapshot().seq();
    catalog.commit(set(vec![Change::ForgetHistory { before }])).await.unwrap();
    let head = catalog.snapshot();
    assert_eq!(head.ended().count(), 0);
    assert!(head.contents(Oid(T)).is_none(), "nothing is left of the table");
}

#[tokio::test]
async fn a_table_made_filled_and_dropped_in_one_commit_leaves_only_its_object() {
    let home = Home::new();
    let catalog = home.open().await;
    let mut changes = create_t();
    changes.changes.extend([append_chunk(T, b"x"), append_partition(T, 1), Change::DropRelation(Oid(T))]);
    catalog.commit(changes).await.unwrap();
    let described = describe(&catalog.snapshot());
    assert_eq!(catalog.snapshot().ended().count(), 1);
    assert_eq!(catalog.snapshot().relations().count(), 0);
    drop(catalog);
    home.delete_index();
    assert_eq!(describe(&home.open().await.snapshot()), described);
}

#[tokio::test]
async fn ensured_columns_commute_and_widen() {
    let (_home, catalog) = with_t().await;
    let first = catalog.reserve_columns(Oid(T), 1).0;
    let second = catalog.reserve_columns(Oid(T), 1).0;
    // The later proposal commits first; the earlier one then finds the column.
    catalog.commit(set(vec![ensure(second, "c", PgType::INT4)])).await.unwrap();
    let appended = Change::Append {
        table: Oid(T),
        partitions: vec![NewPartition {
            statistics: vec![ColumnStatistics { column: ColumnId(first), nulls: 3, min: None, max: None }],
            ..partition(1, &[(1, PgType::INT4), (first, PgType::FLOAT8)])
        }],
        chunks: vec![chunk(&[(first, PgType::FLOAT8)], b"c")],
    };
    catalog.commit(set(vec![ensure(first, "c", PgType::FLOAT8), appended])).await.unwrap();
    let found = column_of(&catalog, "c");
    assert_eq!((found.id, found.attnum, found.ty), (ColumnId(second), 3, PgType::FLOAT8));
    let head = catalog.snapshot();
    let contents = head.contents(Oid(T)).unwrap();
    let partition = contents.partitions().next().unwrap();
    assert_eq!(partition.layout.columns, [(ColumnId(1), PgType::INT4), (ColumnId(second), PgType::FLOAT8)]);
    assert_eq!(partition.remap, [ColumnRemap { in_file: ColumnId(first), in_table: ColumnId(second) }]);
    let statistics = catalog.statistics(&[Arc::clone(partition)], &[ColumnId(second), ColumnId(1)]).unwrap();
    assert_eq!(statistics[0][0].as_ref().map(|known| known.nulls), Some(3));
    assert_eq!(statistics[0][1], None);
    // The version moved with the definition and stays with an ensured column that is there.
    let version = head.relation(Oid(T)).unwrap().version;
    assert_eq!(version, Seq(3));
    catalog.commit(set(vec![ensure(9, "c", PgType::INT2)])).await.unwrap();
    assert_eq!(catalog.snapshot().relation(Oid(T)).unwrap().version, version);
}

#[tokio::test]
async fn a_proposed_id_never_reads_another_columns_bytes() {
    let (_home, catalog) = with_t().await;
    let written =
        Change::Append { table: Oid(T), partitions: vec![partition(1, &[(2, PgType::TEXT)])], chunks: vec![] };
    catalog.commit(set(vec![written])).await.unwrap();
    let mut relation = (**catalog.snapshot().relation(Oid(T)).unwrap()).clone();
    if let RelationKind::Table(table) = &mut relation.kind {
        table.columns.remove(1);
    }
    catalog.commit(set(vec![Change::ReplaceRelation(relation)])).await.unwrap();
    catalog.commit(set(vec![ensure(2, "again", PgType::TEXT)])).await.unwrap();
    assert_eq!(column_of(&catalog, "again").id, ColumnId(3), "2 is in a file");
    catalog.commit(set(vec![ensure(1, "taken", PgType::TEXT)])).await.unwrap();
    assert_eq!(column_of(&catalog, "taken").id, ColumnId(4), "1 is live");
}

#[tokio::test]
async fn a_column_that_rows_lie_by_keeps_its_kind() {
    let (_home, catalog) = with_t().await;
    let mut relation = (**catalog.snapshot().relation(Oid(T)).unwrap()).clone();
    if let RelationKind::Table(table) = &mut relation.kind {
        table.columns[1].ty = PgType::TIMESTAMPTZ;
        let (unit, time) = (TimeUnit::Day, ColumnId(2));
        table.partition_key = PartitionKey::TimeBucket { unit, time, buckets: 8, column: ColumnId(1) };
    }
    catalog.commit(set(vec![Change::ReplaceRelation(relation)])).await.unwrap();
    let (hashed, time) = (column_of(&catalog, "a"), column_of(&catalog, "b"));
    for (name, ty) in [("b", PgType::TEXT), ("b", PgType::DATE), ("a", PgType::JSONB)] {
        let both = vec![ensure(9, "new", PgType::TEXT), ensure(10, name, ty)];
        let error = fails(&catalog, set(both)).await;
        assert!(matches!(error, Error::KeyColumnType { column } if column == name));
    }
    assert_eq!((column_of(&catalog, "a"), column_of(&catalog, "b")), (hashed, time));
    assert!(catalog.snapshot().relation(Oid(T)).unwrap().as_table().unwrap().column("new").is_none());
    catalog.commit(set(vec![ensure(9, "a", PgType::INT8)])).await.unwrap();
    assert_eq!(column_of(&catalog, "a").ty, PgType::INT8);
}

#[tokio::test]
async fn tables_have_a_greatest_number_of_columns() {
    let mut home = Home::new();
    home.settings.max_table_columns = 3;
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    catalog.commit(set(vec![ensure(3, "c", PgType::INT4)])).await.unwrap();
    let error = fails(&catalog, set(vec![ensure(4, "d", PgType::INT4)])).await;
    assert!(matches!(error, Error::TooManyColumns { limit: 3 }));
    catalog.commit(set(vec![ensure(4, "c", PgType::INT4)])).await.unwrap();
}

#[tokio::test]
async fn layouts_are_shared_and_go_with_their_last_use() {
    let (_home, catalog) = with_t().await;
    let numbers = |catalog: &Catalog| -> Vec<u32> {
        let head = catalog.snapshot();
        head.contents(Oid(T)).map_or(Vec::new(), |contents| contents.layouts().map(|layout| layout.id.0).collect())
    };
    catalog.commit(set(vec![append_partition(T, 1), append_partition(T, 2), append_chunk(T, b"x")])).await.unwrap();
    assert_eq!(numbers(&catalog), [1]);
    let both = Change::Append {
        table: Oid(T),
        partitions: vec![partition(3, &[(1, PgType::INT4), (2, PgType::TEXT)])],
        chunks: Vec::new(),
    };
    catalog.commit(set(vec![both])).await.unwrap();
    assert_eq!(numbers(&catalog), [1, 2]);
    catalog.commit(set(vec![remove_partition(3)])).await.unwrap();
    let ended = vec![PartitionId(Uuid::from_u128(3))];
    catalog.commit(set(vec![Change::Forget(ended)])).await.unwrap();
    assert_eq!(numbers(&catalog), [1, 2], "the newest number is kept, it must not come again");
    let chunks = catalog.snapshot().contents(Oid(T)).unwrap().chunks().map(|chunk| chunk.id).collect();
    let partitions: Vec<_> = [1, 2].map(|id| PartitionId(Uuid::from_u128(id))).into();
    let everything = Change::Remove { table: Oid(T), partitions: partitions.clone(), chunks };
    let before = catalog.commit(set(vec![everything, Change::Forget(partitions)])).await.unwrap().seq;
    assert_eq!(numbers(&catalog), [1, 2], "the past needs the chunk's");
    catalog.commit(set(vec![Change::ForgetHistory { before }])).await.unwrap();
    assert_eq!(numbers(&catalog), [2]);
}

#[tokio::test]
async fn statistics_come_back_until_the_partition_is_forgotten() -> Result<()> {
    let (home, catalog) = with_t().await;
    let bound = |value| Some(Bound { value, exact: true });
    let known = |id: u32| ColumnStatistics {
        column: ColumnId(id),
        nulls: u64::from(id),
        min: bound(BoundValue::Int(-5)),
        max: bound(BoundValue::Bytes(vec![7; 32])),
    };
    let changes: Vec<Change> = (3..40).map(|id| ensure(id, &format!("c{id}"), PgType::INT4)).collect();
    catalog.commit(set(changes)).await?;
    let columns: Vec<(u32, PgType)> = (3..40).map(|id| (id, PgType::INT4)).collect();
    let statistics: Vec<_> = (3..40).map(known).collect();
    let partitions = vec![NewPartition { statistics, ..partition(1, &columns) }];
    catalog.commit(set(vec![Change::Append { table: Oid(T), partitions, chunks: Vec::new() }])).await?;
    let asked = [ColumnId(39), ColumnId(3), ColumnId(2), ColumnId(20)];
    let expected = vec![vec![Some(known(39)), Some(known(3)), None, Some(known(20))]];
    let read = |catalog: &Catalog| {
        let head = catalog.snapshot();
        let partition = head.contents(Oid(T)).unwrap().partitions().next().unwrap().clone();
        catalog.statistics(&[partition], &asked).unwrap()
    };
    assert_eq!(read(&catalog), expected);
    assert_eq!(read(&catalog), expected, "from the cache");
    drop(catalog);
    home.delete_index();
    let catalog = home.open().await;
    assert_eq!(read(&catalog), expected, "from the log");
    let partition = catalog.snapshot().contents(Oid(T)).unwrap().partitions().next().unwrap().clone();
    catalog.commit(set(vec![remove_partition(1)])).await?;
    catalog.commit(set(vec![Change::Forget(vec![partition.id])])).await?;
    drop(catalog);
    let catalog = home.open().await;
    assert_eq!(catalog.statistics(&[partition], &asked)?, vec![vec![None; 4]]);
    Ok(())
}
