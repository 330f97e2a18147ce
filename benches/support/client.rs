//! A session that is driven as the wire drives it: each statement to its end, then the end of its transaction.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use bytes::Bytes;
use futures::StreamExt;
use peristyle_sql::{CopyOut, Outcome, Parameter, Prepared, Rows, Session, SqlError, Statement, WireFormat};

/// Size of the messages in which COPY data comes, in bytes: libpq's buffer.
const COPY_MESSAGE_BYTES: usize = 64 * 1024;

/// One connection without a socket. Its methods fail loudly: a benchmark of a statement that fails measures nothing.
pub(crate) struct Client {
    session: Session,
}

impl Client {
    pub(crate) fn new(session: Session) -> Client {
        Client { session }
    }

    /// Runs a statement; the rows that came, or that it wrote.
    pub(crate) async fn run(&mut self, sql: &str) -> u64 {
        let statement = self.parse(sql);
        self.execute(&statement).await
    }

    /// Runs a statement that was parsed before.
    pub(crate) async fn execute(&mut self, statement: &Statement) -> u64 {
        let outcome = self.session.execute(statement).await;
        self.finish(outcome).await
    }

    /// Runs a prepared statement with parameters in text format.
    pub(crate) async fn execute_prepared(&mut self, prepared: &Prepared, parameters: &[String]) -> u64 {
        let text = |value: &String| Parameter {
            format: WireFormat::Text,
            value: Some(Bytes::copy_from_slice(value.as_bytes())),
        };
        let parameters: Vec<Parameter> = parameters.iter().map(text).collect();
        let bound = self.session.bind(None, prepared, &parameters).expect("the parameters are of their types");
        let outcome = self.session.execute_prepared(prepared, &bound).await;
        self.finish(outcome).await
    }

    pub(crate) async fn prepare(&mut self, sql: &str) -> Prepared {
        let statement = self.parse(sql);
        let prepared = self.session.prepare(&statement, &[]).await.expect("the statement can be prepared");
        self.session.end_implicit(false).await.expect("preparing changes nothing");
        prepared
    }

    /// Loads data with `COPY … FROM STDIN`; the rows that it wrote.
    pub(crate) async fn copy_in(&mut self, sql: &str, data: &Bytes) -> u64 {
        let statement = self.parse(sql);
        let outcome = self.session.execute(&statement).await.expect("the COPY begins");
        let Outcome::CopyIn(mut copy) = outcome else { panic!("{sql} takes no data") };
        let mut rest = data.clone();
        while !rest.is_empty() {
            let message = rest.split_to(rest.len().min(COPY_MESSAGE_BYTES));
            copy.write(message).await.expect("the data is taken");
        }
        let tag = copy.finish().await.expect("the COPY ends");
        self.session.end_implicit(false).await.expect("the COPY commits");
        tag_count(&tag)
    }

    /// The number that a query gives.
    pub(crate) async fn number(&mut self, sql: &str) -> i64 {
        let statement = self.parse(sql);
        let batches = self.batches(&statement).await;
        let batch = batches.iter().find(|batch| batch.num_rows() > 0).expect("the query gives a row");
        batch.column(0).as_primitive::<Int64Type>().value(0)
    }

    /// The lines that EXPLAIN gives.
    pub(crate) async fn lines(&mut self, statement: &Statement) -> Vec<String> {
        let batches = self.batches(statement).await;
        let texts = batches.iter().flat_map(|batch| batch.column(0).as_string_view().iter());
        texts.map(|text| text.expect("a plan has no NULL").to_owned()).collect()
    }

    pub(crate) fn parse(&self, sql: &str) -> Statement {
        let statements = self.session.parse(sql).expect("the statement parses");
        statements.into_iter().next().expect("there is a statement")
    }

    async fn batches(&mut self, statement: &Statement) -> Vec<RecordBatch> {
        let outcome = self.session.execute(statement).await.expect("the query starts");
        let Outcome::Rows(rows) = outcome else { panic!("{} gives no rows", statement.text()) };
        let batches = rows.batches.map(|batch| batch.expect("the query goes on")).collect().await;
        self.session.end_implicit(false).await.expect("a query commits nothing");
        batches
    }

    /// Takes everything that a statement gives and ends its transaction.
    async fn finish(&mut self, outcome: Result<Outcome, SqlError>) -> u64 {
        let rows = match outcome.expect("the statement runs") {
            Outcome::Empty => 0,
            Outcome::Command(tag) => tag_count(&tag),
            Outcome::Rows(rows) => drain(rows).await,
            Outcome::CopyOut(copy) => drain_copy(copy).await,
            Outcome::CopyIn(_) => panic!("this COPY wants data"),
        };
        self.session.end_implicit(false).await.expect("the statement commits");
        rows
    }
}

async fn drain(mut rows: Rows) -> u64 {
    let mut count = 0;
    while let Some(batch) = rows.batches.next().await {
        count += batch.expect("the query goes on").num_rows() as u64;
    }
    count
}

async fn drain_copy(mut copy: CopyOut) -> u64 {
    let mut count = 0;
    while let Some(piece) = copy.pieces.next().await {
        count += piece.expect("the COPY goes on").rows;
    }
    count
}

/// The number at the end of a command tag; 0 for a tag without one.
fn tag_count(tag: &str) -> u64 {
    tag.rsplit(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0)
}
