//! PostgreSQL's encodings: their names and numbers, and texts from and to those that clients and files may have.
//!
//! Text within the server is UTF-8. What comes in another encoding is decoded where it arrives, what goes out is encoded
//! where it leaves; nothing between knows of encodings.

mod coded;
mod codes;
mod differences;
mod form;
mod names;
mod stream;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use bytes::BytesMut;

pub(crate) use self::stream::StreamDecoder;

use self::coded::Coded;
use self::names::{ALIASES, CHARSETS, Repertoire, normalised};
use crate::error::{Result, SqlError, SqlState};
use crate::values::checked_utf8;

/// One of PostgreSQL's encodings, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charset(u8);

impl Charset {
    /// The server's own.
    pub const UTF8: Charset = Charset(6);

    /// The encoding of a name or an alias; only its letters and digits count, in any case.
    pub fn by_name(name: &str) -> Option<Charset> {
        let wanted = normalised(name);
        let canonical = ALIASES.iter().find(|(alias, _)| *alias == wanted).map(|(_, name)| normalised(name));
        let wanted = canonical.unwrap_or(wanted);
        Charset::all().find(|charset| normalised(charset.name()) == wanted)
    }

    /// The encoding of a number.
    pub fn by_number(number: i64) -> Option<Charset> {
        u8::try_from(number).ok().map(Charset).filter(|charset| usize::from(charset.0) < CHARSETS.len())
    }

    pub(crate) fn all() -> impl Iterator<Item = Charset> {
        (0..CHARSETS.len() as u8).map(Charset)
    }

    /// As `SHOW client_encoding` spells it.
    pub fn name(self) -> &'static str {
        CHARSETS[usize::from(self.0)].name
    }

    /// What `pg_char_to_encoding` gives.
    pub fn number(self) -> i32 {
        i32::from(self.0)
    }

    /// Most bytes of a character.
    pub fn length_max(self) -> i32 {
        CHARSETS[usize::from(self.0)].length_max
    }

    /// Whether text is in it as it is in the server: UTF8, and SQL_ASCII, which stands for no encoding at all.
    #[inline]
    pub fn is_unicode(self) -> bool {
        self == Charset::UTF8 || matches!(CHARSETS[usize::from(self.0)].repertoire, Repertoire::Unicode)
    }

    /// Whether texts can be brought into it and back.
    pub fn is_supported(self) -> bool {
        !matches!(CHARSETS[usize::from(self.0)].repertoire, Repertoire::Unsupported)
    }

    /// 0A000 if texts cannot be brought into it and back.
    pub(crate) fn supported(self) -> Result<Charset> {
        if self.is_supported() { Ok(self) } else { Err(self.unsupported()) }
    }

    /// The bytes as text. 22021 for bytes that are no characters, 22P05 for a character that Unicode does not have.
    pub fn decode(self, bytes: &[u8]) -> Result<Cow<'_, str>> {
        if self.is_unicode() {
            return checked_utf8(bytes).map(Cow::Borrowed);
        }
        let coded = self.coded()?;
        let mut text = String::with_capacity(bytes.len() + bytes.len() / 2);
        let decoded = coded.decode_whole(bytes, &mut text)?;
        if decoded == bytes.len() { Ok(Cow::Owned(text)) } else { Err(invalid_sequence(self, &bytes[decoded..])) }
    }

    /// The text in this encoding; 22P05 for a character that it does not have.
    pub fn encode(self, text: &str) -> Result<Cow<'_, [u8]>> {
        self.encode_or(text, |character| Err(self.untranslatable(character)))
    }

    /// The text in this encoding, with `?` for what it does not have: for messages that must reach the client.
    pub fn encode_lossily(self, text: &str) -> Cow<'_, [u8]> {
        self.encode_or(text, |_| Ok(b'?')).unwrap_or(Cow::Borrowed(b"?"))
    }

    fn encode_or(self, text: &str, missing: impl Fn(char) -> Result<u8>) -> Result<Cow<'_, [u8]>> {
        if self.is_unicode() || text.is_ascii() {
            return Ok(Cow::Borrowed(text.as_bytes()));
        }
        let coded = self.coded()?;
        let mut bytes = Vec::with_capacity(text.len());
        for character in text.chars() {
            if !coded.encode(character, &mut bytes) {
                bytes.push(missing(character)?);
            }
        }
        Ok(Cow::Owned(bytes))
    }

    /// Brings what was written as UTF-8 from `start` on into this encoding.
    pub(crate) fn encode_from(self, start: usize, out: &mut BytesMut) -> Result<()> {
        if self.is_unicode() || out[start..].is_ascii() {
            return Ok(());
        }
        let written = out.split_off(start);
        out.extend_from_slice(&self.encode(checked_utf8(&written)?)?);
        Ok(())
    }

    fn coded(self) -> Result<&'static Coded> {
        match &CHARSETS[usize::from(self.0)].repertoire {
            Repertoire::Coded(definition) => Ok(Coded::of(self, *definition)),
            Repertoire::Unicode | Repertoire::Unsupported => Err(self.unsupported()),
        }
    }

    #[cold]
    fn unsupported(self) -> SqlError {
        SqlError::unsupported(format!("conversion between {} and UTF8 is not supported", self.name()))
    }

    /// 22P05 for a character that the encoding does not have.
    #[cold]
    fn untranslatable(self, character: char) -> SqlError {
        no_equivalent(character.encode_utf8(&mut [0; 4]).as_bytes(), Charset::UTF8, self)
    }
}

/// 22021 for bytes that are no character.
#[cold]
pub(crate) fn invalid_sequence(charset: Charset, bytes: &[u8]) -> SqlError {
    let message = format!("invalid byte sequence for encoding \"{}\": {}", charset.name(), shown(bytes));
    SqlError::new(SqlState::CHARACTER_NOT_IN_REPERTOIRE, message)
}

/// 22P05 for a character without a counterpart.
#[cold]
fn no_equivalent(bytes: &[u8], from: Charset, to: Charset) -> SqlError {
    let (shown, from, to) = (shown(bytes), from.name(), to.name());
    let message =
        format!("character with byte sequence {shown} in encoding \"{from}\" has no equivalent in encoding \"{to}\"");
    SqlError::new(SqlState::UNTRANSLATABLE_CHARACTER, message)
}

/// `0xe2 0x82 0xac`
fn shown(bytes: &[u8]) -> String {
    let shown: Vec<String> = bytes.iter().map(|byte| format!("0x{byte:02x}")).collect();
    shown.join(" ")
}
