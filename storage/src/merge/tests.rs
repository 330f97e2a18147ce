#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use arrow::array::{AsArray, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{Int64Type, Schema};
use futures::TryStreamExt;
use peristyle_catalog::model::*;
use peristyle_catalog::{ArrivingChunk, RealTimeTier};
use uuid::Uuid;

use super::*;
use crate::partition::{ReadColumn, ReadSpec, read_partition};
use crate::real_time::Tier;
use crate::schema::TableField;
use crate::testing::*;

const HOUR: i64 = 3_600_000_000;

fn column(id: u32, name: &str, ty: PgType) -> Column {
    Column {
        id: ColumnId(id),
        attnum: id as i16,
        name: name.into(),
        ty,
        not_null: false,
        default: None,
        missing: None,
        comment: None,
        rule: peristyle_catalog::model::ColumnRule::Plain,
    }
}

fn table() -> Table {
    Table {
        row_type: Oid(0),
        array_type: Oid(0),
        openness: Openness::Open,
        partition_key: PartitionKey::Time { unit: TimeUnit::Hour, column: ColumnId(1) },
        order_key: Vec::new(),
        columns: vec![column(1, "time", PgType::TIMESTAMPTZ), column(2, "n", PgType::INT8)],
        constraints: Vec::new(),
        next_column: ColumnId(9),
        next_attnum: 9,
        options: Vec::new(),
        materialized: None,
    }
}

fn rows(times: &[i64], numbers: &[i64]) -> RecordBatch {
    let schema = Schema::new(vec![field("time", PgType::TIMESTAMPTZ), field("n", PgType::INT8)]);
    let times = TimestampMicrosecondArray::from(times.to_vec()).with_timezone("UTC");
    RecordBatch::try_new(schema.into(), vec![Arc::new(times), Arc::new(Int64Array::from(numbers.to_vec()))]).unwrap()
}

fn chunk_of(seq: u64, batch: &RecordBatch) -> (Arc<Chunk>, NewChunk) {
    let new = crate::chunk::encode(batch, &[ColumnId(1), ColumnId(2)], &table().partition_key).unwrap();
    let chunk = Chunk {
        id: ChunkId { seq: Seq(seq), ordinal: 0 },
        table: TABLE,
        layout: Arc::new(Layout { id: LayoutId(1), columns: new.columns.clone() }),
        rows: new.rows,
        bytes: new.body.len() as u64,
        key: new.key,
        log_position: 0,
        at: TimestampMicros(0),
    };
    (Arc::new(chunk), new)
}

fn no_missing(_: &MissingValue, _: &FieldRef) -> Result<ArrayRef> {
    Err(Error::Internal("no column has a missing value".into()))
}

struct Fixture {
    folder: tempfile::TempDir,
    store: Arc<Store>,
    sources: Sources,
    options: WriteOptions,
    table: Table,
    pace: Pace,
}

impl Fixture {
    fn new() -> Fixture {
        let (folder, store) = store();
        Fixture { store, sources: sources(), options: options(&folder), table: table(), pace: Pace::UNLIMITED, folder }
    }

    async fn merge(&self, group: &Group, real_time: Option<&Arc<dyn peristyle_catalog::RealTimeRows>>) -> Rewritten {
        self.rewrite(real_time, &Removed::default()).run(group, group.level()).await.unwrap()
    }

    fn rewrite<'a>(
        &'a self,
        real_time: Option<&'a Arc<dyn peristyle_catalog::RealTimeRows>>,
        without: &'a Removed,
    ) -> Rewrite<'a> {
        Rewrite {
            store: &self.store,
            sources: &self.sources,
            options: &self.options,
            parse_missing: &no_missing,
            oid: TABLE,
            table: &self.table,
            fields: crate::schema::table_fields(&self.table, None).unwrap(),
            real_time,
            keeps_seqs: true,
            without,
            pace: &self.pace,
        }
    }

    /// (commit, number) of every row that a reader at `as_of` sees.
    async fn read(&self, partition: &Arc<Partition>, as_of: u64) -> Vec<(i64, i64)> {
        let fields = crate::schema::table_fields(&self.table, None).unwrap();
        let number: &TableField = &fields[1];
        let columns = [
            ReadColumn { id: ColumnId::ROW_SEQ, field: crate::schema::row_seq_field(), missing: None },
            ReadColumn { id: number.id, field: number.field.clone(), missing: None },
        ];
        let spec = ReadSpec {
            columns: Arc::new(columns),
            as_of: Seq(as_of),
            batch_rows: 10,
            row_groups: None,
            first_position: 0,
            metrics: Arc::default(),
        };
        let stream = read_partition(&self.store, partition, spec).await.unwrap();
        let batches: Vec<RecordBatch> = stream.try_collect().await.unwrap();
        let pairs = batches.iter().flat_map(|batch| {
            let (seqs, numbers) =
                (batch.column(0).as_primitive::<Int64Type>(), batch.column(1).as_primitive::<Int64Type>());
            (0..batch.num_rows()).map(|row| (seqs.value(row), numbers.value(row)))
        });
        let mut pairs: Vec<_> = pairs.collect();
        pairs.sort_unstable();
        pairs
    }
}

#[tokio::test]
async fn merged_rows_keep_their_commit_twice_over() {
    let fixture = Fixture::new();
    let mut tier = None;
    let mut chunks = Vec::new();
    for seq in 1..=4 {
        let n = seq as i64;
        let (chunk, new) = chunk_of(seq, &rows(&[n * HOUR, 30 * HOUR], &[n * 10, n * 10 + 1]));
        let arriving = ArrivingChunk { chunk: chunk.clone(), body: new.body, decoded: new.decoded };
        tier = Some(Tier.append(tier.as_ref(), vec![arriving]).unwrap());
        chunks.push(chunk);
    }
    let first = Group { chunks: chunks[..2].to_vec(), partitions: vec![] };
    let second = Group { chunks: chunks[2..].to_vec(), partitions: vec![] };
    let mut days = BTreeMap::<i64, Vec<Arc<Partition>>>::new();
    for (group, seq) in [(&first, 5), (&second, 6)] {
        let merged = fixture.merge(group, tier.as_ref()).await;
        assert_eq!(merged.partitions.len(), 2, "one per day");
        for partition in &merged.partitions {
            assert_eq!(partition.level, 1);
            let day = partition.key.time.unwrap().0.div_euclid(24 * HOUR);
            days.entry(day).or_default().push(committed(partition, Seq(seq)));
        }
    }
    let day = Group { chunks: vec![], partitions: days[&1].clone() };
    let merged = fixture.merge(&day, None).await;
    assert_eq!((merged.partitions.len(), merged.partitions[0].level), (1, 2));
    assert_eq!(merged.partitions[0].row_seqs, Some((Seq(1), Seq(4))));
    let partition = committed(&merged.partitions[0], Seq(7));
    assert_eq!(fixture.read(&partition, 7).await, [(1, 11), (2, 21), (3, 31), (4, 41)]);
    assert_eq!(fixture.read(&partition, 3).await, [(1, 11), (2, 21), (3, 31)]);
    let before = fixture.store.list_data().try_collect::<Vec<_>>().await.unwrap().len();
    merged.discard().await;
    assert_eq!(fixture.store.list_data().try_collect::<Vec<_>>().await.unwrap().len(), before - 1);
}

#[tokio::test]
async fn rows_of_one_commit_need_no_hidden_column() {
    let fixture = Fixture::new();
    let (chunk, new) = chunk_of(3, &rows(&[0, 1], &[1, 2]));
    let arriving = ArrivingChunk { chunk: chunk.clone(), body: new.body, decoded: None };
    let tier = Tier.append(None, vec![arriving]).unwrap();
    let merged = fixture.merge(&Group { chunks: vec![chunk], partitions: vec![] }, Some(&tier)).await;
    assert_eq!(merged.partitions[0].row_seqs, Some((Seq(3), Seq(3))));
    assert_eq!(fixture.read(&committed(&merged.partitions[0], Seq(8)), 8).await, [(3, 1), (3, 2)]);
}

#[tokio::test]
async fn what_stays_of_a_partition_keeps_its_commits() {
    let fixture = Fixture::new();
    let (first, new) = chunk_of(3, &rows(&[0, 1], &[1, 2]));
    let (second, other) = chunk_of(4, &rows(&[2, 3], &[3, 4]));
    let arriving = [(&first, new), (&second, other)].map(|(chunk, new)| ArrivingChunk {
        chunk: chunk.clone(),
        body: new.body,
        decoded: None,
    });
    let tier = Tier.append(None, arriving.into()).unwrap();
    let both = Group { chunks: vec![first.clone(), second.clone()], partitions: vec![] };
    let whole = committed(&fixture.merge(&both, Some(&tier)).await.partitions[0], Seq(5));
    let mut without = Removed::default();
    without.partitions.entry(whole.id).or_default().insert(1);
    let group = Group { chunks: vec![], partitions: vec![whole] };
    let rest = fixture.rewrite(None, &without).run(&group, 1).await.unwrap();
    assert_eq!((rest.partitions[0].level, rest.partitions[0].row_seqs), (1, Some((Seq(3), Seq(4)))));
    assert_eq!(fixture.read(&committed(&rest.partitions[0], Seq(6)), 6).await, [(3, 1), (4, 3), (4, 4)]);
    let fresh = Rewrite { keeps_seqs: false, ..fixture.rewrite(None, &without) };
    assert_eq!(fresh.run(&group, 1).await.unwrap().partitions[0].row_seqs, None, "rows of the commit to come");
}

#[tokio::test]
async fn what_stays_of_chunks_is_a_chunk_that_keeps_its_commits() {
    let fixture = Fixture::new();
    let (first, new) = chunk_of(3, &rows(&[0, 1], &[1, 2]));
    let (second, other) = chunk_of(4, &rows(&[2, 3], &[3, 4]));
    let arriving =
        |chunk: &Arc<Chunk>, new: NewChunk| ArrivingChunk { chunk: chunk.clone(), body: new.body, decoded: None };
    let tier = Tier.append(None, vec![arriving(&first, new), arriving(&second, other)]).unwrap();
    let mut without = Removed::default();
    without.chunks.entry(second.id).or_default().insert(0);
    let rest = fixture.rewrite(Some(&tier), &without).chunk(&[first, second]).unwrap();
    assert_eq!(rest.rows, 3);
    let layout = Arc::new(Layout { id: LayoutId(2), columns: rest.columns.clone() });
    let id = ChunkId { seq: Seq(9), ordinal: 0 };
    let chunk = Chunk { id, layout, rows: 3, ..(*chunk_of(9, &rows(&[0], &[0])).0).clone() };
    let chunk = Arc::new(chunk);
    let tier = Tier.append(None, vec![arriving(&chunk, rest)]).unwrap();
    let merged = fixture.merge(&Group { chunks: vec![chunk], partitions: vec![] }, Some(&tier)).await;
    let partition = committed(&merged.partitions[0], Seq(10));
    assert_eq!(fixture.read(&partition, 10).await, [(3, 1), (3, 2), (4, 4)]);
    assert_eq!(fixture.read(&partition, 3).await, [(3, 1), (3, 2)], "a reader of an older snapshot");
}

#[tokio::test]
async fn a_damaged_object_is_not_written_again() {
    let fixture = Fixture::new();
    let numbers: Vec<i64> = (0..1000_i64).map(|n| (n * n).wrapping_mul(0x5851_F42D_4C95_7F2D)).collect();
    let (chunk, new) = chunk_of(3, &rows(&vec![0; numbers.len()], &numbers));
    let tier = Tier.append(None, vec![ArrivingChunk { chunk: chunk.clone(), body: new.body, decoded: None }]).unwrap();
    let merged = fixture.merge(&Group { chunks: vec![chunk], partitions: vec![] }, Some(&tier)).await;
    let partition = committed(&merged.partitions[0], Seq(4));
    let before = fixture.read(&partition, 4).await;
    let path = crate::objects::path_of(&partition);
    let file = fixture.folder.path().join("store").join(path.as_ref());
    let mut bytes = std::fs::read(&file).unwrap();
    let half = bytes.len() / 2;
    bytes[half] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    assert!(fixture.read(&partition, 4).await != before, "the rows can be read, and are others");
    let group = Group { chunks: vec![], partitions: vec![partition.clone()] };
    let Err(error) = fixture.rewrite(None, &Removed::default()).run(&group, 2).await else {
        panic!("the damage was written again")
    };
    assert_eq!(error.kind(), crate::ErrorKind::Corrupt);
    assert!(error.to_string().contains(path.as_ref()), "{error}");
    let left: Vec<_> = fixture.store.list_data().try_collect().await.unwrap();
    assert_eq!(left.iter().map(|object| &*object.path).collect::<Vec<_>>(), [path.as_ref()]);
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
    // Of one that was written before checksums were kept nothing is known.
    let old = Arc::new(Partition { checksum: None, ..(*partition).clone() });
    let group = Group { chunks: vec![], partitions: vec![old] };
    assert!(fixture.rewrite(None, &Removed::default()).run(&group, 2).await.is_ok());
}

#[test]
fn the_change_set_takes_away_what_it_requires() {
    let (chunk, _) = chunk_of(3, &rows(&[0], &[1]));
    let group = Group { chunks: vec![chunk.clone()], partitions: vec![partition(1, 10, 0, Some(0))] };
    let set = change_set(TABLE, &group, &[]);
    assert!(set.requires.contains(&Requirement::ChunksLive { table: TABLE, chunks: vec![chunk.id] }));
    assert!(
        set.requires.contains(&Requirement::PartitionsLive { table: TABLE, partitions: vec![group.partitions[0].id] })
    );
    assert!(matches!(&set.changes[0], Change::Merge { chunks, .. } if chunks == &[chunk.id]));
}

pub(super) fn partition(id: u128, bytes: u64, level: u8, hour: Option<i64>) -> Arc<Partition> {
    Arc::new(Partition {
        id: PartitionId(Uuid::from_u128(id)),
        table: TABLE,
        home: TABLE,
        layout: Arc::new(Layout { id: LayoutId(1), columns: vec![] }),
        remap: vec![],
        rows: 1,
        bytes,
        checksum: None,
        added: Seq(1),
        removed: None,
        row_seqs: (Seq(1), Seq(1)),
        key: KeyRange { time: hour.map(|hour| (hour * HOUR, hour * HOUR)), bucket: None, nulls: hour.is_none() },
        level,
    })
}
