//! Casts from and to text.

use std::sync::Arc;

use arrow::array::*;
use arrow::compute::cast;
use arrow::datatypes::*;
use datafusion::common::Result;
use peristyle_catalog::model::{PgType, TypeKind};
use peristyle_storage::packed::{self, Bits, RangeType};
use peristyle_storage::shape::{BoundsBuilder, Shape, is_shaped};
use peristyle_storage::special_numeric::may_be_special;
use peristyle_storage::types::OPEN_DECIMAL;

use super::cast::{CastJob, CastKind, not_a_list};
use super::cast_bits;
use super::text::Printer;
use crate::functions::decimal::from_wide;
use crate::functions::error::{error, not_supported};
use crate::values::{
    ColumnBuilder, InputStyle, OutputStyle, normalise_jsonb, parse_bare_decimal_at, parse_decimal_at, parse_items,
    parse_open_decimal, type_name, validate_json,
};

fn strings(input: &ArrayRef) -> Result<StringViewArray> {
    Ok(cast(input, &DataType::Utf8View)?.as_string_view().clone())
}

/// The value of each text in the target type.
pub(crate) fn from_text(job: &CastJob<'_>, input: &ArrayRef) -> Result<ArrayRef> {
    let texts = strings(input)?;
    if *job.arrow == Bits::ARROW {
        return cast_bits::from_text(job, &texts);
    }
    if let Some((precision, scale)) = job.decimal_parts() {
        return text_to_decimal(job, &texts, precision, scale);
    }
    let style = match job.arrow {
        DataType::Date32 | DataType::Time64(_) | DataType::Timestamp(..) => job.context()?.input_style(),
        arrow if packed::kind_of(arrow).is_some_and(is_of_time) => job.context()?.input_style(),
        // The other types' texts do not depend on the session.
        _ => InputStyle::new(0),
    };
    let mut builder = ColumnBuilder::new(job.target, job.arrow.clone(), style)?;
    for text in &texts {
        match text {
            Some(text) => builder.push_text(text)?,
            None => builder.push_null(),
        }
    }
    Ok(builder.finish()?)
}

/// Whether values are times, or ranges, which may be of times.
fn is_of_time(packed: TypeKind) -> bool {
    packed == TypeKind::Timetz || RangeType::of_kind(packed).is_some()
}

fn text_to_decimal(job: &CastJob<'_>, texts: &StringViewArray, precision: u8, scale: i8) -> Result<ArrayRef> {
    let is_bare = job.target.typmod < 0 && may_be_special(job.arrow);
    let parse = |text: &str| match job.arrow {
        open if *open == OPEN_DECIMAL => parse_open_decimal(text, scale),
        _ if is_bare => parse_bare_decimal_at(text, precision, scale),
        _ => parse_decimal_at(text, precision, scale).map(|decimal| decimal.unscaled),
    };
    let values = texts.iter().map(|text| text.map(parse).transpose()).collect::<Result<Vec<_>, _>>()?;
    from_wide(values, job.arrow)
}

/// Each value's text, cut or checked for varchar(n) and char(n).
pub(crate) fn to_text(job: &CastJob<'_>, input: &ArrayRef) -> Result<ArrayRef> {
    let style = job.context.map_or_else(OutputStyle::default, |context| context.output);
    let mut printer = match job.source.filter(|source| source.vector_element().is_some()) {
        Some(vector) => Printer::of(input, vector, &style)?,
        None => Printer::new(input, &style)?,
    };
    let mut builder = StringViewBuilder::with_capacity(input.len());
    for row in 0..input.len() {
        if input.is_null(row) {
            builder.append_null();
        } else {
            builder.append_value(limit_characters(job, printer.text(row)?.into())?);
        }
    }
    Ok(Arc::new(builder.finish()))
}

fn parse_all<T>(texts: &StringViewArray, f: impl Fn(&str) -> Result<T>) -> Result<Vec<Option<T>>> {
    texts.iter().map(|text| text.map(&f).transpose()).collect()
}

pub(crate) fn text_to_text(job: &CastJob<'_>, input: &ArrayRef) -> Result<ArrayRef> {
    let texts = strings(input)?;
    match job.target {
        PgType::JSON => {
            texts.iter().flatten().try_for_each(validate_json)?;
            Ok(Arc::new(texts))
        }
        PgType::JSONB if job.source == Some(PgType::JSONB) => Ok(Arc::new(texts)),
        PgType::JSONB => {
            let values = parse_all(&texts, |text| Ok(normalise_jsonb(text)?))?;
            Ok(Arc::new(StringViewArray::from_iter(values)))
        }
        target if target.character_limit().is_none() && target.oid != PgType::BPCHAR.oid && !cuts_bytes(target) => {
            Ok(Arc::new(texts))
        }
        _ => {
            let values = parse_all(&texts, |text| Ok(limit_characters(job, text.into())?.into_owned()))?;
            Ok(Arc::new(StringViewArray::from_iter(values)))
        }
    }
}

/// The first byte of each `"char"` as a signed number; an empty one is 0.
pub(crate) fn code_of_char(input: &ArrayRef) -> Result<ArrayRef> {
    let code = |text: &str| text.as_bytes().first().map_or(0, |byte| i32::from(*byte as i8));
    Ok(Arc::new(strings(input)?.iter().map(|text| text.map(code)).collect::<Int32Array>()))
}

/// The `"char"` of each number; 0 is the empty one.
pub(crate) fn char_of_code(input: &ArrayRef) -> Result<ArrayRef> {
    let text = |code: i32| match u8::try_from(code) {
        Ok(0) => Ok(String::new()),
        Ok(byte @ 1..=0x7f) => Ok(char::from(byte).to_string()),
        _ if (-128..0).contains(&code) => Err(not_supported("a \"char\" that is no ASCII character")),
        _ => Err(error("22003", "\"char\" out of range")),
    };
    let texts = input.as_primitive::<Int32Type>().iter().map(|code| code.map(text).transpose());
    Ok(Arc::new(StringViewArray::from_iter(texts.collect::<Result<Vec<_>>>()?)))
}

fn cuts_bytes(target: PgType) -> bool {
    target == PgType::NAME || target == PgType::CHAR
}

/// Longest identifier in bytes.
const NAME_BYTES_MAX: usize = 63;

/// Cuts (explicit) or refuses (assignment) what is too long; char(n) loses its trailing blanks.
pub(super) fn limit_characters<'a>(
    job: &CastJob<'_>,
    text: std::borrow::Cow<'a, str>,
) -> Result<std::borrow::Cow<'a, str>> {
    use std::borrow::Cow;
    if cuts_bytes(job.target) {
        let limit = if job.target == PgType::NAME { NAME_BYTES_MAX } else { 1 };
        return Ok(Cow::Owned(text[..text.floor_char_boundary(limit)].to_owned()));
    }
    let is_char = job.target.oid == PgType::BPCHAR.oid;
    let trim = |text: &str| if is_char { text.trim_end_matches(' ').to_owned() } else { text.to_owned() };
    let Some(limit) = job.target.character_limit() else {
        return Ok(if is_char { Cow::Owned(trim(&text)) } else { text });
    };
    match text.char_indices().nth(limit) {
        None if is_char => Ok(Cow::Owned(trim(&text))),
        None => Ok(text),
        Some((cut, _)) => {
            let only_blanks_lost = text[cut..].bytes().all(|b| b == b' ');
            if job.kind == CastKind::Assignment && !only_blanks_lost {
                return Err(error("22001", format!("value too long for type {}", type_name(job.target))));
            }
            Ok(Cow::Owned(trim(&text[..cut])))
        }
    }
}

/// The array of each text, with items of that type.
pub(crate) fn text_to_arrays(job: &CastJob<'_>, input: &ArrayRef, item: &FieldRef) -> Result<ArrayRef> {
    let texts = strings(input)?;
    let parsed = texts.iter().map(|text| text.map(|text| parse_items(job.target, text)).transpose());
    let parsed = parsed.collect::<Result<Vec<_>, _>>()?;
    let lengths = parsed.iter().map(|array| array.as_ref().map_or(0, |array| array.items.len()));
    let offsets = arrow::buffer::OffsetBuffer::from_lengths(lengths);
    let nulls = parsed.iter().map(Option::is_some).collect();
    let shapes: Vec<Shape> =
        parsed.iter().map(|array| array.as_ref().map_or_else(Shape::default, |array| array.shape.clone())).collect();
    let items = parsed.into_iter().flatten().flat_map(|array| array.items);
    let items: ArrayRef = Arc::new(StringViewArray::from_iter(items));
    let element = job.target.item().unwrap_or(PgType::TEXT);
    let inner = CastJob { source: None, target: element, arrow: item.data_type(), ..*job };
    let lists = ListArray::try_new(Arc::clone(item), offsets, inner.run(&items)?, Some(nulls))?;
    if is_shaped(job.arrow) {
        let mut bounds = BoundsBuilder::default();
        shapes.iter().for_each(|shape| bounds.push(shape));
        return Ok(bounds.finish(lists)?);
    }
    if shapes.iter().all(Shape::is_plain) { Ok(Arc::new(lists)) } else { Err(not_a_list()) }
}
