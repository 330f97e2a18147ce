//! Values of sequences: none is given twice, whatever happens; a clean stop leaves none out.

use std::sync::Arc;
use std::time::Duration;

use super::support::{Home, PUBLIC, set};
use crate::model::{
    Change, Oid, PgType, Relation, RelationKind, Seq, Sequence, SequenceOwner, SequencePlace, SequenceRule,
};
use crate::{Catalog, Error, NewRun};

const S: Oid = Oid(20_100);

fn rule(max: i64) -> SequenceRule {
    SequenceRule { ty: PgType::INT8, start: 1, increment: 1, min: 1, max, cache: 1, cycle: false }
}

fn sequence(run: u32, rule: SequenceRule) -> Relation {
    let begin = SequencePlace { last: rule.start, is_called: false };
    Relation {
        oid: S,
        schema: PUBLIC,
        name: "s".to_owned(),
        owner: Oid(10),
        comment: None,
        acl: None,
        version: Seq::ZERO,
        kind: RelationKind::Sequence(Sequence { rule, owner: None, run: Oid(run), begin }),
    }
}

async fn with_sequence(home: &Home) -> Arc<Catalog> {
    let catalog = home.open().await;
    catalog.commit(set(vec![Change::CreateRelation(sequence(20_101, rule(i64::MAX)))])).await.unwrap();
    catalog
}

async fn next(catalog: &Catalog) -> i64 {
    catalog.next_values(S, 1, 1).await.unwrap()[0]
}

#[tokio::test]
async fn values_are_given_from_what_the_log_allows() {
    let home = Home::new();
    let catalog = with_sequence(&home).await;
    let before = catalog.snapshot().seq();
    for expected in 1..=33 {
        assert_eq!(next(&catalog).await, expected);
    }
    assert_eq!(catalog.snapshot().seq().0 - before.0, 1, "one append for 33 values");
    assert_eq!(next(&catalog).await, 34);
    assert_eq!(catalog.snapshot().seq().0 - before.0, 2);
    let many = catalog.next_values(S, 1000, 1000).await.unwrap();
    assert_eq!((many[0], many[999], many.len()), (35, 1034, 1000));
}

#[tokio::test]
async fn a_crash_leaves_values_out_and_gives_none_twice() {
    let home = Home::new();
    let catalog = with_sequence(&home).await;
    assert_eq!(catalog.next_values(S, 5, 5).await.unwrap(), [1, 2, 3, 4, 5]);
    drop(catalog);
    home.delete_index();
    let catalog = home.open().await;
    assert_eq!(next(&catalog).await, 38, "after the 5 and the 32 beyond");
    catalog.set_sequence(S, SequencePlace { last: 3, is_called: true }).await.unwrap();
    drop(catalog);
    let catalog = home.open().await;
    assert_eq!(next(&catalog).await, 4);
}

#[tokio::test]
async fn a_clean_stop_leaves_none_out() {
    let home = Home::new();
    let catalog = with_sequence(&home).await;
    assert_eq!(next(&catalog).await, 1);
    catalog.close().await.unwrap();
    drop(catalog);
    let catalog = home.open().await;
    assert_eq!(next(&catalog).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sessions_share_a_sequence() {
    let home = Home::new();
    let catalog = with_sequence(&home).await;
    let takers: Vec<_> = (0..8)
        .map(|_| {
            let catalog = Arc::clone(&catalog);
            tokio::spawn(async move {
                let mut taken = Vec::new();
                for _ in 0..200 {
                    taken.extend(catalog.next_values(S, 1, 1).await.unwrap());
                }
                taken
            })
        })
        .collect();
    let mut all = Vec::new();
    for taker in takers {
        let taken = taker.await.unwrap();
        assert!(taken.is_sorted(), "each sees them rise");
        all.extend(taken);
    }
    all.sort_unstable();
    assert_eq!(all, (1..=1600).collect::<Vec<i64>>());
}

#[tokio::test]
async fn a_sequence_ends() {
    let home = Home::new();
    let catalog = home.open().await;
    catalog.commit(set(vec![Change::CreateRelation(sequence(20_101, rule(3)))])).await.unwrap();
    assert_eq!(catalog.next_values(S, 2, 2).await.unwrap(), [1, 2]);
    let error = catalog.next_values(S, 2, 2).await.unwrap_err();
    assert!(matches!(error, Error::SequenceEnded { limit: 3, is_ascending: true, .. }), "{error}");
    catalog.commit(set(vec![Change::DropRelation(S)])).await.unwrap();
    assert!(matches!(catalog.next_values(S, 1, 1).await, Err(Error::RelationGone(S))));
    assert!(catalog.snapshot().sequences.is_empty(), "its place went with it");
}

#[tokio::test]
async fn another_run_begins_where_its_transaction_says() {
    let home = Home::new();
    let catalog = with_sequence(&home).await;
    assert_eq!(next(&catalog).await, 1);
    for (run, continues, expected) in [(20_010, false, 101), (20_011, true, 102)] {
        let mut changes = vec![Change::ReplaceRelation(sequence(run, rule(i64::MAX)))];
        let place = SequencePlace { last: if continues { 50 } else { 100 }, is_called: true };
        let new = |begun| (begun == Oid(run)).then_some(NewRun { place, continues });
        let held = catalog.settle_runs(&mut changes, new).await;
        let mut waiting = Box::pin(catalog.next_values(S, 1, 1));
        let early = tokio::time::timeout(Duration::from_millis(20), &mut waiting).await;
        assert!(early.is_err(), "the run before gives no more");
        catalog.commit(set(changes)).await.unwrap();
        drop(held);
        assert_eq!(waiting.await.unwrap(), [expected]);
    }
}

#[tokio::test]
async fn a_tables_sequences_go_with_it() {
    let home = Home::new();
    let catalog = home.open().await;
    catalog.commit(super::support::create_t()).await.unwrap();
    let mut owned = sequence(20_101, rule(9));
    if let RelationKind::Sequence(sequence) = &mut owned.kind {
        let table = Oid(super::support::T);
        sequence.owner = Some(SequenceOwner { table, attnum: 1, is_identity: false });
    }
    catalog.commit(set(vec![Change::CreateRelation(owned)])).await.unwrap();
    assert_eq!(catalog.snapshot().sequences_of(Oid(super::support::T)).count(), 1);
    catalog.commit(set(vec![Change::DropRelation(Oid(super::support::T))])).await.unwrap();
    assert!(catalog.snapshot().relation(S).is_none());
}
