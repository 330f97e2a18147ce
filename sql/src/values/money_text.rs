//! Reading money as in the locale C: `$1,234.56`, `-$5`, `($5.00)`.

use peristyle_storage::packed::Money;

use crate::error::{Result, SqlError, SqlState};

/// Digits of cents.
const FRACTION_DIGITS: usize = 2;

/// The amount of a text; a third digit behind the point rounds it.
pub(super) fn parse_money(text: &str) -> Result<Money> {
    let (digits, is_negative) = unsigned(text).ok_or_else(|| invalid(text))?;
    let cents = cents_of(digits).ok_or_else(|| invalid(text))?;
    let cents = cents.and_then(|cents| i64::try_from(if is_negative { -cents } else { cents }).ok());
    cents.map(Money).ok_or_else(|| out_of_range(text))
}

#[cold]
fn invalid(text: &str) -> SqlError {
    let message = format!("invalid input syntax for type money: \"{text}\"");
    SqlError::new(SqlState::INVALID_TEXT_REPRESENTATION, message)
}

#[cold]
fn out_of_range(text: &str) -> SqlError {
    let message = format!("value \"{text}\" is out of range for type money");
    SqlError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, message)
}

/// What stands between the signs, and whether it is negative. A sign and the currency stand in any order.
fn unsigned(text: &str) -> Option<(&str, bool)> {
    let front = strip_currency(text.trim_ascii_start());
    let (front, is_negative) = match front.strip_prefix(['-', '(']) {
        Some(rest) => (rest, true),
        None => (front.strip_prefix('+').unwrap_or(front), false),
    };
    let front = strip_currency(front.trim_ascii_start());
    let end = front.find(|c: char| !(c.is_ascii_digit() || matches!(c, ',' | '.'))).unwrap_or(front.len());
    let (digits, mut rest) = front.split_at(end);
    let mut is_negative = is_negative;
    // Blanks, a parenthesis, a sign and the currency may follow in any order.
    while let Some(next) = rest.chars().next() {
        match next {
            '-' => is_negative = true,
            '+' | ')' | '$' => {}
            blank if blank.is_ascii_whitespace() => {}
            _ => return None,
        }
        rest = &rest[next.len_utf8()..];
    }
    Some((digits, is_negative))
}

fn strip_currency(text: &str) -> &str {
    text.strip_prefix('$').map_or(text, str::trim_ascii_start)
}

/// Commas mean nothing, and no digits 0. `None` inside if there are more than fit.
fn cents_of(digits: &str) -> Option<Option<i128>> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let kept = fraction.bytes().chain(*b"00").take(FRACTION_DIGITS);
    let digits = whole.bytes().filter(u8::is_ascii_digit).chain(kept);
    let cents = digits
        .map(|digit| i128::from(digit - b'0'))
        .try_fold(0_i128, |sum, digit| sum.checked_mul(10).and_then(|sum| sum.checked_add(digit)));
    let rounds_up = fraction.as_bytes().get(FRACTION_DIGITS).is_some_and(|digit| *digit >= b'5');
    Some(cents.map(|cents| cents + i128::from(rounds_up)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_in_all_their_forms() {
        for (text, cents) in [
            ("12.345", 1235),
            ("$1,234.56", 123_456),
            (" - $ 5 ", -500),
            ("$-5", -500),
            ("(5.1)", -510),
            ("5-", -500),
            (".5", 50),
            ("5.", 500),
            ("$", 0),
            ("-92233720368547758.08", i64::MIN),
        ] {
            assert_eq!(parse_money(text).ok(), Some(Money(cents)), "{text}");
        }
        for text in ["abc", "1.2.3", "5x", "5 5", "--5"] {
            assert!(parse_money(text).is_err(), "{text}");
        }
        assert!(parse_money("92233720368547758.08").is_err());
    }
}
