use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::client::Client;
use super::{Server, WireSettings};

const SSL: u32 = 80_877_103;
const GSS: u32 = 80_877_104;

#[tokio::test]
async fn requests_for_encryption_are_answered_before_the_start() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    for code in [GSS, SSL] {
        client.packet(code, b"").await;
        assert_eq!(client.socket.read_u8().await.unwrap(), b'N');
    }
    client.start_up(0x3_0000, &[("user", "peristyle"), ("database", "d"), ("options", "-c a=b"), ("c", "d")]).await;
    assert_eq!(client.until_ready().await, "R(0) S(server_version=15.0) K(4 bytes) Z(I)");
    let connected = server.engine.connected.lock()[0].clone();
    assert_eq!((connected.user.as_str(), connected.database.as_str()), ("peristyle", "d"));
    assert_eq!(connected.parameters, [("a", "b"), ("c", "d")].map(|(n, v)| (n.to_owned(), v.to_owned())));
    assert_eq!(connected.process_id, client.process_id);
}

#[tokio::test]
async fn a_newer_protocol_is_negotiated() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    client.start_up(0x3_0002, &[("user", "peristyle")]).await;
    assert_eq!(client.until_ready().await, "R(0) S(server_version=15.0) K(32 bytes) Z(I)");
    let mut client = Client::connect(server.address).await;
    client.start_up(0x3_0063, &[("user", "peristyle"), ("_pq_.x", "1")]).await;
    assert!(client.until_ready().await.starts_with("v(196610) R(0) "));
}

#[tokio::test]
async fn who_may_not_enter_is_told_and_shown_out() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    client.start_up(0x3_0000, &[("user", "nobody")]).await;
    assert_eq!(client.until_closed().await, "E(FATAL 28000 role \"nobody\" does not exist)");
    let mut client = Client::connect(server.address).await;
    client.start_up(0x2_0000, &[("user", "peristyle")]).await;
    assert!(client.until_closed().await.starts_with("E(FATAL 0A000 unsupported frontend protocol 2.0"));
    let mut client = Client::connect(server.address).await;
    client.socket.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert_eq!(client.until_closed().await, "E(FATAL 08P01 invalid length of startup packet)");
    server.client().await;
}

#[tokio::test]
async fn one_session_too_many_is_refused_until_one_ends() {
    let server = Server::with(WireSettings { connections_max: 1, ..WireSettings::default() }).await;
    let mut first = server.client().await;
    let mut second = Client::connect(server.address).await;
    second.start_up(0x3_0000, &[("user", "peristyle")]).await;
    assert_eq!(second.until_closed().await, "E(FATAL 53300 sorry, too many clients already)");
    first.raw(b'X', b"").send().await;
    assert_eq!(first.until_closed().await, "");
    server.client().await;
}

#[tokio::test]
async fn a_start_that_takes_too_long_is_cut() {
    let server = Server::with(WireSettings { startup_seconds: 0, ..WireSettings::default() }).await;
    let mut client = Client::connect(server.address).await;
    assert_eq!(client.until_closed().await, "");
}
