//! Who is connected and what runs: the source of `system.statements` and `pg_stat_activity`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use peristyle_catalog::model::TimestampMicros;

use super::{ConnectOptions, Interrupts, SessionFacts, TransactionStatus};

/// Longest statement text that is kept, in bytes (PostgreSQL's `track_activity_query_size`).
const STATEMENT_TEXT_BYTES_MAX: usize = 1024;

/// One session as others see it.
#[derive(Clone, Debug)]
pub(crate) struct ActivityRow {
    pub(crate) process_id: i32,
    pub(crate) user: String,
    pub(crate) database: String,
    pub(crate) client_address: Option<SocketAddr>,
    pub(crate) is_encrypted: bool,
    /// The statement that runs, or the last one.
    pub(crate) text: String,
    pub(crate) started: Option<TimestampMicros>,
    pub(crate) state: ActivityState,
    pub(crate) application: String,
    pub(crate) connected_at: TimestampMicros,
    pub(crate) state_changed_at: TimestampMicros,
}

/// What a session is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ActivityState {
    Active,
    Idle,
    IdleInTransaction,
    IdleInFailedTransaction,
}

impl ActivityState {
    /// PostgreSQL's words in `pg_stat_activity`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            ActivityState::Active => "active",
            ActivityState::Idle => "idle",
            ActivityState::IdleInTransaction => "idle in transaction",
            ActivityState::IdleInFailedTransaction => "idle in transaction (aborted)",
        }
    }
}

struct Entry {
    row: ActivityRow,
    interrupts: Interrupts,
}

/// All sessions of a server.
#[derive(Clone, Default)]
pub(crate) struct Activities {
    rows: Arc<Mutex<BTreeMap<i32, Entry>>>,
}

/// One session's entry; leaves the list when dropped.
pub(crate) struct Activity {
    all: Activities,
    process_id: i32,
}

impl Activities {
    pub(crate) fn enter(
        &self,
        facts: &SessionFacts,
        options: &ConnectOptions,
        now: TimestampMicros,
        interrupts: &Interrupts,
    ) -> Activity {
        let row = ActivityRow {
            process_id: facts.process_id,
            user: facts.user.clone(),
            database: facts.database.clone(),
            client_address: options.client_address,
            is_encrypted: options.is_encrypted,
            text: String::new(),
            started: None,
            state: ActivityState::Idle,
            application: String::new(),
            connected_at: now,
            state_changed_at: now,
        };
        self.rows.lock().insert(facts.process_id, Entry { row, interrupts: interrupts.clone() });
        Activity { all: self.clone(), process_id: facts.process_id }
    }

    pub(crate) fn list(&self) -> Vec<ActivityRow> {
        self.rows.lock().values().map(|entry| entry.row.clone()).collect()
    }

    /// Stops the statement of a session, or the session; `false` if there is no such session.
    pub(crate) fn interrupt(&self, process_id: i32, terminate: bool) -> bool {
        let interrupts = self.rows.lock().get(&process_id).map(|entry| entry.interrupts.clone());
        match interrupts {
            Some(interrupts) if terminate => interrupts.terminate(),
            Some(interrupts) => interrupts.cancel(),
            None => return false,
        }
        true
    }
}

impl Activity {
    pub(crate) fn begin(&self, text: &str, at: TimestampMicros) {
        if let Some(Entry { row, .. }) = self.all.rows.lock().get_mut(&self.process_id) {
            row.text.clear();
            row.text.push_str(&text[..text.floor_char_boundary(STATEMENT_TEXT_BYTES_MAX)]);
            row.started = Some(at);
            row.state = ActivityState::Active;
            row.state_changed_at = at;
        }
    }

    pub(crate) fn end(&self, at: TimestampMicros, status: TransactionStatus) {
        if let Some(Entry { row, .. }) = self.all.rows.lock().get_mut(&self.process_id) {
            row.state = match status {
                TransactionStatus::Idle => ActivityState::Idle,
                TransactionStatus::InBlock => ActivityState::IdleInTransaction,
                TransactionStatus::Failed => ActivityState::IdleInFailedTransaction,
            };
            row.state_changed_at = at;
        }
    }
}

impl Drop for Activity {
    fn drop(&mut self) {
        self.all.rows.lock().remove(&self.process_id);
    }
}
