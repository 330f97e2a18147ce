//! The packets that open a connection: requests for encryption, CancelRequest, and the start-up packet itself.

use bytes::{Buf, Bytes};
use peristyle_sql::values::checked_utf8;
use peristyle_sql::{SqlError, SqlState};
use pgwire::messages::startup::{GssEncRequest, SslRequest};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::end::End;
use super::errors::violation;
use super::options::split_options;

/// Length of the smallest packet, its length word included.
const PACKET_BYTES_MIN: usize = 8;

/// Length of the largest packet (PostgreSQL's `MAX_STARTUP_PACKET_LENGTH`).
const PACKET_BYTES_MAX: usize = 10_000;

/// Code of a CancelRequest, where others have the protocol's version.
const CANCEL_CODE: u32 = 80_877_102;

/// Start-up parameters of this prefix are extensions of the protocol.
const PROTOCOL_EXTENSION_PREFIX: &str = "_pq_.";

/// A version of the protocol that this server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V3_0,
    V3_2,
}

/// A packet at the start of a connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Packet {
    Ssl,
    Gss,
    Cancel { process_id: i32, secret: Bytes },
    Startup(Startup),
}

/// What a start-up packet asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Startup {
    /// The version to speak: the newest that both know.
    pub(crate) version: Version,
    /// Whether the client asked for a version that is not exactly `version`.
    pub(crate) is_version_changed: bool,
    /// Extensions of the protocol that the client asked for: none is known.
    pub(crate) unknown_extensions: Vec<String>,
    pub(crate) user: String,
    pub(crate) database: String,
    /// Settings: those of `options` first, then the packet's own.
    pub(crate) parameters: Vec<(String, String)>,
    /// Whether TLS was settled before; the packet itself does not say.
    pub(crate) is_encrypted: bool,
}

impl Version {
    /// As the protocol writes it: the major version in the upper 16 bits.
    pub(crate) fn number(self) -> i32 {
        match self {
            Version::V3_0 => 3 << 16,
            Version::V3_2 => (3 << 16) | 2,
        }
    }

    /// The newest version that is not newer than 3.`minor`. There is no 3.1.
    fn up_to(minor: u16) -> Version {
        if minor < 2 { Version::V3_0 } else { Version::V3_2 }
    }
}

/// Reads exactly one packet, so that nothing sent in clear can pass for the first bytes of an encrypted connection.
pub(crate) async fn read_packet(socket: &mut (impl AsyncRead + Unpin)) -> Result<Packet, End> {
    let length = socket.read_u32().await? as usize;
    if !(PACKET_BYTES_MIN..=PACKET_BYTES_MAX).contains(&length) {
        return Err(End::Fatal(violation("invalid length of startup packet")));
    }
    let mut body = vec![0; length - 4];
    socket.read_exact(&mut body).await?;
    parse(Bytes::from(body)).map_err(End::Fatal)
}

fn parse(mut body: Bytes) -> Result<Packet, SqlError> {
    let code = body.get_u32();
    if code == CANCEL_CODE {
        return cancel(body);
    }
    if code == SslRequest::BODY_MAGIC_NUMBER as u32 && body.is_empty() {
        return Ok(Packet::Ssl);
    }
    if code == GssEncRequest::BODY_MAGIC_NUMBER as u32 && body.is_empty() {
        return Ok(Packet::Gss);
    }
    let (major, minor) = ((code >> 16) as u16, code as u16);
    if major != 3 {
        let message = format!("unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.2");
        return Err(SqlError::unsupported(message));
    }
    startup(minor, &body).map(Packet::Startup)
}

fn cancel(mut body: Bytes) -> Result<Packet, SqlError> {
    if body.len() < 8 {
        return Err(violation("invalid length of query cancel packet"));
    }
    Ok(Packet::Cancel { process_id: body.get_i32(), secret: body })
}

fn startup(minor: u16, body: &[u8]) -> Result<Startup, SqlError> {
    let version = Version::up_to(minor);
    let mut asked = Asked::default();
    for (name, value) in pairs(body)? {
        asked.take(name, value)?;
    }
    let Some(user) = asked.user.filter(|user| !user.is_empty()) else {
        let message = "no PostgreSQL user name specified in startup packet";
        return Err(SqlError::new(SqlState::INVALID_AUTHORIZATION_SPECIFICATION, message));
    };
    let mut parameters = asked.options;
    parameters.extend(asked.parameters);
    Ok(Startup {
        version,
        is_version_changed: version.number() != (3 << 16 | i32::from(minor)),
        unknown_extensions: asked.extensions,
        database: asked.database.filter(|name| !name.is_empty()).unwrap_or_else(|| user.clone()),
        user,
        parameters,
        is_encrypted: false,
    })
}

/// Names and values, each ended by a NUL, and one more NUL at the end.
fn pairs(body: &[u8]) -> Result<Vec<(&str, &str)>, SqlError> {
    let layout = || violation("invalid startup packet layout: expected terminator as last byte");
    let body = body.strip_suffix(b"\0").ok_or_else(layout)?;
    if body.is_empty() {
        return Ok(Vec::new());
    }
    let texts = body.strip_suffix(b"\0").ok_or_else(layout)?.split(|byte| *byte == 0);
    let texts = texts.map(checked_utf8).collect::<Result<Vec<&str>, SqlError>>()?;
    if texts.len() % 2 != 0 {
        return Err(layout());
    }
    Ok(texts.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
}

/// The parameters as they are read.
#[derive(Default)]
struct Asked {
    user: Option<String>,
    database: Option<String>,
    options: Vec<(String, String)>,
    parameters: Vec<(String, String)>,
    extensions: Vec<String>,
}

impl Asked {
    fn take(&mut self, name: &str, value: &str) -> Result<(), SqlError> {
        match name {
            "user" => self.user = Some(value.to_owned()),
            "database" => self.database = Some(value.to_owned()),
            "options" => self.options = split_options(value)?,
            "replication" => refuse_replication(value)?,
            _ if name.starts_with(PROTOCOL_EXTENSION_PREFIX) => self.extensions.push(name.to_owned()),
            _ => self.parameters.push((name.to_owned(), value.to_owned())),
        }
        Ok(())
    }
}

fn refuse_replication(value: &str) -> Result<(), SqlError> {
    match value.to_ascii_lowercase().as_str() {
        "false" | "off" | "no" | "0" => Ok(()),
        _ => Err(SqlError::unsupported("replication connections are not supported")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(code: u32, rest: &[u8]) -> Result<Packet, SqlError> {
        let mut body = code.to_be_bytes().to_vec();
        body.extend_from_slice(rest);
        parse(Bytes::from(body))
    }

    fn started(code: u32, rest: &[u8]) -> Startup {
        match packet(code, rest) {
            Ok(Packet::Startup(startup)) => startup,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn parameters_come_in_order_after_the_options() {
        let startup = started(3 << 16, b"user\0ann\0TimeZone\0UTC\0options\0-c a=1\0replication\0false\0b\0\0\0");
        assert_eq!((startup.user.as_str(), startup.database.as_str()), ("ann", "ann"));
        let expected = [("a", "1"), ("TimeZone", "UTC"), ("b", "")];
        assert_eq!(startup.parameters, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(!startup.is_version_changed && startup.unknown_extensions.is_empty());
    }

    #[test]
    fn the_version_is_the_newest_that_both_know() {
        for (minor, version, changed) in [
            (0, Version::V3_0, false),
            (1, Version::V3_0, true),
            (2, Version::V3_2, false),
            (9999, Version::V3_2, true),
        ] {
            let startup = started((3 << 16) | minor, b"user\0a\0_pq_.x\0y\0\0");
            assert_eq!((startup.version, startup.is_version_changed), (version, changed), "3.{minor}");
            assert_eq!(startup.unknown_extensions, ["_pq_.x"]);
        }
        assert_eq!(packet(2 << 16, b"").unwrap_err().code, SqlState::FEATURE_NOT_SUPPORTED);
    }

    #[test]
    fn bad_packets_are_refused_with_their_code() {
        let cases: [(&[u8], &str); 6] = [
            (b"user\0a\0", "08P01"),
            (b"user\0a\0odd\0\0", "08P01"),
            (b"", "08P01"),
            (b"\0", "28000"),
            (b"user\0\xff\0\0", "22021"),
            (b"user\0a\0replication\0database\0\0", "0A000"),
        ];
        for (rest, code) in cases {
            assert_eq!(packet(3 << 16, rest).unwrap_err().code.code(), code, "{rest:?}");
        }
    }

    #[test]
    fn requests_are_told_apart() {
        assert_eq!(packet(80_877_103, b"").unwrap(), Packet::Ssl);
        assert_eq!(packet(80_877_104, b"").unwrap(), Packet::Gss);
        let cancel = packet(CANCEL_CODE, b"\0\0\0\x07abcd").unwrap();
        assert_eq!(cancel, Packet::Cancel { process_id: 7, secret: Bytes::from_static(b"abcd") });
        assert_eq!(packet(CANCEL_CODE, b"\0\0\0\x07").unwrap_err().code, SqlState::PROTOCOL_VIOLATION);
    }

    #[tokio::test]
    async fn a_packet_of_another_protocol_is_refused_by_its_length() {
        for bytes in [&b"GET / HTTP/1.1\r\n"[..], b"\0\0\0\x07\0\0\0", b"\0\0\x27\x11\0\x03\0\0"] {
            let Err(End::Fatal(error)) = read_packet(&mut &bytes[..]).await else { panic!("{bytes:?}") };
            assert_eq!(error.message, "invalid length of startup packet");
        }
        assert!(matches!(read_packet(&mut &b"\0\0"[..]).await, Err(End::Gone)));
    }
}
