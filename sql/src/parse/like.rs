//! `CREATE TABLE t (a int, LIKE source INCLUDING ALL, …)`, whose clause sqlparser reads only where nothing stands beside
//! it: it is given a column in its place. The column's name is a mark with what the clause takes of its source, the
//! column's type is the source's name.

use sqlparser::ast;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::forms::{is, is_word, words};

/// What the name of a column that stands for a clause begins with; a number follows, with a bit per option.
const MARK: &str = "\u{1}like ";

/// What a clause can take of its source beside the columns, in the order of their bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LikeOption {
    Comments,
    Compression,
    Constraints,
    Defaults,
    Generated,
    Identity,
    Indexes,
    Statistics,
    Storage,
}

const OPTIONS: &[(&str, LikeOption)] = &[
    ("comments", LikeOption::Comments),
    ("compression", LikeOption::Compression),
    ("constraints", LikeOption::Constraints),
    ("defaults", LikeOption::Defaults),
    ("generated", LikeOption::Generated),
    ("identity", LikeOption::Identity),
    ("indexes", LikeOption::Indexes),
    ("statistics", LikeOption::Statistics),
    ("storage", LikeOption::Storage),
];
const ALL: u16 = (1 << OPTIONS.len()) - 1;

/// `LIKE source [INCLUDING …] [EXCLUDING …]`.
#[derive(Debug, PartialEq)]
pub(crate) struct LikeClause<'a> {
    pub(crate) source: &'a ast::ObjectName,
    options: u16,
}

impl<'a> LikeClause<'a> {
    /// The clause that a column stands for; `None` for a column that is one.
    pub(crate) fn of(column: &'a ast::ColumnDef) -> Option<LikeClause<'a>> {
        let options = column.name.value.strip_prefix(MARK)?.parse().ok()?;
        match &column.data_type {
            ast::DataType::Custom(source, _) => Some(LikeClause { source, options }),
            _ => None,
        }
    }

    pub(crate) fn includes(&self, option: LikeOption) -> bool {
        self.options & bit(option) != 0
    }
}

fn bit(option: LikeOption) -> u16 {
    1 << option as u16
}

/// Rewrites one statement's tokens.
pub(super) fn rewrite(tokens: &mut Vec<TokenWithSpan>) {
    let words = words(tokens);
    let is_table = |&at: &usize| is(&tokens[at], Keyword::TABLE);
    if !words.first().is_some_and(|&at| is(&tokens[at], Keyword::CREATE)) || !words.iter().take(4).any(is_table) {
        return;
    }
    let mut depth = 0;
    let mut clauses = Vec::new();
    for place in 1..words.len() {
        match tokens[words[place]].token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            _ if depth == 1 && matches!(tokens[words[place - 1]].token, Token::LParen | Token::Comma) => {
                clauses.extend(clause(tokens, &words[place..]));
            }
            _ => {}
        }
    }
    for Clause { from, to, replaced } in clauses.into_iter().rev() {
        tokens.splice(from..=to, replaced);
    }
}

/// A clause that was found: its first and last token, and those that are put there.
struct Clause {
    from: usize,
    to: usize,
    replaced: Vec<TokenWithSpan>,
}

fn clause(tokens: &[TokenWithSpan], words: &[usize]) -> Option<Clause> {
    if !is(&tokens[words[0]], Keyword::LIKE) {
        return None;
    }
    let (name, rest) = source(tokens, &words[1..])?;
    let (options, ends) = options(tokens, rest)?;
    let mark = Token::make_word(&format!("{MARK}{options}"), Some('"'));
    let mut replaced = vec![TokenWithSpan { token: mark, span: tokens[words[0]].span }];
    replaced.extend(name);
    // What follows the clause is where it ends.
    Some(Clause { from: words[0], to: ends - 1, replaced })
}

/// The source's name, in quotes so that it is no type's, and the words behind it.
fn source<'w>(tokens: &[TokenWithSpan], words: &'w [usize]) -> Option<(Vec<TokenWithSpan>, &'w [usize])> {
    let mut name = Vec::new();
    for (place, &at) in words.iter().enumerate() {
        let token = match &tokens[at].token {
            Token::Word(word) if place % 2 == 0 => {
                let folded = if word.quote_style.is_some() { word.value.clone() } else { word.value.to_lowercase() };
                Token::make_word(&folded, Some('"'))
            }
            Token::Period if place % 2 == 1 => Token::Period,
            _ if place % 2 == 1 => return Some((name, &words[place..])),
            _ => return None,
        };
        name.push(TokenWithSpan { token, span: tokens[at].span });
    }
    None
}

/// The options, and the place of the token that ends the clause; `None` if something else stands among them.
fn options(tokens: &[TokenWithSpan], words: &[usize]) -> Option<(u16, usize)> {
    let mut taken = 0;
    let mut words = words.iter();
    while let Some(&at) = words.next() {
        if matches!(tokens[at].token, Token::Comma | Token::RParen) {
            return Some((taken, at));
        }
        let is_included = is_word(&tokens[at], "including");
        if !is_included && !is_word(&tokens[at], "excluding") {
            return None;
        }
        let named = &tokens[*words.next()?];
        let bits = match OPTIONS.iter().find(|(word, _)| is_word(named, word)) {
            Some((_, option)) => bit(*option),
            None if is(named, Keyword::ALL) => ALL,
            None => return None,
        };
        taken = if is_included { taken | bits } else { taken & !bits };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::{Tree, parse};

    fn columns(sql: &str) -> Vec<ast::ColumnDef> {
        let statements = parse(sql, &mut Vec::new()).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let Tree::Sql(tree) = &*statements[0].tree else { panic!("no SQL") };
        let ast::Statement::CreateTable(create) = tree.as_ref() else { panic!("no CREATE TABLE") };
        create.columns.clone()
    }

    #[test]
    fn a_clause_stands_among_columns() {
        let columns = columns(
            "create temp table t (a int check (a like 'x'), LIKE S.\"Odd one\" including all excluding Indexes, b text)",
        );
        let clauses: Vec<Option<LikeClause<'_>>> = columns.iter().map(LikeClause::of).collect();
        assert!(clauses[0].is_none() && clauses[2].is_none());
        let clause = clauses[1].as_ref().expect("a clause");
        assert_eq!(clause.source.to_string(), "\"s\".\"Odd one\"");
        assert!(clause.includes(LikeOption::Defaults) && !clause.includes(LikeOption::Indexes));
    }

    #[test]
    fn the_last_word_on_an_option_counts() {
        let columns = columns("create table t (like date excluding all including defaults, like u)");
        let clauses: Vec<LikeClause<'_>> = columns.iter().filter_map(LikeClause::of).collect();
        assert_eq!(clauses[0].source.to_string(), "\"date\"");
        assert!(clauses[0].includes(LikeOption::Defaults) && !clauses[0].includes(LikeOption::Comments));
        assert_eq!(clauses[1].options, 0);
        assert!(parse("create table t (like u including everything)", &mut Vec::new()).is_err());
    }
}
