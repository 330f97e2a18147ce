//! Encoding and decoding with an encoding's codes.

use std::sync::OnceLock;

use super::codes::{Codes, Definition};
use super::form::Form;
use super::names::CHARSETS;
use super::{Charset, invalid_sequence, no_equivalent};
use crate::error::Result;

/// An encoding whose characters have codes of their own.
pub(super) struct Coded {
    charset: Charset,
    form: Form,
    codes: Codes,
}

/// Of each charset, made when it is used first.
static MADE: [OnceLock<Coded>; CHARSETS.len()] = [const { OnceLock::new() }; CHARSETS.len()];

impl Coded {
    pub(super) fn of(charset: Charset, definition: Definition) -> &'static Coded {
        let make = || Coded { charset, form: definition.form, codes: Codes::new(definition) };
        MADE[usize::from(charset.0)].get_or_init(make)
    }

    /// Appends the characters that are whole; how many bytes they were. At an error those before it are appended.
    pub(super) fn decode_whole(&self, bytes: &[u8], text: &mut String) -> Result<usize> {
        let mut rest = bytes;
        loop {
            let ascii = rest.iter().position(|byte| !matches!(byte, 1..0x80)).unwrap_or(rest.len());
            text.extend(rest[..ascii].iter().map(|byte| char::from(*byte)));
            rest = &rest[ascii..];
            if rest.is_empty() {
                return Ok(bytes.len());
            }
            let Some((character, after)) = rest.split_at_checked(self.form.length(rest)) else {
                return Ok(bytes.len() - rest.len());
            };
            text.push(self.character(character)?);
            rest = after;
        }
    }

    fn character(&self, bytes: &[u8]) -> Result<char> {
        if !self.form.is_valid(bytes) {
            return Err(invalid_sequence(self.charset, bytes));
        }
        self.codes.character(bytes).ok_or_else(|| no_equivalent(bytes, self.charset, Charset::UTF8))
    }

    /// Appends a character's bytes; false if it has none.
    pub(super) fn encode(&self, character: char, bytes: &mut Vec<u8>) -> bool {
        if character.is_ascii() {
            bytes.push(character as u8);
            return true;
        }
        self.codes.encode(character, bytes)
    }
}
