//! `COPY … FROM`, as the session sees it.
//!
//! The client's bytes (a file's: [`super::copy_file`]) go through a bounded channel to a task on the computing threads
//! ([`super::copy_pipeline`]), so memory stays flat whatever the size, and a client that sends faster than rows are written
//! waits.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::copy_pipeline::{Loaded, Message, Pipeline};
use super::insert::stage;
use super::{copy_file, copy_parquet};
use crate::copy::{CopyDirection, CopyFormat, CopyOptions};
use crate::copy_out::check_end;
use crate::error::SqlError;
use crate::outcome::Outcome;
use crate::parse::{CopyEnd, CopyStatement};
use crate::scope::Scope;
use crate::session::{Copies, Guard, SharedTransaction};

/// Messages of the client that wait to be cut.
const MESSAGES_AHEAD_MAX: usize = 64;
/// A COPY that waits for its data. Dropping it discards everything that it wrote.
pub struct CopyIn {
    /// Columns that the client is told of.
    pub column_count: usize,
    /// Whether the format is binary.
    pub binary: bool,
    feed: Option<mpsc::Sender<Message>>,
    load: JoinHandle<Result<Loaded, SqlError>>,
    transaction: SharedTransaction,
    guard: Guard,
}

impl CopyIn {
    /// Takes some bytes, cut anywhere. Waits while the decoders are behind, so memory stays flat.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), SqlError> {
        let Some(feed) = &self.feed else { return Err(SqlError::internal("data after the end of a COPY")) };
        match feed.send(Message::Data(bytes)).await {
            Ok(()) => Ok(()),
            // The load ended before its data did: it failed.
            Err(_) => Err(self.failure().await),
        }
    }

    /// Waits until the statement is stopped, and says why: a client may send nothing for as long as it likes.
    pub async fn stopped(&mut self) -> SqlError {
        self.guard.stopped().await
    }

    /// The client sent everything: the rows become part of the transaction. Returns the command tag.
    pub async fn finish(mut self) -> Result<String, SqlError> {
        if let Some(feed) = self.feed.take() {
            // A load that failed tells why below.
            let _ = feed.send(Message::End).await;
        }
        let loaded = joined((&mut self.load).await)?;
        stage(&self.guard, &self.transaction, loaded.changes)?;
        Ok(format!("COPY {}", loaded.rows))
    }

    /// The client sent CopyFail or went away: nothing remains.
    pub async fn abort(mut self) {
        self.feed = None;
        // It ends with the error that its data was cut off, after deleting what it wrote.
        let _ = (&mut self.load).await;
    }

    async fn failure(&mut self) -> SqlError {
        self.feed = None;
        match joined((&mut self.load).await) {
            Ok(_) => SqlError::internal("a COPY ended before its data"),
            Err(error) => error,
        }
    }
}

fn joined(result: Result<Result<Loaded, SqlError>, tokio::task::JoinError>) -> Result<Loaded, SqlError> {
    result.unwrap_or_else(|error| Err(SqlError::internal(format!("a COPY stopped unexpectedly: {error}"))))
}

/// Begins a COPY FROM; one from a file is also ended.
pub(crate) async fn copy_in(
    scope: Arc<Scope>,
    transaction: SharedTransaction,
    copy: &CopyStatement,
) -> Result<Outcome, SqlError> {
    check_end(&copy.end)?;
    let options = CopyOptions::from_pairs(&copy.options, CopyDirection::From, scope.settings.client_charset())?;
    match (&copy.end, options.format) {
        (CopyEnd::File(place), CopyFormat::Parquet) => {
            copy_parquet::run(&scope, &transaction, copy, options, place).await
        }
        (_, CopyFormat::Parquet) => {
            Err(SqlError::unsupported("COPY FROM STDIN in Parquet is not supported").hint("Copy from a file."))
        }
        (CopyEnd::File(place), _) => {
            copy_file::run(Pipeline::of(&scope, &transaction, copy, options)?, place, &copy.end).await
        }
        (CopyEnd::Client | CopyEnd::Program, _) => from_client(&scope, transaction, copy, options),
    }
}

fn from_client(
    scope: &Arc<Scope>,
    transaction: SharedTransaction,
    copy: &CopyStatement,
    options: CopyOptions,
) -> Result<Outcome, SqlError> {
    let binary = options.format == CopyFormat::Binary;
    let pipeline = Pipeline::of(scope, &transaction, copy, options)?;
    let column_count = pipeline.column_count;
    let (feed, messages) = mpsc::channel(MESSAGES_AHEAD_MAX);
    let progress = Copies::enter(scope, Some(pipeline.target.oid()), &copy.end, "COPY FROM", 0);
    let guard = scope.guard.clone();
    let watched = guard.clone();
    let load = scope.engine.spawn(async move { pipeline.run(messages, &watched, &progress).await });
    Ok(Outcome::CopyIn(CopyIn { column_count, binary, feed: Some(feed), load, transaction, guard }))
}
