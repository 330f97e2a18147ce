//! Row-wise evaluation: lifts a Rust function over values to one over columns, NULL in, NULL out.

use std::sync::Arc;

use arrow::array::*;
use arrow::datatypes::*;
use datafusion::common::Result;
use peristyle_storage::types::UTC;

use super::define::Call;

/// An argument's type, as the Rust function sees it.
pub(crate) trait In {
    type Array: Array + 'static;
    type Value<'a>;
    fn get(array: &Self::Array, index: usize) -> Self::Value<'_>;
}

/// A result's type.
pub(crate) trait Out: Sized {
    fn collect(values: Vec<Option<Self>>) -> ArrayRef;
}

macro_rules! in_type {
    ($marker:ident, $array:ty, $value:ty) => {
        pub(crate) struct $marker;
        impl In for $marker {
            type Array = $array;
            type Value<'a> = $value;
            fn get(array: &Self::Array, index: usize) -> Self::Value<'_> {
                array.value(index)
            }
        }
    };
}

in_type!(Bool, BooleanArray, bool);
in_type!(Int2, Int16Array, i16);
in_type!(Int4, Int32Array, i32);
in_type!(Int8, Int64Array, i64);
in_type!(Float4, Float32Array, f32);
in_type!(Float8, Float64Array, f64);
in_type!(Text, StringViewArray, &'a str);
in_type!(Bytea, BinaryViewArray, &'a [u8]);
in_type!(Date, Date32Array, i32);
in_type!(Time, Time64MicrosecondArray, i64);
// timestamp and timestamptz, in microseconds.
in_type!(Timestamp, TimestampMicrosecondArray, i64);
in_type!(Interval, IntervalMonthDayNanoArray, IntervalMonthDayNano);
in_type!(List, ListArray, ArrayRef);

macro_rules! out_type {
    ($value:ty, $array:ty) => {
        impl Out for $value {
            fn collect(values: Vec<Option<Self>>) -> ArrayRef {
                Arc::new(<$array>::from_iter(values))
            }
        }
    };
}

out_type!(bool, BooleanArray);
out_type!(i16, Int16Array);
out_type!(i32, Int32Array);
out_type!(i64, Int64Array);
out_type!(f32, Float32Array);
out_type!(f64, Float64Array);
out_type!(String, StringViewArray);
out_type!(Vec<u8>, BinaryViewArray);
out_type!(IntervalMonthDayNano, IntervalMonthDayNanoArray);

/// A result of type date, in days.
#[derive(Clone)]
pub(crate) struct DateOut(pub(crate) i32);
/// A result of type time, in microseconds.
#[derive(Clone)]
pub(crate) struct TimeOut(pub(crate) i64);
/// A result of type timestamp, in microseconds.
#[derive(Clone)]
pub(crate) struct TimestampOut(pub(crate) i64);
/// A result of type timestamptz, in microseconds of UTC.
#[derive(Clone)]
pub(crate) struct TimestamptzOut(pub(crate) i64);
/// A result of type text[].
pub(crate) struct TextsOut(pub(crate) Vec<Option<String>>);

impl Out for DateOut {
    fn collect(values: Vec<Option<Self>>) -> ArrayRef {
        Arc::new(Date32Array::from_iter(values.into_iter().map(|v| v.map(|v| v.0))))
    }
}

impl Out for TimeOut {
    fn collect(values: Vec<Option<Self>>) -> ArrayRef {
        Arc::new(Time64MicrosecondArray::from_iter(values.into_iter().map(|v| v.map(|v| v.0))))
    }
}

impl Out for TimestampOut {
    fn collect(values: Vec<Option<Self>>) -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from_iter(values.into_iter().map(|v| v.map(|v| v.0))))
    }
}

impl Out for TimestamptzOut {
    fn collect(values: Vec<Option<Self>>) -> ArrayRef {
        let array = TimestampMicrosecondArray::from_iter(values.into_iter().map(|v| v.map(|v| v.0)));
        Arc::new(array.with_timezone(UTC))
    }
}

impl Out for TextsOut {
    fn collect(values: Vec<Option<Self>>) -> ArrayRef {
        let mut builder = ListBuilder::new(StringViewBuilder::new());
        for value in values {
            match value {
                Some(TextsOut(items)) => builder.append_value(items),
                None => builder.append_null(),
            }
        }
        Arc::new(builder.finish())
    }
}

/// An argument column; a constant is one row that stands for all.
pub(crate) struct Argument<'a, A: In> {
    array: &'a A::Array,
    is_constant: bool,
}

impl<'a, A: In> Argument<'a, A> {
    /// The argument at that place.
    pub(crate) fn of(call: &'a Call<'_>, place: usize) -> Self {
        let array = call.args[place].as_any().downcast_ref().expect("the planner casts arguments to the signature");
        Argument { array, is_constant: call.is_constant[place] }
    }

    pub(crate) fn get(&self, row: usize) -> Option<A::Value<'a>> {
        let index = if self.is_constant { 0 } else { row };
        self.array.is_valid(index).then(|| A::get(self.array, index))
    }
}

pub(crate) fn map1<A: In, R: Out>(call: &Call<'_>, f: impl Fn(A::Value<'_>) -> Result<R>) -> Result<ArrayRef> {
    map1_opt::<A, R>(call, |a| f(a).map(Some))
}

/// As `map1`, where the function may give NULL.
pub(crate) fn map1_opt<A: In, R: Out>(
    call: &Call<'_>,
    f: impl Fn(A::Value<'_>) -> Result<Option<R>>,
) -> Result<ArrayRef> {
    let a = Argument::<A>::of(call, 0);
    let row = |row| a.get(row).map_or(Ok(None), &f);
    Ok(R::collect((0..call.rows).map(row).collect::<Result<_>>()?))
}

pub(crate) fn map2<A: In, B: In, R: Out>(
    call: &Call<'_>,
    f: impl Fn(A::Value<'_>, B::Value<'_>) -> Result<R>,
) -> Result<ArrayRef> {
    map2_opt::<A, B, R>(call, |a, b| f(a, b).map(Some))
}

pub(crate) fn map2_opt<A: In, B: In, R: Out>(
    call: &Call<'_>,
    f: impl Fn(A::Value<'_>, B::Value<'_>) -> Result<Option<R>>,
) -> Result<ArrayRef> {
    let (a, b) = (Argument::<A>::of(call, 0), Argument::<B>::of(call, 1));
    let row = |row| match (a.get(row), b.get(row)) {
        (Some(a), Some(b)) => f(a, b),
        _ => Ok(None),
    };
    Ok(R::collect((0..call.rows).map(row).collect::<Result<_>>()?))
}

pub(crate) fn map3<A: In, B: In, C: In, R: Out>(
    call: &Call<'_>,
    f: impl Fn(A::Value<'_>, B::Value<'_>, C::Value<'_>) -> Result<R>,
) -> Result<ArrayRef> {
    map3_opt::<A, B, C, R>(call, |a, b, c| f(a, b, c).map(Some))
}

pub(crate) fn map3_opt<A: In, B: In, C: In, R: Out>(
    call: &Call<'_>,
    f: impl Fn(A::Value<'_>, B::Value<'_>, C::Value<'_>) -> Result<Option<R>>,
) -> Result<ArrayRef> {
    let (a, b, c) = (Argument::<A>::of(call, 0), Argument::<B>::of(call, 1), Argument::<C>::of(call, 2));
    let row = |row| match (a.get(row), b.get(row), c.get(row)) {
        (Some(a), Some(b), Some(c)) => f(a, b, c),
        _ => Ok(None),
    };
    Ok(R::collect((0..call.rows).map(row).collect::<Result<_>>()?))
}
