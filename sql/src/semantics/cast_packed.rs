//! Casts of values that are stored packed: of networks and hardware addresses among themselves, and to text.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewBuilder};
use datafusion::common::Result;
use peristyle_catalog::model::TypeKind;
use peristyle_storage::packed::{self, Cidr, Inet, Macaddr, Macaddr8, Packed};

use super::cast::CastJob;
use super::cast_text::limit_characters;
use crate::functions::error::FunctionError;
use crate::functions::packed_rows::collect;

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

/// Values of one packed type as another; 42846 where there is no such cast.
pub(super) fn between(job: &CastJob<'_>, input: &ArrayRef) -> Result<ArrayRef> {
    let kind = |ty: &arrow::datatypes::DataType| match ty {
        arrow::datatypes::DataType::FixedSizeBinary(width) => packed::kind_of_width(*width),
        _ => None,
    };
    match (kind(input.data_type()), kind(job.arrow)) {
        (Some(TypeKind::Inet), Some(TypeKind::Cidr)) => map(input, |inet: Inet| Ok(inet.network())),
        (Some(TypeKind::Cidr), Some(TypeKind::Inet)) => map(input, |cidr: Cidr| Ok(cidr.inet())),
        (Some(TypeKind::Macaddr), Some(TypeKind::Macaddr8)) => map(input, |short: Macaddr| Ok(Macaddr8::from(short))),
        (Some(TypeKind::Macaddr8), Some(TypeKind::Macaddr)) => map(input, shortened),
        _ => Err(job.cannot_cast(input.data_type())),
    }
}

fn map<A: Packed, B: Packed>(input: &ArrayRef, convert: impl Fn(A) -> Result<B>) -> Result<ArrayRef> {
    let values = input.as_fixed_size_binary().iter();
    let values = values.map(|value| value.map(|bytes| convert(A::of(bytes))).transpose());
    Ok(collect(values.collect::<Result<Vec<_>>>()?))
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
