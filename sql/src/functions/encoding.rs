//! Encodings of bytes, quoting of names and literals, `format`.

use arrow::array::{Array, ArrayRef, AsArray};
use datafusion::common::Result;
use peristyle_catalog::model::PgType;

use super::define::{Call, Definition, Overload, immutable, overload, stable};
use super::error::{error, invalid_parameter};
use super::rows::*;
use super::signature::Ty;
use crate::charset::Charset;
use crate::pg_catalog::names::quoted;
use crate::semantics::text::print_value;
use crate::values::{parse_escaped_bytes, parse_hex_bytes};

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Characters per line of base64 (RFC 2045).
const BASE64_LINE: usize = 76;

const QUOTE_LITERAL: &[Overload] = &[overload(&[Ty::Any], PgType::TEXT, |c| print_first(c, quoted_literal))];

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable("encode", &[overload(&[Ty::Bytea, Ty::Text], PgType::TEXT, |c| map2::<Bytea, Text, _>(c, encode))]),
    immutable("decode", &[overload(&[Ty::Text, Ty::Text], PgType::BYTEA, |c| map2::<Text, Text, _>(c, decode))]),
    immutable(
        "quote_ident",
        &[overload(&[Ty::Text], PgType::TEXT, |c| map1::<Text, _>(c, |s| Ok(quoted(s).into_owned())))],
    ),
    stable("quote_literal", QUOTE_LITERAL),
    stable(
        "quote_nullable",
        &[overload(&[Ty::Any], PgType::TEXT, |c| {
            let quoted = print_first(c, quoted_literal)?;
            let texts = quoted.as_string_view();
            Ok(String::collect(texts.iter().map(|text| Some(text.unwrap_or("NULL").to_owned())).collect()))
        })
        .not_strict()],
    ),
    stable("format", &[overload(&[Ty::Text, Ty::Any], PgType::TEXT, format_rows).variadic().not_strict()]),
    immutable(
        "convert_from",
        &[overload(&[Ty::Bytea, Ty::Text], PgType::TEXT, |c| {
            map2::<Bytea, Text, _>(c, |bytes, from| Ok(charset(from, "source")?.decode(bytes)?.into_owned()))
        })],
    ),
    immutable(
        "convert_to",
        &[overload(&[Ty::Text, Ty::Text], PgType::BYTEA, |c| {
            map2::<Text, Text, _>(c, |text, to| Ok(charset(to, "destination")?.encode(text)?.into_owned()))
        })],
    ),
    immutable("to_ascii", &[overload(&[Ty::Text], PgType::TEXT, |c| map1::<Text, String>(c, |_| Err(no_ascii())))]),
    immutable(
        "convert",
        &[overload(&[Ty::Bytea, Ty::Text, Ty::Text], PgType::BYTEA, |c| map3::<Bytea, Text, Text, _>(c, convert))],
    ),
    immutable(
        "pg_op_concat",
        &[overload(&[Ty::Bytea, Ty::Bytea], PgType::BYTEA, |c| map2::<Bytea, Bytea, _>(c, |a, b| Ok([a, b].concat())))],
    ),
];

/// PostgreSQL's own refusal, in a database of that encoding.
fn no_ascii() -> datafusion::common::DataFusionError {
    error("0A000", "encoding conversion from UTF8 to ASCII not supported")
}

/// The encoding of a name; `role` is what the call has it for.
fn charset(name: &str, role: &str) -> Result<Charset> {
    Charset::by_name(name).ok_or_else(|| invalid_parameter(format!("invalid {role} encoding name \"{name}\"")))
}

fn convert(bytes: &[u8], from: &str, to: &str) -> Result<Vec<u8>> {
    let (from, to) = (charset(from, "source")?, charset(to, "destination")?);
    let text = from.decode(bytes)?;
    Ok(to.encode(&text)?.into_owned())
}

fn encode(bytes: &[u8], format: &str) -> Result<String> {
    match format.to_ascii_lowercase().as_str() {
        "hex" => Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
        "base64" => Ok(to_base64(bytes)),
        "escape" => Ok(escaped(bytes)),
        _ => Err(unknown_encoding(format)),
    }
}

fn unknown_encoding(format: &str) -> datafusion::common::DataFusionError {
    invalid_parameter(format!("unrecognized encoding: \"{format}\""))
}

fn decode(text: &str, format: &str) -> Result<Vec<u8>> {
    match format.to_ascii_lowercase().as_str() {
        "hex" => Ok(parse_hex_bytes(text)?),
        "base64" => from_base64(text).ok_or_else(|| invalid_parameter("invalid base64 end sequence")),
        "escape" => Ok(parse_escaped_bytes(text.as_bytes())?),
        _ => Err(unknown_encoding(format)),
    }
}

fn to_base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        if text.len() % (BASE64_LINE + 1) == BASE64_LINE {
            text.push('\n');
        }
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = BASE64[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let padding = digits.iter().rev().take_while(|b| **b == b'=').count();
    if !digits.len().is_multiple_of(4) || padding > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3);
    for chunk in digits.chunks(4) {
        let mut bits = 0_u32;
        for digit in chunk {
            let value = if *digit == b'=' { 0 } else { BASE64.iter().position(|other| other == digit)? };
            bits = bits << 6 | value as u32;
        }
        bytes.extend(&bits.to_be_bytes()[1..]);
    }
    bytes.truncate(bytes.len() - padding);
    Some(bytes)
}

fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            0 | 0x80.. => text.push_str(&format!("\\{byte:03o}")),
            b'\\' => text.push_str("\\\\"),
            byte => text.push(char::from(*byte)),
        }
    }
    text
}

/// A text as an SQL literal.
pub(crate) fn quoted_literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if text.contains('\\') { format!("E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}

fn print_first(call: &Call<'_>, f: impl Fn(&str) -> String) -> Result<ArrayRef> {
    let texts = call.cast(&call.args[0], PgType::TEXT)?;
    let texts = texts.as_string_view();
    let row = |row| {
        let index = call.index(0, row);
        texts.is_valid(index).then(|| f(texts.value(index)))
    };
    Ok(String::collect((0..call.rows).map(row).collect()))
}

fn format_rows(call: &Call<'_>) -> Result<ArrayRef> {
    let style = call.output_style();
    let formats = Argument::<Text>::of(call, 0);
    let row = |row| {
        let Some(format) = formats.get(row) else { return Ok(None) };
        let argument = |place: usize| -> Result<Option<String>> {
            let Some(array) = call.args.get(place) else {
                return Err(invalid_parameter("too few arguments for format()"));
            };
            let index = call.index(place, row);
            if array.is_null(index) {
                return Ok(None);
            }
            if let Some(booleans) = arrow::array::AsArray::as_boolean_opt(array) {
                return Ok(Some(if booleans.value(index) { "t" } else { "f" }.to_owned()));
            }
            print_value(array, index, &style).map(Some)
        };
        formatted(format, argument).map(Some)
    };
    Ok(String::collect((0..call.rows).map(row).collect::<Result<_>>()?))
}

/// One conversion of `format`: `%[position$][-][width]type`.
struct Conversion {
    position: Option<usize>,
    to_the_left: bool,
    width: Width,
    kind: char,
}

/// The least width of what a conversion writes.
#[derive(Clone, Copy)]
enum Width {
    Is(usize),
    /// What the next argument says, `*`, or the one at that place, `*place$`.
    Argument(Option<usize>),
}

fn formatted(format: &str, argument: impl Fn(usize) -> Result<Option<String>>) -> Result<String> {
    let mut text = String::new();
    let mut next = 1;
    let mut rest = format;
    while let Some(percent) = rest.find('%') {
        text.push_str(&rest[..percent]);
        rest = &rest[percent + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            text.push('%');
            rest = after;
            continue;
        }
        let (conversion, after) = conversion(rest)?;
        rest = after;
        let (width, to_the_left) = match conversion.width {
            Width::Is(width) => (width, false),
            Width::Argument(place) => {
                let place = place.unwrap_or(next);
                next = place + 1;
                width_of(argument(place)?)?
            }
        };
        let place = conversion.position.unwrap_or(next);
        next = place + 1;
        let part = converted(conversion.kind, argument(place)?)?;
        push_padded(&mut text, &part, width, conversion.to_the_left || to_the_left);
    }
    text.push_str(rest);
    Ok(text)
}

fn conversion(text: &str) -> Result<(Conversion, &str)> {
    let unterminated = || invalid_parameter("unterminated format() type specifier");
    let mut rest = text;
    let mut position = None;
    if let Some((digits, after)) = text.split_once('$')
        && let Ok(number) = digits.parse::<usize>()
    {
        if number == 0 {
            return Err(invalid_parameter("format specifies argument 0, but arguments are numbered from 1"));
        }
        position = Some(number);
        rest = after;
    }
    let (to_the_left, after) = rest.strip_prefix('-').map_or((false, rest), |after| (true, after));
    let (width, after) = width(after)?;
    let kind = after.chars().next().ok_or_else(unterminated)?;
    Ok((Conversion { position, to_the_left, width, kind }, &after[kind.len_utf8()..]))
}

fn width(text: &str) -> Result<(Width, &str)> {
    let digits = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let Some(after) = text.strip_prefix('*') else {
        let (width, after) = text.split_at(digits(text));
        return Ok((Width::Is(width.parse().unwrap_or(0)), after));
    };
    let (place, rest) = after.split_at(digits(after));
    match (place.parse::<usize>(), rest.strip_prefix('$')) {
        (Err(_), _) => Ok((Width::Argument(None), after)),
        (Ok(1..), Some(rest)) => Ok((Width::Argument(place.parse().ok()), rest)),
        (Ok(0), Some(_)) => Err(invalid_parameter("format specifies argument 0, but arguments are numbered from 1")),
        (Ok(_), None) => Err(invalid_parameter("width argument position must be ended by \"$\"")),
    }
}

/// The width that an argument says, and whether what it is for stands to the left.
fn width_of(argument: Option<String>) -> Result<(usize, bool)> {
    let Some(text) = argument else { return Ok((0, false)) };
    let width: i32 = text
        .trim()
        .parse()
        .map_err(|_| error("22P02", format!("invalid input syntax for type integer: \"{text}\"")))?;
    Ok((width.unsigned_abs() as usize, width < 0))
}

fn converted(kind: char, argument: Option<String>) -> Result<String> {
    match (kind, argument) {
        ('s', argument) => Ok(argument.unwrap_or_default()),
        ('I', Some(name)) => Ok(quoted(&name).into_owned()),
        ('I', None) => Err(error("22004", "null values cannot be formatted as an SQL identifier")),
        ('L', Some(text)) => Ok(quoted_literal(&text)),
        ('L', None) => Ok("NULL".to_owned()),
        (other, _) => Err(invalid_parameter(format!("unrecognized format() type specifier \"{other}\""))),
    }
}

fn push_padded(text: &mut String, part: &str, width: usize, to_the_left: bool) {
    let filling = " ".repeat(width.saturating_sub(part.chars().count()));
    if to_the_left {
        text.extend([part, &filling]);
    } else {
        text.extend([filling.as_str(), part]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_leads_back() {
        for bytes in [&b""[..], b"a", b"ab", b"abc", &[255; 100]] {
            assert_eq!(from_base64(&to_base64(bytes)).as_deref(), Some(bytes));
        }
    }
}
