//! Which settings exist: their kinds, defaults and descriptions.

use crate::error::{SqlError, SqlState};

/// What kind of value a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SettingKind {
    Bool,
    /// Least and greatest value.
    Integer(i64, i64),
    /// A time in milliseconds; units `us`, `ms`, `s`, `min`, `h`, `d` are understood.
    Milliseconds,
    /// Memory in kB, at least so many; units `B`, `kB`, `MB`, `GB`, `TB` are understood.
    Kilobytes(u64),
    Text,
    /// The session's own role, or `none`.
    Role,
    /// One of these words.
    Enum(&'static [&'static str]),
    TimeZone,
    DateStyle,
    Encoding,
    /// A list of names.
    SearchPath,
}

/// One setting that exists.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SettingDefinition {
    /// As `SHOW ALL` spells it.
    pub(crate) name: &'static str,
    pub(crate) kind: SettingKind,
    pub(crate) default: &'static str,
    pub(crate) description: &'static str,
    /// Whether the wire reports its changes (ParameterStatus).
    pub(crate) reported: bool,
    /// Whether `SET` is refused.
    pub(crate) fixed: bool,
}

/// A switch of PostgreSQL's planner.
const fn planner(name: &'static str) -> SettingDefinition {
    setting(name, SettingKind::Bool, "on", FOR_PLANNERS)
}

const fn setting(
    name: &'static str,
    kind: SettingKind,
    default: &'static str,
    description: &'static str,
) -> SettingDefinition {
    SettingDefinition { name, kind, default, description, reported: false, fixed: false }
}

const fn reported(definition: SettingDefinition) -> SettingDefinition {
    SettingDefinition { reported: true, ..definition }
}

const fn fixed(definition: SettingDefinition) -> SettingDefinition {
    SettingDefinition { fixed: true, ..definition }
}

/// Version that clients see; they branch on its number.
pub(crate) const SERVER_VERSION: &str = concat!("15.0 (Peristyle ", env!("CARGO_PKG_VERSION"), ")");
const SERVER_VERSION_NUM: &str = "150000";

const ISOLATION_LEVELS: &[&str] = &["read uncommitted", "read committed", "repeatable read", "serializable"];
/// What a client may be told, the least first.
pub(super) const MESSAGE_LEVELS: &[&str] =
    &["debug5", "debug4", "debug3", "debug2", "debug1", "debug", "log", "notice", "warning", "error", "fatal", "panic"];

/// What PostgreSQL's planner is told and ours takes no notice of.
const FOR_PLANNERS: &str = "Accepted for tools; queries are planned by other rules.";

/// All settings, in the order of their names.
pub(crate) const DEFINITIONS: &[SettingDefinition] = &[
    reported(setting(
        "application_name",
        SettingKind::Text,
        "",
        "Sets the application name to be reported in statistics.",
    )),
    setting("array_nulls", SettingKind::Enum(&["on"]), "on", "Enables input of NULL elements in arrays."),
    setting(
        "backslash_quote",
        SettingKind::Enum(&["safe_encoding", "on", "off"]),
        "safe_encoding",
        "Accepted for tools; strings treat backslashes literally.",
    ),
    fixed(setting(
        "block_size",
        SettingKind::Integer(8192, 8192),
        "8192",
        "Shows the size of the blocks that relpages counts.",
    )),
    setting("bytea_output", SettingKind::Enum(&["escape", "hex"]), "hex", "Sets the output format for bytea."),
    setting("check_function_bodies", SettingKind::Bool, "on", "Accepted for tools; functions cannot be created."),
    reported(setting("client_encoding", SettingKind::Encoding, "UTF8", "Sets the client's character set encoding.")),
    setting(
        "client_min_messages",
        SettingKind::Enum(MESSAGE_LEVELS),
        "notice",
        "Sets the message levels that are sent to the client.",
    ),
    reported(setting(
        "DateStyle",
        SettingKind::DateStyle,
        "ISO, MDY",
        "Sets the display format for date and time values.",
    )),
    setting(
        "default_table_access_method",
        SettingKind::Enum(&["heap"]),
        "heap",
        "Accepted for tools; there is one storage.",
    ),
    setting("default_tablespace", SettingKind::Text, "", "Accepted for tools; there is one store."),
    setting(
        "default_transaction_deferrable",
        SettingKind::Bool,
        "off",
        "Accepted for tools; a read-only transaction is never refused, so it need not wait.",
    ),
    setting(
        "default_transaction_isolation",
        SettingKind::Enum(ISOLATION_LEVELS),
        "read committed",
        "Sets the transaction isolation level of each new transaction.",
    ),
    reported(setting(
        "default_transaction_read_only",
        SettingKind::Bool,
        "off",
        "Sets the default read-only status of new transactions.",
    )),
    planner("enable_bitmapscan"),
    planner("enable_hashagg"),
    planner("enable_hashjoin"),
    planner("enable_incremental_sort"),
    planner("enable_indexonlyscan"),
    planner("enable_indexscan"),
    planner("enable_material"),
    planner("enable_memoize"),
    planner("enable_mergejoin"),
    planner("enable_nestloop"),
    planner("enable_partition_pruning"),
    planner("enable_seqscan"),
    planner("enable_sort"),
    setting(
        "escape_string_warning",
        SettingKind::Bool,
        "on",
        "Accepted for tools; strings treat backslashes literally.",
    ),
    setting(
        "extra_float_digits",
        SettingKind::Integer(-15, 3),
        "1",
        "Sets the number of digits displayed for floating-point values.",
    ),
    setting("from_collapse_limit", SettingKind::Integer(1, i32::MAX as i64), "8", FOR_PLANNERS),
    planner("geqo"),
    setting(
        "idle_in_transaction_session_timeout",
        SettingKind::Milliseconds,
        "0",
        "Sets the maximum allowed idle time between queries, when in a transaction.",
    ),
    setting(
        "idle_session_timeout",
        SettingKind::Milliseconds,
        "0",
        "Sets the maximum allowed idle time between queries.",
    ),
    fixed(reported(setting(
        "in_hot_standby",
        SettingKind::Bool,
        "off",
        "Shows whether hot standby is currently active.",
    ))),
    setting(
        "ingest_id",
        SettingKind::Text,
        "",
        "Sets the id under which INSERT and COPY commit; one that was committed before commits nothing.",
    ),
    fixed(reported(setting(
        "integer_datetimes",
        SettingKind::Bool,
        "on",
        "Shows whether datetimes are integer based.",
    ))),
    reported(setting(
        "IntervalStyle",
        SettingKind::Enum(&["postgres", "iso_8601"]),
        "postgres",
        "Sets the display format for interval values.",
    )),
    fixed(reported(setting("is_superuser", SettingKind::Bool, "on", "Shows whether the current user is a superuser."))),
    setting("jit", SettingKind::Bool, "off", "Accepted for tools; there is no just-in-time compiler."),
    setting("join_collapse_limit", SettingKind::Integer(1, i32::MAX as i64), "8", FOR_PLANNERS),
    fixed(setting("lc_collate", SettingKind::Text, "C", "Shows the collation order locale.")),
    fixed(setting("lc_ctype", SettingKind::Text, "C.UTF-8", "Shows the character classification locale.")),
    setting("lc_messages", SettingKind::Text, "C", "Sets the language in which messages are displayed."),
    setting("lc_monetary", SettingKind::Text, "C", "Sets the locale for formatting monetary amounts."),
    setting("lc_numeric", SettingKind::Text, "C", "Sets the locale for formatting numbers."),
    setting("lc_time", SettingKind::Text, "C", "Sets the locale for formatting date and time values."),
    setting(
        "lock_timeout",
        SettingKind::Milliseconds,
        "0",
        "Sets the maximum allowed duration of any wait for a lock.",
    ),
    setting(
        "maintenance_work_mem",
        SettingKind::Kilobytes(1024),
        "64MB",
        "Accepted for tools; statement_memory_bytes_max is the server's own limit.",
    ),
    fixed(setting(
        "max_identifier_length",
        SettingKind::Integer(63, 63),
        "63",
        "Shows the maximum identifier length, in bytes.",
    )),
    fixed(setting("max_index_keys", SettingKind::Integer(32, 32), "32", "Shows the maximum number of index keys.")),
    setting("max_parallel_workers_per_gather", SettingKind::Integer(0, 1024), "2", FOR_PLANNERS),
    setting(
        "plan_cache_mode",
        SettingKind::Enum(&["auto", "force_generic_plan", "force_custom_plan"]),
        "auto",
        FOR_PLANNERS,
    ),
    setting("quote_all_identifiers", SettingKind::Bool, "off", "When generating SQL fragments, quote all identifiers."),
    setting("role", SettingKind::Role, "none", "Sets the current role."),
    setting("row_security", SettingKind::Bool, "on", "Accepted for tools; there are no policies."),
    setting(
        "search_path",
        SettingKind::SearchPath,
        "\"$user\", public",
        "Sets the schema search order for names that are not schema-qualified.",
    ),
    fixed(reported(setting(
        "server_encoding",
        SettingKind::Text,
        "UTF8",
        "Shows the server (database) character set encoding.",
    ))),
    fixed(reported(setting("server_version", SettingKind::Text, SERVER_VERSION, "Shows the server version."))),
    fixed(setting(
        "server_version_num",
        SettingKind::Text,
        SERVER_VERSION_NUM,
        "Shows the server version as an integer.",
    )),
    reported(setting("session_authorization", SettingKind::Role, "", "Sets the session user name.")),
    reported(setting(
        "standard_conforming_strings",
        SettingKind::Enum(&["on"]),
        "on",
        "Causes '...' strings to treat backslashes literally.",
    )),
    setting("statement_timeout", SettingKind::Milliseconds, "0", "Sets the maximum allowed duration of any statement."),
    setting("synchronize_seqscans", SettingKind::Bool, "on", "Accepted for tools; it has no meaning here."),
    setting(
        "synchronous_commit",
        SettingKind::Enum(&["local", "remote_write", "remote_apply", "on", "off"]),
        "on",
        "Sets the current transaction's synchronization level.",
    ),
    reported(setting(
        "TimeZone",
        SettingKind::TimeZone,
        "UTC",
        "Sets the time zone for displaying and interpreting time stamps.",
    )),
    setting(
        "transaction_deferrable",
        SettingKind::Bool,
        "off",
        "Accepted for tools; a read-only transaction is never refused, so it need not wait.",
    ),
    setting(
        "transaction_isolation",
        SettingKind::Enum(ISOLATION_LEVELS),
        "read committed",
        "Sets the current transaction's isolation level.",
    ),
    setting("transaction_read_only", SettingKind::Bool, "off", "Sets the current transaction's read-only status."),
    setting(
        "work_mem",
        SettingKind::Kilobytes(64),
        "4MB",
        "Accepted for tools; statement_memory_bytes_max is the server's own limit.",
    ),
    setting("xmlbinary", SettingKind::Enum(&["base64", "hex"]), "base64", "Accepted for tools; there is no type xml."),
    setting(
        "xmloption",
        SettingKind::Enum(&["content", "document"]),
        "content",
        "Accepted for tools; there is no type xml.",
    ),
];

/// Names that other spellings stand for.
const ALIASES: &[(&str, &str)] = &[("names", "client_encoding"), ("schema", "search_path"), ("time zone", "TimeZone")];

/// The definition of a setting by any spelling of its name; 42704 if there is none.
pub(crate) fn definition(name: &str) -> Result<&'static SettingDefinition, SqlError> {
    let lower = name.to_lowercase();
    let name_or_alias = ALIASES.iter().find(|(alias, _)| *alias == lower).map_or(lower.as_str(), |(_, name)| name);
    DEFINITIONS.iter().find(|d| d.name.eq_ignore_ascii_case(name_or_alias)).ok_or_else(|| {
        SqlError::new(SqlState::UNDEFINED_OBJECT, format!("unrecognized configuration parameter \"{name}\""))
    })
}
