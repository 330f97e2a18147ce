//! Which character each code of an encoding is, and which code each character has.
//!
//! The tables are made of those of the Encoding Standard (`encoding_rs`), which browsers follow, and of what PostgreSQL has
//! otherwise ([`Differences`]).

use std::ops::RangeInclusive;

use encoding_rs::{Encoding, GB18030};

use super::differences::Differences;
use super::form::Form;

/// Where an encoding's codes come from.
#[derive(Clone, Copy)]
pub(super) struct Definition {
    pub(super) form: Form,
    pub(super) source: Source,
    pub(super) differences: &'static Differences,
}

/// What the Encoding Standard has of an encoding.
#[derive(Clone, Copy)]
pub(super) enum Source {
    /// It is there.
    Standard(&'static Encoding),
    /// It is there, with control characters for bytes that Windows leaves out.
    Windows(&'static Encoding),
    /// Each code is the character of the same number: it is there as windows-1252 only.
    Latin1,
}

/// Both ways, as tables of 16 bits; 0 stands for none. ASCII is not in them.
pub(super) struct Codes {
    definition: Definition,
    characters: Box<[u16]>,
    codes: Box<[u16]>,
}

const TABLE_LENGTH: usize = 1 << 16;

/// Control characters beyond ASCII.
const CONTROLS: RangeInclusive<u16> = 0x80..=0x9f;

/// Characters that are everyone's own: only GB18030, which has all of Unicode, has them.
const PRIVATE: RangeInclusive<u16> = 0xe000..=0xf8ff;

impl Codes {
    pub(super) fn new(definition: Definition) -> Codes {
        let table = || vec![0; TABLE_LENGTH].into_boxed_slice();
        let mut codes = Codes { definition, characters: table(), codes: table() };
        for code in definition.form.codes() {
            if let Some(character) = definition.character(code) {
                codes.characters[usize::from(code)] = character;
            }
        }
        codes.give_codes();
        codes
    }

    /// Each character gets a code: of several the one that is preferred, else the standard's, else the first.
    fn give_codes(&mut self) {
        let Differences { preferred, one_way, .. } = self.definition.differences;
        for code in preferred.iter().cloned().flatten() {
            self.codes[usize::from(self.characters[usize::from(code)])] = code;
        }
        for code in self.definition.form.codes() {
            let character = self.characters[usize::from(code)];
            if character != 0 && self.codes[usize::from(character)] == 0 {
                let standard = self.definition.standard_code(character);
                let standard = standard.filter(|code| self.characters[usize::from(*code)] == character);
                self.codes[usize::from(character)] = standard.unwrap_or(code);
            }
        }
        for (character, code) in *one_way {
            self.codes[usize::from(unit_of(*character).unwrap_or(0))] = *code;
        }
    }

    /// The character of these bytes, which have the encoding's form.
    pub(super) fn character(&self, bytes: &[u8]) -> Option<char> {
        match self.definition.form.code(bytes) {
            Some(code) => Some(self.characters[usize::from(code)]).filter(|unit| *unit != 0).and_then(of_unit),
            None => decoded(GB18030, bytes),
        }
    }

    /// Appends a character's bytes; false if it has none.
    pub(super) fn encode(&self, character: char, out: &mut Vec<u8>) -> bool {
        let code = u16::try_from(u32::from(character)).map_or(0, |unit| self.codes[usize::from(unit)]);
        if code != 0 {
            self.definition.form.push_code(code, out);
            return true;
        }
        // Codes that changed hands are still given to who had them.
        let is_unshared = |bytes: &Vec<u8>| self.definition.form == Form::Gb18030 && bytes.len() == 4;
        let four = encoded(GB18030, character).filter(is_unshared);
        out.extend(four.iter().flatten());
        four.is_some()
    }
}

impl Definition {
    /// The character of a code of one or two bytes, or of JIS X 0212.
    fn character(&self, code: u16) -> Option<u16> {
        let Differences { missing, changed, .. } = self.differences;
        let own = |(first, run): &(u16, &str)| run.chars().nth(code.checked_sub(*first)?.into());
        if let Some(character) = changed.iter().find_map(own) {
            return unit_of(character);
        }
        if missing.iter().any(|missing| missing.contains(&code)) {
            return None;
        }
        match self.source {
            Source::Latin1 => Some(code),
            Source::Standard(standard) => {
                let is_public = |unit: &u16| self.form == Form::Gb18030 || !PRIVATE.contains(unit);
                self.standard_character(standard, code).filter(is_public)
            }
            Source::Windows(standard) => {
                self.standard_character(standard, code).filter(|unit| !CONTROLS.contains(unit))
            }
        }
    }

    fn standard_character(&self, standard: &'static Encoding, code: u16) -> Option<u16> {
        let mut bytes = Vec::with_capacity(3);
        self.form.push_code(code, &mut bytes);
        let is_character = self.form.length(&bytes) == bytes.len() && self.form.is_valid(&bytes);
        if is_character { decoded(standard, &bytes).and_then(unit_of) } else { None }
    }

    /// The code that the standard encodes a character with.
    fn standard_code(&self, unit: u16) -> Option<u16> {
        let (Source::Standard(standard) | Source::Windows(standard)) = self.source else { return None };
        self.form.code(&encoded(standard, of_unit(unit)?)?)
    }
}

fn of_unit(unit: u16) -> Option<char> {
    char::from_u32(u32::from(unit))
}

/// A character of the basic plane as its number.
fn unit_of(character: char) -> Option<u16> {
    u16::try_from(u32::from(character)).ok()
}

fn decoded(standard: &'static Encoding, bytes: &[u8]) -> Option<char> {
    let text = standard.decode_without_bom_handling_and_without_replacement(bytes)?;
    let mut characters = text.chars();
    characters.next().filter(|_| characters.next().is_none())
}

fn encoded(standard: &'static Encoding, character: char) -> Option<Vec<u8>> {
    let mut text = [0; 4];
    let (bytes, _, has_missing) = standard.encode(character.encode_utf8(&mut text));
    if has_missing { None } else { Some(bytes.into_owned()) }
}
