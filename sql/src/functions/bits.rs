//! Functions and operators of strings of bits.

use std::sync::Arc;

use arrow::array::{ArrayRef, LargeBinaryArray};
use datafusion::common::{DataFusionError, Result};
use peristyle_catalog::model::{PgType, TypeKind};
use peristyle_storage::packed::Bits;

use super::define::{Call, Definition, Overload, immutable, overload};
use super::error::{error, invalid_parameter};
use super::rows::{Argument, In, Int4, Out, map1, map2, map3};
use super::signature::Ty;

pub(super) const BITS: Ty = Ty::Packed(TypeKind::Varbit);

const AND: &str = "pg_op_bits_and";
const OR: &str = "pg_op_bits_or";
const XOR: &str = "pg_op_bits_xor";
const SHIFT_LEFT: &str = "pg_op_bits_shift_left";
const SHIFT_RIGHT: &str = "pg_op_bits_shift_right";
/// `||`.
pub(crate) const CONCAT: &str = "pg_op_bits_concat";

/// Operators as they are written, and their functions.
pub(crate) const OPERATORS: &[(&str, &str)] =
    &[("&", AND), ("|", OR), ("#", XOR), ("<<", SHIFT_LEFT), (">>", SHIFT_RIGHT)];

/// A column of strings of bits.
struct Strings;

impl In for Strings {
    type Array = LargeBinaryArray;
    type Value<'a> = Bits;

    fn get(array: &LargeBinaryArray, index: usize) -> Bits {
        Bits::unpack(array.value(index))
    }
}

impl Out for Bits {
    fn collect(values: Vec<Option<Self>>) -> ArrayRef {
        Arc::new(values.into_iter().map(|bits| bits.map(|bits| bits.pack())).collect::<LargeBinaryArray>())
    }
}

/// `~`.
pub(super) const NOT: Overload = overload(&[BITS], PgType::BIT, |c| {
    map1::<Strings, Bits>(c, |bits| Ok(Bits(bits.0.into_iter().map(|bit| !bit).collect())))
});
pub(super) const LENGTH: Overload =
    overload(&[BITS], PgType::INT4, |c| map1::<Strings, i32>(c, |bits| Ok(bits.0.len() as i32)));
pub(super) const OCTETS: Overload =
    overload(&[BITS], PgType::INT4, |c| map1::<Strings, i32>(c, |bits| Ok(bits.0.len().div_ceil(8) as i32)));
pub(super) const COUNT: Overload = overload(&[BITS], PgType::INT8, |c| {
    map1::<Strings, i64>(c, |bits| Ok(bits.0.iter().filter(|bit| **bit).count() as i64))
});
pub(super) const GET: Overload = overload(&[BITS, Ty::Int4], PgType::INT4, |c| map2::<Strings, Int4, i32>(c, get));
pub(super) const SET: Overload =
    overload(&[BITS, Ty::Int4, Ty::Int4], PgType::BIT, |c| map3::<Strings, Int4, Int4, Bits>(c, set));
pub(super) const POSITION: Overload = overload(&[BITS, BITS], PgType::INT4, |c| {
    map2::<Strings, Strings, i32>(c, |bits, part| Ok(position(&bits, &part)))
});
pub(super) const SUBSTRING_FROM: Overload = overload(&[BITS, Ty::Int4], PgType::BIT, |c| {
    map2::<Strings, Int4, Bits>(c, |bits, from| substring(&bits, from, None))
});
pub(super) const SUBSTRING: Overload = overload(&[BITS, Ty::Int4, Ty::Int4], PgType::BIT, |c| {
    map3::<Strings, Int4, Int4, Bits>(c, |bits, from, count| substring(&bits, from, Some(count)))
});
pub(super) const OVERLAY_FROM: Overload = overload(&[BITS, BITS, Ty::Int4], PgType::BIT, |c| {
    map3::<Strings, Strings, Int4, Bits>(c, |bits, by, from| {
        let count = by.0.len() as i32;
        overlay(&bits, by, from, count)
    })
});
pub(super) const OVERLAY: Overload = overload(&[BITS, BITS, Ty::Int4, Ty::Int4], PgType::BIT, overlaid);

pub(crate) const DEFINITIONS: &[Definition] = &[
    immutable(AND, &[overload(&[BITS, BITS], PgType::BIT, |c| map2::<Strings, Strings, Bits>(c, |a, b| and(&a, &b)))]),
    immutable(OR, &[overload(&[BITS, BITS], PgType::BIT, |c| map2::<Strings, Strings, Bits>(c, |a, b| or(&a, &b)))]),
    immutable(XOR, &[overload(&[BITS, BITS], PgType::BIT, |c| map2::<Strings, Strings, Bits>(c, |a, b| xor(&a, &b)))]),
    immutable(
        SHIFT_LEFT,
        &[overload(&[BITS, Ty::Int4], PgType::BIT, |c| {
            map2::<Strings, Int4, Bits>(c, |bits, by| Ok(shifted(&bits, by.into())))
        })],
    ),
    immutable(
        SHIFT_RIGHT,
        &[overload(&[BITS, Ty::Int4], PgType::BIT, |c| {
            map2::<Strings, Int4, Bits>(c, |bits, by| Ok(shifted(&bits, -i64::from(by))))
        })],
    ),
    immutable(
        CONCAT,
        &[overload(&[BITS, BITS], PgType::VARBIT, |c| {
            map2::<Strings, Strings, Bits>(c, |a, b| Ok(Bits([a.0, b.0].concat())))
        })],
    ),
];

/// 22026 for strings of two lengths.
fn zip(a: &Bits, b: &Bits, operation: &str, of: impl Fn(bool, bool) -> bool) -> Result<Bits> {
    if a.0.len() != b.0.len() {
        return Err(error("22026", format!("cannot {operation} bit strings of different sizes")));
    }
    Ok(Bits(a.0.iter().zip(&b.0).map(|(a, b)| of(*a, *b)).collect()))
}

pub(super) fn and(a: &Bits, b: &Bits) -> Result<Bits> {
    zip(a, b, "AND", |a, b| a && b)
}

pub(super) fn or(a: &Bits, b: &Bits) -> Result<Bits> {
    zip(a, b, "OR", |a, b| a || b)
}

pub(super) fn xor(a: &Bits, b: &Bits) -> Result<Bits> {
    zip(a, b, "XOR", |a, b| a != b)
}

/// To the left by so many places, where that is negative to the right; zeros come in.
fn shifted(bits: &Bits, by: i64) -> Bits {
    let at = |place: usize| usize::try_from(place as i64 + by).ok().and_then(|from| bits.0.get(from)).copied();
    Bits((0..bits.0.len()).map(|place| at(place).unwrap_or(false)).collect())
}

/// The place of a bit, counted from the first one.
fn checked_index(bits: &Bits, at: i32) -> Result<usize> {
    usize::try_from(at).ok().filter(|at| *at < bits.0.len()).ok_or_else(|| {
        let last = bits.0.len() as i64 - 1;
        error("2202E", format!("bit index {at} out of valid range (0..{last})"))
    })
}

fn get(bits: Bits, at: i32) -> Result<i32> {
    Ok(bits.0[checked_index(&bits, at)?].into())
}

fn set(mut bits: Bits, at: i32, value: i32) -> Result<Bits> {
    let at = checked_index(&bits, at)?;
    bits.0[at] = match value {
        0 => false,
        1 => true,
        _ => return Err(invalid_parameter("new bit must be 0 or 1")),
    };
    Ok(bits)
}

/// Where a part begins first, counted from 1; 0 if it does not.
fn position(bits: &Bits, part: &Bits) -> i32 {
    if bits.0.is_empty() {
        return 0;
    }
    if part.0.is_empty() {
        return 1;
    }
    bits.0.windows(part.0.len()).position(|window| window == part.0).map_or(0, |at| at as i32 + 1)
}

/// So many bits from a place that is counted from 1, or all.
fn substring(bits: &Bits, from: i32, count: Option<i32>) -> Result<Bits> {
    let length = bits.0.len() as i64;
    let start = i64::from(from) - 1;
    let end = match count {
        None => length,
        Some(count) if count < 0 => return Err(negative_length()),
        Some(count) => (start + i64::from(count)).clamp(0, length),
    };
    let start = start.clamp(0, end);
    Ok(Bits(bits.0[start as usize..end as usize].to_vec()))
}

fn negative_length() -> DataFusionError {
    error("22011", "negative substring length not allowed")
}

/// Bits with others in the place of `count` of them, from a place counted from 1.
fn overlay(bits: &Bits, by: Bits, from: i32, count: i32) -> Result<Bits> {
    if from <= 0 {
        return Err(negative_length());
    }
    let behind = from.checked_add(count).ok_or_else(|| super::error::out_of_range("integer"))?;
    let (before, after) = (substring(bits, 1, Some(from - 1))?, substring(bits, behind, None)?);
    Ok(Bits([before.0, by.0, after.0].concat()))
}

fn overlaid(call: &Call<'_>) -> Result<ArrayRef> {
    let (bits, by) = (Argument::<Strings>::of(call, 0), Argument::<Strings>::of(call, 1));
    let (from, count) = (Argument::<Int4>::of(call, 2), Argument::<Int4>::of(call, 3));
    let row = |row| match (bits.get(row), by.get(row), from.get(row), count.get(row)) {
        (Some(bits), Some(by), Some(from), Some(count)) => overlay(&bits, by, from, count).map(Some),
        _ => Ok(None),
    };
    Ok(Bits::collect((0..call.rows).map(row).collect::<Result<_>>()?))
}
