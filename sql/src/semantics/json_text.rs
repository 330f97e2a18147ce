//! json as it was written, jsonb in one normal form: keys sorted by length, then bytes, the last of duplicates kept,
//! `", "` and `": "` between parts, numbers as PostgreSQL's numeric prints them.

use datafusion::common::Result;
use serde_json::Value;

use crate::functions::error::{FunctionError, error};

/// Refuses text that is not JSON.
pub(crate) fn check(text: &str) -> Result<()> {
    parse(text).map(drop)
}

/// The value of a JSON text.
pub(crate) fn parse(text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|e| invalid(&e))
}

fn invalid(source: &serde_json::Error) -> datafusion::common::DataFusionError {
    FunctionError::new("22P02", "invalid input syntax for type json").with_detail(source.to_string()).into()
}

/// The normal form of a JSON text.
pub(crate) fn normalised(text: &str) -> Result<String> {
    print(&parse(text)?)
}

/// A value in its normal form.
pub(crate) fn print(value: &Value) -> Result<String> {
    let mut text = String::new();
    push(&mut text, value)?;
    Ok(text)
}

fn push(text: &mut String, value: &Value) -> Result<()> {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => text.push_str(&plain_number(&number.to_string())),
        Value::String(string) => push_string(text, string),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push_str(", ");
                }
                push(text, item)?;
            }
            text.push(']');
        }
        Value::Object(members) => push_object(text, members)?,
    }
    Ok(())
}

fn push_object(text: &mut String, members: &serde_json::Map<String, Value>) -> Result<()> {
    let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
    sorted.sort_by(|(a, _), (b, _)| (a.len(), a.as_bytes()).cmp(&(b.len(), b.as_bytes())));
    text.push('{');
    for (index, (key, member)) in sorted.into_iter().enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        push_string(text, key);
        text.push_str(": ");
        push(text, member)?;
    }
    text.push('}');
    if text.contains("\\u0000") {
        return Err(error("22P05", "unsupported Unicode escape sequence"));
    }
    Ok(())
}

/// A JSON string with its quotes.
pub(crate) fn push_string(text: &mut String, string: &str) {
    text.push_str(&Value::String(string.to_owned()).to_string());
}

/// A number without its exponent.
pub(crate) fn plain_number(text: &str) -> String {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else {
        return text.to_owned();
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, digits) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let (before, after) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{before}{after}");
    let point = before.len() as i32 + exponent;
    if point <= 0 {
        return format!("{sign}0.{}{all}", "0".repeat(-point as usize));
    }
    let point = point as usize;
    if all.len() <= point {
        return format!("{sign}{all}{}", "0".repeat(point - all.len()));
    }
    format!("{sign}{}.{}", &all[..point], &all[point..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jsonb_sorts_keys_by_length_and_drops_duplicates() {
        let text = r#"{"bb":1,"a":[1,2.50,{"z":null}],"bb":2, "c":1e3}"#;
        let normal = normalised(text).expect("json");
        assert_eq!(normal, r#"{"a": [1, 2.50, {"z": null}], "c": 1000, "bb": 2}"#);
        assert!(normalised("{").is_err());
    }
}
