//! Lists of names, as `search_path` holds them.

use crate::error::{SqlError, SqlState};

/// A list of names as `search_path` holds it, unquoted and folded.
pub(crate) fn split_names(text: &str) -> Result<Vec<String>, SqlError> {
    let mut names = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (name, after) = next_name(rest)?;
        names.push(name);
        rest = after.trim_start().strip_prefix(',').unwrap_or(after).trim_start();
    }
    Ok(names)
}

fn next_name(text: &str) -> Result<(String, &str), SqlError> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(',').unwrap_or(text.len());
        return Ok((text[..end].trim().to_lowercase(), &text[end..]));
    };
    let end = quoted
        .find('"')
        .ok_or_else(|| SqlError::new(SqlState::INVALID_PARAMETER_VALUE, format!("invalid list syntax: \"{text}\"")))?;
    Ok((quoted[..end].to_owned(), &quoted[end + 1..]))
}

/// A name as a list shows it.
pub(super) fn quote_name(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain && !name.is_empty() { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}
