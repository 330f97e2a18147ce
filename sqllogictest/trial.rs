//! A trial: one suite on one engine, from a fresh database. All its statements run, whatever fails.

use std::fmt::Write as _;
use std::future::ready;
use std::path::Path;

use sqllogictest::{
    DefaultColumnType, ExpectedError, MakeConnection, QueryExpect, Record, RecordOutput, Runner, StatementExpect,
    TestError, TestErrorKind, default_normalizer, parse_file, strict_column_validator, update_record_with_output,
};

use crate::cell;
use crate::column::ColumnLetter;
use crate::engines::{Connection, EngineKind, Host, Oracle};
use crate::failure::Failure;
use crate::suites::Suite;

/// Failed statements that a trial prints; the rest is counted. More than a suite should have.
const PRINTED_FAILURES_MAX: usize = 200;

/// One suite on one engine.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    pub(crate) suite: Suite,
    pub(crate) engine: EngineKind,
}

/// What came of a trial.
#[derive(Default)]
pub(crate) struct Report {
    /// Statements and queries that ran.
    pub(crate) statements: usize,
    pub(crate) failed: usize,
    /// The failures, to print.
    pub(crate) details: String,
}

impl Trial {
    /// Runs the suite and compares.
    pub(crate) fn run(&self, oracle: Option<&Oracle>) -> Report {
        let mut report = Report::default();
        if let Err(failure) = self.try_run(oracle, &mut report) {
            report.fail(&failure);
        }
        report
    }

    /// Runs the suite and writes what came back into its file.
    pub(crate) fn complete(&self, oracle: Option<&Oracle>) -> Result<(), Failure> {
        let host = self.engine.open(oracle)?;
        let mut runner = self.runner(&host);
        let mut text = String::new();
        for record in self.records()? {
            let output = runner.apply_record(record.clone());
            let output = futures::executor::block_on(output);
            let record = completed(&record, &output).unwrap_or(record);
            writeln!(text, "{record}").map_err(Failure::runner)?;
        }
        std::fs::write(&self.suite.path, format!("{}\n", text.trim_end_matches('\n')))?;
        Ok(())
    }

    fn try_run(&self, oracle: Option<&Oracle>, report: &mut Report) -> Result<(), Failure> {
        let records = self.records()?;
        let host = self.engine.open(oracle)?;
        let mut runner = self.runner(&host);
        for record in records.into_iter().take_while(|record| !matches!(record, Record::Halt { .. })) {
            match runner.run(record) {
                Ok(output) => report.statements += usize::from(!matches!(output, RecordOutput::Nothing)),
                Err(error) => {
                    report.statements += 1;
                    report.fail(&error);
                    if is_connection_lost(&error) {
                        return Err(Failure::connection(host.trace_tail().unwrap_or_default()));
                    }
                }
            }
        }
        Ok(())
    }

    fn records(&self) -> Result<Vec<Record<ColumnLetter>>, Failure> {
        parse_file(&self.suite.path).map_err(Failure::runner)
    }

    fn runner<'a>(&'a self, host: &'a Host) -> Runner<Connection, impl MakeConnection<Conn = Connection> + 'a> {
        let mut runner = Runner::new(|| ready(host.connect(self.engine, &self.suite.time_zone)));
        for label in self.engine.labels() {
            runner.add_label(label);
        }
        runner.with_validator(cell::same_rows);
        runner.with_column_validator(strict_column_validator);
        runner
    }
}

impl Report {
    fn fail(&mut self, error: &dyn std::fmt::Display) {
        self.failed += 1;
        if self.failed <= PRINTED_FAILURES_MAX {
            self.details += &format!("{error}\n");
        }
    }
}

/// Whether the server is gone, so that nothing after this can succeed.
fn is_connection_lost(error: &TestError) -> bool {
    let cause = match error.kind() {
        TestErrorKind::Fail { err, .. } | TestErrorKind::ErrorMismatch { err, .. } => err,
        _ => return false,
    };
    cause.downcast_ref::<Failure>().is_some_and(Failure::is_connection_lost)
}

/// Statements and queries in a suite file.
pub(crate) fn count_statements(path: &Path) -> usize {
    let records = parse_file::<DefaultColumnType>(path).unwrap_or_default();
    records.iter().filter(|record| matches!(record, Record::Statement { .. } | Record::Query { .. })).count()
}

/// The record with the output as its expectation; `None` if it has none or is right as it is.
fn completed(record: &Record<ColumnLetter>, output: &RecordOutput<ColumnLetter>) -> Option<Record<ColumnLetter>> {
    if let Some(failure) = failure_of(output) {
        return with_error(record, failure);
    }
    update_record_with_output(
        record,
        output,
        cell::SEPARATOR,
        cell::same_rows,
        default_normalizer,
        strict_column_validator,
    )
}

fn failure_of(output: &RecordOutput<ColumnLetter>) -> Option<&Failure> {
    let error = match output {
        RecordOutput::Query { error, .. } | RecordOutput::Statement { error, .. } => error.as_ref()?,
        _ => return None,
    };
    error.downcast_ref::<Failure>()
}

/// An expectation that the failure meets stays; any other becomes the failure's SQLSTATE.
fn with_error(record: &Record<ColumnLetter>, failure: &Failure) -> Option<Record<ColumnLetter>> {
    let matches = |expected: &ExpectedError| {
        !matches!(expected, ExpectedError::Empty) && expected.is_match(&failure.to_string(), Some(&failure.code))
    };
    let state = ExpectedError::SqlState(failure.code.clone());
    let mut record = record.clone();
    match &mut record {
        Record::Statement { expected: StatementExpect::Error(expected), .. } if matches(expected) => return None,
        Record::Query { expected: QueryExpect::Error(expected), .. } if matches(expected) => return None,
        Record::Statement { expected, .. } => *expected = StatementExpect::Error(state),
        Record::Query { expected, .. } => *expected = QueryExpect::Error(state),
        _ => return None,
    }
    Some(record)
}
