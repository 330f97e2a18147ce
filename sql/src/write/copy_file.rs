//! `COPY … FROM 'file'`: the file's bytes go the way of a client's.

use futures::StreamExt;
use peristyle_storage::files::Source;
use tokio::sync::mpsc;

use super::copy_pipeline::{Message, Pipeline};
use super::insert::stage;
use crate::error::SqlError;
use crate::outcome::Outcome;
use crate::parse::CopyEnd;
use crate::session::Copies;

/// Bytes of a file that are read at once.
const FILE_PIECE_BYTES: usize = 4 << 20;
/// Such pieces that wait to be cut.
const FILE_PIECES_AHEAD_MAX: usize = 2;

/// Loads a whole file.
pub(super) async fn run(pipeline: Pipeline, place: &str, end: &CopyEnd) -> Result<Outcome, SqlError> {
    // The file of a load that is done may be gone.
    if pipeline.is_replay() {
        return Ok(Outcome::Command("COPY 0".to_owned()));
    }
    let scope = std::sync::Arc::clone(&pipeline.scope);
    let transaction = std::sync::Arc::clone(&pipeline.transaction);
    let source = scope.engine.files().open(place).await?;
    let progress = Copies::enter(&scope, Some(pipeline.target.oid()), end, "COPY FROM", source.size());
    let (feed, messages) = mpsc::channel(FILE_PIECES_AHEAD_MAX);
    let (fed, loaded) = futures::join!(send(source, feed), pipeline.run(messages, &scope.guard, &progress));
    // A file that could not be read is why its data was cut off.
    fed?;
    let loaded = loaded?;
    stage(&scope.guard, &transaction, loaded.changes)?;
    Ok(Outcome::Command(format!("COPY {}", loaded.rows)))
}

/// Sends the file's bytes, and then that it ended. A load that failed takes no more.
async fn send(source: Source, feed: mpsc::Sender<Message>) -> Result<(), SqlError> {
    let pieces = source.pieces(FILE_PIECE_BYTES);
    futures::pin_mut!(pieces);
    while let Some(piece) = pieces.next().await {
        if feed.send(Message::Data(piece?)).await.is_err() {
            return Ok(());
        }
    }
    let _ = feed.send(Message::End).await;
    Ok(())
}
