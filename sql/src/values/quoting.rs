//! Quotes and escapes around bytes that are written already. In place: a buffer of many rows is not copied for one value.

use bytes::{BufMut, BytesMut};

/// From `start` on, puts two bytes in the place of each that `pair` gives some for.
pub(crate) fn replace_by_pairs(start: usize, out: &mut BytesMut, pair: impl Fn(u8) -> Option<[u8; 2]>) {
    let end = out.len();
    let added = out[start..].iter().filter(|&&byte| pair(byte).is_some()).count();
    out.put_bytes(0, added);
    let mut to = end + added;
    let mut from = end;
    // Before the first of them nothing moves.
    while to > from {
        from -= 1;
        match pair(out[from]) {
            Some([first, second]) => {
                to -= 2;
                (out[to], out[to + 1]) = (first, second);
            }
            None => {
                to -= 1;
                out[to] = out[from];
            }
        }
    }
}

/// Puts a byte before and behind what was written from `start` on.
pub(crate) fn enclose(mark: u8, start: usize, out: &mut BytesMut) {
    let end = out.len();
    out.put_bytes(mark, 2);
    out.copy_within(start..end, start + 1);
    out[start] = mark;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pair(byte: u8) -> Option<[u8; 2]> {
        matches!(byte, b'"' | b'\\').then_some([b'\\', byte])
    }

    proptest! {
        #[test]
        fn bytes_in_place_are_those_of_a_copy(head in "[ab\"]{0,4}", text in "[ab\"\\\\]{0,12}") {
            let mut out = BytesMut::from(head.as_bytes());
            out.put_slice(text.as_bytes());
            replace_by_pairs(head.len(), &mut out, pair);
            enclose(b'"', head.len(), &mut out);
            let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
            let copied = format!("{head}\"{escaped}\"");
            prop_assert_eq!(&out[..], copied.as_bytes());
        }
    }
}
