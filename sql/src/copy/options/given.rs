//! Options as they are written: each read, and then held against the format, the direction and each other.

use super::{ColumnSet, CopyDirection, CopyFormat, CopyOptions, Header, LogVerbosity, OnError, OptionValue};
use crate::charset::Charset;
use crate::error::{Result, SqlError, SqlState};
use crate::values::parse_int;

/// What was written, before the format's defaults.
#[derive(Default)]
pub(super) struct Given {
    format: Option<CopyFormat>,
    delimiter: Option<String>,
    null: Option<String>,
    default: Option<String>,
    header: Option<Header>,
    quote: Option<String>,
    escape: Option<String>,
    force_quote: Option<ColumnSet>,
    force_not_null: Option<ColumnSet>,
    force_null: Option<ColumnSet>,
    encoding: Option<Charset>,
    on_error: Option<OnError>,
    reject_limit: Option<u64>,
    log_verbosity: Option<LogVerbosity>,
    freeze: Option<bool>,
    ingest_id: Option<String>,
}

fn invalid(message: impl Into<String>) -> SqlError {
    SqlError::new(SqlState::INVALID_PARAMETER_VALUE, message)
}

fn set<T>(slot: &mut Option<T>, value: T) -> Result<()> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(SqlError::syntax("conflicting or redundant options")),
    }
}

impl Given {
    /// Takes one option; 42601 for one that is written twice.
    pub(super) fn take(&mut self, name: &str, value: &OptionValue) -> Result<()> {
        match name {
            "format" => set(&mut self.format, parse_format(&text(name, value)?)?),
            "delimiter" | "delimiters" => set(&mut self.delimiter, text(name, value)?),
            "null" => set(&mut self.null, text(name, value)?),
            "default" => set(&mut self.default, text(name, value)?),
            "header" => set(&mut self.header, parse_header(value)?),
            "quote" => set(&mut self.quote, text(name, value)?),
            "escape" => set(&mut self.escape, text(name, value)?),
            "force_quote" => set(&mut self.force_quote, columns(name, value)?),
            "force_not_null" => set(&mut self.force_not_null, columns(name, value)?),
            "force_null" => set(&mut self.force_null, columns(name, value)?),
            "encoding" => set(&mut self.encoding, parse_encoding(&text(name, value)?)?),
            "on_error" => set(&mut self.on_error, parse_on_error(&text(name, value)?)?),
            "log_verbosity" => set(&mut self.log_verbosity, parse_verbosity(&text(name, value)?)?),
            "freeze" => set(&mut self.freeze, parse_bool(name, value)?),
            "ingest_id" => set(&mut self.ingest_id, text(name, value)?),
            "reject_limit" => set(&mut self.reject_limit, parse_limit(name, value)?),
            _ => Err(SqlError::syntax(format!("option \"{name}\" not recognized"))),
        }
    }

    /// What the options come to.
    pub(super) fn check(self, direction: CopyDirection, client: Charset) -> Result<CopyOptions> {
        let mut options = CopyOptions::new(self.format.unwrap_or_default());
        self.check_mode(options.format)?;
        options.charset = self.charset(options.format, client)?;
        if let Some(delimiter) = &self.delimiter {
            options.delimiter = single_byte("delimiter", delimiter)?;
        }
        if let Some(null) = self.null {
            options.null = null;
        }
        if let Some(quote) = &self.quote {
            options.quote = single_byte("quote", quote)?;
            options.escape = options.quote;
        }
        if let Some(escape) = &self.escape {
            options.escape = single_byte("escape", escape)?;
        }
        options.default = self.default;
        options.header = self.header.unwrap_or_default();
        options.force_quote = self.force_quote.unwrap_or_default();
        options.force_not_null = self.force_not_null.unwrap_or_default();
        options.force_null = self.force_null.unwrap_or_default();
        options.log_verbosity = self.log_verbosity.unwrap_or_default();
        options.freeze = self.freeze.unwrap_or_default();
        options.ingest_id = self.ingest_id;
        check_direction(&options, self.on_error, direction)?;
        options.on_error = self.on_error.unwrap_or_default();
        options.reject_limit = self.reject_limit;
        if options.reject_limit.is_some() && options.on_error == OnError::Stop {
            return Err(invalid("COPY REJECT_LIMIT requires ON_ERROR to be set to IGNORE"));
        }
        check_characters(&options)?;
        Ok(options)
    }

    /// As in PostgreSQL the option is for data that is text: binary data follows the client. A Parquet file is UTF-8.
    fn charset(&self, format: CopyFormat, client: Charset) -> Result<Charset> {
        match (format, self.encoding) {
            (CopyFormat::Text | CopyFormat::Csv | CopyFormat::Ndjson, given) => Ok(given.unwrap_or(client)),
            (CopyFormat::Binary, _) => Ok(client),
            (CopyFormat::Parquet, Some(other)) if !other.is_unicode() => {
                let message = format!("COPY encoding \"{}\" is not supported in PARQUET mode", other.name());
                Err(SqlError::unsupported(message))
            }
            (CopyFormat::Parquet, _) => Ok(Charset::UTF8),
        }
    }

    /// Options that the format does not have.
    fn check_mode(&self, format: CopyFormat) -> Result<()> {
        let csv_only = [
            (self.quote.is_some(), "quote"),
            (self.escape.is_some(), "escape"),
            (self.force_quote.is_some(), "force quote"),
            (self.force_not_null.is_some(), "force not null"),
            (self.force_null.is_some(), "force null"),
        ];
        if format != CopyFormat::Csv
            && let Some((_, name)) = csv_only.iter().find(|(is_given, _)| *is_given)
        {
            return Err(SqlError::unsupported(format!("COPY {name} available only in CSV mode")));
        }
        let delimited_only = [
            (self.delimiter.is_some(), "DELIMITER"),
            (self.null.is_some(), "NULL"),
            (self.default.is_some(), "DEFAULT"),
            (self.header.is_some_and(|header| header != Header::Absent), "HEADER"),
        ];
        let mode = match format {
            CopyFormat::Ndjson => "NDJSON",
            CopyFormat::Binary => "BINARY",
            CopyFormat::Parquet => "PARQUET",
            CopyFormat::Text | CopyFormat::Csv => return Ok(()),
        };
        if let Some((_, name)) = delimited_only.iter().find(|(is_given, _)| *is_given) {
            let message = format!("cannot specify {name} in {mode} mode");
            let is_header = format == CopyFormat::Binary && *name == "HEADER";
            return Err(if is_header { SqlError::unsupported(message) } else { SqlError::syntax(message) });
        }
        if matches!(format, CopyFormat::Binary | CopyFormat::Parquet) && self.on_error == Some(OnError::Ignore) {
            return Err(SqlError::syntax(format!("only ON_ERROR STOP is allowed in {mode} mode")));
        }
        Ok(())
    }
}

fn text(name: &str, value: &OptionValue) -> Result<String> {
    match value {
        OptionValue::Text(text) => Ok(text.clone()),
        OptionValue::Absent => Err(SqlError::syntax(format!("{name} requires a parameter"))),
        OptionValue::Star | OptionValue::List(_) => Err(SqlError::syntax(format!("{name} requires a single value"))),
    }
}

fn columns(name: &str, value: &OptionValue) -> Result<ColumnSet> {
    match value {
        OptionValue::Star => Ok(ColumnSet::All),
        OptionValue::List(names) => Ok(ColumnSet::Listed(names.clone())),
        OptionValue::Absent | OptionValue::Text(_) => {
            Err(invalid(format!("argument to option \"{name}\" must be a list of column names")))
        }
    }
}

fn parse_format(text: &str) -> Result<CopyFormat> {
    match text {
        "text" => Ok(CopyFormat::Text),
        "csv" => Ok(CopyFormat::Csv),
        "ndjson" => Ok(CopyFormat::Ndjson),
        "binary" => Ok(CopyFormat::Binary),
        "parquet" => Ok(CopyFormat::Parquet),
        _ => Err(invalid(format!("COPY format \"{text}\" not recognized"))),
    }
}

fn bool_word(value: &OptionValue) -> Option<bool> {
    match value {
        OptionValue::Absent => Some(true),
        OptionValue::Text(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "on" | "1" => Some(true),
            "false" | "off" | "0" => Some(false),
            _ => None,
        },
        OptionValue::Star | OptionValue::List(_) => None,
    }
}

fn parse_bool(name: &str, value: &OptionValue) -> Result<bool> {
    bool_word(value).ok_or_else(|| SqlError::syntax(format!("{name} requires a Boolean value")))
}

fn parse_header(value: &OptionValue) -> Result<Header> {
    match (bool_word(value), value) {
        (Some(true), _) => Ok(Header::Present),
        (Some(false), _) => Ok(Header::Absent),
        (None, OptionValue::Text(text)) if text.eq_ignore_ascii_case("match") => Ok(Header::Match),
        (None, _) => Err(SqlError::syntax("header requires a Boolean value or \"match\"")),
    }
}

fn parse_encoding(text: &str) -> Result<Charset> {
    let unknown = || invalid("argument to option \"encoding\" must be a valid encoding name");
    Charset::by_name(text).ok_or_else(unknown)?.supported()
}

fn parse_on_error(text: &str) -> Result<OnError> {
    match text.to_ascii_lowercase().as_str() {
        "stop" => Ok(OnError::Stop),
        "ignore" => Ok(OnError::Ignore),
        _ => Err(invalid(format!("COPY ON_ERROR \"{text}\" not recognized"))),
    }
}

fn parse_limit(name: &str, value: &OptionValue) -> Result<u64> {
    let OptionValue::Text(text) = value else {
        return Err(SqlError::syntax(format!("{name} requires a numeric value")));
    };
    let limit: i64 = parse_int(text, "bigint")?;
    let limit_of = u64::try_from(limit).ok().filter(|limit| *limit > 0);
    limit_of.ok_or_else(|| invalid(format!("REJECT_LIMIT ({limit}) must be greater than zero")))
}

fn parse_verbosity(text: &str) -> Result<LogVerbosity> {
    match text.to_ascii_lowercase().as_str() {
        "default" => Ok(LogVerbosity::Default),
        "verbose" => Ok(LogVerbosity::Verbose),
        "silent" => Ok(LogVerbosity::Silent),
        _ => Err(invalid(format!("COPY LOG_VERBOSITY \"{text}\" not recognized"))),
    }
}

fn single_byte(name: &str, text: &str) -> Result<u8> {
    match text.as_bytes() {
        [byte] => Ok(*byte),
        _ => Err(SqlError::unsupported(format!("COPY {name} must be a single one-byte character"))),
    }
}

fn check_direction(options: &CopyOptions, on_error: Option<OnError>, direction: CopyDirection) -> Result<()> {
    match direction {
        CopyDirection::From if options.force_quote.is_given() => {
            Err(SqlError::unsupported("COPY force quote only available using COPY TO"))
        }
        CopyDirection::To if options.force_not_null.is_given() => {
            Err(SqlError::unsupported("COPY force not null only available using COPY FROM"))
        }
        CopyDirection::To if options.force_null.is_given() => {
            Err(SqlError::unsupported("COPY force null only available using COPY FROM"))
        }
        CopyDirection::To if options.header == Header::Match => {
            Err(SqlError::unsupported("cannot use \"match\" with HEADER in COPY TO"))
        }
        CopyDirection::To if options.default.is_some() => {
            Err(SqlError::unsupported("COPY DEFAULT only available using COPY FROM"))
        }
        CopyDirection::To if on_error.is_some() => Err(invalid("COPY ON_ERROR cannot be used with COPY TO")),
        CopyDirection::To if options.ingest_id.is_some() => Err(invalid("COPY INGEST_ID cannot be used with COPY TO")),
        CopyDirection::To if options.freeze => Err(invalid("COPY freeze only available using COPY FROM")),
        CopyDirection::From | CopyDirection::To => Ok(()),
    }
}

/// Characters that would make the data ambiguous.
fn check_characters(options: &CopyOptions) -> Result<()> {
    let has_line_end = |text: &str| text.contains(['\n', '\r']);
    let delimiter = options.delimiter as char;
    if has_line_end(&delimiter.to_string()) {
        return Err(invalid("COPY delimiter cannot be newline or carriage return"));
    }
    if has_line_end(&options.null) {
        return Err(invalid("COPY null representation cannot use newline or carriage return"));
    }
    if options.default.as_deref().is_some_and(has_line_end) {
        return Err(invalid("COPY default representation cannot use newline or carriage return"));
    }
    let is_csv = options.format == CopyFormat::Csv;
    let has_meaning = matches!(options.delimiter, b'\\' | b'.' | b'a'..=b'z' | b'0'..=b'9');
    if !is_csv && has_meaning {
        return Err(invalid(format!("COPY delimiter cannot be \"{delimiter}\"")));
    }
    if is_csv && options.delimiter == options.quote {
        return Err(invalid("COPY delimiter and quote must be different"));
    }
    check_marker(options, "NULL", &options.null)?;
    let Some(default) = &options.default else { return Ok(()) };
    check_marker(options, "DEFAULT", default)?;
    if *default == options.null {
        return Err(SqlError::unsupported("NULL specification and DEFAULT specification cannot be the same"));
    }
    Ok(())
}

fn check_marker(options: &CopyOptions, name: &str, marker: &str) -> Result<()> {
    if marker.as_bytes().contains(&options.delimiter) {
        return Err(SqlError::unsupported(format!("COPY delimiter must not appear in the {name} specification")));
    }
    if options.format == CopyFormat::Csv && marker.as_bytes().contains(&options.quote) {
        return Err(SqlError::unsupported(format!("CSV quote character must not appear in the {name} specification")));
    }
    Ok(())
}
