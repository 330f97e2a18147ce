//! Decoding of a stream that is cut anywhere, within characters too.

use super::{Charset, invalid_sequence};
use crate::error::Result;

/// Brings a stream of bytes to UTF-8.
pub(crate) struct StreamDecoder {
    charset: Charset,
    /// The character that the stream is cut in.
    rest: Vec<u8>,
}

impl StreamDecoder {
    /// `None` for an encoding whose bytes are UTF-8 as they come.
    pub(crate) fn new(charset: Charset) -> Option<StreamDecoder> {
        (!charset.is_unicode()).then(|| StreamDecoder { charset, rest: Vec::new() })
    }

    /// Appends the characters that became whole; at an error those before it.
    pub(crate) fn push(&mut self, bytes: &[u8], text: &mut String) -> Result<()> {
        self.rest.extend_from_slice(bytes);
        let decoded = self.charset.coded()?.decode_whole(&self.rest, text)?;
        self.rest.drain(..decoded);
        Ok(())
    }

    /// 22021 if the stream ends within a character.
    pub(crate) fn finish(&self) -> Result<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(invalid_sequence(self.charset, &self.rest)) }
    }
}
