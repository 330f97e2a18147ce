//! Messages that hold texts, for clients of another encoding than UTF8, in which pgwire writes them.

use std::io;

use bytes::{BufMut, BytesMut};
use peristyle_sql::{Charset, SqlError};
use pgwire::error::PgWireResult;
use pgwire::messages::Message;
use pgwire::messages::data::{MESSAGE_TYPE_BYTE_ROW_DESCRITION, RowDescription};
use pgwire::messages::response::{ErrorResponse, NoticeResponse, NotificationResponse};
use pgwire::messages::startup::ParameterStatus;

use super::end::Fault;
use super::outbox::Outbox;
use super::rows::{LENGTH_TO_COME, set_length};

/// Length of a message's type and of its length word.
const HEAD_BYTES: usize = 5;

/// A message that must reach the client: what the client's encoding does not have reads `?`.
pub(crate) trait Tidings: Message {
    /// Bytes of the body before the texts, which are all the rest of it.
    const BYTES_BEFORE_TEXTS: usize = 0;
}

impl Tidings for ErrorResponse {}
impl Tidings for NoticeResponse {}
impl Tidings for ParameterStatus {}
impl Tidings for NotificationResponse {
    /// The number of the session that notifies.
    const BYTES_BEFORE_TEXTS: usize = 4;
}

impl Outbox {
    /// Adds a message in the client's encoding.
    pub(crate) fn tell<M: Tidings>(&mut self, message: &M, charset: Charset) -> PgWireResult<()> {
        let start = self.buffer().len();
        self.push(message)?;
        if charset.is_unicode() {
            return Ok(());
        }
        let out = self.buffer();
        let texts = out.split_off(start + HEAD_BYTES + M::BYTES_BEFORE_TEXTS);
        out.put_slice(&charset.encode_lossily(&String::from_utf8_lossy(&texts)));
        set_length(out, start + 1, start + 1).map_err(|error| io::Error::other(error).into())
    }

    /// Adds what the columns of a result are; 22P05 if the client's encoding cannot say a name.
    pub(crate) fn describe(&mut self, description: &RowDescription, charset: Charset) -> Result<(), Fault> {
        if charset.is_unicode() {
            return Ok(self.push(description)?);
        }
        let out = self.buffer();
        let start = out.len();
        Ok(write_description(description, charset, out).inspect_err(|_| out.truncate(start))?)
    }
}

fn write_description(description: &RowDescription, charset: Charset, out: &mut BytesMut) -> Result<(), SqlError> {
    out.put_u8(MESSAGE_TYPE_BYTE_ROW_DESCRITION);
    let length_at = out.len();
    out.put_i32(LENGTH_TO_COME);
    out.put_i16(description.fields.len() as i16);
    for field in &description.fields {
        out.put_slice(&charset.encode(&field.name)?);
        out.put_u8(0);
        out.put_i32(field.table_id);
        out.put_i16(field.column_id);
        out.put_u32(field.type_id);
        out.put_i16(field.type_size);
        out.put_i32(field.type_modifier);
        out.put_i16(field.format_code);
    }
    set_length(out, length_at, length_at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pg::describe::row_description;
    use crate::pg::errors::{Severity, error_response};
    use peristyle_catalog::model::PgType;
    use peristyle_sql::{ColumnDescription, WireFormat};

    fn outbox() -> Outbox {
        Outbox::new(Box::new(tokio::io::sink()), 1 << 10)
    }

    fn latin1() -> Charset {
        Charset::by_name("latin1").unwrap()
    }

    fn described(name: &str, charset: Charset) -> Result<BytesMut, Fault> {
        let column = ColumnDescription { name: name.to_owned(), ty: PgType::varchar(5), origin: None };
        let mut out = outbox();
        out.describe(&row_description(&[column], &[WireFormat::Text]), charset)?;
        Ok(out.buffer().clone())
    }

    #[test]
    fn messages_have_the_length_of_what_they_say() {
        let mut out = outbox();
        out.tell(&error_response(&SqlError::internal("é€"), Severity::Error), latin1()).unwrap();
        let expected = b"SERROR\0VERROR\0CXX000\0M\xe9?\0\0";
        assert_eq!(out.buffer()[..5], [&b"E"[..], &(expected.len() as i32 + 4).to_be_bytes()].concat());
        assert_eq!(&out.buffer()[5..], expected);
    }

    #[test]
    fn a_notification_keeps_its_number() {
        let mut out = outbox();
        out.tell(&NotificationResponse::new(-2, "c".to_owned(), "é".to_owned()), latin1()).unwrap();
        assert_eq!(&out.buffer()[..], b"A\0\0\0\x0c\xff\xff\xff\xfec\0\xe9\0");
    }

    #[test]
    fn names_are_encoded_and_nothing_else() {
        let (own, latin1_form) = (described("e", Charset::UTF8).unwrap(), described("é", latin1()).unwrap());
        assert_eq!(latin1_form.len(), own.len());
        assert_eq!(latin1_form[7], 0xe9);
        assert_eq!((&latin1_form[..7], &latin1_form[8..]), (&own[..7], &own[8..]));
    }

    #[test]
    fn a_name_that_cannot_be_said_leaves_nothing() {
        let Err(Fault::Sql(error)) = described("€", latin1()) else { panic!() };
        assert_eq!(error.code.code(), "22P05");
    }
}
