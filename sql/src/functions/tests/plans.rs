//! What plans look like: stable functions folded before pruning, casts off the columns, errors with their codes.

use std::sync::Arc;

use arrow::array::{Int32Array, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Schema};
use peristyle_catalog::model::PgType;
use peristyle_storage::types::{arrow_type, pg_field};

use super::{answer, plan_text, session};

fn table() -> RecordBatch {
    let field = |name: &str, ty: PgType| Field::clone(&pg_field(name, ty, arrow_type(ty, None), true));
    let schema = Schema::new(vec![field("id", PgType::INT4), field("ts", PgType::TIMESTAMPTZ)]);
    let ids = Int32Array::from(vec![1, 2, 3]);
    let times = TimestampMicrosecondArray::from(vec![0, 1_700_000_000_000_000, super::NOW]).with_timezone("UTC");
    RecordBatch::try_new(Arc::new(schema), vec![Arc::new(ids), Arc::new(times)]).expect("columns fit the schema")
}

#[tokio::test]
async fn predicates_fold_to_literals_beside_bare_columns() {
    let context = session("America/New_York");
    context.register_batch("t", table()).expect("a table");
    for (sql, predicate) in [
        ("select id from t where ts >= '2023-01-01'", "t.ts >= TimestampMicrosecond(1672549200000000"),
        ("select id from t where ts < now()", "t.ts < TimestampMicrosecond(1710074096789012"),
        ("select id from t where ts >= now() - interval '1 day'", "t.ts >= TimestampMicrosecond(1709991296789012"),
        ("select id from t where ts >= date '2023-01-01'", "t.ts >= TimestampMicrosecond(1672549200000000"),
        (
            "select id from t where ts between '2023-01-01' and '2023-02-01'",
            "t.ts >= TimestampMicrosecond(1672549200000000",
        ),
        ("select id from t where id = 2", "t.id = Int32(2)"),
        ("select id from t where id = 2::bigint", "t.id = Int32(2)"),
        ("select id from t where id in ('1', 2)", "t.id = Int32(1)"),
        ("select id from t where id = '2'", "t.id = Int32(2)"),
    ] {
        let plan = plan_text(&context, sql).await;
        assert!(plan.contains(predicate), "{sql}: no {predicate} in\n{plan}");
    }
}

#[tokio::test]
async fn marked_columns_answer() {
    let context = session("UTC");
    context.register_batch("t", table()).expect("a table");
    for (sql, expected) in [
        (
            "select sum(id), avg(id), max(ts) from t where ts > '2020-01-01'",
            "5|2.5000000000000000|2024-03-10 12:34:56.789012+00",
        ),
        ("select id from t where ts::date = '2023-11-14'", "2"),
        ("select id from t where date_trunc('day', ts) = '2023-11-14'", "2"),
        ("select count(distinct id), sum(id) from t group by ts order by 2", "1|1;1|2;1|3"),
        ("select id from t union all select 7 order by 1 desc", "7;3;2;1"),
        ("select case when id > 1 then id else 0 end from t order by id", "0;2;3"),
        ("select a.id from t a join t b on a.id = b.id + 1 order by 1", "2;3"),
    ] {
        assert_eq!(answer(&context, "UTC", sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn money_stays_in_128_bits() {
    let context = session("UTC");
    let field = |name: &str| {
        let ty = PgType::numeric(15, 2);
        Field::clone(&pg_field(name, ty, arrow_type(ty, None), true))
    };
    let schema = Arc::new(Schema::new(vec![field("price"), field("discount"), field("tax")]));
    context.register_batch("lineitem", RecordBatch::new_empty(schema)).expect("a table");
    let sql = "select sum(price), sum(price * (1 - discount)), sum(price * (1 - discount) * (1 + tax)), avg(price), \
               100.00 * sum(price) / sum(discount) from lineitem";
    let batches = super::run(&context, sql).await.expect("an answer");
    let types: Vec<String> = batches[0].schema().fields().iter().map(|f| f.data_type().to_string()).collect();
    let expected =
        ["Decimal128(38, 2)", "Decimal128(38, 4)", "Decimal128(38, 6)", "Decimal128(29, 16)", "Decimal256(56, 20)"];
    assert_eq!(types, expected);
}
