//! The protocol over the real engine. What the wire does with any engine is tested next to its code.

use std::pin::pin;

use bytes::Bytes;
use futures::{SinkExt, StreamExt, TryStreamExt};
use tokio_postgres::SimpleQueryMessage;

use crate::raw::{RawClient, error_of, tags};
use crate::{TestServer, code_of};

fn fatal(code: &str) -> Option<(String, String)> {
    Some(("FATAL".to_owned(), code.to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_packets_end_with_a_clear_error() {
    let server = TestServer::start_with(|config| config.wire.message_bytes_max = 10_000).await;
    let mut client = RawClient::open(&server).await;
    client.bytes(b"GET / HTTP/1.1\r\n\r\n").await;
    assert_eq!(error_of(&client.until_closed().await), fatal("08P01"));
    for (parameters, code) in
        [("user\0nobody\0database\0peristyle", "28000"), ("user\0peristyle\0database\0none", "3D000")]
    {
        let mut client = RawClient::open(&server).await;
        client.packet(3 << 16, format!("{parameters}\0\0").as_bytes()).await;
        assert_eq!(error_of(&client.until_closed().await), fatal(code), "{parameters:?}");
    }
    let mut client = RawClient::start(&server).await;
    client.bytes(b"Q\x00\x00\xff\xff").await;
    assert_eq!(error_of(&client.until_closed().await), fatal("08P01"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_string_is_all_or_nothing() {
    let server = TestServer::start().await;
    let mut client = RawClient::start(&server).await;
    assert_eq!(tags(&client.query("").await), "IZ");
    assert_eq!(
        tags(&client.query("create table t (a int); insert into t values (1); select a from t").await),
        "CCTDCZ"
    );
    let failed = client.query("insert into t values (2); select 1/0; insert into t values (3)").await;
    assert_eq!(error_of(&failed), Some(("ERROR".to_owned(), "22012".to_owned())));
    let rows = client.query("select a from t").await;
    assert_eq!(tags(&rows), "TDCZ", "only the first row is there");
    assert_eq!(rows[2].1, "SELECT 1\0");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_is_all_or_nothing() {
    let server = TestServer::start().await;
    let (client, _driver) = server.connect().await;
    client.batch_execute("create table t (a int)").await.unwrap();
    let insert = client.prepare("insert into t values ($1)").await.unwrap();
    let inserts = (0..100_i32).map(|n| {
        let (client, insert) = (&client, &insert);
        async move { client.execute(insert, &[&n]).await }
    });
    let counts: Vec<u64> = futures::future::try_join_all(inserts).await.unwrap();
    assert_eq!(counts.iter().sum::<u64>(), 100);
    let row = client.query_one("select count(*), sum(a) from t where a < $1", &[&50_i32]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (50, 1225));
    assert_eq!(code_of(client.query("select nothing from t", &[])).await, "42703");
    assert_eq!(code_of(client.query("select a from nowhere", &[])).await, "42P01");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_gives_its_rows_in_parts() {
    let server = TestServer::start().await;
    let mut client = RawClient::start(&server).await;
    client.message(b'P', b"\0select * from generate_series(1, 25)\0\0\0").await;
    client.message(b'B', b"\0\0\0\0\0\0\0\0").await;
    for _ in 0..3 {
        client.message(b'E', b"\0\0\0\0\x0a").await;
    }
    client.message(b'S', b"").await;
    let answer = tags(&client.until_ready().await);
    let rows = |count: usize| "D".repeat(count);
    assert_eq!(answer, format!("12{}s{}s{}CZ", rows(10), rows(10), rows(5)));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_stops_a_long_statement() {
    let server = TestServer::start().await;
    let (client, _driver) = server.connect().await;
    let cancel = client.cancel_token();
    let query = "select count(*) from generate_series(1, 1000000) a, generate_series(1, 1000000) b";
    let running = code_of(client.query(query, &[]));
    let cancelling = async {
        // Cancelling before the statement has started does nothing, so it is asked for until it helps.
        loop {
            let _ = cancel.cancel_query(tokio_postgres::NoTls).await;
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        code = running => assert_eq!(code, "57014"),
        () = cancelling => {}
    }
    assert_eq!(client.query_one("select 1", &[]).await.unwrap().get::<_, i32>(0), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn copy_goes_in_and_out() {
    let server = TestServer::start().await;
    let (client, _driver) = server.connect().await;
    client.batch_execute("create table t (a int, b text)").await.unwrap();
    let mut sink = pin!(client.copy_in::<_, Bytes>("copy t from stdin").await.unwrap());
    for part in ["1\tx\n2", "\ty\n", "3\t\\N\n"] {
        sink.send(Bytes::from(part)).await.unwrap();
    }
    assert_eq!(sink.finish().await.unwrap(), 3);
    let out = client.copy_out("copy (select a, b from t order by a) to stdout").await.unwrap();
    let pieces: Vec<Bytes> = out.try_collect().await.unwrap();
    assert_eq!(pieces.concat(), b"1\tx\n2\ty\n3\t\\N\n");
    let mut sink = pin!(client.copy_in::<_, Bytes>("copy t from stdin").await.unwrap());
    sink.send(Bytes::from("4\tz\nnot a number\tz\n")).await.unwrap();
    assert_eq!(code_of(sink.finish()).await, "22P02");
    let sink = client.copy_in::<_, Bytes>("copy t from stdin").await.unwrap();
    drop(sink);
    assert_eq!(client.query_one("select count(*) from t", &[]).await.unwrap().get::<_, i64>(0), 3);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_result_streams() {
    let server = TestServer::start().await;
    let (client, _driver) = server.connect().await;
    let rows = client.query_raw("select * from generate_series(1, 200000)", Vec::<i32>::new()).await.unwrap();
    let count = rows.map(Result::unwrap).fold(0_usize, |count, _| async move { count + 1 }).await;
    assert_eq!(count, 200_000);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_is_told_of_settings_and_of_the_stop() {
    let server = TestServer::start().await;
    let mut client = RawClient::start(&server).await;
    let changed = client.query("set timezone = 'America/New_York'").await;
    assert_eq!(tags(&changed), "CSZ");
    assert_eq!(changed[1].1, "TimeZone\0America/New_York\0");
    let (driver, _driver) = server.connect().await;
    let shown = driver.simple_query("show server_version").await.unwrap();
    assert!(
        shown
            .iter()
            .any(|message| matches!(message, SimpleQueryMessage::Row(row) if row.get(0).unwrap().starts_with("15")))
    );
    client.message(b'X', b"").await;
    assert_eq!(tags(&client.until_closed().await), "");
    let mut idle = RawClient::start(&server).await;
    server.stop().await;
    assert_eq!(error_of(&idle.until_closed().await), fatal("57P01"));
}
