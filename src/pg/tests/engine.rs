//! An engine that does what each statement's words say.
//!
//! `rows N`: n from 0, in batches of ten · `do TAG`: a command that changes something · `fail`: 22012 · `hang`: until
//! stopped · `drip`: one row, then as `hang` · `copyin`, `copyout N` · `notice` · `set` · `echo $1` · `doomed`: the
//! commit fails with 40001 · `panic`.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringViewArray};
use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream};
use parking_lot::Mutex;
use peristyle_catalog::model::PgType;
use peristyle_sql::values::OutputStyle;
use peristyle_sql::{
    BatchStream, ColumnDescription, ConnectOptions, CopyOut, CopyPiece, Notice, Parameter, Rows, RowsTag, SqlError,
    SqlState, TransactionStatus,
};
use tokio::sync::watch;

use crate::pg::{Answer, CopySink, Interrupt, SqlEngine, SqlSession};

const BATCH_ROWS: i32 = 10;

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
}

impl ScriptedSession {
    fn event(&self, event: impl Into<String>) {
        self.events.lock().push(event.into());
    }

    async fn run(&mut self, statement: &str, argument: Option<&Parameter>) -> Result<Answer, SqlError> {
        self.stop.send_replace(None);
        let (word, rest) = statement.split_once(' ').unwrap_or((statement, ""));
        match word {
            "rows" => Ok(Answer::Rows(numbers(rest.parse().unwrap()))),
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
        let Rows { columns, batches, tag } = numbers(1);
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
    type Bound = Vec<Parameter>;

    fn parse(&self, text: &str) -> Result<Vec<String>, SqlError> {
        if text.contains('!') {
            return Err(SqlError::syntax("syntax error"));
        }
        Ok(text.split(';').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect())
    }

    async fn prepare(&mut self, statement: &String, types: &[Option<PgType>]) -> Result<ScriptedPrepared, SqlError> {
        let parameters = if statement.contains("$1") {
            vec![types.first().copied().flatten().unwrap_or(PgType::TEXT)]
        } else {
            Vec::new()
        };
        let columns = match statement.split(' ').next() {
            Some("rows") => Some(numbers(0).columns),
            Some("echo") => Some(one_text(None).columns),
            _ => None,
        };
        Ok(ScriptedPrepared { statement: statement.clone(), parameters, columns })
    }

    async fn execute(&mut self, statement: &String) -> Result<Answer, SqlError> {
        self.run(statement, None).await
    }

    fn bind(
        &mut self,
        _portal: Option<&str>,
        _prepared: &ScriptedPrepared,
        parameters: &[Parameter],
    ) -> Result<Vec<Parameter>, SqlError> {
        if parameters.iter().any(|parameter| parameter.value.as_deref() == Some(b"bad")) {
            return Err(SqlError::new(SqlState::INVALID_TEXT_REPRESENTATION, "bad value"));
        }
        Ok(parameters.to_vec())
    }

    async fn execute_prepared(
        &mut self,
        prepared: &ScriptedPrepared,
        bound: &Vec<Parameter>,
    ) -> Result<Answer, SqlError> {
        self.event(format!("execute {}", prepared.statement));
        self.run(&prepared.statement, bound.first()).await
    }

    async fn end_implicit(&mut self) -> Result<(), SqlError> {
        let changes = std::mem::take(&mut self.changes);
        if std::mem::take(&mut self.is_failed) {
            self.is_doomed = false;
            self.event("rollback");
            return Ok(());
        }
        if std::mem::take(&mut self.is_doomed) {
            return Err(SqlError::new(SqlState::SERIALIZATION_FAILURE, "could not serialize access"));
        }
        if !changes.is_empty() {
            self.event(format!("commit {}", changes.join(",")));
        }
        Ok(())
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

    fn take_parameter_changes(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.parameter_changes)
    }

    fn interrupts(&self) -> Arc<dyn Interrupt> {
        Arc::new(Stop(self.stop.clone()))
    }

    fn output_style(&self) -> OutputStyle {
        OutputStyle::default()
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

#[derive(Clone)]
pub(super) struct ScriptedPrepared {
    statement: String,
    parameters: Vec<PgType>,
    columns: Option<Vec<ColumnDescription>>,
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

fn numbers(count: i32) -> Rows {
    let starts = (0..count).step_by(BATCH_ROWS as usize);
    let batches = starts.map(move |start| {
        let numbers = Int32Array::from_iter_values(start..count.min(start + BATCH_ROWS));
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
