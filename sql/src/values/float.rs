//! Text of floating-point numbers: the shortest that reads back (`extra_float_digits` ≥ 1), or a fixed number of
//! significant digits below that.

use bytes::BytesMut;

use super::stack_text::StackText;

/// Decimal exponents from which PostgreSQL switches to scientific form.
const FLOAT4_FIXED_EXPONENT_END: i32 = 6;
const FLOAT8_FIXED_EXPONENT_END: i32 = 15;
const FIXED_EXPONENT_MIN: i32 = -4;
/// Significant digits at `extra_float_digits` 0.
const FLOAT4_DIGITS: i32 = 6;
const FLOAT8_DIGITS: i32 = 15;

/// From here on floats are whole numbers, and the middle between two neighbours can be a short one.
const F64_INTEGERS_END: f64 = 9_007_199_254_740_992.0;
const F32_INTEGERS_END: f32 = 16_777_216.0;

/// Writes a double.
pub fn write_f64(value: f64, extra_float_digits: i32, out: &mut BytesMut) {
    if !value.is_finite() {
        return write_special(value, out);
    }
    if extra_float_digits <= 0 {
        let digits = (FLOAT8_DIGITS + extra_float_digits).max(1);
        return write_rounded(&format!("{value:.*e}", digits as usize - 1), digits, out);
    }
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format_finite(value);
    if value.abs() >= F64_INTEGERS_END && touches_boundary(text, f64_mantissa(value)) {
        return write_shortest(&inside_boundaries(value, text), FLOAT8_FIXED_EXPONENT_END, out);
    }
    write_shortest(text, FLOAT8_FIXED_EXPONENT_END, out);
}

/// Writes a real.
pub fn write_f32(value: f32, extra_float_digits: i32, out: &mut BytesMut) {
    if !value.is_finite() {
        return write_special(f64::from(value), out);
    }
    if extra_float_digits <= 0 {
        let digits = (FLOAT4_DIGITS + extra_float_digits).max(1);
        return write_rounded(&format!("{value:.*e}", digits as usize - 1), digits, out);
    }
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format_finite(value);
    if value.abs() >= F32_INTEGERS_END && touches_boundary(text, f32_mantissa(value)) {
        return write_shortest(&inside_boundaries_f32(value, text), FLOAT4_FIXED_EXPONENT_END, out);
    }
    write_shortest(text, FLOAT4_FIXED_EXPONENT_END, out);
}

/// A float's mantissa and binary exponent, without the sign.
struct Mantissa {
    bits: u64,
    exponent: u32,
}

/// Of a double of at least 2^53.
fn f64_mantissa(value: f64) -> Mantissa {
    let bits = value.to_bits();
    Mantissa { bits: (bits & ((1 << 52) - 1)) | (1 << 52), exponent: ((bits >> 52) & 0x7ff) as u32 - 1075 }
}

/// Of a real of at least 2^24.
fn f32_mantissa(value: f32) -> Mantissa {
    let bits = value.to_bits();
    Mantissa { bits: u64::from((bits & ((1 << 23) - 1)) | (1 << 23)), exponent: ((bits >> 23) & 0xff) - 150 }
}

/// Whether the text is exactly the middle between the float and a neighbour. It then reads back by rounding to even
/// only, which PostgreSQL does not rely on: it prints a digit more.
fn touches_boundary(text: &str, float: Mantissa) -> bool {
    let digits = Digits::of(text);
    let zeros = digits.exponent + 1 - digits.len as i32;
    // Beyond 127 bits no middle has as few as 17 digits.
    if float.exponent == 0 || float.exponent > 70 || !(0..=25).contains(&zeros) {
        return false;
    }
    let shown = digits.digits[..digits.len].iter().fold(0_u128, |sum, digit| sum * 10 + u128::from(digit - b'0'));
    let Some(shown) = shown.checked_mul(10_u128.pow(zeros as u32)) else { return false };
    let half = 1_u128 << (float.exponent - 1);
    (u128::from(float.bits) << float.exponent).abs_diff(shown) == half
}

/// The nearest text with the fewest digits more than `text` has that is no middle.
fn inside_boundaries(value: f64, text: &str) -> String {
    let candidates = (Digits::of(text).len..=16).map(|behind| format!("{value:.behind$e}"));
    let mut inside =
        candidates.filter(|text| text.parse() == Ok(value) && !touches_boundary(text, f64_mantissa(value)));
    inside.next().unwrap_or_else(|| text.to_owned())
}

fn inside_boundaries_f32(value: f32, text: &str) -> String {
    let candidates = (Digits::of(text).len..=8).map(|behind| format!("{value:.behind$e}"));
    let mut inside =
        candidates.filter(|text| text.parse() == Ok(value) && !touches_boundary(text, f32_mantissa(value)));
    inside.next().unwrap_or_else(|| text.to_owned())
}

fn write_special(value: f64, out: &mut BytesMut) {
    let text: &[u8] = match value {
        v if v.is_nan() => b"NaN",
        v if v > 0.0 => b"Infinity",
        _ => b"-Infinity",
    };
    out.extend_from_slice(text);
}

/// The significant digits of a number and the decimal exponent of the first one.
struct Digits {
    is_negative: bool,
    digits: [u8; 32],
    len: usize,
    exponent: i32,
}

impl Digits {
    /// Takes apart what ryu or `{:e}` print: `-12.5`, `1.25e-7`, `0.001`.
    fn of(text: &str) -> Digits {
        let mut parsed = Digits { is_negative: false, digits: [b'0'; 32], len: 0, exponent: 0 };
        let mut point = None;
        let mut written = 0;
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            match bytes[at] {
                b'-' => parsed.is_negative = true,
                b'.' => point = Some(written),
                b'e' => break,
                b'0' if parsed.len == 0 => written += 1,
                digit => {
                    if parsed.len == 0 {
                        parsed.exponent = -written;
                    }
                    parsed.digits[parsed.len] = digit;
                    parsed.len += 1;
                    written += 1;
                }
            }
            at += 1;
        }
        // `written` counts digits, zeros in front included; the point stands after `point` of them.
        parsed.exponent += point.unwrap_or(written) - 1;
        if at < bytes.len() {
            parsed.exponent += text[at + 1..].parse::<i32>().expect("an exponent of at most three digits");
        }
        while parsed.len > 0 && parsed.digits[parsed.len - 1] == b'0' {
            parsed.len -= 1;
        }
        if parsed.len == 0 {
            parsed.len = 1;
            parsed.exponent = 0;
        }
        parsed
    }

    fn push_fixed(&self, text: &mut StackText) {
        if self.exponent < 0 {
            text.push_str("0.");
            for _ in 1..-self.exponent {
                text.push(b'0');
            }
        }
        for (i, &digit) in self.digits[..self.len].iter().enumerate() {
            if self.exponent >= 0 && i as i32 == self.exponent + 1 {
                text.push(b'.');
            }
            text.push(digit);
        }
        for _ in self.len as i32..=self.exponent {
            text.push(b'0');
        }
    }

    fn push_scientific(&self, text: &mut StackText) {
        text.push(self.digits[0]);
        if self.len > 1 {
            text.push(b'.');
        }
        for &digit in &self.digits[1..self.len] {
            text.push(digit);
        }
        text.push(b'e');
        text.push(if self.exponent < 0 { b'-' } else { b'+' });
        let exponent = self.exponent.unsigned_abs();
        if exponent < 10 {
            text.push(b'0');
        }
        text.push_int(i64::from(exponent));
    }
}

fn write_shortest(text: &str, fixed_exponent_end: i32, out: &mut BytesMut) {
    let digits = Digits::of(text);
    let mut text = StackText::new();
    if digits.is_negative {
        text.push(b'-');
    }
    if (FIXED_EXPONENT_MIN..fixed_exponent_end).contains(&digits.exponent) {
        digits.push_fixed(&mut text);
    } else {
        digits.push_scientific(&mut text);
    }
    text.write_to(out);
}

/// C's `%.*g` of a number already rounded to that many digits.
fn write_rounded(scientific: &str, significant: i32, out: &mut BytesMut) {
    write_shortest(scientific, significant, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn f64_text(value: f64, extra: i32) -> String {
        let mut out = BytesMut::new();
        write_f64(value, extra, &mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    fn f32_text(value: f32) -> String {
        let mut out = BytesMut::new();
        write_f32(value, 1, &mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn doubles_print_as_postgresql_prints_them() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (0.1, "0.1"),
            (100.0, "100"),
            (1e14, "100000000000000"),
            (1e15, "1e+15"),
            (123456789012345680.0, "1.2345678901234568e+17"),
            (0.0001, "0.0001"),
            (0.000095, "9.5e-05"),
            (5e-324, "5e-324"),
            (1.7976931348623157e308, "1.7976931348623157e+308"),
            (1e-10, "1e-10"),
            (1234.5678, "1234.5678"),
            (0.00123, "0.00123"),
            (f64::NAN, "NaN"),
            (8.86210422586344e17, "8.862104225863439e+17"),
            (6.923010893789878e16, "6.9230108937898784e+16"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
        ];
        for (value, text) in cases {
            assert_eq!(f64_text(value, 1), text);
        }
    }

    #[test]
    fn reals_turn_scientific_earlier() {
        for (value, text) in [
            (310814005.6, "3.1081402e+08"),
            (123456.0, "123456"),
            (1234567.0, "1.234567e+06"),
            (1e6, "1e+06"),
            (0.1, "0.1"),
        ] {
            assert_eq!(f32_text(value), text);
        }
    }

    #[test]
    fn fewer_digits_round() {
        assert_eq!(f64_text(0.1 + 0.2, 0), "0.3");
        assert_eq!(f64_text(123456789012345680.0, 0), "1.23456789012346e+17");
        assert_eq!(f64_text(1.0 / 3.0, -12), "0.333");
        assert_eq!(f64_text(100.0, 0), "100");
    }
}
