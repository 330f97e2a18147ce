//! `RANGE BETWEEN '7 days'::interval PRECEDING AND …`: sqlparser takes a string there for all of an interval.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::forms::{is, is_word, words};

/// Writes such an offset as `INTERVAL '7 days'`.
pub(super) fn rewrite(tokens: &mut Vec<TokenWithSpan>) {
    let words = words(tokens);
    // From the end, so that the places before stay.
    for offset in words.windows(4).rev() {
        let [string, cast, ty, direction] = [0, 1, 2, 3].map(|place: usize| &tokens[offset[place]]);
        let is_cast = matches!(string.token, Token::SingleQuotedString(_)) && cast.token == Token::DoubleColon;
        let is_offset = is_word(direction, "preceding") || is_word(direction, "following");
        if is_cast && is_offset && is(ty, Keyword::INTERVAL) {
            let (interval, string) = (ty.clone(), string.clone());
            tokens.splice(offset[0]..=offset[2], [interval, string]);
        }
    }
}
