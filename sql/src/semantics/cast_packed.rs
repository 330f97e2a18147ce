//! Casts of values that are stored packed: among themselves, to text, and to and from what they are made of.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewBuilder, Time64MicrosecondArray};
use arrow::datatypes::{DataType, Time64MicrosecondType, TimestampMicrosecondType};
use datafusion::common::Result;
use peristyle_catalog::model::TypeKind;
use peristyle_storage::packed::{self, Cidr, Inet, Macaddr, Macaddr8, Packed, Timetz};

use super::cast::CastJob;
use super::cast_text::limit_characters;
use super::{cast_bits, cast_money};
use crate::functions::error::FunctionError;
use crate::functions::packed_rows::collect;
use crate::functions::time_zone::is_infinite;
use crate::functions::timetz;
use crate::values::{round_micros, rounded_time};

/// The text of each inet, which always has its mask; shown is one without it where it is the whole address.
pub(super) fn inet_to_text(job: &CastJob<'_>, input: &ArrayRef) -> Result<ArrayRef> {
    let values = input.as_fixed_size_binary();
    let mut builder = StringViewBuilder::with_capacity(values.len());
    let mut text = String::new();
    for value in values {
        let Some(value) = value else {
            builder.append_null();
            continue;
        };
        text.clear();
        packed::write_cast_text(TypeKind::Inet, value, &mut text);
        builder.append_value(limit_characters(job, text.as_str().into())?);
    }
    Ok(Arc::new(builder.finish()))
}

/// Values of a packed type as another type, or of another type as a packed one; 42846 where there is no such cast.
pub(super) fn convert(job: &CastJob<'_>, input: &ArrayRef) -> Result<ArrayRef> {
    let (from, to) = (input.data_type(), job.arrow);
    match (packed::kind_of(from), packed::kind_of(to)) {
        (Some(TypeKind::Varbit), Some(TypeKind::Varbit)) => cast_bits::between(job, input),
        (Some(TypeKind::Varbit), None) => cast_bits::to_integers(job, input),
        (None, Some(TypeKind::Varbit)) => cast_bits::from_integers(job, input),
        (Some(TypeKind::Money), None) => cast_money::to_numbers(job, input),
        (None, Some(TypeKind::Money)) => cast_money::from_numbers(job, input),
        (Some(TypeKind::Timetz), Some(TypeKind::Timetz)) => map(input, |time| Ok(rounded_time(time, job.target))),
        (Some(TypeKind::Timetz), None) if matches!(to, DataType::Time64(_)) => Ok(clocks(job, input)),
        (None, Some(TypeKind::Timetz)) => times_with_offset(job, input),
        (from, to) if from.is_some() && from == to => Ok(Arc::clone(input)),
        (Some(TypeKind::Inet), Some(TypeKind::Cidr)) => map(input, |inet: Inet| Ok(inet.network())),
        (Some(TypeKind::Cidr), Some(TypeKind::Inet)) => map(input, |cidr: Cidr| Ok(cidr.inet())),
        (Some(TypeKind::Macaddr), Some(TypeKind::Macaddr8)) => map(input, |short: Macaddr| Ok(Macaddr8::from(short))),
        (Some(TypeKind::Macaddr8), Some(TypeKind::Macaddr)) => map(input, shortened),
        _ => Err(job.cannot_cast(from)),
    }
}

fn map<A: Packed, B: Packed>(input: &ArrayRef, convert: impl Fn(A) -> Result<B>) -> Result<ArrayRef> {
    let values = input.as_fixed_size_binary().iter();
    let values = values.map(|value| value.map(|bytes| convert(A::of(bytes))).transpose());
    Ok(collect(values.collect::<Result<Vec<_>>>()?))
}

/// The times without their offsets.
fn clocks(job: &CastJob<'_>, input: &ArrayRef) -> ArrayRef {
    let clock = |bytes: &[u8]| round_micros(Timetz::of(bytes).micros, job.target.typmod);
    let clocks = input.as_fixed_size_binary().iter().map(|bytes| bytes.map(clock));
    Arc::new(clocks.collect::<Time64MicrosecondArray>())
}

/// A time gets the offset of the session's zone on the day of the statement, an instant's is that of the zone then.
fn times_with_offset(job: &CastJob<'_>, input: &ArrayRef) -> Result<ArrayRef> {
    let context = job.context()?;
    let (zone, now) = (context.zone(), context.transaction_start.0);
    let times: Vec<Option<Timetz>> = match input.data_type() {
        DataType::Time64(_) => {
            let times = input.as_primitive::<Time64MicrosecondType>().iter();
            times.map(|micros| Some(timetz::with_zone(micros?, zone, now))).collect()
        }
        DataType::Timestamp(_, Some(_)) => {
            let instants = input.as_primitive::<TimestampMicrosecondType>().iter();
            // As in PostgreSQL: the end of time has no time of day.
            let finite = instants.map(|micros| micros.filter(|micros| !is_infinite(*micros)));
            finite.map(|micros| Some(timetz::of_instant(micros?, zone))).collect()
        }
        other => return Err(job.cannot_cast(other)),
    };
    Ok(collect(times.into_iter().map(|time| Some(rounded_time(time?, job.target))).collect()))
}

fn shortened(long: Macaddr8) -> Result<Macaddr> {
    long.as_macaddr().ok_or_else(|| {
        FunctionError::new("22003", "macaddr8 data out of range to convert to macaddr")
            .with_hint(
                "Only addresses that have FF and FE as values in the 4th and 5th bytes from the left, for example \
                 xx:xx:xx:ff:fe:xx:xx:xx, are eligible to be converted from macaddr8 to macaddr.",
            )
            .into()
    })
}
