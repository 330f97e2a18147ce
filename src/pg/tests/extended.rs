use bytes::Bytes;
use pgwire::messages::extendedquery::{Bind, Close, Describe, Execute, Flush, Parse, Sync};

use super::Server;
use super::client::Client;

fn parse(client: &mut Client, name: Option<&str>, text: &str) {
    client.message(&Parse::new(name.map(str::to_owned), text.to_owned(), vec![]));
}

fn bind(client: &mut Client, portal: Option<&str>, statement: Option<&str>, values: &[&'static str], formats: &[i16]) {
    let values = values.iter().map(|value| Some(Bytes::from_static(value.as_bytes()))).collect();
    let (portal, statement) = (portal.map(str::to_owned), statement.map(str::to_owned));
    client.message(&Bind::new(portal, statement, vec![], values, formats.to_vec()));
}

fn execute(client: &mut Client, portal: Option<&str>, rows_max: i32) {
    client.message(&Execute::new(portal.map(str::to_owned), rows_max));
}

async fn sync(client: &mut Client) -> String {
    client.message(&Sync::new()).send().await;
    client.until_ready().await
}

/// What sends a wrong message, and the error that it gets.
type Wrong = (fn(&mut Client), &'static str);

/// Parse, Bind and Execute of the unnamed statement.
fn run(client: &mut Client, text: &str) {
    parse(client, None, text);
    bind(client, None, None, &[], &[]);
    execute(client, None, 0);
}

#[tokio::test]
async fn describing_does_not_run() {
    let server = Server::start().await;
    let mut client = server.client().await;
    parse(&mut client, Some("s"), "echo $1");
    client.message(&Describe::new(b'S', Some("s".to_owned())));
    bind(&mut client, Some("p"), Some("s"), &["x"], &[1]);
    client.message(&Describe::new(b'P', Some("p".to_owned())));
    assert_eq!(sync(&mut client).await, "1 t(25) T(echo) 2 T(echo:binary) Z(I)");
    assert_eq!(server.engine.events(), Vec::<String>::new());
    bind(&mut client, None, Some("s"), &["x"], &[]);
    execute(&mut client, None, 0);
    assert_eq!(sync(&mut client).await, "2 D(x) C(SELECT 1) Z(I)");
}

#[tokio::test]
async fn a_pipeline_is_one_transaction_up_to_sync() {
    let server = Server::start().await;
    let mut client = server.client().await;
    run(&mut client, "do A");
    run(&mut client, "do B");
    client.message(&Flush::new()).send().await;
    assert_eq!(client.until(b'C').await, "1 2 C(A)");
    assert_eq!(client.until(b'C').await, "1 2 C(B)");
    assert_eq!(server.engine.events(), ["execute do A", "execute do B"]);
    assert_eq!(sync(&mut client).await, "Z(I)");
    assert_eq!(server.engine.events(), ["commit A,B"]);
}

#[tokio::test]
async fn after_an_error_everything_is_skipped_until_sync() {
    let server = Server::start().await;
    let mut client = server.client().await;
    run(&mut client, "do A");
    run(&mut client, "fail");
    run(&mut client, "do B");
    client.raw(b'Q', b"do C\0");
    assert_eq!(sync(&mut client).await, "1 2 C(A) 1 2 E(ERROR 22012 division by zero) Z(I)");
    assert_eq!(server.engine.events(), ["execute do A", "execute fail", "rollback"]);
    run(&mut client, "doomed");
    assert_eq!(sync(&mut client).await, "1 2 C(DOOMED) E(ERROR 40001 could not serialize access) Z(I)");
}

#[tokio::test]
async fn a_portal_gives_its_rows_in_parts() {
    let server = Server::start().await;
    let mut client = server.client().await;
    parse(&mut client, None, "rows 25");
    bind(&mut client, Some("p"), None, &[], &[1]);
    execute(&mut client, Some("p"), 1);
    execute(&mut client, Some("p"), 22);
    execute(&mut client, Some("p"), 2);
    execute(&mut client, Some("p"), 0);
    execute(&mut client, Some("p"), 0);
    let answer = sync(&mut client).await;
    assert!(answer.starts_with("1 2 D(\\x00\\x00\\x00\\x00) s D(\\x00\\x00\\x00\\x01) "), "{answer}");
    assert!(
        answer.ends_with("D(\\x00\\x00\\x00\\x17) D(\\x00\\x00\\x00\\x18) s C(SELECT 0) C(SELECT 0) Z(I)"),
        "{answer}"
    );
    assert_eq!(answer.matches('D').count(), 25);
    assert_eq!(server.engine.events(), ["execute rows 25"], "it ran once");
    execute(&mut client, Some("p"), 0);
    assert_eq!(sync(&mut client).await, "E(ERROR 34000 portal \"p\" does not exist) Z(I)");
}

#[tokio::test]
async fn a_value_that_cannot_be_is_refused_when_it_is_bound() {
    let server = Server::start().await;
    let mut client = server.client().await;
    parse(&mut client, None, "echo $1");
    bind(&mut client, None, None, &["bad"], &[]);
    assert_eq!(sync(&mut client).await, "1 E(ERROR 22P02 bad value) Z(I)");
    assert_eq!(server.engine.events(), ["rollback"]);
}

#[tokio::test]
async fn a_command_runs_once_per_portal() {
    let server = Server::start().await;
    let mut client = server.client().await;
    run(&mut client, "do A");
    execute(&mut client, None, 0);
    assert_eq!(sync(&mut client).await, "1 2 C(A) E(ERROR 55000 portal \"\" cannot be run) Z(I)");
}

#[tokio::test]
async fn an_empty_statement_can_be_prepared() {
    let server = Server::start().await;
    let mut client = server.client().await;
    parse(&mut client, None, " ");
    client.message(&Describe::new(b'S', None));
    bind(&mut client, None, None, &[], &[]);
    execute(&mut client, None, 0);
    assert_eq!(sync(&mut client).await, "1 t(0) n 2 I Z(I)".replace("t(0)", "t"));
    parse(&mut client, None, "do A; do B");
    assert!(sync(&mut client).await.starts_with("E(ERROR 42601 cannot insert multiple commands"));
}

#[tokio::test]
async fn names_that_are_wrong_have_their_codes() {
    let server = Server::start().await;
    let mut client = server.client().await;
    parse(&mut client, Some("s"), "rows 1");
    parse(&mut client, Some("other"), "rows 1");
    assert_eq!(sync(&mut client).await, "1 1 Z(I)");
    let wrong: [Wrong; 8] = [
        (|client| parse(client, Some("s"), "rows 1"), "42P05 prepared statement \"s\" already exists"),
        (|client| parse(client, Some("t"), "rows 1"), "53400 too many prepared statements in this session"),
        (|client| bind(client, None, Some("u"), &[], &[]), "26000 prepared statement \"u\" does not exist"),
        (|client| bind(client, None, None, &[], &[]), "26000 unnamed prepared statement does not exist"),
        (|client| execute(client, None, 0), "34000 portal \"\" does not exist"),
        (
            |client| bind(client, None, Some("s"), &["1"], &[]),
            "08P01 bind message supplies 1 parameters, but prepared statement \"s\" requires 0",
        ),
        (
            |client| bind(client, None, Some("s"), &[], &[0, 0]),
            "08P01 bind message has 2 result formats but query has 1 columns",
        ),
        (|client| bind(client, None, Some("s"), &[], &[7]), "22023 unsupported format code: 7"),
    ];
    for (message, error) in wrong {
        message(&mut client);
        assert_eq!(sync(&mut client).await, format!("E(ERROR {error}) Z(I)"));
    }
    bind(&mut client, Some("p"), Some("s"), &[], &[]);
    bind(&mut client, Some("p"), Some("s"), &[], &[]);
    assert_eq!(sync(&mut client).await, "2 E(ERROR 42P03 cursor \"p\" already exists) Z(I)");
    client.message(&Close::new(b'S', Some("s".to_owned()))).message(&Close::new(b'P', Some("none".to_owned())));
    parse(&mut client, Some("t"), "rows 1");
    assert_eq!(sync(&mut client).await, "3 3 1 Z(I)");
}

#[tokio::test]
async fn a_message_cut_short_is_skipped_like_any_error() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.raw(b'B', b"\0\0\0\x05");
    assert_eq!(sync(&mut client).await, "E(ERROR 08P01 insufficient data left in message) Z(I)");
    assert_eq!(client.query("rows 1").await, "T(n) D(0) C(SELECT 1) Z(I)");
}

#[tokio::test]
async fn a_portal_that_gave_all_gives_nothing_more() {
    let server = Server::start().await;
    let mut client = server.client().await;
    parse(&mut client, None, "rows 12");
    bind(&mut client, Some("p"), None, &[], &[]);
    for rows_max in [2, 10, 5] {
        execute(&mut client, Some("p"), rows_max);
    }
    let answer = sync(&mut client).await;
    assert_eq!(answer.matches("D(").count(), 12, "{answer}");
    assert!(answer.ends_with("C(SELECT 0) Z(I)"), "{answer}");
}

#[tokio::test]
async fn notifications_come_between_transactions() {
    let server = Server::start().await;
    let mut client = server.client().await;
    assert_eq!(client.query("ring one").await, "C(RING) A(3 bell one) Z(I)");
}
