//! `COPY … TO 'file'`: the file is there once it is whole, and not before.

use std::sync::Arc;

use arrow::datatypes::FieldRef;
use futures::StreamExt;
use peristyle_storage::files::{ParquetEncoder, Sink};

use super::{Form, Subject, copy_out, entry};
use crate::copy::CopyOptions;
use crate::error::SqlError;
use crate::outcome::{BatchStream, ByteStream, Outcome};
use crate::plan::shown_name;
use crate::scope::Scope;
use crate::session::CopyEntry;

/// Rows in one of the forms of the client's.
pub(super) async fn rows(subject: Subject<'_>, options: CopyOptions, place: &str) -> Result<Outcome, SqlError> {
    let scope = subject.scope;
    let mut sink = scope.engine.files().create(place).await?;
    let progress = entry(scope, subject.copy);
    let written = match copy_out(subject, options).await {
        Ok(out) => write_pieces(&mut sink, out.pieces, &progress).await,
        Err(error) => Err(error),
    };
    ended(sink, written).await
}

/// A Parquet file.
pub(super) async fn parquet(subject: Subject<'_>, place: &str) -> Result<Outcome, SqlError> {
    let scope = subject.scope;
    let mut sink = scope.engine.files().create(place).await?;
    let progress = entry(scope, subject.copy);
    let written = match subject.source(Form::Columns).await {
        Ok((fields, batches)) => write_batches(scope, &mut sink, &fields, batches, &progress).await,
        Err(error) => Err(error),
    };
    ended(sink, written).await
}

async fn ended(sink: Sink, written: Result<u64, SqlError>) -> Result<Outcome, SqlError> {
    match written {
        Ok(rows) => {
            sink.finish().await?;
            Ok(Outcome::Command(format!("COPY {rows}")))
        }
        Err(error) => {
            sink.abort().await;
            Err(error)
        }
    }
}

async fn write_pieces(sink: &mut Sink, mut pieces: ByteStream, progress: &CopyEntry) -> Result<u64, SqlError> {
    let mut rows = 0;
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        rows += piece.rows;
        progress.add_bytes(piece.bytes.len() as u64);
        sink.write(piece.bytes).await?;
        progress.set_rows(rows, 0);
    }
    Ok(rows)
}

async fn write_batches(
    scope: &Scope,
    sink: &mut Sink,
    fields: &[FieldRef],
    mut batches: BatchStream,
    progress: &CopyEntry,
) -> Result<u64, SqlError> {
    let named = |field: &FieldRef| Arc::new(field.as_ref().clone().with_name(shown_name(field)).with_nullable(true));
    let columns: Vec<FieldRef> = fields.iter().map(named).collect();
    let mut encoder = ParquetEncoder::new(&columns, &scope.engine.storage().write)?;
    let mut rows = 0;
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        rows += batch.num_rows() as u64;
        let bytes = encoder.write(&batch)?;
        progress.add_bytes(bytes.len() as u64);
        progress.set_rows(rows, 0);
        sink.write(bytes).await?;
    }
    sink.write(encoder.finish()?).await?;
    Ok(rows)
}
