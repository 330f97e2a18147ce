//! `COPY … FROM`: bytes → pieces at record ends → batches, decoded on all cores → the same sink as INSERT.
//!
//! The client's bytes (a file's: [`super::copy_file`]) go through a bounded channel to a task on the computing threads, so memory stays flat whatever
//! the size, and a client that sends faster than rows are written waits.

use std::sync::Arc;

use arrow::datatypes::Schema;
use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};
use peristyle_catalog::model::{ChangeSet, IngestId, PgType};
use sqlparser::ast::{Expr, Ident, ObjectName};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::copy_defaults::MarkedDefaults;
use super::copy_skipped::SkippedRows;
use super::ingest::{ingest_id, is_replay};
use super::insert::stage;
use super::shape::ShapedLoad;
use super::shaper::row_condition;
use super::{Target, copy_file, copy_parquet};
use crate::copy::{
    Arrival, CopyDirection, CopyFormat, CopyOptions, Decoded, Decoder, Piece, RecordSplitter, SplitterLimits,
    TargetColumn, TupleSplitter, Unknown, parse_header,
};
use crate::copy_out::check_end;
use crate::ddl::TIME_COLUMN;
use crate::error::{SqlError, SqlState};
use crate::outcome::Outcome;
use crate::parse::{CopyEnd, CopyStatement, CopySubject};
use crate::scope::Scope;
use crate::session::{Copies, CopyProgress, Guard, SharedTransaction};

/// Messages of the client that wait to be cut.
const MESSAGES_AHEAD_MAX: usize = 64;
/// Name of the column that takes what has no column of its own.
const REST_COLUMN: &str = "_rest";

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

pub(super) enum Message {
    Data(Bytes),
    /// The client sent everything. Without it, what came is thrown away.
    End,
}

/// What a COPY came to.
pub(super) struct Loaded {
    pub(super) rows: u64,
    pub(super) changes: ChangeSet,
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

/// A condition that is wrong fails before the client sends anything.
pub(super) fn check_condition(scope: &Arc<Scope>, target: &Target, condition: &Expr) -> Result<(), SqlError> {
    if target.is_open() {
        return Err(SqlError::unsupported("COPY ... FROM ... WHERE is not supported yet for a table of open schema"));
    }
    let fields: Vec<_> = target.fields.iter().map(|field| Arc::clone(&field.field)).collect();
    row_condition(scope, target.name(), &Arc::new(Schema::new(fields)), condition).map(|_| ())
}

fn decoder(
    scope: &Arc<Scope>,
    name: &ObjectName,
    columns: &[Ident],
    options: CopyOptions,
) -> Result<(Target, Decoder, Option<MarkedDefaults>), SqlError> {
    let target = Target::find(scope, name)?;
    let names = if columns.is_empty() { all_columns(&target) } else { target.named(columns)? };
    target.refuse_generated(&names)?;
    check_forced(&target, &options, &names)?;
    let defaults = options.default.as_ref().map(|_| MarkedDefaults::of(scope, &target, &names)).transpose()?;
    let arrival = Arrival(scope.transaction_started.0);
    let targets = names
        .iter()
        .map(|name| match target.position(name) {
            Some(at) => {
                let field = &target.fields[at];
                let is_time = target.is_open() && name == TIME_COLUMN;
                let arrow = field.field.data_type().clone();
                let has_default = defaults.as_ref().is_some_and(|defaults| defaults.has(name));
                let arrival = is_time.then_some(arrival);
                TargetColumn { name: name.clone(), ty: field.ty, arrow, has_default, arrival }
            }
            None => TargetColumn::new(name.clone(), PgType::TEXT),
        })
        .collect();
    let limit = scope.engine.limits().max_table_columns;
    let unknown = match target.is_open() {
        true => Unknown::Infer { new_columns_max: limit.saturating_sub(target.fields.len() + 1) },
        false => Unknown::Refuse,
    };
    let style = scope.input_style();
    let decoder = Decoder::new(target.name(), targets, options, style, unknown);
    Ok((target, decoder, defaults))
}

/// On an open table the header may bring any column.
fn check_forced(target: &Target, options: &CopyOptions, copied: &[String]) -> Result<(), SqlError> {
    if target.is_open() {
        return Ok(());
    }
    for (set, option) in [(&options.force_not_null, "FORCE_NOT_NULL"), (&options.force_null, "FORCE_NULL")] {
        set.check(copied, |name| match target.position(name) {
            None => target.unknown_column(name),
            Some(_) => {
                let message = format!("{option} column \"{name}\" not referenced by COPY");
                SqlError::new(SqlState::INVALID_COLUMN_REFERENCE, message)
            }
        })?;
    }
    Ok(())
}

/// What data without a column list goes to. The rest column is filled by the decoder itself.
fn all_columns(target: &Target) -> Vec<String> {
    let names = target.fields.iter().map(|field| field.field.name().clone());
    let takes_none = |name: &String| target.is_generated(name) || (target.is_open() && name == REST_COLUMN);
    names.filter(|name| !takes_none(name)).collect()
}

/// The way of the data of one COPY.
pub(super) struct Pipeline {
    pub(super) scope: Arc<Scope>,
    pub(super) target: Target,
    decoder: Decoder,
    options: CopyOptions,
    /// What fields take that are the `DEFAULT` marker.
    defaults: Option<MarkedDefaults>,
    condition: Option<Expr>,
    pub(super) transaction: SharedTransaction,
    /// Columns that the client is told of.
    column_count: usize,
    ingest_id: Option<IngestId>,
}

impl Pipeline {
    fn of(
        scope: &Arc<Scope>,
        transaction: &SharedTransaction,
        copy: &CopyStatement,
        options: CopyOptions,
    ) -> Result<Pipeline, SqlError> {
        let CopySubject::Table { name, columns } = &copy.subject else {
            return Err(SqlError::syntax("COPY FROM needs a table"));
        };
        let ingest_id = ingest_id(scope, options.ingest_id.as_deref())?;
        let (target, decoder, defaults) = decoder(scope, name, columns, options.clone())?;
        if let Some(condition) = &copy.condition {
            check_condition(scope, &target, condition)?;
        }
        Ok(Pipeline {
            column_count: if columns.is_empty() { target.fields.len() } else { columns.len() },
            scope: Arc::clone(scope),
            target,
            decoder,
            options,
            defaults,
            condition: copy.condition.clone(),
            transaction: Arc::clone(transaction),
            ingest_id,
        })
    }

    /// Takes what is sent to its end. A load that was committed before is passed over.
    pub(super) async fn run(
        self,
        mut messages: mpsc::Receiver<Message>,
        guard: &Guard,
        progress: &CopyProgress,
    ) -> Result<Loaded, SqlError> {
        if self.ingest_id.as_ref().is_some_and(|id| is_replay(&self.scope, id)) {
            return guard.watch(pass_over(&mut messages)).await;
        }
        let ingest_id = self.ingest_id.clone();
        let streams = self.scope.engine.limits().streams;
        let mut load = ShapedLoad::new(&self.scope, &self.target, &self.transaction, self.condition.as_ref());
        let counted = Counted { messages, progress };
        let decoded = self.pieces(counted).map(decode).buffered(streams + 1);
        futures::pin_mut!(decoded);
        let mut skipped = SkippedRows::new(&self.scope, &self.options);
        let fed = async {
            while let Some(piece) = decoded.next().await {
                let mut piece: Decoded = piece?;
                skipped.take(&piece.skipped)?;
                if let Some(defaults) = &self.defaults {
                    defaults.fill(&mut piece)?;
                }
                load.push(piece).await?;
                progress.set_rows(load.rows(), load.excluded());
            }
            Ok(())
        };
        if let Err(error) = guard.watch(fed).await {
            load.abort().await;
            return Err(error);
        }
        let (rows, mut changes) = load.finish().await?;
        changes.ingest_id = ingest_id;
        skipped.tell();
        Ok(Loaded { rows, changes })
    }

    fn splitter(&self, limits: SplitterLimits) -> Splitter {
        let table = self.target.name();
        match self.options.format {
            CopyFormat::Binary => Splitter::Tuples(TupleSplitter::new(table, self.decoder.target_names(), limits)),
            CopyFormat::Text | CopyFormat::Csv | CopyFormat::Ndjson | CopyFormat::Parquet => {
                Splitter::Records(RecordSplitter::new(table, &self.options, limits))
            }
        }
    }

    /// Pieces with the decoder for them: the header, where there is one, says which column each field goes to.
    fn pieces<'a>(
        &self,
        messages: Counted<'a>,
    ) -> impl Stream<Item = Result<(Arc<Decoder>, Piece), SqlError>> + use<'a> {
        let limits = self.scope.engine.limits();
        let splitter_limits =
            SplitterLimits { piece_bytes: limits.copy_piece_bytes, record_bytes_max: limits.copy_record_bytes_max };
        let cutter = Cutter {
            messages,
            splitter: Some(self.splitter(splitter_limits)),
            ready: Vec::new(),
            decoder: Arc::new(self.decoder.clone()),
            options: self.options.clone(),
            table: self.target.name().to_owned(),
            by_header: self.target.is_open(),
        };
        stream::try_unfold(cutter, |mut cutter| async move {
            let piece = cutter.next().await?;
            Ok(piece.map(|piece| ((Arc::clone(&cutter.decoder), piece), cutter)))
        })
    }
}

/// Takes all that is sent and does nothing with it.
async fn pass_over(messages: &mut mpsc::Receiver<Message>) -> Result<Loaded, SqlError> {
    loop {
        match messages.recv().await {
            Some(Message::Data(_)) => {}
            Some(Message::End) => return Ok(Loaded { rows: 0, changes: ChangeSet::default() }),
            None => return Err(cut_off()),
        }
    }
}

fn cut_off() -> SqlError {
    SqlError::new(SqlState::QUERY_CANCELED, "COPY from stdin failed: its data was cut off")
}

/// What is sent, counted as it is taken.
struct Counted<'a> {
    messages: mpsc::Receiver<Message>,
    progress: &'a CopyProgress,
}

impl Counted<'_> {
    async fn next(&mut self) -> Option<Message> {
        let message = self.messages.recv().await;
        if let Some(Message::Data(bytes)) = &message {
            self.progress.add_bytes(bytes.len() as u64);
        }
        message
    }
}

async fn decode(piece: Result<(Arc<Decoder>, Piece), SqlError>) -> Result<Decoded, SqlError> {
    let (decoder, piece) = piece?;
    let task = tokio::spawn(async move { decoder.decode(&piece) });
    task.await.unwrap_or_else(|error| Err(SqlError::internal(format!("a decoder stopped unexpectedly: {error}"))))
}

/// Finds where pieces end.
enum Splitter {
    Records(RecordSplitter),
    Tuples(TupleSplitter),
}

impl Splitter {
    fn push(&mut self, bytes: &[u8], pieces: &mut Vec<Piece>) -> Result<(), SqlError> {
        match self {
            Splitter::Records(records) => records.push(bytes, pieces),
            Splitter::Tuples(tuples) => tuples.push(bytes, pieces),
        }
    }

    fn finish(self) -> Result<Option<Piece>, SqlError> {
        match self {
            Splitter::Records(records) => records.finish(),
            Splitter::Tuples(tuples) => tuples.finish(),
        }
    }
}

/// Cuts the client's bytes into pieces.
struct Cutter<'a> {
    messages: Counted<'a>,
    /// Empty once the data ended.
    splitter: Option<Splitter>,
    /// Pieces that wait, last first.
    ready: Vec<Piece>,
    decoder: Arc<Decoder>,
    options: CopyOptions,
    table: String,
    /// Whether a header names the columns; else it is only checked, if at all.
    by_header: bool,
}

impl Cutter<'_> {
    async fn next(&mut self) -> Result<Option<Piece>, SqlError> {
        loop {
            match self.ready.pop() {
                Some(header) if header.is_header => self.take_header(&header)?,
                Some(piece) => return Ok(Some(piece)),
                None if self.splitter.is_none() => return Ok(None),
                None => self.fill().await?,
            }
        }
    }

    fn take_header(&mut self, header: &Piece) -> Result<(), SqlError> {
        let names = parse_header(header, &self.options, &self.table)?;
        self.decoder.check_header(&names)?;
        if self.by_header {
            self.decoder = Arc::new(self.decoder.as_ref().clone().with_header(&names)?);
        }
        Ok(())
    }

    async fn fill(&mut self) -> Result<(), SqlError> {
        match self.messages.next().await {
            Some(Message::Data(bytes)) => {
                if let Some(splitter) = &mut self.splitter {
                    splitter.push(&bytes, &mut self.ready)?;
                    self.ready.reverse();
                }
                Ok(())
            }
            Some(Message::End) => {
                if let Some(splitter) = self.splitter.take() {
                    self.ready.extend(splitter.finish()?);
                }
                Ok(())
            }
            None => Err(cut_off()),
        }
    }
}
