//! Functions of bytea: bytes and bits at places, parts, LIKE; and the functions that cut the ends of texts off too.

use arrow::array::ArrayRef;
use datafusion::common::Result;
use datafusion::functions::string;
use peristyle_catalog::model::PgType;

use super::bits;
use super::define::{Call, Definition, Overload, immutable, overload};
use super::error::{error, invalid_parameter};
use super::rows::*;
use super::signature::Ty;

/// `bytes LIKE pattern`.
pub(crate) const LIKE: &str = "pg_op_like_bytes";

const BTRIM: &[Overload] = &[
    overload(&[Ty::Text], PgType::TEXT, |c| c.by(&string::btrim())),
    overload(&[Ty::Text, Ty::Text], PgType::TEXT, |c| c.by(&string::btrim())),
    overload(&[Ty::Bytea, Ty::Bytea], PgType::BYTEA, |c| trim(c, true, true)),
];

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable("btrim", BTRIM),
    immutable("trim", BTRIM),
    immutable(
        "ltrim",
        &[
            overload(&[Ty::Text], PgType::TEXT, |c| c.by(&string::ltrim())),
            overload(&[Ty::Text, Ty::Text], PgType::TEXT, |c| c.by(&string::ltrim())),
            overload(&[Ty::Bytea, Ty::Bytea], PgType::BYTEA, |c| trim(c, true, false)),
        ],
    ),
    immutable(
        "rtrim",
        &[
            overload(&[Ty::Text], PgType::TEXT, |c| c.by(&string::rtrim())),
            overload(&[Ty::Text, Ty::Text], PgType::TEXT, |c| c.by(&string::rtrim())),
            overload(&[Ty::Bytea, Ty::Bytea], PgType::BYTEA, |c| trim(c, false, true)),
        ],
    ),
    immutable("get_byte", &[overload(&[Ty::Bytea, Ty::Int4], PgType::INT4, |c| map2::<Bytea, Int4, i32>(c, get_byte))]),
    immutable(
        "set_byte",
        &[overload(&[Ty::Bytea, Ty::Int4, Ty::Int4], PgType::BYTEA, |c| map3::<Bytea, Int4, Int4, _>(c, set_byte))],
    ),
    immutable(
        "get_bit",
        &[overload(&[Ty::Bytea, Ty::Int8], PgType::INT4, |c| map2::<Bytea, Int8, i32>(c, get_bit)), bits::GET],
    ),
    immutable(
        "set_bit",
        &[
            overload(&[Ty::Bytea, Ty::Int8, Ty::Int4], PgType::BYTEA, |c| map3::<Bytea, Int8, Int4, _>(c, set_bit)),
            bits::SET,
        ],
    ),
    immutable(
        "bit_count",
        &[
            overload(&[Ty::Bytea], PgType::INT8, |c| {
                map1::<Bytea, i64>(c, |bytes| Ok(bytes.iter().map(|byte| i64::from(byte.count_ones())).sum()))
            }),
            bits::COUNT,
        ],
    ),
    immutable(LIKE, &[overload(&[Ty::Bytea, Ty::Bytea], PgType::BOOL, |c| map2::<Bytea, Bytea, bool>(c, is_like))]),
];

/// Bytes with others in the place of `count` of them, from a place counted from 1.
pub(super) fn overlay(bytes: &[u8], by: &[u8], from: i32, count: i32) -> Result<Vec<u8>> {
    if from <= 0 {
        return Err(error("22011", "negative substring length not allowed"));
    }
    let before = (from as usize - 1).min(bytes.len());
    let after = ((from - 1).saturating_add(count).max(0) as usize).min(bytes.len());
    Ok([&bytes[..before], by, &bytes[after..]].concat())
}

fn trim(call: &Call<'_>, at_start: bool, at_end: bool) -> Result<ArrayRef> {
    map2::<Bytea, Bytea, Vec<u8>>(call, |bytes, set| {
        let is_kept = |byte: &u8| !set.contains(byte);
        let start = if at_start { bytes.iter().position(is_kept).unwrap_or(bytes.len()) } else { 0 };
        let end = if at_end { bytes.iter().rposition(is_kept).map_or(0, |last| last + 1) } else { bytes.len() };
        Ok(bytes[start..end.max(start)].to_vec())
    })
}

/// The index of a byte, or of a bit, of which there are so many.
fn checked_index(at: i64, count: usize) -> Result<usize> {
    usize::try_from(at).ok().filter(|at| *at < count).ok_or_else(|| {
        let last = count as i64 - 1;
        error("2202E", format!("index {at} out of valid range, 0..{last}"))
    })
}

fn get_byte(bytes: &[u8], at: i32) -> Result<i32> {
    Ok(bytes[checked_index(at.into(), bytes.len())?].into())
}

/// Of the new value the lowest eight bits count.
fn set_byte(bytes: &[u8], at: i32, value: i32) -> Result<Vec<u8>> {
    let mut changed = bytes.to_vec();
    changed[checked_index(at.into(), bytes.len())?] = value as u8;
    Ok(changed)
}

/// Bits are counted from the lowest of the first byte on.
fn get_bit(bytes: &[u8], at: i64) -> Result<i32> {
    let at = checked_index(at, bytes.len() * 8)?;
    Ok((bytes[at / 8] >> (at % 8) & 1).into())
}

fn set_bit(bytes: &[u8], at: i64, value: i32) -> Result<Vec<u8>> {
    let at = checked_index(at, bytes.len() * 8)?;
    let mut changed = bytes.to_vec();
    match value {
        0 => changed[at / 8] &= !(1 << (at % 8)),
        1 => changed[at / 8] |= 1 << (at % 8),
        _ => return Err(invalid_parameter("new bit must be 0 or 1")),
    }
    Ok(changed)
}

/// `%` is any bytes, `_` is one, a backslash takes what follows as it is.
fn is_like(bytes: &[u8], pattern: &[u8]) -> Result<bool> {
    let (mut at, mut place) = (0, 0);
    // Where the last `%` stands, and how far the bytes were that it took.
    let mut any: Option<(usize, usize)> = None;
    while at < bytes.len() {
        let (wanted, step) = match pattern.get(place) {
            Some(b'%') => {
                any = Some((place, at));
                place += 1;
                continue;
            }
            Some(b'_') => (bytes.get(at), 1),
            Some(b'\\') => match pattern.get(place + 1) {
                Some(escaped) => (Some(escaped), 2),
                None => return Err(error("22025", "LIKE pattern must not end with escape character")),
            },
            other => (other, 1),
        };
        if wanted == bytes.get(at) {
            (at, place) = (at + 1, place + step);
        } else if let Some((percent, taken)) = any {
            any = Some((percent, taken + 1));
            (at, place) = (taken + 1, percent + 1);
        } else {
            return Ok(false);
        }
    }
    Ok(pattern[place..].iter().all(|byte| *byte == b'%'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_like_patterns() {
        let cases: [(&[u8], &[u8], bool); 8] = [
            (b"abc", b"a%", true),
            (b"abc", b"%c", true),
            (b"abc", b"a_c", true),
            (b"abc", b"a%b", false),
            (b"", b"%%", true),
            (b"a%b", b"a\\%b", true),
            (b"axb", b"a\\%b", false),
            (b"aaab", b"%a_b", true),
        ];
        for (bytes, pattern, expected) in cases {
            assert_eq!(is_like(bytes, pattern).expect("a pattern"), expected, "{bytes:?} {pattern:?}");
        }
        assert!(is_like(b"a", b"\\").is_err());
    }

    #[test]
    fn bits_are_counted_from_the_lowest() {
        assert_eq!(get_bit(&[1, 128], 0).expect("a bit"), 1);
        assert_eq!(get_bit(&[1, 128], 15).expect("a bit"), 1);
        assert!(get_bit(&[1], 8).is_err());
        assert_eq!(set_bit(&[0], 3, 1).expect("a bit"), [8]);
        assert_eq!(overlay(&[1, 2, 3], &[255], 2, 1).expect("bytes"), [1, 255, 3]);
    }
}
