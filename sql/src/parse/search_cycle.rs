//! `SEARCH … SET …` and `CYCLE … SET … USING …` behind a recursive query of a WITH, which sqlparser lacks: they become a mark
//! that is the last key of an ORDER BY within the query's parentheses, which [`Walk::take`] takes out again.

use sqlparser::ast::{Expr, OrderByExpr, OrderByKind, Query, Value};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::forms::{is, is_word, words};
use super::parse_expression;
use crate::error::SqlError;

/// What the mark begins with, and what stands between its parts.
const MARK: &str = "\u{1}walk";
const CLAUSE: char = '\u{2}';
const PART: char = '\u{1}';

/// What is asked of the walk that a recursive query makes.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    pub(crate) search: Option<Search>,
    pub(crate) cycle: Option<Cycle>,
}

/// `SEARCH DEPTH FIRST BY columns SET order`
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) is_breadth: bool,
    pub(crate) columns: Vec<String>,
    pub(crate) order: String,
}

/// `CYCLE columns SET mark TO value DEFAULT other USING path`
#[derive(Debug)]
pub(crate) struct Cycle {
    pub(crate) columns: Vec<String>,
    pub(crate) mark: String,
    pub(crate) value: Expr,
    pub(crate) other: Expr,
    pub(crate) path: String,
}

impl Walk {
    /// Takes the mark out of a query.
    pub(crate) fn take(query: &mut Query) -> Result<Option<Walk>, SqlError> {
        let Some(OrderByKind::Expressions(keys)) = query.order_by.as_mut().map(|order_by| &mut order_by.kind) else {
            return Ok(None);
        };
        let Some(text) = keys.last().and_then(marked).map(str::to_owned) else { return Ok(None) };
        keys.pop();
        if keys.is_empty() {
            query.order_by = None;
        }
        let mut walk = Walk::default();
        for clause in text.split(CLAUSE).skip(1) {
            walk.add(&clause.split(PART).collect::<Vec<_>>())?;
        }
        Ok(Some(walk))
    }

    fn add(&mut self, parts: &[&str]) -> Result<(), SqlError> {
        let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        match parts {
            ["search", way, order, columns @ ..] => {
                let order = (*order).to_owned();
                self.search = Some(Search { is_breadth: *way == "breadth", columns: named(columns), order });
            }
            ["cycle", mark, value, other, path, columns @ ..] => {
                let (mark, path) = ((*mark).to_owned(), (*path).to_owned());
                let (value, other) = (parse_expression(value)?, parse_expression(other)?);
                self.cycle = Some(Cycle { columns: named(columns), mark, value, other, path });
            }
            _ => {}
        }
        Ok(())
    }
}

fn marked(key: &OrderByExpr) -> Option<&str> {
    let Expr::Value(value) = &key.expr else { return None };
    match &value.value {
        Value::SingleQuotedString(text) if text.starts_with(MARK) => Some(text),
        _ => None,
    }
}

/// Rewrites one statement's tokens.
pub(super) fn rewrite(tokens: &mut Vec<TokenWithSpan>) {
    let words = words(tokens);
    // From the end, so that the places before stay.
    for place in (1..words.len()).rev() {
        if tokens[words[place - 1]].token != Token::RParen {
            continue;
        }
        let mut reader = Reader { tokens, words: &words, place };
        let clauses: Vec<String> = [reader.search(), reader.cycle()].into_iter().flatten().collect();
        if clauses.is_empty() {
            continue;
        }
        let end = reader.place;
        let (close, span) = (words[place - 1], tokens[words[place]].span);
        let mark = format!("{MARK}{CLAUSE}{}", clauses.join(&CLAUSE.to_string()));
        tokens.drain(words[place]..=words[end - 1]);
        let put = [Token::make_keyword("ORDER"), Token::make_keyword("BY"), Token::SingleQuotedString(mark)];
        tokens.splice(close..close, put.map(|token| TokenWithSpan { token, span }));
    }
}

/// Reads clauses from a place on, which it passes if there is one.
struct Reader<'a> {
    tokens: &'a [TokenWithSpan],
    words: &'a [usize],
    place: usize,
}

impl Reader<'_> {
    /// What a clause says, as the mark has it; `None`, and the place stays, if there is none here.
    fn clause(&mut self, read: impl Fn(&mut Self) -> Option<Vec<String>>) -> Option<String> {
        let start = self.place;
        let parts = read(self);
        if parts.is_none() {
            self.place = start;
        }
        parts.map(|parts| parts.join(&PART.to_string()))
    }

    fn search(&mut self) -> Option<String> {
        self.clause(|reader| {
            reader.word("search")?;
            let way =
                if reader.word("depth").is_some() { "depth" } else { reader.word("breadth").map(|()| "breadth")? };
            reader.word("first")?;
            reader.keyword(Keyword::BY)?;
            let columns = reader.names()?;
            reader.keyword(Keyword::SET)?;
            Some([vec!["search".to_owned(), way.to_owned(), reader.name()?], columns].concat())
        })
    }

    fn cycle(&mut self) -> Option<String> {
        self.clause(|reader| {
            reader.word("cycle")?;
            let columns = reader.names()?;
            reader.keyword(Keyword::SET)?;
            let mark = reader.name()?;
            let (value, other) = match reader.keyword(Keyword::TO) {
                Some(()) => (reader.constant(Keyword::DEFAULT)?, reader.constant(Keyword::USING)?),
                None => {
                    reader.keyword(Keyword::USING)?;
                    ("true".to_owned(), "false".to_owned())
                }
            };
            Some([vec!["cycle".to_owned(), mark, value, other, reader.name()?], columns].concat())
        })
    }

    fn token(&self) -> Option<&TokenWithSpan> {
        self.words.get(self.place).map(|&at| &self.tokens[at])
    }

    fn word(&mut self, text: &str) -> Option<()> {
        self.token().filter(|token| is_word(token, text))?;
        self.place += 1;
        Some(())
    }

    fn keyword(&mut self, keyword: Keyword) -> Option<()> {
        self.token().filter(|token| is(token, keyword))?;
        self.place += 1;
        Some(())
    }

    fn name(&mut self) -> Option<String> {
        let Token::Word(word) = &self.token()?.token else { return None };
        let name = if word.quote_style.is_some() { word.value.clone() } else { word.value.to_lowercase() };
        self.place += 1;
        Some(name)
    }

    fn names(&mut self) -> Option<Vec<String>> {
        let mut names = vec![self.name()?];
        while self.token().is_some_and(|token| token.token == Token::Comma) {
            self.place += 1;
            names.push(self.name()?);
        }
        Some(names)
    }

    /// A constant up to a word, which it passes.
    fn constant(&mut self, end: Keyword) -> Option<String> {
        let mut text = String::new();
        while self.keyword(end).is_none() {
            text.push_str(&self.token()?.token.to_string());
            text.push(' ');
            self.place += 1;
        }
        Some(text)
    }
}
