//! The options of COPY: from (name, value) pairs to a checked [`CopyOptions`].

mod given;

use self::given::Given;
use crate::charset::Charset;
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
    /// PostgreSQL's binary form: a signature, tuples of the types' binary forms, a trailer.
    Binary,
    /// A Parquet file; not for the client, since it is read from its end.
    Parquet,
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

    /// Fails for a name that stands twice (42701) or is not one of the copied columns: by what `unknown` makes of it.
    pub(crate) fn check(&self, copied: &[String], unknown: impl Fn(&str) -> SqlError) -> Result<()> {
        let ColumnSet::Listed(names) = self else { return Ok(()) };
        for (at, name) in names.iter().enumerate() {
            if names[..at].contains(name) {
                let message = format!("column \"{name}\" specified more than once");
                return Err(SqlError::new(SqlState::DUPLICATE_COLUMN, message));
            }
            if !copied.contains(name) {
                return Err(unknown(name));
            }
        }
        Ok(())
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
    /// What the data is in; of binary data, what texts in it are in.
    pub charset: Charset,
    pub on_error: OnError,
    /// Rows that `ON_ERROR ignore` may leave out; one more fails the statement.
    pub reject_limit: Option<u64>,
    pub log_verbosity: LogVerbosity,
    /// Every load is as visible as any other; it is only said where that is what PostgreSQL does (COPY FROM).
    pub freeze: bool,
    /// The load's name: one that was committed before commits nothing (COPY FROM).
    pub ingest_id: Option<String>,
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
            charset: Charset::UTF8,
            on_error: OnError::Stop,
            reject_limit: None,
            log_verbosity: LogVerbosity::Default,
            freeze: false,
            ingest_id: None,
        }
    }

    /// Reads and checks options in the order in which they were written. Names count in any case; the old keyword
    /// forms come as the same pairs (`CSV` is `format csv`, `DELIMITERS` is `delimiter`). Data is in the client's
    /// encoding unless an option says otherwise. Errors and messages are PostgreSQL's.
    pub fn from_pairs(
        pairs: &[(String, OptionValue)],
        direction: CopyDirection,
        client: Charset,
    ) -> Result<CopyOptions> {
        let mut given = Given::default();
        for (name, value) in pairs {
            given.take(&name.to_ascii_lowercase(), value)?;
        }
        given.check(direction, client)
    }
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
        let read = |given: &[(&str, &str)], direction| {
            CopyOptions::from_pairs(&pairs(given), direction, Charset::UTF8).unwrap()
        };
        let csv = read(&[("FORMAT", "csv"), ("header", "")], CopyDirection::From);
        assert_eq!((csv.delimiter, csv.null.as_str(), csv.quote, csv.escape), (b',', "", b'"', b'"'));
        assert_eq!(csv.header, Header::Present);
        let text = read(&[], CopyDirection::To);
        assert_eq!((text.delimiter, text.null.as_str()), (b'\t', "\\N"));
        let quoted = read(&[("format", "csv"), ("quote", "'"), ("force_quote", "*")], CopyDirection::To);
        assert_eq!((quoted.escape, quoted.force_quote), (b'\'', ColumnSet::All));
    }

    #[test]
    fn data_is_in_the_clients_encoding_unless_said_otherwise() {
        let (latin1, sjis) = (Charset::by_name("latin1").unwrap(), Charset::by_name("sjis").unwrap());
        let charset = |given: &[(&str, &str)]| {
            CopyOptions::from_pairs(&pairs(given), CopyDirection::From, latin1).unwrap().charset
        };
        assert_eq!(charset(&[]), latin1);
        assert_eq!(charset(&[("encoding", "Shift-JIS")]), sjis);
        assert_eq!(charset(&[("format", "binary"), ("encoding", "sjis")]), latin1, "as in PostgreSQL");
        assert_eq!(charset(&[("format", "parquet")]), Charset::UTF8);
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
            (&[("format", "binary"), ("null", "x")], From, "42601", "cannot specify NULL in BINARY mode"),
            (&[("format", "binary"), ("header", "")], To, "0A000", "cannot specify HEADER in BINARY mode"),
            (&[("format", "binary"), ("quote", "'")], To, "0A000", "COPY quote available only in CSV mode"),
            (
                &[("format", "binary"), ("on_error", "ignore")],
                From,
                "42601",
                "only ON_ERROR STOP is allowed in BINARY mode",
            ),
            (
                &[("encoding", "klingon")],
                From,
                "22023",
                "argument to option \"encoding\" must be a valid encoding name",
            ),
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
            (&[("reject_limit", "3")], From, "22023", "COPY REJECT_LIMIT requires ON_ERROR to be set to IGNORE"),
            (
                &[("on_error", "ignore"), ("reject_limit", "0")],
                From,
                "22023",
                "REJECT_LIMIT (0) must be greater than zero",
            ),
            (&[("reject_limit", "many")], From, "22P02", "invalid input syntax for type bigint: \"many\""),
            (&[("reject_limit", "")], From, "42601", "reject_limit requires a numeric value"),
            (&[("on_error", "ignore")], To, "22023", "COPY ON_ERROR cannot be used with COPY TO"),
            (&[("default", "\\N")], From, "0A000", "NULL specification and DEFAULT specification cannot be the same"),
            (&[("encoding", "johab")], From, "0A000", "conversion between JOHAB and UTF8 is not supported"),
            (
                &[("format", "parquet"), ("encoding", "latin1")],
                To,
                "0A000",
                "COPY encoding \"LATIN1\" is not supported in PARQUET mode",
            ),
            (&[("format", "ndjson"), ("null", "x")], From, "42601", "cannot specify NULL in NDJSON mode"),
            (
                &[("format", "csv"), ("force_null", "a")],
                From,
                "22023",
                "argument to option \"force_null\" must be a list of column names",
            ),
        ];
        for (given, direction, code, message) in cases {
            let error = CopyOptions::from_pairs(&pairs(given), *direction, Charset::UTF8).unwrap_err();
            assert_eq!((error.code.code(), error.message.as_str()), (*code, *message));
        }
    }
}
