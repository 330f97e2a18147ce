//! The session's settings that change how values look.

use super::interval::IntervalStyle;
use super::zone::Zone;
use crate::charset::Charset;
use crate::enum_types::EnumTypes;

/// The wire format of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Format code 0.
    #[default]
    Text,
    /// Format code 1.
    Binary,
}

/// `bytea_output`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ByteaOutput {
    /// `\x68656c`
    #[default]
    Hex,
    /// `hel\000`
    Escape,
}

/// How dates are written: the first part of `DateStyle`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DateForm {
    /// `2026-11-20`
    #[default]
    Iso,
    /// `11/20/2026`
    Sql,
    /// `20.11.2026`
    German,
    /// `11-20-2026`, `Fri Nov 20 12:00:00 2026 UTC`
    Postgres,
}

/// The order of day and month: the second part of `DateStyle`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DateOrder {
    /// Month, day, year.
    #[default]
    Mdy,
    /// Day, month, year.
    Dmy,
    /// Year, month, day.
    Ymd,
}

/// How values are written.
#[derive(Clone, Copy, Debug)]
pub struct OutputStyle {
    /// `TimeZone`: where a timestamptz is shown.
    pub zone: Zone,
    /// `extra_float_digits`: from 1 the shortest exact text, below that fewer digits.
    pub extra_float_digits: i32,
    pub bytea_output: ByteaOutput,
    pub interval_style: IntervalStyle,
    pub date_form: DateForm,
    pub date_order: DateOrder,
    /// The encoding in which values leave the server; UTF8 for those that stay in it.
    pub charset: Charset,
}

impl OutputStyle {
    /// The style within JSON, where dates are ISO 8601 whatever `DateStyle` says.
    pub(crate) fn within_json(self) -> OutputStyle {
        OutputStyle { date_form: DateForm::Iso, ..self }
    }
}

impl Default for OutputStyle {
    fn default() -> OutputStyle {
        OutputStyle {
            zone: Zone::Utc,
            extra_float_digits: 1,
            bytea_output: ByteaOutput::Hex,
            interval_style: IntervalStyle::Postgres,
            date_form: DateForm::Iso,
            date_order: DateOrder::Mdy,
            charset: Charset::UTF8,
        }
    }
}

/// How values are read.
#[derive(Clone, Debug)]
pub struct InputStyle {
    /// `TimeZone`: what a timestamptz without a zone means.
    pub zone: Zone,
    pub date_order: DateOrder,
    /// What `now` and `today` mean: the transaction's start, microseconds since 1970.
    pub now_micros: i64,
    /// Which labels are values of enum types; `None` where texts are known to be such.
    pub enums: Option<EnumTypes>,
    /// The encoding of texts in the binary forms of values.
    pub charset: Charset,
}

impl InputStyle {
    /// PostgreSQL's defaults at a transaction's start.
    pub fn new(now_micros: i64) -> InputStyle {
        InputStyle { zone: Zone::Utc, date_order: DateOrder::Mdy, now_micros, enums: None, charset: Charset::UTF8 }
    }
}
