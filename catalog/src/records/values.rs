//! The byte form of the model's types. The order of the fields here is the format; a change needs a new version of
//! the rows that hold the type.

use super::codec::{Decoded, Field, Input, Malformed, fields, newtypes};
use crate::model::{
    Bound, BoundValue, ChunkId, Column, ColumnDefault, ColumnId, ColumnRemap, ColumnRule, ColumnStatistics, Constraint,
    ConstraintKind, Database, EndMark, EnumLabel, EnumType, Index, IngestId, KeyRange, Layout, LayoutId, Materialized,
    MissingValue, Oid, Openness, OrderColumn, PartitionId, PartitionKey, PgType, Relation, RelationKind, Role, Schema,
    Seq, Sequence, SequenceOwner, SequencePlace, SequenceRule, StoredQuery, Table, TimeUnit, TimestampMicros, View,
    ViewDependency,
};

newtypes!(Oid, Seq, ColumnId, PartitionId, IngestId, TimestampMicros, LayoutId);

fields!(PgType { oid, typmod });
fields!(ChunkId { seq, ordinal });
fields!(Role { oid, name, superuser, login });
fields!(Database { oid, name, owner, comment });
fields!(Schema { oid, database, name, owner, comment, acl });
fields!(Relation { oid, schema, name, owner, comment, acl, version, kind });
fields!(View { row_type, array_type, query, columns });
fields!(StoredQuery { text, search_path, depends_on });
fields!(Materialized { query, is_populated });
fields!(ViewDependency { written, relation, columns });
fields!(Index { table, columns, unique, primary, definition });
fields!(OrderColumn { column, descending, nulls_first });
fields!(Sequence { rule, owner, run, begin });
fields!(SequenceRule { ty, start, increment, min, max, cache, cycle });
fields!(SequenceOwner { table, attnum, is_identity });
fields!(SequencePlace { last, is_called });
fields!(EnumType { labels });
fields!(EnumLabel { oid, name, order });
fields!(ColumnDefault { oid, expression });
fields!(MissingValue { text });
fields!(Constraint { oid, name, kind });
fields!(Layout { id, columns });
fields!(ColumnRemap { in_file, in_table });
fields!(KeyRange { time, bucket, nulls });
fields!(EndMark { seq, at });
fields!(ColumnStatistics { column, nulls, min, max });
fields!(Bound { value, exact });

impl Field for RelationKind {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            RelationKind::Table(table) => match &table.materialized {
                None => tagged(1, table, out),
                Some(materialized) => {
                    tagged(5, table, out);
                    materialized.put(out);
                }
            },
            RelationKind::View(view) => tagged(2, view, out),
            RelationKind::Index(index) => tagged(3, index, out),
            RelationKind::Sequence(sequence) => tagged(4, sequence, out),
            RelationKind::Enum(definition) => tagged(6, definition, out),
        }
    }

    fn take(input: &mut Input<'_>) -> Decoded<Self> {
        match u8::take(input)? {
            1 => Table::take(input).map(RelationKind::Table),
            2 => View::take(input).map(RelationKind::View),
            3 => Index::take(input).map(RelationKind::Index),
            4 => Sequence::take(input).map(RelationKind::Sequence),
            5 => {
                let table = Table::take(input)?;
                Ok(RelationKind::Table(Table { materialized: Some(Box::new(Field::take(input)?)), ..table }))
            }
            6 => EnumType::take(input).map(RelationKind::Enum),
            _ => Err(Malformed("unknown kind of relation")),
        }
    }
}

/// All but what makes it a materialized view, which has a tag of its own.
impl Field for Table {
    fn put(&self, out: &mut Vec<u8>) {
        self.row_type.put(out);
        self.array_type.put(out);
        self.openness.put(out);
        self.partition_key.put(out);
        self.order_key.put(out);
        self.next_column.put(out);
        self.next_attnum.put(out);
        self.options.put(out);
        self.columns.put(out);
        self.constraints.put(out);
    }

    fn take(input: &mut Input<'_>) -> Decoded<Self> {
        Ok(Table {
            row_type: Field::take(input)?,
            array_type: Field::take(input)?,
            openness: Field::take(input)?,
            partition_key: Field::take(input)?,
            order_key: Field::take(input)?,
            next_column: Field::take(input)?,
            next_attnum: Field::take(input)?,
            options: Field::take(input)?,
            columns: Field::take(input)?,
            constraints: Field::take(input)?,
            materialized: None,
        })
    }
}

impl Field for Column {
    fn put(&self, out: &mut Vec<u8>) {
        put_without_rule(self, out);
        self.rule.put(out);
    }

    fn take(input: &mut Input<'_>) -> Decoded<Self> {
        let column = take_without_rule(input)?;
        Ok(Column { rule: Field::take(input)?, ..column })
    }
}

/// All but a column's rule, which rows of the first version lack.
pub(super) fn put_without_rule(column: &Column, out: &mut Vec<u8>) {
    column.id.put(out);
    column.attnum.put(out);
    column.name.put(out);
    column.ty.put(out);
    column.not_null.put(out);
    column.default.put(out);
    column.missing.put(out);
    column.comment.put(out);
}

/// A column as rows of the first version have it.
pub(super) fn take_without_rule(input: &mut Input<'_>) -> Decoded<Column> {
    Ok(Column {
        id: Field::take(input)?,
        attnum: Field::take(input)?,
        name: Field::take(input)?,
        ty: Field::take(input)?,
        not_null: Field::take(input)?,
        default: Field::take(input)?,
        missing: Field::take(input)?,
        comment: Field::take(input)?,
        rule: ColumnRule::Plain,
    })
}

impl Field for ColumnRule {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            ColumnRule::Plain => out.push(1),
            ColumnRule::Identity { sequence, is_always } => tagged(2, &(*sequence, *is_always), out),
            ColumnRule::Generated => out.push(3),
        }
    }

    fn take(input: &mut Input<'_>) -> Decoded<Self> {
        match u8::take(input)? {
            1 => Ok(ColumnRule::Plain),
            2 => Field::take(input).map(|(sequence, is_always)| ColumnRule::Identity { sequence, is_always }),
            3 => Ok(ColumnRule::Generated),
            _ => Err(Malformed("unknown rule of a column")),
        }
    }
}

impl Field for Openness {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(match self {
            Openness::Open => 1,
            Openness::Declared => 2,
        });
    }

    fn take(input: &mut Input<'_>) -> Decoded<Self> {
        match u8::take(input)? {
            1 => Ok(Openness::Open),
            2 => Ok(Openness::Declared),
            _ => Err(Malformed("a table is neither open nor declared")),
        }
    }
}

impl Field for TimeUnit {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(match self {
            TimeUnit::Hour => 1,
            TimeUnit::Day => 2,
            TimeUnit::Month => 3,
        });
    }

    fn take(input: &mut Input<'_>) -> Decoded<Self> {
        match u8::take(input)? {
            1 => Ok(TimeUnit::Hour),
            2 => Ok(TimeUnit::Day),
            3 => Ok(TimeUnit::Month),
            _ => Err(Malformed("unknown unit of time")),
        }
    }
}

impl Field for PartitionKey {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            PartitionKey::None => out.push(1),
            PartitionKey::Time { unit, column } => tagged(2, &(*unit, *column), out),
            PartitionKey::Bucket { buckets, column } => tagged(3, &(*buckets, *column), out),
            PartitionKey::TimeBucket { unit, time, buckets, column } => {
                tagged(4, &((*unit, *time), (*buckets, *column)), out);
            }
        }
    }

    fn take(input: &mut Input<'_>) -> Decoded<Self> {
        match u8::take(input)? {
            1 => Ok(PartitionKey::None),
            2 => Field::take(input).map(|(unit, column)| PartitionKey::Time { unit, column }),
            3 => Field::take(input).map(|(buckets, column)| PartitionKey::Bucket { buckets, column }),
            4 => Field::take(input).map(|((unit, time), (buckets, column))| PartitionKey::TimeBucket {
                unit,
                time,
                buckets,
                column,
            }),
            _ => Err(Malformed("unknown kind of partition key")),
        }
    }
}

impl Field for ConstraintKind {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            ConstraintKind::PrimaryKey { columns, index } => tagged(1, &(columns.clone(), *index), out),
            ConstraintKind::Unique { columns, index } => tagged(2, &(columns.clone(), *index), out),
            ConstraintKind::ForeignKey { columns, table, referenced } => {
                tagged(3, &(columns.clone(), (*table, referenced.clone())), out);
            }
            ConstraintKind::Check { expression } => tagged(4, expression, out),
        }
    }

    fn take(input: &mut Input<'_>) -> Decoded<Self> {
        match u8::take(input)? {
            1 => Field::take(input).map(|(columns, index)| ConstraintKind::PrimaryKey { columns, index }),
            2 => Field::take(input).map(|(columns, index)| ConstraintKind::Unique { columns, index }),
            3 => Field::take(input).map(|(columns, (table, referenced))| ConstraintKind::ForeignKey {
                columns,
                table,
                referenced,
            }),
            4 => Field::take(input).map(|expression| ConstraintKind::Check { expression }),
            _ => Err(Malformed("unknown kind of constraint")),
        }
    }
}

impl Field for BoundValue {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            BoundValue::Int(value) => tagged(1, value, out),
            BoundValue::Float(value) => tagged(2, value, out),
            BoundValue::Decimal { unscaled, scale } => tagged(3, &(*unscaled, *scale), out),
            BoundValue::Bytes(bytes) => tagged(4, bytes, out),
        }
    }

    fn take(input: &mut Input<'_>) -> Decoded<Self> {
        match u8::take(input)? {
            1 => Field::take(input).map(BoundValue::Int),
            2 => Field::take(input).map(BoundValue::Float),
            3 => Field::take(input).map(|(unscaled, scale)| BoundValue::Decimal { unscaled, scale }),
            4 => Field::take(input).map(BoundValue::Bytes),
            _ => Err(Malformed("unknown kind of bound")),
        }
    }
}

fn tagged<T: Field>(tag: u8, value: &T, out: &mut Vec<u8>) {
    out.push(tag);
    value.put(out);
}
