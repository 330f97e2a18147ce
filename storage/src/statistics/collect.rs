use std::cmp::Ordering;

use arrow::array::types::{
    ByteViewType, Date32Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, Time64MicrosecondType,
    TimestampMicrosecondType, UInt32Type,
};
use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, GenericByteViewArray, MAX_INLINE_VIEW_LEN};
use arrow::compute::{max, min};
use arrow::datatypes::{DataType, TimeUnit};
use peristyle_catalog::model::{BOUND_BYTES_MAX, Bound, BoundValue, ColumnId, ColumnStatistics, PgType};

use super::decimals::DecimalExtremes;
use super::has_bounds;

/// Gathers the statistics of one column over the batches of one file.
#[derive(Debug)]
pub struct Collector {
    column: ColumnId,
    nulls: u64,
    has_bounds: bool,
    is_text: bool,
    extremes: Extremes,
}

/// Least and greatest value so far, in the type's physical form.
#[derive(Debug, Default)]
enum Extremes {
    #[default]
    None,
    Int(i64, i64),
    Float(f64, f64),
    Decimal(DecimalExtremes),
    Bytes(Vec<u8>, Vec<u8>),
    /// A NaN was written, or a value does not fit a bound: nothing is known from here on.
    Unknown,
}

impl Collector {
    /// A collector for a column that is stored in that type.
    pub fn new(column: ColumnId, stored: PgType) -> Collector {
        let is_text = matches!(types_arrow(stored), DataType::Utf8View);
        Collector { column, nulls: 0, has_bounds: has_bounds(stored), is_text, extremes: Extremes::None }
    }

    /// Takes the values of a batch, which have the stored type's Arrow type.
    pub fn add(&mut self, values: &ArrayRef) {
        self.nulls += values.null_count() as u64;
        match values.data_type() {
            _ if self.has_bounds => self.observe(values),
            // Arrays have no bounds, but how many digits their numerics need is worth knowing.
            DataType::List(item) if item.data_type().is_decimal() => self.observe(values.as_list::<i32>().values()),
            _ => {}
        }
    }

    fn observe(&mut self, values: &ArrayRef) {
        if values.null_count() < values.len() {
            let found = extremes_of(values);
            let before = std::mem::take(&mut self.extremes);
            self.extremes = before.join(found);
        }
    }

    /// What is known of the column's decimals, or of those in its arrays.
    pub(crate) fn decimals(&self) -> Option<DecimalExtremes> {
        match self.extremes {
            Extremes::Decimal(decimals) => Some(decimals),
            _ => None,
        }
    }

    /// What is known of all values.
    pub fn finish(self) -> ColumnStatistics {
        let extremes = if self.has_bounds { self.extremes } else { Extremes::None };
        let (min, max) = extremes.into_bounds(self.is_text);
        ColumnStatistics { column: self.column, nulls: self.nulls, min, max }
    }
}

fn types_arrow(ty: PgType) -> DataType {
    crate::types::arrow_type(ty, None)
}

impl Extremes {
    fn join(self, other: Extremes) -> Extremes {
        match (self, other) {
            (Extremes::None, any) | (any, Extremes::None) => any,
            (Extremes::Int(a, b), Extremes::Int(c, d)) => Extremes::Int(a.min(c), b.max(d)),
            (Extremes::Float(a, b), Extremes::Float(c, d)) => Extremes::Float(a.min(c), b.max(d)),
            (Extremes::Decimal(a), Extremes::Decimal(b)) => a.join(b).map_or(Extremes::Unknown, Extremes::Decimal),
            (Extremes::Bytes(a, b), Extremes::Bytes(c, d)) => Extremes::Bytes(a.min(c), b.max(d)),
            _ => Extremes::Unknown,
        }
    }

    fn into_bounds(self, is_text: bool) -> (Option<Bound>, Option<Bound>) {
        match self {
            Extremes::None | Extremes::Unknown => (None, None),
            Extremes::Int(low, high) => exact(BoundValue::Int(low), BoundValue::Int(high)),
            Extremes::Float(low, high) => exact(BoundValue::Float(low + 0.0), BoundValue::Float(high + 0.0)),
            Extremes::Decimal(decimals) => decimals.bounds(),
            Extremes::Bytes(low, high) => (Some(cut_below(low, is_text)), cut_above(high, is_text)),
        }
    }
}

fn exact(low: BoundValue, high: BoundValue) -> (Option<Bound>, Option<Bound>) {
    (Some(Bound { value: low, exact: true }), Some(Bound { value: high, exact: true }))
}

/// Where to cut so that text stays text.
fn cut_at(bytes: &[u8], is_text: bool) -> usize {
    let mut at = BOUND_BYTES_MAX;
    // A byte of the form 10xxxxxx continues a character.
    while is_text && at > 0 && bytes[at] & 0xC0 == 0x80 {
        at -= 1;
    }
    at
}

fn cut_below(mut low: Vec<u8>, is_text: bool) -> Bound {
    let exact = low.len() <= BOUND_BYTES_MAX;
    if !exact {
        low.truncate(cut_at(&low, is_text));
    }
    Bound { value: BoundValue::Bytes(low), exact }
}

/// Cut, the greatest value is incremented, so that it is still above; `None` where nothing of that length is.
fn cut_above(mut high: Vec<u8>, is_text: bool) -> Option<Bound> {
    if high.len() <= BOUND_BYTES_MAX {
        return Some(Bound { value: BoundValue::Bytes(high), exact: true });
    }
    high.truncate(cut_at(&high, is_text));
    let above = if is_text { next_text(&high)? } else { next_bytes(high)? };
    Some(Bound { value: BoundValue::Bytes(above), exact: false })
}

fn next_bytes(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    while let Some(last) = bytes.pop() {
        if last < u8::MAX {
            bytes.push(last + 1);
            return Some(bytes);
        }
    }
    None
}

/// The text with its last character that can be replaced by the next one; not longer than before.
fn next_text(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok()?;
    for (at, character) in text.char_indices().rev() {
        let next = match character {
            // The surrogates between are no characters.
            '\u{D7FF}' => Some('\u{E000}'),
            other => char::from_u32(other as u32 + 1),
        };
        if let Some(next) = next.filter(|next| at + next.len_utf8() <= BOUND_BYTES_MAX) {
            let mut above = text[..at].to_owned();
            above.push(next);
            return Some(above.into_bytes());
        }
    }
    None
}

fn extremes_of(values: &ArrayRef) -> Extremes {
    match values.data_type() {
        DataType::Boolean => {
            let values = values.as_boolean();
            let low = arrow::compute::min_boolean(values).map(i64::from);
            int(low, arrow::compute::max_boolean(values).map(i64::from))
        }
        DataType::Int16 => int_of::<Int16Type>(values),
        DataType::Int32 => int_of::<Int32Type>(values),
        DataType::Int64 => int_of::<Int64Type>(values),
        DataType::UInt32 => int_of::<UInt32Type>(values),
        DataType::Date32 => int_of::<Date32Type>(values),
        DataType::Time64(TimeUnit::Microsecond) => int_of::<Time64MicrosecondType>(values),
        DataType::Timestamp(TimeUnit::Microsecond, _) => int_of::<TimestampMicrosecondType>(values),
        DataType::Float32 => floats(values.as_primitive::<Float32Type>().iter().flatten().map(f64::from)),
        DataType::Float64 => floats(values.as_primitive::<Float64Type>().iter().flatten()),
        DataType::Decimal128(..) | DataType::Decimal256(..) => {
            DecimalExtremes::of(values).map_or(Extremes::None, Extremes::Decimal)
        }
        DataType::Utf8View => views(values.as_string_view()),
        DataType::BinaryView => views(values.as_binary_view()),
        DataType::FixedSizeBinary(_) => bytes(values.as_fixed_size_binary().iter().flatten()),
        DataType::LargeBinary => bytes(values.as_binary::<i64>().iter().flatten()),
        _ => Extremes::Unknown,
    }
}

fn int_of<T: ArrowPrimitiveType>(values: &ArrayRef) -> Extremes
where
    T::Native: Into<i64>,
{
    let values = values.as_primitive::<T>();
    int(min(values).map(Into::into), max(values).map(Into::into))
}

fn int(low: Option<i64>, high: Option<i64>) -> Extremes {
    match (low, high) {
        (Some(low), Some(high)) => Extremes::Int(low, high),
        _ => Extremes::None,
    }
}

/// NaN is above all numbers, which no float bound can say.
fn floats(values: impl Iterator<Item = f64>) -> Extremes {
    let (mut low, mut high, mut has_nan) = (f64::INFINITY, f64::NEG_INFINITY, false);
    for value in values {
        has_nan |= value.is_nan();
        low = low.min(value);
        high = high.max(value);
    }
    if has_nan { Extremes::Unknown } else { Extremes::Float(low, high) }
}

fn views<T: ByteViewType>(values: &GenericByteViewArray<T>) -> Extremes {
    match values.nulls() {
        None => extreme_views(values, 0..values.len()),
        Some(nulls) => extreme_views(values, nulls.valid_indices()),
    }
}

fn extreme_views<T: ByteViewType>(values: &GenericByteViewArray<T>, mut rows: impl Iterator<Item = usize>) -> Extremes {
    let Some(first) = rows.next() else { return Extremes::None };
    let (mut low, mut high) = (first, first);
    for row in rows {
        if is_below(values, row, low) {
            low = row;
        } else if is_below(values, high, row) {
            high = row;
        }
    }
    let bytes = |row| AsRef::<[u8]>::as_ref(values.value(row)).to_vec();
    Extremes::Bytes(bytes(low), bytes(high))
}

/// Compares what the views hold themselves; the values behind them only where that is equal and not all.
fn is_below<T: ByteViewType>(values: &GenericByteViewArray<T>, a: usize, b: usize) -> bool {
    let (x, y) = (values.views()[a], values.views()[b]);
    // A view is the length, then the first four bytes, zeros after the end; up to twelve bytes it is the whole value.
    let first_bytes = |view: u128| ((view >> 32) as u32).swap_bytes();
    let is_whole = |view: u128| view as u32 <= MAX_INLINE_VIEW_LEN;
    match first_bytes(x).cmp(&first_bytes(y)) {
        Ordering::Equal if is_whole(x) && is_whole(y) => {
            GenericByteViewArray::<T>::inline_key_fast(x) < GenericByteViewArray::<T>::inline_key_fast(y)
        }
        Ordering::Equal => AsRef::<[u8]>::as_ref(values.value(a)) < AsRef::<[u8]>::as_ref(values.value(b)),
        order => order == Ordering::Less,
    }
}

fn bytes<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Extremes {
    let Some(first) = values.next() else { return Extremes::None };
    let (mut low, mut high) = (first, first);
    for value in values {
        if value < low {
            low = value;
        } else if value > high {
            high = value;
        }
    }
    Extremes::Bytes(low.to_vec(), high.to_vec())
}
