//! Arguments and results of functions over values that are stored packed.

use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeBinaryArray, FixedSizeBinaryBuilder};
use peristyle_storage::packed::{self, Cidr, Inet, Macaddr, Macaddr8, Money, Packed, Timetz};

use super::rows::{In, Out};

/// An argument of that packed type.
pub(crate) struct Of<P>(PhantomData<P>);

impl<P: Packed> In for Of<P> {
    type Array = FixedSizeBinaryArray;
    type Value<'a> = P;

    fn get(array: &FixedSizeBinaryArray, index: usize) -> P {
        P::of(array.value(index))
    }
}

macro_rules! out {
    ($($packed:ty)*) => {
        $(impl Out for $packed {
            fn collect(values: Vec<Option<Self>>) -> ArrayRef {
                collect(values)
            }
        })*
    };
}

out!(Inet Cidr Macaddr Macaddr8 Money Timetz);

/// The array of packed values.
pub(crate) fn collect<P: Packed>(values: Vec<Option<P>>) -> ArrayRef {
    let width = packed::width(P::KIND).expect("a packed type has a width");
    let mut builder = FixedSizeBinaryBuilder::with_capacity(values.len(), width);
    for value in values {
        match value {
            Some(value) => builder.append_value(value.pack()).expect("a value has its type's width"),
            None => builder.append_null(),
        }
    }
    Arc::new(builder.finish())
}
