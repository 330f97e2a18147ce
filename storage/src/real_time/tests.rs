#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::datatypes::{Int64Type, Schema};
use peristyle_catalog::model::{KeyRange, LayoutId, PartitionKey, PgType, TimestampMicros};
use proptest::prelude::*;

use super::*;
use crate::testing::{TABLE, field};

/// A chunk of layout 1 (`a bigint`) or 2 (`a smallint`, `b text`).
fn chunk(seq: u64, layout: u32, values: &[i16], keeps_decoded: bool) -> ArrivingChunk {
    let ints = |ty: PgType| -> (_, ArrayRef) {
        let values: ArrayRef = Arc::new(Int64Array::from_iter_values(values.iter().map(|v| i64::from(*v))));
        let field = field("a", ty);
        let values = arrow::compute::cast(&values, field.data_type()).unwrap();
        (field, values)
    };
    let mut columns = vec![ints(if layout == 1 { PgType::INT8 } else { PgType::INT2 })];
    if layout == 2 {
        let texts = values.iter().map(|value| format!("a text too long for a view: {value}"));
        columns.push((field("b", PgType::TEXT), Arc::new(arrow::array::StringViewArray::from_iter_values(texts))));
    }
    let (fields, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
    let ids = [ColumnId(1), ColumnId(2)];
    let new = crate::chunk::encode(&batch, &ids[..batch.num_columns()], &PartitionKey::None).unwrap();
    let chunk = Chunk {
        id: ChunkId { seq: Seq(seq), ordinal: 0 },
        table: TABLE,
        layout: Arc::new(Layout { id: LayoutId(layout), columns: new.columns }),
        rows: new.rows,
        bytes: new.body.len() as u64,
        key: KeyRange::default(),
        log_position: 0,
        at: TimestampMicros(0),
    };
    let decoded = new.decoded.filter(|_| keeps_decoded);
    ArrivingChunk { chunk: Arc::new(chunk), body: new.body, decoded }
}

fn projection() -> Vec<ReadColumn> {
    let column = |id, ty| ReadColumn { id, field: field("c", ty), missing: None };
    vec![column(ColumnId(1), PgType::INT8), column(ColumnId(2), PgType::TEXT), column(ColumnId::ROW_SEQ, PgType::INT8)]
}

/// (commit, value, whether there is a text) of every row, sorted.
fn rows_of(batches: &[RecordBatch]) -> Vec<(i64, i64, bool)> {
    let mut rows = Vec::new();
    for batch in batches {
        let (values, texts) = (batch.column(0).as_primitive::<Int64Type>(), batch.column(1).as_string_view());
        let seqs = batch.column(2).as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            let text = arrow::array::Array::is_valid(texts, row).then(|| texts.value(row));
            assert!(text.is_none_or(|text| text.ends_with(&format!(": {}", values.value(row)))));
            rows.push((seqs.value(row), values.value(row), text.is_some()));
        }
    }
    rows.sort_unstable();
    rows
}

fn own_runs(rows: &Arc<dyn RealTimeRows>) -> usize {
    own(rows).layouts.iter().map(|layout| layout.runs.len()).sum()
}

#[test]
fn single_rows_fold_into_few_batches() {
    let mut rows = None;
    for seq in 1..=1000 {
        rows = Some(Tier.append(rows.as_ref(), vec![chunk(seq, 2, &[seq as i16], seq % 2 == 0)]).unwrap());
    }
    let rows = rows.unwrap();
    assert_eq!(row_count(&rows), 1000);
    assert_eq!(own_runs(&rows), 0x3 + 0xe + 0x8, "the digits of 1000");
    let buffers =
        own(&rows).layouts[0].runs.iter().map(|run| run.batch.column(1).as_string_view().data_buffers().len());
    assert!(buffers.max().unwrap() <= 2, "the texts of a run lie together");
    assert!(rows.bytes() < 1000 * 250, "{} bytes", rows.bytes());
}

#[test]
fn small_runs_between_larger_ones_fold_too() {
    let mut rows = None;
    for seq in 1..=600 {
        let values = vec![1; if seq % 2 == 0 { 1 } else { 100 }];
        rows = Some(Tier.append(rows.as_ref(), vec![chunk(seq, 1, &values, true)]).unwrap());
    }
    let rows = rows.unwrap();
    assert_eq!(row_count(&rows), 300 * 101);
    assert!(own_runs(&rows) <= 2 * FOLD_RUNS, "{} runs", own_runs(&rows));
}

#[test]
fn a_head_is_not_changed_by_the_next() {
    let first = Tier.append(None, vec![chunk(1, 1, &[1], true)]).unwrap();
    let second = Tier.append(Some(&first), vec![chunk(2, 1, &[2], true)]).unwrap();
    let third = Tier.remove(&second, &[chunk(1, 1, &[1], true).chunk]).unwrap();
    let read = |rows| rows_of(&read(rows, &projection(), Seq(9)).unwrap());
    assert_eq!(read(&first), [(1, 1, false)]);
    assert_eq!(read(&second), [(1, 1, false), (2, 2, false)]);
    assert_eq!(read(&third), [(2, 2, false)]);
    assert!(Tier.remove(&third, &[chunk(2, 1, &[2], true).chunk]).is_none());
}

#[derive(Clone, Debug)]
enum Step {
    Append { layout: u32, values: Vec<i16>, keeps_decoded: bool },
    Remove(Vec<prop::sample::Index>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let append = (1..=2_u32, prop::collection::vec(any::<i16>(), 0..5), any::<bool>())
        .prop_map(|(layout, values, keeps_decoded)| Step::Append { layout, values, keeps_decoded });
    let remove = prop::collection::vec(any::<prop::sample::Index>(), 1..4).prop_map(Step::Remove);
    prop::collection::vec(prop_oneof![6 => append, 1 => remove], 1..60)
}

proptest! {
    #[test]
    fn the_tier_holds_what_a_plain_map_holds(steps in steps(), as_of in 0..70_u64) {
        let mut model = BTreeMap::<u64, (u32, Vec<i16>)>::new();
        let mut rows: Option<Arc<dyn RealTimeRows>> = None;
        for (at, step) in steps.into_iter().enumerate() {
            let seq = at as u64 + 1;
            match step {
                Step::Append { layout, values, keeps_decoded } => {
                    rows = Some(Tier.append(rows.as_ref(), vec![chunk(seq, layout, &values, keeps_decoded)]).unwrap());
                    model.insert(seq, (layout, values));
                }
                Step::Remove(picks) => {
                    let Some(before) = rows.take() else { continue };
                    let live: Vec<u64> = model.keys().copied().collect();
                    let gone: Vec<u64> = picks.iter().filter(|_| !live.is_empty()).map(|pick| *pick.get(&live)).collect();
                    let chunks: Vec<_> = gone.iter().map(|seq| chunk(*seq, 1, &[], true).chunk).collect();
                    gone.iter().for_each(|seq| { model.remove(seq); });
                    rows = Tier.remove(&before, &chunks);
                }
            }
        }
        let visible = |newest: u64| {
            let mut expected: Vec<(i64, i64, bool)> = model.range(..=newest)
                .flat_map(|(seq, (layout, values))| values.iter().map(move |v| (*seq as i64, i64::from(*v), *layout == 2)))
                .collect();
            expected.sort_unstable();
            expected
        };
        let found = |newest: u64| rows.as_ref().map_or(Vec::new(), |rows| rows_of(&read(rows, &projection(), Seq(newest)).unwrap()));
        prop_assert_eq!(found(u64::MAX), visible(u64::MAX));
        prop_assert_eq!(found(as_of), visible(as_of));
        prop_assert_eq!(rows.as_ref().map_or(0, row_count) as usize, visible(u64::MAX).len());
    }
}
