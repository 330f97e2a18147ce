//! What values mean that every statement asks for: worked out once after a change, since reading them from their texts
//! took as long as a small statement.

use std::time::Duration;

use super::Settings;
use super::canonical::parse_milliseconds;
use super::name_list::split_names;
use crate::charset::Charset;
use crate::transaction::{Durability, Isolation, Modes};
use crate::values::{ByteaOutput, DateForm, DateOrder, IntervalStyle, OutputStyle, Zone};

/// The schema of a search path that is the user's own.
const USERS_OWN: &str = "$user";

/// What one session's values mean.
#[derive(Clone, Debug)]
pub(crate) struct Meaning {
    /// How values are written, in UTF-8.
    pub(crate) output: OutputStyle,
    pub(crate) client_charset: Charset,
    search_path: Vec<String>,
    /// How transactions run that do not say so.
    pub(crate) default_modes: Modes,
    pub(crate) durability: Durability,
    pub(crate) timeouts: Timeouts,
}

/// Time limits, each `None` if it is off.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    pub(crate) statement: Option<Duration>,
    pub(crate) lock: Option<Duration>,
    pub(crate) idle_session: Option<Duration>,
    pub(crate) idle_in_transaction: Option<Duration>,
}

impl Meaning {
    pub(super) fn of(settings: &Settings) -> Meaning {
        let value = |name: &str| settings.values[name].as_str();
        Meaning {
            output: output_style(value),
            client_charset: Charset::by_name(value("client_encoding")).unwrap_or(Charset::UTF8),
            search_path: split_names(value("search_path")).unwrap_or_default(),
            default_modes: Modes {
                isolation: Isolation::named(value("default_transaction_isolation")),
                is_read_only: value("default_transaction_read_only") == "on",
                is_deferrable: value("default_transaction_deferrable") == "on",
            },
            durability: match value("synchronous_commit") {
                "off" => Durability::Deferred,
                _ => Durability::Awaited,
            },
            timeouts: Timeouts {
                statement: time_limit(value("statement_timeout")),
                lock: time_limit(value("lock_timeout")),
                idle_session: time_limit(value("idle_session_timeout")),
                idle_in_transaction: time_limit(value("idle_in_transaction_session_timeout")),
            },
        }
    }

    /// The schemas to search, in order, `"$user"` replaced.
    pub(super) fn search_path<'a>(&'a self, user: &'a str) -> impl Iterator<Item = &'a str> {
        self.search_path.iter().map(move |name| if name == USERS_OWN { user } else { name })
    }
}

fn output_style<'s>(value: impl Fn(&str) -> &'s str) -> OutputStyle {
    let dates = value("DateStyle");
    OutputStyle {
        zone: Zone::parse(value("TimeZone")).unwrap_or(Zone::Utc),
        extra_float_digits: value("extra_float_digits").parse().unwrap_or(1),
        bytea_output: if value("bytea_output") == "escape" { ByteaOutput::Escape } else { ByteaOutput::Hex },
        interval_style: match value("IntervalStyle") {
            "iso_8601" => IntervalStyle::Iso8601,
            _ => IntervalStyle::Postgres,
        },
        date_form: match dates.split(',').next() {
            Some("SQL") => DateForm::Sql,
            Some("German") => DateForm::German,
            Some("Postgres") => DateForm::Postgres,
            _ => DateForm::Iso,
        },
        date_order: date_order(dates),
        charset: Charset::UTF8,
    }
}

fn date_order(style: &str) -> DateOrder {
    match style.rsplit_once(", ") {
        Some((_, "DMY")) => DateOrder::Dmy,
        Some((_, "YMD")) => DateOrder::Ymd,
        _ => DateOrder::Mdy,
    }
}

/// `None` for 0.
fn time_limit(value: &str) -> Option<Duration> {
    parse_milliseconds(value).filter(|&milliseconds| milliseconds > 0).map(Duration::from_millis)
}
