//! States of the past.

use bytes::Bytes;

use super::support::*;
use crate::model::{Change, ChangeSet, ColumnId, NewPartition, Oid, PgType, Requirement, Seq};
use crate::{Catalog, Error, Head};

/// What a table held at a commit: partitions, bodies of chunks that the state sees, names of columns.
type Held = (Vec<u128>, Vec<String>, Vec<String>);

fn held(catalog: &Catalog, seq: Seq) -> Held {
    let by_name = |past: &Head| past.relation_by_name(PUBLIC, "t").map(|relation| relation.oid);
    let (past, oid) = catalog.snapshot_at(seq, by_name).unwrap().expect("the table was there");
    assert_eq!(past.seq(), seq);
    let table = past.relation(oid).unwrap().as_table().unwrap();
    let columns = table.columns.iter().map(|column| column.name.clone()).collect();
    let Some(contents) = past.contents(oid) else { return (Vec::new(), Vec::new(), columns) };
    let mut partitions: Vec<u128> = contents.partitions().map(|partition| partition.id.0.as_u128()).collect();
    partitions.sort_unstable();
    let mut bodies = contents.real_time().map(|rows| rows_of(rows).0.clone()).unwrap_or_default();
    if !contents.chunks_in_log().is_empty() {
        let in_log = crate::history::rows_in_log(&catalog.shared, contents.chunks_in_log()).unwrap();
        bodies.extend(rows_of(&in_log).0.clone());
    }
    let seen: Vec<String> =
        contents.chunks().map(|chunk| String::from_utf8(bodies[&chunk.id].to_vec()).unwrap()).collect();
    (partitions, seen, columns)
}

async fn commit(catalog: &Catalog, changes: Vec<Change>) -> Seq {
    catalog.commit(set(changes)).await.unwrap().seq
}

fn chunk_ids(catalog: &Catalog) -> Vec<crate::model::ChunkId> {
    let head = catalog.snapshot();
    head.contents(Oid(T)).unwrap().chunks().map(|chunk| chunk.id).collect()
}

fn merged(id: u128, first: Seq, last: Seq) -> NewPartition {
    NewPartition { row_seqs: Some((first, last)), ..partition(id, &[(1, PgType::INT4)]) }
}

/// A table through inserts, a merge of its chunks, a deletion and a truncation; and what it held on the way.
async fn eventful(catalog: &Catalog) -> Vec<(Seq, Held)> {
    let columns = || vec!["a".to_owned(), "b".to_owned()];
    let texts = |texts: &[&str]| -> Vec<String> { texts.iter().map(|text| (*text).to_owned()).collect() };
    let created = catalog.commit(create_t()).await.unwrap().seq;
    let one = commit(catalog, vec![append_chunk(T, b"one")]).await;
    let two = commit(catalog, vec![append_chunk(T, b"two")]).await;
    let chunks = chunk_ids(catalog);
    let into = vec![merged(1, one, two)];
    let merge = commit(catalog, vec![Change::Merge { table: Oid(T), partitions: vec![], chunks, into }]).await;
    let three = commit(catalog, vec![append_chunk(T, b"three")]).await;
    let chunks = chunk_ids(catalog);
    let remove = Change::Remove { table: Oid(T), partitions: vec![], chunks };
    let deleted = commit(catalog, vec![remove, append_chunk(T, b"rest")]).await;
    let partitions = vec![partition(1, &[]).id];
    let chunks = chunk_ids(catalog);
    let truncated = commit(catalog, vec![Change::Remove { table: Oid(T), partitions, chunks }]).await;
    vec![
        (created, (vec![], texts(&[]), columns())),
        (one, (vec![1], texts(&[]), columns())),
        (two, (vec![1], texts(&[]), columns())),
        (merge, (vec![1], texts(&[]), columns())),
        (three, (vec![1], texts(&["three"]), columns())),
        (deleted, (vec![1], texts(&["rest"]), columns())),
        (truncated, (vec![], texts(&[]), columns())),
    ]
}

fn check(catalog: &Catalog, states: &[(Seq, Held)]) {
    for (seq, expected) in states {
        assert_eq!(held(catalog, *seq), *expected, "at {seq}");
    }
}

#[tokio::test]
async fn every_state_can_be_read_now_and_after_any_kind_of_start() {
    let home = Home::new();
    let catalog = home.open().await;
    let states = eventful(&catalog).await;
    check(&catalog, &states);
    drop(catalog);
    let catalog = home.open().await;
    check(&catalog, &states);
    catalog.checkpoint().await.unwrap();
    drop(catalog);
    home.delete_index();
    let catalog = home.open().await;
    check(&catalog, &states);
    catalog.close().await.unwrap();
    drop(catalog);
    let catalog = home.open().await;
    check(&catalog, &states);
}

#[tokio::test]
async fn a_merge_of_anything_but_inserted_chunks_leaves_what_it_replaced() {
    let home = Home::new();
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    let one = commit(&catalog, vec![append_partition(T, 1)]).await;
    let two = commit(&catalog, vec![append_chunk(T, b"two")]).await;
    let (partitions, chunks) = (vec![partition(1, &[]).id], chunk_ids(&catalog));
    let into = vec![merged(2, one, two)];
    let merge = commit(&catalog, vec![Change::Merge { table: Oid(T), partitions, chunks, into }]).await;
    assert_eq!(held(&catalog, one).0, [1]);
    assert_eq!((held(&catalog, two).0, held(&catalog, two).1), (vec![1], vec!["two".to_owned()]));
    assert_eq!((held(&catalog, merge).0, held(&catalog, merge).1), (vec![2], vec![]));
}

#[tokio::test]
async fn a_merge_keeps_chunks_with_columns_that_are_gone() {
    let home = Home::new();
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    let with_b = chunk(&[(1, PgType::INT4), (2, PgType::TEXT)], b"with b");
    let one = commit(&catalog, vec![Change::Append { table: Oid(T), partitions: vec![], chunks: vec![with_b] }]).await;
    let without = table(T, "t", vec![column(1, "a", PgType::INT4)]);
    let dropped = commit(&catalog, vec![Change::ReplaceRelation(without)]).await;
    let chunks = chunk_ids(&catalog);
    let into = vec![merged(1, one, one)];
    commit(&catalog, vec![Change::Merge { table: Oid(T), partitions: vec![], chunks, into }]).await;
    assert_eq!(held(&catalog, one), (vec![], vec!["with b".to_owned()], vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(held(&catalog, dropped).2, ["a"]);
}

/// The table as a past state gives it to readers: the type of column `a`.
fn type_of_a(catalog: &Catalog, seq: Seq) -> PgType {
    let (past, oid) = catalog.snapshot_at(seq, |_| Some(Oid(T))).unwrap().expect("the table was there");
    past.relation(oid).unwrap().as_table().unwrap().column("a").unwrap().ty
}

#[tokio::test]
async fn a_column_that_was_widened_and_then_dropped_reads_as_the_wide_type() {
    let home = Home::new();
    let catalog = home.open().await;
    let created = catalog.commit(create_t()).await.unwrap().seq;
    let widen = Change::EnsureColumn { table: Oid(T), proposed: ColumnId(1), name: "a".to_owned(), ty: PgType::INT8 };
    commit(&catalog, vec![widen]).await;
    assert_eq!(type_of_a(&catalog, created), PgType::INT8);
    let without = table(T, "t", vec![column(2, "b", PgType::TEXT)]);
    commit(&catalog, vec![Change::ReplaceRelation(without)]).await;
    assert_eq!(type_of_a(&catalog, created), PgType::INT8, "files that were merged in between hold it");
    commit(&catalog, vec![Change::DropRelation(Oid(T))]).await;
    assert_eq!(type_of_a(&catalog, created), PgType::INT8);
}

#[tokio::test]
async fn a_table_that_is_gone_shows_what_it_held() {
    let home = Home::new();
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    commit(&catalog, vec![append_partition(T, 1)]).await;
    let both = commit(&catalog, vec![append_chunk(T, b"two")]).await;
    commit(&catalog, vec![Change::DropRelation(Oid(T))]).await;
    let expected = (vec![1], vec!["two".to_owned()], vec!["a".to_owned(), "b".to_owned()]);
    assert_eq!(held(&catalog, both), expected);
    drop(catalog);
    home.delete_index();
    let catalog = home.open().await;
    assert_eq!(held(&catalog, both), expected);
}

#[tokio::test]
async fn nothing_is_kept_of_temporary_tables() {
    let home = Home::new();
    let catalog = home.open().await;
    let columns = vec![column(1, "a", PgType::INT4), column(2, "b", PgType::TEXT)];
    let temporary = crate::model::Relation { schema: Oid(30_000), ..table(T, "t", columns) };
    let create = vec![Change::CreateSchema(schema(30_000, "pg_temp_7")), Change::CreateRelation(temporary)];
    commit(&catalog, create).await;
    commit(&catalog, vec![append_chunk(T, b"one")]).await;
    let chunks = chunk_ids(&catalog);
    commit(&catalog, vec![Change::Remove { table: Oid(T), partitions: vec![], chunks }]).await;
    commit(&catalog, vec![append_chunk(T, b"two")]).await;
    commit(&catalog, vec![Change::DropRelation(Oid(T))]).await;
    let head = catalog.snapshot();
    assert_eq!(head.ended_chunks().count(), 0);
    assert_eq!(head.past_relations().count(), 0);
}

#[tokio::test]
async fn names_and_columns_are_those_of_then() {
    let home = Home::new();
    let catalog = home.open().await;
    let created = catalog.commit(create_t()).await.unwrap().seq;
    let ensure =
        |id, name: &str, ty| Change::EnsureColumn { table: Oid(T), proposed: ColumnId(id), name: name.to_owned(), ty };
    let wider = commit(&catalog, vec![ensure(3, "c", PgType::INT4)]).await;
    commit(&catalog, vec![ensure(4, "c", PgType::INT8)]).await;
    let definition = catalog.snapshot().relation(Oid(T)).unwrap().as_ref().clone();
    let renamed = crate::model::Relation { name: "u".to_owned(), ..definition };
    let named = commit(&catalog, vec![Change::ReplaceRelation(renamed)]).await;
    let dropped = commit(&catalog, vec![Change::DropRelation(Oid(T))]).await;
    assert_eq!(held(&catalog, created).2, ["a", "b"]);
    assert_eq!(held(&catalog, wider).2, ["a", "b", "c"]);
    let found = |seq, name: &str| {
        let find = |past: &Head| past.relation_by_name(PUBLIC, name).map(|relation| relation.oid);
        catalog.snapshot_at(seq, find).unwrap().is_some()
    };
    assert_eq!((found(wider, "t"), found(wider, "u")), (true, false));
    assert_eq!((found(named, "t"), found(named, "u")), (false, true));
    assert_eq!((found(dropped, "t"), found(dropped, "u")), (false, false));
}

#[tokio::test]
async fn what_is_forgotten_cannot_be_read_and_frees_the_log() {
    let home = Home::new();
    let catalog = home.open().await;
    let states = eventful(&catalog).await;
    let newest = catalog.snapshot().seq();
    let head = catalog.snapshot();
    assert_eq!(head.history_from(), Seq(1));
    assert!(head.log_needed_from().is_some(), "chunks that were removed are in the log");
    drop(head);
    let forgotten = commit(&catalog, vec![Change::ForgetHistory { before: newest }]).await;
    let head = catalog.snapshot();
    assert_eq!(head.log_needed_from(), None);
    assert_eq!(head.commits().map(|(seq, _)| seq).collect::<Vec<_>>(), [newest, forgotten]);
    for (seq, _) in states.iter().filter(|(seq, _)| *seq < newest) {
        let refused = catalog.snapshot_at(*seq, |_| Some(Oid(T))).err().expect("it is gone");
        assert!(matches!(refused, Error::NotInHistory { oldest, .. } if oldest.0 == newest), "{refused}");
    }
    assert!(catalog.snapshot_at(newest, |_| Some(Oid(T))).unwrap().is_some());
    assert!(catalog.snapshot_at(Seq(forgotten.0 + 1), |_| Some(Oid(T))).is_err(), "not there yet");
}

#[tokio::test]
async fn who_looks_at_the_past_holds_it() {
    let home = Home::new();
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    let one = commit(&catalog, vec![append_partition(T, 1)]).await;
    commit(&catalog, vec![append_partition(T, 2)]).await;
    let newest = catalog.horizon();
    let (past, _) = catalog.snapshot_at(one, |_| Some(Oid(T))).unwrap().unwrap();
    assert_eq!(catalog.horizon(), one);
    let now = catalog.snapshot().at();
    assert_eq!(catalog.expire_snapshots(crate::model::TimestampMicros(now.0 - 1)), 0, "it is held since now");
    assert_eq!(catalog.expire_snapshots(now), 1);
    assert!(past.is_expired());
    assert_eq!(catalog.horizon(), newest);
    drop(past);
    let requires = vec![Requirement::RelationLive(Oid(T))];
    let nothing = ChangeSet { requires, ..ChangeSet::default() };
    assert_eq!(catalog.commit(nothing).await.unwrap().seq, newest);
}

#[tokio::test]
async fn rows_of_the_past_stay_in_the_log_until_they_are_read() {
    let home = Home::new();
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    commit(&catalog, vec![append_chunk(T, b"one")]).await;
    let two = commit(&catalog, vec![append_chunk(T, b"two")]).await;
    let [one, second] = chunk_ids(&catalog)[..] else { panic!("two chunks") };
    commit(&catalog, vec![Change::Remove { table: Oid(T), partitions: vec![], chunks: vec![one] }]).await;
    let (past, _) = catalog.snapshot_at(two, |_| Some(Oid(T))).unwrap().unwrap();
    let contents = past.contents(Oid(T)).unwrap();
    assert_eq!(contents.chunk_count(), 2);
    let in_memory = contents.real_time().expect("the second is live");
    assert!(rows_of(in_memory).0.contains_key(&second));
    let in_log: Vec<_> = contents.chunks_in_log().iter().map(|chunk| chunk.id).collect();
    assert_eq!(in_log, [one]);
    let read = catalog.rows_in_log(two, contents.chunks_in_log().to_vec()).await.unwrap();
    assert_eq!(rows_of(&read).0.clone().into_iter().collect::<Vec<_>>(), [(one, Bytes::from_static(b"one"))]);
}

#[tokio::test]
async fn rows_that_were_forgotten_meanwhile_are_said_to_be_so() {
    let mut home = Home::new();
    home.settings.log_segment_bytes = 4096;
    let catalog = home.open().await;
    catalog.commit(create_t()).await.unwrap();
    let one = commit(&catalog, vec![append_chunk(T, b"one")]).await;
    let chunks = chunk_ids(&catalog);
    commit(&catalog, vec![Change::Remove { table: Oid(T), partitions: vec![], chunks }]).await;
    let in_log = {
        let (past, _) = catalog.snapshot_at(one, |_| Some(Oid(T))).unwrap().unwrap();
        past.contents(Oid(T)).unwrap().chunks_in_log().to_vec()
    };
    let before = catalog.snapshot().seq();
    commit(&catalog, vec![Change::ForgetHistory { before }]).await;
    for id in 1..=100 {
        commit(&catalog, vec![append_partition(T, id)]).await;
    }
    catalog.checkpoint().await.unwrap();
    assert!(catalog.log_extent().1 > in_log[0].log_position, "the log was freed");
    let read = catalog.rows_in_log(one, in_log).await;
    assert!(matches!(read.map(drop), Err(Error::NotInHistory { asked, .. }) if asked == one));
}
