//! tokio-postgres: values in binary, prepared statements, pipelines, portals, COPY both ways, notifications, errors.

use std::error::Error;
use std::pin::pin;

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};
use futures_util::{SinkExt, StreamExt, TryStreamExt, future};
use tokio::sync::mpsc;
use tokio_postgres::binary_copy::{BinaryCopyInWriter, BinaryCopyOutStream};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{AsyncMessage, Client, IsolationLevel, NoTls, Notification};
use uuid::Uuid;

use crate::Place;

pub async fn run(place: &Place) -> Result<(), Box<dyn Error>> {
    let (mut client, mut notifications) = connect(place).await?;
    let table = &place.table;
    client
        .batch_execute(&format!(
            "create table {table} (n bigint, small smallint, d double precision, s text, day date, at timestamptz, \
             id uuid, j jsonb, numbers int[], words text[], bytes bytea, yes boolean)"
        ))
        .await?;
    values(&client, table).await?;
    statements(&client, table).await?;
    transactions(&mut client, table).await?;
    portals(&mut client).await?;
    copies(&client, table).await?;
    errors(&client).await?;
    client.batch_execute("listen rust_news; notify rust_news, 'hello'").await?;
    let heard = notifications.recv().await.ok_or("the connection ended")?;
    assert_eq!((heard.channel(), heard.payload()), ("rust_news", "hello"));
    cancel(&client).await
}

async fn connect(place: &Place) -> Result<(Client, mpsc::UnboundedReceiver<Notification>), Box<dyn Error>> {
    let parameters = format!("host=127.0.0.1 port={} user={} dbname={}", place.port, place.user, place.database);
    let (client, mut connection) = tokio_postgres::connect(&parameters, NoTls).await?;
    let (sender, notifications) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut messages = pin!(futures_util::stream::poll_fn(move |context| connection.poll_message(context)));
        while let Some(Ok(message)) = messages.next().await {
            if let AsyncMessage::Notification(notification) = message {
                let _ = sender.send(notification);
            }
        }
    });
    Ok((client, notifications))
}

async fn values(client: &Client, table: &str) -> Result<(), Box<dyn Error>> {
    let day = NaiveDate::from_ymd_opt(2024, 2, 29).ok_or("a date")?;
    let at: DateTime<Utc> = "2026-01-02T03:04:05.678901Z".parse()?;
    let id = Uuid::from_u128(5);
    let json = serde_json::json!({"k": [1, null, "é"]});
    let (numbers, words) = (vec![Some(1), None, Some(-3)], vec!["a", "b,c", "d\"e", ""]);
    let insert = format!("insert into {table} values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)");
    let rows = client
        .execute(
            &insert,
            &[&1_i64, &2_i16, &0.25_f64, &"é'", &day, &at, &id, &json, &numbers, &words, &&[0_u8, 255][..], &true],
        )
        .await?;
    assert_eq!(rows, 1);
    let row = client.query_one(&format!("select * from {table}"), &[]).await?;
    assert_eq!((row.get::<_, i64>("n"), row.get::<_, i16>(1), row.get::<_, f64>(2)), (1, 2, 0.25));
    assert_eq!((row.get::<_, &str>("s"), row.get::<_, NaiveDate>(4)), ("é'", day));
    assert_eq!((row.get::<_, DateTime<Utc>>("at"), row.get::<_, Uuid>("id")), (at, id));
    assert_eq!(row.get::<_, serde_json::Value>("j"), json);
    assert_eq!(row.get::<_, Vec<Option<i32>>>("numbers"), numbers);
    assert_eq!(row.get::<_, Vec<String>>("words"), words);
    assert_eq!((row.get::<_, &[u8]>("bytes"), row.get::<_, bool>("yes")), (&[0, 255][..], true));
    Ok(())
}

async fn statements(client: &Client, table: &str) -> Result<(), Box<dyn Error>> {
    let found = client.prepare(&format!("select n, s from {table} where n = $1 or s = any($2)")).await?;
    assert_eq!(found.params(), [Type::INT8, Type::TEXT_ARRAY]);
    let columns: Vec<_> = found.columns().iter().map(|column| (column.name(), column.type_().clone())).collect();
    assert_eq!(columns, [("n", Type::INT8), ("s", Type::TEXT)]);
    let none: Vec<&str> = Vec::new();
    // Both are sent before either is answered.
    let (one, two) =
        future::try_join(client.query(&found, &[&1_i64, &none]), client.query(&found, &[&2_i64, &vec!["x", "é'"]]))
            .await?;
    assert_eq!((one.len(), two.len()), (1, 1));
    assert!(client.query_opt(&found, &[&7_i64, &none]).await?.is_none());
    let simple = client.simple_query("select 1 as a; select 'x' as b").await?;
    let texts: Vec<_> = simple
        .iter()
        .filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        })
        .collect();
    assert_eq!(texts, ["1", "x"]);
    Ok(())
}

async fn transactions(client: &mut Client, table: &str) -> Result<(), Box<dyn Error>> {
    let count = format!("select count(*) from {table}");
    let mut transaction = client.transaction().await?;
    transaction.execute(&format!("insert into {table} (n) values (2)"), &[]).await?;
    let savepoint = transaction.savepoint("inner").await?;
    savepoint.execute(&format!("delete from {table}"), &[]).await?;
    assert_eq!(savepoint.query_one(&count, &[]).await?.get::<_, i64>(0), 0);
    savepoint.rollback().await?;
    transaction.commit().await?;
    assert_eq!(client.query_one(&count, &[]).await?.get::<_, i64>(0), 2);

    let reading = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
    let reading = reading.start().await?;
    let refused = reading.execute(&format!("delete from {table}"), &[]).await;
    assert_eq!(refused.err().and_then(|error| error.code().cloned()), Some(SqlState::READ_ONLY_SQL_TRANSACTION));
    Ok(())
}

async fn portals(client: &mut Client) -> Result<(), Box<dyn Error>> {
    let transaction = client.transaction().await?;
    let portal = transaction.bind("select n from generate_series(1::bigint, 10) as t(n) order by n", &[]).await?;
    let first = transaction.query_portal(&portal, 3).await?;
    let rest = transaction.query_portal(&portal, 0).await?;
    let numbers: Vec<i64> = first.iter().chain(&rest).map(|row| row.get(0)).collect();
    assert_eq!((first.len(), numbers), (3, (1..=10).collect()));
    transaction.commit().await?;
    Ok(())
}

async fn copies(client: &Client, table: &str) -> Result<(), Box<dyn Error>> {
    let sink = client.copy_in(&format!("copy {table} (n, s) from stdin (format csv)")).await?;
    let mut sink = pin!(sink);
    sink.send(Bytes::from_static(b"10,ten\n11,\n")).await?;
    assert_eq!(sink.finish().await?, 2);

    let types = [Type::INT8, Type::TEXT_ARRAY];
    let sink = client.copy_in(&format!("copy {table} (n, words) from stdin (format binary)")).await?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
    writer.as_mut().write(&[&20_i64, &vec!["a", "b"]]).await?;
    writer.as_mut().write(&[&21_i64, &None::<Vec<String>>]).await?;
    assert_eq!(writer.finish().await?, 2);

    let text = client.copy_out(&format!("copy (select n, s from {table} where n >= 10 order by n) to stdout")).await?;
    let text: Vec<u8> = text.try_fold(Vec::new(), |all, piece| future::ok([all, piece.to_vec()].concat())).await?;
    assert_eq!(std::str::from_utf8(&text)?, "10\tten\n11\t\\N\n20\t\\N\n21\t\\N\n");
    let binary = format!("copy (select n, words from {table} where n >= 20 order by n) to stdout (format binary)");
    let rows = BinaryCopyOutStream::new(client.copy_out(&binary).await?, &types).try_collect::<Vec<_>>().await?;
    assert_eq!(rows.iter().map(|row| row.get::<i64>(0)).collect::<Vec<_>>(), [20, 21]);
    assert_eq!(rows[0].get::<Vec<String>>(1), ["a", "b"]);
    Ok(())
}

async fn errors(client: &Client) -> Result<(), Box<dyn Error>> {
    let error = client.query("select nosuch", &[]).await.err().ok_or("an error")?;
    let error = error.as_db_error().ok_or("an error of the server")?;
    assert_eq!((error.code(), error.severity()), (&SqlState::UNDEFINED_COLUMN, "ERROR"));
    assert_eq!(error.position(), Some(&tokio_postgres::error::ErrorPosition::Original(8)));
    assert_eq!(client.query_one("select 1", &[]).await?.get::<_, i32>(0), 1, "the connection goes on");
    Ok(())
}

async fn cancel(client: &Client) -> Result<(), Box<dyn Error>> {
    let token = client.cancel_token();
    let sleeping = client.query("select pg_sleep(60)", &[]);
    let cancelling = async {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        token.cancel_query(NoTls).await
    };
    let (slept, cancelled) = future::join(sleeping, cancelling).await;
    cancelled?;
    assert_eq!(slept.err().and_then(|error| error.code().cloned()), Some(SqlState::QUERY_CANCELED));
    Ok(())
}
