//! Cancel, departure, the server's stop.

use super::client::Client;
use super::{Server, WireSettings};

const CANCEL: u32 = 80_877_102;

pub(super) async fn cancel(server: &Server, client: &Client) {
    let mut canceller = Client::connect(server.address).await;
    let mut rest = client.process_id.to_be_bytes().to_vec();
    rest.extend_from_slice(&client.key);
    canceller.packet(CANCEL, &rest).await;
    assert_eq!(canceller.until_closed().await, "");
}

#[tokio::test]
async fn a_statement_is_cancelled_before_and_amid_its_rows() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.raw(b'Q', b"do A; hang\0").send().await;
    server.engine.event("hanging").await;
    cancel(&server, &client).await;
    assert_eq!(client.until_ready().await, "C(A) E(ERROR 57014 stopped) Z(I)");
    assert_eq!(server.engine.events(), ["hanging", "rollback"]);
    client.raw(b'Q', b"drip\0").send().await;
    server.engine.event("hanging").await;
    cancel(&server, &client).await;
    assert_eq!(client.until_ready().await, "T(n) D(0) E(ERROR 57014 stopped) Z(I)");
}

#[tokio::test]
async fn a_departed_client_stops_its_statement() {
    let server = Server::start().await;
    for statement in ["hang", "drip"] {
        let mut client = server.client().await;
        client.raw(b'Q', format!("{statement}\0").as_bytes()).send().await;
        server.engine.event("hanging").await;
        drop(client);
        server.engine.event("session dropped").await;
        server.engine.events();
    }
}

#[tokio::test]
async fn messages_sent_ahead_of_a_running_statement_are_not_lost() {
    let server = Server::with(WireSettings { read_ahead_bytes_max: 8, ..WireSettings::default() }).await;
    let mut client = server.client().await;
    client.raw(b'Q', b"hang\0").send().await;
    server.engine.event("hanging").await;
    client.raw(b'Q', b"rows 1\0").raw(b'Q', b"rows 2\0").send().await;
    cancel(&server, &client).await;
    assert_eq!(client.until_ready().await, "E(ERROR 57014 stopped) Z(I)");
    assert_eq!(client.until_ready().await, "T(n) D(0) C(SELECT 1) Z(I)");
    assert_eq!(client.until_ready().await, "T(n) D(0) D(1) C(SELECT 2) Z(I)");
}

#[tokio::test]
async fn a_stop_ends_idle_sessions_and_lets_statements_finish() {
    let server = Server::start().await;
    let (mut idle, mut busy) = (server.client().await, server.client().await);
    busy.raw(b'Q', b"hang\0").send().await;
    server.engine.event("hanging").await;
    server.stop.send(()).unwrap();
    let farewell = "E(FATAL 57P01 terminating connection due to administrator command)";
    assert_eq!(idle.until_closed().await, farewell);
    assert!(!server.serving.is_finished());
    busy.raw(b'X', b"").send().await;
    drop(busy);
    server.serving.await.unwrap();
}

#[tokio::test]
async fn an_idle_session_hears_that_it_was_terminated() {
    let server = Server::start().await;
    let mut idle = server.client().await;
    server.engine.terminate_all();
    assert_eq!(idle.until_closed().await, "E(FATAL 57P01 terminated)");
}

#[tokio::test]
async fn a_statement_that_outlasts_the_drain_is_terminated() {
    let server = Server::with(WireSettings { drain_seconds: 0, ..WireSettings::default() }).await;
    let mut busy = server.client().await;
    busy.raw(b'Q', b"hang\0").send().await;
    server.engine.event("hanging").await;
    server.stop.send(()).unwrap();
    assert_eq!(busy.until_closed().await, "E(FATAL 57P01 stopped)");
    server.serving.await.unwrap();
    assert_eq!(server.engine.events(), ["hanging", "rollback", "session dropped"]);
}
