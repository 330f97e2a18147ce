//! Casts to and from strings of bits.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, LargeBinaryArray, PrimitiveArray, StringViewArray};
use arrow::datatypes::{DataType, Int32Type, Int64Type};
use datafusion::common::Result;
use peristyle_catalog::model::PgType;
use peristyle_storage::packed::Bits;

use super::cast::{CastJob, CastKind};
use crate::functions::error::out_of_range;
use crate::values::{checked_bits, cut_bits, parse_bits};

/// The bits of each text.
pub(super) fn from_text(job: &CastJob<'_>, texts: &StringViewArray) -> Result<ArrayRef> {
    collect(texts.iter().map(|text| text.map(|text| fitted(job, parse_bits(text)?)).transpose()))
}

/// Strings of bits in a column of another length.
pub(super) fn between(job: &CastJob<'_>, input: &ArrayRef) -> Result<ArrayRef> {
    let strings = input.as_binary::<i64>().iter();
    collect(strings.map(|bytes| bytes.map(|bytes| fitted(job, Bits::unpack(bytes))).transpose()))
}

/// Each number's lowest bits, as many as the type has, which is one where nothing says how many.
pub(super) fn from_integers(job: &CastJob<'_>, input: &ArrayRef) -> Result<ArrayRef> {
    let count = job.target.bit_limit().unwrap_or(1);
    match input.data_type() {
        DataType::Int32 if is_fixed(job.target) => collect_integers::<Int32Type>(input, count),
        DataType::Int64 if is_fixed(job.target) => collect_integers::<Int64Type>(input, count),
        other => Err(job.cannot_cast(other)),
    }
}

/// The number that each string of bits is; 22003 for one of more bits than the number has.
pub(super) fn to_integers(job: &CastJob<'_>, input: &ArrayRef) -> Result<ArrayRef> {
    match job.arrow {
        DataType::Int32 if is_fixed(job.source_type(input)) => {
            numbers::<Int32Type>(input, |bits| number_of(&bits, i32::BITS, "integer").map(|number| number as i32))
        }
        DataType::Int64 if is_fixed(job.source_type(input)) => {
            numbers::<Int64Type>(input, |bits| number_of(&bits, i64::BITS, "bigint").map(|number| number as i64))
        }
        _ => Err(job.cannot_cast(input.data_type())),
    }
}

/// Only bit(n) has casts from and to numbers.
fn is_fixed(ty: PgType) -> bool {
    ty.oid == PgType::BIT.oid
}

fn fitted(job: &CastJob<'_>, bits: Bits) -> Result<Bits> {
    match job.kind {
        CastKind::Explicit => Ok(cut_bits(bits, job.target)),
        CastKind::Assignment => Ok(checked_bits(bits, job.target)?),
    }
}

fn collect(strings: impl Iterator<Item = Result<Option<Bits>>>) -> Result<ArrayRef> {
    let packed = strings.map(|bits| Ok(bits?.map(|bits| bits.pack()))).collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(packed.into_iter().collect::<LargeBinaryArray>()))
}

fn collect_integers<T: ArrowPrimitiveType>(input: &ArrayRef, count: usize) -> Result<ArrayRef>
where
    T::Native: Into<i64>,
{
    let numbers = input.as_primitive::<T>().iter();
    collect(numbers.map(|number| Ok(number.map(|number| lowest_bits(number.into(), count)))))
}

/// Beyond a number's own bits its sign is repeated.
fn lowest_bits(number: i64, count: usize) -> Bits {
    let bit = |at: usize| number >> at.min(i64::BITS as usize - 1) & 1 == 1;
    Bits((0..count).rev().map(bit).collect())
}

fn number_of(bits: &Bits, width: u32, name: &str) -> Result<u64> {
    if bits.0.len() > width as usize {
        return Err(out_of_range(name));
    }
    Ok(bits.0.iter().fold(0, |number, bit| number << 1 | u64::from(*bit)))
}

fn numbers<T: ArrowPrimitiveType>(input: &ArrayRef, of: impl Fn(Bits) -> Result<T::Native>) -> Result<ArrayRef> {
    let strings = input.as_binary::<i64>().iter();
    let numbers = strings.map(|bytes| bytes.map(|bytes| of(Bits::unpack(bytes))).transpose());
    Ok(Arc::new(numbers.collect::<Result<PrimitiveArray<T>>>()?))
}
