//! Typed values, row by row, into a batch of declared columns.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanBuilder, FixedSizeBinaryArray, Float32Builder, Float64Builder, Int16Builder, Int32Builder,
    Int64Builder, IntervalMonthDayNanoBuilder, ListArray, RecordBatch, RecordBatchOptions, StringViewBuilder,
    TimestampMicrosecondBuilder, UInt32Builder, new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, FieldRef, IntervalMonthDayNano, IntervalUnit, SchemaRef, TimeUnit};
use datafusion::common::{exec_err, internal_err};
use datafusion::error::Result;
use peristyle_catalog::model::{Oid, PgType, TimestampMicros};
use peristyle_storage::packed::Inet;
use peristyle_storage::types::{UTC, arrow_type};

use crate::functions::packed_rows::collect;

const NANOS_PER_MICRO: i64 = 1000;
const INET: PgType = PgType::plain(869);

/// One value of a computed row. Integers stand for every integer type, for oids, for timestamps and for intervals
/// (both in µs).
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Cow<'a, str>),
    Uuid([u8; 16]),
    Address(IpAddr),
    List(Vec<Value<'a>>),
}

/// Rows of a relation under construction.
pub(crate) struct Rows<'a> {
    declared: &'static [(&'static str, PgType)],
    columns: Vec<Vec<Value<'a>>>,
    count: usize,
}

/// Pushes values of some columns; the others are NULL.
pub(crate) struct Named<'r, 'a, const N: usize> {
    rows: &'r mut Rows<'a>,
    positions: [usize; N],
}

impl<'a> Rows<'a> {
    pub(crate) fn new(declared: &'static [(&'static str, PgType)]) -> Self {
        Rows { declared, columns: vec![Vec::new(); declared.len()], count: 0 }
    }

    /// Says which columns the rows that follow give.
    pub(crate) fn named<const N: usize>(&mut self, names: [&str; N]) -> Named<'_, 'a, N> {
        let position = |name| self.declared.iter().position(|column| column.0 == name);
        let positions = names.map(|name| position(name).expect("a relation fills columns that it declares"));
        Named { rows: self, positions }
    }

    /// A row in PostgreSQL's text form, every column of it; `\N` is NULL.
    pub(crate) fn push_text(&mut self, fields: &[&'static str]) {
        for ((column, (_, ty)), field) in self.columns.iter_mut().zip(self.declared).zip(fields) {
            column.push(parse_value(*ty, field));
        }
        self.count += 1;
    }

    pub(crate) fn finish(self, schema: SchemaRef) -> Result<RecordBatch> {
        let arrays = self.columns.into_iter().zip(schema.fields()).map(|(mut values, field)| {
            values.resize(self.count, Value::Null);
            array_of(field.data_type(), &values)
        });
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(self.count));
        Ok(RecordBatch::try_new_with_options(schema.clone(), arrays, &options)?)
    }
}

impl<'a, const N: usize> Named<'_, 'a, N> {
    pub(crate) fn push(&mut self, values: [Value<'a>; N]) {
        for (position, value) in self.positions.into_iter().zip(values) {
            let column = &mut self.rows.columns[position];
            column.resize(self.rows.count, Value::Null);
            column.push(value);
        }
        self.rows.count += 1;
    }
}

/// A list that is NULL rather than empty, as PostgreSQL keeps most of its lists.
pub(crate) fn none_if_empty<'a, T: Into<Value<'a>>>(items: impl IntoIterator<Item = T>) -> Value<'a> {
    let items: Vec<Value<'a>> = items.into_iter().map(Into::into).collect();
    if items.is_empty() { Value::Null } else { Value::List(items) }
}

/// A value in PostgreSQL's text form.
pub(crate) fn parse_value(ty: PgType, text: &'static str) -> Value<'static> {
    if text == r"\N" {
        return Value::Null;
    }
    match arrow_type(ty, None) {
        DataType::Boolean => Value::Bool(text == "t"),
        DataType::Int16 | DataType::Int32 | DataType::Int64 | DataType::UInt32 => {
            Value::Int(text.parse().expect("a fact of an integer type is a number"))
        }
        DataType::Float32 | DataType::Float64 => {
            Value::Float(text.parse().expect("a fact of a float type is a number"))
        }
        _ => Value::Text(Cow::Borrowed(text)),
    }
}

/// Values as an array of that type.
pub(crate) fn array_of(ty: &DataType, values: &[Value<'_>]) -> Result<ArrayRef> {
    if values.iter().all(|value| matches!(value, Value::Null)) {
        return Ok(new_null_array(ty, values.len()));
    }
    match ty {
        DataType::Boolean => build(values, BooleanBuilder::new(), |b, v| b.append_option(v.boolean()), |b| b.finish()),
        DataType::Int16 => build(values, Int16Builder::new(), |b, v| b.append_option(v.integer()), |b| b.finish()),
        DataType::Int32 => build(values, Int32Builder::new(), |b, v| b.append_option(v.integer()), |b| b.finish()),
        DataType::Int64 => build(values, Int64Builder::new(), |b, v| b.append_option(v.integer()), |b| b.finish()),
        DataType::UInt32 => build(values, UInt32Builder::new(), |b, v| b.append_option(v.integer()), |b| b.finish()),
        DataType::Float32 => {
            build(values, Float32Builder::new(), |b, v| b.append_option(v.float().map(|f| f as f32)), |b| b.finish())
        }
        DataType::Float64 => build(values, Float64Builder::new(), |b, v| b.append_option(v.float()), |b| b.finish()),
        DataType::Utf8View => build(values, StringViewBuilder::new(), |b, v| b.append_option(v.text()), |b| b.finish()),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let builder = TimestampMicrosecondBuilder::new().with_timezone_opt(zone.as_ref().map(|_| UTC));
            build(values, builder, |b, v| b.append_option(v.integer()), |b| b.finish())
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let interval =
                |micros: i64| IntervalMonthDayNano { months: 0, days: 0, nanoseconds: micros * NANOS_PER_MICRO };
            let append =
                |b: &mut IntervalMonthDayNanoBuilder, v: &Value<'_>| b.append_option(v.integer().map(interval));
            build(values, IntervalMonthDayNanoBuilder::new(), append, |b| b.finish())
        }
        DataType::FixedSizeBinary(16) => {
            let uuids = values.iter().map(Value::uuid);
            Ok(Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(uuids, 16)?))
        }
        ty if *ty == arrow_type(INET, None) => Ok(collect(values.iter().map(Value::address).collect())),
        DataType::List(item) => list_of(item, values),
        other => internal_err!("no computed relation has values of type {other}"),
    }
}

fn build<B, A: Array + 'static>(
    values: &[Value<'_>],
    mut builder: B,
    append: impl Fn(&mut B, &Value<'_>),
    finish: impl Fn(&mut B) -> A,
) -> Result<ArrayRef> {
    values.iter().for_each(|value| append(&mut builder, value));
    let array = finish(&mut builder);
    let given = values.iter().filter(|value| !matches!(value, Value::Null)).count();
    if array.len() - array.null_count() != given {
        return exec_err!("a computed value is out of range for type {}", array.data_type());
    }
    Ok(Arc::new(array))
}

fn list_of(item: &FieldRef, values: &[Value<'_>]) -> Result<ArrayRef> {
    let items = |value: &Value<'_>| match value {
        Value::List(items) => items.len(),
        _ => 0,
    };
    let offsets = OffsetBuffer::from_lengths(values.iter().map(items));
    let nulls: NullBuffer = values.iter().map(|value| matches!(value, Value::List(_))).collect();
    let flat: Vec<Value<'_>> = values.iter().flat_map(Value::items).cloned().collect();
    let child = array_of(item.data_type(), &flat)?;
    Ok(Arc::new(ListArray::try_new(item.clone(), offsets, child, Some(nulls))?))
}

impl<'a> Value<'a> {
    /// Text that is borrowed or owned.
    pub(crate) fn text_of(text: impl Into<Cow<'a, str>>) -> Self {
        Value::Text(text.into())
    }

    fn boolean(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    fn integer<T: TryFrom<i64>>(&self) -> Option<T> {
        match self {
            Value::Int(value) => T::try_from(*value).ok(),
            _ => None,
        }
    }

    fn float(&self) -> Option<f64> {
        match self {
            Value::Float(value) => Some(*value),
            _ => None,
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Value::Text(value) => Some(value),
            _ => None,
        }
    }

    fn uuid(&self) -> Option<[u8; 16]> {
        match self {
            Value::Uuid(bytes) => Some(*bytes),
            _ => None,
        }
    }

    fn address(&self) -> Option<Inet> {
        match self {
            Value::Address(address) => Some((*address).into()),
            _ => None,
        }
    }

    fn items(&self) -> &[Value<'a>] {
        match self {
            Value::List(items) => items,
            _ => &[],
        }
    }
}

macro_rules! from_integer {
    ($($ty:ty),*) => {
        $(impl From<$ty> for Value<'_> {
            fn from(value: $ty) -> Self {
                Value::Int(i64::from(value))
            }
        })*
    };
}

from_integer!(i16, i32, i64, u8, u32);

impl From<u64> for Value<'_> {
    fn from(value: u64) -> Self {
        Value::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Value<'_> {
    fn from(value: usize) -> Self {
        Value::from(value as u64)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<f64> for Value<'_> {
    fn from(value: f64) -> Self {
        Value::Float(value)
    }
}

impl From<Oid> for Value<'_> {
    fn from(value: Oid) -> Self {
        Value::from(value.0)
    }
}

impl From<TimestampMicros> for Value<'_> {
    fn from(value: TimestampMicros) -> Self {
        Value::Int(value.0)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Value::Text(Cow::Borrowed(value))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Value::Text(Cow::Borrowed(value))
    }
}

impl From<String> for Value<'_> {
    fn from(value: String) -> Self {
        Value::Text(Cow::Owned(value))
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

impl<'a, T: Into<Value<'a>>> From<Vec<T>> for Value<'a> {
    fn from(values: Vec<T>) -> Self {
        Value::List(values.into_iter().map(Into::into).collect())
    }
}
