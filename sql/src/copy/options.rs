//! The options of COPY: from (name, value) pairs to a checked [`CopyOptions`].

use crate::error::{Result, SqlError, SqlState};

/// Which way the data goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyDirection {
    /// `COPY … FROM`
    From,
    /// `COPY … TO`
    To,
}

/// `FORMAT`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CopyFormat {
    /// PostgreSQL's tab-separated form with backslash escapes.
    #[default]
    Text,
    /// Comma-separated values.
    Csv,
    /// One JSON object per line.
    Ndjson,
}

/// `HEADER`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Header {
    /// There is none.
    #[default]
    Absent,
    /// The first record holds names.
    Present,
    /// The first record must hold the names of the columns, in order.
    Match,
}

/// `ON_ERROR`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// A value that cannot be read fails the statement.
    #[default]
    Stop,
    /// A row with such a value is left out and counted.
    Ignore,
}

/// `LOG_VERBOSITY`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogVerbosity {
    /// Skipped rows are counted in one notice.
    #[default]
    Default,
    /// Each skipped row is told.
    Verbose,
    /// Nothing is told.
    Silent,
}

/// The columns that a `FORCE_…` option names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ColumnSet {
    #[default]
    None,
    /// `*`
    All,
    Listed(Vec<String>),
}

impl ColumnSet {
    /// Whether the column is in the set.
    pub fn contains(&self, name: &str) -> bool {
        match self {
            ColumnSet::None => false,
            ColumnSet::All => true,
            ColumnSet::Listed(names) => names.iter().any(|listed| listed == name),
        }
    }

    fn is_given(&self) -> bool {
        *self != ColumnSet::None
    }
}

/// The value of an option as the statement's parser found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptionValue {
    /// The option stood alone: `(HEADER)`, `CSV`.
    Absent,
    /// A word, number or string.
    Text(String),
    /// `*`
    Star,
    /// `(a, b)`
    List(Vec<String>),
}

/// Checked options, with the format's defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyOptions {
    pub format: CopyFormat,
    /// One ASCII byte.
    pub delimiter: u8,
    /// What NULL is written as.
    pub null: String,
    /// What stands for the column's default (COPY FROM).
    pub default: Option<String>,
    pub header: Header,
    /// One ASCII byte.
    pub quote: u8,
    /// One ASCII byte; the quote itself unless said otherwise.
    pub escape: u8,
    pub force_quote: ColumnSet,
    pub force_not_null: ColumnSet,
    pub force_null: ColumnSet,
    pub on_error: OnError,
    pub log_verbosity: LogVerbosity,
    /// Accepted; every load is as visible as any other.
    pub freeze: bool,
}

impl CopyOptions {
    /// The defaults of a format.
    pub fn new(format: CopyFormat) -> CopyOptions {
        let is_csv = format == CopyFormat::Csv;
        CopyOptions {
            format,
            delimiter: if is_csv { b',' } else { b'\t' },
            null: if is_csv { String::new() } else { "\\N".to_owned() },
            default: None,
            header: Header::Absent,
            quote: b'"',
            escape: b'"',
            force_quote: ColumnSet::None,
            force_not_null: ColumnSet::None,
            force_null: ColumnSet::None,
            on_error: OnError::Stop,
            log_verbosity: LogVerbosity::Default,
            freeze: false,
        }
    }

    /// Reads and checks options in the order in which they were written. Names count in any case; the old keyword
    /// forms come as the same pairs (`CSV` is `format csv`, `DELIMITERS` is `delimiter`). Errors and messages are
    /// PostgreSQL's.
    pub fn from_pairs(pairs: &[(String, OptionValue)], direction: CopyDirection) -> Result<CopyOptions> {
        let mut given = Given::default();
        for (name, value) in pairs {
            given.take(&name.to_ascii_lowercase(), value)?;
        }
        given.check(direction)
    }
}

/// What was written, before the format's defaults.
#[derive(Default)]
struct Given {
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
    encoding: Option<()>,
    on_error: Option<OnError>,
    log_verbosity: Option<LogVerbosity>,
    freeze: Option<bool>,
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
    fn take(&mut self, name: &str, value: &OptionValue) -> Result<()> {
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
            "encoding" => set(&mut self.encoding, check_encoding(&text(name, value)?)?),
            "on_error" => set(&mut self.on_error, parse_on_error(&text(name, value)?)?),
            "log_verbosity" => set(&mut self.log_verbosity, parse_verbosity(&text(name, value)?)?),
            "freeze" => set(&mut self.freeze, parse_bool(name, value)?),
            "reject_limit" => Err(SqlError::unsupported("COPY option REJECT_LIMIT is not supported yet")),
            _ => Err(SqlError::syntax(format!("option \"{name}\" not recognized"))),
        }
    }

    fn check(self, direction: CopyDirection) -> Result<CopyOptions> {
        let mut options = CopyOptions::new(self.format.unwrap_or_default());
        self.check_mode(options.format)?;
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
        check_direction(&options, self.on_error, direction)?;
        options.on_error = self.on_error.unwrap_or_default();
        check_characters(&options)?;
        Ok(options)
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
        let not_ndjson = [
            (self.delimiter.is_some(), "DELIMITER"),
            (self.null.is_some(), "NULL"),
            (self.default.is_some(), "DEFAULT"),
            (self.header.is_some_and(|header| header != Header::Absent), "HEADER"),
        ];
        match not_ndjson.iter().find(|(is_given, _)| *is_given) {
            Some((_, name)) if format == CopyFormat::Ndjson => {
                Err(SqlError::syntax(format!("cannot specify {name} in NDJSON mode")))
            }
            _ => Ok(()),
        }
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
        "binary" => Err(SqlError::unsupported("COPY format \"binary\" is not supported yet")),
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

fn check_encoding(text: &str) -> Result<()> {
    let plain: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    match plain.to_ascii_uppercase().as_str() {
        "UTF8" | "UNICODE" => Ok(()),
        "" => Err(invalid("argument to option \"encoding\" must be a valid encoding name")),
        _ => {
            Err(SqlError::unsupported(format!("encoding \"{text}\" is not supported")).hint("Only UTF8 is supported."))
        }
    }
}

fn parse_on_error(text: &str) -> Result<OnError> {
    match text.to_ascii_lowercase().as_str() {
        "stop" => Ok(OnError::Stop),
        "ignore" => Ok(OnError::Ignore),
        _ => Err(invalid(format!("COPY ON_ERROR \"{text}\" not recognized"))),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, OptionValue)> {
        let value = |text: &str| match text {
            "" => OptionValue::Absent,
            "*" => OptionValue::Star,
            text => OptionValue::Text(text.to_owned()),
        };
        pairs.iter().map(|(name, text)| ((*name).to_owned(), value(text))).collect()
    }

    #[test]
    fn formats_bring_their_defaults() {
        let csv = CopyOptions::from_pairs(&pairs(&[("FORMAT", "csv"), ("header", "")]), CopyDirection::From).unwrap();
        assert_eq!((csv.delimiter, csv.null.as_str(), csv.quote, csv.escape), (b',', "", b'"', b'"'));
        assert_eq!(csv.header, Header::Present);
        let text = CopyOptions::from_pairs(&[], CopyDirection::To).unwrap();
        assert_eq!((text.delimiter, text.null.as_str()), (b'\t', "\\N"));
        let quoted = pairs(&[("format", "csv"), ("quote", "'"), ("force_quote", "*")]);
        let quoted = CopyOptions::from_pairs(&quoted, CopyDirection::To).unwrap();
        assert_eq!((quoted.escape, quoted.force_quote), (b'\'', ColumnSet::All));
    }

    #[test]
    fn faults_read_like_postgresqls() {
        use CopyDirection::{From, To};
        type Case = (&'static [(&'static str, &'static str)], CopyDirection, &'static str, &'static str);
        let cases: &[Case] = &[
            (&[("delimiter", "ab")], From, "0A000", "COPY delimiter must be a single one-byte character"),
            (&[("delimiter", "é")], From, "0A000", "COPY delimiter must be a single one-byte character"),
            (&[("delimiter", "\n")], From, "22023", "COPY delimiter cannot be newline or carriage return"),
            (&[("delimiter", "a")], From, "22023", "COPY delimiter cannot be \"a\""),
            (&[("format", "csv"), ("quote", ",")], From, "22023", "COPY delimiter and quote must be different"),
            (&[("quote", "'")], From, "0A000", "COPY quote available only in CSV mode"),
            (&[("format", "xml")], From, "22023", "COPY format \"xml\" not recognized"),
            (&[("format", "binary")], From, "0A000", "COPY format \"binary\" is not supported yet"),
            (&[("format", "csv"), ("format", "text")], From, "42601", "conflicting or redundant options"),
            (&[("foo", "")], From, "42601", "option \"foo\" not recognized"),
            (&[("header", "x")], From, "42601", "header requires a Boolean value or \"match\""),
            (&[("header", "match")], To, "0A000", "cannot use \"match\" with HEADER in COPY TO"),
            (
                &[("format", "csv"), ("force_quote", "*")],
                From,
                "0A000",
                "COPY force quote only available using COPY TO",
            ),
            (&[("null", "a\tb")], From, "0A000", "COPY delimiter must not appear in the NULL specification"),
            (&[("on_error", "x")], From, "22023", "COPY ON_ERROR \"x\" not recognized"),
            (&[("encoding", "latin1")], From, "0A000", "encoding \"latin1\" is not supported"),
            (&[("format", "ndjson"), ("null", "x")], From, "42601", "cannot specify NULL in NDJSON mode"),
            (
                &[("format", "csv"), ("force_null", "a")],
                From,
                "22023",
                "argument to option \"force_null\" must be a list of column names",
            ),
        ];
        for (given, direction, code, message) in cases {
            let error = CopyOptions::from_pairs(&pairs(given), *direction).unwrap_err();
            assert_eq!((error.code.code(), error.message.as_str()), (*code, *message));
        }
    }
}
