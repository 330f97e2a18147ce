//! Keys of jsonb values: bytes whose order is PostgreSQL's order of jsonb, equal where PostgreSQL's values are.
//!
//! Object > array > boolean > number > string > null. Containers compare their sizes first, then member by member. A
//! scalar that is a whole value counts as an array of one, below a true array of one.

use super::json::Json;

const NULL: u8 = 1;
const STRING: u8 = 2;
const NUMBER: u8 = 3;
const BOOL: u8 = 4;
const ARRAY: u8 = 5;
const OBJECT: u8 = 6;
/// Ends strings and digits; jsonb's strings hold no zero byte.
const END: u8 = 0;
const NEGATIVE: u8 = 0;
const ZERO: u8 = 1;
const POSITIVE: u8 = 2;

/// The key of a whole value in its normal form.
pub(crate) fn jsonb_key(value: &Json<'_>) -> Vec<u8> {
    let mut key = Vec::new();
    match value {
        Json::Array(_) | Json::Object(_) => write(value, &mut key),
        scalar => {
            begin_array(1, true, &mut key);
            write(scalar, &mut key);
        }
    }
    key
}

fn begin_array(items: usize, is_scalar: bool, key: &mut Vec<u8>) {
    key.push(ARRAY);
    write_count(items, key);
    key.push(u8::from(!is_scalar));
}

fn write_count(count: usize, key: &mut Vec<u8>) {
    key.extend_from_slice(&(count as u64).to_be_bytes());
}

fn write(value: &Json<'_>, key: &mut Vec<u8>) {
    match value {
        Json::Null => key.push(NULL),
        Json::Bool(value) => key.extend_from_slice(&[BOOL, u8::from(*value)]),
        Json::Number(text) => {
            key.push(NUMBER);
            write_number(text, key);
        }
        Json::String(text) => {
            key.push(STRING);
            write_text(text, key);
        }
        Json::Array(items) => {
            begin_array(items.len(), false, key);
            items.iter().for_each(|item| write(item, key));
        }
        Json::Object(members) => {
            key.push(OBJECT);
            write_count(members.len(), key);
            for (name, value) in members {
                write_text(name, key);
                write(value, key);
            }
        }
    }
}

fn write_text(text: &str, key: &mut Vec<u8>) {
    key.extend_from_slice(text.as_bytes());
    key.push(END);
}

/// Sign, exponent, digits without zeros at either end; those of a negative number inverted.
fn write_number(text: &str, key: &mut Vec<u8>) {
    let (is_negative, plain) = text.strip_prefix('-').map_or((false, text), |plain| (true, plain));
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return key.push(ZERO);
    }
    let exponent = whole.len() as i64 - (digits.len() - significant.len()) as i64;
    key.push(if is_negative { NEGATIVE } else { POSITIVE });
    let start = key.len();
    // The sign bit inverted puts negative exponents first.
    key.extend_from_slice(&(exponent ^ i64::MIN).to_be_bytes());
    write_text(significant.trim_end_matches('0'), key);
    if is_negative {
        key[start..].iter_mut().for_each(|byte| *byte = !*byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::{normalise_jsonb, parse_json};

    fn key(text: &str) -> Vec<u8> {
        jsonb_key(&parse_json(&normalise_jsonb(text).unwrap()).unwrap())
    }

    #[test]
    fn keys_are_in_postgresqls_order() {
        let ordered = [
            "[]",
            "null",
            "\"\"",
            "\"a\"",
            "\"ab\"",
            "\"b\"",
            "-10",
            "-9.5",
            "-0.01",
            "0",
            "0.001",
            "0.5",
            "1",
            "1.05",
            "9",
            "10",
            "100.5",
            "false",
            "true",
            "[null]",
            "[1]",
            "[true]",
            "[1, 2]",
            "{}",
            "{\"a\": 1}",
            "{\"a\": 2}",
            "{\"b\": 1}",
            "{\"a\": 1, \"b\": 2}",
        ];
        for pair in ordered.windows(2) {
            assert!(key(pair[0]) < key(pair[1]), "{} is below {}", pair[0], pair[1]);
        }
    }

    #[test]
    fn equal_values_have_one_key() {
        for (a, b) in [("1.0", "1.00"), ("100", "1e2"), ("0", "-0.0"), (r#"{"a":1,"b":2.0}"#, r#"{"b":2,"a":1}"#)] {
            assert_eq!(key(a), key(b), "{a} equals {b}");
        }
    }
}
