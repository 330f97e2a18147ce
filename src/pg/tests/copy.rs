use pgwire::messages::extendedquery::{Bind, Execute, Parse, Sync};

use super::Server;
use super::client::Client;

/// Starts a COPY by the extended protocol, with a Sync right behind the Execute, as some drivers do.
async fn start_extended(client: &mut Client) {
    client
        .message(&Parse::new(None, "copyin".to_owned(), vec![]))
        .message(&Bind::new(None, None, vec![], vec![], vec![]))
        .message(&Execute::new(None, 0))
        .message(&Sync::new());
    client.send().await;
    assert_eq!(client.until(b'G').await, "1 2 G(0 2)");
}

async fn start_simple(client: &mut Client, text: &str) {
    client.raw(b'Q', format!("{text}\0").as_bytes()).send().await;
    assert_eq!(client.until(b'G').await.rsplit(' ').take(2).collect::<Vec<_>>(), ["2)", "G(0"]);
}

#[tokio::test]
async fn data_goes_in_and_the_next_statement_follows() {
    let server = Server::start().await;
    let mut client = server.client().await;
    start_simple(&mut client, "copyin; do A").await;
    client.raw(b'd', b"1\t").raw(b'd', b"x\n2\ty\n").raw(b'c', b"").send().await;
    assert_eq!(client.until_ready().await, "C(COPY 2) C(A) Z(I)");
    assert_eq!(server.engine.events(), ["copying", "copying", "copied 1\tx\n2\ty\n", "commit A"]);
    start_extended(&mut client).await;
    client.raw(b'd', b"3\tz\n").raw(b'c', b"").message(&Sync::new()).send().await;
    assert_eq!(client.until_ready().await, "C(COPY 1) Z(I)");
}

#[tokio::test]
async fn bad_data_ends_the_copy_and_what_follows_is_passed_over() {
    let server = Server::start().await;
    let mut client = server.client().await;
    start_simple(&mut client, "do A; copyin; do B").await;
    client.raw(b'd', b"bad\n").raw(b'd', b"more\n").raw(b'c', b"").send().await;
    assert_eq!(client.until_ready().await, "E(ERROR 22P04 bad line) Z(I)");
    assert_eq!(server.engine.events(), ["copy aborted", "rollback"]);
    start_extended(&mut client).await;
    client.raw(b'd', b"bad\n").raw(b'd', b"more\n").raw(b'c', b"").message(&Sync::new()).send().await;
    assert_eq!(client.until_ready().await, "E(ERROR 22P04 bad line) Z(I)");
    assert_eq!(client.query("rows 1").await, "T(n) D(0) C(SELECT 1) Z(I)");
}

#[tokio::test]
async fn the_client_can_give_up() {
    let server = Server::start().await;
    let mut client = server.client().await;
    start_simple(&mut client, "copyin").await;
    client.raw(b'd', b"1\tx\n").raw(b'f', b"no more\0").send().await;
    assert_eq!(client.until_ready().await, "E(ERROR 57014 COPY from stdin failed: no more) Z(I)");
    start_simple(&mut client, "copyin").await;
    client.raw(b'Q', b"rows 1\0").send().await;
    assert_eq!(client.until_closed().await, "E(FATAL 08P01 unexpected message type 0x51 during COPY from stdin)");
    let mut client = server.client().await;
    start_simple(&mut client, "copyin").await;
    server.engine.events();
    drop(client);
    server.engine.event("session dropped").await;
    assert_eq!(server.engine.events(), ["copy aborted", "session dropped"]);
}

#[tokio::test]
async fn a_copy_that_waits_for_data_can_be_cancelled() {
    let server = Server::start().await;
    let mut client = server.client().await;
    start_simple(&mut client, "copyin").await;
    super::lifecycle::cancel(&server, &client).await;
    let error = "E(ERROR 57014 stopped)";
    assert_eq!(client.until_ready().await, format!("{error} Z(I)"));
    client.raw(b'd', b"late\n").raw(b'c', b"").send().await;
    assert_eq!(client.query("rows 1").await, "T(n) D(0) C(SELECT 1) Z(I)");
}

#[tokio::test]
async fn data_goes_out() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.raw(b'Q', b"copyout 2; copyout 0\0").send().await;
    assert_eq!(client.until(b'Z').await, "H(0 2) d(0\tx) d(1\tx) c C(COPY 2) H(0 2) c C(COPY 0) Z(I)");
}
