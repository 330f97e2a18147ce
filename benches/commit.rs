//! The one commit point: a small chunk into the log, from one committer and from eight that share their fsyncs. No SQL.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringViewArray};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures::future::join_all;
use peristyle_catalog::Catalog;
use peristyle_catalog::model::{Change, ChangeSet, ColumnId, NewChunk, Oid, PgType, Requirement};
use peristyle_storage::chunk;
use peristyle_storage::schema::table_fields;
use support::{TestBed, size};

const COMMITTERS: [usize; 2] = [1, 8];
/// Commits of each committer in one iteration.
const COMMITS: usize = 32;
const CHECK_COMMITS: usize = 3;
const ROWS_PER_CHUNK: usize = 10;

/// Commits the same chunk again and again.
struct Committer {
    catalog: Arc<Catalog>,
    table: Oid,
    columns: Vec<(ColumnId, PgType)>,
    chunk: NewChunk,
    committed: AtomicU64,
}

impl Committer {
    fn new(bed: &TestBed) -> Committer {
        bed.run("create table events (id bigint, note text)");
        let relation = bed.table("events");
        let table = relation.as_table().expect("events is a table");
        let fields = table_fields(table, None).expect("its types are stored");
        let schema = arrow::datatypes::Schema::new(fields.iter().map(|field| field.field.clone()).collect::<Vec<_>>());
        let ids: Vec<ColumnId> = fields.iter().map(|field| field.id).collect();
        let batch = RecordBatch::try_new(Arc::new(schema), rows()).expect("the arrays are the table's");
        let chunk = chunk::encode(&batch, &ids, &table.partition_key).expect("the rows can be encoded");
        Committer {
            catalog: Arc::clone(&bed.catalog),
            table: relation.oid,
            columns: chunk.columns.clone(),
            chunk,
            committed: AtomicU64::new(0),
        }
    }

    async fn commit(&self, commits: usize) {
        for _ in 0..commits {
            self.catalog.commit(self.change_set()).await.expect("the chunk is committed");
            self.committed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What an INSERT requires and does.
    fn change_set(&self) -> ChangeSet {
        let accepts = Requirement::ColumnsAccept { table: self.table, columns: self.columns.clone() };
        let append = Change::Append { table: self.table, partitions: Vec::new(), chunks: vec![self.chunk.clone()] };
        ChangeSet { requires: vec![accepts], changes: vec![append], ingest_id: None }
    }
}

fn rows() -> Vec<ArrayRef> {
    let notes = std::iter::repeat_n("a few words that a client might send", ROWS_PER_CHUNK);
    vec![
        Arc::new(Int64Array::from_iter_values(0..ROWS_PER_CHUNK as i64)),
        Arc::new(StringViewArray::from_iter_values(notes)),
    ]
}

fn commit(criterion: &mut Criterion) {
    let commits = size(COMMITS, CHECK_COMMITS);
    let mut group = criterion.benchmark_group("commit");
    for committers in COMMITTERS {
        let bed = TestBed::new();
        let committer = Arc::new(Committer::new(&bed));
        let before = bed.catalog.metrics();
        group.throughput(Throughput::Elements((committers * commits) as u64));
        group.bench_function(BenchmarkId::new("small chunk, committers", committers), |bencher| {
            bencher.to_async(&bed.runtime).iter(|| round(&committer, committers, commits));
        });
        bed.print_groups(&format!("commit, {committers} committers"), before);
        assert_are_there(&bed, &committer);
    }
    group.finish();
}

/// All commit at once, each on a task of its own.
async fn round(committer: &Arc<Committer>, committers: usize, commits: usize) {
    let tasks = (0..committers).map(|_| {
        let committer = Arc::clone(committer);
        tokio::spawn(async move { committer.commit(commits).await })
    });
    let tasks: Vec<_> = tasks.collect();
    for task in join_all(tasks).await {
        task.expect("every commit succeeds");
    }
}

fn assert_are_there(bed: &TestBed, committer: &Committer) {
    let contents = bed.contents(committer.table).expect("the table holds rows");
    let committed = committer.committed.load(Ordering::Relaxed);
    assert!(committed > 0);
    assert_eq!(contents.rows(), committed * ROWS_PER_CHUNK as u64, "every commit is there once");
}

criterion_group!(benches, commit);
criterion_main!(benches);
