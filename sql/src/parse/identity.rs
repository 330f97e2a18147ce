//! What SQL says of identity columns, given to sqlparser in forms that it knows:
//!
//! | written | read as |
//! |---|---|
//! | `AS IDENTITY (START 5 INCREMENT 2)` | its options in sqlparser's order |
//! | `INSERT INTO t (a) OVERRIDING SYSTEM VALUE …` | `INSERT INTO t (a) PARTITION ("…") …`, whose name is a mark |
//! | `THEN INSERT (a) OVERRIDING SYSTEM VALUE …` | `THEN INSERT ("…", a) …`, whose first name is a mark |

use sqlparser::ast;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::forms::{is, is_word, words};

/// Names that stand for OVERRIDING SYSTEM VALUE and OVERRIDING USER VALUE.
const SYSTEM_MARK: &str = "\u{1}overriding system";
const USER_MARK: &str = "\u{1}overriding user";

/// The words that begin an option, in the order that sqlparser takes.
const OPTIONS: &[Keyword] =
    &[Keyword::INCREMENT, Keyword::MINVALUE, Keyword::MAXVALUE, Keyword::START, Keyword::CACHE, Keyword::CYCLE];

/// What an INSERT says of values that are given for identity columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overriding {
    /// They are taken.
    System,
    /// The sequence's are taken in their place.
    User,
}

impl Overriding {
    /// `None` if the INSERT says nothing.
    pub(crate) fn of(insert: &ast::Insert) -> Option<Overriding> {
        match insert.partitioned.as_deref()? {
            [ast::Expr::Identifier(mark)] => Overriding::marked(mark),
            _ => None,
        }
    }

    /// What an INSERT of MERGE says, and the columns that it names.
    pub(crate) fn of_merge(columns: &[ast::ObjectName]) -> (Option<Overriding>, &[ast::ObjectName]) {
        let first = columns.first().and_then(|name| name.0.first()).and_then(|part| part.as_ident());
        match first.and_then(Overriding::marked) {
            Some(overriding) => (Some(overriding), &columns[1..]),
            None => (None, columns),
        }
    }

    fn marked(mark: &ast::Ident) -> Option<Overriding> {
        match mark.value.as_str() {
            SYSTEM_MARK => Some(Overriding::System),
            USER_MARK => Some(Overriding::User),
            _ => None,
        }
    }
}

/// Rewrites one statement's tokens.
pub(super) fn rewrite(tokens: &mut Vec<TokenWithSpan>) {
    order_options(tokens);
    mark_overriding(tokens);
}

fn order_options(tokens: &mut [TokenWithSpan]) {
    let words = words(tokens);
    for place in 0..words.len() {
        let opens = |at: usize| tokens[at].token == Token::LParen;
        if !is(&tokens[words[place]], Keyword::IDENTITY) || !words.get(place + 1).is_some_and(|&at| opens(at)) {
            continue;
        }
        let first = place + 2;
        let closes = |&at: &usize| tokens[at].token == Token::RParen;
        let Some(length) = words[first..].iter().position(closes) else { return };
        let places = &words[first..first + length];
        let ordered = ordered(&places.iter().map(|&at| tokens[at].clone()).collect::<Vec<_>>());
        for (&at, token) in places.iter().zip(ordered) {
            tokens[at] = token;
        }
    }
}

/// Options with their words, sorted; as they came if one is unknown.
fn ordered(tokens: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
    let option = |at: usize| OPTIONS.iter().position(|word| is(&tokens[at], *word));
    let mut options: Vec<(usize, &[TokenWithSpan])> = Vec::new();
    let mut from = 0;
    while from < tokens.len() {
        let named = from + usize::from(is(&tokens[from], Keyword::NO));
        let Some(order) = (named < tokens.len()).then(|| option(named)).flatten() else { return tokens.to_vec() };
        let begins = |at: &usize| is(&tokens[*at], Keyword::NO) || option(*at).is_some();
        let end = (named + 1..tokens.len()).find(begins).unwrap_or(tokens.len());
        options.push((order, &tokens[from..end]));
        from = end;
    }
    options.sort_by_key(|(order, _)| *order);
    options.into_iter().flat_map(|(_, words)| words.to_vec()).collect()
}

/// In every INSERT of the statement: one may stand behind a WITH or EXPLAIN, or within a WITH.
fn mark_overriding(tokens: &mut Vec<TokenWithSpan>) {
    let words = words(tokens);
    // From the end, so that the places before stay.
    for place in (0..words.len().saturating_sub(2)).rev() {
        // The INSERT is looked for where there is something to mark: a statement may have very many words.
        if says_overriding(tokens, &words[place..place + 3])
            && let Some(insert) = words[..place].iter().rposition(|&at| is(&tokens[at], Keyword::INSERT))
        {
            mark_one(tokens, &words[insert..place], &words[place..place + 3]);
        }
    }
}

fn says_overriding(tokens: &[TokenWithSpan], words: &[usize]) -> bool {
    is_word(&tokens[words[0]], "overriding")
        && (is_word(&tokens[words[1]], "system") || is_word(&tokens[words[1]], "user"))
        && is_word(&tokens[words[2]], "value")
}

/// Puts the mark in the place of the three words behind those from INSERT on.
fn mark_one(tokens: &mut Vec<TokenWithSpan>, before: &[usize], said: &[usize]) {
    let span = tokens[said[0]].span;
    let mark = if is_word(&tokens[said[1]], "system") { SYSTEM_MARK } else { USER_MARK };
    if !before.get(1).is_some_and(|&at| is(&tokens[at], Keyword::INTO)) {
        return mark_in_merge(tokens, before, said, mark);
    }
    let mut marked = Vec::new();
    // A word right behind the table's name would be its alias.
    if let Some(name) = bare_table(tokens, before) {
        marked.extend([Token::make_keyword("AS"), name]);
    }
    marked.extend([Token::make_keyword("PARTITION"), Token::LParen, Token::make_word(mark, Some('"')), Token::RParen]);
    tokens.splice(said[0]..=said[2], marked.into_iter().map(|token| TokenWithSpan { token, span }));
}

/// An INSERT of MERGE names no table.
fn mark_in_merge(tokens: &mut Vec<TokenWithSpan>, before: &[usize], said: &[usize], mark: &str) {
    let span = tokens[said[0]].span;
    let put = |token: Token| TokenWithSpan { token, span };
    let mark = put(Token::make_word(mark, Some('"')));
    match before.get(1) {
        None => {
            tokens.splice(said[0]..=said[2], [put(Token::LParen), mark, put(Token::RParen)]);
        }
        Some(&open) => {
            tokens.drain(said[0]..=said[2]);
            tokens.splice(open + 1..open + 1, [mark, put(Token::Comma)]);
        }
    }
}

/// The last part of the table's name, if nothing but that stands before.
fn bare_table(tokens: &[TokenWithSpan], words: &[usize]) -> Option<Token> {
    let into = words.iter().position(|&at| is(&tokens[at], Keyword::INTO))?;
    let name = &words[into + 1..];
    let is_name = name.iter().enumerate().all(|(i, &at)| match &tokens[at].token {
        Token::Word(_) => i % 2 == 0,
        Token::Period => i % 2 == 1,
        _ => false,
    });
    let last = name.last().filter(|_| is_name)?;
    Some(tokens[*last].token.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::{Tree, parse};

    fn tree(sql: &str) -> ast::Statement {
        let statements = parse(sql, &mut Vec::new()).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let Tree::Sql(tree) = &*statements[0].tree else { panic!("no SQL") };
        tree.as_ref().clone()
    }

    #[test]
    fn options_come_in_any_order() {
        let written = "create table t (a int generated always as identity (start with -5 no cycle increment 2), b int)";
        let read = "CREATE TABLE t (a INT GENERATED ALWAYS AS IDENTITY ( INCREMENT 2 START WITH -5 NO CYCLE ), b INT)";
        assert_eq!(tree(written).to_string().replace("  ", " "), read);
    }

    #[test]
    fn an_insert_says_whose_values_count() {
        let cases = [
            ("insert into t values (1)", None),
            ("insert into t (a) overriding system value values (1)", Some(Overriding::System)),
            ("insert into s.t overriding user value select 1", Some(Overriding::User)),
            ("insert into t as u (a) overriding system value values (1)", Some(Overriding::System)),
        ];
        for (sql, expected) in cases {
            let ast::Statement::Insert(insert) = tree(sql) else { panic!("no INSERT") };
            assert_eq!(Overriding::of(&insert), expected, "{sql}");
        }
    }

    #[test]
    fn an_insert_of_merge_says_whose_values_count() {
        let cases = [
            ("insert values (1)", None, 0),
            ("insert overriding system value values (1)", Some(Overriding::System), 0),
            ("insert (a, b) overriding user value values (1, 2)", Some(Overriding::User), 2),
        ];
        for (deed, expected, columns) in cases {
            let sql = format!("merge into t using s on true when not matched then {deed} when matched then delete");
            let ast::Statement::Merge(merge) = tree(&sql) else { panic!("no MERGE") };
            let ast::MergeAction::Insert(insert) = &merge.clauses[0].action else { panic!("no INSERT") };
            let (overriding, named) = Overriding::of_merge(&insert.columns);
            assert_eq!((overriding, named.len()), (expected, columns), "{deed}");
        }
    }

    #[test]
    fn every_insert_of_a_statement_says_it() {
        let ast::Statement::Insert(insert) =
            tree("with a as (select 1) insert into t overriding system value select * from a")
        else {
            panic!("no INSERT")
        };
        assert_eq!(Overriding::of(&insert), Some(Overriding::System));
        let explained = tree("explain insert into t (a) overriding user value values (1)");
        let ast::Statement::Explain { statement, .. } = explained else { panic!("no EXPLAIN") };
        let ast::Statement::Insert(insert) = *statement else { panic!("no INSERT") };
        assert_eq!(Overriding::of(&insert), Some(Overriding::User));
    }
}
