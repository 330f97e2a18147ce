//! Functions that read the snapshot, the session or the server: made anew for each statement.
//!
//! A function is a row of a table: its name, the parameters it takes, the type it gives and a body over one row of
//! arguments. [`register`] makes DataFusion's functions of them.

mod advisory;
mod arrays;
mod backends;
mod call;
mod comments;
mod definition;
mod identifiers;
mod privileges;
mod registered;
mod sequences;
mod session;
mod sizes;
mod sleep;
mod transactions;
mod types;
mod visibility;

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::common::DataFusionError;
use datafusion::error::Result;
use datafusion::logical_expr::{ScalarUDF, Volatility};
use peristyle_catalog::model::{Database, Oid, PgType};

use crate::relation::{Objects, RelationContext, ServerView, SessionView, Value};
use crate::session::{LockMode, LockNumber, LockSpan};
use crate::{SqlError, SqlState};
use call::{Call, CatalogFunction};

pub(crate) use advisory::waits_for_lock;
pub(crate) use session::LATE_SETTING;
pub(crate) use transactions::{ROW_VERSION, XID_AGE};

pub use registered::{Registered, parse_registered, show_registered};

/// What catalog functions read: a snapshot and what goes with it, of one statement.
#[derive(Clone)]
pub struct CatalogContext {
    pub head: Arc<dyn Objects>,
    pub database: Arc<Database>,
    pub session: Arc<SessionView>,
    pub server: Arc<ServerView>,
    pub control: Arc<dyn SessionControl>,
}

/// What catalog functions may ask of the session and the server.
#[async_trait]
pub trait SessionControl: Send + Sync {
    /// The value of a configuration parameter; `None` for one that does not exist.
    fn setting(&self, name: &str) -> Option<String>;
    /// Sets a parameter, to its reset value if `value` is `None`, until the end of the transaction if `is_local`.
    /// Gives the new value.
    fn set(&self, name: &str, value: Option<&str>, is_local: bool) -> Result<String>;
    /// Notifies a channel's listeners when the transaction commits.
    fn notify(&self, channel: &str, payload: &str) -> Result<()>;
    /// The sequence's next value; `expected` tells how many the statement will probably ask for in all.
    fn next_value(&self, sequence: Oid, expected: usize) -> Result<i64>;
    /// The value that the session took last of the sequence.
    fn current_value(&self, sequence: Oid) -> Result<i64>;
    /// The value that the session took last of any sequence.
    fn last_value(&self) -> Result<i64>;
    /// Has the sequence go on after a value, or with it if it was not given yet.
    fn set_value(&self, sequence: Oid, value: i64, is_called: bool) -> Result<()>;
    /// Cancels a session's statement; `false` if there is no such session.
    fn cancel(&self, process_id: i32) -> bool;
    /// Ends a session; `false` if there is no such session.
    fn terminate(&self, process_id: i32) -> bool;
    /// The sessions for which a session waits.
    fn blocking(&self, process_id: i32) -> Vec<i32>;
    /// Takes an advisory lock, and waits for it: 55P03 after lock_timeout, 40P01 for a deadlock.
    async fn lock(&self, number: LockNumber, mode: LockMode, span: LockSpan) -> Result<()>;
    /// Takes an advisory lock if it is free; whether it was.
    fn try_lock(&self, number: LockNumber, mode: LockMode, span: LockSpan) -> bool;
    /// Gives an advisory lock of the session back; `false`, with a warning, if there is none.
    fn unlock(&self, number: LockNumber, mode: LockMode) -> bool;
    /// Gives all advisory locks of the session back.
    fn unlock_all(&self);
}

impl CatalogContext {
    /// What relations are computed from.
    pub fn relations(&self) -> RelationContext<'_> {
        RelationContext {
            head: self.head.as_ref(),
            database: &self.database,
            session: &self.session,
            server: &self.server,
        }
    }
}

/// What a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parameter {
    /// An oid: a number, or the text of one or of a relation's name.
    Oid,
    Int,
    Text,
    Bool,
    /// A value that the function only looks at the type of.
    Any,
    /// Text, an oid or a number: what names an object in functions that take either.
    Named,
}

/// One function with its overloads, told apart by the number of arguments.
struct Function {
    name: &'static str,
    overloads: &'static [&'static [Parameter]],
    result: PgType,
    volatility: Volatility,
    /// NULL if an argument is NULL.
    is_strict: bool,
    body: fn(&Call<'_>) -> Result<Value<'static>>,
}

impl Function {
    /// A strict function that does not change within a statement.
    const fn stable(
        name: &'static str,
        overloads: &'static [&'static [Parameter]],
        result: PgType,
        body: fn(&Call<'_>) -> Result<Value<'static>>,
    ) -> Self {
        Function { name, overloads, result, volatility: Volatility::Stable, is_strict: true, body }
    }

    const fn not_strict(self) -> Self {
        Function { is_strict: false, ..self }
    }

    const fn volatile(self) -> Self {
        Function { volatility: Volatility::Volatile, ..self }
    }
}

const TABLES: &[&[Function]] = &[
    advisory::FUNCTIONS,
    backends::FUNCTIONS,
    comments::FUNCTIONS,
    definition::FUNCTIONS,
    identifiers::FUNCTIONS,
    privileges::FUNCTIONS,
    registered::FUNCTIONS,
    sequences::FUNCTIONS,
    session::FUNCTIONS,
    sizes::FUNCTIONS,
    transactions::FUNCTIONS,
    types::FUNCTIONS,
    visibility::FUNCTIONS,
];

/// All catalog functions over one statement's context.
pub fn register(context: &Arc<CatalogContext>) -> Vec<Arc<ScalarUDF>> {
    let functions = TABLES.iter().copied().flatten();
    let made = functions.map(|function| Arc::new(ScalarUDF::from(CatalogFunction::new(function, context.clone()))));
    let others = [Arc::new(sleep::pg_sleep()), Arc::new(arrays::array_or_empty())];
    made.chain(others).chain(advisory::waiting(context)).collect()
}

/// Names of all catalog functions.
pub fn function_names() -> impl Iterator<Item = &'static str> {
    let waiting = advisory::WAITING.iter().map(|function| function.name);
    TABLES.iter().copied().flatten().map(|function| function.name).chain([sleep::NAME, arrays::NAME]).chain(waiting)
}

/// An error with its SQLSTATE, as it travels through DataFusion.
pub(super) fn failure(code: &'static str, message: String) -> DataFusionError {
    DataFusionError::External(Box::new(SqlError::new(SqlState::from_code(code), message)))
}

const UNDEFINED_TABLE: &str = "42P01";
const UNDEFINED_OBJECT: &str = "42704";
pub(super) const UNDEFINED_FUNCTION: &str = "42883";
const UNDEFINED_COLUMN: &str = "42703";
const UNDEFINED_DATABASE: &str = "3D000";
const UNDEFINED_SCHEMA: &str = "3F000";
const NUMERIC_VALUE_OUT_OF_RANGE: &str = "22003";
const INVALID_NAME: &str = "42602";
const INVALID_TEXT: &str = "22P02";
const INVALID_PARAMETER_VALUE: &str = "22023";
