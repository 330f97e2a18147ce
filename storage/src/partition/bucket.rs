//! The bucket of a value: a versioned function of its *logical* value, so that `5::smallint` and `5::bigint` agree
//! and a bucket stays right when its column is widened within a [`BucketFamily`]. Version 1 is in docs/formats.md, "bucket
//! hash": FNV-1a (64 bit) over a canonical form of the value, then the 64-bit finaliser of MurmurHash3.

use arrow::array::types::{
    Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType, UInt32Type,
};
use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray};
use arrow::datatypes::{DataType, TimeUnit, i256};

use super::NANOS_PER_MICRO;
use super::widening::{Decimal, days_to_micros};
use crate::special_numeric::Special;
use crate::{Error, Result};

/// Version of the function; a change of it makes old buckets useless for pruning.
pub const BUCKET_HASH_VERSION: u32 = 1;
/// Where NULLs go.
pub const NULL_BUCKET: u32 = 0;
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;
const MICROS_PER_DAY: i128 = 86_400_000_000;
const DAYS_PER_MONTH: i128 = 30;

/// The bucket of each value, `0..buckets`; NULLs are in [`NULL_BUCKET`].
pub fn buckets_of(values: &ArrayRef, buckets: u32) -> Result<Vec<u32>> {
    let hashes = hashes_of(values)?;
    let bucket = |hash: u64| (hash % u64::from(buckets.max(1))) as u32;
    let of_row = |(row, hash)| if values.is_null(row) { NULL_BUCKET } else { bucket(hash) };
    Ok(hashes.into_iter().enumerate().map(of_row).collect())
}

fn hashes_of(values: &ArrayRef) -> Result<Vec<u64>> {
    Ok(match values.data_type() {
        DataType::Boolean => {
            let values = values.as_boolean();
            (0..values.len()).map(|row| hash(b'o', &[u8::from(values.value(row))])).collect()
        }
        DataType::Int16 => map::<Int16Type>(values, |v| integer(v.into())),
        DataType::Int32 => map::<Int32Type>(values, |v| integer(v.into())),
        DataType::Int64 => map::<Int64Type>(values, integer),
        DataType::UInt32 => map::<UInt32Type>(values, |v| integer(v.into())),
        // A real counts as the double that it widens to.
        DataType::Float32 => map::<Float32Type>(values, |v| float(v.into())),
        DataType::Float64 => map::<Float64Type>(values, float),
        DataType::Decimal128(_, scale) => map::<Decimal128Type>(values, |v| decimal(i256::from_i128(v), *scale)),
        DataType::Decimal256(_, scale) => map::<Decimal256Type>(values, |v| decimal(v, *scale)),
        DataType::Date32 => map::<Date32Type>(values, |v| hash(b's', &days_to_micros(v).to_le_bytes())),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            map::<TimestampMicrosecondType>(values, |v| hash(b's', &v.to_le_bytes()))
        }
        DataType::Time64(TimeUnit::Microsecond) => {
            map::<Time64MicrosecondType>(values, |v| hash(b'm', &v.to_le_bytes()))
        }
        DataType::Interval(_) => map::<IntervalMonthDayNanoType>(values, |v| {
            let days = i128::from(v.months) * DAYS_PER_MONTH + i128::from(v.days);
            hash(b'i', &(days * MICROS_PER_DAY + i128::from(v.nanoseconds / NANOS_PER_MICRO)).to_le_bytes())
        }),
        DataType::Utf8View => {
            let values = values.as_string_view();
            (0..values.len()).map(|row| hash(b't', values.value(row).as_bytes())).collect()
        }
        DataType::BinaryView => {
            let values = values.as_binary_view();
            (0..values.len()).map(|row| hash(b'b', values.value(row))).collect()
        }
        DataType::FixedSizeBinary(_) => {
            let values = values.as_fixed_size_binary();
            (0..values.len()).map(|row| hash(b'u', values.value(row))).collect()
        }
        DataType::LargeBinary => {
            let values = values.as_binary::<i64>();
            (0..values.len()).map(|row| hash(b'u', values.value(row))).collect()
        }
        other => return Err(Error::Unsupported(format!("a bucket key of Arrow type {other}"))),
    })
}

fn map<T: ArrowPrimitiveType>(values: &ArrayRef, hash: impl Fn(T::Native) -> u64) -> Vec<u64> {
    values.as_primitive::<T>().values().iter().map(|value| hash(*value)).collect()
}

fn hash(tag: u8, bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME);
    finish(bytes.iter().fold(step(FNV_OFFSET, tag), |hash, &byte| step(hash, byte)))
}

/// MurmurHash3's fmix64: FNV's low bits alone are poor.
fn finish(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

/// A number is its least scale ≥ 0 and its unscaled value in the fewest two's complement bytes.
fn number(unscaled: &[u8], scale: u8) -> u64 {
    let fill = if unscaled.last().is_some_and(|last| *last >= 0x80) { 0xFF } else { 0 };
    let mut length = unscaled.len();
    while length > 1 && unscaled[length - 1] == fill && (unscaled[length - 2] >= 0x80) == (fill == 0xFF) {
        length -= 1;
    }
    let mut canonical = [0; 33];
    canonical[0] = scale;
    canonical[1..=length].copy_from_slice(&unscaled[..length]);
    hash(b'n', &canonical[..=length])
}

fn integer(value: i64) -> u64 {
    number(&value.to_le_bytes(), 0)
}

fn decimal(mut unscaled: i256, mut scale: i8) -> u64 {
    if let Some(special) = Special::of(unscaled) {
        return float(special.float());
    }
    let ten = i256::from_i128(10);
    while scale > 0 && unscaled % ten == i256::ZERO {
        unscaled /= ten;
        scale -= 1;
    }
    while scale < 0 {
        unscaled = unscaled.wrapping_mul(ten);
        scale += 1;
    }
    number(&unscaled.to_le_bytes(), scale as u8)
}

/// A double counts as the decimal number that its shortest text names, which is what it widens to.
fn float(value: f64) -> u64 {
    match Decimal::of_float(value) {
        Some(Decimal { unscaled, scale }) => decimal(unscaled, scale),
        None if value.is_nan() => hash(b'f', b"NaN"),
        None => hash(b'f', &value.to_le_bytes()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use arrow::array::{
        Date32Array, Decimal128Array, Decimal256Array, Float32Array, Float64Array, Int16Array, Int64Array,
        StringViewArray, TimestampMicrosecondArray,
    };

    use super::*;

    fn one(values: impl Array + 'static) -> u64 {
        hashes_of(&(Arc::new(values) as ArrayRef)).unwrap()[0]
    }

    fn decimal128(unscaled: i128, scale: i8) -> Decimal128Array {
        Decimal128Array::from(vec![unscaled]).with_precision_and_scale(38, scale).unwrap()
    }

    #[test]
    fn equal_numbers_agree_whatever_their_type() {
        for value in [5_i16, 0, -1, -128, 127, 128, 255, 256, -30_000] {
            let expected = one(Int16Array::from(vec![value]));
            assert_eq!(one(Int64Array::from(vec![i64::from(value)])), expected);
            assert_eq!(one(Float32Array::from(vec![f32::from(value)])), expected);
            assert_eq!(one(Float64Array::from(vec![f64::from(value)])), expected);
            assert_eq!(one(decimal128(i128::from(value) * 1000, 3)), expected);
            let wide = Decimal256Array::from(vec![i256::from_i128(i128::from(value) * 10)]);
            assert_eq!(one(wide.with_precision_and_scale(50, 1).unwrap()), expected);
        }
        assert_eq!(one(Float64Array::from(vec![-0.0])), one(Float64Array::from(vec![0.0])));
        assert_eq!(one(Float64Array::from(vec![1.25])), one(decimal128(12_500, 4)));
        for special in [Special::NaN, Special::Infinity, Special::NegativeInfinity] {
            let numeric = Decimal256Array::from(vec![special.unscaled()]).with_precision_and_scale(76, 3).unwrap();
            assert_eq!(one(numeric), one(Float64Array::from(vec![special.float()])), "{special:?}");
        }
        assert_ne!(one(decimal128(15, 1)), one(decimal128(15, 2)));
    }

    #[test]
    fn a_date_agrees_with_its_midnight() {
        let day = one(Date32Array::from(vec![3]));
        assert_eq!(one(TimestampMicrosecondArray::from(vec![3 * 86_400_000_000])), day);
    }

    /// These numbers are the format: a change of them needs a new version.
    #[test]
    fn golden_hashes_of_version_1() {
        assert_eq!(BUCKET_HASH_VERSION, 1);
        let golden = [
            (one(Int64Array::from(vec![5])), GOLDEN[0]),
            (one(Int64Array::from(vec![-1_000_000])), GOLDEN[1]),
            (one(StringViewArray::from(vec!["peristyle"])), GOLDEN[2]),
            (one(decimal128(-12_345, 2)), GOLDEN[3]),
            (one(Float64Array::from(vec![0.1])), GOLDEN[4]),
            (one(TimestampMicrosecondArray::from(vec![1_700_000_000_000_000])), GOLDEN[5]),
        ];
        let (found, expected): (Vec<u64>, Vec<u64>) = golden.into_iter().unzip();
        assert_eq!(found, expected);
    }

    /// Computed by an independent implementation of the description in docs/formats.md.
    const GOLDEN: [u64; 6] = [
        12_842_828_639_235_774_472,
        6_846_967_324_092_540_075,
        3_135_979_023_283_816_482,
        6_111_029_322_757_286_096,
        4_344_813_134_692_888_076,
        10_191_269_472_403_166_260,
    ];

    #[test]
    fn buckets_are_even_and_nulls_have_theirs() {
        let values: ArrayRef = Arc::new(Int64Array::from_iter_values(0..64_000));
        let mut counts = [0_u32; 64];
        buckets_of(&values, 64).unwrap().into_iter().for_each(|bucket| counts[bucket as usize] += 1);
        assert!(counts.iter().all(|count| (800..1200).contains(count)), "{counts:?}");
        let nulls: ArrayRef = Arc::new(Int64Array::from(vec![None::<i64>]));
        assert_eq!(buckets_of(&nulls, 64).unwrap(), [NULL_BUCKET]);
    }
}
