//! The bytes of each kind of row, fixed: a row that was written once must be read for ever.

use uuid::Uuid;

use super::codec::Field;
use super::*;
use crate::model::{
    Bound, BoundValue, ChunkId, Column, ColumnDefault, ColumnId, ColumnRemap, ColumnRule, ColumnStatistics, Constraint,
    ConstraintKind, Database, EndMark, EnumLabel, EnumType, Index, IngestId, KeyRange, Layout, LayoutId, Materialized,
    MissingValue, Oid, Openness, OrderColumn, PartitionId, PartitionKey, PgType, Relation, RelationKind, Role, Schema,
    Seq, Sequence, SequenceOwner, SequencePlace, SequenceRule, StoredQuery, Table, TimeUnit, TimestampMicros, View,
    ViewDependency,
};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn golden(record: Record, key: &str, value: &str) {
    let raw = RawOp::from(&RowOp::Put(record.clone()));
    let written = raw.value.clone().expect("a put has a value");
    assert_eq!((hex(&raw.key).as_str(), hex(&written).as_str()), (key, value), "{record:?}");
    assert_eq!(raw.decode().expect("it decodes"), RowOp::Put(record));
}

fn partition_row() -> PartitionRow {
    PartitionRow {
        id: PartitionId(Uuid::from_u128(0x0102)),
        table: Oid(16384),
        home: Oid(16384),
        layout: LayoutId(1),
        remap: vec![ColumnRemap { in_file: ColumnId(7), in_table: ColumnId(6) }],
        rows: 300,
        bytes: 70_000,
        checksum: Some(258),
        added: Seq(5),
        row_seqs: (Seq(4), Seq(5)),
        key: KeyRange { time: Some((-1, 1)), bucket: Some(3), nulls: true },
        level: 2,
    }
}

fn table() -> Table {
    Table {
        row_type: Oid(20),
        array_type: Oid(21),
        openness: Openness::Open,
        partition_key: PartitionKey::Time { unit: TimeUnit::Day, column: ColumnId(1) },
        order_key: vec![OrderColumn { column: ColumnId(2), descending: true, nulls_first: false }],
        columns: Vec::new(),
        constraints: Vec::new(),
        next_column: ColumnId(3),
        next_attnum: 3,
        options: vec![("a".to_owned(), "b".to_owned())],
        materialized: None,
    }
}

#[test]
fn a_partition_of_a_clone_says_where_its_object_lies() {
    let shared = PartitionRow { home: Oid(300), ..partition_row() };
    let bytes = |row: &PartitionRow| hex(&Record::Partition(row.clone()).value());
    let own = bytes(&partition_row());
    assert_eq!(bytes(&shared), format!("03{}ac02", &own[2..]), "version 3, and the oid at the end");
    for record in [
        Record::Partition(shared.clone()),
        Record::EndedPartition(shared, EndMark { seq: Seq(9), at: TimestampMicros(-3) }),
    ] {
        let raw = RawOp::from(&RowOp::Put(record.clone()));
        assert_eq!(raw.decode().expect("it decodes"), RowOp::Put(record));
    }
}

#[test]
fn a_partition_key_of_two_parts_has_a_tag_of_its_own() {
    let key = PartitionKey::TimeBucket { unit: TimeUnit::Hour, time: ColumnId(1), buckets: 64, column: ColumnId(2) };
    let bytes = |key: &PartitionKey| {
        let mut out = Vec::new();
        Field::put(key, &mut out);
        hex(&out)
    };
    assert_eq!(bytes(&key), "0401014002");
    let table = Table { partition_key: key, ..table() };
    let raw = RawOp::from(&RowOp::Put(Record::Relation(relation(RelationKind::Table(table.clone())))));
    let RowOp::Put(Record::Relation(read)) = raw.decode().expect("it decodes") else { panic!("not a relation") };
    assert_eq!(read.as_table(), Some(&table));
}

fn stored_query() -> StoredQuery {
    StoredQuery {
        text: "q".to_owned(),
        search_path: vec!["p".to_owned()],
        depends_on: vec![ViewDependency {
            written: vec!["w".to_owned()],
            relation: Oid(7),
            columns: vec![("c".to_owned(), ColumnId(1))],
        }],
    }
}

#[test]
fn a_materialized_view_is_a_table_and_a_query() {
    let materialized = Materialized { query: stored_query(), is_populated: true };
    golden(
        Record::Relation(relation(RelationKind::Table(Table {
            materialized: Some(Box::new(materialized)),
            ..table()
        }))),
        "0500000013",
        "0113981101740a00010178030514150102020101020100030601016101620000017101017001010177070101630101",
    );
}

fn relation(kind: RelationKind) -> Relation {
    Relation {
        oid: Oid(19),
        schema: Oid(2200),
        name: "t".to_owned(),
        owner: Oid(10),
        comment: None,
        acl: Some("x".to_owned()),
        version: Seq(3),
        kind,
    }
}

#[test]
fn names_and_counters() {
    let counters = Counters { seq: Seq(300), at: TimestampMicros(1), next_oid: 16386 };
    golden(Record::Counters(counters), "01", "01ac0202828001");
    let role = Role { oid: Oid(10), name: "p".to_owned(), superuser: true, login: false };
    golden(Record::Role(role), "020000000a", "010a01700100");
    let database = Database { oid: Oid(5), name: "d".to_owned(), owner: Oid(10), comment: Some("c".to_owned()) };
    golden(Record::Database(database), "0300000005", "010501640a010163");
    let schema =
        Schema { oid: Oid(2200), database: Oid(5), name: "s".to_owned(), owner: Oid(10), comment: None, acl: None };
    golden(Record::Schema(schema), "0400000898", "0198110501730a0000");
    golden(Record::Ingested(IngestId("ab".to_owned()), Seq(1), TimestampMicros(-1)), "0d6162", "010101");
    let commit = |keeps_history| Record::Commit(CommitRow { seq: Seq(258), at: TimestampMicros(2), keeps_history });
    golden(commit(true), "0e0000000000000102", "0204");
    golden(commit(false), "0e0000000000000102", "0104");
}

#[test]
fn definitions() {
    golden(
        Record::Relation(relation(RelationKind::Table(table()))),
        "0500000013",
        "0113981101740a00010178030114150102020101020100030601016101620000",
    );
    let view = View { row_type: Oid(20), array_type: Oid(21), query: stored_query(), columns: Vec::new() };
    golden(
        Record::Relation(relation(RelationKind::View(view.clone()))),
        "0500000013",
        "0113981101740a0001017803021415017101017001010177070101630100",
    );
    golden(
        Record::PastRelation(Seq(4), Box::new(relation(RelationKind::View(view)))),
        "10000000000000000400000013",
        "0113981101740a0001017803021415017101017001010177070101630100",
    );
    let index =
        Index { table: Oid(7), columns: vec![ColumnId(1)], unique: true, primary: false, definition: "d".to_owned() };
    golden(
        Record::Relation(relation(RelationKind::Index(index))),
        "0500000013",
        "0113981101740a00010178030307010101000164",
    );
    let column = Column {
        id: ColumnId(258),
        attnum: 2,
        name: "c".to_owned(),
        ty: PgType::varchar(6),
        not_null: true,
        default: Some(ColumnDefault { oid: Oid(9), expression: "e".to_owned() }),
        missing: Some(MissingValue { text: "m".to_owned() }),
        comment: None,
        rule: ColumnRule::Plain,
    };
    let key = "060000001300000102";
    golden(Record::Column(Oid(19), column.clone()), key, "018202040163930814010109016501016d00");
    let identity = ColumnRule::Identity { sequence: Oid(258), is_always: true };
    for (rule, value) in [(identity, "02820201"), (ColumnRule::Generated, "03")] {
        let ruled = Column { rule, ..column.clone() };
        golden(Record::Column(Oid(19), ruled), key, &format!("028202040163930814010109016501016d00{value}"));
    }
    let past = RelationKind::Table(Table { columns: vec![Column { rule: identity, ..column }], ..table() });
    let header = "0113981101740a0001017803011415010202010102010003060101610162";
    golden(
        Record::PastRelation(Seq(4), Box::new(relation(past))),
        "10000000000000000400000013",
        &format!("{header}018202040163930814010109016501016d000282020100"),
    );
}

#[test]
fn sequences() {
    let place = |last, is_called| SequencePlace { last, is_called };
    let sequence = Sequence {
        rule: SequenceRule { ty: PgType::INT4, start: 1, increment: -2, min: -9, max: 300, cache: 1, cycle: true },
        owner: Some(SequenceOwner { table: Oid(20), attnum: 3, is_identity: true }),
        run: Oid(258),
        begin: place(1, false),
    };
    golden(
        Record::Relation(relation(RelationKind::Sequence(sequence))),
        "0500000013",
        "0113981101740a0001017803041701020311d80402010114060182020200",
    );
    golden(Record::SequencePlace(Oid(19), Oid(258), place(-3, true)), "1100000013", "0182020501");
}

#[test]
fn enum_types() {
    let label = |oid, name: &str, order| EnumLabel { oid: Oid(oid), name: name.to_owned(), order };
    let definition = EnumType { labels: vec![label(258, "a", 1.0), label(259, "é", 1.5)] };
    golden(
        Record::Relation(relation(RelationKind::Enum(definition))),
        "0500000013",
        "0113981101740a00010178030602820201610000803f830202c3a90000c03f",
    );
}

#[test]
fn constraints() {
    let columns = || vec![ColumnId(1), ColumnId(2)];
    let kinds = [
        (ConstraintKind::PrimaryKey { columns: columns(), index: Oid(8) }, "011e016b0102010208"),
        (ConstraintKind::Unique { columns: columns(), index: Oid(8) }, "011e016b0202010208"),
        (
            ConstraintKind::ForeignKey { columns: columns(), table: Oid(8), referenced: columns() },
            "011e016b0302010208020102",
        ),
        (ConstraintKind::Check { expression: "x".to_owned() }, "011e016b040178"),
    ];
    for (kind, value) in kinds {
        let constraint = Constraint { oid: Oid(30), name: "k".to_owned(), kind };
        golden(Record::Constraint(Oid(19), constraint), "07000000130000001e", value);
    }
}

#[test]
fn what_tables_hold() {
    let layout = Layout { id: LayoutId(2), columns: vec![(ColumnId(1), PgType::INT4), (ColumnId(6), PgType::TEXT)] };
    golden(Record::Layout(Oid(16384), layout), "080000400000000002", "0102011701061901");
    let id = "00000000000000000000000000000102";
    golden(
        Record::Partition(partition_row()),
        &format!("0900004000{id}"),
        "0201010706ac02f0a20405040501010201030102018202",
    );
    let end = EndMark { seq: Seq(6), at: TimestampMicros(3) };
    let ended = Record::EndedPartition(partition_row(), end);
    golden(ended, &format!("0a000000000000000600004000{id}"), "0201010706ac02f0a2040504050101020103010201820206");
    let chunk = ChunkRow {
        id: ChunkId { seq: Seq(6), ordinal: 1 },
        table: Oid(16384),
        layout: LayoutId(2),
        rows: 3,
        bytes: 200,
        key: KeyRange::default(),
        log_position: 1000,
        at: TimestampMicros(4),
    };
    golden(Record::Chunk(chunk.clone()), "0b00004000000000000000000600000001", "010203c801000000e80708");
    let ended = Record::EndedChunk(chunk, Seq(9));
    golden(ended, "0f000000000000000900004000000000000000000600000001", "010203c801000000e80708");
}

#[test]
fn partitions_without_a_checksum_are_still_read() {
    let id = "00000000000000000000000000000102";
    let without = PartitionRow { checksum: None, ..partition_row() };
    let end = EndMark { seq: Seq(6), at: TimestampMicros(3) };
    let old = |key: &str, value: &str| RawOp { key: bytes(key), value: Some(bytes(value)) };
    let live = old(&format!("0900004000{id}"), "0101010706ac02f0a20405040501010201030102");
    assert_eq!(live.decode(), Ok(RowOp::Put(Record::Partition(without.clone()))));
    let ended = old(&format!("0a000000000000000600004000{id}"), "0101010706ac02f0a2040504050101020103010206");
    assert_eq!(ended.decode(), Ok(RowOp::Put(Record::EndedPartition(without, end))));
    assert!(old(&format!("0900004000{id}"), "03").decode().is_err(), "a version of the future");
}

fn bytes(hex: &str) -> bytes::Bytes {
    let digits = hex.as_bytes().chunks(2);
    digits.map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

#[test]
fn statistics() {
    let bound = |value, exact| Some(Bound { value, exact });
    let of = |column, min, max| ColumnStatistics { column: ColumnId(column), nulls: 5, min, max };
    let columns = vec![
        of(16, bound(BoundValue::Int(-2), true), None),
        of(17, bound(BoundValue::Float(1.0), true), None),
        of(18, None, bound(BoundValue::Decimal { unscaled: 258, scale: -1 }, true)),
        of(19, None, bound(BoundValue::Bytes(vec![0xff]), false)),
    ];
    let key = StatisticsKey { table: Oid(16384), partition: PartitionId(Uuid::from_u128(0x0102)), group: 1 };
    let id = "00000000000000000000000000000102";
    golden(
        Record::Statistics(key, columns),
        &format!("0c00004000{id}00000001"),
        "01041005010103010011050102000000000000f03f0100120500010302010000000000000000000000000000ff01130500010401ff00",
    );
}
