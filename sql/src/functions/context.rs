//! What functions may ask about the statement they run in: its clock, its chance, its session.
//!
//! The context lies in `ConfigOptions` as an extension, so a function reads it when it is called (or folded to a
//! constant) and functions need not be registered anew for each statement.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use datafusion::common::config::{ConfigEntry, ConfigExtension, ConfigOptions, ExtensionOptions};
use datafusion::common::{DataFusionError, Result, internal_datafusion_err};
use datafusion::execution::memory_pool::MemoryPool;
use peristyle_catalog::Sources;
use peristyle_catalog::model::TimestampMicros;

use super::chance::Chance;
use crate::charset::Charset;
use crate::enum_types::EnumTypes;
use crate::values::{DateOrder, InputStyle, OutputStyle, Zone};

/// Settings of a session, as `current_setting` reads them.
pub trait SettingsReader: Send + Sync {
    /// The value of a setting as `SHOW` prints it; `None` if there is no such setting.
    fn setting(&self, name: &str) -> Option<String>;
}

/// Everything that functions may know about their statement.
#[derive(Clone)]
pub struct FunctionContext {
    /// The start of the transaction: `now()`.
    pub transaction_start: TimestampMicros,
    /// The start of the statement: `statement_timestamp()`.
    pub statement_start: TimestampMicros,
    /// `clock_timestamp()`, `random()`, `gen_random_uuid()`.
    pub sources: Sources,
    /// What `random()` draws from if the session seeded it.
    pub chance: Chance,
    /// How the session writes values, its TimeZone among it.
    pub output: OutputStyle,
    /// How the session reads dates that could be several.
    pub date_order: DateOrder,
    /// `current_user`.
    pub user: String,
    /// `current_database()`.
    pub database: String,
    /// Schemas of the search path that exist, first first; without `pg_catalog`.
    pub search_path: Vec<String>,
    /// `pg_backend_pid()`.
    pub backend_pid: i32,
    /// `version()`.
    pub version: String,
    /// `current_setting()`.
    pub settings: Arc<dyn SettingsReader>,
    /// The users' enum types; `None` where there are none.
    pub enums: Option<EnumTypes>,
    /// Where what one call holds is counted.
    pub memory: Arc<dyn MemoryPool>,
}

/// The context as an extension of DataFusion's options.
#[derive(Clone)]
pub struct StatementContext(pub Arc<FunctionContext>);

impl fmt::Debug for StatementContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatementContext").field("transaction_start", &self.0.transaction_start.0).finish()
    }
}

impl ConfigExtension for StatementContext {
    const PREFIX: &'static str = "peristyle";
}

impl ExtensionOptions for StatementContext {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(self.clone())
    }

    fn set(&mut self, key: &str, _value: &str) -> Result<()> {
        Err(DataFusionError::Configuration(format!("{key} is not set as an option")))
    }

    fn entries(&self) -> Vec<ConfigEntry> {
        Vec::new()
    }
}

impl FunctionContext {
    /// The session's TimeZone.
    pub fn zone(&self) -> Zone {
        self.output.zone
    }

    /// How the session reads values.
    pub fn input_style(&self) -> InputStyle {
        InputStyle {
            zone: self.zone(),
            date_order: self.date_order,
            now_micros: self.transaction_start.0,
            enums: self.enums.clone(),
            charset: Charset::UTF8,
        }
    }

    /// Puts the context where functions find it. Call once per statement on the session's options.
    pub fn install(self, options: &mut ConfigOptions) {
        options.extensions.insert(StatementContext(Arc::new(self)));
    }
}

/// The context of the statement that runs.
///
/// # Errors
/// Internal, if the session was built without one.
pub(crate) fn statement_context(options: &ConfigOptions) -> Result<&FunctionContext> {
    options
        .extensions
        .get::<StatementContext>()
        .map(|context| context.0.as_ref())
        .ok_or_else(|| internal_datafusion_err!("a session without a statement context"))
}
