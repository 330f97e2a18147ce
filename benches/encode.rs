//! Values on their way out: seven columns of seven types as the values of DataRow messages and as csv.

mod support;

use arrow::array::RecordBatch;
use bytes::{BufMut, BytesMut};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use peristyle_catalog::model::PgType;
use peristyle_sql::Charset;
use peristyle_sql::copy::{CopyDirection, CopyOptions, Encoder, OptionValue};
use peristyle_sql::values::{Format, OutputStyle, ValueWriter, value_writer};
use support::{seven_columns, size};

const ROWS: usize = 1_000_000;
const CHECK_ROWS: usize = 10_000;

/// What an encoding came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Written {
    rows: u64,
    bytes: u64,
}

fn encode(criterion: &mut Criterion) {
    let rows = size(ROWS, CHECK_ROWS);
    let (columns, batches) = seven_columns(rows);
    let types: Vec<PgType> = columns.iter().map(|(_, ty)| *ty).collect();
    let options = [("format".to_owned(), OptionValue::Text("csv".to_owned()))];
    let options = CopyOptions::from_pairs(&options, CopyDirection::To, Charset::UTF8).expect("csv is a format");
    let csv = Encoder::new(options, columns, OutputStyle::default());
    measure(criterion, "values, text", rows, || values(&batches, &types, Format::Text));
    measure(criterion, "values, binary", rows, || values(&batches, &types, Format::Binary));
    measure(criterion, "copy, csv", rows, || copy(&batches, &csv));
}

/// Measures an encoding of all rows; it must write the same every time.
fn measure(criterion: &mut Criterion, name: &str, rows: usize, encode: impl Fn() -> Written) {
    let written = encode();
    assert_eq!(written.rows, rows as u64);
    assert!(written.bytes > written.rows * 7, "each of the seven values takes a byte at least");
    let mut group = criterion.benchmark_group("encode");
    group.sample_size(20);
    group.throughput(Throughput::ElementsAndBytes { elements: written.rows, bytes: written.bytes });
    group.bench_function(name, |bencher| bencher.iter(|| assert_eq!(encode(), written)));
    group.finish();
}

/// Each value with its length before it, as DataRow has it.
fn values(batches: &[RecordBatch], types: &[PgType], format: Format) -> Written {
    let (mut out, mut written) = (BytesMut::new(), Written::default());
    let style = OutputStyle::default();
    for batch in batches {
        let columns = batch.columns().iter().zip(types);
        let writers = columns.map(|(array, ty)| value_writer(array, *ty, format, &style).expect("all types are known"));
        let writers: Vec<Box<dyn ValueWriter + '_>> = writers.collect();
        for row in 0..batch.num_rows() {
            writers.iter().for_each(|writer| value(writer.as_ref(), row, &mut out));
            written.rows += 1;
        }
        written.bytes += out.len() as u64;
        out.clear();
    }
    written
}

fn value(writer: &dyn ValueWriter, row: usize, out: &mut BytesMut) {
    assert!(!writer.is_null(row), "no value is NULL");
    let start = out.len();
    out.put_i32(0);
    writer.write(row, out).expect("the value has a form");
    let length = i32::try_from(out.len() - start - 4).expect("values are short");
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

fn copy(batches: &[RecordBatch], encoder: &Encoder) -> Written {
    let (mut out, mut written) = (BytesMut::new(), Written::default());
    for batch in batches {
        let rows = 0..batch.num_rows();
        encoder.encode_rows(batch, rows, &mut out, |_| written.rows += 1).expect("every value has a form");
        written.bytes += out.len() as u64;
        out.clear();
    }
    written
}

criterion_group!(benches, encode);
criterion_main!(benches);
