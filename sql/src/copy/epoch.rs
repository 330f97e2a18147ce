//! Times of open tables that come as numbers: seconds, milliseconds or microseconds since 1970, told apart by size.

use crate::values::{MICROS_PER_SECOND, is_timestamp_in_range};

/// Below this a number counts seconds (to the year 5138).
const SECONDS_END: f64 = 1e11;
/// Below this it counts milliseconds, from here on microseconds.
const MILLISECONDS_END: f64 = 1e14;

/// Microseconds since 1970 of a number whose unit its magnitude tells; `None` if it is no time of PostgreSQL's.
pub fn epoch_by_magnitude(value: f64) -> Option<i64> {
    let unit = match value.abs() {
        size if size < SECONDS_END => MICROS_PER_SECOND as f64,
        size if size < MILLISECONDS_END => 1000.0,
        _ => 1.0,
    };
    in_range((value * unit).round())
}

/// The same for a number's text. Integers, and fractions of seconds to the microsecond, are exact.
pub fn parse_epoch(text: &str) -> Option<i64> {
    let trimmed = text.trim_ascii();
    let unsigned = trimmed.strip_prefix('-').unwrap_or(trimmed);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
        let is_number = trimmed.starts_with(|c: char| c.is_ascii_digit() || c == '-') && trimmed.contains(['e', 'E']);
        return is_number.then(|| trimmed.parse().ok()).flatten().and_then(epoch_by_magnitude);
    }
    let whole: i64 = whole.parse().ok()?;
    let digits_of_unit = match whole as f64 {
        size if size < SECONDS_END => 6,
        size if size < MILLISECONDS_END => 3,
        _ => 0,
    };
    let fraction: i64 = format!("{fraction:0<6}")[..digits_of_unit].parse().unwrap_or(0);
    let micros = whole.checked_mul(10_i64.pow(digits_of_unit as u32))? + fraction;
    let micros = if trimmed.starts_with('-') { -micros } else { micros };
    is_timestamp_in_range(micros).then_some(micros)
}

fn in_range(micros: f64) -> Option<i64> {
    // The cast saturates, which is out of PostgreSQL's range; NaN becomes 0 and is kept out here.
    (!micros.is_nan() && is_timestamp_in_range(micros as i64)).then_some(micros as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magnitude_tells_the_unit() {
        let expected = Some(1_700_000_000_000_000);
        assert_eq!(epoch_by_magnitude(1.7e9), expected);
        assert_eq!(epoch_by_magnitude(1.7e12), expected);
        assert_eq!(epoch_by_magnitude(1.7e15), expected);
        assert_eq!(epoch_by_magnitude(1.5), Some(1_500_000));
        assert_eq!(epoch_by_magnitude(-1.0), Some(-1_000_000));
        assert_eq!(epoch_by_magnitude(f64::NAN), None);
        assert_eq!(epoch_by_magnitude(1e30), None);
    }

    #[test]
    fn texts_are_exact() {
        assert_eq!(parse_epoch("1700000000.123456"), Some(1_700_000_000_123_456));
        assert_eq!(parse_epoch("1700000000123.5"), Some(1_700_000_000_123_500));
        assert_eq!(parse_epoch("1700000000123456"), Some(1_700_000_000_123_456));
        assert_eq!(parse_epoch("-0.5"), Some(-500_000));
        assert_eq!(parse_epoch("1.7e9"), Some(1_700_000_000_000_000));
        for text in ["", "x", "1.2.3", "2024-01-01", "-", "9999999999999999999"] {
            assert_eq!(parse_epoch(text), None, "{text}");
        }
    }
}
