//! `EXCLUDE CURRENT ROW | GROUP | TIES | NO OTHERS` behind a window's frame, which sqlparser lacks: it becomes a mark at the
//! end of the window's ORDER BY, which [`Exclusion::take`] takes out again.

use sqlparser::ast::{Expr, Value, WindowSpec};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::forms::{is, is_word, words};

/// What the mark begins with. No string of a client's is a key of a window: it would order nothing.
const MARK: &str = "\u{1}exclude ";

/// Rows that a window's frame leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Exclusion {
    CurrentRow,
    /// The row and its peers.
    Group,
    /// Its peers without itself.
    Ties,
}

impl Exclusion {
    pub(crate) const ALL: &[Exclusion] = &[Exclusion::CurrentRow, Exclusion::Group, Exclusion::Ties];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Exclusion::CurrentRow => "row",
            Exclusion::Group => "group",
            Exclusion::Ties => "ties",
        }
    }

    /// Takes the mark out of a window.
    pub(crate) fn take(window: &mut WindowSpec) -> Option<Exclusion> {
        let Expr::Value(value) = &window.order_by.last()?.expr else { return None };
        let Value::SingleQuotedString(text) = &value.value else { return None };
        let word = text.strip_prefix(MARK)?;
        let exclusion = Exclusion::ALL.iter().copied().find(|exclusion| exclusion.word() == word)?;
        window.order_by.pop();
        Some(exclusion)
    }
}

/// Rewrites one statement's tokens.
pub(super) fn rewrite(tokens: &mut Vec<TokenWithSpan>) {
    let words = words(tokens);
    // From the end, so that the places before stay.
    for place in (0..words.len()).rev() {
        if let Some((exclusion, length)) = clause(tokens, &words[place..])
            && let Some((frame, is_ordered)) = window(tokens, &words[..place])
        {
            let span = tokens[words[place]].span;
            tokens.drain(words[place]..=words[place + length - 1]);
            let Some(exclusion) = exclusion else { continue };
            let mark = Token::SingleQuotedString(format!("{MARK}{}", exclusion.word()));
            let mut put = match is_ordered {
                true => vec![Token::Comma],
                false => vec![Token::make_keyword("ORDER"), Token::make_keyword("BY")],
            };
            put.push(mark);
            tokens.splice(frame..frame, put.into_iter().map(|token| TokenWithSpan { token, span }));
        }
    }
}

/// The clause at the first word, and how many words it has; it ends its window.
fn clause(tokens: &[TokenWithSpan], words: &[usize]) -> Option<(Option<Exclusion>, usize)> {
    let word = |place: usize| words.get(place).map(|&at| &tokens[at]);
    if !is_word(word(0)?, "exclude") {
        return None;
    }
    let second = word(1)?;
    let (exclusion, length) = if is(second, Keyword::CURRENT) && is(word(2)?, Keyword::ROW) {
        (Some(Exclusion::CurrentRow), 3)
    } else if is(second, Keyword::GROUP) {
        (Some(Exclusion::Group), 2)
    } else if is_word(second, "ties") {
        (Some(Exclusion::Ties), 2)
    } else if is(second, Keyword::NO) && is_word(word(2)?, "others") {
        (None, 3)
    } else {
        return None;
    };
    (word(length)?.token == Token::RParen).then_some((exclusion, length))
}

/// Where the frame begins of the window whose last word comes last, and whether the window has an ORDER BY.
fn window(tokens: &[TokenWithSpan], words: &[usize]) -> Option<(usize, bool)> {
    let (mut depth, mut frame) = (0, None);
    for place in (0..words.len()).rev() {
        let token = &tokens[words[place]];
        match token.token {
            Token::RParen => depth += 1,
            Token::LParen if depth == 0 => return frame.map(|frame| (frame, false)),
            Token::LParen => depth -= 1,
            _ if depth > 0 => {}
            _ if is(token, Keyword::ROWS) || is(token, Keyword::RANGE) || is(token, Keyword::GROUPS) => {
                frame = Some(words[place]);
            }
            _ if is(token, Keyword::ORDER) => return frame.map(|frame| (frame, true)),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::{Tree, parse};

    fn printed(sql: &str) -> String {
        let statements = parse(sql, &mut Vec::new()).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let Tree::Sql(tree) = &*statements[0].tree else { panic!("no SQL") };
        tree.to_string().replace(MARK, "!")
    }

    #[test]
    fn an_exclusion_is_the_last_key() {
        assert_eq!(
            printed(
                "select sum(a) over (partition by b order by c, d rows between 1 preceding and 1 following exclude ties)"
            ),
            "SELECT sum(a) OVER (PARTITION BY b ORDER BY c, d, '!ties' ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING)"
        );
        assert_eq!(
            printed("select sum(a) over w from t window w as (rows unbounded preceding exclude current row)"),
            "SELECT sum(a) OVER w FROM t WINDOW w AS (ORDER BY '!row' ROWS UNBOUNDED PRECEDING)"
        );
        assert_eq!(
            printed("select sum(a) over (order by (b) range unbounded preceding exclude no others), exclude from t"),
            "SELECT sum(a) OVER (ORDER BY (b) RANGE UNBOUNDED PRECEDING), exclude FROM t"
        );
        assert!(parse("select sum(a) over (order by b exclude ties)", &mut Vec::new()).is_err());
    }
}
