//! Exact decimals of up to 76 digits, NaN and the infinities, and their text.

use arrow::datatypes::i256;
use peristyle_catalog::model::PgType;
use peristyle_storage::special_numeric::Special;
use peristyle_storage::types::{DECIMAL256_PRECISION_MAX, trailing_zeros};

use super::number_text::NumberText;
use crate::error::{Result, SqlError, SqlState};

/// `unscaled / 10^scale`, or what a reserved unscaled value stands for, whatever the scale. The scale is not negative
/// when it comes from a parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    pub unscaled: i256,
    pub scale: i8,
}

impl From<Special> for Decimal {
    fn from(special: Special) -> Decimal {
        Decimal { unscaled: special.unscaled(), scale: 0 }
    }
}

impl Decimal {
    /// What it is, if it is no finite number.
    pub fn special(self) -> Option<Special> {
        Special::of(self.unscaled)
    }

    /// Digits before the point, 0 for a number below 1 and for what is none.
    pub fn whole_digits(self) -> i32 {
        if self.special().is_some() {
            return 0;
        }
        (digit_count(self.unscaled) - i32::from(self.scale)).max(0)
    }

    /// The number at another scale, rounded half away from zero; `None` past 76 digits.
    pub fn rescale(self, scale: i8) -> Option<Decimal> {
        if self.special().is_some() {
            return Some(Decimal { scale, ..self });
        }
        let shift = i32::from(scale) - i32::from(self.scale);
        let unscaled = if shift >= 0 {
            if digit_count(self.unscaled) + shift > i32::from(DECIMAL256_PRECISION_MAX) && self.unscaled != i256::ZERO {
                return None;
            }
            if self.unscaled == i256::ZERO {
                i256::ZERO
            } else {
                self.unscaled.checked_mul(power_of_ten(shift as u32)?)?
            }
        } else {
            divide_rounding(self.unscaled, (-shift) as u32)
        };
        Some(Decimal { unscaled, scale })
    }

    /// The number without zeros at the end of its digits behind the point.
    pub fn trimmed(self) -> Decimal {
        if self.special().is_some() {
            return self;
        }
        let zeros = trailing_zeros(self.unscaled, self.scale);
        self.rescale(self.scale - zeros).unwrap_or(self)
    }

    /// The number as `numeric(p, s)` stores it: rounded to the scale; 22003 if it then has too many digits, or is infinite.
    pub fn fit(self, precision: u8, scale: i8) -> Result<Decimal> {
        if let Some(special) = self.special() {
            return Err(no_special(special, precision, scale));
        }
        let fitted = self.rescale(scale).filter(|d| digit_count(d.unscaled) <= i32::from(precision));
        fitted.ok_or_else(|| field_overflow(precision, scale))
    }

    /// Applies the type's modifier, if it has one.
    pub(super) fn with_modifier(self, ty: PgType) -> Result<Decimal> {
        match ty.numeric_precision_scale() {
            Some((precision, scale)) => self.fit(precision, scale),
            None => Ok(self),
        }
    }
}

#[cold]
fn field_overflow(precision: u8, scale: i8) -> SqlError {
    let whole = i32::from(precision) - i32::from(scale);
    let bound = if whole == 0 { "1".to_owned() } else { format!("10^{whole}") };
    SqlError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow").detail(format!(
        "A field with precision {precision}, scale {scale} must round to an absolute value less than {bound}."
    ))
}

/// What keeps NaN and the infinities out of `numeric(p, s)`; PostgreSQL refuses the infinities alone.
#[cold]
fn no_special(special: Special, precision: u8, scale: i8) -> SqlError {
    match special {
        Special::NaN => SqlError::unsupported("NaN in a numeric with precision and scale is not supported")
            .hint("Use numeric without precision and scale."),
        Special::Infinity | Special::NegativeInfinity => {
            SqlError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow")
                .detail(format!("A field with precision {precision}, scale {scale} cannot hold an infinite value."))
        }
    }
}

#[cold]
pub(super) fn too_many_digits() -> SqlError {
    SqlError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format")
        .detail(format!("A numeric holds at most {DECIMAL256_PRECISION_MAX} digits."))
        .hint("Use double precision for very large or very small numbers, or text to keep every digit.")
}

/// Powers of ten that 256 bits hold.
static POWERS: [i256; 77] = {
    let mut powers = [i256::ONE; 77];
    let mut exponent = 1;
    while exponent < powers.len() {
        powers[exponent] = powers[exponent - 1].wrapping_mul(i256::from_i128(10));
        exponent += 1;
    }
    powers
};

pub(super) fn power_of_ten(exponent: u32) -> Option<i256> {
    POWERS.get(exponent as usize).copied()
}

/// Decimal digits of the absolute value; 0 for 0.
pub(super) fn digit_count(value: i256) -> i32 {
    match value.to_i128() {
        Some(small) => small.unsigned_abs().checked_ilog10().map_or(0, |log| log as i32 + 1),
        None => value.to_string().trim_start_matches('-').len() as i32,
    }
}

fn divide_rounding(value: i256, digits: u32) -> i256 {
    power_of_ten(digits).map_or(i256::ZERO, |divisor| divide_rounding_by(value, divisor))
}

/// The quotient as a whole number, rounded half away from zero.
pub(super) fn divide_rounding_by(value: i256, divisor: i256) -> i256 {
    let quotient = value.wrapping_div(divisor);
    let remainder = value.wrapping_rem(divisor).wrapping_abs();
    if remainder < divisor.wrapping_abs().wrapping_sub(remainder) {
        return quotient;
    }
    let is_negative = value.is_negative() != divisor.is_negative();
    quotient.wrapping_add(if is_negative { i256::MINUS_ONE } else { i256::ONE })
}

/// Parses a numeric without a modifier; the scale is the number of digits behind the point, as PostgreSQL keeps it.
/// 22P02 for what is no number, 22003 for numbers of more than 76 digits.
pub fn parse_decimal(text: &str) -> Result<Decimal> {
    parse_numeric(PgType::NUMERIC, text)
}

/// Parses a numeric as a column of that precision and scale stores it: rounded to the scale; 22003 past the precision.
pub fn parse_decimal_at(text: &str, precision: u8, scale: i8) -> Result<Decimal> {
    if let Some(special) = special_text(text) {
        return Err(no_special(special, precision, scale));
    }
    let number = number_text(text)?;
    let rounded = number.round_to(scale).ok_or_else(|| field_overflow(precision, scale))?;
    rounded.fit(precision, scale)
}

/// As [`parse_decimal_at`], of a numeric without modifier that lies in that decimal: NaN and the infinities have room.
pub fn parse_bare_decimal_at(text: &str, precision: u8, scale: i8) -> Result<i256> {
    match special_text(text) {
        Some(special) => Ok(special.unscaled()),
        None => parse_decimal_at(text, precision, scale).map(|decimal| decimal.unscaled),
    }
}

/// NaN or an infinity by one of the names that PostgreSQL knows for them.
pub fn special_text(text: &str) -> Option<Special> {
    let text = text.trim_ascii();
    let (is_negative, name) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if name.eq_ignore_ascii_case("inf") || name.eq_ignore_ascii_case("infinity") {
        return Some(if is_negative { Special::NegativeInfinity } else { Special::Infinity });
    }
    text.eq_ignore_ascii_case("nan").then_some(Special::NaN)
}

/// Parses a numeric whose digits behind the point are not known beforehand; 22003 where digits would be lost.
pub fn parse_open_decimal(text: &str, scale: i8) -> Result<i256> {
    let decimal = parse_decimal(text)?;
    let fitted = decimal.rescale(scale).ok_or_else(too_many_digits)?;
    let is_exact = decimal.scale <= scale || fitted.rescale(decimal.scale) == Some(decimal);
    if is_exact { Ok(fitted.unscaled) } else { Err(too_many_digits()) }
}

/// Parses a numeric and applies its type's modifier.
pub(super) fn parse_numeric(ty: PgType, text: &str) -> Result<Decimal> {
    if let Some(special) = special_text(text) {
        return Decimal::from(special).with_modifier(ty);
    }
    number_of_type(&number_text(text)?, ty)
}

fn number_text(text: &str) -> Result<NumberText<'_>> {
    let trimmed = text.trim_ascii();
    let number = NumberText::split(trimmed.as_bytes()).ok_or_else(|| not_a_number(text))?;
    if !number.fits_postgresql() {
        return Err(SqlError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format"));
    }
    Ok(number)
}

/// With a modifier the number is rounded to its scale; without one it must have room as it is.
pub(super) fn number_of_type(number: &NumberText<'_>, ty: PgType) -> Result<Decimal> {
    match ty.numeric_precision_scale() {
        Some((precision, scale)) => {
            let rounded = number.round_to(scale).ok_or_else(|| field_overflow(precision, scale))?;
            rounded.fit(precision, scale)
        }
        None => {
            let scale = i8::try_from(number.fraction_len()).map_err(|_| too_many_digits())?;
            let has_room = number.whole_len().max(0) + i64::from(scale) <= i64::from(DECIMAL256_PRECISION_MAX);
            number.round_to(scale).filter(|_| has_room).ok_or_else(too_many_digits)
        }
    }
}

#[cold]
fn not_a_number(text: &str) -> SqlError {
    SqlError::new(SqlState::INVALID_TEXT_REPRESENTATION, format!("invalid input syntax for type numeric: \"{text}\""))
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::super::decimal_binary::{read_binary, write_binary, write_large};
    use super::super::decimal_text::write_i256;
    use super::super::number_text::{parse_plain, plain_text};
    use super::*;
    use proptest::prelude::*;

    fn text(decimal: Decimal) -> String {
        let mut out = BytesMut::new();
        write_i256(decimal.unscaled, decimal.scale, &mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn texts_read_as_postgresql_reads_them() {
        let cases = [
            ("12.50", "12.50"),
            (" 12.50 ", "12.50"),
            ("1e5", "100000"),
            ("1.5e-3", "0.0015"),
            (".5", "0.5"),
            ("5.", "5"),
            ("-0", "0"),
            ("-0.00", "0.00"),
            ("1.0e2", "100"),
            ("007", "7"),
            ("+1", "1"),
            ("1E-3", "0.001"),
            ("99999999999999999999999999999999999999999.5", "99999999999999999999999999999999999999999.5"),
        ];
        for (input, output) in cases {
            assert_eq!(text(parse_decimal(input).unwrap()), output, "{input}");
            assert_eq!(plain_text(input.trim().as_bytes()).as_deref(), Some(output), "{input}");
        }
    }

    proptest! {
        #[test]
        fn binary_forms_of_small_numbers_are_those_of_large_ones(unscaled: i128, shift in 0_u32..128, scale in -4_i8..40) {
            let unscaled = i256::from_i128(unscaled >> shift);
            let (mut small, mut large) = (BytesMut::new(), BytesMut::new());
            write_binary(unscaled, scale, &mut small);
            write_large(unscaled, scale, &mut large);
            prop_assert_eq!(small, large);
        }
    }

    #[test]
    fn what_is_no_number_or_too_large_has_postgresqls_code() {
        for input in ["", "x", "1e", "1.2.3", "--1", "1 2", "0x1f", "e5", "."] {
            assert_eq!(parse_decimal(input).unwrap_err().code, SqlState::INVALID_TEXT_REPRESENTATION, "{input}");
        }
        for input in ["1e999999", "1e76", "1e-77", &"9".repeat(77)] {
            assert_eq!(parse_decimal(input).unwrap_err().code, SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "{input}");
        }
    }

    #[test]
    fn special_values_have_their_names_and_no_modifier() {
        let cases =
            [(" nan ", "NaN"), ("NaN", "NaN"), ("inf", "Infinity"), ("+Infinity", "Infinity"), ("-INF", "-Infinity")];
        for (input, output) in cases {
            assert_eq!(text(parse_decimal(input).unwrap()), output, "{input}");
        }
        for input in ["-nan", "+nan", "infinit", "- inf", "nan1"] {
            assert_eq!(parse_decimal(input).unwrap_err().code, SqlState::INVALID_TEXT_REPRESENTATION, "{input}");
        }
        let fitted = |input: &str| parse_numeric(PgType::numeric(5, 2), input).unwrap_err();
        assert_eq!(fitted("inf").message, "numeric field overflow");
        assert_eq!(fitted("nan").code, SqlState::FEATURE_NOT_SUPPORTED);
    }

    #[test]
    fn modifiers_round_half_away_from_zero() {
        let fit = |input: &str, p, s| parse_numeric(PgType::numeric(p, s), input).map(text);
        assert_eq!(fit(&format!("0.00{}", "49".repeat(60)), 5, 2).unwrap(), "0.00");
        assert_eq!(fit(&format!("0.004{}", "9".repeat(90)), 5, 2).unwrap(), "0.00");
        assert_eq!(fit("1e400", 5, 2).unwrap_err().message, "numeric field overflow");
        assert_eq!(fit("2.5", 5, 0).unwrap(), "3");
        assert_eq!(fit("-2.5", 5, 0).unwrap(), "-3");
        assert_eq!(fit("2.4449", 5, 2).unwrap(), "2.44");
        assert_eq!(fit("999.99499", 5, 2).unwrap(), "999.99");
        assert_eq!(fit("12345", 5, -2).unwrap(), "12300");
        let error = fit("999.995", 5, 2).unwrap_err();
        assert_eq!(error.message, "numeric field overflow");
        let detail = "A field with precision 5, scale 2 must round to an absolute value less than 10^3.";
        assert_eq!(error.detail.as_deref(), Some(detail));
    }

    #[test]
    fn binary_form_is_postgresqls() {
        let cases: [(&str, &[u8]); 7] = [
            ("0", &[0, 0, 0, 0, 0, 0, 0, 0]),
            ("-12345.678", &[0, 3, 0, 1, 0x40, 0, 0, 3, 0, 1, 0x09, 0x29, 0x1a, 0x7c]),
            ("0.0001", &[0, 1, 0xff, 0xff, 0, 0, 0, 4, 0, 1]),
            ("10000", &[0, 1, 0, 1, 0, 0, 0, 0, 0, 1]),
            ("NaN", &[0, 0, 0, 0, 0xC0, 0, 0, 0]),
            ("Infinity", &[0, 0, 0, 0, 0xD0, 0, 0, 32]),
            ("-Infinity", &[0, 0, 0, 0, 0xF0, 0, 0, 32]),
        ];
        for (input, bytes) in cases {
            let decimal = parse_decimal(input).unwrap();
            let mut out = BytesMut::new();
            write_binary(decimal.unscaled, decimal.scale, &mut out);
            assert_eq!(&out[..], bytes, "{input}");
            assert_eq!(text(read_binary(PgType::NUMERIC, bytes).unwrap().unwrap()), input);
        }
    }

    proptest! {
        #[test]
        fn text_and_binary_round_trip(value in any::<i128>(), small in any::<bool>(), scale in 0_i8..=38) {
            let unscaled = i256::from_i128(if small { value >> 90 } else { value });
            let decimal = Decimal { unscaled, scale };
            prop_assert_eq!(parse_decimal(&text(decimal)).unwrap(), decimal);
            let mut out = BytesMut::new();
            write_binary(unscaled, scale, &mut out);
            prop_assert_eq!(read_binary(PgType::NUMERIC, &out).unwrap().unwrap(), decimal);
        }

        #[test]
        fn the_short_way_agrees_with_the_long_one(input in "-?[0-9]{0,9}(\\.[0-9]{0,4})?") {
            if let Some(value) = parse_plain(input.as_bytes(), 3) {
                let long = parse_decimal(&input).unwrap().rescale(3).unwrap();
                prop_assert_eq!(long.unscaled, i256::from_i128(i128::from(value)));
            }
        }

        #[test]
        fn damaged_binary_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
            let _ = read_binary(PgType::NUMERIC, &bytes);
        }
    }
}
