//! One connection after its start-up: takes one message after the other and answers it.
//!
//! Answers go out one by one as they come into being. A statement's work runs under [`Frames::during`], from planning
//! to its last row, so that it stops when the client goes away.

use peristyle_sql::{Notification, SqlError, TransactionStatus};
use pgwire::messages::PgWireFrontendMessage as Message;
use pgwire::messages::response::{
    CommandComplete, EmptyQueryResponse, NotificationResponse, ReadyForQuery, TransactionStatus as Status,
};
use pgwire::messages::startup::ParameterStatus;
use tracing::debug;

use super::decode::decode;
use super::door::{Answer, SqlSession};
use super::end::{End, Fault};
use super::errors::{Severity, ends_session, error_response, notice_response};
use super::frames::{Frame, Frames};
use super::outbox::Outbox;
use super::portal::RowSource;
use super::registry::{Membership, Phase};
use super::rows::RowEncoder;

/// What a statement leaves to be said after it has run.
pub(super) enum Completion {
    Empty,
    Tag(String),
}

/// A connection's state.
pub(super) struct Connection<S: SqlSession> {
    pub(super) frames: Frames,
    pub(super) out: Outbox,
    pub(super) session: S,
    pub(super) membership: Membership,
    /// An extended message failed: nothing is done until Sync.
    pub(super) is_skipping: bool,
    /// Extended messages came since the last Sync.
    pub(super) is_pipelining: bool,
    /// How the last statement of a pipeline ended. If Sync comes next, the client is told after the commit, by which it may
    /// have become another end.
    pub(super) untold: Option<Completion>,
}

impl<S: SqlSession> Connection<S> {
    pub(super) fn new(frames: Frames, out: Outbox, session: S, membership: Membership) -> Connection<S> {
        Connection { frames, out, session, membership, is_skipping: false, is_pipelining: false, untold: None }
    }

    /// Serves the client until the connection ends.
    pub(super) async fn run(&mut self) -> End {
        loop {
            if let Err(end) = self.step().await {
                return end;
            }
        }
    }

    async fn step(&mut self) -> Result<(), End> {
        let frame = match self.next_frame().await {
            Ok(frame) => frame,
            Err(end) => {
                self.complete_untold()?;
                return Err(end);
            }
        };
        if self.is_skipping && !matches!(frame.tag, b'S' | b'X') {
            return Ok(());
        }
        let (tag, message) = (frame.tag, decode(frame, self.session.client_charset()));
        if !matches!(message, Ok(Message::Sync(_))) {
            self.complete_untold()?;
        }
        match message {
            Ok(Message::Terminate(_)) => Err(End::Terminated),
            Ok(Message::Query(query)) => self.query(&query.query).await,
            Ok(Message::Sync(_)) => self.sync().await,
            // What a client still sends after its COPY has failed.
            Ok(Message::CopyData(_) | Message::CopyDone(_) | Message::CopyFail(_)) => Ok(()),
            Ok(message) => self.extended(message).await,
            Err(error) if matches!(tag, b'Q' | b'F') => {
                self.report(error).await?;
                self.ready().await
            }
            Err(error) => self.skip_until_sync(error).await,
        }
    }

    /// The next message; the end of the connection if the server stops while it has nothing to do, or the session is
    /// terminated.
    async fn next_frame(&mut self) -> Result<Frame, End> {
        // What was read before needs no look around: that comes with the next read.
        if let Some(frame) = self.frames.buffered()? {
            return Ok(frame);
        }
        let is_idle = !self.is_pipelining && self.session.transaction_status() == TransactionStatus::Idle;
        // A block that waits for its client is not waited for.
        let leaves_at = if self.is_pipelining { Phase::Terminating } else { Phase::Draining };
        let idle_limit = if self.is_pipelining { None } else { self.session.idle_limit() };
        let silent_too_long = async {
            let Some((limit, error)) = idle_limit else { return std::future::pending().await };
            tokio::time::sleep(limit).await;
            error
        };
        tokio::pin!(silent_too_long);
        let notified = self.session.notified();
        loop {
            tokio::select! {
                biased;
                error = self.membership.over(leaves_at) => return Err(End::Fatal(error)),
                error = &mut silent_too_long => return Err(End::Fatal(error)),
                frame = self.frames.next() => return frame,
                () = notified.notified(), if is_idle => {}
            }
            self.push_notifications()?;
            self.out.flush().await?;
        }
    }

    /// Tells the client what it listens to.
    fn push_notifications(&mut self) -> Result<(), End> {
        for Notification { process_id, channel, payload } in self.session.take_notifications() {
            let charset = self.session.client_charset();
            self.out.tell(&NotificationResponse::new(process_id, channel, payload), charset)?;
        }
        Ok(())
    }

    /// Sends rows until the result ends; how many they were.
    pub(super) async fn send_rows(&mut self, source: &mut RowSource) -> Result<u64, Fault> {
        let mut rows = 0;
        loop {
            if source.current.as_ref().is_none_or(RowEncoder::is_done) && !self.take_batch(source).await? {
                return Ok(rows);
            }
            let bytes_max = self.out.send_bytes();
            let encoder = source.current.as_mut().expect("a batch was taken");
            rows += encoder.encode(self.out.buffer(), bytes_max)?;
            self.flush_if_full().await?;
        }
    }

    /// The next batch of a result; false if there is none.
    async fn take_batch(&mut self, source: &mut RowSource) -> Result<bool, Fault> {
        use futures::StreamExt;
        let Some(batch) = self.frames.during(source.batches.next()).await? else { return Ok(false) };
        source.current = Some(RowEncoder::new(&source.shape, batch?)?);
        Ok(true)
    }

    pub(super) async fn flush_if_full(&mut self) -> Result<(), End> {
        Ok(self.frames.during(self.out.flush_if_full()).await??)
    }

    /// COPY, in either protocol; what else an answer may be is the caller's.
    pub(super) async fn complete_copy(&mut self, answer: Answer) -> Result<Completion, Fault> {
        match answer {
            Answer::Empty => Ok(Completion::Empty),
            Answer::Command(tag) => Ok(Completion::Tag(tag)),
            Answer::CopyIn(sink) => self.copy_in(sink).await.map(Completion::Tag),
            Answer::CopyOut(copy) => self.copy_out(copy).await.map(Completion::Tag),
            Answer::Rows(_) => Err(SqlError::internal("a result was taken for a COPY").into()),
        }
    }

    /// Notices, then what ends a statement.
    pub(super) fn complete(&mut self, completion: Completion) -> Result<(), End> {
        self.push_notices()?;
        match completion {
            Completion::Empty => self.out.push(&EmptyQueryResponse::new())?,
            Completion::Tag(tag) => self.out.push(&CommandComplete::new(tag))?,
        }
        Ok(())
    }

    fn push_notices(&mut self) -> Result<(), End> {
        for notice in self.session.take_notices() {
            self.out.tell(&notice_response(&notice), self.session.client_charset())?;
        }
        Ok(())
    }

    pub(super) fn complete_untold(&mut self) -> Result<(), End> {
        self.untold.take().map_or(Ok(()), |completion| self.complete(completion))
    }

    /// Commits the implicit transaction, or discards it if it failed. Of an untold end of the last statement it makes the one
    /// that it comes to.
    pub(super) async fn end_implicit(&mut self) -> Result<(), Fault> {
        let may_retell = matches!(self.untold, Some(Completion::Tag(_)));
        if let Some(tag) = self.frames.during(self.session.end_implicit(may_retell)).await?? {
            self.untold = Some(Completion::Tag(tag));
        }
        Ok(())
    }

    /// Tells the client of an error and discards what the implicit transaction did.
    pub(super) async fn report(&mut self, error: SqlError) -> Result<(), End> {
        self.session.fail();
        match self.end_implicit().await {
            Ok(()) => {}
            Err(Fault::Sql(second)) => debug!(%error, %second, "discarding a failed transaction failed too"),
            Err(Fault::End(end)) => return Err(end),
        }
        self.push_notices()?;
        if ends_session(&error) {
            return Err(End::Fatal(error));
        }
        Ok(self.out.tell(&error_response(&error, Severity::Error), self.session.client_charset())?)
    }

    /// Says that the next query may come, and what changed that the client keeps track of.
    pub(super) async fn ready(&mut self) -> Result<(), End> {
        for (name, value) in self.session.take_parameter_changes() {
            self.out.tell(&ParameterStatus::new(name, value), self.session.client_charset())?;
        }
        let status = self.session.transaction_status();
        if status == TransactionStatus::Idle {
            self.push_notifications()?;
        }
        let status = match status {
            TransactionStatus::Idle => Status::Idle,
            TransactionStatus::InBlock => Status::Transaction,
            TransactionStatus::Failed => Status::Error,
        };
        self.out.push(&ReadyForQuery::new(status))?;
        Ok(self.out.flush().await?)
    }
}
