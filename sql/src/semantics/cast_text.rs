//! Casts from and to text.

use std::sync::Arc;

use arrow::array::*;
use arrow::compute::cast;
use arrow::datatypes::*;
use datafusion::common::{Result, internal_err};
use peristyle_catalog::model::{PgType, TypeKind};

use super::cast::{CastJob, CastKind};
use super::cast_number::decimal_at_scale;
use super::cast_time::round_micros;
use super::text_parse as parse;
use super::text_print::print_value;
use super::type_name::type_name;
use crate::functions::decimal::{decimal_parts, from_wide};
use crate::functions::error::{error, not_supported};
use crate::functions::time_zone::SessionTimeZone;

fn strings(input: &ArrayRef) -> Result<StringViewArray> {
    Ok(cast(input, &DataType::Utf8View)?.as_string_view().clone())
}

fn parse_all<T>(texts: &StringViewArray, f: impl Fn(&str) -> Result<T>) -> Result<Vec<Option<T>>> {
    texts.iter().map(|text| text.map(&f).transpose()).collect()
}

/// The value of each text in the target type.
pub(crate) fn from_text(job: &CastJob<'_>, input: &ArrayRef) -> Result<ArrayRef> {
    let texts = strings(input)?;
    let digits = job.target.typmod;
    Ok(match job.arrow {
        DataType::Boolean => Arc::new(BooleanArray::from(parse_all(&texts, parse::parse_bool)?)),
        DataType::Int16 => Arc::new(Int16Array::from(parse_all(&texts, |t| parse::parse_integer(t, "smallint"))?)),
        DataType::Int32 => Arc::new(Int32Array::from(parse_all(&texts, |t| parse::parse_integer(t, "integer"))?)),
        DataType::Int64 => Arc::new(Int64Array::from(parse_all(&texts, |t| parse::parse_integer(t, "bigint"))?)),
        DataType::UInt32 => Arc::new(UInt32Array::from(parse_all(&texts, |t| parse_oid(t, job.target))?)),
        DataType::Float32 => Arc::new(Float32Array::from(parse_all(&texts, parse::parse_float4)?)),
        DataType::Float64 => Arc::new(Float64Array::from(parse_all(&texts, parse::parse_float8)?)),
        DataType::Decimal128(..) | DataType::Decimal256(..) => text_to_decimal(job, &texts)?,
        DataType::BinaryView => Arc::new(BinaryViewArray::from_iter(parse_all(&texts, parse::parse_bytes)?)),
        DataType::FixedSizeBinary(16) => uuids(parse_all(&texts, parse::parse_uuid)?)?,
        DataType::Date32 => {
            let context = job.context()?;
            Arc::new(Date32Array::from(parse_all(&texts, |t| parse::parse_date(t, context))?))
        }
        DataType::Time64(_) => Arc::new(Time64MicrosecondArray::from(parse_all(&texts, |t| {
            Ok(round_micros(parse::parse_time(t)?, digits))
        })?)),
        DataType::Timestamp(_, None) => {
            let context = job.context()?;
            let parse = |t: &str| Ok(round_micros(parse::parse_timestamp(t, context)?, digits));
            Arc::new(TimestampMicrosecondArray::from(parse_all(&texts, parse)?))
        }
        DataType::Timestamp(_, Some(zone)) => {
            let context = job.context()?;
            let parse = |t: &str| Ok(round_micros(parse::parse_timestamptz(t, context)?, digits));
            Arc::new(TimestampMicrosecondArray::from(parse_all(&texts, parse)?).with_timezone(Arc::clone(zone)))
        }
        DataType::Interval(_) => Arc::new(IntervalMonthDayNanoArray::from(parse_all(&texts, parse::parse_interval)?)),
        other => return Err(not_supported(format!("a cast from text to {other}"))),
    })
}

/// A number stands for itself; names are resolved by the catalog's functions, not here.
fn parse_oid(text: &str, target: PgType) -> Result<u32> {
    let digits = text.trim();
    if target.kind() == Some(TypeKind::Oid)
        || target.kind() == Some(TypeKind::Xid)
        || digits.bytes().all(|b| b.is_ascii_digit())
    {
        return parse::parse_integer::<u32>(digits, &type_name(target));
    }
    Err(not_supported(format!("a cast of a name to {}", type_name(target))))
}

fn uuids(values: Vec<Option<[u8; 16]>>) -> Result<ArrayRef> {
    Ok(Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(values.into_iter(), 16)?))
}

fn text_to_decimal(job: &CastJob<'_>, texts: &StringViewArray) -> Result<ArrayRef> {
    let Some((precision, scale)) = decimal_parts(job.arrow) else {
        return internal_err!("a decimal was expected, not {}", job.arrow);
    };
    let values = parse_all(texts, |text| {
        let (value, from_scale) = parse::parse_decimal(text)?;
        decimal_at_scale(value, from_scale, precision, scale)
    })?;
    from_wide(values, job.arrow)
}

/// Each value's text, cut or checked for varchar(n) and char(n).
pub(crate) fn to_text(job: &CastJob<'_>, input: &ArrayRef) -> Result<ArrayRef> {
    let zone = job.context.map_or_else(SessionTimeZone::default, |context| context.time_zone);
    let mut builder = StringViewBuilder::with_capacity(input.len());
    for row in 0..input.len() {
        if input.is_null(row) {
            builder.append_null();
        } else {
            builder.append_value(limit_characters(job, print_value(input, row, &zone)?.into())?);
        }
    }
    Ok(Arc::new(builder.finish()))
}

pub(crate) fn text_to_text(job: &CastJob<'_>, input: &ArrayRef) -> Result<ArrayRef> {
    let texts = strings(input)?;
    match job.target {
        PgType::JSON => {
            for text in texts.iter().flatten() {
                super::json_text::check(text)?;
            }
            Ok(Arc::new(texts))
        }
        PgType::JSONB if job.source == Some(PgType::JSONB) => Ok(Arc::new(texts)),
        PgType::JSONB => {
            let values = parse_all(&texts, super::json_text::normalised)?;
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

fn cuts_bytes(target: PgType) -> bool {
    target == PgType::NAME || target == PgType::CHAR
}

/// Longest identifier in bytes.
const NAME_BYTES_MAX: usize = 63;

/// Cuts (explicit) or refuses (assignment) what is too long; char(n) loses its trailing blanks.
fn limit_characters<'a>(job: &CastJob<'_>, text: std::borrow::Cow<'a, str>) -> Result<std::borrow::Cow<'a, str>> {
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

pub(crate) fn text_to_list(job: &CastJob<'_>, input: &ArrayRef, item: &FieldRef) -> Result<ArrayRef> {
    let parsed = parse_all(&strings(input)?, parse::parse_array_elements)?;
    let lengths = parsed.iter().map(|list| list.as_ref().map_or(0, Vec::len));
    let offsets = arrow::buffer::OffsetBuffer::from_lengths(lengths);
    let nulls = parsed.iter().map(Option::is_some).collect();
    let texts: ArrayRef = Arc::new(StringViewArray::from_iter(parsed.into_iter().flatten().flatten()));
    let element = job.target.element().unwrap_or(PgType::TEXT);
    let inner = CastJob { source: None, target: element, arrow: item.data_type(), ..*job };
    let list = ListArray::try_new(Arc::clone(item), offsets, inner.run(&texts)?, Some(nulls))?;
    Ok(Arc::new(list))
}
