//! Any value as json or jsonb, as PostgreSQL's `to_jsonb` gives it.

use std::fmt::Write;

use arrow::array::types::TimestampMicrosecondType;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use peristyle_catalog::model::{PgType, TypeKind};

use super::{arrays, text};
use crate::shape::Part;
use crate::{Error, Result};

/// Appends the JSON text of a value that is not NULL.
pub(super) fn write(values: &ArrayRef, ty: PgType, row: usize, out: &mut String) -> Result<()> {
    match values.data_type() {
        DataType::Boolean | DataType::Int16 | DataType::Int32 | DataType::Int64 | DataType::UInt32 => {
            text::write(values, ty, row, out)
        }
        DataType::Float32 | DataType::Float64 | DataType::Decimal128(..) | DataType::Decimal256(..) => {
            number(values, ty, row, out)
        }
        DataType::List(_) | DataType::Struct(_) => array(values, ty, row, out),
        DataType::Timestamp(_, zone) => {
            out.push('"');
            let micros = values.as_primitive::<TimestampMicrosecondType>().value(row);
            text::timestamp(out, micros, 'T', if zone.is_some() { "+00:00" } else { "" });
            out.push('"');
            Ok(())
        }
        DataType::Utf8View if matches!(ty.kind(), Some(TypeKind::Json | TypeKind::Jsonb)) => {
            text::write(values, ty, row, out)
        }
        _ => {
            let mut plain = String::new();
            text::write_shown(values, ty, row, &mut plain)?;
            quote(&plain, out);
            Ok(())
        }
    }
}

/// jsonb numbers are numerics: no exponent; what is not a number is a string.
fn number(values: &ArrayRef, ty: PgType, row: usize, out: &mut String) -> Result<()> {
    let mut plain = String::new();
    text::write(values, ty, row, &mut plain)?;
    if plain.ends_with(|c: char| c.is_ascii_alphabetic()) {
        quote(&plain, out);
    } else if let Some((mantissa, exponent)) = plain.split_once('e') {
        out.push_str(&without_exponent(mantissa, exponent.parse().unwrap_or(0)));
    } else {
        out.push_str(&plain);
    }
    Ok(())
}

fn without_exponent(mantissa: &str, exponent: i32) -> String {
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits = mantissa.replace('.', "");
    let point = 1 + exponent;
    if point <= 0 {
        return format!("{sign}0.{}{digits}", "0".repeat(point.unsigned_abs() as usize));
    }
    let point = point as usize;
    if digits.len() <= point {
        return format!("{sign}{digits}{}", "0".repeat(point - digits.len()));
    }
    let (whole, fraction) = digits.split_at(point);
    format!("{sign}{whole}.{fraction}")
}

fn array(values: &ArrayRef, ty: PgType, row: usize, out: &mut String) -> Result<()> {
    let element = ty.element().ok_or_else(|| Error::Internal(format!("{ty:?} is no array type")))?;
    let arrays = arrays(values)?;
    let items = arrays.items(row);
    arrays.shape(row).walk(|part| {
        match part {
            Part::Open => out.push('['),
            Part::Separator => out.push_str(", "),
            Part::Item(at) if items.is_null(at) => out.push_str("null"),
            Part::Item(at) => write(&items, element, at, out)?,
            Part::Close => out.push(']'),
        }
        Ok(())
    })
}

/// A JSON string, escaped as PostgreSQL's `escape_json` does.
fn quote(plain: &str, out: &mut String) {
    out.push('"');
    for c in plain.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{C}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => {
                // Writing to a string does not fail.
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
