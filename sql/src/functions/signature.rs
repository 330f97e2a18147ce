//! Overload resolution: which of a function's signatures PostgreSQL would choose for these argument types, and the
//! Arrow types that the arguments are cast to.
//!
//! The planner gives a string literal the type Utf8 and everything else of type text Utf8View, so Utf8 stands for
//! PostgreSQL's `unknown` here.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, IntervalUnit, TimeUnit};
use datafusion::common::Result;
use datafusion::logical_expr::type_coercion::functions::{UDFCoercionExt, fields_with_udf};
use peristyle_catalog::model::{PgType, TypeKind};
use peristyle_storage::packed;
use peristyle_storage::shape::item_of_array;
use peristyle_storage::types::{
    DECIMAL256_PRECISION_MAX, OPEN_DECIMAL, UTC, decimal_type, marked_pg_type, pg_type_of_arrow,
};

use super::decimal::decimal_parts;

use crate::values::type_name;

/// A parameter's type, as functions declare it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ty {
    /// Takes any type as it is; an unknown literal becomes text.
    Any,
    /// Takes any type as it is, an unknown literal too.
    Unchanged,
    /// Takes any array, as the list of its items.
    AnyArray,
    /// Takes any array as it lies: a list, or with its dimensions and lower bounds.
    ShapedArray,
    Bool,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    /// Any decimal, as it is.
    Numeric,
    /// text, varchar, char(n), name, json, jsonb: all that is Utf8View.
    Text,
    TextArray,
    Bytea,
    Date,
    Time,
    Timestamp,
    Timestamptz,
    Interval,
    /// A type that is stored packed.
    Packed(TypeKind),
}

/// Digits of the greatest amount of money, and how many of them are cents.
const MONEY_DIGITS: u8 = 19;
const CENTS_SCALE: i8 = 2;

/// Cost of a cast that PostgreSQL would not do implicitly, which is allowed because integer literals lose their
/// width before functions see them.
const NARROWING_COST: u32 = 100;

impl Ty {
    /// What it costs to pass an argument of that type; `None` if it cannot be passed.
    pub(crate) fn cost(self, argument: &DataType) -> Option<u32> {
        if is_unknown(argument) {
            return Some(match self {
                Ty::Text | Ty::Any | Ty::Unchanged => 1,
                // The preferred types of their families.
                Ty::Float8 | Ty::Timestamptz | Ty::Bool | Ty::Interval => 2,
                _ => 3,
            });
        }
        match self {
            Ty::Any | Ty::Unchanged => Some(3),
            Ty::AnyArray | Ty::ShapedArray => item_of_array(argument).map(|_| 0),
            Ty::TextArray => is_text_list(argument).then_some(0),
            Ty::Numeric => numeric_cost(argument),
            Ty::Int2 | Ty::Int4 | Ty::Int8 => self.integer_cost(argument),
            Ty::Float4 | Ty::Float8 => self.float_cost(argument),
            Ty::Text => is_string(argument).then_some(0),
            Ty::Bytea => is_bytes(argument).then_some(0),
            Ty::Timestamp | Ty::Timestamptz => self.timestamp_cost(argument),
            Ty::Interval => matches!(argument, DataType::Interval(_) | DataType::Duration(_)).then_some(0),
            Ty::Packed(kind) => packed_cost(kind, argument),
            Ty::Bool | Ty::Date | Ty::Time => (self.arrow(argument) == *argument).then_some(0),
        }
    }

    fn integer_cost(self, argument: &DataType) -> Option<u32> {
        let width = integer_bytes(argument)?;
        let wanted = match self {
            Ty::Int2 => 2,
            Ty::Int4 => 4,
            _ => 8,
        };
        match width.cmp(&wanted) {
            std::cmp::Ordering::Equal => Some(u32::from(!is_signed(argument))),
            std::cmp::Ordering::Less => Some(1),
            std::cmp::Ordering::Greater => Some(NARROWING_COST),
        }
    }

    fn float_cost(self, argument: &DataType) -> Option<u32> {
        let is_double = self == Ty::Float8;
        match argument {
            DataType::Float64 => Some(if is_double { 0 } else { NARROWING_COST }),
            DataType::Float32 => Some(u32::from(is_double)),
            DataType::Decimal128(..) | DataType::Decimal256(..) => Some(3),
            _ if integer_bytes(argument).is_some() => Some(if is_double { 2 } else { 3 }),
            _ => None,
        }
    }

    fn timestamp_cost(self, argument: &DataType) -> Option<u32> {
        match (self, argument) {
            (Ty::Timestamp, DataType::Timestamp(_, None)) | (Ty::Timestamptz, DataType::Timestamp(_, Some(_))) => {
                Some(0)
            }
            (Ty::Timestamptz, DataType::Timestamp(_, None)) => Some(1),
            (Ty::Timestamptz, DataType::Date32) => Some(2),
            (Ty::Timestamp, DataType::Date32) => Some(3),
            _ => None,
        }
    }

    /// The Arrow type that an argument of that type is passed as.
    pub(crate) fn arrow(self, argument: &DataType) -> DataType {
        match self {
            Ty::Any if is_unknown(argument) => DataType::Utf8View,
            Ty::Any | Ty::Unchanged => argument.clone(),
            // The list behind a shaped array is taken when the function is called.
            Ty::AnyArray | Ty::ShapedArray | Ty::TextArray if item_of_array(argument).is_some() => argument.clone(),
            Ty::AnyArray | Ty::ShapedArray | Ty::TextArray => DataType::new_list(DataType::Utf8View, true),
            Ty::Bool => DataType::Boolean,
            Ty::Int2 => DataType::Int16,
            Ty::Int4 => DataType::Int32,
            Ty::Int8 => DataType::Int64,
            Ty::Float4 => DataType::Float32,
            Ty::Float8 => DataType::Float64,
            Ty::Numeric => decimal_of(argument),
            Ty::Text => DataType::Utf8View,
            Ty::Bytea => DataType::BinaryView,
            Ty::Date => DataType::Date32,
            Ty::Time => DataType::Time64(TimeUnit::Microsecond),
            Ty::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Ty::Timestamptz => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
            Ty::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
            // Arrow has no casts to it: what is no value of it yet becomes one when the function is called.
            Ty::Packed(_) => argument.clone(),
        }
    }
}

/// PostgreSQL takes a cidr for an inet.
fn packed_cost(kind: TypeKind, argument: &DataType) -> Option<u32> {
    match packed::kind_of(argument)? {
        same if same == kind => Some(0),
        TypeKind::Cidr if kind == TypeKind::Inet => Some(1),
        _ => None,
    }
}

/// Whether the type is a literal's that has none yet.
pub(crate) fn is_unknown(ty: &DataType) -> bool {
    matches!(ty, DataType::Utf8 | DataType::Null)
}

pub(crate) fn is_string(ty: &DataType) -> bool {
    matches!(ty, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8)
}

fn is_text_list(ty: &DataType) -> bool {
    item_of_array(ty).is_some_and(|item| is_string(item.data_type()) || item.data_type().is_null())
}

fn is_bytes(ty: &DataType) -> bool {
    matches!(ty, DataType::Binary | DataType::BinaryView)
}

/// Width of an integer type in bytes, of the signed type that holds it.
pub(crate) fn integer_bytes(ty: &DataType) -> Option<u8> {
    match ty {
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => Some(2),
        DataType::Int32 | DataType::UInt16 => Some(4),
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => Some(8),
        _ => None,
    }
}

fn is_signed(ty: &DataType) -> bool {
    matches!(ty, DataType::Int16 | DataType::Int32 | DataType::Int64)
}

fn numeric_cost(argument: &DataType) -> Option<u32> {
    match argument {
        DataType::Decimal128(..) | DataType::Decimal256(..) => Some(0),
        _ => integer_bytes(argument).map(|_| 3),
    }
}

/// The decimal that holds every value of a type; an unknown literal's values are not known.
pub(crate) fn decimal_of(ty: &DataType) -> DataType {
    match ty {
        DataType::Decimal128(..) | DataType::Decimal256(..) => ty.clone(),
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            decimal_type(*precision, *scale)
        }
        DataType::UInt64 => decimal_type(20, 0),
        money if packed::kind_of(money) == Some(TypeKind::Money) => decimal_type(MONEY_DIGITS, CENTS_SCALE),
        DataType::Float32 | DataType::Float64 | DataType::Utf8 | DataType::Utf8View => OPEN_DECIMAL,
        _ => decimal_type(integer_digits(ty), 0),
    }
}

/// The decimal in which exact numbers meet that need more digits on both sides of the point than any has, which DataFusion
/// refuses: digits before the point are given up. `None` for others, and where none is a decimal.
pub(crate) fn crowded_decimal(types: &[DataType]) -> Option<DataType> {
    let numbers: Vec<&DataType> = types.iter().filter(|ty| !is_unknown(ty)).collect();
    let is_exact = |ty: &DataType| ty.is_integer() || ty.is_decimal();
    if !numbers.iter().all(|ty| is_exact(ty)) || !numbers.iter().any(|ty| ty.is_decimal()) {
        return None;
    }
    let parts = numbers.iter().filter_map(|ty| decimal_parts(&decimal_of(ty)));
    let sides = parts.map(|(precision, scale)| (i32::from(precision) - i32::from(scale), scale));
    let (whole, scale) = sides.reduce(|a, b| (a.0.max(b.0), a.1.max(b.1)))?;
    let is_crowded = whole + i32::from(scale) > i32::from(DECIMAL256_PRECISION_MAX);
    is_crowded.then_some(DataType::Decimal256(DECIMAL256_PRECISION_MAX, scale))
}

/// Decimal digits of the greatest value of an integer type.
fn integer_digits(ty: &DataType) -> u8 {
    match integer_bytes(ty) {
        Some(2) => 5,
        Some(4) => 10,
        _ => 19,
    }
}

/// The types that DataFusion casts the arguments of a function of its own to.
pub(crate) fn coerced<F: UDFCoercionExt>(function: &F, arguments: &[DataType]) -> Result<Vec<DataType>> {
    let field = |ty: &DataType| Arc::new(Field::new("argument", ty.clone(), true));
    let fields: Vec<FieldRef> = arguments.iter().map(field).collect();
    Ok(fields_with_udf(&fields, function)?.iter().map(|field| field.data_type().clone()).collect())
}

/// The index of the cheapest signature that takes the arguments.
pub(crate) fn choose<'a>(signatures: impl Iterator<Item = (&'a [Ty], bool)>, arguments: &[DataType]) -> Option<usize> {
    signatures
        .enumerate()
        .filter_map(|(index, (parameters, variadic))| Some((cost_of(parameters, variadic, arguments)?, index)))
        .min()
        .map(|(_, index)| index)
}

fn cost_of(parameters: &[Ty], variadic: bool, arguments: &[DataType]) -> Option<u32> {
    let fits = if variadic { arguments.len() + 1 >= parameters.len() } else { arguments.len() == parameters.len() };
    if !fits {
        return None;
    }
    arguments.iter().enumerate().map(|(index, argument)| parameter(parameters, index).cost(argument)).sum()
}

/// The type of the parameter at that place; the last repeats if the function is variadic.
pub(crate) fn parameter(parameters: &[Ty], index: usize) -> Ty {
    parameters.get(index).or(parameters.last()).copied().unwrap_or(Ty::Any)
}

/// `name(integer, text)`, as PostgreSQL writes a call that it cannot resolve.
pub(crate) fn call_text(name: &str, arguments: &[DataType]) -> String {
    let types: Vec<String> = arguments.iter().map(argument_type_name).collect();
    format!("{name}({})", types.join(", "))
}

/// The name of a field's type in messages, by its mark if it has one; without modifiers, so that char(n) is `character`.
pub(crate) fn field_type_name(field: &FieldRef) -> String {
    match marked_pg_type(field) {
        Some(ty) if ty.oid == PgType::BPCHAR.oid => "character".to_owned(),
        Some(ty) => type_name(PgType::plain(ty.oid)),
        None => argument_type_name(field.data_type()),
    }
}

/// The name of an argument's type in messages.
pub(crate) fn argument_type_name(ty: &DataType) -> String {
    if is_unknown(ty) { "unknown".to_owned() } else { type_name(PgType::plain(pg_type_of_arrow(ty).oid)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_many_digits_on_either_side_meet() {
        let (wide, narrow) = (DataType::Decimal256(76, 0), DataType::Decimal128(2, 1));
        assert_eq!(crowded_decimal(&[wide.clone(), narrow.clone()]), Some(DataType::Decimal256(76, 1)));
        assert_eq!(crowded_decimal(&[narrow, DataType::Int64]), None);
        assert_eq!(crowded_decimal(&[wide, DataType::Float64]), None);
    }

    fn choice(signatures: &[&[Ty]], arguments: &[DataType]) -> Option<usize> {
        choose(signatures.iter().map(|signature| (*signature, false)), arguments)
    }

    #[test]
    fn integers_prefer_double_precision_and_decimals_stay_numeric() {
        let signatures: &[&[Ty]] = &[&[Ty::Numeric], &[Ty::Float8]];
        assert_eq!(choice(signatures, &[DataType::Int32]), Some(1));
        assert_eq!(choice(signatures, &[DataType::Decimal128(5, 2)]), Some(0));
    }

    #[test]
    fn unknown_literals_prefer_text_and_dates_prefer_timestamptz() {
        assert_eq!(choice(&[&[Ty::Date], &[Ty::Text]], &[DataType::Utf8]), Some(1));
        assert_eq!(choice(&[&[Ty::Timestamp], &[Ty::Timestamptz]], &[DataType::Date32]), Some(1));
        assert_eq!(choice(&[&[Ty::Int4]], &[DataType::Utf8View]), None);
    }
}
