//! The reading half of a connection: cuts the byte stream into messages, and watches it while a statement runs.

use bytes::{Buf, Bytes, BytesMut};
use peristyle_sql::{SqlError, SqlState};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::end::End;

/// Room that is made before each read.
const READ_BYTES: usize = 64 << 10;

/// Length of the type byte and the length word.
const HEADER_BYTES: usize = 5;

/// Largest body of a message that holds a name at most (PostgreSQL's `PQ_SMALL_MESSAGE_LIMIT`).
const SMALL_MESSAGE_BYTES_MAX: usize = 10_000;

/// One message of the client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) tag: u8,
    /// What follows the length word.
    pub(crate) body: Bytes,
}

/// The reading half.
pub(crate) struct Frames {
    socket: Box<dyn AsyncRead + Send + Unpin>,
    buffer: BytesMut,
    message_bytes_max: usize,
    read_ahead_bytes_max: usize,
}

impl Frames {
    pub(crate) fn new(
        socket: Box<dyn AsyncRead + Send + Unpin>,
        message_bytes_max: usize,
        read_ahead_bytes_max: usize,
    ) -> Frames {
        Frames { socket, buffer: BytesMut::new(), message_bytes_max, read_ahead_bytes_max }
    }

    /// The next message. May be dropped and called again: no byte is lost.
    pub(crate) async fn next(&mut self) -> Result<Frame, End> {
        loop {
            if let Some(frame) = self.buffered()? {
                return Ok(frame);
            }
            if self.read().await? == 0 {
                return Err(End::Gone);
            }
        }
    }

    /// Does the work; gives up when the client closes the connection meanwhile. What the client sends meanwhile is
    /// kept, up to a limit; past it the connection is not read and its end is not noticed.
    pub(crate) async fn during<T>(&mut self, work: impl Future<Output = T>) -> Result<T, End> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = self.gone() => Err(End::Gone),
        }
    }

    async fn gone(&mut self) {
        while self.buffer.len() < self.read_ahead_bytes_max {
            match self.read().await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
        std::future::pending().await
    }

    async fn read(&mut self) -> std::io::Result<usize> {
        self.buffer.reserve(READ_BYTES);
        self.socket.read_buf(&mut self.buffer).await
    }

    /// The next message if it was read already, whole.
    pub(crate) fn buffered(&mut self) -> Result<Option<Frame>, End> {
        let Some(&tag) = self.buffer.first() else { return Ok(None) };
        let bytes_max = body_bytes_max(tag, self.message_bytes_max)
            .ok_or_else(|| fatal(format!("invalid frontend message type {tag}")))?;
        let Some(mut header) = self.buffer.get(1..HEADER_BYTES) else { return Ok(None) };
        let length = header.get_u32() as usize;
        let body_bytes = length.checked_sub(4).ok_or_else(|| fatal("invalid message length".to_owned()))?;
        if body_bytes > bytes_max {
            return Err(fatal(format!("message of {body_bytes} bytes exceeds the limit of {bytes_max} bytes")));
        }
        if self.buffer.len() < HEADER_BYTES + body_bytes {
            return Ok(None);
        }
        self.buffer.advance(HEADER_BYTES);
        Ok(Some(Frame { tag, body: self.buffer.split_to(body_bytes).freeze() }))
    }
}

/// Limit of a message's body by its type; `None` for a type that clients do not send.
fn body_bytes_max(tag: u8, message_bytes_max: usize) -> Option<usize> {
    match tag {
        b'Q' | b'P' | b'B' | b'F' | b'd' => Some(message_bytes_max),
        b'C' | b'D' | b'E' | b'H' | b'S' | b'X' | b'c' | b'f' => Some(SMALL_MESSAGE_BYTES_MAX.min(message_bytes_max)),
        _ => None,
    }
}

/// After it, the bytes that follow cannot be told apart any more.
fn fatal(message: String) -> End {
    End::Fatal(SqlError::new(SqlState::PROTOCOL_VIOLATION, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    fn frames(limit: usize) -> (Frames, tokio::io::DuplexStream) {
        let (near, far) = tokio::io::duplex(1 << 16);
        (Frames::new(Box::new(near), limit, 8), far)
    }

    async fn refusal(bytes: &[u8]) -> SqlError {
        let (mut frames, mut client) = frames(100);
        client.write_all(bytes).await.unwrap();
        match frames.next().await {
            Err(End::Fatal(error)) => error,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn messages_are_cut_wherever_the_reads_fall() {
        let (mut frames, mut client) = frames(100);
        for part in [&b"Q\0\0"[..], b"\0\x07ab", b"cS\0\0\0\x04"] {
            client.write_all(part).await.unwrap();
            tokio::task::yield_now().await;
        }
        assert_eq!(frames.next().await.unwrap(), Frame { tag: b'Q', body: Bytes::from_static(b"abc") });
        assert_eq!(frames.next().await.unwrap(), Frame { tag: b'S', body: Bytes::new() });
        drop(client);
        assert!(matches!(frames.next().await, Err(End::Gone)));
    }

    #[tokio::test]
    async fn a_message_that_cannot_be_is_refused_before_its_body_comes() {
        assert_eq!(refusal(b"Q\0\0\0\x69").await.message, "message of 101 bytes exceeds the limit of 100 bytes");
        assert_eq!(refusal(b"Q\xff\xff\xff\xff").await.code, SqlState::PROTOCOL_VIOLATION);
        assert_eq!(refusal(b"Q\0\0\0\x03").await.message, "invalid message length");
        assert_eq!(refusal(b"z").await.message, "invalid frontend message type 122");
    }

    #[tokio::test]
    async fn work_ends_with_the_client_and_keeps_what_it_sent_before() {
        let (mut frames, mut client) = frames(100);
        client.write_all(b"S\0\0\0\x04").await.unwrap();
        assert_eq!(frames.during(async { 7 }).await.unwrap(), 7);
        drop(client);
        assert!(matches!(frames.during(std::future::pending::<()>()).await, Err(End::Gone)));
        assert_eq!(frames.next().await.unwrap().tag, b'S');
    }
}
