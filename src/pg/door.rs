//! What the wire asks of the engine, as traits: so that the protocol can be tested against a scripted engine, and so
//! that the list of what crosses the border is in one place.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use peristyle_catalog::model::PgType;
use peristyle_sql::values::OutputStyle;
use peristyle_sql::{
    Charset, ColumnDescription, ConnectOptions, CopyIn, CopyOut, Engine, Interrupts, Notice, Notification, Outcome,
    Parameter, PortalDescription, Prepared, Rows, Session, SqlError, Statement, TransactionStatus, WireFormat,
};
use tokio::sync::Notify;

/// Makes sessions.
pub trait SqlEngine: Send + Sync + 'static {
    /// What [`Self::connect`] makes.
    type Session: SqlSession;

    /// As [`Engine::connect`].
    fn connect(self: &Arc<Self>, options: ConnectOptions) -> Result<Self::Session, SqlError>;
}

/// One connection's session; each method as the one of the same name of [`Session`].
#[async_trait]
#[allow(missing_docs)]
pub trait SqlSession: Send + 'static {
    type Statement: Send + Sync;
    type Prepared: Send + Sync;

    fn parse(&self, text: &str) -> Result<Vec<Self::Statement>, SqlError>;
    async fn execute(&mut self, statement: &Self::Statement) -> Result<Answer, SqlError>;
    async fn keep_statement(
        &mut self,
        name: Option<&str>,
        text: &str,
        types: &[Option<PgType>],
    ) -> Result<(), SqlError>;
    fn statement(&self, name: Option<&str>) -> Result<Option<Arc<Self::Prepared>>, SqlError>;
    fn close_statement(&mut self, name: Option<&str>);
    fn bind_portal(
        &mut self,
        portal: Option<&str>,
        statement: Option<&str>,
        parameters: &[Parameter],
        formats: Vec<WireFormat>,
    ) -> Result<(), SqlError>;
    fn describe_portal(&self, name: Option<&str>) -> Result<PortalDescription, SqlError>;
    async fn execute_portal(
        &mut self,
        name: Option<&str>,
        rows_max: u64,
    ) -> Result<(Answer, Vec<WireFormat>), SqlError>;
    fn close_portal(&mut self, name: Option<&str>);
    /// Gives the tag that the last statement comes to, if it is another by now and `may_retell`.
    async fn end_implicit(&mut self, may_retell: bool) -> Result<Option<String>, SqlError>;
    fn fail(&mut self);
    fn transaction_status(&self) -> TransactionStatus;
    fn idle_limit(&self) -> Option<(Duration, SqlError)>;
    fn take_notices(&mut self) -> Vec<Notice>;
    fn take_notifications(&mut self) -> Vec<Notification>;
    fn notified(&self) -> Arc<Notify>;
    fn take_parameter_changes(&mut self) -> Vec<(String, String)>;
    fn interrupts(&self) -> Arc<dyn Interrupt>;
    fn output_style(&self) -> OutputStyle;
    fn client_charset(&self) -> Charset;
    /// Types of a prepared statement's parameters.
    fn parameters(prepared: &Self::Prepared) -> &[PgType];
    /// Columns of a prepared statement's result, `None` if it returns no rows.
    fn columns(prepared: &Self::Prepared) -> Option<&[ColumnDescription]>;
}

/// Stops a session's statement from another task; see [`Interrupts`].
#[async_trait]
#[allow(missing_docs)]
pub trait Interrupt: Send + Sync {
    fn cancel(&self);
    fn terminate(&self);
    async fn terminated(&self) -> SqlError;
}

/// As [`Outcome`], with the COPY behind its trait.
#[allow(missing_docs)]
pub enum Answer {
    Empty,
    Command(String),
    Rows(Rows),
    CopyIn(Box<dyn CopySink>),
    CopyOut(CopyOut),
}

/// Takes the data of a COPY; see [`CopyIn`].
#[async_trait]
#[allow(missing_docs)]
pub trait CopySink: Send {
    fn column_count(&self) -> usize;
    fn is_binary(&self) -> bool;
    async fn write(&mut self, bytes: Bytes) -> Result<(), SqlError>;
    async fn stopped(&mut self) -> SqlError;
    async fn finish(self: Box<Self>) -> Result<String, SqlError>;
    async fn abort(self: Box<Self>);
}

impl SqlEngine for Engine {
    type Session = Session;

    fn connect(self: &Arc<Self>, options: ConnectOptions) -> Result<Session, SqlError> {
        Engine::connect(self, options)
    }
}

#[async_trait]
impl SqlSession for Session {
    type Statement = Statement;
    type Prepared = Prepared;

    fn parse(&self, text: &str) -> Result<Vec<Statement>, SqlError> {
        Session::parse(self, text)
    }

    async fn execute(&mut self, statement: &Statement) -> Result<Answer, SqlError> {
        Session::execute(self, statement).await.map(Answer::from)
    }

    async fn keep_statement(
        &mut self,
        name: Option<&str>,
        text: &str,
        types: &[Option<PgType>],
    ) -> Result<(), SqlError> {
        Session::keep_statement(self, name, text, types).await
    }

    fn statement(&self, name: Option<&str>) -> Result<Option<Arc<Prepared>>, SqlError> {
        Session::statement(self, name)
    }

    fn close_statement(&mut self, name: Option<&str>) {
        Session::close_statement(self, name);
    }

    fn bind_portal(
        &mut self,
        portal: Option<&str>,
        statement: Option<&str>,
        parameters: &[Parameter],
        formats: Vec<WireFormat>,
    ) -> Result<(), SqlError> {
        Session::bind_portal(self, portal, statement, parameters, formats)
    }

    fn describe_portal(&self, name: Option<&str>) -> Result<PortalDescription, SqlError> {
        Session::describe_portal(self, name)
    }

    async fn execute_portal(
        &mut self,
        name: Option<&str>,
        rows_max: u64,
    ) -> Result<(Answer, Vec<WireFormat>), SqlError> {
        let (outcome, formats) = Session::execute_portal(self, name, rows_max).await?;
        Ok((Answer::from(outcome), formats))
    }

    fn close_portal(&mut self, name: Option<&str>) {
        Session::close_portal(self, name);
    }

    async fn end_implicit(&mut self, may_retell: bool) -> Result<Option<String>, SqlError> {
        Session::end_implicit(self, may_retell).await
    }

    fn fail(&mut self) {
        Session::fail(self);
    }

    fn transaction_status(&self) -> TransactionStatus {
        Session::transaction_status(self)
    }

    fn idle_limit(&self) -> Option<(Duration, SqlError)> {
        Session::idle_limit(self)
    }

    fn take_notices(&mut self) -> Vec<Notice> {
        Session::take_notices(self)
    }

    fn take_notifications(&mut self) -> Vec<Notification> {
        Session::take_notifications(self)
    }

    fn notified(&self) -> Arc<Notify> {
        Session::notified(self)
    }

    fn take_parameter_changes(&mut self) -> Vec<(String, String)> {
        Session::take_parameter_changes(self)
    }

    fn interrupts(&self) -> Arc<dyn Interrupt> {
        Arc::new(Session::interrupts(self))
    }

    fn output_style(&self) -> OutputStyle {
        Session::output_style(self)
    }

    fn client_charset(&self) -> Charset {
        Session::client_charset(self)
    }

    fn parameters(prepared: &Prepared) -> &[PgType] {
        &prepared.parameters
    }

    fn columns(prepared: &Prepared) -> Option<&[ColumnDescription]> {
        prepared.columns.as_deref()
    }
}

#[async_trait]
impl Interrupt for Interrupts {
    fn cancel(&self) {
        Interrupts::cancel(self);
    }

    fn terminate(&self) {
        Interrupts::terminate(self);
    }

    async fn terminated(&self) -> SqlError {
        Interrupts::terminated(self).await
    }
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Answer {
        match outcome {
            Outcome::Empty => Answer::Empty,
            Outcome::Command(tag) => Answer::Command(tag),
            Outcome::Rows(rows) => Answer::Rows(rows),
            Outcome::CopyIn(copy) => Answer::CopyIn(Box::new(copy)),
            Outcome::CopyOut(copy) => Answer::CopyOut(copy),
        }
    }
}

#[async_trait]
impl CopySink for CopyIn {
    fn column_count(&self) -> usize {
        self.column_count
    }

    fn is_binary(&self) -> bool {
        self.binary
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), SqlError> {
        CopyIn::write(self, bytes).await
    }

    async fn stopped(&mut self) -> SqlError {
        CopyIn::stopped(self).await
    }

    async fn finish(self: Box<Self>) -> Result<String, SqlError> {
        CopyIn::finish(*self).await
    }

    async fn abort(self: Box<Self>) {
        CopyIn::abort(*self).await;
    }
}
