//! Forms that PostgreSQL has and sqlparser lacks, given to it as others that it has and that mean the same:
//!
//! | written | read as |
//! |---|---|
//! | `TABLE t …` | `SELECT * FROM t …` |
//! | `CREATE TABLE t (a, b) AS …` | `CREATE TABLE t (a text, b text) AS …`; only the names are looked at |
//! | `CREATE TABLE t AS … WITH NO DATA` | `CREATE TABLE t AS … LIMIT 0` |
//! | `ALTER VIEW v RENAME …` | `ALTER TABLE v RENAME …` |
//! | `ALTER TABLE t SET SCHEMA s` | a RENAME to `s` in a schema that cannot be |
//! | `U&'…'`, `$tag$…$tag$` | the string that it stands for |
//! | `SELECT … INTO t` | `CREATE TABLE t AS SELECT …` |
//! | `FROM ONLY t` | `FROM t` |
//! | `ABORT` | `ROLLBACK` |
//! | `trim(trailing FROM x)`, `trim(FROM x)` | `rtrim(x)`, `btrim(x)` |
//! | `SELECT`, `SELECT WHERE …` | `SELECT FROM (SELECT 1) AS nothing …` |
//! | `current_role`, `current_schema` | `current_role()`, `current_schema()` |
//! | `BEGIN … [NOT] DEFERRABLE` | `BEGIN …`; it says something of SERIALIZABLE alone |
//! | `THEN DO NOTHING`, `THEN INSERT DEFAULT VALUES` | an UPDATE or INSERT of a column that no table has |
//!
//! Tokens keep the places that they had, so that an error points to the text. Names are cut at 63 bytes here, wherever
//! they stand.

use sqlparser::ast;
use sqlparser::ast::helpers::stmt_create_table::CreateTableBuilder;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{TextIndex, identity, past};
use crate::error::{SqlError, SqlState};

/// The column whose assignment in MERGE stands for DO NOTHING.
pub(crate) const NOTHING_MARK: &str = "\u{1}nothing";
/// The column whose insertion in MERGE stands for DEFAULT VALUES.
pub(crate) const DEFAULTS_MARK: &str = "\u{1}defaults";

/// The schema of the name behind RENAME TO that stands for SET SCHEMA.
pub(crate) const SCHEMA_MARK: &str = "\u{1}schema";

/// The tokens of a query string, its statements in forms that sqlparser knows.
pub(super) fn rewrite(tokens: Vec<TokenWithSpan>, index: &TextIndex<'_>) -> Result<Vec<TokenWithSpan>, SqlError> {
    refuse_junk(&tokens, index)?;
    let mut rewritten = Vec::with_capacity(tokens.len());
    let mut statement: Vec<TokenWithSpan> = Vec::new();
    for mut token in tokens {
        tidy(&mut token, index)?;
        let ends = matches!(token.token, Token::SemiColon | Token::EOF);
        statement.push(token);
        if ends {
            rewritten.append(&mut rewrite_statement(std::mem::take(&mut statement)));
        }
    }
    rewritten.append(&mut rewrite_statement(statement));
    Ok(rewritten)
}

/// A number that a word follows without a blank is neither.
fn refuse_junk(tokens: &[TokenWithSpan], index: &TextIndex<'_>) -> Result<(), SqlError> {
    for pair in tokens.windows(2) {
        if let (Token::Number(number, _), Token::Word(word)) = (&pair[0].token, &pair[1].token)
            && word.quote_style.is_none()
            && pair[0].span.end == pair[1].span.start
        {
            let message = format!("trailing junk after numeric literal at or near \"{number}{}\"", word.value);
            return Err(SqlError::new(SqlState::SYNTAX_ERROR, message).position(index.position_at(pair[0].span.start)));
        }
    }
    Ok(())
}

/// `WITH … INSERT` as an INSERT whose source has the WITH.
pub(super) fn insert_with(statement: ast::Statement) -> ast::Statement {
    let ast::Statement::Query(mut query) = statement else { return statement };
    let ast::SetExpr::Insert(ast::Statement::Insert(mut insert)) = *query.body else {
        return ast::Statement::Query(query);
    };
    if let (Some(source), Some(with)) = (&mut insert.source, query.with.take())
        && source.with.is_none()
    {
        source.with = Some(with);
    }
    ast::Statement::Insert(insert)
}

/// `SELECT … INTO t` as CREATE TABLE AS.
pub(super) fn select_into(statement: ast::Statement) -> ast::Statement {
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

fn tidy(token: &mut TokenWithSpan, index: &TextIndex<'_>) -> Result<(), SqlError> {
    match &mut token.token {
        Token::Word(word) if word.quote_style == Some('"') && word.value.is_empty() => {
            let message = "zero-length delimited identifier at or near \"\"\"\"";
            return Err(SqlError::new(SqlState::SYNTAX_ERROR, message).position(index.position_at(token.span.start)));
        }
        Token::UnicodeStringLiteral(text) => token.token = Token::SingleQuotedString(std::mem::take(text)),
        Token::DollarQuotedString(text) => token.token = Token::SingleQuotedString(std::mem::take(&mut text.value)),
        _ => {}
    }
    Ok(())
}

fn rewrite_statement(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let words: Vec<usize> = (0..tokens.len()).filter(|&at| !is_blank(&tokens[at])).collect();
    let keyword = |place: usize| words.get(place).and_then(|&at| keyword_of(&tokens[at]));
    match (keyword(0), keyword(1)) {
        (Some(Keyword::ALTER), Some(Keyword::TABLE | Keyword::VIEW)) if set_schema_at(&tokens, &words).is_some() => {
            tokens[words[1]].token = Token::make_keyword("TABLE");
            rename_into_schema(&mut tokens, &words);
        }
        (Some(Keyword::ALTER), Some(Keyword::VIEW)) if words.iter().any(|&at| is(&tokens[at], Keyword::RENAME)) => {
            tokens[words[1]].token = Token::make_keyword("TABLE");
        }
        (Some(Keyword::CREATE), Some(Keyword::TABLE)) => create_table_as(&mut tokens, &words),
        (Some(Keyword::ABORT), _) => tokens[words[0]].token = Token::make_keyword("ROLLBACK"),
        (Some(Keyword::BEGIN | Keyword::START), _) | (Some(Keyword::SET), Some(Keyword::TRANSACTION)) => {
            leave_out_deferrable(&mut tokens, &words);
        }
        _ => {}
    }
    past::settle(&mut tokens);
    identity::rewrite(&mut tokens);
    merge_deeds(&mut tokens);
    leave_out_only(&mut tokens);
    empty_selects(table_commands(bare_functions(trims_of_blanks(tokens))))
}

/// Where SET SCHEMA stands: two words before the last name.
fn set_schema_at(tokens: &[TokenWithSpan], words: &[usize]) -> Option<usize> {
    let ends = |at: usize| matches!(tokens[at].token, Token::SemiColon | Token::EOF);
    let end = words.iter().position(|&at| ends(at)).unwrap_or(words.len());
    let set = end.checked_sub(3)?;
    (is(&tokens[words[set]], Keyword::SET) && is(&tokens[words[set + 1]], Keyword::SCHEMA)).then_some(set)
}

fn rename_into_schema(tokens: &mut Vec<TokenWithSpan>, words: &[usize]) {
    let Some(set) = set_schema_at(tokens, words) else { return };
    let (verb, noun, name) = (words[set], words[set + 1], words[set + 2]);
    tokens[verb].token = Token::make_keyword("RENAME");
    tokens[noun].token = Token::make_keyword("TO");
    let span = tokens[name].span;
    let mark = [Token::make_word(SCHEMA_MARK, Some('"')), Token::Period];
    tokens.splice(name..name, mark.map(|token| TokenWithSpan { token, span }));
}

/// `FROM ONLY t` is `FROM t`: no table has others that inherit from it.
fn leave_out_only(tokens: &mut Vec<TokenWithSpan>) {
    let words: Vec<usize> = (0..tokens.len()).filter(|&at| !is_blank(&tokens[at])).collect();
    let is_before_table = |token: &TokenWithSpan| {
        matches!(
            keyword_of(token),
            Some(Keyword::FROM | Keyword::JOIN | Keyword::UPDATE | Keyword::INTO | Keyword::USING)
        )
    };
    let needless = words.windows(3).filter(|three| {
        is_before_table(&tokens[three[0]])
            && is(&tokens[three[1]], Keyword::ONLY)
            && matches!(tokens[three[2]].token, Token::Word(_))
    });
    let needless: Vec<usize> = needless.map(|three| three[1]).collect();
    for at in needless.into_iter().rev() {
        tokens.remove(at);
    }
}

/// A SELECT of nothing from nowhere gets somewhere to select from.
fn empty_selects(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let next_word = |from: usize| tokens[from..].iter().find(|token| !is_blank(token));
    let is_empty = |at: usize| {
        is(&tokens[at], Keyword::SELECT)
            && next_word(at + 1).is_none_or(|next| {
                matches!(next.token, Token::SemiColon | Token::EOF | Token::RParen)
                    || matches!(keyword_of(next), Some(Keyword::UNION | Keyword::INTERSECT | Keyword::EXCEPT))
                    || matches!(keyword_of(next), Some(Keyword::WHERE | Keyword::LIMIT | Keyword::OFFSET))
            })
    };
    let places: Vec<usize> = (0..tokens.len()).filter(|&at| is_empty(at)).collect();
    let mut tokens = tokens;
    for at in places.into_iter().rev() {
        let span = tokens[at].span;
        let word = Token::make_keyword;
        let one = [word("FROM"), Token::LParen, word("SELECT"), Token::Number("1".to_owned(), false), Token::RParen];
        let source = one.into_iter().chain([word("AS"), Token::make_word("nothing", None)]);
        tokens.splice(at + 1..at + 1, source.map(|token| TokenWithSpan { token, span }));
    }
    tokens
}

/// `trim(trailing from x)` without what to trim, as the function of that end.
fn trims_of_blanks(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let words: Vec<usize> = (0..tokens.len()).filter(|&at| !is_blank(&tokens[at])).collect();
    let mut gone = Vec::new();
    for four in words.windows(4) {
        let [name, open, end, from] = [four[0], four[1], four[2], four[3]];
        let function = match keyword_of(&tokens[end]) {
            Some(Keyword::LEADING) => "ltrim",
            Some(Keyword::TRAILING) => "rtrim",
            Some(Keyword::BOTH | Keyword::FROM) => "btrim",
            _ => continue,
        };
        let has_end = !is(&tokens[end], Keyword::FROM);
        let is_trim = is(&tokens[name], Keyword::TRIM) && tokens[open].token == Token::LParen;
        if is_trim && (!has_end || is(&tokens[from], Keyword::FROM)) {
            tokens[name].token = Token::make_word(function, None);
            gone.push(end);
            gone.extend(has_end.then_some(from));
        }
    }
    for at in gone.into_iter().rev() {
        tokens.remove(at);
    }
    tokens
}

/// `current_role` and `current_schema` as the calls that they are.
fn bare_functions(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let is_bare =
        |token: &TokenWithSpan| matches!(keyword_of(token), Some(Keyword::CURRENT_ROLE | Keyword::CURRENT_SCHEMA));
    if !tokens.iter().any(is_bare) {
        return tokens;
    }
    let mut rewritten = Vec::with_capacity(tokens.len() + 2);
    let mut tokens = tokens.into_iter().peekable();
    let mut follows_dot = false;
    while let Some(token) = tokens.next() {
        let is_call = tokens.peek().is_some_and(|next| next.token == Token::LParen);
        let calls = is_bare(&token) && !is_call && !follows_dot;
        follows_dot = token.token == Token::Period;
        let span = token.span;
        rewritten.push(token);
        if calls {
            rewritten.extend([Token::LParen, Token::RParen].map(|token| TokenWithSpan { token, span }));
        }
    }
    rewritten
}

/// Takes `[,] [NOT] DEFERRABLE` out of a list of transaction modes.
fn leave_out_deferrable(tokens: &mut Vec<TokenWithSpan>, words: &[usize]) {
    let Some(place) = words.iter().position(|&at| is(&tokens[at], Keyword::DEFERRABLE)) else { return };
    let mut first = place;
    if first > 0 && is(&tokens[words[first - 1]], Keyword::NOT) {
        first -= 1;
    }
    if first > 0 && tokens[words[first - 1]].token == Token::Comma {
        first -= 1;
    }
    tokens.drain(words[first]..=words[place]);
}

/// What may stand behind a THEN of MERGE and sqlparser does not know there.
fn merge_deeds(tokens: &mut Vec<TokenWithSpan>) {
    const NOTHING: &[Keyword] = &[Keyword::THEN, Keyword::DO, Keyword::NOTHING];
    const DEFAULTS: &[Keyword] = &[Keyword::THEN, Keyword::INSERT, Keyword::DEFAULT, Keyword::VALUES];
    let words: Vec<usize> = (0..tokens.len()).filter(|&at| !is_blank(&tokens[at])).collect();
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
fn create_table_as(tokens: &mut Vec<TokenWithSpan>, words: &[usize]) {
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

/// `TABLE t` where a query may stand.
fn table_commands(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut rewritten: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut earlier: [Option<Token>; 3] = [None, None, None];
    for token in tokens {
        if is_blank(&token) {
            rewritten.push(token);
            continue;
        }
        if is(&token, Keyword::TABLE) && query_may_follow(&earlier) {
            let span = token.span;
            let put = |token| TokenWithSpan { token, span };
            rewritten.push(put(Token::make_keyword("SELECT")));
            rewritten.push(put(Token::Mul));
            rewritten.push(put(Token::make_keyword("FROM")));
        } else {
            rewritten.push(token.clone());
        }
        earlier.rotate_right(1);
        earlier[0] = Some(token.token);
    }
    rewritten
}

/// Whether a query may begin behind these tokens, the last one first.
fn query_may_follow(earlier: &[Option<Token>; 3]) -> bool {
    let keyword = |at: usize| match &earlier[at] {
        Some(Token::Word(word)) if word.quote_style.is_none() => Some(word.keyword),
        _ => None,
    };
    match (&earlier[0], keyword(0)) {
        (None, _) | (Some(Token::LParen), _) => true,
        (_, Some(Keyword::UNION | Keyword::INTERSECT | Keyword::EXCEPT | Keyword::AS | Keyword::EXPLAIN)) => true,
        (_, Some(Keyword::ALL | Keyword::DISTINCT)) => {
            matches!(keyword(1), Some(Keyword::UNION | Keyword::INTERSECT | Keyword::EXCEPT))
        }
        (_, Some(Keyword::FOR)) => matches!(keyword(1), Some(Keyword::CURSOR | Keyword::HOLD)),
        // INSERT INTO t TABLE u
        (Some(Token::Word(_)), _) => keyword(1) == Some(Keyword::INTO) && keyword(2) == Some(Keyword::INSERT),
        _ => false,
    }
}

pub(super) fn is_blank(token: &TokenWithSpan) -> bool {
    matches!(token.token, Token::Whitespace(_))
}

pub(super) fn is(token: &TokenWithSpan, keyword: Keyword) -> bool {
    keyword_of(token) == Some(keyword)
}

pub(super) fn keyword_of(token: &TokenWithSpan) -> Option<Keyword> {
    match &token.token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.keyword),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::parse::{Tree, parse};

    fn printed(sql: &str) -> String {
        let statements = parse(sql, &mut Vec::new()).expect("parses");
        let Tree::Sql(tree) = &*statements[0].tree else { panic!("no SQL") };
        tree.to_string()
    }

    #[test]
    fn table_is_a_query() {
        assert_eq!(printed("table t order by a limit 1"), "SELECT * FROM t ORDER BY a LIMIT 1");
        assert_eq!(printed("select 1 union all table t"), "SELECT 1 UNION ALL SELECT * FROM t");
        assert_eq!(printed("insert into u table t"), "INSERT INTO u SELECT * FROM t");
        assert_eq!(printed("drop table t"), "DROP TABLE t");
    }

    #[test]
    fn blanks_are_trimmed_by_functions() {
        assert_eq!(printed("select trim(trailing from 'a '), trim(both from b)"), "SELECT rtrim('a '), btrim(b)");
        assert_eq!(printed("select trim(leading 'x' from b)"), "SELECT TRIM(LEADING 'x' FROM b)");
    }

    #[test]
    fn a_select_may_be_of_nothing() {
        assert_eq!(printed("select;"), "SELECT FROM (SELECT 1) AS nothing");
        assert_eq!(printed("select where false"), "SELECT FROM (SELECT 1) AS nothing WHERE false");
        assert_eq!(printed("select from t"), "SELECT FROM t");
    }

    #[test]
    fn names_of_the_session_are_calls() {
        assert_eq!(printed("select current_role, current_schema"), "SELECT current_role(), current_schema()");
        assert_eq!(printed("select current_schema(), t.current_role"), "SELECT current_schema(), t.current_role");
    }

    #[test]
    fn create_table_as_takes_names_and_no_data() {
        assert_eq!(printed("create table t (a, b) as select 1, 2"), "CREATE TABLE t (a TEXT, b TEXT) AS SELECT 1, 2");
        assert_eq!(printed("create table t as select 1 with no data"), "CREATE TABLE t AS SELECT 1 LIMIT 0");
        assert_eq!(printed("create table t as select 1 with data;"), "CREATE TABLE t AS SELECT 1");
        assert!(parse("create table t (a)", &mut Vec::new()).is_err());
    }

    #[test]
    fn views_are_renamed_and_names_are_cut() {
        assert_eq!(printed("alter view v rename to w"), "ALTER TABLE v RENAME TO w");
        let long = "x".repeat(70);
        assert_eq!(printed(&format!("select {long}")), format!("SELECT {}", "x".repeat(63)));
        assert!(parse("select \"\"", &mut Vec::new()).is_err());
    }

    #[test]
    fn transactions_have_more_words() {
        assert_eq!(printed("abort"), "ROLLBACK");
        let modes = "begin isolation level read committed, read only, not deferrable";
        assert_eq!(printed(modes), "BEGIN ISOLATION LEVEL READ COMMITTED, READ ONLY");
        assert_eq!(printed("begin deferrable;"), "BEGIN");
    }

    #[test]
    fn an_insert_keeps_its_with() {
        assert_eq!(
            printed("with w as (select 1) insert into t select * from w"),
            "INSERT INTO t WITH w AS (SELECT 1) SELECT * FROM w"
        );
    }
}
