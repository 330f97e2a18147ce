//! COPY: the client's data in, the server's data out.

use bytes::BufMut;
use futures::StreamExt;
use peristyle_sql::{Charset, CopyOut, SqlError, SqlState, WireFormat};
use pgwire::messages::copy::{CopyDone, CopyInResponse, CopyOutResponse, MESSAGE_TYPE_BYTE_COPY_DATA};

use super::connection::Connection;
use super::decode::decode;
use super::describe::format_code;
use super::door::{CopySink, SqlSession};
use super::end::{End, Fault};
use super::errors::violation;
use pgwire::messages::PgWireFrontendMessage as Message;

/// What comes of one message during COPY FROM STDIN.
enum Step {
    Data(bytes::Bytes),
    Nothing,
    Done,
}

impl<S: SqlSession> Connection<S> {
    /// COPY … FROM STDIN. Returns the command tag. After an error the rest of the data is passed over by the loop
    /// that called: it ignores COPY messages, or skips everything until Sync.
    pub(super) async fn copy_in(&mut self, mut sink: Box<dyn CopySink>) -> Result<String, Fault> {
        let (format, formats) = copy_formats(sink.is_binary(), sink.column_count());
        self.out.push(&CopyInResponse::new(format, formats.len() as i16, formats))?;
        self.frames.during(self.out.flush()).await??;
        match self.feed(&mut *sink).await {
            Ok(()) => Ok(self.frames.during(sink.finish()).await??),
            Err(fault) => {
                sink.abort().await;
                Err(fault)
            }
        }
    }

    async fn feed(&mut self, sink: &mut dyn CopySink) -> Result<(), Fault> {
        let charset = self.session.client_charset();
        loop {
            match self.next_copy_step(sink, charset).await? {
                Step::Data(bytes) => self.frames.during(sink.write(bytes)).await??,
                Step::Nothing => {}
                Step::Done => return Ok(()),
            }
        }
    }

    async fn next_copy_step(&mut self, sink: &mut dyn CopySink, charset: Charset) -> Result<Step, Fault> {
        let frame = tokio::select! {
            biased;
            stopped = sink.stopped() => return Err(stopped.into()),
            frame = self.frames.next() => frame?,
        };
        let tag = frame.tag;
        match decode(frame, charset)? {
            Message::CopyData(data) => Ok(Step::Data(data.data)),
            Message::CopyDone(_) => Ok(Step::Done),
            Message::CopyFail(fail) => {
                let message = format!("COPY from stdin failed: {}", fail.message);
                Err(SqlError::new(SqlState::QUERY_CANCELED, message).into())
            }
            Message::Terminate(_) => Err(End::Terminated.into()),
            // Clients send them ahead, right behind the Execute that starts the COPY.
            Message::Flush(_) | Message::Sync(_) => Ok(Step::Nothing),
            _ => {
                let message = format!("unexpected message type 0x{tag:02X} during COPY from stdin");
                Err(End::Fatal(violation(message)).into())
            }
        }
    }

    /// COPY … TO STDOUT. Returns the command tag.
    pub(super) async fn copy_out(&mut self, mut copy: CopyOut) -> Result<String, Fault> {
        let (format, formats) = copy_formats(copy.binary, copy.column_count);
        self.out.push(&CopyOutResponse::new(format, formats.len() as i16, formats))?;
        let mut rows = 0;
        while let Some(piece) = self.frames.during(copy.pieces.next()).await? {
            let piece = piece?;
            rows += piece.rows;
            let mut start = 0;
            for &end in &piece.row_ends {
                self.push_copy_data(&piece.bytes[start..end])?;
                self.flush_if_full().await?;
                start = end;
            }
        }
        self.out.push(&CopyDone::new())?;
        Ok(format!("COPY {rows}"))
    }

    /// CopyData of one row, as PostgreSQL sends them and clients count on it.
    fn push_copy_data(&mut self, row: &[u8]) -> Result<(), SqlError> {
        let length = i32::try_from(row.len() + 4)
            .map_err(|_| SqlError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "row is too large to be sent"))?;
        let out = self.out.buffer();
        out.put_u8(MESSAGE_TYPE_BYTE_COPY_DATA);
        out.put_i32(length);
        out.put_slice(row);
        Ok(())
    }
}

/// The format of a COPY as a whole and that of each column.
fn copy_formats(is_binary: bool, columns: usize) -> (i8, Vec<i16>) {
    let format = format_code(if is_binary { WireFormat::Binary } else { WireFormat::Text });
    (format as i8, vec![format; columns])
}
