//! How plain values become bytes: varints (LEB128), zigzag for signed numbers, a length before text and lists.

use uuid::Uuid;

/// Why bytes are not what an encoder wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

/// What decoding gives.
pub(crate) type Decoded<T> = Result<T, Malformed>;

/// Most bytes of one varint: ten groups of seven bits hold 64.
const VARINT_BYTES_MAX: usize = 10;

/// A value with one byte form.
pub(crate) trait Field: Sized {
    fn put(&self, out: &mut Vec<u8>);
    fn take(input: &mut Input<'_>) -> Decoded<Self>;
}

/// Bytes that are being decoded.
pub(crate) struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Input { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Decoded<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Malformed("the bytes end too early"))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Decoded<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(Malformed("the bytes end too early"))?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn varint(&mut self) -> Decoded<u64> {
        let mut value = 0_u64;
        for group in 0..VARINT_BYTES_MAX {
            let [byte] = self.array::<1>()?;
            let bits = u64::from(byte & 0x7f);
            let shift = 7 * group as u32;
            if shift == 63 && bits > 1 {
                return Err(Malformed("a number has more than 64 bits"));
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed("a number has more than 64 bits"))
    }

    /// A count of items of at least one byte each, so that damage cannot ask for memory that the input does not have.
    pub(crate) fn count(&mut self) -> Decoded<usize> {
        let count = usize::try_from(self.varint()?).map_err(|_| Malformed("a count is out of range"))?;
        if count > self.rest.len() { Err(Malformed("a count is larger than its bytes")) } else { Ok(count) }
    }

    pub(crate) fn end(&self) -> Decoded<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed("bytes follow the end")) }
    }
}

pub(crate) fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(crate) fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Implements [`Field`] for a struct as its named fields in the order given here, which is the format's.
macro_rules! fields {
    ($type:ty { $($field:ident),+ $(,)? }) => {
        impl $crate::records::codec::Field for $type {
            fn put(&self, out: &mut Vec<u8>) {
                $( $crate::records::codec::Field::put(&self.$field, out); )+
            }

            fn take(input: &mut $crate::records::codec::Input<'_>) -> $crate::records::codec::Decoded<Self> {
                $( let $field = $crate::records::codec::Field::take(input)?; )+
                Ok(Self { $($field),+ })
            }
        }
    };
}

/// Implements [`Field`] for newtypes as what they wrap.
macro_rules! newtypes {
    ($($type:ident),+ $(,)?) => {
        $(
            impl $crate::records::codec::Field for $type {
                fn put(&self, out: &mut Vec<u8>) {
                    $crate::records::codec::Field::put(&self.0, out);
                }

                fn take(input: &mut $crate::records::codec::Input<'_>) -> $crate::records::codec::Decoded<Self> {
                    $crate::records::codec::Field::take(input).map($type)
                }
            }
        )+
    };
}

pub(crate) use {fields, newtypes};

macro_rules! unsigned {
    ($($type:ty),+) => {
        $(
            impl Field for $type {
                fn put(&self, out: &mut Vec<u8>) {
                    put_varint(u64::from(*self), out);
                }

                fn take(input: &mut Input<'_>) -> Decoded<Self> {
                    Self::try_from(input.varint()?).map_err(|_| Malformed("a number is out of range"))
                }
            }
        )+
    };
}

macro_rules! signed {
    ($($type:ty),+) => {
        $(
            impl Field for $type {
                fn put(&self, out: &mut Vec<u8>) {
                    let value = i64::from(*self);
                    put_varint(((value << 1) ^ (value >> 63)) as u64, out);
                }

                fn take(input: &mut Input<'_>) -> Decoded<Self> {
                    let zigzag = input.varint()?;
                    let value = (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64);
                    Self::try_from(value).map_err(|_| Malformed("a number is out of range"))
                }
            }
        )+
    };
}

unsigned!(u16, u32, u64);
signed!(i16, i32, i64);

impl Field for u8 {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(*self);
    }

    fn take(input: &mut Input<'_>) -> Decoded<Self> {
        input.array::<1>().map(|[byte]| byte)
    }
}

impl Field for i8 {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(self.cast_unsigned());
    }

    fn take(input: &mut Input<'_>) -> Decoded<Self> {
        u8::take(input).map(u8::cast_signed)
    }
}

impl Field for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn take(input: &mut Input<'_>) -> Decoded<Self> {
        match u8::take(input)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed("a truth value is neither 0 nor 1")),
        }
    }
}

impl Field for i128 {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn take(input: &mut Input<'_>) -> Decoded<Self> {
        input.array().map(i128::from_le_bytes)
    }
}

impl Field for f32 {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_bits().to_le_bytes());
    }

    fn take(input: &mut Input<'_>) -> Decoded<Self> {
        input.array().map(|bytes| f32::from_bits(u32::from_le_bytes(bytes)))
    }
}

impl Field for f64 {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_bits().to_le_bytes());
    }

    fn take(input: &mut Input<'_>) -> Decoded<Self> {
        input.array().map(|bytes| f64::from_bits(u64::from_le_bytes(bytes)))
    }
}

impl Field for Uuid {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }

    fn take(input: &mut Input<'_>) -> Decoded<Self> {
        input.array().map(Uuid::from_bytes)
    }
}

impl Field for String {
    fn put(&self, out: &mut Vec<u8>) {
        put_bytes(self.as_bytes(), out);
    }

    fn take(input: &mut Input<'_>) -> Decoded<Self> {
        let count = input.count()?;
        let text = std::str::from_utf8(input.bytes(count)?).map_err(|_| Malformed("a text is not UTF-8"))?;
        Ok(text.to_owned())
    }
}

impl<T: Field> Field for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_varint(self.len() as u64, out);
        self.iter().for_each(|item| item.put(out));
    }

    fn take(input: &mut Input<'_>) -> Decoded<Self> {
        let count = input.count()?;
        (0..count).map(|_| T::take(input)).collect()
    }
}

impl<T: Field> Field for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn take(input: &mut Input<'_>) -> Decoded<Self> {
        if bool::take(input)? { T::take(input).map(Some) } else { Ok(None) }
    }
}

impl<A: Field, B: Field> Field for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }

    fn take(input: &mut Input<'_>) -> Decoded<Self> {
        Ok((A::take(input)?, B::take(input)?))
    }
}
