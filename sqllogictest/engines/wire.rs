//! A client of the wire protocol, small and blocking. It is not a driver's, since a driver hides what the suites
//! compare: the column types of the simple protocol, and the bytes of a binary value.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use chrono_tz::Tz;
use fallible_iterator::FallibleIterator;
use postgres_protocol::IsNull;
use postgres_protocol::message::backend::{
    DataRowBody, ErrorResponseBody, Message, ParameterStatusBody, RowDescriptionBody,
};
use postgres_protocol::message::frontend;
use sqllogictest::DBOutput;

use super::{Answer, binary};
use crate::cell;
use crate::column::ColumnLetter;
use crate::failure::Failure;

/// Longest wait for one message of a server.
const ANSWER_LIMIT_SECONDS: u64 = 120;
const READ_BUFFER_BYTES: usize = 16 * 1024;
const BINARY_FORMAT: i16 = 1;

/// How statements are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Query; every value in text.
    Simple,
    /// Parse, Bind, Describe, Execute, Sync; every value in binary.
    Extended,
}

/// Where to connect, and as whom.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) socket: SocketAddr,
    pub(crate) user: &'static str,
    pub(crate) database: String,
}

/// One connection, ready for a statement whenever it is not in [`WireConnection::run`].
pub(crate) struct WireConnection {
    stream: TcpStream,
    incoming: BytesMut,
    protocol: Protocol,
    /// As the server last reported it; `None` for one that has no name.
    time_zone: Option<Tz>,
}

/// What came back up to ReadyForQuery.
#[derive(Default)]
struct Collected {
    columns: Option<Vec<u32>>,
    rows: Vec<Vec<String>>,
    row_count: u64,
    failure: Option<Failure>,
}

impl WireConnection {
    pub(crate) fn open(address: &Address, protocol: Protocol, time_zone: &str) -> Result<WireConnection, Failure> {
        let stream = TcpStream::connect(address.socket)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(ANSWER_LIMIT_SECONDS)))?;
        let mut connection = WireConnection { stream, incoming: BytesMut::new(), protocol, time_zone: None };
        connection.start_up(&[
            ("user", address.user),
            ("database", &address.database),
            ("client_encoding", "UTF8"),
            ("TimeZone", time_zone),
        ])?;
        Ok(connection)
    }

    /// Runs one query string; the rows of its last statement that has rows.
    pub(crate) fn run(&mut self, sql: &str) -> Result<Answer, Failure> {
        let mut request = BytesMut::new();
        match self.protocol {
            Protocol::Simple => frontend::query(sql, &mut request)?,
            Protocol::Extended => extended_request(sql, &mut request)?,
        }
        self.stream.write_all(&request)?;
        self.collect()?.into_answer()
    }

    fn start_up(&mut self, parameters: &[(&str, &str)]) -> Result<(), Failure> {
        let mut request = BytesMut::new();
        frontend::startup_message(parameters.iter().copied(), &mut request)?;
        self.stream.write_all(&request)?;
        loop {
            match self.receive()? {
                Message::ReadyForQuery(_) => return Ok(()),
                Message::ErrorResponse(body) => return Err(failure_of(&body)?),
                Message::ParameterStatus(body) => self.note_parameter(&body)?,
                Message::AuthenticationOk | Message::BackendKeyData(_) | Message::NoticeResponse(_) => {}
                _ => return Err(Failure::connection("unexpected message during start-up")),
            }
        }
    }

    /// Binary timestamptz is in UTC: its text needs the session's TimeZone.
    fn note_parameter(&mut self, body: &ParameterStatusBody) -> Result<(), Failure> {
        if body.name()? == "TimeZone" {
            self.time_zone = body.value()?.parse().ok();
        }
        Ok(())
    }

    fn collect(&mut self) -> Result<Collected, Failure> {
        let mut collected = Collected::default();
        loop {
            match self.receive()? {
                Message::ReadyForQuery(_) => return Ok(collected),
                Message::CopyInResponse(_) => self.refuse_copy_in()?,
                Message::ParameterStatus(body) => self.note_parameter(&body)?,
                message => self.take(&mut collected, message)?,
            }
        }
    }

    fn take(&self, collected: &mut Collected, message: Message) -> Result<(), Failure> {
        match message {
            Message::RowDescription(body) => collected.begin_rows(column_oids(&body)?),
            Message::DataRow(body) => {
                let oids = collected.columns.as_deref().unwrap_or_default();
                match self.row(oids, &body) {
                    Ok(row) => collected.rows.push(row),
                    Err(failure) => collected.fail(failure),
                }
            }
            Message::CopyOutResponse(_) => collected.begin_rows(vec![peristyle_catalog::model::PgType::TEXT.oid]),
            Message::CopyData(body) => collected.copy_lines(&body.into_bytes()),
            Message::CommandComplete(body) => collected.row_count = tag_count(body.tag()?),
            Message::ErrorResponse(body) => collected.fail(failure_of(&body)?),
            Message::ParseComplete
            | Message::BindComplete
            | Message::NoData
            | Message::EmptyQueryResponse
            | Message::CopyDone
            | Message::NoticeResponse(_) => {}
            _ => return Err(Failure::connection("unexpected message")),
        }
        Ok(())
    }

    fn row(&self, oids: &[u32], body: &DataRowBody) -> Result<Vec<String>, Failure> {
        let ranges: Vec<_> = body.ranges().collect()?;
        if ranges.len() != oids.len() {
            return Err(Failure::runner(format!("row of {} values for {} columns", ranges.len(), oids.len())));
        }
        let values = ranges.into_iter().map(|range| range.map(|range| &body.buffer()[range]));
        oids.iter().zip(values).map(|(&oid, value)| self.value(oid, value)).collect()
    }

    fn value(&self, oid: u32, value: Option<&[u8]>) -> Result<String, Failure> {
        let Some(bytes) = value else { return Ok(cell::render(None)) };
        let text = match self.protocol {
            Protocol::Simple => std::str::from_utf8(bytes).map_err(Failure::runner)?.to_owned(),
            Protocol::Extended => binary::text_of(oid, bytes, self.time_zone).map_err(Failure::runner)?,
        };
        Ok(cell::render(Some(&text)))
    }

    /// Suites do not send COPY data.
    fn refuse_copy_in(&mut self) -> Result<(), Failure> {
        let mut request = BytesMut::new();
        frontend::copy_fail("suites send no COPY data", &mut request)?;
        if self.protocol == Protocol::Extended {
            frontend::sync(&mut request);
        }
        Ok(self.stream.write_all(&request)?)
    }

    fn receive(&mut self) -> Result<Message, Failure> {
        loop {
            if let Some(message) = Message::parse(&mut self.incoming)? {
                return Ok(message);
            }
            let mut buffer = [0; READ_BUFFER_BYTES];
            let length = self.stream.read(&mut buffer)?;
            if length == 0 {
                return Err(Failure::connection("the server closed the connection"));
            }
            self.incoming.extend_from_slice(&buffer[..length]);
        }
    }
}

impl Drop for WireConnection {
    fn drop(&mut self) {
        let mut request = BytesMut::new();
        frontend::terminate(&mut request);
        // The server may be gone already.
        let _ = self.stream.write_all(&request);
    }
}

impl Collected {
    fn begin_rows(&mut self, oids: Vec<u32>) {
        self.columns = Some(oids);
        self.rows.clear();
    }

    /// COPY TO's data: one row of one value per line.
    fn copy_lines(&mut self, data: &Bytes) {
        let text = String::from_utf8_lossy(data);
        self.rows.extend(text.lines().map(|line| vec![cell::render(Some(line))]));
    }

    /// Keeps the first failure.
    fn fail(&mut self, failure: Failure) {
        self.failure.get_or_insert(failure);
    }

    fn into_answer(self) -> Result<Answer, Failure> {
        match (self.failure, self.columns) {
            (Some(failure), _) => Err(failure),
            (None, Some(oids)) => {
                Ok(DBOutput::Rows { types: oids.into_iter().map(ColumnLetter::of).collect(), rows: self.rows })
            }
            (None, None) => Ok(DBOutput::StatementComplete(self.row_count)),
        }
    }
}

fn extended_request(sql: &str, request: &mut BytesMut) -> Result<(), Failure> {
    frontend::parse("", sql, [], request)?;
    let no_parameters = std::iter::empty::<()>();
    frontend::bind("", "", [], no_parameters, |(), _| Ok(IsNull::Yes), [BINARY_FORMAT], request)
        .map_err(|_| Failure::runner("Bind could not be written"))?;
    frontend::describe(b'P', "", request)?;
    frontend::execute("", 0, request)?;
    frontend::sync(request);
    Ok(())
}

fn column_oids(body: &RowDescriptionBody) -> Result<Vec<u32>, Failure> {
    Ok(body.fields().map(|field| Ok(field.type_oid())).collect()?)
}

fn failure_of(body: &ErrorResponseBody) -> Result<Failure, Failure> {
    let mut failure = Failure::new("", "");
    let mut fields = body.fields();
    while let Some(field) = fields.next()? {
        let text = String::from_utf8_lossy(field.value_bytes()).into_owned();
        match field.type_() {
            b'C' => failure.code = text,
            b'M' => failure.message = text,
            _ => {}
        }
    }
    Ok(failure)
}

/// The number at the end of a command tag, 0 if there is none.
pub(crate) fn tag_count(tag: &str) -> u64 {
    tag.rsplit(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0)
}
