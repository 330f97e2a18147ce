//! `COPY … FROM STDIN`: bytes in, rows into the transaction.

use bytes::Bytes;

use crate::error::SqlError;

/// A COPY that waits for its data. Dropping it discards everything that it wrote.
pub struct CopyIn {
    /// Columns that the client is told of.
    pub column_count: usize,
    /// Whether the format is binary.
    pub binary: bool,
}

impl CopyIn {
    /// Takes some bytes, cut anywhere. Waits while the decoders are behind, so memory stays flat.
    pub async fn write(&mut self, _bytes: Bytes) -> Result<(), SqlError> {
        todo!()
    }

    /// The client sent everything: the rows become part of the transaction. Returns the command tag.
    pub async fn finish(self) -> Result<String, SqlError> {
        todo!()
    }

    /// The client sent CopyFail or went away: nothing remains.
    pub async fn abort(self) {
        todo!()
    }
}
