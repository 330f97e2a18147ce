use super::*;

const ONE: LockNumber = LockNumber::One(1);
const TWO: LockNumber = LockNumber::One(2);
/// Long enough for another task to be asked, were it to run.
const A_WHILE: Duration = Duration::from_millis(20);

fn sessions(count: i32) -> (Arc<Locks>, Vec<Arc<OwnLocks>>) {
    let all = Arc::<Locks>::default();
    let own = (1..=count).map(|process_id| Arc::new(OwnLocks::new(&all, Oid(5), process_id))).collect();
    (all, own)
}

/// Has a session wait for a lock in a task of its own.
async fn waits(
    own: &Arc<OwnLocks>,
    number: LockNumber,
    mode: LockMode,
) -> tokio::task::JoinHandle<Result<(), SqlError>> {
    let own = Arc::clone(own);
    let task = tokio::spawn(async move { own.take(number, mode, LockSpan::Session, None).await });
    tokio::time::sleep(A_WHILE).await;
    assert!(!task.is_finished(), "it waits");
    task
}

async fn takes(own: &OwnLocks, number: LockNumber, mode: LockMode) {
    own.take(number, mode, LockSpan::Session, Some(A_WHILE)).await.expect("it is free");
}

#[tokio::test]
async fn a_lock_is_taken_again_by_its_session_and_given_back_as_often() {
    let (all, own) = sessions(2);
    takes(&own[0], ONE, LockMode::Exclusive).await;
    takes(&own[0], ONE, LockMode::Exclusive).await;
    assert!(!own[1].try_take(ONE, LockMode::Shared, LockSpan::Session));
    assert!(own[1].try_take(LockNumber::Pair(0, 1), LockMode::Exclusive, LockSpan::Session), "a pair is another");
    assert!(own[0].give_back(ONE, LockMode::Exclusive));
    assert!(!own[1].try_take(ONE, LockMode::Shared, LockSpan::Session), "it was taken twice");
    assert!(own[0].give_back(ONE, LockMode::Exclusive));
    assert!(!own[0].give_back(ONE, LockMode::Exclusive), "there is none left");
    assert!(own[1].try_take(ONE, LockMode::Shared, LockSpan::Session));
    own[1].end();
    assert_eq!(all.list(), [], "nothing is kept of what nobody holds");
}

#[tokio::test]
async fn those_who_share_do_not_wait_but_go_behind_who_waits_already() {
    let (all, own) = sessions(4);
    takes(&own[0], ONE, LockMode::Shared).await;
    takes(&own[1], ONE, LockMode::Shared).await;
    let writer = waits(&own[2], ONE, LockMode::Exclusive).await;
    let late = waits(&own[3], ONE, LockMode::Shared).await;
    assert_eq!((all.blocking(3), all.blocking(4)), (vec![1, 2], vec![3]));
    takes(&own[0], ONE, LockMode::Shared).await;
    own[0].end();
    own[1].end();
    writer.await.expect("no panic").expect("granted in its turn");
    assert!(!late.is_finished());
    assert!(own[2].give_back(ONE, LockMode::Exclusive));
    late.await.expect("no panic").expect("granted at last");
}

#[tokio::test]
async fn who_stops_waiting_lets_others_pass() {
    let (all, own) = sessions(3);
    takes(&own[0], ONE, LockMode::Shared).await;
    let writer = waits(&own[1], ONE, LockMode::Exclusive).await;
    let reader = waits(&own[2], ONE, LockMode::Shared).await;
    writer.abort();
    reader.await.expect("no panic").expect("nobody waits before it");
    let late = own[1].take(ONE, LockMode::Exclusive, LockSpan::Session, Some(A_WHILE)).await;
    assert_eq!(late.expect_err("still held").code, SqlState::LOCK_NOT_AVAILABLE);
    assert!(all.list().iter().all(|row| row.is_granted));
}

#[tokio::test]
async fn a_circle_of_waiters_is_refused() {
    let (_all, own) = sessions(3);
    takes(&own[0], ONE, LockMode::Exclusive).await;
    takes(&own[1], TWO, LockMode::Exclusive).await;
    let first = waits(&own[2], ONE, LockMode::Exclusive).await;
    let second = waits(&own[0], TWO, LockMode::Exclusive).await;
    let closing = own[1].take(ONE, LockMode::Shared, LockSpan::Session, None).await;
    assert_eq!(closing.expect_err("a deadlock").code, SqlState::DEADLOCK_DETECTED);
    assert!(own[1].give_back(TWO, LockMode::Exclusive));
    second.await.expect("no panic").expect("granted");
    own[0].end();
    first.await.expect("no panic").expect("granted");
}

#[tokio::test]
async fn a_transaction_gives_back_what_it_took_and_no_more() {
    let (all, own) = sessions(1);
    let transaction = LockSpan::Transaction;
    assert!(own[0].try_take(ONE, LockMode::Exclusive, LockSpan::Session));
    assert!(own[0].try_take(ONE, LockMode::Exclusive, transaction));
    let mark = own[0].mark();
    assert!(own[0].try_take(TWO, LockMode::Shared, transaction));
    own[0].go_back(mark);
    assert_eq!(all.list().len(), 1);
    assert!(own[0].give_back(ONE, LockMode::Exclusive));
    assert!(!own[0].give_back(ONE, LockMode::Exclusive), "the other is the transaction's");
    own[0].go_back(0);
    assert_eq!(all.list(), []);
    own[0].end();
    assert!(own[0].try_take(ONE, LockMode::Exclusive, LockSpan::Session));
    assert_eq!(all.list(), [], "a session that is over holds nothing");
}
