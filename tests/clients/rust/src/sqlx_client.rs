//! sqlx: pool, values, derived rows, enum types, streams, nested transactions, COPY, listener, advisory locks, migrations.

use std::error::Error;
use std::path::Path;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use futures_util::TryStreamExt;
use rust_decimal::Decimal;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgAdvisoryLock, PgConnectOptions, PgListener, PgPool, PgPoolOptions};
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, Column, Connection, Executor, Row, SqlSafeStr, Statement, TypeInfo};
use uuid::Uuid;

use crate::Place;

#[derive(Debug, PartialEq, sqlx::FromRow)]
struct Event {
    n: i64,
    note: Option<String>,
    price: Decimal,
    day: NaiveDate,
    at: DateTime<Utc>,
    local: NaiveDateTime,
    id: Uuid,
    facts: Json<Vec<Option<i32>>>,
    numbers: Vec<i32>,
    mood: Mood,
}

#[derive(Debug, PartialEq, sqlx::Type)]
#[sqlx(type_name = "rust_mood", rename_all = "lowercase")]
enum Mood {
    Calm,
    Glad,
}

pub async fn run(place: &Place) -> Result<(), Box<dyn Error>> {
    let options = PgConnectOptions::new_without_pgpass()
        .host("127.0.0.1")
        .port(place.port)
        .username(&place.user)
        .database(&place.database)
        .application_name("rust-clients");
    let pool = PgPoolOptions::new().max_connections(3).connect_with(options).await?;
    let table = place.table.as_str();
    run_all(&pool, table).await?;
    pool.close().await;
    Ok(())
}

async fn run_all(pool: &PgPool, table: &str) -> Result<(), Box<dyn Error>> {
    values(pool, table).await?;
    descriptions(pool, table).await?;
    streams(pool).await?;
    transactions(pool, table).await?;
    copies(pool, table).await?;
    errors(pool, table).await?;
    locks(pool).await?;
    notifications(pool).await?;
    migrations(pool, table).await
}

async fn values(pool: &PgPool, table: &str) -> Result<(), Box<dyn Error>> {
    pool.execute(AssertSqlSafe(format!(
        "drop table if exists {table}; drop type if exists rust_mood; create type rust_mood as enum ('calm', 'glad');
         create table {table} (n bigint primary key, note text, price numeric(12, 2), day date, at timestamptz,
                               local timestamp, id uuid, facts jsonb, numbers int[], mood rust_mood)"
    )))
    .await?;
    let event = Event {
        n: 1,
        note: None,
        price: "12.30".parse()?,
        day: NaiveDate::from_ymd_opt(2024, 2, 29).ok_or("a date")?,
        at: "2026-01-02T03:04:05.678901Z".parse()?,
        local: "2026-01-02T03:04:05".parse()?,
        id: Uuid::from_u128(7),
        facts: Json(vec![Some(1), None]),
        numbers: vec![1, 2],
        mood: Mood::Glad,
    };
    let done =
        sqlx::query(AssertSqlSafe(format!("insert into {table} values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")))
            .bind(event.n)
            .bind(&event.note)
            .bind(event.price)
            .bind(event.day)
            .bind(event.at)
            .bind(event.local)
            .bind(event.id)
            .bind(&event.facts)
            .bind(&event.numbers)
            .bind(&event.mood)
            .execute(pool)
            .await?;
    assert_eq!(done.rows_affected(), 1);
    let found: Event = sqlx::query_as(AssertSqlSafe(format!("select * from {table} where mood = $1")))
        .bind(Mood::Glad)
        .fetch_one(pool)
        .await?;
    assert_eq!(found, event);
    let many: Vec<i64> = sqlx::query_scalar("select n from unnest($1::bigint[]) as t(n) order by n desc")
        .bind(vec![1_i64, 3, 2])
        .fetch_all(pool)
        .await?;
    assert_eq!(many, [3, 2, 1]);
    Ok(())
}

/// What `query!` asks of a server when a program is compiled.
async fn descriptions(pool: &PgPool, table: &str) -> Result<(), Box<dyn Error>> {
    let statement =
        pool.prepare(AssertSqlSafe(format!("select n, note, mood from {table} where n > $1")).into_sql_str()).await?;
    let columns: Vec<_> = statement.columns().iter().map(|column| (column.name(), column.type_info().name())).collect();
    assert_eq!(columns, [("n", "INT8"), ("note", "TEXT"), ("mood", "rust_mood")]);
    let described = pool.describe(AssertSqlSafe(format!("select n, note, n + 1 from {table}")).into_sql_str()).await?;
    let nullable: Vec<_> = (0..3).map(|column| described.nullable(column)).collect();
    assert_eq!(nullable[..2], [Some(false), Some(true)]);
    Ok(())
}

async fn streams(pool: &PgPool) -> Result<(), Box<dyn Error>> {
    let mut rows = sqlx::query("select n from generate_series(1::bigint, 5000) as t(n) order by n").fetch(pool);
    let mut sum = 0_i64;
    while let Some(row) = rows.try_next().await? {
        sum += row.try_get::<i64, _>("n")?;
    }
    assert_eq!(sum, 5000 * 5001 / 2);
    let mut some = sqlx::query("select n from generate_series(1, 1000000) as t(n)").fetch(pool);
    assert!(some.try_next().await?.is_some());
    drop(some);
    assert_eq!(sqlx::query_scalar::<_, i32>("select 1").fetch_one(pool).await?, 1, "a stream may be left early");
    Ok(())
}

async fn transactions(pool: &PgPool, table: &str) -> Result<(), Box<dyn Error>> {
    let count = || sqlx::query_scalar::<_, i64>(AssertSqlSafe(format!("select count(*) from {table}")));
    let mut outer = pool.begin().await?;
    sqlx::query(AssertSqlSafe(format!("insert into {table} (n) values (2)"))).execute(&mut *outer).await?;
    let mut inner = outer.begin().await?;
    sqlx::query(AssertSqlSafe(format!("delete from {table}"))).execute(&mut *inner).await?;
    assert_eq!(count().fetch_one(&mut *inner).await?, 0);
    inner.rollback().await?;
    outer.commit().await?;
    assert_eq!(count().fetch_one(pool).await?, 2);
    // Dropped without an end, it is rolled back.
    let mut dropped = pool.begin().await?;
    sqlx::query(AssertSqlSafe(format!("delete from {table}"))).execute(&mut *dropped).await?;
    drop(dropped);
    assert_eq!(count().fetch_one(pool).await?, 2);
    Ok(())
}

async fn copies(pool: &PgPool, table: &str) -> Result<(), Box<dyn Error>> {
    let mut connection = pool.acquire().await?;
    let mut copy = connection.copy_in_raw(&format!("copy {table} (n, note) from stdin (format csv)")).await?;
    copy.send(&b"10,ten\n11,\n"[..]).await?;
    assert_eq!(copy.finish().await?, 2);
    let statement = format!("copy (select n, note from {table} where n >= 10 order by n) to stdout");
    let pieces: Vec<_> = connection.copy_out_raw(&statement).await?.try_collect().await?;
    assert_eq!(pieces.concat(), b"10\tten\n11\t\\N\n");
    Ok(())
}

async fn errors(pool: &PgPool, table: &str) -> Result<(), Box<dyn Error>> {
    let error = sqlx::query("select 1 / $1").bind(0).fetch_one(pool).await.err().ok_or("an error")?;
    assert_eq!(error.as_database_error().and_then(|error| error.code()).as_deref(), Some("22012"));
    let error = sqlx::query(AssertSqlSafe(format!("select nosuch from {table}"))).execute(pool).await.err();
    let error = error.ok_or("an error")?;
    assert_eq!(error.as_database_error().and_then(|error| error.code()).as_deref(), Some("42703"));
    Ok(())
}

async fn locks(pool: &PgPool) -> Result<(), Box<dyn Error>> {
    let lock = PgAdvisoryLock::new("rust-clients");
    let held = lock.acquire(pool.acquire().await?).await?;
    let other = lock.try_acquire(pool.acquire().await?).await?;
    assert!(other.is_right(), "another connection does not get it");
    held.release_now().await?;
    Ok(())
}

async fn notifications(pool: &PgPool) -> Result<(), Box<dyn Error>> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen("rust_sqlx").await?;
    sqlx::query("select pg_notify($1, $2)").bind("rust_sqlx").bind("hello").execute(pool).await?;
    assert_eq!(listener.recv().await?.payload(), "hello");
    Ok(())
}

async fn migrations(pool: &PgPool, table: &str) -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("rust-clients-{}", std::process::id()));
    let applied = migrate(pool, table, &folder).await;
    std::fs::remove_dir_all(&folder)?;
    applied
}

/// Two steps, forward, forward again, and back.
async fn migrate(pool: &PgPool, table: &str, folder: &Path) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(folder)?;
    let step = |name: &str, text: String| std::fs::write(folder.join(name), text);
    step("1_create.up.sql", format!("create table {table}_steps (n int); insert into {table}_steps values (1);"))?;
    step("1_create.down.sql", format!("drop table {table}_steps;"))?;
    step("2_widen.up.sql", format!("alter table {table}_steps add column note text default 'x';"))?;
    step("2_widen.down.sql", format!("alter table {table}_steps drop column note;"))?;
    let migrator = Migrator::new(folder).await?;
    migrator.run(pool).await?;
    migrator.run(pool).await?;
    let note: String =
        sqlx::query_scalar(AssertSqlSafe(format!("select note from {table}_steps"))).fetch_one(pool).await?;
    assert_eq!(note, "x");
    let applied: Vec<i64> =
        sqlx::query_scalar("select version from _sqlx_migrations order by version").fetch_all(pool).await?;
    assert_eq!(applied, [1, 2]);
    migrator.undo(pool, 0).await?;
    let left: Option<String> =
        sqlx::query_scalar("select to_regclass($1)::text").bind(format!("{table}_steps")).fetch_one(pool).await?;
    assert_eq!(left, None);
    pool.execute("drop table _sqlx_migrations").await?;
    Ok(())
}
