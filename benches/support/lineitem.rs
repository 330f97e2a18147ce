//! Rows in the shape of TPC-H's `lineitem`: its types, widths and ranges, but not its generator's values.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringViewArray,
    TimestampMicrosecondArray,
};
use bytes::{Bytes, BytesMut};
use peristyle_catalog::model::PgType;
use peristyle_sql::values::{MICROS_PER_DAY, write_date};
use peristyle_storage::types::{arrow_type, pg_field};

use super::random::Random;

/// The columns as `CREATE TABLE` takes them.
pub(crate) const LINE_ITEM_COLUMNS: &str = "l_orderkey bigint, l_partkey bigint, l_suppkey bigint, l_linenumber integer, \
    l_quantity numeric(15,2), l_extendedprice numeric(15,2), l_discount numeric(15,2), l_tax numeric(15,2), \
    l_returnflag char(1), l_linestatus char(1), l_shipdate date, l_commitdate date, l_receiptdate date, \
    l_shipinstruct char(25), l_shipmode char(10), l_comment varchar(44)";

/// Lines of one order.
const LINES_PER_ORDER: i64 = 4;
/// 1992-01-02 in days since 1970.
const SHIP_DAYS_FROM: i64 = 8036;
/// Days from the first to the last ship date.
const SHIP_DAYS: i64 = 2526;
const INSTRUCTIONS: [&str; 4] = ["DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN"];
const MODES: [&str; 7] = ["REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB"];
const WORDS: [&str; 12] = [
    "quickly",
    "furiously",
    "deposits",
    "requests",
    "among",
    "the",
    "even",
    "accounts",
    "sleep",
    "pending",
    "ironic",
    "packages",
];
/// Longest `l_comment`, in characters.
const COMMENT_MAX: usize = 43;
/// Rows of a batch, as the engine's plans have them.
const BATCH_ROWS: usize = 32 * 1024;

/// One row. Amounts are in hundredths, dates in days since 1970.
pub(crate) struct LineItem {
    pub(crate) order_key: i64,
    pub(crate) part_key: i64,
    pub(crate) supplier_key: i64,
    pub(crate) line_number: i32,
    pub(crate) quantity: i64,
    pub(crate) extended_price: i64,
    pub(crate) discount: i64,
    pub(crate) tax: i64,
    pub(crate) return_flag: char,
    pub(crate) line_status: char,
    pub(crate) ship_date: i32,
    pub(crate) commit_date: i32,
    pub(crate) receipt_date: i32,
    pub(crate) instruction: &'static str,
    pub(crate) mode: &'static str,
    pub(crate) comment: String,
}

/// The first `count` rows, the same in every run.
pub(crate) fn line_items(count: usize) -> impl Iterator<Item = LineItem> {
    let mut random = Random::new(1);
    (0..i64::try_from(count).expect("counts are small")).map(move |at| LineItem::random(at, &mut random))
}

/// The first `count` rows as csv without a header.
pub(crate) fn csv(count: usize) -> Bytes {
    let mut out = BytesMut::new();
    for row in line_items(count) {
        row.write_csv(&mut out).expect("there is always room in memory");
    }
    out.freeze()
}

/// The first `count` rows in batches of seven columns of seven types, with names and types of the columns.
pub(crate) fn seven_columns(count: usize) -> (Vec<(String, PgType)>, Vec<RecordBatch>) {
    let columns = [
        ("order_key", PgType::INT8),
        ("line_number", PgType::INT4),
        ("price", PgType::numeric(15, 2)),
        ("ship_date", PgType::DATE),
        ("shipped_at", PgType::TIMESTAMP),
        ("discount", PgType::FLOAT8),
        ("comment", PgType::TEXT),
    ];
    let rows: Vec<LineItem> = line_items(count).collect();
    let batches = rows.chunks(BATCH_ROWS).map(|rows| batch(&columns, rows)).collect();
    (columns.map(|(name, ty)| (name.to_owned(), ty)).into(), batches)
}

fn batch(columns: &[(&str, PgType)], rows: &[LineItem]) -> RecordBatch {
    let price = Decimal128Array::from_iter_values(rows.iter().map(|row| i128::from(row.extended_price)));
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.order_key))),
        Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.line_number))),
        Arc::new(price.with_precision_and_scale(15, 2).expect("prices have at most 15 digits")),
        Arc::new(Date32Array::from_iter_values(rows.iter().map(|row| row.ship_date))),
        Arc::new(TimestampMicrosecondArray::from_iter_values(rows.iter().map(LineItem::shipped_at))),
        Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.discount as f64 / 100.0))),
        Arc::new(StringViewArray::from_iter_values(rows.iter().map(|row| &row.comment))),
    ];
    let fields = columns.iter().map(|(name, ty)| pg_field(name, *ty, arrow_type(*ty, None), false));
    let schema = arrow::datatypes::Schema::new(fields.collect::<Vec<_>>());
    RecordBatch::try_new(Arc::new(schema), arrays).expect("arrays are of the columns' types")
}

impl LineItem {
    fn random(at: i64, random: &mut Random) -> LineItem {
        let ship_date = SHIP_DAYS_FROM + random.between(0, SHIP_DAYS);
        let date = |days: i64| i32::try_from(days).expect("dates are of the last century");
        LineItem {
            order_key: at / LINES_PER_ORDER + 1,
            part_key: random.between(1, 200_001),
            supplier_key: random.between(1, 10_001),
            line_number: i32::try_from(at % LINES_PER_ORDER + 1).expect("orders are short"),
            quantity: random.between(1, 51) * 100,
            extended_price: random.between(90_000, 10_494_950),
            discount: random.between(0, 11),
            tax: random.between(0, 9),
            return_flag: random.pick(&['R', 'A', 'N']),
            line_status: random.pick(&['O', 'F']),
            ship_date: date(ship_date),
            commit_date: date(ship_date + random.between(-60, 61)),
            receipt_date: date(ship_date + random.between(1, 31)),
            instruction: random.pick(&INSTRUCTIONS),
            mode: random.pick(&MODES),
            comment: comment(random),
        }
    }

    /// A time on the ship date that differs from row to row, in µs since 1970.
    fn shipped_at(&self) -> i64 {
        i64::from(self.ship_date) * MICROS_PER_DAY + self.extended_price * 8_191
    }

    fn write_csv(&self, out: &mut BytesMut) -> std::fmt::Result {
        write!(out, "{},{},{},{},", self.order_key, self.part_key, self.supplier_key, self.line_number)?;
        for amount in [self.quantity, self.extended_price, self.discount, self.tax] {
            write!(out, "{}.{:02},", amount / 100, amount % 100)?;
        }
        write!(out, "{},{},", self.return_flag, self.line_status)?;
        for date in [self.ship_date, self.commit_date, self.receipt_date] {
            write_date(date, out);
            out.write_char(',')?;
        }
        writeln!(out, "{},{},{}", self.instruction, self.mode, self.comment)
    }
}

/// Words of 10 to [`COMMENT_MAX`] characters.
fn comment(random: &mut Random) -> String {
    let length = usize::try_from(random.between(10, COMMENT_MAX as i64 + 1)).expect("lengths are not negative");
    let mut text = String::with_capacity(COMMENT_MAX + 16);
    while text.len() < length {
        text.push_str(random.pick(&WORDS));
        text.push(' ');
    }
    text.truncate(length);
    text
}
