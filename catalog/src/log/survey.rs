//! Reads all whole frames of a log, whatever lies between them.

use std::sync::Arc;

use uuid::Uuid;

use super::reader::Frame;
use super::{Found, LogPoint, LogReader, Segments};
use crate::Result;

/// A stretch of the log that holds no whole frame although something follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogGap {
    /// Where a frame should begin.
    pub from: u64,
    /// Where the next whole frame begins, or the next file.
    pub until: u64,
}

/// What is in the log's files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Survey {
    pub(crate) frames: u64,
    /// The point after the last whole frame.
    pub(crate) end: LogPoint,
    pub(crate) gaps: Vec<LogGap>,
}

/// Reads from the first segment on.
pub(crate) fn survey(
    segments: &Arc<Segments>,
    log_id: Uuid,
    mut visit: impl FnMut(&Frame) -> Result<()>,
) -> Result<Survey> {
    let mut survey = Survey::default();
    let Some(first) = segments.first() else { return Ok(survey) };
    survey.end.position = first;
    let mut reader = LogReader::from_position(Arc::clone(segments), log_id, first);
    loop {
        match reader.find()? {
            Found::Frame(frame) => {
                visit(&frame)?;
                survey.frames += 1;
                survey.end = frame.after;
            }
            Found::Tail(_) => return Ok(survey),
            Found::Damage { follows, .. } => {
                survey.gaps.push(LogGap { from: reader.position(), until: follows });
                reader.seek(follows);
            }
        }
    }
}
