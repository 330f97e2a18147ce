//! Forms that PostgreSQL has and sqlparser lacks, given to it as others that it has and that mean the same:
//!
//! | written | read as |
//! |---|---|
//! | `TABLE t …` | `SELECT * FROM t …` |
//! | `CREATE TABLE t (a, b) AS …` | `CREATE TABLE t (a text, b text) AS …`; only the names are looked at |
//! | `CREATE TABLE t AS … WITH NO DATA` | `CREATE TABLE t AS … LIMIT 0` |
//! | `ALTER VIEW v RENAME …` | `ALTER TABLE v RENAME …` |
//! | `ALTER TABLE t SET SCHEMA s` | a RENAME to `s` in a schema that cannot be |
//! | `ALTER TABLE t RESET (a)` | SET of `a` to a mark |
//! | `'a'` and `'b'` on the next line | `'ab'` |
//! | `a>-1` | `a > -1` |
//! | `OPERATOR(pg_catalog.=) ANY (…)` | `= ANY (…)` |
//! | `ORDER BY a USING <` | `ORDER BY a ASC` |
//! | `FETCH FIRST n ROWS ONLY` | `LIMIT n` |
//! | `substring(a SIMILAR b ESCAPE c)` | `substring(a FROM b FOR c)` |
//! | `GROUP BY DISTINCT a` | `GROUP BY` a column that no table has`, a` |
//! | `SELECT 1 and` | `SELECT 1 AS "and"` |
//! | `U&'…'`, `$tag$…$tag$` | the string that it stands for |
//! | `U&"…"` | the name that it stands for |
//! | `int ARRAY` | `int[]` |
//! | `= (VALUES …)`, `= ANY (VALUES …)` | `= ANY (SELECT * FROM (VALUES …) AS "values")` |
//! | `SELECT … INTO t` | `CREATE TABLE t AS SELECT …` |
//! | `FROM ONLY t` | `FROM t` |
//! | `ABORT` | `ROLLBACK` |
//! | `trim(trailing FROM x)`, `trim(FROM x)` | `rtrim(x)`, `btrim(x)` |
//! | `SELECT`, `SELECT WHERE …` | `SELECT FROM (SELECT 1) AS nothing …` |
//! | `current_role`, `current_schema` | `current_role()`, `current_schema()` |
//! | `BEGIN … DEFERRABLE` | `BEGIN … ISOLATION LEVEL SNAPSHOT`, a level that there is not |
//! | `BEGIN … NOT DEFERRABLE` | the same twice |
//! | `SET [LOCAL] NAMES …` | `SET [LOCAL] client_encoding TO …`; sqlparser forgets LOCAL |
//! | `FOR NO KEY UPDATE`, `FOR KEY SHARE` | `FOR UPDATE`, `FOR SHARE` |
//! | `FOR UPDATE OF a, b` | `FOR UPDATE OF a FOR UPDATE OF b` |
//! | `(row).*` | `(row).field`, where a mark stands for the field |
//! | `ROWS FROM (f(x), g(y))` | a call of a function whose name is a mark |
//! | `ROLLUP ((a)::text)` | `ROLLUP (((a)::text))`: in the inner parentheses stands a list |
//! | `GROUPING SETS (GROUPING SETS (a))` | the inner ones as a call of a function whose name is a mark |
//! | `SET a[1] = …`, `INSERT INTO t (a[1]) …` | a name whose last part is a mark called with `a[1]` |
//! | `THEN DO NOTHING`, `THEN INSERT DEFAULT VALUES` | an UPDATE or INSERT of a column that no table has |
//!
//! Tokens keep the places that they had, so that an error points to the text. Names are cut at 63 bytes here, wherever
//! they stand.

mod grouping;
mod labels;
mod names;
mod of_rows;
mod operators;
mod parts;
mod queries;
mod row_locks;
mod statements;
mod strings;

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

pub(crate) use self::grouping::NESTED_SETS;
pub(crate) use self::of_rows::{ALL_FIELDS, ROWS_FROM};
pub(super) use self::operators::tokenize;
pub(crate) use self::parts::is_part_mark;
pub(crate) use self::statements::{changes_rows, is_change, under_with, with_before};
pub(super) use self::statements::{insert_with, select_into};

use self::queries::{
    arrays_by_word, bare_functions, empty_selects, fetches_as_limits, groups_by_distinct, leave_out_only,
    orders_by_operator, quantified_values, substrings_by_pattern, table_commands, trims_of_blanks,
};
use self::statements::{
    create_table_as, mark_deferrable, merge_deeds, rename_into_schema, reset_options, set_names, set_schema_at,
};
use super::{TextIndex, exclusion, frame_offsets, identity, left_out, like, past, search_cycle};
use crate::error::{SqlError, SqlState};

/// The column whose assignment in MERGE stands for DO NOTHING.
pub(crate) const NOTHING_MARK: &str = "\u{1}nothing";
/// The column whose insertion in MERGE stands for DEFAULT VALUES.
pub(crate) const DEFAULTS_MARK: &str = "\u{1}defaults";

/// The key of GROUP BY that stands for DISTINCT.
pub(crate) const DISTINCT_MARK: &str = "\u{1}distinct";

/// The schema of the name behind RENAME TO that stands for SET SCHEMA.
pub(crate) const SCHEMA_MARK: &str = "\u{1}schema";

/// What ALTER TABLE … SET gives an option that is to be RESET.
pub(crate) const RESET_MARK: &str = "\u{1}reset";

/// The tokens of a query string, its statements in forms that sqlparser knows.
pub(super) fn rewrite(tokens: Vec<TokenWithSpan>, index: &TextIndex<'_>) -> Result<Vec<TokenWithSpan>, SqlError> {
    refuse_junk(&tokens, index)?;
    refuse_current_of(&tokens, index)?;
    let mut tokens = strings::join(operators::split_signs(tokens), index)?;
    names::unescape(&mut tokens, index)?;
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

/// A number that a word follows without a blank is neither, nor are `1_000` and `0x1F` numbers.
fn refuse_junk(tokens: &[TokenWithSpan], index: &TextIndex<'_>) -> Result<(), SqlError> {
    let refused = |token: &TokenWithSpan, junk: &str| {
        let message = format!("trailing junk after numeric literal at or near \"{junk}\"");
        Err(SqlError::new(SqlState::SYNTAX_ERROR, message).position(index.position_at(token.span.start)))
    };
    for (place, token) in tokens.iter().enumerate() {
        match (&token.token, tokens.get(place + 1).map(|next| (&next.token, next.span.start))) {
            (Token::Number(number, _), _) if number.contains('_') => {
                return refused(token, number.split_inclusive('_').next().unwrap_or_default());
            }
            (Token::HexStringLiteral(_), _) if index.text()[index.byte_at(token.span.start)..].starts_with("0x") => {
                return refused(token, "0x");
            }
            (Token::Number(number, _), Some((Token::Word(word), start)))
                if word.quote_style.is_none() && token.span.end == start =>
            {
                return refused(token, &format!("{number}{}", word.value));
            }
            _ => {}
        }
    }
    Ok(())
}

/// `WHERE CURRENT OF cursor`, of which sqlparser knows nothing.
fn refuse_current_of(tokens: &[TokenWithSpan], index: &TextIndex<'_>) -> Result<(), SqlError> {
    const FORM: [Keyword; 3] = [Keyword::WHERE, Keyword::CURRENT, Keyword::OF];
    if !tokens.iter().any(|token| is(token, Keyword::CURRENT)) {
        return Ok(());
    }
    let words = words(tokens);
    let stands = |three: &&[usize]| three.iter().zip(FORM).all(|(&at, word)| is(&tokens[at], word));
    match words.windows(FORM.len()).find(stands) {
        None => Ok(()),
        Some(form) => Err(SqlError::unsupported("WHERE CURRENT OF is not supported")
            .hint("Name the row by its key.")
            .position(index.position_at(tokens[form[1]].span.start))),
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
    left_out::rewrite(&mut tokens);
    let words = words(&tokens);
    let keyword = |place: usize| words.get(place).and_then(|&at| keyword_of(&tokens[at]));
    match (keyword(0), keyword(1)) {
        (Some(Keyword::ALTER), Some(Keyword::TABLE | Keyword::VIEW)) if set_schema_at(&tokens, &words).is_some() => {
            tokens[words[1]].token = Token::make_keyword("TABLE");
            rename_into_schema(&mut tokens, &words);
        }
        (Some(Keyword::ALTER), Some(Keyword::TABLE)) => reset_options(&mut tokens),
        (Some(Keyword::ALTER), Some(Keyword::VIEW)) if words.iter().any(|&at| is(&tokens[at], Keyword::RENAME)) => {
            tokens[words[1]].token = Token::make_keyword("TABLE");
        }
        (Some(Keyword::CREATE), Some(Keyword::TABLE)) => create_table_as(&mut tokens, &words),
        (Some(Keyword::ABORT), _) => tokens[words[0]].token = Token::make_keyword("ROLLBACK"),
        (Some(Keyword::BEGIN | Keyword::START), _) | (Some(Keyword::SET), Some(Keyword::TRANSACTION)) => {
            mark_deferrable(&mut tokens, &words);
        }
        (Some(Keyword::SET), Some(Keyword::SESSION)) if keyword(2) == Some(Keyword::CHARACTERISTICS) => {
            mark_deferrable(&mut tokens, &words);
        }
        (Some(Keyword::SET), Some(Keyword::NAMES)) => set_names(&mut tokens, &words[1..]),
        (Some(Keyword::SET), Some(Keyword::LOCAL | Keyword::SESSION)) if keyword(2) == Some(Keyword::NAMES) => {
            set_names(&mut tokens, &words[2..]);
        }
        _ => {}
    }
    labels::name_results(&mut tokens);
    past::settle(&mut tokens);
    identity::rewrite(&mut tokens);
    like::rewrite(&mut tokens);
    frame_offsets::rewrite(&mut tokens);
    exclusion::rewrite(&mut tokens);
    search_cycle::rewrite(&mut tokens);
    merge_deeds(&mut tokens);
    parts::assigned_parts(&mut tokens);
    leave_out_only(&mut tokens);
    row_locks::rewrite(&mut tokens);
    orders_by_operator(&mut tokens);
    fetches_as_limits(&mut tokens);
    groups_by_distinct(&mut tokens);
    substrings_by_pattern(&mut tokens);
    names::settle(&mut tokens);
    arrays_by_word(&mut tokens);
    operators::bare_before_quantifiers(&mut tokens);
    quantified_values(&mut tokens);
    of_rows::all_fields(&mut tokens);
    of_rows::rows_from(&mut tokens);
    grouping::tell_lists_apart(&mut tokens);
    empty_selects(table_commands(bare_functions(trims_of_blanks(tokens))))
}

pub(super) fn is_blank(token: &TokenWithSpan) -> bool {
    matches!(token.token, Token::Whitespace(_))
}

/// The places of the tokens that are no blanks.
pub(super) fn words(tokens: &[TokenWithSpan]) -> Vec<usize> {
    (0..tokens.len()).filter(|&at| !is_blank(&tokens[at])).collect()
}

/// Whether it is that word, which sqlparser may not know.
pub(super) fn is_word(token: &TokenWithSpan, text: &str) -> bool {
    matches!(&token.token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(text))
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
        assert_eq!(printed("with x as (select 1) table x"), "WITH x AS (SELECT 1) SELECT * FROM x");
        assert_eq!(printed("drop table t"), "DROP TABLE t");
    }

    #[test]
    fn names_are_the_clients_encoding() {
        assert_eq!(printed("set names 'latin1'"), "SET client_encoding = 'latin1'");
        assert_eq!(printed("set local names DEFAULT;"), "SET LOCAL client_encoding = DEFAULT");
        assert_eq!(printed("set session names"), "SET SESSION client_encoding = DEFAULT");
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
    fn strings_on_lines_are_one() {
        assert_eq!(printed("select 'a'\n  'b' -- more\n'c', 'd'"), "SELECT 'abc', 'd'");
        assert!(parse("select 'a' 'b'", &mut Vec::new()).is_err());
        assert!(parse("select 1_000", &mut Vec::new()).is_err());
        assert!(parse("select 0x1F", &mut Vec::new()).is_err());
    }

    #[test]
    fn operators_say_an_order() {
        let sql = "select a from t join u using (a) order by a using <, b using >";
        assert_eq!(printed(sql), "SELECT a FROM t JOIN u USING(a) ORDER BY a ASC, b DESC");
    }

    #[test]
    fn rows_are_fetched_by_limits() {
        let limited = |sql: &str| printed(&format!("select a from t {sql}"));
        assert_eq!(limited("fetch first row only"), "SELECT a FROM t LIMIT 1");
        assert_eq!(limited("offset 2 rows fetch next $1 rows only;"), "SELECT a FROM t LIMIT $1 OFFSET 2 ROWS");
        assert_eq!(limited("fetch first -1 rows only"), "SELECT a FROM t LIMIT -1");
        assert_eq!(limited("fetch first (1 + 1) rows only"), "SELECT a FROM t LIMIT (1 + 1)");
        assert!(parse("select a from t fetch first 1 + 1 rows only", &mut Vec::new()).is_err());
    }

    #[test]
    fn words_name_results_where_nothing_follows() {
        assert_eq!(printed("select 1 and"), "SELECT 1 AS \"and\"");
        assert_eq!(
            printed("select a in, (select b is) like from t"),
            "SELECT a AS \"in\", (SELECT b AS \"is\") AS \"like\" FROM t"
        );
        assert_eq!(printed("select 1 as current_role"), "SELECT 1 AS \"current_role\"");
        assert_eq!(printed("select current_role, a and b from t"), "SELECT current_role(), a AND b FROM t");
        assert!(parse("select a from t where a and", &mut Vec::new()).is_err());
        assert!(parse("select not in", &mut Vec::new()).is_err());
        assert!(parse("vacuum analyze", &mut Vec::new()).is_ok());
    }

    #[test]
    fn parts_are_found_by_patterns() {
        let expected = "SELECT SUBSTRING(a FROM (b) FOR '#')";
        assert_eq!(printed("select substring(a similar (b) escape '#')"), expected);
        assert!(parse("select substring(a similar b)", &mut Vec::new()).is_err());
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
        assert_eq!(
            printed(modes),
            "BEGIN ISOLATION LEVEL READ COMMITTED, READ ONLY, ISOLATION LEVEL SNAPSHOT, ISOLATION LEVEL SNAPSHOT"
        );
        assert_eq!(printed("begin deferrable;"), "BEGIN ISOLATION LEVEL SNAPSHOT");
        assert!(parse("begin isolation level snapshot", &mut Vec::new()).is_err());
    }

    #[test]
    fn names_are_what_sqlparser_has_forms_for() {
        assert_eq!(
            printed("select exists, t.trim from t where exists (select 1)"),
            "SELECT exists, t.trim FROM t WHERE EXISTS (SELECT 1)"
        );
        assert_eq!(printed("drop table if exists t"), "DROP TABLE IF EXISTS t");
        assert_eq!(printed("create table if not exists t (a int)"), "CREATE TABLE IF NOT EXISTS t (a INT)");
        assert_eq!(printed(r#"select U&"\0061b" from u&"x!+000062" uescape '!'"#), r#"SELECT "ab" FROM "xb""#);
        assert!(parse(r#"select U&"\00""#, &mut Vec::new()).is_err());
    }

    #[test]
    fn arrays_and_values_have_other_words() {
        assert_eq!(printed("select '{1}'::int ARRAY, array[1]"), "SELECT '{1}'::INT[], ARRAY[1]");
        assert_eq!(printed("create table t (a varchar(3) array)"), "CREATE TABLE t (a VARCHAR(3)[])");
        let expected = "SELECT 1 = ANY(SELECT * FROM (VALUES (1), (2)) AS \"values\")";
        assert_eq!(printed("select 1 = any (values (1), (2))"), expected);
    }

    #[test]
    fn rows_are_locked_in_two_strengths_by_one_name_each() {
        assert_eq!(printed("select 1 from a for no key update skip locked"), "SELECT 1 FROM a FOR UPDATE SKIP LOCKED");
        assert_eq!(printed("select 1 from a for key share;"), "SELECT 1 FROM a FOR SHARE");
        assert_eq!(
            printed("select 1 from a, b, c for update of a, \"b\" nowait for share of c"),
            "SELECT 1 FROM a, b, c FOR UPDATE OF a NOWAIT FOR UPDATE OF \"b\" NOWAIT FOR SHARE OF c"
        );
    }

    #[test]
    fn an_insert_keeps_its_with() {
        assert_eq!(
            printed("with w as (select 1) insert into t select * from w"),
            "INSERT INTO t WITH w AS (SELECT 1) SELECT * FROM w"
        );
    }
}
