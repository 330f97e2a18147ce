//! `upper`, `lower` and `initcap` of text: letter by letter, as the locale C.UTF-8 has it. A letter whose other case is
//! several letters in full Unicode (`ß`) keeps its case or takes its simple mapping.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::functions::string;
use datafusion::logical_expr::ScalarUDF;
use peristyle_catalog::model::PgType;

use super::define::{Call, Definition, immutable, overload};
use super::rows::*;
use super::signature::Ty;

pub(crate) const DEFINITIONS: &[Definition] =
    &[immutable("initcap", &[overload(&[Ty::Text], PgType::TEXT, |c| map1::<Text, _>(c, |text| Ok(initcap(text))))])];

pub(super) fn upper(call: &Call<'_>) -> Result<ArrayRef> {
    changed(call, &string::upper(), upper_letter)
}

pub(super) fn lower(call: &Call<'_>) -> Result<ArrayRef> {
    changed(call, &string::lower(), lower_letter)
}

/// Texts in small letters.
pub(super) fn lowered(texts: &ArrayRef) -> Result<ArrayRef> {
    let texts = cast(texts, &DataType::Utf8View)?;
    let lowered = |text: &str| text.chars().map(lower_letter).collect::<String>();
    Ok(Arc::new(texts.as_string_view().iter().map(|text| text.map(lowered)).collect::<StringViewArray>()))
}

/// DataFusion's function is quicker, and means the same where all is ASCII.
fn changed(call: &Call<'_>, of_ascii: &ScalarUDF, letter: fn(char) -> char) -> Result<ArrayRef> {
    if call.args[0].as_string_view_opt().is_some_and(StringViewArray::is_ascii) {
        return call.by(of_ascii);
    }
    map1::<Text, String>(call, |text| Ok(text.chars().map(letter).collect()))
}

fn initcap(text: &str) -> String {
    let mut in_word = false;
    let mut changed = |letter: char| {
        let cased = if in_word { lower_letter(letter) } else { upper_letter(letter) };
        in_word = letter.is_alphanumeric();
        cased
    };
    text.chars().map(&mut changed).collect()
}

fn upper_letter(letter: char) -> char {
    match letter {
        // The letters with an iota below: their capitals have it beside them, in one letter.
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => moved(letter, 8),
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => moved(letter, 9),
        letter => only(letter.to_uppercase(), letter),
    }
}

fn lower_letter(letter: char) -> char {
    match letter {
        'İ' => 'i',
        letter => only(letter.to_lowercase(), letter),
    }
}

fn moved(letter: char, places: u32) -> char {
    char::from_u32(letter as u32 + places).unwrap_or(letter)
}

/// The only letter of a mapping, or the letter itself.
fn only(mut mapping: impl ExactSizeIterator<Item = char>, letter: char) -> char {
    if mapping.len() == 1 { mapping.next().unwrap_or(letter) } else { letter }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_becomes_one() {
        let upper = |text: &str| text.chars().map(upper_letter).collect::<String>();
        let lower = |text: &str| text.chars().map(lower_letter).collect::<String>();
        assert_eq!(upper("straße é ǆ ﬁ ᾳ ᾀ ŉ"), "STRAßE É Ǆ ﬁ ᾼ ᾈ ŉ");
        assert_eq!(lower("ÀÉ ΑΣ İ ẞ ᾼ"), "àé ασ i ß ᾳ");
        assert_eq!(initcap("élan vITAL o'neil ßx"), "Élan Vital O'Neil ßx");
    }
}
