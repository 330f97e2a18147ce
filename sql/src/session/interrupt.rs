//! Stopping a statement from outside: cancel requests, time limits, shutdown.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error::{SqlError, SqlState};

/// For another task to stop a session's statement.
#[derive(Clone, Default)]
pub struct Interrupts {
    /// The token of the statement that runs, if one does.
    running: Arc<Mutex<Option<CancellationToken>>>,
    terminated: CancellationToken,
}

/// One statement's guard: ends with an error when it is cancelled, terminated or out of time.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    token: CancellationToken,
    terminated: CancellationToken,
    deadline: Option<tokio::time::Instant>,
    limit: Option<Duration>,
}

impl Interrupts {
    /// The running statement ends with 57014; without one, nothing happens.
    pub fn cancel(&self) {
        if let Some(token) = &*self.running.lock() {
            token.cancel();
        }
    }

    /// The running statement, and every later one, ends with 57P01.
    pub fn terminate(&self) {
        self.terminated.cancel();
    }

    /// Waits until the session is terminated, and says why it is over.
    pub async fn terminated(&self) -> SqlError {
        self.terminated.cancelled().await;
        terminated()
    }

    /// Begins a statement with its time limit.
    pub(crate) fn guard(&self, limit: Option<Duration>, began: Instant) -> Guard {
        let token = self.terminated.child_token();
        *self.running.lock() = Some(token.clone());
        let deadline = limit.map(|limit| began + limit);
        Guard { token, terminated: self.terminated.clone(), deadline, limit }
    }

    /// A guard for work that outlives its statement: only the end of the session stops it.
    pub(crate) fn detached_guard(&self) -> Guard {
        let token = self.terminated.child_token();
        Guard { token, terminated: self.terminated.clone(), deadline: None, limit: None }
    }
}

impl Guard {
    /// Runs the future until it ends or the statement is stopped.
    pub(crate) async fn watch<T>(&self, future: impl Future<Output = Result<T, SqlError>>) -> Result<T, SqlError> {
        let stopped = async {
            let error = self.stopped().await;
            // What still computes for the statement must find it stopped, whatever stopped it.
            self.token.cancel();
            Err(error)
        };
        self.check().inspect_err(|_| self.token.cancel())?;
        // The future comes first, since most need no wait and so nobody who wakes them.
        tokio::select! {
            biased;
            result = future => result,
            stopped = stopped => stopped,
        }
    }

    /// Resolves to the error when the statement is to stop.
    pub(crate) async fn stopped(&self) -> SqlError {
        match self.deadline {
            None => self.token.cancelled().await,
            Some(deadline) => tokio::select! {
                () = self.token.cancelled() => {}
                () = tokio::time::sleep_until(deadline) => return self.timed_out(),
            },
        }
        self.cancelled_error()
    }

    /// An error if the statement is to stop; for code that does not wait.
    pub(crate) fn check(&self) -> Result<(), SqlError> {
        if self.token.is_cancelled() || self.is_late() { Err(self.cancelled_error()) } else { Ok(()) }
    }

    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= tokio::time::Instant::now())
    }

    fn cancelled_error(&self) -> SqlError {
        if self.terminated.is_cancelled() {
            return terminated();
        }
        // Whoever finds the time out first cancels the token for the others.
        if self.is_late() {
            return self.timed_out();
        }
        SqlError::new(SqlState::QUERY_CANCELED, "canceling statement due to user request")
    }

    fn timed_out(&self) -> SqlError {
        tracing::debug!(limit = ?self.limit, "statement ran out of time");
        SqlError::new(SqlState::QUERY_CANCELED, "canceling statement due to statement timeout")
    }
}

/// 57P01, as PostgreSQL words it.
fn terminated() -> SqlError {
    SqlError::new(SqlState::ADMIN_SHUTDOWN, "terminating connection due to administrator command")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_cancel_reaches_the_running_statement_only() {
        let interrupts = Interrupts::default();
        interrupts.cancel();
        let guard = interrupts.guard(None, Instant::now());
        assert_eq!(guard.watch(async { Ok(1) }).await, Ok(1));
        interrupts.cancel();
        let error = guard.watch(std::future::pending::<Result<(), _>>()).await.expect_err("cancelled");
        assert_eq!(error.code, SqlState::QUERY_CANCELED);
        assert!(interrupts.guard(None, Instant::now()).check().is_ok());
        interrupts.terminate();
        assert_eq!(
            interrupts.guard(None, Instant::now()).check().expect_err("terminated").code,
            SqlState::ADMIN_SHUTDOWN
        );
        assert_eq!(interrupts.terminated().await.code, SqlState::ADMIN_SHUTDOWN);
    }

    #[tokio::test]
    async fn a_termination_reaches_the_running_statement() {
        let interrupts = Interrupts::default();
        let guard = interrupts.guard(None, Instant::now());
        interrupts.terminate();
        let error = guard.watch(std::future::pending::<Result<(), _>>()).await.expect_err("terminated");
        assert_eq!(error.code, SqlState::ADMIN_SHUTDOWN);
    }

    #[tokio::test]
    async fn a_statement_ends_at_its_limit() {
        let guard = Interrupts::default().guard(Some(Duration::from_millis(1)), Instant::now());
        let error = guard.watch(std::future::pending::<Result<(), _>>()).await.expect_err("timed out");
        assert_eq!(error.message, "canceling statement due to statement timeout");
        assert!(guard.check().is_err(), "what still computes for it finds it stopped");
    }
}
