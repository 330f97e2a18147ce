//! The text of a date or time in tokens: numbers, dates, times, offsets, words.

use super::datetime_fields::{Fault, Parsed};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Number(&'a str),
    Date(&'a str),
    Time(&'a str),
    /// Sign and displacement.
    Offset(&'a str),
    Word(&'a str),
    /// `-infinity` and the like.
    SignedWord(&'a str),
}

/// The text in lower case, cut into tokens.
pub(super) fn tokenize(text: &str) -> Parsed<Vec<Token<'_>>> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        match bytes[at] {
            b'0'..=b'9' => at = end_of_number(bytes, at),
            b'a'..=b'z' => at = end_of_word(bytes, at),
            b'+' | b'-' => at = end_of_signed(bytes, at)?,
            // Space and punctuation part tokens and mean nothing else.
            byte if byte.is_ascii_whitespace() || byte == b',' => {
                at += 1;
                continue;
            }
            _ => return Err(Fault::Syntax),
        }
        tokens.push(classify(&text[start..at]));
    }
    Ok(tokens)
}

fn classify(token: &str) -> Token<'_> {
    let letters = token.bytes().take_while(u8::is_ascii_lowercase).count();
    let is_zone = letters > 0 && !is_month(&token.as_bytes()[..letters]);
    match token.as_bytes()[0] {
        b'+' | b'-' if token.as_bytes().get(1).is_some_and(u8::is_ascii_digit) => Token::Offset(token),
        b'+' | b'-' => Token::SignedWord(token),
        _ if is_zone || (letters > 0 && letters == token.len()) => Token::Word(token),
        _ if token.contains(':') => Token::Time(token),
        b'a'..=b'z' => Token::Date(token),
        _ if token.contains(['-', '/']) || token.matches('.').count() == 2 => Token::Date(token),
        _ if is_year_and_day(token) => Token::Date(token),
        _ => Token::Number(token),
    }
}

/// `1999.008`, a year and its day.
fn is_year_and_day(token: &str) -> bool {
    token.split_once('.').is_some_and(|(year, day)| year.len() >= 4 && day.len() == 3)
}

fn run(bytes: &[u8], mut at: usize, belongs: impl Fn(u8) -> bool) -> usize {
    while at < bytes.len() && belongs(bytes[at]) {
        at += 1;
    }
    at
}

/// The end of what begins with a digit: a number, a time, or a date with one kind of separator.
fn end_of_number(bytes: &[u8], start: usize) -> usize {
    let at = run(bytes, start, |b| b.is_ascii_digit());
    match bytes.get(at) {
        Some(b':') => run(bytes, at, |b| b.is_ascii_digit() || matches!(b, b':' | b'.')),
        Some(&separator @ (b'-' | b'/' | b'.')) => {
            let next_is_text = bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase);
            if next_is_text {
                return run(bytes, at, |b| b.is_ascii_alphanumeric() || b == separator);
            }
            if !bytes.get(at + 1).is_some_and(u8::is_ascii_digit) {
                return at;
            }
            run(bytes, at, |b| b.is_ascii_digit() || b == separator)
        }
        _ => at,
    }
}

/// The end of what begins with a letter: a word, a zone's name, or a date that begins with a month's name.
fn end_of_word(bytes: &[u8], start: usize) -> usize {
    let at = run(bytes, start, |b| b.is_ascii_lowercase());
    match bytes.get(at) {
        Some(b'/' | b'_') => run(bytes, at, |b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-' | b'+')),
        // `utc+3`, a zone as POSIX writes it.
        Some(b'+' | b'-') if !is_month(&bytes[start..at]) && bytes.get(at + 1).is_some_and(u8::is_ascii_digit) => {
            run(bytes, at + 1, |b| b.is_ascii_digit() || b == b':')
        }
        Some(&separator @ (b'-' | b'.')) if is_month(&bytes[start..at]) => {
            run(bytes, at, |b| b.is_ascii_alphanumeric() || b == separator)
        }
        _ => at,
    }
}

fn is_month(word: &[u8]) -> bool {
    std::str::from_utf8(word).is_ok_and(|word| month_by_name(word).is_some())
}

fn end_of_signed(bytes: &[u8], start: usize) -> Parsed<usize> {
    match bytes.get(start + 1) {
        Some(b'0'..=b'9') => Ok(run(bytes, start + 1, |b| b.is_ascii_digit() || b == b':')),
        Some(b'a'..=b'z') => Ok(run(bytes, start + 1, |b| b.is_ascii_lowercase())),
        _ => Err(Fault::Syntax),
    }
}

/// 1 to 12.
pub(super) fn month_by_name(word: &str) -> Option<u32> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    if word == "sept" {
        return Some(9);
    }
    let at = MONTHS.iter().position(|month| word == *month || (word.len() == 3 && month.starts_with(word)))?;
    Some(at as u32 + 1)
}

pub(super) fn is_weekday(word: &str) -> bool {
    const DAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
    DAYS.iter().any(|day| word == *day || (word.len() == 3 && day.starts_with(word)))
        || matches!(word, "tues" | "wednes" | "weds" | "thur" | "thurs")
}
