use super::{Server, WireSettings};

#[tokio::test]
async fn each_statement_is_answered_and_all_commit_before_the_last_is_complete() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let answer = client.query("do A; rows 2; notice hi; do B").await;
    assert_eq!(answer, "C(A) T(n) D(0) D(1) C(SELECT 2) N(NOTICE 00000 hi) C(NOTICE) C(B) Z(I)");
    assert_eq!(server.engine.events(), ["commit A,B"]);
}

#[tokio::test]
async fn an_error_discards_the_whole_string() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let answer = client.query("do A; fail; do B").await;
    assert_eq!(answer, "C(A) E(ERROR 22012 division by zero) Z(I)");
    assert_eq!(server.engine.events(), ["rollback"]);
    assert_eq!(client.query("do A; !").await, "E(ERROR 42601 syntax error) Z(I)");
    assert_eq!(client.query("do A; doomed").await, "C(A) E(ERROR 40001 could not serialize access) Z(I)");
    assert_eq!(client.query("do C").await, "C(C) Z(I)");
    assert_eq!(server.engine.events(), ["rollback", "rollback", "commit C"]);
}

#[tokio::test]
async fn nothing_is_an_empty_query() {
    let server = Server::start().await;
    let mut client = server.client().await;
    assert_eq!(client.query("").await, "I Z(I)");
    assert_eq!(client.query(" ; ;").await, "I Z(I)");
}

#[tokio::test]
async fn changed_parameters_are_told_before_ready() {
    let server = Server::start().await;
    let mut client = server.client().await;
    assert_eq!(client.query("set UTC").await, "C(SET) S(TimeZone=UTC) Z(I)");
}

#[tokio::test]
async fn a_long_result_is_sent_in_many_writes_and_whole() {
    let server = Server::with(WireSettings { send_buffer_bytes: 64, ..WireSettings::default() }).await;
    let mut client = server.client().await;
    let answer = client.query("rows 1000").await;
    let rows: Vec<String> = (0..1000).map(|n| format!("D({n})")).collect();
    assert_eq!(answer, format!("T(n) {} C(SELECT 1000) Z(I)", rows.join(" ")));
}

#[tokio::test]
async fn a_message_that_makes_no_sense_ends_the_query_or_the_connection() {
    let server = Server::with(WireSettings { message_bytes_max: 100, ..WireSettings::default() }).await;
    let mut client = server.client().await;
    client.raw(b'Q', b"caf\xe9\0").send().await;
    assert!(client.until_ready().await.starts_with("E(ERROR 22021 invalid byte sequence"));
    client.raw(b'F', b"").send().await;
    assert_eq!(client.until_ready().await, "E(ERROR 0A000 fastpath function calls are not supported) Z(I)");
    client.raw(b'Q', &[b' '; 101]).send().await;
    assert_eq!(client.until_closed().await, "E(FATAL 08P01 message of 101 bytes exceeds the limit of 100 bytes)");
    let mut client = server.client().await;
    client.raw(b'p', b"secret\0").send().await;
    assert_eq!(client.until_closed().await, "E(FATAL 08P01 invalid frontend message type 112)");
}

#[tokio::test]
async fn a_broken_session_does_not_break_the_server() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.raw(b'Q', b"panic\0").send().await;
    assert_eq!(client.until_closed().await, "E(FATAL XX000 the session failed and is closed)");
    assert_eq!(server.client().await.query("do A").await, "C(A) Z(I)");
}
