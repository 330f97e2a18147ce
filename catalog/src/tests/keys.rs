//! Keys that a table enforces: who conflicts are those who write the same ones.

use std::sync::Arc;

use super::support::{Home, T, append_chunk, chunk, create_t, merge_chunks, requiring, set};
use crate::model::{Change, ChangeSet, ChunkId, ColumnId, Commit, KeySet, Oid, PgType, Requirement, Seq, WrittenKeys};
use crate::{Catalog, Error, Result};

fn free_since(since: Seq, keys: &[&str]) -> Requirement {
    let keys = KeySet::new(keys.iter().map(|key| key.as_bytes()));
    let written = vec![WrittenKeys { constraint: Oid(1), types: vec![PgType::TEXT], keys }];
    Requirement::KeysFreeSince { table: Oid(T), since, written }
}

/// A row with that key, which was free in that state.
fn keyed(since: Seq, key: &str) -> ChangeSet {
    requiring(free_since(since, &[key]), vec![append_chunk(T, key.as_bytes())])
}

async fn open() -> (Home, Arc<Catalog>, Seq) {
    let home = Home::new();
    let catalog = home.open().await;
    let created = catalog.commit(create_t()).await.unwrap();
    (home, catalog, created.seq)
}

fn loses(result: &Result<Commit>) -> bool {
    matches!(result, Err(Error::Conflict { relation: Some(Oid(T)) }))
}

#[tokio::test]
async fn writers_of_other_keys_do_not_meet() {
    let (_home, catalog, since) = open().await;
    catalog.commit(keyed(since, "a")).await.unwrap();
    let newest = catalog.commit(keyed(since, "b")).await.unwrap().seq;
    for key in ["a", "b"] {
        assert!(loses(&catalog.commit(keyed(since, key)).await), "{key} was written since");
    }
    catalog.commit(keyed(newest, "a")).await.unwrap();
}

#[tokio::test]
async fn who_commits_in_the_same_group_counts() {
    let home = Home::queueing();
    let catalog = home.open().await;
    let since = catalog.commit(create_t()).await.unwrap().seq;
    let commit = |key| catalog.commit(keyed(since, key));
    let (a, b, again, c) = tokio::join!(commit("a"), commit("b"), commit("a"), commit("c"));
    let results = [a, b, again, c];
    assert_eq!(results.iter().map(loses).collect::<Vec<_>>(), [false, false, true, false]);
}

#[tokio::test]
async fn rows_whose_keys_nobody_told_may_have_any() {
    let (_home, catalog, since) = open().await;
    let newest = catalog.commit(set(vec![append_chunk(T, b"?")])).await.unwrap().seq;
    assert!(loses(&catalog.commit(keyed(since, "a")).await));
    catalog.commit(keyed(newest, "b")).await.unwrap();
    assert!(loses(&catalog.commit(keyed(since, "a")).await), "another write does not hide it");
    let newest = catalog.commit(keyed(newest, "a")).await.unwrap().seq;
    let mut rewrite = keyed(newest, "c");
    rewrite.requires.push(Requirement::NoRowsSince { table: Oid(T), since: newest });
    catalog.commit(rewrite).await.unwrap();
    assert!(loses(&catalog.commit(keyed(newest, "d")).await), "who looked at all rows may have written all of them");
}

#[tokio::test]
async fn rows_that_move_are_not_written() {
    let (_home, catalog, since) = open().await;
    let first = catalog.commit(keyed(since, "a")).await.unwrap().seq;
    let chunks = |seqs: &[Seq]| seqs.iter().map(|seq| ChunkId { seq: *seq, ordinal: 0 }).collect::<Vec<_>>();
    let mut merged = merge_chunks(T, 1, chunks(&[first]));
    if let Change::Merge { into, .. } = &mut merged {
        into[0].row_seqs = Some((first, first));
    }
    catalog.commit(set(vec![merged])).await.unwrap();
    let second = catalog.commit(keyed(since, "b")).await.unwrap().seq;
    // What a DELETE leaves of a chunk is a chunk in which each row has its commit.
    let left = chunk(&[(1, PgType::INT4), (ColumnId::ROW_SEQ.0, PgType::INT8)], b"left");
    let removal = Change::Remove { table: Oid(T), partitions: Vec::new(), chunks: chunks(&[second]) };
    let rest = Change::Append { table: Oid(T), partitions: Vec::new(), chunks: vec![left] };
    catalog.commit(set(vec![removal, rest])).await.unwrap();
    catalog.commit(keyed(since, "c")).await.unwrap();
    for key in ["a", "b", "c"] {
        assert!(loses(&catalog.commit(keyed(since, key)).await), "{key} is still known");
    }
}

#[tokio::test]
async fn all_statements_of_a_transaction_count() {
    let (_home, catalog, since) = open().await;
    let between = catalog.commit(keyed(since, "x")).await.unwrap().seq;
    let mut block = keyed(since, "a");
    block.requires.push(free_since(between, &["b"]));
    catalog.commit(block).await.unwrap();
    for (key, is_written) in [("a", true), ("b", true), ("c", false)] {
        assert_eq!(loses(&catalog.commit(keyed(between, key)).await), is_written, "{key}");
    }
}

#[test]
fn requirements_of_one_state_become_one() {
    let some = free_since(Seq(1), &["a"]);
    assert_eq!(some.joined(&free_since(Seq(1), &["b"])), Some(free_since(Seq(1), &["a", "b"])));
    assert_eq!(some.joined(&free_since(Seq(2), &["b"])), None);
    assert_eq!(some.joined(&Requirement::RelationLive(Oid(T))), None);
}
