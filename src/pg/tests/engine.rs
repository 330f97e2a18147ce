//! An engine that does what each statement's words say.
//!
//! `rows N`: n from 0, in batches of ten · `do TAG`: a command that changes something · `fail`: 22012 · `hang`: until
//! stopped · `drip`: one row, then as `hang` · `copyin`, `copyout N` · `notice` · `ring PAYLOAD`: a
//! notification · `set` · `echo $1` · `doomed`: the
//! commit fails with 40001 · `panic`.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringViewArray};
use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream};
use parking_lot::Mutex;
use peristyle_catalog::model::PgType;
use peristyle_sql::named::{Named, cannot_run, unknown_portal, unknown_statement};
use peristyle_sql::values::OutputStyle;
use peristyle_sql::{
    BatchStream, Charset, ColumnDescription, ConnectOptions, CopyOut, CopyPiece, Notice, Notification, Parameter,
    PortalDescription, Rows, RowsTag, SqlError, SqlState, TransactionStatus, WireFormat,
};
use tokio::sync::{Notify, watch};

use crate::pg::{Answer, CopySink, Interrupt, SqlEngine, SqlSession};

const BATCH_ROWS: i32 = 10;
/// Statements with names, and portals, of a session.
const NAMES_MAX: usize = 2;

#[derive(Default)]
pub(super) struct ScriptedEngine {
    events: Arc<Mutex<Vec<String>>>,
    pub(super) connected: Mutex<Vec<ConnectOptions>>,
    stops: Mutex<Vec<Arc<watch::Sender<Option<SqlState>>>>>,
}

impl ScriptedEngine {
    /// What happened since the last call.
    pub(super) fn events(&self) -> Vec<String> {
        std::mem::take(&mut self.events.lock())
    }

    /// Ends every session, as an administrator's statement does.
    pub(super) fn terminate_all(&self) {
        self.stops.lock().iter().for_each(|stop| Stop(stop.clone()).terminate());
    }

    /// Waits until an event has happened.
    pub(super) async fn event(&self, event: &str) {
        while !self.events.lock().iter().any(|seen| seen == event) {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
}

impl SqlEngine for ScriptedEngine {
    type Session = ScriptedSession;

    fn connect(self: &Arc<Self>, options: ConnectOptions) -> Result<ScriptedSession, SqlError> {
        if options.user != "peristyle" {
            let message = format!("role \"{}\" does not exist", options.user);
            return Err(SqlError::new(SqlState::INVALID_AUTHORIZATION_SPECIFICATION, message));
        }
        self.connected.lock().push(options);
        let stop = Arc::new(watch::Sender::new(None));
        self.stops.lock().push(stop.clone());
        Ok(ScriptedSession {
            events: self.events.clone(),
            stop,
            changes: Vec::new(),
            is_failed: false,
            is_doomed: false,
            notices: Vec::new(),
            parameter_changes: vec![("server_version".to_owned(), "15.0".to_owned())],
            statements: Named::new(NAMES_MAX),
            portals: Named::new(NAMES_MAX),
            notifications: Vec::new(),
            notified: Arc::default(),
        })
    }
}

pub(super) struct ScriptedSession {
    events: Arc<Mutex<Vec<String>>>,
    stop: Arc<watch::Sender<Option<SqlState>>>,
    changes: Vec<String>,
    is_failed: bool,
    is_doomed: bool,
    notices: Vec<Notice>,
    parameter_changes: Vec<(String, String)>,
    statements: Named<Option<Arc<ScriptedPrepared>>>,
    portals: Named<ScriptedPortal>,
    notifications: Vec<Notification>,
    notified: Arc<Notify>,
}

struct ScriptedPortal {
    prepared: Option<Arc<ScriptedPrepared>>,
    parameters: Vec<Parameter>,
    formats: Vec<WireFormat>,
    /// Numbers given so far by `rows`; `None` before it ran.
    given: Option<i32>,
    is_done: bool,
}

impl ScriptedSession {
    fn event(&self, event: impl Into<String>) {
        self.events.lock().push(event.into());
    }

    async fn run(&mut self, statement: &str, argument: Option<&Parameter>) -> Result<Answer, SqlError> {
        self.stop.send_replace(None);
        let (word, rest) = statement.split_once(' ').unwrap_or((statement, ""));
        match word {
            "rows" => Ok(Answer::Rows(numbers(0..rest.parse().unwrap()))),
            "echo" => {
                let value = argument.and_then(|argument| argument.value.clone());
                let value = value.map(|value| String::from_utf8(value.to_vec()).unwrap());
                Ok(Answer::Rows(one_text(value)))
            }
            "fail" => Err(SqlError::new(SqlState::DIVISION_BY_ZERO, "division by zero").position(5)),
            "hang" => {
                self.event("hanging");
                Err(stopped(self.stop.subscribe()).await)
            }
            "drip" => Ok(Answer::Rows(self.drip())),
            "copyin" => Ok(Answer::CopyIn(Box::new(Sink {
                events: self.events.clone(),
                bytes: Vec::new(),
                is_closed: false,
                stop: self.stop.clone(),
            }))),
            "copyout" => Ok(Answer::CopyOut(copy_out(rest.parse().unwrap()))),
            "notice" => {
                self.notices.push(notice(rest));
                Ok(Answer::Command("NOTICE".to_owned()))
            }
            "ring" => {
                let (channel, payload) = ("bell".to_owned(), rest.to_owned());
                self.notifications.push(Notification { process_id: 3, channel, payload });
                let notified = Arc::clone(&self.notified);
                tokio::spawn(async move { notified.notify_one() });
                Ok(Answer::Command("RING".to_owned()))
            }
            "set" => {
                self.parameter_changes.push(("TimeZone".to_owned(), rest.to_owned()));
                Ok(Answer::Command("SET".to_owned()))
            }
            "doomed" => {
                self.is_doomed = true;
                Ok(Answer::Command("DOOMED".to_owned()))
            }
            "do" => {
                self.changes.push(rest.to_owned());
                Ok(Answer::Command(rest.to_owned()))
            }
            "panic" => panic!("as asked"),
            other => Err(SqlError::syntax(format!("syntax error at or near \"{other}\""))),
        }
    }

    fn drip(&self) -> Rows {
        let Rows { columns, batches, tag } = numbers(0..1);
        let stop = self.stop.subscribe();
        let events = self.events.clone();
        let rest = stream::once(async move {
            events.lock().push("hanging".to_owned());
            Err(stopped(stop).await)
        });
        Rows { columns, batches: batches.chain(rest).boxed(), tag }
    }
}

#[async_trait]
impl SqlSession for ScriptedSession {
    type Statement = String;
    type Prepared = ScriptedPrepared;

    fn parse(&self, text: &str) -> Result<Vec<String>, SqlError> {
        if text.contains('!') {
            return Err(SqlError::syntax("syntax error"));
        }
        Ok(text.split(';').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect())
    }

    async fn execute(&mut self, statement: &String) -> Result<Answer, SqlError> {
        self.run(statement, None).await
    }

    async fn keep_statement(
        &mut self,
        name: Option<&str>,
        text: &str,
        types: &[Option<PgType>],
    ) -> Result<(), SqlError> {
        self.statements.admits(name).map_err(|refused| refused.of_statement(name))?;
        let mut statements = self.parse(text)?;
        let statement = statements.pop();
        if !statements.is_empty() {
            return Err(SqlError::syntax("cannot insert multiple commands into a prepared statement"));
        }
        let prepared = statement.map(|statement| Arc::new(prepared(statement, types)));
        let kept = self.statements.insert(name.map(str::to_owned), prepared);
        kept.map_err(|refused| refused.of_statement(name))
    }

    fn statement(&self, name: Option<&str>) -> Result<Option<Arc<ScriptedPrepared>>, SqlError> {
        self.statements.get(name).cloned().ok_or_else(|| unknown_statement(name))
    }

    fn close_statement(&mut self, name: Option<&str>) {
        self.statements.remove(name);
    }

    fn bind_portal(
        &mut self,
        portal: Option<&str>,
        statement: Option<&str>,
        parameters: &[Parameter],
        formats: Vec<WireFormat>,
    ) -> Result<(), SqlError> {
        if parameters.iter().any(|parameter| parameter.value.as_deref() == Some(b"bad")) {
            return Err(SqlError::new(SqlState::INVALID_TEXT_REPRESENTATION, "bad value"));
        }
        let prepared = self.statement(statement)?;
        let bound = ScriptedPortal { prepared, parameters: parameters.to_vec(), formats, given: None, is_done: false };
        let kept = self.portals.insert(portal.map(str::to_owned), bound);
        kept.map_err(|refused| refused.of_portal(portal))
    }

    fn describe_portal(&self, name: Option<&str>) -> Result<PortalDescription, SqlError> {
        let portal = self.portals.get(name).ok_or_else(|| unknown_portal(name))?;
        let columns = portal.prepared.as_ref().and_then(|prepared| prepared.columns.clone());
        Ok(PortalDescription { columns, formats: portal.formats.clone() })
    }

    async fn execute_portal(
        &mut self,
        name: Option<&str>,
        rows_max: u64,
    ) -> Result<(Answer, Vec<WireFormat>), SqlError> {
        let portal = self.portals.get_mut(name).ok_or_else(|| unknown_portal(name))?;
        if portal.is_done {
            return Err(cannot_run(name));
        }
        let formats = portal.formats.clone();
        let Some(prepared) = portal.prepared.clone() else { return Ok((Answer::Empty, formats)) };
        let count = prepared.statement.strip_prefix("rows ").map(|count| count.parse::<i32>().unwrap());
        let Some(count) = count else {
            portal.is_done = true;
            let parameters = std::mem::take(&mut portal.parameters);
            self.event(format!("execute {}", prepared.statement));
            return Ok((self.run(&prepared.statement, parameters.first()).await?, formats));
        };
        let is_first = portal.given.is_none();
        let start = portal.given.unwrap_or(0);
        let end = count.min(start.saturating_add(i32::try_from(rows_max).unwrap_or(i32::MAX)));
        portal.given = Some(end);
        if is_first {
            self.event(format!("execute {}", prepared.statement));
        }
        Ok((Answer::Rows(numbers(start..end)), formats))
    }

    fn close_portal(&mut self, name: Option<&str>) {
        self.portals.remove(name);
    }

    async fn end_implicit(&mut self, _may_retell: bool) -> Result<Option<String>, SqlError> {
        self.portals.retain(|_| false);
        let changes = std::mem::take(&mut self.changes);
        if std::mem::take(&mut self.is_failed) {
            self.is_doomed = false;
            self.event("rollback");
            return Ok(None);
        }
        if std::mem::take(&mut self.is_doomed) {
            return Err(SqlError::new(SqlState::SERIALIZATION_FAILURE, "could not serialize access"));
        }
        if !changes.is_empty() {
            self.event(format!("commit {}", changes.join(",")));
        }
        Ok(None)
    }

    fn fail(&mut self) {
        self.is_failed = true;
    }

    fn idle_limit(&self) -> Option<(Duration, SqlError)> {
        None
    }

    fn transaction_status(&self) -> TransactionStatus {
        TransactionStatus::Idle
    }

    fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    fn take_notifications(&mut self) -> Vec<Notification> {
        std::mem::take(&mut self.notifications)
    }

    fn notified(&self) -> Arc<Notify> {
        Arc::clone(&self.notified)
    }

    fn take_parameter_changes(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.parameter_changes)
    }

    fn interrupts(&self) -> Arc<dyn Interrupt> {
        Arc::new(Stop(self.stop.clone()))
    }

    fn output_style(&self) -> OutputStyle {
        OutputStyle::default()
    }

    fn client_charset(&self) -> Charset {
        Charset::UTF8
    }

    fn parameters(prepared: &ScriptedPrepared) -> &[PgType] {
        &prepared.parameters
    }

    fn columns(prepared: &ScriptedPrepared) -> Option<&[ColumnDescription]> {
        prepared.columns.as_deref()
    }
}

impl Drop for ScriptedSession {
    fn drop(&mut self) {
        self.event("session dropped");
    }
}

pub(super) struct ScriptedPrepared {
    statement: String,
    parameters: Vec<PgType>,
    columns: Option<Vec<ColumnDescription>>,
}

fn prepared(statement: String, types: &[Option<PgType>]) -> ScriptedPrepared {
    let parameters = if statement.contains("$1") {
        vec![types.first().copied().flatten().unwrap_or(PgType::TEXT)]
    } else {
        Vec::new()
    };
    let columns = match statement.split(' ').next() {
        Some("rows") => Some(numbers(0..0).columns),
        Some("echo") => Some(one_text(None).columns),
        _ => None,
    };
    ScriptedPrepared { statement, parameters, columns }
}

struct Stop(Arc<watch::Sender<Option<SqlState>>>);

#[async_trait]
impl Interrupt for Stop {
    fn cancel(&self) {
        self.0.send_replace(Some(SqlState::QUERY_CANCELED));
    }

    fn terminate(&self) {
        self.0.send_replace(Some(SqlState::ADMIN_SHUTDOWN));
    }

    async fn terminated(&self) -> SqlError {
        let mut stop = self.0.subscribe();
        let _ = stop.wait_for(|code| *code == Some(SqlState::ADMIN_SHUTDOWN)).await;
        SqlError::new(SqlState::ADMIN_SHUTDOWN, "terminated")
    }
}

async fn stopped(mut stop: watch::Receiver<Option<SqlState>>) -> SqlError {
    let code = stop.wait_for(Option::is_some).await.ok().and_then(|code| *code);
    SqlError::new(code.unwrap_or(SqlState::INTERNAL_ERROR), "stopped")
}

struct Sink {
    events: Arc<Mutex<Vec<String>>>,
    bytes: Vec<u8>,
    is_closed: bool,
    stop: Arc<watch::Sender<Option<SqlState>>>,
}

#[async_trait]
impl CopySink for Sink {
    fn column_count(&self) -> usize {
        2
    }

    fn is_binary(&self) -> bool {
        false
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), SqlError> {
        if bytes.starts_with(b"bad") {
            return Err(SqlError::new(SqlState::BAD_COPY_FILE_FORMAT, "bad line").context("COPY t, line 1"));
        }
        self.bytes.extend_from_slice(&bytes);
        self.events.lock().push("copying".to_owned());
        Ok(())
    }

    async fn stopped(&mut self) -> SqlError {
        stopped(self.stop.subscribe()).await
    }

    async fn finish(mut self: Box<Self>) -> Result<String, SqlError> {
        self.is_closed = true;
        self.events.lock().push(format!("copied {}", String::from_utf8_lossy(&self.bytes)));
        Ok(format!("COPY {}", self.bytes.iter().filter(|byte| **byte == b'\n').count()))
    }

    async fn abort(mut self: Box<Self>) {
        self.is_closed = true;
        self.events.lock().push("copy aborted".to_owned());
    }
}

fn numbers(numbers: Range<i32>) -> Rows {
    let end = numbers.end;
    let starts = numbers.step_by(BATCH_ROWS as usize);
    let batches = starts.map(move |start| {
        let numbers = Int32Array::from_iter_values(start..end.min(start + BATCH_ROWS));
        Ok(RecordBatch::try_from_iter([("n", Arc::new(numbers) as ArrayRef)]).unwrap())
    });
    rows("n", PgType::INT4, stream::iter(batches.collect::<Vec<_>>()).boxed())
}

fn one_text(value: Option<String>) -> Rows {
    let texts = StringViewArray::from(vec![value]);
    let batch = RecordBatch::try_from_iter([("echo", Arc::new(texts) as ArrayRef)]).unwrap();
    rows("echo", PgType::TEXT, stream::iter([Ok(batch)]).boxed())
}

fn rows(name: &str, ty: PgType, batches: BatchStream) -> Rows {
    let columns = vec![ColumnDescription { name: name.to_owned(), ty, origin: None }];
    Rows { columns, batches, tag: RowsTag::Select }
}

fn copy_out(pieces: u64) -> CopyOut {
    let pieces = (0..pieces).map(|piece| Ok(CopyPiece::row(Bytes::from(format!("{piece}\tx\n")))));
    CopyOut { column_count: 2, binary: false, pieces: stream::iter(pieces.collect::<Vec<_>>()).boxed() }
}

fn notice(message: &str) -> Notice {
    Notice { severity: "NOTICE", code: "00000", message: message.to_owned(), detail: None, hint: None }
}
