//! Messages of the client out of their frames, into pgwire's types.
//!
//! pgwire's own decoders read past a message's end into the next one, panic where a message is cut short and replace
//! bytes that are not UTF-8, so the bodies are read here: within their frame, checked, strict, in the client's encoding.

use bytes::{Buf, Bytes};
use peristyle_sql::{Charset, SqlError};
use pgwire::messages::PgWireFrontendMessage as Message;
use pgwire::messages::copy::{CopyData, CopyDone, CopyFail};
use pgwire::messages::extendedquery::{Bind, Close, Describe, Execute, Flush, Parse, Sync};
use pgwire::messages::simplequery::Query;
use pgwire::messages::terminate::Terminate;

use super::errors::violation;
use super::frames::Frame;

/// The message in a frame; 08P01 if it is not one, 22021 and 22P05 if its text is not in the client's encoding.
pub(crate) fn decode(frame: Frame, charset: Charset) -> Result<Message, SqlError> {
    let mut body = Body { bytes: frame.body, charset };
    let message = match frame.tag {
        b'Q' => Message::Query(Query::new(body.text()?)),
        b'P' => Message::Parse(parse(&mut body)?),
        b'B' => Message::Bind(bind(&mut body)?),
        b'D' => Message::Describe(Describe::new(body.u8()?, body.name()?)),
        b'C' => Message::Close(Close::new(body.u8()?, body.name()?)),
        b'E' => Message::Execute(Execute::new(body.name()?, body.i32()?)),
        b'H' => Message::Flush(Flush::new()),
        b'S' => Message::Sync(Sync::new()),
        b'X' => Message::Terminate(Terminate::new()),
        b'd' => Message::CopyData(CopyData::new(body.rest())),
        b'c' => Message::CopyDone(CopyDone::new()),
        b'f' => Message::CopyFail(CopyFail::new(body.text()?)),
        b'F' => return Err(SqlError::unsupported("fastpath function calls are not supported")),
        tag => return Err(violation(format!("invalid frontend message type {tag}"))),
    };
    body.end()?;
    Ok(message)
}

fn parse(body: &mut Body) -> Result<Parse, SqlError> {
    let (name, query) = (body.name()?, body.text()?);
    let types = body.list(|body| body.i32().map(|oid| oid as u32))?;
    Ok(Parse::new(name, query, types))
}

fn bind(body: &mut Body) -> Result<Bind, SqlError> {
    let (portal, statement) = (body.name()?, body.name()?);
    let formats = body.list(Body::i16)?;
    let parameters = body.list(Body::value)?;
    let result_formats = body.list(Body::i16)?;
    Ok(Bind::new(portal, statement, formats, parameters, result_formats))
}

/// What is left of a message's body.
struct Body {
    bytes: Bytes,
    charset: Charset,
}

impl Body {
    fn need(&self, bytes: usize) -> Result<(), SqlError> {
        if self.bytes.len() < bytes {
            return Err(violation("insufficient data left in message"));
        }
        Ok(())
    }

    fn u8(&mut self) -> Result<u8, SqlError> {
        self.need(1)?;
        Ok(self.bytes.get_u8())
    }

    fn i16(&mut self) -> Result<i16, SqlError> {
        self.need(2)?;
        Ok(self.bytes.get_i16())
    }

    fn i32(&mut self) -> Result<i32, SqlError> {
        self.need(4)?;
        Ok(self.bytes.get_i32())
    }

    /// A count of 16 bits without a sign, and so many items. Nothing is reserved for items that are not there.
    fn list<T>(&mut self, item: impl Fn(&mut Body) -> Result<T, SqlError>) -> Result<Vec<T>, SqlError> {
        let count = self.i16()? as u16;
        (0..count).map(|_| item(self)).collect()
    }

    /// A value with its length in front; length -1 is NULL.
    fn value(&mut self) -> Result<Option<Bytes>, SqlError> {
        let length = self.i32()?;
        if length == -1 {
            return Ok(None);
        }
        let length = usize::try_from(length).map_err(|_| violation("insufficient data left in message"))?;
        self.need(length)?;
        Ok(Some(self.bytes.split_to(length)))
    }

    /// Text up to a NUL.
    fn text(&mut self) -> Result<String, SqlError> {
        let end =
            self.bytes.iter().position(|byte| *byte == 0).ok_or_else(|| violation("invalid string in message"))?;
        let text = self.bytes.split_to(end);
        self.bytes.advance(1);
        Ok(self.charset.decode(&text)?.into_owned())
    }

    /// A name, `None` for the unnamed one.
    fn name(&mut self) -> Result<Option<String>, SqlError> {
        Ok(Some(self.text()?).filter(|name| !name.is_empty()))
    }

    fn rest(&mut self) -> Bytes {
        std::mem::take(&mut self.bytes)
    }

    fn end(&self) -> Result<(), SqlError> {
        if self.bytes.is_empty() { Ok(()) } else { Err(violation("invalid message format")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::BytesMut;
    use peristyle_sql::SqlState;
    use pgwire::messages::Message as _;
    use proptest::prelude::*;

    fn decode_utf8(frame: Frame) -> Result<Message, SqlError> {
        decode(frame, Charset::UTF8)
    }

    fn frame(tag: u8, body: &[u8]) -> Frame {
        Frame { tag, body: Bytes::copy_from_slice(body) }
    }

    #[test]
    fn a_bind_comes_back_as_it_was_sent() {
        let sent = Bind::new(
            Some("p".to_owned()),
            None,
            vec![1],
            vec![None, Some(Bytes::from_static(b"")), Some(Bytes::from_static(b"\0\x01"))],
            vec![0, 1],
        );
        let mut bytes = BytesMut::new();
        sent.encode(&mut bytes).unwrap();
        let Ok(Message::Bind(read)) = decode_utf8(frame(b'B', &bytes[5..])) else { panic!() };
        assert_eq!(read, sent);
    }

    #[test]
    fn a_short_or_a_long_message_is_a_violation() {
        for (tag, body) in
            [(b'Q', &b"select 1"[..]), (b'Q', b"a\0b\0"), (b'B', b"\0\0\0\x01"), (b'D', b""), (b'E', b"\0")]
        {
            assert_eq!(decode_utf8(frame(tag, body)).unwrap_err().code, SqlState::PROTOCOL_VIOLATION, "{body:?}");
        }
    }

    #[test]
    fn text_is_in_the_clients_encoding() {
        let sent = || frame(b'Q', b"caf\xe9 \0");
        let error = decode_utf8(sent()).unwrap_err();
        assert_eq!(error.code, SqlState::CHARACTER_NOT_IN_REPERTOIRE);
        assert_eq!(error.message, "invalid byte sequence for encoding \"UTF8\": 0xe9 0x20");
        let Ok(Message::Query(query)) = decode(sent(), Charset::by_name("latin1").unwrap()) else { panic!() };
        assert_eq!(query.query, "café ");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(tag in any::<u8>(), body in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode_utf8(frame(tag, &body));
        }
    }
}
