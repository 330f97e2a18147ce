//! Ranges of bounds: reading them as texts, and the one form that those of discrete types have.

use arrow::datatypes::i256;
use peristyle_catalog::model::PgType;
use peristyle_storage::packed::{Bound, Range, RangeType};
use peristyle_storage::types::OPEN_DECIMAL;

use super::calendar::{DATE_INFINITY, DATE_NEGATIVE_INFINITY, is_date_in_range};
use super::cell::{Cell, parse_text};
use super::decimal::{Decimal, parse_open_decimal};
use super::style::InputStyle;
use crate::error::{Result, SqlError, SqlState};

/// A range as PostgreSQL writes it: `[1,5)`, `(,"a b"]`, `empty`.
pub(super) fn parse_range(ty: &RangeType, text: &str, style: &InputStyle) -> Result<Range> {
    let literal = Literal::parse(text).map_err(|detail| malformed(text, detail))?;
    let Some([lower, upper]) = literal.bounds else { return Ok(Range::Empty) };
    let bound = |bound: Option<String>, included| -> Result<Bound> {
        let value = bound.map(|text| element_number(ty.element, &text, style)).transpose()?;
        Ok(value.map(|value| (value, included)))
    };
    range_of(ty, bound(lower, literal.includes_lower)?, bound(upper, literal.includes_upper)?)
}

#[cold]
fn malformed(text: &str, detail: &str) -> SqlError {
    let message = format!("malformed range literal: \"{text}\"");
    SqlError::new(SqlState::INVALID_TEXT_REPRESENTATION, message).detail(detail)
}

fn element_number(element: PgType, text: &str, style: &InputStyle) -> Result<i256> {
    if element == PgType::NUMERIC {
        return parse_open_decimal(text, SCALE);
    }
    number_of(parse_text(element, text, style)?)
}

/// Digits behind the point of a numeric bound.
const SCALE: i8 = match OPEN_DECIMAL {
    arrow::datatypes::DataType::Decimal256(_, scale) => scale,
    _ => 0,
};

/// The number that a value is as a bound.
pub(super) fn number_of(cell: Cell) -> Result<i256> {
    match cell {
        Cell::Int4(value) | Cell::Date(value) => Ok(i256::from_i128(value.into())),
        Cell::Int8(value) | Cell::Timestamp(value) => Ok(i256::from_i128(value.into())),
        Cell::Numeric(Decimal { unscaled, scale }) => {
            let exact = Decimal { unscaled, scale };
            let fitted = exact.rescale(SCALE).filter(|fitted| scale <= SCALE || fitted.rescale(scale) == Some(exact));
            fitted.map(|fitted| fitted.unscaled).ok_or_else(too_many_digits)
        }
        other => Err(SqlError::internal(format!("{other:?} is no bound of a range"))),
    }
}

#[cold]
fn too_many_digits() -> SqlError {
    SqlError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow")
}

/// The range between two bounds, in its type's form. 22000 for a lower bound above the upper.
pub(crate) fn range_of(ty: &RangeType, lower: Bound, upper: Bound) -> Result<Range> {
    let range = Range::new(lower, upper).ok_or_else(not_in_order)?;
    let Some((lower, upper)) = range.edges().filter(|_| ty.is_discrete) else { return Ok(range) };
    let lower = match lower.as_lower() {
        Some((value, false)) => included_from(ty.element, value)?,
        bound => bound,
    };
    let upper = match upper.as_upper() {
        Some((value, true)) => excluded_from(ty.element, value)?,
        bound => bound,
    };
    Range::new(lower, upper).ok_or_else(not_in_order)
}

#[cold]
fn not_in_order() -> SqlError {
    SqlError::new(SqlState::DATA_EXCEPTION, "range lower bound must be less than or equal to range upper bound")
}

/// A lower bound that the range does not hold, as the next one that it holds. An infinite date has none.
fn included_from(element: PgType, value: i256) -> Result<Bound> {
    let next = next(element, value)?;
    Ok(Some(next.map_or((value, false), |next| (next, true))))
}

/// An upper bound that the range holds, as the next one that it does not hold.
fn excluded_from(element: PgType, value: i256) -> Result<Bound> {
    let next = next(element, value)?;
    Ok(Some(next.map_or((value, true), |next| (next, false))))
}

fn next(element: PgType, value: i256) -> Result<Option<i256>> {
    let is_infinite = [DATE_INFINITY, DATE_NEGATIVE_INFINITY].iter().any(|end| i256::from_i128((*end).into()) == value);
    if element == PgType::DATE && is_infinite {
        return Ok(None);
    }
    let next = value.wrapping_add(i256::ONE);
    let (fits, code, name) = match element {
        PgType::INT4 => (next.as_i128() <= i32::MAX.into(), SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "integer"),
        PgType::DATE => (is_date_in_range(next.as_i128() as i64), SqlState::DATETIME_FIELD_OVERFLOW, "date"),
        _ => (next.as_i128() <= i64::MAX.into(), SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "bigint"),
    };
    if fits { Ok(Some(next)) } else { Err(SqlError::new(code, format!("{name} out of range"))) }
}

/// A range's text, taken apart.
struct Literal {
    /// The texts of the bounds; `None` of an empty range.
    bounds: Option<[Option<String>; 2]>,
    includes_lower: bool,
    includes_upper: bool,
}

impl Literal {
    /// Errors are PostgreSQL's details.
    fn parse(text: &str) -> std::result::Result<Literal, &'static str> {
        const EMPTY: &str = "empty";
        let trimmed = text.trim_start_matches(is_space);
        if trimmed.get(..EMPTY.len()).is_some_and(|word| word.eq_ignore_ascii_case(EMPTY)) {
            let is_all = trimmed[EMPTY.len()..].trim_start_matches(is_space).is_empty();
            let empty = Literal { bounds: None, includes_lower: false, includes_upper: false };
            return if is_all { Ok(empty) } else { Err("Junk after \"empty\" key word.") };
        }
        let mut chars = trimmed.chars().peekable();
        let includes_lower = match chars.next() {
            Some('[') => true,
            Some('(') => false,
            _ => return Err("Missing left parenthesis or bracket."),
        };
        let lower = bound(&mut chars)?;
        if chars.next() != Some(',') {
            return Err("Missing comma after lower bound.");
        }
        let upper = bound(&mut chars)?;
        let includes_upper = match chars.next() {
            Some(']') => true,
            Some(')') => false,
            _ => return Err("Too many commas."),
        };
        if chars.any(|c| !is_space(c)) {
            return Err("Junk after right parenthesis or bracket.");
        }
        Ok(Literal { bounds: Some([lower, upper]), includes_lower, includes_upper })
    }
}

fn is_space(c: char) -> bool {
    c.is_ascii_whitespace() || c == '\u{B}'
}

/// A bound up to what ends it; quotes and backslashes take what would. `None` where nothing stands.
fn bound(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> std::result::Result<Option<String>, &'static str> {
    const END: &str = "Unexpected end of input.";
    if matches!(chars.peek(), Some(',' | ')' | ']')) {
        return Ok(None);
    }
    let (mut text, mut is_quoted) = (String::new(), false);
    loop {
        match *chars.peek().ok_or(END)? {
            ',' | ')' | ']' if !is_quoted => return Ok(Some(text)),
            '\\' => {
                chars.next();
                text.push(*chars.peek().ok_or(END)?);
            }
            '"' if !is_quoted => is_quoted = true,
            '"' => {
                let mut ahead = chars.clone();
                ahead.next();
                if ahead.peek() == Some(&'"') {
                    chars.next();
                    text.push('"');
                } else {
                    is_quoted = false;
                }
            }
            other => text.push(other),
        }
        chars.next();
    }
}

#[cfg(test)]
mod tests {
    use peristyle_catalog::model::TypeKind;

    use super::*;

    fn parse(text: &str) -> Result<Range> {
        let ty = RangeType::of_kind(TypeKind::Int4Range).expect("a range type");
        parse_range(ty, text, &InputStyle::new(0))
    }

    #[test]
    fn discrete_ranges_have_one_form() {
        for (text, same) in [("[1,4]", "[1,5)"), ("(0,5)", "[1,5)"), (" ( 0 , \"4\"] ", "[1,5)"), ("(,4]", "(,5)")] {
            assert_eq!(parse(text).unwrap(), parse(same).unwrap(), "{text}");
        }
        for text in ["empty", " EMPTY ", "[1,1)", "(1,2)", "(1,1]", "(1,1)"] {
            assert_eq!(parse(text).unwrap(), Range::Empty, "{text}");
        }
        assert_eq!(parse("[1,2147483647]").unwrap_err().message, "integer out of range");
        assert!(parse("[2,1]").is_err());
    }

    #[test]
    fn what_is_wrong_with_a_literal() {
        for (text, detail) in [
            ("empty x", "Junk after \"empty\" key word."),
            ("1,5)", "Missing left parenthesis or bracket."),
            ("[1)", "Missing comma after lower bound."),
            ("[1,2,3)", "Too many commas."),
            ("[1,5) x", "Junk after right parenthesis or bracket."),
            ("[1,5", "Unexpected end of input."),
            ("[\"1,5)", "Unexpected end of input."),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.code, SqlState::INVALID_TEXT_REPRESENTATION);
            assert_eq!(Literal::parse(text).err(), Some(detail), "{text}");
        }
    }
}
