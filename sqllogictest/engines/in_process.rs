//! The engine as a library: a session without a socket.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use arrow::array::RecordBatch;
use bytes::BytesMut;
use futures::StreamExt;
use peristyle::assembly::assemble;
use peristyle::config::Config;
use peristyle::system::system_sources;
use peristyle_sql::values::{Format, ValueWriter, value_writer};
use peristyle_sql::{ColumnDescription, ConnectOptions, CopyOut, Engine, Outcome, Rows, Session, SqlError};
use sqllogictest::DBOutput;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::Answer;
use super::wire::tag_count;
use crate::cell;
use crate::column::ColumnLetter;
use crate::failure::Failure;

type TextRows = Vec<Vec<Option<String>>>;

/// An engine over a temporary folder.
pub(crate) struct InProcessHost {
    engine: Arc<Engine>,
    runtime: Arc<Runtime>,
    /// Sessions wait for each other's locks by their process ids.
    last_process: AtomicI32,
    _folder: TempDir,
}

/// A session, and the runtime that drives it.
pub(crate) struct InProcessConnection {
    session: Session,
    runtime: Arc<Runtime>,
}

/// Opens an engine whose catalog, log and store all lie in `folder`; nothing runs in its background.
fn open_engine(folder: &Path, runtime: &Runtime) -> Result<Arc<Engine>, Failure> {
    let config = Config { data_dir: folder.to_owned(), ..Config::default() };
    let assembly = runtime.block_on(assemble(&config, &system_sources(), runtime.handle()));
    Ok(assembly.map_err(Failure::connection)?.engine)
}

/// A batch's rows as PostgreSQL text, `None` for NULL.
fn texts(session: &Session, columns: &[ColumnDescription], batch: &RecordBatch) -> Result<TextRows, SqlError> {
    let style = session.output_style();
    let columns = batch.columns().iter().zip(columns);
    let writers = columns.map(|(array, column)| value_writer(array, column.ty, Format::Text, &style));
    let writers = writers.collect::<Result<Vec<_>, _>>()?;
    let row = |row| writers.iter().map(|writer| text(&**writer, row)).collect();
    (0..batch.num_rows()).map(row).collect()
}

fn text(writer: &dyn ValueWriter, row: usize) -> Result<Option<String>, SqlError> {
    if writer.is_null(row) {
        return Ok(None);
    }
    let mut bytes = BytesMut::new();
    writer.write(row, &mut bytes)?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

impl InProcessHost {
    pub(crate) fn open() -> Result<InProcessHost, Failure> {
        let folder = TempDir::new()?;
        let runtime = Arc::new(Runtime::new()?);
        let engine = open_engine(folder.path(), &runtime)?;
        Ok(InProcessHost { engine, runtime, last_process: AtomicI32::new(0), _folder: folder })
    }

    pub(crate) fn connect(&self, time_zone: &str) -> Result<InProcessConnection, Failure> {
        let options = ConnectOptions {
            user: "peristyle".to_owned(),
            database: "peristyle".to_owned(),
            parameters: vec![("TimeZone".to_owned(), time_zone.to_owned())],
            process_id: self.last_process.fetch_add(1, Ordering::Relaxed) + 1,
            ..ConnectOptions::default()
        };
        let session = self.engine.connect(options).map_err(failure_of)?;
        Ok(InProcessConnection { session, runtime: Arc::clone(&self.runtime) })
    }
}

impl InProcessConnection {
    /// Runs one query string as one implicit transaction; the answer of its last statement.
    pub(crate) fn run(&mut self, sql: &str) -> Result<Answer, Failure> {
        let runtime = Arc::clone(&self.runtime);
        runtime.block_on(async {
            let answer = self.run_all(sql).await;
            if answer.is_err() {
                self.session.fail();
            }
            let ended = self.session.end_implicit(false).await.map_err(failure_of);
            answer.and_then(|answer| ended.map(|_| answer))
        })
    }

    async fn run_all(&mut self, sql: &str) -> Result<Answer, Failure> {
        let mut answer = DBOutput::StatementComplete(0);
        for statement in self.session.parse(sql).map_err(failure_of)? {
            let outcome = self.session.execute(&statement).await.map_err(failure_of)?;
            answer = self.answer_of(outcome).await?;
        }
        Ok(answer)
    }

    async fn answer_of(&self, outcome: Outcome) -> Result<Answer, Failure> {
        match outcome {
            Outcome::Empty => Ok(DBOutput::StatementComplete(0)),
            Outcome::Command(tag) => Ok(DBOutput::StatementComplete(tag_count(&tag))),
            Outcome::Rows(rows) => self.rows_answer(rows).await,
            Outcome::CopyOut(copy) => copy_answer(copy).await,
            // As the wire engines' CopyFail.
            Outcome::CopyIn(_) => Err(Failure::new("57014", "suites send no COPY data")),
        }
    }

    async fn rows_answer(&self, mut result: Rows) -> Result<Answer, Failure> {
        let mut rows = Vec::new();
        while let Some(batch) = result.batches.next().await {
            let texts = texts(&self.session, &result.columns, &batch.map_err(failure_of)?).map_err(failure_of)?;
            rows.extend(texts.iter().map(|row| row.iter().map(|text| cell::render(text.as_deref())).collect()));
        }
        let types = result.columns.iter().map(|column| ColumnLetter::of(column.ty.oid)).collect();
        Ok(DBOutput::Rows { types, rows })
    }
}

async fn copy_answer(mut copy: CopyOut) -> Result<Answer, Failure> {
    let mut rows = Vec::new();
    while let Some(piece) = copy.pieces.next().await {
        let piece = piece.map_err(failure_of)?;
        let text = String::from_utf8_lossy(&piece.bytes).into_owned();
        rows.extend(text.lines().map(|line| vec![cell::render(Some(line))]));
    }
    Ok(DBOutput::Rows { types: vec![ColumnLetter::text()], rows })
}

fn failure_of(error: SqlError) -> Failure {
    Failure::new(error.code.code(), &error.message)
}
