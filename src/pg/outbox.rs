//! The writing half of a connection: gathers messages and sends them in few writes. The socket is the back-pressure.

use std::io;

use bytes::BytesMut;
use pgwire::error::PgWireResult;
use pgwire::messages::Message;
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// The writing half.
pub(crate) struct Outbox {
    socket: Box<dyn AsyncWrite + Send + Unpin>,
    buffer: BytesMut,
    send_bytes: usize,
}

impl Outbox {
    /// `send_bytes`: how much is gathered before [`Self::flush_if_full`] sends it.
    pub(crate) fn new(socket: Box<dyn AsyncWrite + Send + Unpin>, send_bytes: usize) -> Outbox {
        Outbox { socket, buffer: BytesMut::with_capacity(send_bytes), send_bytes }
    }

    /// Adds a message; fails if it is longer than clients accept.
    pub(crate) fn push(&mut self, message: &impl Message) -> PgWireResult<()> {
        let start = self.buffer.len();
        let pushed = message.encode(&mut self.buffer);
        if pushed.is_err() {
            self.buffer.truncate(start);
        }
        pushed
    }

    /// Where the rows of a result are written straight to.
    pub(crate) fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    pub(crate) fn send_bytes(&self) -> usize {
        self.send_bytes
    }

    pub(crate) async fn flush_if_full(&mut self) -> io::Result<()> {
        if self.buffer.len() < self.send_bytes {
            return Ok(());
        }
        self.flush().await
    }

    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        self.socket.write_all(&self.buffer).await?;
        self.socket.flush().await?;
        self.buffer.clear();
        self.shrink();
        Ok(())
    }

    /// Sends what is left and closes the connection.
    pub(crate) async fn close(&mut self) -> io::Result<()> {
        self.flush().await?;
        self.socket.shutdown().await
    }

    /// Gives back the memory of one unusually long message.
    fn shrink(&mut self) {
        if self.buffer.capacity() > self.send_bytes.saturating_mul(4) {
            self.buffer = BytesMut::with_capacity(self.send_bytes);
        }
    }
}
