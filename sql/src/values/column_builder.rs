//! Building Arrow arrays from values in text or binary form.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryViewBuilder, BooleanBuilder, FixedSizeBinaryBuilder, LargeBinaryBuilder, NullArray,
    PrimitiveBuilder, StringViewBuilder,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType, UInt32Type,
};
use peristyle_catalog::model::{PgType, TypeKind};
use peristyle_storage::packed;
use peristyle_storage::shape::{Shape, is_shaped, item_of_array};
use peristyle_storage::types::{UTC, arrow_type};

use super::array_builder::ArrayBuilder;
use super::binary_input::parse_binary;
use super::cell::{Cell, no_input, parse_scalar, parse_text, stored_text};
use super::decimal::Decimal;
use super::number_text::parse_plain;
use super::open_numeric::OpenNumeric;
use super::style::InputStyle;
use crate::error::{Result, SqlError};

/// Room that a column of fixed width begins with: single rows are many, and others grow soon enough.
const VALUES_MIN: usize = 1;

/// Digits that a Decimal128 column may have for the short way of parsing to be safe.
const PLAIN_DIGITS_MIN: u8 = 18;

/// Collects one column's values. A push that fails appends nothing.
pub struct ColumnBuilder {
    ty: PgType,
    kind: TypeKind,
    wanted: DataType,
    style: InputStyle,
    sink: Sink,
}

enum Sink {
    Bool(BooleanBuilder),
    Int2(PrimitiveBuilder<Int16Type>),
    Int4(PrimitiveBuilder<Int32Type>),
    Int8(PrimitiveBuilder<Int64Type>),
    Oid(PrimitiveBuilder<UInt32Type>),
    Float4(PrimitiveBuilder<Float32Type>),
    Float8(PrimitiveBuilder<Float64Type>),
    Decimal128(PrimitiveBuilder<Decimal128Type>, u8, i8),
    Decimal256(PrimitiveBuilder<Decimal256Type>, u8, i8),
    OpenNumeric(OpenNumeric),
    Text(StringViewBuilder),
    Bytea(BinaryViewBuilder),
    Date(PrimitiveBuilder<Date32Type>),
    Time(PrimitiveBuilder<Time64MicrosecondType>),
    Timestamp(PrimitiveBuilder<TimestampMicrosecondType>),
    Interval(PrimitiveBuilder<IntervalMonthDayNanoType>),
    Uuid(FixedSizeBinaryBuilder),
    Packed(FixedSizeBinaryBuilder),
    Bits(LargeBinaryBuilder),
    Array(ArrayBuilder),
    Void(usize),
}

impl ColumnBuilder {
    /// A builder for a column of that type. `arrow` is what [`Self::finish`] gives; a bare numeric's array keeps its
    /// precision and scale only if all values fit, and gets more digits otherwise; arrays are lists only if all values are
    /// some, and shaped otherwise. 0A000 for a type without input.
    pub fn new(ty: PgType, arrow: DataType, style: InputStyle) -> Result<ColumnBuilder> {
        let kind = ty.kind().ok_or_else(|| no_input(ty))?;
        let sink = match ty.item() {
            Some(element) => {
                let items = ColumnBuilder::new(element, item_type(&arrow, element), style.clone())?;
                Sink::Array(ArrayBuilder::new(items, is_shaped(&arrow)))
            }
            None => Sink::for_kind(kind, ty, &arrow)?,
        };
        Ok(ColumnBuilder { ty, kind, wanted: arrow, style, sink })
    }

    /// The type that was asked for.
    pub fn pg_type(&self) -> PgType {
        self.ty
    }

    /// How text is read.
    pub fn style(&self) -> &InputStyle {
        &self.style
    }

    /// Number of values so far.
    pub fn len(&self) -> usize {
        self.sink.len()
    }

    /// Whether there are no values yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends a value from its text form.
    pub fn push_text(&mut self, text: &str) -> Result<()> {
        match &mut self.sink {
            // Text and short numbers go without a detour over a `Cell`.
            Sink::Text(builder) if self.kind != TypeKind::Jsonb => {
                check_label(self.kind, self.ty, text, &self.style)?;
                builder.append_value(stored_text(self.kind, self.ty, text)?);
                Ok(())
            }
            Sink::Decimal128(builder, precision, scale) if *precision >= PLAIN_DIGITS_MIN && *scale >= 0 => {
                match parse_plain(text.as_bytes(), scale.unsigned_abs().into()) {
                    Some(value) => builder.append_value(value.into()),
                    None => return self.push_parsed(text),
                }
                Ok(())
            }
            Sink::Decimal128(builder, precision, scale) if *scale >= 0 => {
                let limit = 10_i64.pow(u32::from(*precision));
                let short = parse_plain(text.as_bytes(), scale.unsigned_abs().into());
                match short.filter(|value| value.abs() < limit) {
                    Some(value) => builder.append_value(value.into()),
                    None => return self.push_parsed(text),
                }
                Ok(())
            }
            _ => self.push_parsed(text),
        }
    }

    fn push_parsed(&mut self, text: &str) -> Result<()> {
        let cell = match self.sink {
            Sink::Array(_) => parse_text(self.ty, text, &self.style)?,
            // The kind is known: looking it up for each value takes longer than many a value.
            _ => parse_scalar(self.kind, self.ty, text, &self.style)?,
        };
        self.push_cell(cell)
    }

    /// Appends a value from its binary form.
    pub fn push_binary(&mut self, bytes: &[u8]) -> Result<()> {
        self.push_cell(parse_binary(self.ty, bytes, self.style.charset)?)
    }

    /// Appends NULL.
    pub fn push_null(&mut self) {
        self.sink.push_null();
    }

    /// Appends a parsed value of this column's type; XX000 if it is of another.
    pub fn push_cell(&mut self, cell: Cell) -> Result<()> {
        match (&mut self.sink, cell) {
            (sink, Cell::Null) => sink.push_null(),
            (Sink::Bool(builder), Cell::Bool(value)) => builder.append_value(value),
            (Sink::Int2(builder), Cell::Int2(value)) => builder.append_value(value),
            (Sink::Int4(builder), Cell::Int4(value)) => builder.append_value(value),
            (Sink::Int8(builder), Cell::Int8(value)) => builder.append_value(value),
            (Sink::Oid(builder), Cell::Oid(value)) => builder.append_value(value),
            (Sink::Float4(builder), Cell::Float4(value)) => builder.append_value(value),
            (Sink::Float8(builder), Cell::Float8(value)) => builder.append_value(value),
            (Sink::Decimal128(builder, precision, scale), Cell::Numeric(value)) => {
                builder.append_value(narrow(value.fit(*precision, *scale)?));
            }
            (Sink::Decimal256(builder, precision, scale), Cell::Numeric(value)) => {
                builder.append_value(value.fit(*precision, *scale)?.unscaled);
            }
            (Sink::OpenNumeric(numbers), Cell::Numeric(value)) => numbers.push(value),
            (Sink::Text(builder), Cell::Text(value)) => {
                check_label(self.kind, self.ty, &value, &self.style)?;
                builder.append_value(value);
            }
            (Sink::Bytea(builder), Cell::Bytea(value)) => builder.append_value(value),
            (Sink::Date(builder), Cell::Date(value)) => builder.append_value(value),
            (Sink::Time(builder), Cell::Time(value)) => builder.append_value(value),
            (Sink::Timestamp(builder), Cell::Timestamp(value)) => builder.append_value(value),
            (Sink::Interval(builder), Cell::Interval(value)) => builder.append_value(value.to_arrow()?),
            (Sink::Uuid(builder), Cell::Uuid(value)) => {
                builder.append_value(value).map_err(|error| SqlError::internal(error.to_string()))?;
            }
            (Sink::Packed(builder), Cell::Packed(value)) => {
                builder.append_value(value).map_err(|error| SqlError::internal(error.to_string()))?;
            }
            (Sink::Bits(builder), Cell::Packed(value)) => builder.append_value(value),
            (Sink::Array(arrays), Cell::Array(cells)) => return arrays.push(&Shape::of_list(cells.len()), cells),
            (Sink::Array(arrays), Cell::Shaped(shape, cells)) => return arrays.push(&shape, cells),
            (_, cell) => return Err(mismatch(self.ty, &cell)),
        }
        Ok(())
    }

    /// An error if one of the cells cannot be pushed.
    pub(super) fn check_cells(&self, cells: &[Cell]) -> Result<()> {
        for cell in cells {
            match cell {
                Cell::Interval(value) => drop(value.to_arrow()?),
                Cell::Numeric(value) => drop(value.with_modifier(self.ty)?),
                Cell::Text(value) => check_label(self.kind, self.ty, value, &self.style)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// The array of all values. 22003 if a bare numeric's values need more than 76 digits together.
    pub fn finish(self) -> Result<ArrayRef> {
        let is_open = match &self.sink {
            Sink::OpenNumeric(_) => true,
            Sink::Array(arrays) => arrays.is_shaped() || self.ty.element() == Some(PgType::NUMERIC),
            _ => false,
        };
        let array = self.sink.finish(self.ty)?;
        if is_open || *array.data_type() == self.wanted {
            return Ok(array);
        }
        let options = CastOptions { safe: false, ..CastOptions::default() };
        cast_with_options(&array, &self.wanted, &options).map_err(|error| SqlError::internal(error.to_string()))
    }
}

/// 22P02 for a text that is no label of an enum type.
fn check_label(kind: TypeKind, ty: PgType, text: &str, style: &InputStyle) -> Result<()> {
    match &style.enums {
        Some(enums) if kind == TypeKind::Enum => enums.check(ty, text),
        _ => Ok(()),
    }
}

#[cold]
fn mismatch(ty: PgType, cell: &Cell) -> SqlError {
    SqlError::internal(format!("a column of type {} cannot take {cell:?}", super::names::type_name(ty)))
}

fn narrow(value: Decimal) -> i128 {
    value.unscaled.to_i128().expect("at most 38 digits were let through")
}

fn item_type(list: &DataType, element: PgType) -> DataType {
    item_of_array(list).map_or_else(|| arrow_type(element, None), |item| item.data_type().clone())
}

impl Sink {
    fn for_kind(kind: TypeKind, ty: PgType, wanted: &DataType) -> Result<Sink> {
        Ok(match kind {
            TypeKind::Bool => Sink::Bool(BooleanBuilder::new()),
            TypeKind::Int2 => Sink::Int2(PrimitiveBuilder::with_capacity(VALUES_MIN)),
            TypeKind::Int4 => Sink::Int4(PrimitiveBuilder::with_capacity(VALUES_MIN)),
            TypeKind::Int8 => Sink::Int8(PrimitiveBuilder::with_capacity(VALUES_MIN)),
            TypeKind::Oid
            | TypeKind::Xid
            | TypeKind::Regclass
            | TypeKind::Regtype
            | TypeKind::Regproc
            | TypeKind::Regprocedure
            | TypeKind::Regnamespace
            | TypeKind::Regrole => Sink::Oid(PrimitiveBuilder::with_capacity(VALUES_MIN)),
            TypeKind::Float4 => Sink::Float4(PrimitiveBuilder::with_capacity(VALUES_MIN)),
            TypeKind::Float8 => Sink::Float8(PrimitiveBuilder::with_capacity(VALUES_MIN)),
            TypeKind::Numeric => Sink::for_numeric(ty, wanted),
            TypeKind::Bytea => Sink::Bytea(BinaryViewBuilder::new()),
            TypeKind::Date => Sink::Date(PrimitiveBuilder::with_capacity(VALUES_MIN)),
            TypeKind::Time => Sink::Time(PrimitiveBuilder::with_capacity(VALUES_MIN)),
            TypeKind::Timestamp => Sink::Timestamp(PrimitiveBuilder::with_capacity(VALUES_MIN)),
            TypeKind::Timestamptz => Sink::Timestamp(PrimitiveBuilder::with_capacity(VALUES_MIN).with_timezone(UTC)),
            TypeKind::Interval => Sink::Interval(PrimitiveBuilder::with_capacity(VALUES_MIN)),
            TypeKind::Uuid => Sink::Uuid(FixedSizeBinaryBuilder::new(16)),
            peristyle_catalog::bit_kinds!() => Sink::Bits(LargeBinaryBuilder::new()),
            peristyle_catalog::packed_kinds!() => {
                let width = packed::width(kind).ok_or_else(|| no_input(ty))?;
                Sink::Packed(FixedSizeBinaryBuilder::new(width))
            }
            TypeKind::Void => Sink::Void(0),
            TypeKind::Unknown
            | TypeKind::Text
            | TypeKind::Varchar
            | TypeKind::Bpchar
            | TypeKind::Char
            | TypeKind::Name
            | TypeKind::Json
            | TypeKind::Jsonb
            | TypeKind::AclItem
            | TypeKind::Enum => Sink::Text(StringViewBuilder::new()),
            TypeKind::Int2Vector
            | TypeKind::OidVector
            | TypeKind::PgNodeTree
            | TypeKind::Record
            | TypeKind::AnyArray => return Err(no_input(ty)),
        })
    }

    fn for_numeric(ty: PgType, wanted: &DataType) -> Sink {
        let Some((precision, scale)) = ty.numeric_precision_scale() else {
            return Sink::OpenNumeric(OpenNumeric::new(wanted));
        };
        match arrow_type(ty, None) {
            arrow @ DataType::Decimal128(..) => {
                let builder = PrimitiveBuilder::with_capacity(VALUES_MIN).with_data_type(arrow);
                Sink::Decimal128(builder, precision, scale)
            }
            arrow @ DataType::Decimal256(..) => {
                let builder = PrimitiveBuilder::with_capacity(VALUES_MIN).with_data_type(arrow);
                Sink::Decimal256(builder, precision, scale)
            }
            _ => Sink::OpenNumeric(OpenNumeric::new(wanted)),
        }
    }

    fn push_null(&mut self) {
        match self {
            Sink::Bool(builder) => builder.append_null(),
            Sink::Int2(builder) => builder.append_null(),
            Sink::Int4(builder) => builder.append_null(),
            Sink::Int8(builder) => builder.append_null(),
            Sink::Oid(builder) => builder.append_null(),
            Sink::Float4(builder) => builder.append_null(),
            Sink::Float8(builder) => builder.append_null(),
            Sink::Decimal128(builder, ..) => builder.append_null(),
            Sink::Decimal256(builder, ..) => builder.append_null(),
            Sink::OpenNumeric(numbers) => numbers.push_null(),
            Sink::Text(builder) => builder.append_null(),
            Sink::Bytea(builder) => builder.append_null(),
            Sink::Date(builder) => builder.append_null(),
            Sink::Time(builder) => builder.append_null(),
            Sink::Timestamp(builder) => builder.append_null(),
            Sink::Interval(builder) => builder.append_null(),
            Sink::Uuid(builder) | Sink::Packed(builder) => builder.append_null(),
            Sink::Bits(builder) => builder.append_null(),
            Sink::Array(arrays) => arrays.push_null(),
            Sink::Void(count) => *count += 1,
        }
    }

    fn len(&self) -> usize {
        use arrow::array::ArrayBuilder;
        match self {
            Sink::Bool(builder) => builder.len(),
            Sink::Int2(builder) => builder.len(),
            Sink::Int4(builder) => builder.len(),
            Sink::Int8(builder) => builder.len(),
            Sink::Oid(builder) => builder.len(),
            Sink::Float4(builder) => builder.len(),
            Sink::Float8(builder) => builder.len(),
            Sink::Decimal128(builder, ..) => builder.len(),
            Sink::Decimal256(builder, ..) => builder.len(),
            Sink::OpenNumeric(numbers) => numbers.len(),
            Sink::Text(builder) => builder.len(),
            Sink::Bytea(builder) => builder.len(),
            Sink::Date(builder) => builder.len(),
            Sink::Time(builder) => builder.len(),
            Sink::Timestamp(builder) => builder.len(),
            Sink::Interval(builder) => builder.len(),
            Sink::Uuid(builder) | Sink::Packed(builder) => builder.len(),
            Sink::Bits(builder) => builder.len(),
            Sink::Array(arrays) => arrays.len(),
            Sink::Void(count) => *count,
        }
    }

    fn finish(self, ty: PgType) -> Result<ArrayRef> {
        Ok(match self {
            Sink::Bool(mut builder) => Arc::new(builder.finish()),
            Sink::Int2(mut builder) => Arc::new(builder.finish()),
            Sink::Int4(mut builder) => Arc::new(builder.finish()),
            Sink::Int8(mut builder) => Arc::new(builder.finish()),
            Sink::Oid(mut builder) => Arc::new(builder.finish()),
            Sink::Float4(mut builder) => Arc::new(builder.finish()),
            Sink::Float8(mut builder) => Arc::new(builder.finish()),
            Sink::Decimal128(mut builder, ..) => Arc::new(builder.finish()),
            Sink::Decimal256(mut builder, ..) => Arc::new(builder.finish()),
            Sink::OpenNumeric(numbers) => numbers.finish()?,
            Sink::Text(mut builder) => Arc::new(builder.finish()),
            Sink::Bytea(mut builder) => Arc::new(builder.finish()),
            Sink::Date(mut builder) => Arc::new(builder.finish()),
            Sink::Time(mut builder) => Arc::new(builder.finish()),
            Sink::Timestamp(mut builder) => Arc::new(builder.finish()),
            Sink::Interval(mut builder) => Arc::new(builder.finish()),
            Sink::Uuid(mut builder) | Sink::Packed(mut builder) => Arc::new(builder.finish()),
            Sink::Bits(mut builder) => Arc::new(builder.finish()),
            Sink::Array(arrays) => arrays.finish(ty)?,
            Sink::Void(count) => Arc::new(NullArray::new(count)),
        })
    }
}
