//! Text: lengths, parts and places, counted in characters as PostgreSQL counts them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewBuilder};
use datafusion::common::Result;
use peristyle_catalog::model::PgType;
use peristyle_storage::types::marked_pg_type;

use super::bytes;
use super::define::{Call, Definition, Overload, immutable, overload, stable};
use super::error::{error, invalid_parameter};
use super::rows::*;
use super::signature::Ty;
use crate::charset::Charset;
use crate::semantics::text::print_value;
use crate::values::OutputStyle;

/// Longest text that a function makes, in bytes (PostgreSQL's limit of one value).
pub(crate) const TEXT_BYTES_MAX: usize = 1 << 30;

const CHARACTERS: Overload =
    overload(&[Ty::Text], PgType::INT4, |c| map1::<Text, i32>(c, |s| Ok(characters(s) as i32)));
const BYTES: Overload = overload(&[Ty::Bytea], PgType::INT4, |c| map1::<Bytea, i32>(c, |b| Ok(b.len() as i32)));
const LENGTH: &[Overload] = &[
    CHARACTERS,
    BYTES,
    overload(&[Ty::Bytea, Ty::Text], PgType::INT4, |c| map2::<Bytea, Text, i32>(c, encoded_length)),
];
const SUBSTRING: &[Overload] = &[
    overload(&[Ty::Text, Ty::Int4], PgType::TEXT, |c| {
        map2::<Text, Int4, _>(c, |s, from| Ok(slice(s, from.into(), None)?.to_owned()))
    }),
    overload(&[Ty::Text, Ty::Int4, Ty::Int4], PgType::TEXT, |c| {
        map3::<Text, Int4, Int4, _>(c, |s, from, count| Ok(slice(s, from.into(), Some(count.into()))?.to_owned()))
    }),
    overload(&[Ty::Text, Ty::Text], PgType::TEXT, super::pattern::substring),
    overload(&[Ty::Text, Ty::Text, Ty::Text], PgType::TEXT, super::sql_pattern::substring),
    overload(&[Ty::Bytea, Ty::Int4], PgType::BYTEA, |c| {
        map2::<Bytea, Int4, _>(c, |b, from| Ok(byte_slice(b, from.into(), None)?.to_vec()))
    }),
    overload(&[Ty::Bytea, Ty::Int4, Ty::Int4], PgType::BYTEA, |c| {
        map3::<Bytea, Int4, Int4, _>(c, |b, from, count| Ok(byte_slice(b, from.into(), Some(count.into()))?.to_vec()))
    }),
];

/// A char(n) with its trailing blanks, which are not stored.
pub(crate) const PADDED: &str = "pg_bpchar_padded";

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable("length", LENGTH),
    immutable("char_length", &[CHARACTERS, BYTES]),
    immutable("character_length", &[CHARACTERS, BYTES]),
    immutable(
        "bit_length",
        &[overload(&[Ty::Text], PgType::INT4, |c| map1::<Text, i32>(c, |s| Ok(s.len() as i32 * 8)))],
    ),
    immutable(PADDED, &[overload(&[Ty::Text], PgType::TEXT, padded)]),
    immutable(
        "octet_length",
        &[overload(&[Ty::Text], PgType::INT4, |c| map1::<Text, i32>(c, |s| Ok(s.len() as i32))), BYTES],
    ),
    immutable("substring", SUBSTRING),
    immutable("substr", SUBSTRING),
    immutable(
        "strpos",
        &[
            overload(&[Ty::Text, Ty::Text], PgType::INT4, |c| {
                map2::<Text, Text, _>(c, |s, part| Ok(position(s, part)))
            }),
            overload(&[Ty::Bytea, Ty::Bytea], PgType::INT4, |c| {
                map2::<Bytea, Bytea, _>(c, |bytes, part| Ok(byte_position(bytes, part)))
            }),
        ],
    ),
    immutable(
        "position",
        &[overload(&[Ty::Text, Ty::Text], PgType::INT4, |c| map2::<Text, Text, _>(c, |part, s| Ok(position(s, part))))],
    ),
    immutable(
        "left",
        &[overload(&[Ty::Text, Ty::Int4], PgType::TEXT, |c| {
            map2::<Text, Int4, _>(c, |s, n| Ok(left(s, n).to_owned()))
        })],
    ),
    immutable(
        "right",
        &[overload(&[Ty::Text, Ty::Int4], PgType::TEXT, |c| {
            map2::<Text, Int4, _>(c, |s, n| Ok(right(s, n).to_owned()))
        })],
    ),
    immutable(
        "lpad",
        &[
            overload(&[Ty::Text, Ty::Int4], PgType::TEXT, |c| map2::<Text, Int4, _>(c, |s, n| pad(s, n, " ", true))),
            overload(&[Ty::Text, Ty::Int4, Ty::Text], PgType::TEXT, |c| {
                map3::<Text, Int4, Text, _>(c, |s, n, fill| pad(s, n, fill, true))
            }),
        ],
    ),
    immutable(
        "rpad",
        &[
            overload(&[Ty::Text, Ty::Int4], PgType::TEXT, |c| map2::<Text, Int4, _>(c, |s, n| pad(s, n, " ", false))),
            overload(&[Ty::Text, Ty::Int4, Ty::Text], PgType::TEXT, |c| {
                map3::<Text, Int4, Text, _>(c, |s, n, fill| pad(s, n, fill, false))
            }),
        ],
    ),
    immutable("repeat", &[overload(&[Ty::Text, Ty::Int4], PgType::TEXT, |c| map2::<Text, Int4, _>(c, repeat))]),
    immutable(
        "split_part",
        &[overload(&[Ty::Text, Ty::Text, Ty::Int4], PgType::TEXT, |c| {
            map3::<Text, Text, Int4, _>(c, |s, by, n| split_part(s, by, n).map(str::to_owned))
        })],
    ),
    immutable(
        "translate",
        &[overload(&[Ty::Text, Ty::Text, Ty::Text], PgType::TEXT, |c| map3::<Text, Text, Text, _>(c, translate))],
    ),
    immutable("initcap", &[overload(&[Ty::Text], PgType::TEXT, |c| map1::<Text, _>(c, |s| Ok(initcap(s))))]),
    immutable(
        "overlay",
        &[
            overload(&[Ty::Text, Ty::Text, Ty::Int4], PgType::TEXT, |c| {
                map3::<Text, Text, Int4, _>(c, |s, by, from| overlay(s, by, from, characters(by) as i32))
            }),
            overload(&[Ty::Text, Ty::Text, Ty::Int4, Ty::Int4], PgType::TEXT, |c| overlay4::<Text, String>(c, overlay)),
            overload(&[Ty::Bytea, Ty::Bytea, Ty::Int4], PgType::BYTEA, |c| {
                map3::<Bytea, Bytea, Int4, _>(c, |b, by, from| bytes::overlay(b, by, from, by.len() as i32))
            }),
            overload(&[Ty::Bytea, Ty::Bytea, Ty::Int4, Ty::Int4], PgType::BYTEA, |c| {
                overlay4::<Bytea, Vec<u8>>(c, bytes::overlay)
            }),
        ],
    ),
    immutable(
        "ascii",
        &[overload(&[Ty::Text], PgType::INT4, |c| {
            map1::<Text, i32>(c, |s| Ok(s.chars().next().map_or(0, |first| first as i32)))
        })],
    ),
    immutable("chr", &[overload(&[Ty::Int4], PgType::TEXT, |c| map1::<Int4, _>(c, chr))]),
    immutable(
        "to_hex",
        &[
            overload(&[Ty::Int4], PgType::TEXT, |c| map1::<Int4, _>(c, |n| Ok(format!("{n:x}")))),
            overload(&[Ty::Int8], PgType::TEXT, |c| map1::<Int8, _>(c, |n| Ok(format!("{n:x}")))),
        ],
    ),
    stable("concat", &[overload(&[Ty::Any], PgType::TEXT, |c| join(c, None)).variadic().not_strict()]),
    stable("concat_ws", &[overload(&[Ty::Text, Ty::Any], PgType::TEXT, |c| join(c, Some(0))).variadic().not_strict()]),
    immutable(
        "string_to_array",
        &[
            overload(&[Ty::Text, Ty::Text], PgType { oid: 1009, typmod: -1 }, |c| string_to_array(c, false))
                .not_strict(),
            overload(&[Ty::Text, Ty::Text, Ty::Text], PgType { oid: 1009, typmod: -1 }, |c| string_to_array(c, true))
                .not_strict(),
        ],
    ),
    stable(
        "array_to_string",
        &[
            overload(&[Ty::AnyArray, Ty::Text], PgType::TEXT, |c| array_to_string(c, false)),
            overload(&[Ty::AnyArray, Ty::Text, Ty::Text], PgType::TEXT, |c| array_to_string(c, true)).not_strict(),
        ],
    ),
];

/// Characters of bytes in an encoding.
fn encoded_length(bytes: &[u8], encoding: &str) -> Result<i32> {
    let unknown = || invalid_parameter(format!("invalid encoding name \"{encoding}\""));
    let charset = Charset::by_name(encoding).ok_or_else(unknown)?;
    Ok(characters(&charset.decode(bytes)?) as i32)
}

fn characters(s: &str) -> usize {
    s.chars().count()
}

/// The byte at which a character starts; the end for those beyond.
fn byte_of(s: &str, character: usize) -> usize {
    s.char_indices().nth(character).map_or(s.len(), |(byte, _)| byte)
}

/// First and last character (from 0, end exclusive) of `from` (from 1) and a count.
fn bounds(from: i64, count: Option<i64>) -> Result<(usize, usize)> {
    if count.is_some_and(|count| count < 0) {
        return Err(error("22011", "negative substring length not allowed"));
    }
    let start = (from - 1).max(0) as usize;
    let end = count.map_or(usize::MAX, |count| (from - 1 + count).max(0) as usize);
    Ok((start, end.max(start)))
}

fn slice(s: &str, from: i64, count: Option<i64>) -> Result<&str> {
    let (start, end) = bounds(from, count)?;
    if s.is_ascii() {
        return Ok(&s[start.min(s.len())..end.min(s.len())]);
    }
    let first = byte_of(s, start);
    Ok(&s[first..first + byte_of(&s[first..], end - start)])
}

fn byte_slice(bytes: &[u8], from: i64, count: Option<i64>) -> Result<&[u8]> {
    let (start, end) = bounds(from, count)?;
    Ok(&bytes[start.min(bytes.len())..end.min(bytes.len())])
}

fn position(s: &str, part: &str) -> i32 {
    s.find(part).map_or(0, |byte| characters(&s[..byte]) as i32 + 1)
}

/// The first n characters; for a negative n all but the last -n.
fn left(s: &str, n: i32) -> &str {
    let count = if n >= 0 { n as usize } else { characters(s).saturating_sub(n.unsigned_abs() as usize) };
    &s[..byte_of(s, count)]
}

/// The last n characters; for a negative n all but the first -n.
fn right(s: &str, n: i32) -> &str {
    let skipped = if n >= 0 { characters(s).saturating_sub(n as usize) } else { n.unsigned_abs() as usize };
    &s[byte_of(s, skipped)..]
}

fn too_long() -> datafusion::common::DataFusionError {
    error("54000", "requested length too large")
}

fn pad(s: &str, length: i32, fill: &str, on_the_left: bool) -> Result<String> {
    let length = length.max(0) as usize;
    let have = characters(s);
    if have >= length || fill.is_empty() {
        return Ok(s[..byte_of(s, length)].to_owned());
    }
    if length > TEXT_BYTES_MAX {
        return Err(too_long());
    }
    let filling: String = fill.chars().cycle().take(length - have).collect();
    Ok(if on_the_left { filling + s } else { s.to_owned() + &filling })
}

fn repeat(s: &str, times: i32) -> Result<String> {
    let times = times.max(0) as usize;
    if s.len().saturating_mul(times) > TEXT_BYTES_MAX {
        return Err(too_long());
    }
    Ok(s.repeat(times))
}

fn split_part<'a>(s: &'a str, by: &str, n: i32) -> Result<&'a str> {
    if n == 0 {
        return Err(invalid_parameter("field position must not be zero"));
    }
    if by.is_empty() {
        return Ok(if n == 1 || n == -1 { s } else { "" });
    }
    let place = n.unsigned_abs() as usize - 1;
    let part = if n > 0 { s.split(by).nth(place) } else { s.rsplit(by).nth(place) };
    Ok(part.unwrap_or(""))
}

fn translate(s: &str, from: &str, to: &str) -> Result<String> {
    let replace = |c: char| match from.chars().position(|other| other == c) {
        None => Some(c),
        Some(place) => to.chars().nth(place),
    };
    Ok(s.chars().filter_map(replace).collect())
}

fn initcap(s: &str) -> String {
    let mut in_word = false;
    let mut text = String::with_capacity(s.len());
    for c in s.chars() {
        if in_word {
            text.extend(c.to_lowercase());
        } else {
            text.extend(c.to_uppercase());
        }
        in_word = c.is_alphanumeric();
    }
    text
}

fn overlay(s: &str, by: &str, from: i32, count: i32) -> Result<String> {
    if from <= 0 {
        return Err(error("22011", "negative substring length not allowed"));
    }
    let after = (from - 1).saturating_add(count).max(0) as usize;
    Ok(format!("{}{by}{}", &s[..byte_of(s, from as usize - 1)], &s[byte_of(s, after)..]))
}

fn overlay4<A: In, R: Out>(
    call: &Call<'_>,
    overlay: impl Fn(A::Value<'_>, A::Value<'_>, i32, i32) -> Result<R>,
) -> Result<ArrayRef> {
    let (s, by) = (Argument::<A>::of(call, 0), Argument::<A>::of(call, 1));
    let (from, count) = (Argument::<Int4>::of(call, 2), Argument::<Int4>::of(call, 3));
    let row = |row| match (s.get(row), by.get(row), from.get(row), count.get(row)) {
        (Some(s), Some(by), Some(from), Some(count)) => overlay(s, by, from, count).map(Some),
        _ => Ok(None),
    };
    Ok(R::collect((0..call.rows).map(row).collect::<Result<_>>()?))
}

fn chr(code: i32) -> Result<String> {
    if code == 0 {
        return Err(error("54000", "null character not permitted"));
    }
    if code < 0 {
        return Err(invalid_parameter("character number must be positive"));
    }
    u32::try_from(code).ok().and_then(char::from_u32).map(String::from).ok_or_else(|| {
        let fault = if code > char::MAX as i32 { "too large" } else { "not valid" };
        error("54000", format!("requested character {fault} for encoding: {code}"))
    })
}

/// The arguments' texts one after another, NULLs left out; a separator may lead.
fn join(call: &Call<'_>, separator: Option<usize>) -> Result<ArrayRef> {
    let style = call.output_style();
    let separators = separator.map(|place| Argument::<Text>::of(call, place));
    let first = usize::from(separator.is_some());
    let mut builder = StringViewBuilder::with_capacity(call.rows);
    let mut text = String::new();
    for row in 0..call.rows {
        let between = match &separators {
            None => "",
            Some(separators) => match separators.get(row) {
                Some(separator) => separator,
                None => {
                    builder.append_null();
                    continue;
                }
            },
        };
        text.clear();
        let mut is_first = true;
        for place in first..call.args.len() {
            let (array, index) = (&call.args[place], call.index(place, row));
            if array.is_null(index) {
                continue;
            }
            if !is_first {
                text.push_str(between);
            }
            is_first = false;
            push_text(&mut text, array, index, &style)?;
        }
        builder.append_value(&text);
    }
    Ok(Arc::new(builder.finish()))
}

fn push_text(text: &mut String, array: &ArrayRef, index: usize, style: &OutputStyle) -> Result<()> {
    match (array.as_string_view_opt(), array.as_boolean_opt()) {
        (Some(strings), _) => text.push_str(strings.value(index)),
        // concat writes a boolean as its output function does.
        (_, Some(booleans)) => text.push(if booleans.value(index) { 't' } else { 'f' }),
        _ => text.push_str(&print_value(array, index, style)?),
    }
    Ok(())
}

/// Where the part begins, counted from 1; 0 if it is not there.
fn byte_position(bytes: &[u8], part: &[u8]) -> i32 {
    if part.is_empty() {
        return 1;
    }
    bytes.windows(part.len()).position(|window| window == part).map_or(0, |at| at as i32 + 1)
}

fn padded(call: &Call<'_>) -> Result<ArrayRef> {
    let width = marked_pg_type(&call.arg_fields[0]).and_then(PgType::character_limit).unwrap_or(0);
    map1::<Text, _>(call, |s| Ok(format!("{s:width$}")))
}

fn string_to_array(call: &Call<'_>, has_null_text: bool) -> Result<ArrayRef> {
    let (s, by) = (Argument::<Text>::of(call, 0), Argument::<Text>::of(call, 1));
    let null_text = has_null_text.then(|| Argument::<Text>::of(call, 2));
    let row = |row| {
        let s = s.get(row)?;
        let as_null = null_text.as_ref().and_then(|texts| texts.get(row));
        let item = |part: &str| (Some(part) != as_null).then(|| part.to_owned());
        Some(TextsOut(match by.get(row) {
            _ if s.is_empty() => Vec::new(),
            None => s.chars().map(|c| item(c.encode_utf8(&mut [0; 4]))).collect(),
            Some("") => vec![item(s)],
            Some(by) => s.split(by).map(item).collect(),
        }))
    };
    Ok(TextsOut::collect((0..call.rows).map(row).collect()))
}

fn array_to_string(call: &Call<'_>, has_null_text: bool) -> Result<ArrayRef> {
    let style = call.output_style();
    let (lists, by) = (Argument::<List>::of(call, 0), Argument::<Text>::of(call, 1));
    let null_text = has_null_text.then(|| Argument::<Text>::of(call, 2));
    let row = |row| {
        let (Some(items), Some(by)) = (lists.get(row), by.get(row)) else { return Ok(None) };
        let for_null = null_text.as_ref().and_then(|texts| texts.get(row));
        let mut parts = Vec::with_capacity(items.len());
        for index in 0..items.len() {
            if items.is_valid(index) {
                let mut part = String::new();
                push_text(&mut part, &items, index, &style)?;
                parts.push(part);
            } else if let Some(text) = for_null {
                parts.push(text.to_owned());
            }
        }
        Ok(Some(parts.join(by)))
    };
    Ok(String::collect((0..call.rows).map(row).collect::<Result<_>>()?))
}
