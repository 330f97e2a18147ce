//! The text of decimals.

use arrow::datatypes::i256;
use bytes::{BufMut, BytesMut};
use peristyle_storage::special_numeric::Special;

/// Writes `unscaled / 10^scale`; a negative scale appends zeros.
pub(super) fn write_i128(unscaled: i128, scale: i8, out: &mut BytesMut) {
    let mut buffer = itoa::Buffer::new();
    write_digits(unscaled < 0, buffer.format(unscaled.unsigned_abs()).as_bytes(), scale, out);
}

/// Writes `unscaled / 10^scale`, a negative scale appends zeros; or the name of what is no finite number.
pub(super) fn write_i256(unscaled: i256, scale: i8, out: &mut BytesMut) {
    match (unscaled.to_i128(), Special::of(unscaled)) {
        (Some(small), _) => write_i128(small, scale, out),
        (None, Some(special)) => out.extend_from_slice(special.text().as_bytes()),
        (None, None) => {
            let text = unscaled.to_string();
            write_digits(unscaled.is_negative(), text.trim_start_matches('-').as_bytes(), scale, out);
        }
    }
}

fn write_digits(is_negative: bool, digits: &[u8], scale: i8, out: &mut BytesMut) {
    if is_negative {
        out.put_u8(b'-');
    }
    let Ok(scale) = usize::try_from(scale) else {
        out.extend_from_slice(digits);
        let zeros = if digits == b"0" { 0 } else { usize::from(scale.unsigned_abs()) };
        return out.put_bytes(b'0', zeros);
    };
    if scale == 0 {
        return out.extend_from_slice(digits);
    }
    if digits.len() > scale {
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        out.extend_from_slice(whole);
        out.put_u8(b'.');
        out.extend_from_slice(fraction);
    } else {
        out.extend_from_slice(b"0.");
        out.put_bytes(b'0', scale - digits.len());
        out.extend_from_slice(digits);
    }
}
