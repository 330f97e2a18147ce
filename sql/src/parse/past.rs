//! Words that sqlparser takes for the begin of a table's state in the past, wherever they stand behind its name:
//! `t AT (TIMESTAMP => …)`. Where they are something else, they are names.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::forms::{is_blank, keyword_of};

/// Makes names of AT, BEFORE and CHANGES that do not say so, and of what AT says.
pub(super) fn settle(tokens: &mut [TokenWithSpan]) {
    let words: Vec<usize> = (0..tokens.len()).filter(|&at| !is_blank(&tokens[at])).collect();
    // In definitions of triggers, of labels and the like they are no names.
    let is_definition = match words.first().and_then(|&at| keyword_of(&tokens[at])) {
        Some(Keyword::CREATE) => words.get(1).is_none_or(|&at| !is_of_query(&tokens[at])),
        Some(Keyword::ALTER) => words.get(1).is_some_and(|&at| keyword_of(&tokens[at]) == Some(Keyword::TYPE)),
        _ => false,
    };
    for (place, &at) in words.iter().enumerate() {
        let next = words.get(place + 1).map(|&at| &tokens[at]);
        match keyword_of(&tokens[at]) {
            Some(Keyword::AT) if says_when(tokens, &words[place + 1..]) => unkey(&mut tokens[words[place + 2]]),
            Some(Keyword::AT) if next.and_then(keyword_of) == Some(Keyword::TIME) => {}
            Some(Keyword::AT) => unkey(&mut tokens[at]),
            Some(Keyword::BEFORE | Keyword::CHANGES) if !is_definition => unkey(&mut tokens[at]),
            _ => {}
        }
    }
}

/// What may follow CREATE where a query stands in the definition.
fn is_of_query(token: &TokenWithSpan) -> bool {
    use Keyword::{LOCAL, OR, TABLE, TEMP, TEMPORARY, UNLOGGED, VIEW};
    matches!(keyword_of(token), Some(LOCAL | OR | TABLE | TEMP | TEMPORARY | UNLOGGED | VIEW))
}

/// Whether a parenthesis follows, a word in it and `=>`.
fn says_when(tokens: &[TokenWithSpan], following: &[usize]) -> bool {
    let token = |place: usize| following.get(place).map(|&at| &tokens[at].token);
    matches!((token(0), token(1), token(2)), (Some(Token::LParen), Some(Token::Word(_)), Some(Token::RArrow)))
}

fn unkey(token: &mut TokenWithSpan) {
    if let Token::Word(word) = &mut token.token {
        word.keyword = Keyword::NoKeyword;
    }
}

#[cfg(test)]
mod tests {
    use crate::parse::parse_query;

    #[test]
    fn at_stays_a_name_where_it_says_no_time() {
        for text in [
            "SELECT at.a FROM t at WHERE at.a > 1",
            "SELECT changes.a FROM t changes JOIN u before ON true",
            "SELECT a AT TIME ZONE 'UTC' AS at FROM t AS at (a)",
        ] {
            let query = parse_query(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
            assert!(!format!("{query:?}").contains("version: Some"), "{text}");
        }
        for text in [
            "SELECT * FROM t AT (TIMESTAMP => now()) AS x",
            "SELECT * FROM t at (snapshot => $1), u",
            "SELECT * FROM t FOR SYSTEM_TIME AS OF TIMESTAMP '2026-01-01 00:00' x WHERE x.a = 1",
        ] {
            let query = parse_query(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
            assert!(format!("{query:?}").contains("version: Some"), "{text}");
        }
    }
}
