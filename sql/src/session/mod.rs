//! A connection's session: settings, the transaction, and the statements it runs.
//!
//! Every statement runs in a transaction object. One query string, or all up to one Sync, is one implicit
//! transaction; the caller says where it ends ([`Session::end_implicit`]), since only the protocol knows. BEGIN keeps
//! it open beyond that ([`block`]).

mod activity;
mod block;
mod channels;
mod commands;
mod control;
mod copies;
mod cursor_commands;
mod cursor_rows;
mod ending;
mod interrupt;
mod kept;
mod locks;
pub mod named;
mod portals;
mod prepared;
mod prepared_commands;
mod rerun;
mod running;
pub(crate) mod settings;
mod table_lock;
mod told;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use peristyle_catalog::model::Oid;
use tokio::time::Instant;

use self::block::Block;
use self::channels::Listener;
use self::kept::Kept;
use self::rerun::Rerun;
use self::settings::{Layers, Settings, SharedSettings};
use crate::charset::Charset;
use crate::engine::Engine;
use crate::error::{SqlError, SqlState};
use crate::functions::Chance;
use crate::outcome::{Notice, Outcome};
use crate::parse::{self, Statement};
use crate::scope::Scope;
use crate::sequence::SharedTaken;
use crate::statement;
use crate::transaction::{Looks, Transaction};
pub use crate::values::Format as WireFormat;
use crate::values::OutputStyle;
pub(crate) use activity::{Activities, Activity, ActivityRow, ActivityState};
pub use channels::Notification;
pub(crate) use channels::{Channels, SharedPending};
pub(crate) use copies::{Copies, CopyEntry, CopyProgress};
pub(crate) use interrupt::Guard;
pub use interrupt::Interrupts;
pub(crate) use kept::{Kept as KeptObjects, SharedKept};
pub(crate) use locks::{HeldTransaction, LockKey, LockRow, Locks, OwnLocks};
pub use locks::{LockMode, LockNumber, LockSpan};
pub use portals::PortalDescription;
pub use prepared::{BoundParameters, Parameter, Prepared};

/// What a start-up packet says.
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    pub user: String,
    pub database: String,
    /// Other start-up parameters and those of `options=-c …`, in order, names as sent.
    pub parameters: Vec<(String, String)>,
    /// Number that `pg_backend_pid()` shows.
    pub process_id: i32,
    /// Address of the client, if it is a TCP one.
    pub client_address: Option<std::net::SocketAddr>,
    /// Whether the client speaks through TLS.
    pub is_encrypted: bool,
}

/// What never changes while a session lives.
#[derive(Clone, Debug)]
pub(crate) struct SessionFacts {
    pub(crate) user: String,
    pub(crate) user_oid: Oid,
    pub(crate) database: String,
    pub(crate) database_oid: Oid,
    pub(crate) process_id: i32,
    pub(crate) chance: Chance,
}

/// The transaction of a session; a COPY that waits for its data holds it too.
pub(crate) type SharedTransaction = Arc<Mutex<Option<Transaction>>>;

/// One connection's state. Not shared: a connection runs one statement at a time.
pub struct Session {
    engine: Arc<Engine>,
    facts: Arc<SessionFacts>,
    settings: SharedSettings,
    transaction: SharedTransaction,
    /// While the client has a block open.
    block: Option<Block>,
    interrupts: Interrupts,
    notices: Arc<Mutex<Vec<Notice>>>,
    kept: SharedKept,
    listener: Listener,
    /// What the wire was told last of the settings that it reports.
    told: BTreeMap<&'static str, String>,
    /// The settings that those were.
    told_of: Option<Arc<Settings>>,
    activity: Activity,
    /// Whether it made a table that its transactions' ends change.
    acts_on_commit: bool,
    /// What the implicit transaction must run again if it loses a race before anything was sent.
    rerun: Option<Rerun>,
    /// When the statement began that runs now.
    began: Option<Instant>,
    /// The values that it took of sequences.
    taken: SharedTaken,
    locks: Arc<OwnLocks>,
}

/// The byte of ReadyForQuery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionStatus {
    Idle,
    InBlock,
    Failed,
}

impl Session {
    /// A session for a user and database that exist.
    pub(crate) fn open(
        engine: Arc<Engine>,
        facts: SessionFacts,
        options: &ConnectOptions,
    ) -> Result<Session, SqlError> {
        let mut settings = Settings::default();
        settings.set_user(&facts.user);
        for (name, value) in &options.parameters {
            settings.set_at_startup(name, value)?;
        }
        let interrupts = Interrupts::default();
        let activity = engine.activities().enter(&facts, options, engine.now(), &interrupts);
        let waiting_max = engine.limits().notifications_max;
        let listener = Listener::new(engine.channels(), facts.database_oid, facts.process_id, waiting_max);
        let locks = OwnLocks::new(engine.locks(), facts.database_oid, facts.process_id);
        Ok(Session {
            locks: Arc::new(locks),
            kept: Arc::new(Mutex::new(Kept::new(engine.limits()))),
            listener,
            engine,
            facts: Arc::new(facts),
            settings: Arc::new(Mutex::new(Layers::new(settings))),
            transaction: SharedTransaction::default(),
            block: None,
            interrupts,
            notices: Arc::default(),
            told: BTreeMap::new(),
            told_of: None,
            activity,
            acts_on_commit: false,
            rerun: None,
            began: None,
            taken: SharedTaken::default(),
        })
    }

    /// Cuts a query string into statements; nothing in it is run if one does not parse (42601 with position).
    pub fn parse(&self, text: &str) -> Result<Vec<Statement>, SqlError> {
        parse::parse(text, &mut self.notices.lock())
    }

    /// Runs a statement within the implicit transaction, which it opens if none is open. Reading starts here; a
    /// result's rows come as they are taken. An error leaves the transaction failed until it is ended.
    pub async fn execute(&mut self, statement: &Statement) -> Result<Outcome, SqlError> {
        self.run(statement, Arc::default()).await
    }

    pub fn transaction_status(&self) -> TransactionStatus {
        match (&self.block, self.has_failed()) {
            (None, _) => TransactionStatus::Idle,
            (Some(_), false) => TransactionStatus::InBlock,
            (Some(_), true) => TransactionStatus::Failed,
        }
    }

    /// How long the client may now stay silent, and what ends its session after that.
    pub fn idle_limit(&self) -> Option<(Duration, SqlError)> {
        let timeouts = self.settings.lock().current().timeouts();
        let (limit, code, what) = match self.block {
            Some(_) => {
                (timeouts.idle_in_transaction, SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT, "idle-in-transaction")
            }
            None => (timeouts.idle_session, SqlState::IDLE_SESSION_TIMEOUT, "idle-session"),
        };
        let limit = limit?;
        Some((limit, SqlError::new(code, format!("terminating connection due to {what} timeout"))))
    }

    fn has_failed(&self) -> bool {
        self.transaction.lock().as_ref().is_some_and(Transaction::is_failed)
    }

    /// For another task to stop this session's statement.
    pub fn interrupts(&self) -> Interrupts {
        self.interrupts.clone()
    }

    /// How values are written for this session's client (TimeZone, extra_float_digits, client_encoding, …).
    pub fn output_style(&self) -> OutputStyle {
        self.settings().client_style()
    }

    /// The encoding of the texts that the client sends and takes.
    pub fn client_charset(&self) -> Charset {
        self.settings.lock().current().client_charset()
    }

    fn settings(&self) -> Arc<Settings> {
        Arc::clone(self.settings.lock().current())
    }

    /// The guard of the statement that runs now, which began once, however often it begins again.
    fn statement_guard(&self) -> Guard {
        let limit = self.settings.lock().current().timeouts().statement;
        self.interrupts.guard(limit, self.began.unwrap_or_else(Instant::now))
    }

    fn scope(&mut self, looks: Looks) -> Result<Arc<Scope>, SqlError> {
        let guard = self.statement_guard();
        self.scope_under(looks, guard)
    }

    fn scope_under(&mut self, looks: Looks, guard: Guard) -> Result<Arc<Scope>, SqlError> {
        let started = self.transaction_started();
        let (view, begun_runs, reads, locked_rows) = self.in_transaction(|transaction| {
            let view = transaction.view(looks)?;
            Ok::<_, SqlError>((view, transaction.begun_runs(), transaction.reads(), transaction.locked_rows()))
        })?;
        let settings = self.settings();
        Ok(Arc::new(Scope {
            engine: Arc::clone(&self.engine),
            session: Arc::clone(&self.facts),
            settings,
            session_settings: Arc::clone(&self.settings),
            view,
            transaction_started: started,
            started: self.engine.now(),
            guard,
            notices: Arc::clone(&self.notices),
            kept: Arc::downgrade(&self.kept),
            pending: Arc::clone(self.listener.pending()),
            taken: Arc::clone(&self.taken),
            locks: Arc::clone(&self.locks),
            begun_runs,
            reads,
            locked_rows,
            returned: Default::default(),
        }))
    }

    fn refuse_if_failed(&self, statement: &Statement) -> Result<(), SqlError> {
        if statement::ends_transaction(statement) { Ok(()) } else { self.refuse_in_failed_transaction() }
    }

    fn refuse_in_failed_transaction(&self) -> Result<(), SqlError> {
        if !self.has_failed() {
            return Ok(());
        }
        let message = "current transaction is aborted, commands ignored until end of transaction block";
        Err(SqlError::new(SqlState::IN_FAILED_SQL_TRANSACTION, message))
    }

    fn refuse_if_read_only(&mut self, statement: &Statement) -> Result<(), SqlError> {
        if !self.in_transaction(|transaction| transaction.modes().is_read_only) {
            return Ok(());
        }
        let Some(command) = statement::writing_command(statement) else { return Ok(()) };
        let message = format!("cannot execute {command} in a read-only transaction");
        Err(SqlError::new(SqlState::READ_ONLY_SQL_TRANSACTION, message))
    }
}

impl Drop for Session {
    /// A transaction that was not ended leaves no trace; its objects are deleted in the background, as are temporary
    /// tables.
    fn drop(&mut self) {
        self.locks.end();
        let transaction = self.transaction.lock().take();
        let (engine, facts) = (Arc::clone(&self.engine), Arc::clone(&self.facts));
        self.engine.spawn(async move {
            if let Some(transaction) = transaction {
                transaction.discard().await;
            }
            engine.drop_temporary(facts.database_oid, facts.process_id).await;
        });
    }
}
