//! Cuts what is sent to a COPY into pieces that end where records do.

use std::sync::Arc;

use super::copy_pipeline::{Counted, Message, cut_off};
use crate::copy::{CopyOptions, Decoder, Piece, RecordSplitter, TupleSplitter, parse_header};
use crate::error::SqlError;

/// Finds where pieces end.
pub(super) enum Splitter {
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
pub(super) struct Cutter<'a> {
    pub(super) messages: Counted<'a>,
    /// Empty once the data ended.
    pub(super) splitter: Option<Splitter>,
    /// Pieces that wait, last first.
    pub(super) ready: Vec<Piece>,
    pub(super) decoder: Arc<Decoder>,
    pub(super) options: CopyOptions,
    pub(super) table: String,
    /// Whether a header names the columns; else it is only checked, if at all.
    pub(super) by_header: bool,
}

impl Cutter<'_> {
    pub(super) async fn next(&mut self) -> Result<Option<Piece>, SqlError> {
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
