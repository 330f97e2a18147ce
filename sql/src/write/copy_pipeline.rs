//! The way of a COPY's data: bytes → pieces at record ends → batches, decoded on all cores → the same sink as INSERT.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};
use peristyle_catalog::model::{ChangeSet, IngestId};
use sqlparser::ast::Expr;
use tokio::sync::mpsc;

use super::copy_cutter::{Cutter, Splitter};
use super::copy_decoder::{check_condition, decoder};
use super::copy_defaults::MarkedDefaults;
use super::copy_skipped::SkippedRows;
use super::ingest::{ingest_id, is_replay};
use super::shape::ShapedLoad;
use super::{Target, copy_freeze};
use crate::copy::{CopyFormat, CopyOptions, Decoded, Decoder, Piece, RecordSplitter, SplitterLimits, TupleSplitter};
use crate::error::{SqlError, SqlState};
use crate::parse::{CopyStatement, CopySubject};
use crate::scope::Scope;
use crate::session::{CopyProgress, Guard, SharedTransaction};

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
    pub(super) column_count: usize,
    ingest_id: Option<IngestId>,
}

impl Pipeline {
    pub(super) fn of(
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
        copy_freeze::check(scope, transaction, &target, &options)?;
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

    /// Whether it was committed before; the client is told.
    pub(super) fn is_replay(&self) -> bool {
        self.ingest_id.as_ref().is_some_and(|id| is_replay(&self.scope, id))
    }

    /// Takes what is sent to its end. A load that was committed before is passed over.
    pub(super) async fn run(
        self,
        mut messages: mpsc::Receiver<Message>,
        guard: &Guard,
        progress: &CopyProgress,
    ) -> Result<Loaded, SqlError> {
        if self.is_replay() {
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
                    defaults.fill(&self.scope, &mut piece)?;
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

pub(super) fn cut_off() -> SqlError {
    SqlError::new(SqlState::QUERY_CANCELED, "COPY from stdin failed: its data was cut off")
}

/// What is sent, counted as it is taken.
pub(super) struct Counted<'a> {
    messages: mpsc::Receiver<Message>,
    progress: &'a CopyProgress,
}

impl Counted<'_> {
    pub(super) async fn next(&mut self) -> Option<Message> {
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
