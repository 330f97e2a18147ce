//! Durable single-row INSERTs, prepared, from one session and from several at once: each is acknowledged after an
//! fsync, which those that wait at the same time share.

mod support;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures::future::join_all;
use peristyle_sql::Prepared;
use support::{Client, TestBed, size};

const SESSIONS: [usize; 2] = [1, 8];
/// INSERTs of each session in one iteration.
const INSERTS: usize = 32;
const CHECK_INSERTS: usize = 3;

/// A session that inserts row after row.
struct Writer {
    client: Client,
    insert: Prepared,
    next_id: u64,
}

impl Writer {
    async fn new(bed: &TestBed, session: usize) -> Writer {
        let mut client = bed.connect();
        let insert = client.prepare("insert into events values ($1, $2, $3, $4, $5)").await;
        Writer { client, insert, next_id: session as u64 * 1_000_000_000 }
    }

    async fn write(&mut self, inserts: usize) {
        for _ in 0..inserts {
            self.next_id += 1;
            let id = self.next_id;
            let row = [
                "2026-01-02 03:04:05.678901+00".to_owned(),
                id.to_string(),
                "checkout".to_owned(),
                format!("{}.{:02}", id % 1_000, id % 100),
                "a few words that a client might send".to_owned(),
            ];
            assert_eq!(self.client.execute_prepared(&self.insert, &row).await, 1);
        }
    }
}

fn insert(criterion: &mut Criterion) {
    let inserts = size(INSERTS, CHECK_INSERTS);
    let mut group = criterion.benchmark_group("insert");
    for sessions in SESSIONS {
        let bed = TestBed::new();
        bed.run("create table events (at timestamptz, id bigint, kind text, amount numeric(12,2), note text)");
        let mut writers = bed.runtime.block_on(join_all((0..sessions).map(|at| Writer::new(&bed, at))));
        let (before, mut rows) = (bed.catalog.metrics(), 0);
        group.throughput(Throughput::Elements((sessions * inserts) as u64));
        group.bench_function(BenchmarkId::new("durable, sessions", sessions), |bencher| {
            bencher.iter(|| {
                writers = bed.runtime.block_on(round(std::mem::take(&mut writers), inserts));
                rows += sessions * inserts;
            });
        });
        bed.print_groups(&format!("insert, {sessions} sessions"), before);
        assert_are_there(&bed, rows);
    }
    group.finish();
}

/// All sessions insert at once, each on a task of its own.
async fn round(writers: Vec<Writer>, inserts: usize) -> Vec<Writer> {
    let tasks = writers.into_iter().map(|mut writer| {
        tokio::spawn(async move {
            writer.write(inserts).await;
            writer
        })
    });
    let tasks: Vec<_> = tasks.collect();
    join_all(tasks).await.into_iter().map(|writer| writer.expect("every INSERT is acknowledged")).collect()
}

fn assert_are_there(bed: &TestBed, rows: usize) {
    let count = bed.runtime.block_on(bed.connect().number("select count(distinct id) from events"));
    assert_eq!(count, rows as i64, "every acknowledged row is there once");
}

criterion_group!(benches, insert);
criterion_main!(benches);
