//! Values of settings from text.

use std::net::{SocketAddr, ToSocketAddrs};

use super::LogFormat;

/// Units that a setting in bytes may have, largest first.
const BYTE_UNITS: [(&str, u64); 4] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

/// A whole number of at least `min`. Digits may be grouped by `_`; a setting whose name ends in `_bytes` or
/// `_bytes_max` also takes `64MiB` and the like.
pub(super) fn number<T: TryFrom<u64>>(key: &str, text: &str, min: u64) -> Result<T, String> {
    let unit = BYTE_UNITS.iter().find(|(unit, _)| is_bytes(key) && text.ends_with(unit));
    let (digits, factor) = unit.map_or((text, 1), |(unit, factor)| (&text[..text.len() - unit.len()], *factor));
    let number: u64 = digits.trim().replace('_', "").parse().map_err(|_| expected(is_bytes(key)))?;
    let number = number.checked_mul(factor).ok_or("is too large")?;
    if number < min {
        return Err(format!("must be at least {}", shown(key, min)));
    }
    T::try_from(number).map_err(|_| "is too large".to_owned())
}

/// Whether the setting of that name is a number of bytes.
pub(super) fn is_bytes(key: &str) -> bool {
    ["_bytes", "_bytes_max", "_bytes_per_second_max"].iter().any(|end| key.ends_with(end))
}

/// A number as it is set: bytes in the largest unit that divides them.
pub(super) fn shown<T: TryInto<u64>>(key: &str, number: T) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    let unit = BYTE_UNITS.iter().find(|(_, factor)| is_bytes(key) && number > 0 && number % factor == 0);
    unit.map_or_else(|| number.to_string(), |(unit, factor)| format!("{}{unit}", number / factor))
}

fn expected(is_bytes: bool) -> String {
    let unit = if is_bytes { " of bytes, as 1048576 or 1MiB" } else { "" };
    format!("must be a whole number{unit}")
}

/// `host:port`.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let mut found = text.to_socket_addrs().map_err(|error| format!("must be host:port ({error})"))?;
    found.next().ok_or_else(|| "names no address".to_owned())
}

/// `text` or `json`.
pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("must be text or json".to_owned()),
    }
}

/// Text that is not empty.
pub(super) fn text(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units_only_where_they_are_bytes() {
        assert_eq!(number::<u64>("x_bytes", "64MiB", 1), Ok(64 << 20));
        assert_eq!(number::<usize>("x_bytes_max", "1 KiB", 1), Ok(1024));
        assert_eq!(number::<u64>("x_seconds", "1_000", 1), Ok(1000));
        assert_eq!(number::<u64>("x_max", "1KiB", 1), Err("must be a whole number".to_owned()));
        assert_eq!(number::<u64>("x_max", "0", 1), Err("must be at least 1".to_owned()));
        assert_eq!(number::<u8>("x_max", "256", 1), Err("is too large".to_owned()));
        assert_eq!(number::<u64>("x_bytes", "99999999TiB", 1), Err("is too large".to_owned()));
        assert!(number::<u64>("x_bytes", "-1", 1).is_err());
    }
}
