//! Forms of whole statements.

use sqlparser::ast;
use sqlparser::ast::helpers::stmt_create_table::CreateTableBuilder;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{DEFAULTS_MARK, NOTHING_MARK, RESET_MARK, SCHEMA_MARK, is, words};
use crate::parse::{bare_query, parse_query};

/// `WITH … INSERT` as an INSERT whose source has the WITH, unless that changes rows itself.
pub(in crate::parse) fn insert_with(statement: ast::Statement) -> ast::Statement {
    let query = match statement {
        ast::Statement::Query(query) if !changes_rows(&query) => query,
        ast::Statement::Explain { .. } => return explained_insert_with(statement),
        other => return other,
    };
    match *query.body {
        ast::SetExpr::Insert(ast::Statement::Insert(insert)) => ast::Statement::Insert(under_with(insert, query.with)),
        body => ast::Statement::Query(Box::new(ast::Query { body: Box::new(body), ..*query })),
    }
}

fn explained_insert_with(mut explain: ast::Statement) -> ast::Statement {
    if let ast::Statement::Explain { statement, .. } = &mut explain {
        **statement = insert_with(statement.as_ref().clone());
    }
    explain
}

/// What DEFAULT VALUES gives, as a query: a row of no columns.
const DEFAULT_VALUES: &str = "SELECT FROM (SELECT 1) AS defaults";

/// The INSERT with its source under a WITH; one that the source has itself stays nearer.
pub(crate) fn under_with(mut insert: ast::Insert, with: Option<ast::With>) -> ast::Insert {
    let Some(with) = with else { return insert };
    if insert.source.is_none() {
        insert.source = parse_query(DEFAULT_VALUES).ok();
    }
    if let Some(source) = &mut insert.source {
        if source.with.is_some() {
            **source = bare_query(ast::SetExpr::Query(source.clone()));
        }
        source.with = Some(with);
    }
    insert
}

/// The WITH before an INSERT, which [`under_with`] gave its source. One of the source's own stands behind the verb.
pub(crate) fn with_before(insert: &ast::Insert) -> Option<&ast::With> {
    let with = insert.source.as_ref()?.with.as_ref()?;
    (with.with_token.0.span.start < insert.insert_token.0.span.start).then_some(with)
}

/// Whether a query of the WITH before this one changes rows.
pub(crate) fn changes_rows(query: &ast::Query) -> bool {
    query.with.iter().flat_map(|with| &with.cte_tables).any(|part| is_change(&part.query))
}

/// Whether it is INSERT, UPDATE, DELETE or MERGE, as a query of a WITH may be.
pub(crate) fn is_change(query: &ast::Query) -> bool {
    use ast::SetExpr as E;
    matches!(query.body.as_ref(), E::Insert(_) | E::Update(_) | E::Delete(_) | E::Merge(_))
}

/// `SELECT … INTO t` as CREATE TABLE AS.
pub(in crate::parse) fn select_into(statement: ast::Statement) -> ast::Statement {
    let ast::Statement::Query(mut query) = statement else { return statement };
    match first_select(&mut query.body).and_then(|select| select.into.take()) {
        None => ast::Statement::Query(query),
        Some(into) => CreateTableBuilder::new(into.name).temporary(into.temporary).query(Some(query)).build().into(),
    }
}

fn first_select(body: &mut ast::SetExpr) -> Option<&mut ast::Select> {
    match body {
        ast::SetExpr::Select(select) => Some(select),
        ast::SetExpr::SetOperation { left, .. } => first_select(left),
        _ => None,
    }
}

/// Where SET SCHEMA stands: two words before the last name.
pub(super) fn set_schema_at(tokens: &[TokenWithSpan], words: &[usize]) -> Option<usize> {
    let ends = |at: usize| matches!(tokens[at].token, Token::SemiColon | Token::EOF);
    let end = words.iter().position(|&at| ends(at)).unwrap_or(words.len());
    let set = end.checked_sub(3)?;
    (is(&tokens[words[set]], Keyword::SET) && is(&tokens[words[set + 1]], Keyword::SCHEMA)).then_some(set)
}

pub(super) fn rename_into_schema(tokens: &mut Vec<TokenWithSpan>, words: &[usize]) {
    let Some(set) = set_schema_at(tokens, words) else { return };
    let (verb, noun, name) = (words[set], words[set + 1], words[set + 2]);
    tokens[verb].token = Token::make_keyword("RENAME");
    tokens[noun].token = Token::make_keyword("TO");
    let span = tokens[name].span;
    let mark = [Token::make_word(SCHEMA_MARK, Some('"')), Token::Period];
    tokens.splice(name..name, mark.map(|token| TokenWithSpan { token, span }));
}

/// `RESET (a, b)` of options as SET, each to a mark.
pub(super) fn reset_options(tokens: &mut Vec<TokenWithSpan>) {
    let words = words(tokens);
    let opens = |pair: &[usize]| is(&tokens[pair[0]], Keyword::RESET) && tokens[pair[1]].token == Token::LParen;
    let Some(verb) = words.windows(2).position(opens) else { return };
    let list = words[verb + 2..].iter().copied();
    let end = list.clone().find(|&at| tokens[at].token == Token::RParen);
    let ends = list.filter(|&at| Some(at) <= end && matches!(tokens[at].token, Token::Comma | Token::RParen));
    let ends: Vec<usize> = ends.collect();
    tokens[words[verb]].token = Token::make_keyword("SET");
    for &at in ends.iter().rev() {
        let span = tokens[at].span;
        let mark = [Token::Eq, Token::make_word(RESET_MARK, Some('"'))];
        tokens.splice(at..at, mark.map(|token| TokenWithSpan { token, span }));
    }
}

/// `DEFERRABLE` becomes a level that PostgreSQL has not, `NOT DEFERRABLE` the same twice.
pub(super) fn mark_deferrable(tokens: &mut Vec<TokenWithSpan>, words: &[usize]) {
    // Who writes that level must get the error of a word that is none.
    for at in words.iter().copied().filter(|&at| is(&tokens[at], Keyword::SNAPSHOT)).collect::<Vec<_>>() {
        if words.iter().any(|&level| level < at && is(&tokens[level], Keyword::LEVEL)) {
            tokens[at].token = Token::make_word("snapshot", Some('"'));
        }
    }
    let Some(place) = words.iter().position(|&at| is(&tokens[at], Keyword::DEFERRABLE)) else { return };
    let is_negated = place > 0 && is(&tokens[words[place - 1]], Keyword::NOT);
    let first = if is_negated { place - 1 } else { place };
    let span = tokens[words[place]].span;
    let marks = if is_negated { 2 } else { 1 };
    let levels = (0..marks).flat_map(|_| ["ISOLATION", "LEVEL", "SNAPSHOT"].map(Token::make_keyword));
    let levels: Vec<_> = levels.map(|token| TokenWithSpan { token, span }).collect();
    tokens.splice(words[first]..=words[place], levels);
}

/// NAMES with what it is set to, of which the words are given, as the setting that it is.
pub(super) fn set_names(tokens: &mut Vec<TokenWithSpan>, words: &[usize]) {
    let next = words.get(1).map(|&at| &tokens[at].token);
    let is_bare = next.is_none_or(|token| matches!(token, Token::SemiColon | Token::EOF));
    let span = tokens[words[0]].span;
    let mut form = vec![Token::make_word("client_encoding", None), Token::make_keyword("TO")];
    form.extend(is_bare.then(|| Token::make_keyword("DEFAULT")));
    tokens.splice(words[0]..=words[0], form.into_iter().map(|token| TokenWithSpan { token, span }));
}

/// What may stand behind a THEN of MERGE and sqlparser does not know there.
pub(super) fn merge_deeds(tokens: &mut Vec<TokenWithSpan>) {
    const NOTHING: &[Keyword] = &[Keyword::THEN, Keyword::DO, Keyword::NOTHING];
    const DEFAULTS: &[Keyword] = &[Keyword::THEN, Keyword::INSERT, Keyword::DEFAULT, Keyword::VALUES];
    let words = words(tokens);
    for place in (0..words.len()).rev() {
        let stands = |form: &[Keyword]| {
            form.iter().enumerate().all(|(i, &word)| words.get(place + i).is_some_and(|&at| is(&tokens[at], word)))
        };
        let (mark, length) = match (stands(NOTHING), stands(DEFAULTS)) {
            (true, _) => (NOTHING_MARK, NOTHING.len()),
            (_, true) => (DEFAULTS_MARK, DEFAULTS.len()),
            _ => continue,
        };
        // The condition between MATCHED and THEN may be long.
        let matched = words[..place].iter().rposition(|&at| is(&tokens[at], Keyword::MATCHED));
        let is_not = matched.and_then(|at| at.checked_sub(1)).is_some_and(|at| is(&tokens[words[at]], Keyword::NOT));
        let (from, to, span) = (words[place + 1], words[place + length - 1], tokens[words[place + 1]].span);
        let deed = if is_not { inserted(mark) } else { updated(mark) };
        tokens.splice(from..=to, deed.into_iter().map(|token| TokenWithSpan { token, span }));
    }
}

fn inserted(column: &str) -> Vec<Token> {
    let word = Token::make_keyword;
    let column = Token::make_word(column, Some('"'));
    vec![
        word("INSERT"),
        Token::LParen,
        column,
        Token::RParen,
        word("VALUES"),
        Token::LParen,
        word("NULL"),
        Token::RParen,
    ]
}

fn updated(column: &str) -> Vec<Token> {
    let word = Token::make_keyword;
    vec![word("UPDATE"), word("SET"), Token::make_word(column, Some('"')), Token::Eq, word("NULL")]
}

/// The list of names and the end of CREATE TABLE AS.
pub(super) fn create_table_as(tokens: &mut Vec<TokenWithSpan>, words: &[usize]) {
    let Some(as_place) = words.iter().position(|&at| is(&tokens[at], Keyword::AS)) else { return };
    let names = names_before(tokens, words, as_place);
    let end =
        words.len() - usize::from(tokens.last().is_some_and(|t| matches!(t.token, Token::SemiColon | Token::EOF)));
    let ends_with = |tail: &[Keyword]| {
        end > as_place + tail.len()
            && tail.iter().enumerate().all(|(i, &word)| is(&tokens[words[end - tail.len() + i]], word))
    };
    if ends_with(&[Keyword::WITH, Keyword::NO, Keyword::DATA]) {
        tokens[words[end - 3]].token = Token::make_keyword("LIMIT");
        tokens[words[end - 2]].token = Token::Number("0".to_owned(), false);
        tokens.remove(words[end - 1]);
    } else if ends_with(&[Keyword::WITH, Keyword::DATA]) {
        tokens.drain(words[end - 2]..=words[end - 1]);
    }
    for at in names.into_iter().rev() {
        let span = tokens[at].span;
        tokens.insert(at + 1, TokenWithSpan { token: Token::make_keyword("text"), span });
    }
}

/// The names in parentheses right before AS.
fn names_before(tokens: &[TokenWithSpan], words: &[usize], as_place: usize) -> Vec<usize> {
    let mut names = Vec::new();
    let mut place = as_place;
    let mut before = || {
        place = place.checked_sub(1)?;
        Some(words[place])
    };
    if before().is_none_or(|at| tokens[at].token != Token::RParen) {
        return Vec::new();
    }
    loop {
        match before() {
            Some(at) if matches!(tokens[at].token, Token::Word(_)) => names.push(at),
            _ => return Vec::new(),
        }
        match before().map(|at| &tokens[at].token) {
            Some(Token::Comma) => {}
            Some(Token::LParen) => {
                names.reverse();
                return names;
            }
            _ => return Vec::new(),
        }
    }
}
