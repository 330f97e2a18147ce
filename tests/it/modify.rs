//! Random DELETE, UPDATE, MERGE and INSERT against a plain model, while the background merge rewrites what they touch.

use std::collections::BTreeMap;

use tokio_postgres::Client;

use super::TestServer;

/// What the table should hold: key → (group, value).
type Model = BTreeMap<i32, (i32, i64)>;

/// Numbers that a seed repeats.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides.max(1)
    }

    fn number(&mut self, below: u64) -> i32 {
        i32::try_from(self.roll(below)).unwrap()
    }
}

/// A server that makes partitions of few rows and merges all the time.
async fn restless() -> TestServer {
    TestServer::start_with(|config| {
        config.engine.chunk_rows_max = 30;
        config.background.merge_interval_seconds = 1;
        config.storage.merge.chunks_max = 4;
        config.storage.merge.partitions_fan_in = 2;
        config.storage.write.row_group_rows_max = 16;
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn random_changes_end_as_a_model_says() {
    for (seed, options) in [(1, ""), (2, "WITH (order_by = 'v')"), (3, "WITH (partition_by = 'bucket(4, k)')")] {
        let server = restless().await;
        let (client, connection) = server.connect().await;
        client.batch_execute(&format!("CREATE TABLE t (k integer, g integer, v bigint) {options}")).await.unwrap();
        let (mut model, mut dice, mut next) = (Model::new(), Dice(seed), 0);
        for step in 0..80 {
            let sql = change(&mut dice, &mut model, &mut next);
            let changed = client.execute(&sql.0, &[]).await;
            let changed = changed.unwrap_or_else(|error| panic!("seed {seed}, step {step}: {}: {error:?}", sql.0));
            assert_eq!(changed, sql.1, "seed {seed}, step {step}: {}", sql.0);
            check(&client, &model, &format!("seed {seed}, step {step}: {}", sql.0)).await;
        }
        drop(client);
        connection.await.unwrap().unwrap();
        server.stop().await;
    }
}

/// A statement, how many rows it changes, and the same done to the model.
fn change(dice: &mut Dice, model: &mut Model, next: &mut i32) -> (String, u64) {
    let group = dice.number(6);
    match dice.roll(14) {
        0..=3 => insert(dice, model, next),
        4 => {
            let changed = update(model, |_, (g, _)| *g == group, |(_, v)| *v += 1);
            (format!("UPDATE t SET v = v + 1 WHERE g = {group}"), changed)
        }
        5 => {
            let changed = update(model, |k, _| k % 10 == group, |(g, v)| (*g, *v) = ((*g + 1) % 6, -*v));
            (format!("UPDATE t SET g = (g + 1) % 6, v = -v WHERE k % 10 = {group}"), changed)
        }
        6 => {
            let changed = delete(model, |_, (g, _)| g == group);
            (format!("DELETE FROM t WHERE g = {group}"), changed)
        }
        7 | 8 => {
            let from = dice.number(next.unsigned_abs().into());
            let changed = delete(model, |k, _| (from..from + 25).contains(&k));
            (format!("DELETE FROM t WHERE k >= {from} AND k < {from} + 25"), changed)
        }
        9 => {
            let changed = update(model, |k, (g, _)| *g == group && k % 2 == 0, |(_, v)| *v = i64::from(group));
            let sql = "UPDATE t SET v = s.g FROM (SELECT k, g FROM t WHERE k % 2 = 0) AS s WHERE s.k = t.k AND t.g = ";
            (format!("{sql}{group}"), changed)
        }
        10 => {
            let least = model.values().map(|(_, v)| *v).min();
            let changed = delete(model, |_, (_, v)| Some(v) == least);
            ("DELETE FROM t WHERE v = (SELECT min(v) FROM t)".to_owned(), changed)
        }
        11 => {
            delete(model, |k, (g, _)| g == group && k % 2 == 0);
            update(model, |k, (g, _)| *g == group && k % 2 == 1, |(_, v)| *v += 1);
            let changed = delete(model, |k, (g, _)| g != group && k % 9 == 4);
            let sql = format!(
                "WITH d AS (DELETE FROM t WHERE g = {group} AND k % 2 = 0),
                    u AS (UPDATE t SET v = v + 1 WHERE g = {group} AND k % 2 = 1 RETURNING k)
                DELETE FROM t WHERE g <> {group} AND k % 9 = 4"
            );
            (sql, changed)
        }
        12 => {
            let changed = update(model, |k, _| k % 5 == group, |(g, _)| *g = (*g + 1) % 6);
            let sql = format!(
                "WITH d AS (DELETE FROM t WHERE k % 5 = {group} RETURNING *)
                INSERT INTO t SELECT k, (g + 1) % 6, v FROM d"
            );
            (sql, changed)
        }
        _ if dice.roll(8) == 0 => {
            let changed = delete(model, |_, _| true);
            ("DELETE FROM t".to_owned(), changed)
        }
        _ => {
            let changed = delete(model, |k, _| k % 7 == 0);
            ("DELETE FROM t WHERE k % 7 = 0".to_owned(), changed)
        }
    }
}

fn insert(dice: &mut Dice, model: &mut Model, next: &mut i32) -> (String, u64) {
    let rows = if dice.roll(3) == 0 { 100 } else { dice.number(20) + 1 };
    let first = *next;
    *next += rows;
    model.extend((first..*next).map(|k| (k, (k % 6, i64::from(k) * 3))));
    let sql = format!("INSERT INTO t SELECT i, i % 6, i * 3 FROM generate_series({first}, {}) AS s(i)", *next - 1);
    (sql, u64::try_from(rows).unwrap())
}

fn update(model: &mut Model, meets: impl Fn(i32, &(i32, i64)) -> bool, set: impl Fn(&mut (i32, i64))) -> u64 {
    let met = model.iter_mut().filter(|(k, row)| meets(**k, row));
    met.map(|(_, row)| set(row)).count() as u64
}

fn delete(model: &mut Model, meets: impl Fn(i32, (i32, i64)) -> bool) -> u64 {
    let before = model.len();
    model.retain(|k, row| !meets(*k, *row));
    (before - model.len()) as u64
}

/// Counts and bounds come from the catalog alone where they can, the rows from reading.
async fn check(client: &Client, model: &Model, what: &str) {
    let row = client.query_one("SELECT count(*), min(k), max(k), min(v), max(v) FROM t", &[]).await.unwrap();
    let found: (i64, Option<i32>, Option<i32>, Option<i64>, Option<i64>) =
        (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4));
    let values = || model.values().map(|(_, v)| *v);
    let expected = (
        i64::try_from(model.len()).unwrap(),
        model.keys().next().copied(),
        model.keys().next_back().copied(),
        values().min(),
        values().max(),
    );
    assert_eq!(found, expected, "{what}");
    let rows = client.query("SELECT k, g, v FROM t ORDER BY k", &[]).await.unwrap();
    let rows: Vec<(i32, (i32, i64))> = rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect();
    assert_eq!(rows, model.iter().map(|(k, row)| (*k, *row)).collect::<Vec<_>>(), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_take_the_types_of_their_columns() {
    let server = TestServer::start().await;
    let (client, connection) = server.connect().await;
    client.batch_execute("CREATE TABLE t (k integer, s smallint, n text)").await.unwrap();
    client.batch_execute("INSERT INTO t VALUES (1, 1, 'a'), (2, 2, 'b')").await.unwrap();
    let update = client.prepare("UPDATE t SET s = $1, (n) = ($2) WHERE k = $3 RETURNING k, n AS name").await.unwrap();
    let types: Vec<&str> = update.params().iter().map(|ty| ty.name()).collect();
    assert_eq!(types, ["int2", "text", "int4"]);
    let columns: Vec<(&str, &str)> = update.columns().iter().map(|c| (c.name(), c.type_().name())).collect();
    assert_eq!(columns, [("k", "int4"), ("name", "text")]);
    let rows = client.query(&update, &[&7_i16, &"seven", &2_i32]).await.unwrap();
    assert_eq!((rows.len(), rows[0].get::<_, &str>(1)), (1, "seven"));
    let delete = client.prepare("DELETE FROM t WHERE s = $1 AND n = $2").await.unwrap();
    assert_eq!(delete.params().iter().map(|ty| ty.name()).collect::<Vec<_>>(), ["int2", "text"]);
    assert_eq!(client.execute(&delete, &[&7_i16, &"seven"]).await.unwrap(), 1);
    assert_eq!(client.query_one("SELECT count(*) FROM t", &[]).await.unwrap().get::<_, i64>(0), 1);
    drop(client);
    connection.await.unwrap().unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_a_statement_are_described_before_they_run() {
    let server = TestServer::start().await;
    let (client, connection) = server.connect().await;
    client.batch_execute("CREATE TABLE t (k integer, s smallint, n text); CREATE TABLE u (k bigint)").await.unwrap();
    client.batch_execute("INSERT INTO t VALUES (1, 1, 'a'), (2, 2, 'b')").await.unwrap();
    let sql = "WITH d AS (DELETE FROM t WHERE s = $1 RETURNING k, n AS name), i AS (INSERT INTO u VALUES ($2)) \
               SELECT name, k + $3 AS sum FROM d WHERE name <> $4";
    let moved = client.prepare(sql).await.unwrap();
    assert_eq!(moved.params().iter().map(|ty| ty.name()).collect::<Vec<_>>(), ["int2", "int8", "int4", "text"]);
    let columns: Vec<(&str, &str)> = moved.columns().iter().map(|c| (c.name(), c.type_().name())).collect();
    assert_eq!(columns, [("name", "text"), ("sum", "int4")]);
    let count = async |table: &str| -> i64 {
        client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get(0)
    };
    assert_eq!((count("t").await, count("u").await), (2, 0));
    let rows = client.query(&moved, &[&2_i16, &5_i64, &40_i32, &"z"]).await.unwrap();
    assert_eq!((rows.len(), rows[0].get::<_, &str>(0), rows[0].get::<_, i32>(1)), (1, "b", 42));
    assert_eq!((count("t").await, count("u").await), (1, 1));
    drop(client);
    connection.await.unwrap().unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_part_returns_is_held_to_the_statements_memory() {
    let server = TestServer::start_with(|config| config.engine.query_memory_bytes = 1 << 20).await;
    let (client, connection) = server.connect().await;
    client.batch_execute("CREATE TABLE t (k integer, v text)").await.unwrap();
    let sql = "WITH i AS (INSERT INTO t SELECT g, repeat(g::text, 500) FROM generate_series(1, 5000) g RETURNING *) \
               SELECT count(*) FROM i";
    let error = client.query(sql, &[]).await.expect_err("too much for a statement");
    assert_eq!(error.code().map(|code| code.code()), Some("53200"), "{error:?}");
    assert_eq!(client.query_one("SELECT count(*) FROM t", &[]).await.unwrap().get::<_, i64>(0), 0);
    drop(client);
    connection.await.unwrap().unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_update_that_loses_a_race_is_run_again() {
    let server = restless().await;
    let (client, connection) = server.connect().await;
    client.batch_execute("CREATE TABLE counters (k integer, v integer)").await.unwrap();
    client.batch_execute("INSERT INTO counters SELECT i, 0 FROM generate_series(1, 50) AS g(i)").await.unwrap();
    let writers = (0..3).map(|_| async {
        let (client, connection) = server.connect().await;
        for _ in 0..15 {
            client.execute("UPDATE counters SET v = v + 1", &[]).await.unwrap();
        }
        drop(client);
        connection.await.unwrap().unwrap();
    });
    futures::future::join_all(writers).await;
    let row = client.query_one("SELECT count(*), min(v), max(v) FROM counters", &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i32>(1), row.get::<_, i32>(2)), (50, 45, 45));
    drop(client);
    connection.await.unwrap().unwrap();
    server.stop().await;
}
