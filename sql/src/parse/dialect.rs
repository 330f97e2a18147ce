//! How tightly operators bind, where sqlparser differs from PostgreSQL:
//!
//! | written | PostgreSQL reads | sqlparser |
//! |---|---|---|
//! | `a IS DISTINCT FROM b AND c` | `(a IS DISTINCT FROM b) AND c` | all that follows is the right side |
//! | `- a ^ b` | `(- a) ^ b` | `- (a ^ b)` |
//! | `\|/ a + b`, `~ a + b`, `@ a + b` | `\|/ (a + b)` | `(\|/ a) + b` |
//! | `a = b ~ c`, `a ~ b \|\| c` | `a = (b ~ c)`, `(a ~ b) \|\| c` | as a comparison |
//! | `a < b < c` | not at all | `(a < b) < c` |
//! | `a LIKE b OPERATOR(\|\|) c` | `a LIKE (b OPERATOR(\|\|) c)` | as LIKE |

use std::any::TypeId;

use sqlparser::ast::{BinaryOperator, DataType, Expr, Ident, ObjectName, ObjectNamePart, TypedString, UnaryOperator};
use sqlparser::dialect::{Dialect, PostgreSqlDialect, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::forms::is_part_mark;
use super::quantifier::{is_quantifier, quantified, quantified_operator};
use crate::keywords;
use crate::values::type_by_name;

/// Of a sign: above COLLATE, below a subscript, on sqlparser's scale for PostgreSQL.
const SIGN_PRECEDENCE: u8 = 125;

/// What stands before the lower bound of a BETWEEN whose bounds may be the other way round; the tree has no other word.
pub(crate) const SYMMETRIC: &str = "SYMMETRIC";

/// What stands before an array of a call's last arguments.
pub(crate) const VARIADIC: &str = "VARIADIC";

/// sqlparser's PostgreSQL with PostgreSQL's precedence.
#[derive(Debug)]
pub(super) struct PgDialect;

const INNER: PostgreSqlDialect = PostgreSqlDialect {};

fn other_operator() -> u8 {
    INNER.prec_value(Precedence::PgOther)
}

/// Features that sqlparser asks a dialect for; PostgreSqlDialect has each that it overrides listed here.
macro_rules! as_postgresql {
    ($($feature:ident)*) => { $(fn $feature(&self) -> bool { INNER.$feature() })* };
}

impl Dialect for PgDialect {
    fn dialect(&self) -> TypeId {
        INNER.dialect()
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        INNER.identifier_quote_style(identifier)
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        INNER.is_delimited_identifier_start(ch)
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        INNER.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        INNER.is_identifier_part(ch)
    }

    fn is_reserved_for_identifier(&self, keyword: Keyword) -> bool {
        INNER.is_reserved_for_identifier(keyword)
    }

    fn is_custom_operator_part(&self, ch: char) -> bool {
        INNER.is_custom_operator_part(ch)
    }

    fn prec_value(&self, precedence: Precedence) -> u8 {
        INNER.prec_value(precedence)
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        match &parser.peek_token_ref().token {
            Token::Word(word) if word.keyword == Keyword::OPERATOR => Some(Ok(other_operator())),
            token if is_pattern_operator(token) => Some(Ok(other_operator())),
            token if is_null_test(token) => Some(Ok(INNER.prec_value(Precedence::Is))),
            _ => INNER.get_next_precedence(parser),
        }
    }

    fn parse_prefix(&self, parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
        if is_word(&parser.peek_token_ref().token, Keyword::ROW) && parser.peek_nth_token_ref(1).token == Token::LParen
        {
            return Some(row(parser));
        }
        if let Some(literal) = typed_literal(parser).or_else(|| rounded_interval(parser)) {
            return Some(literal);
        }
        if parser.parse_keyword(Keyword::VARIADIC) {
            let array = parser.parse_expr();
            return Some(array.map(|array| Expr::Prefixed { prefix: Ident::new(VARIADIC), value: Box::new(array) }));
        }
        let (op, precedence) = match &parser.peek_token_ref().token {
            Token::Minus => (UnaryOperator::Minus, SIGN_PRECEDENCE),
            Token::Plus => (UnaryOperator::Plus, SIGN_PRECEDENCE),
            Token::Tilde => (UnaryOperator::BitwiseNot, other_operator()),
            Token::PGSquareRoot => (UnaryOperator::PGSquareRoot, other_operator()),
            Token::PGCubeRoot => (UnaryOperator::PGCubeRoot, other_operator()),
            Token::AtSign => (UnaryOperator::PGAbs, other_operator()),
            Token::ExclamationMark => (UnaryOperator::BangNot, other_operator()),
            _ => return None,
        };
        parser.advance_token();
        let operand = parser.parse_subexpr(precedence);
        Some(operand.map(|expr| Expr::UnaryOp { op, expr: Box::new(expr) }))
    }

    fn parse_infix(&self, parser: &mut Parser, left: &Expr, precedence: u8) -> Option<Result<Expr, ParserError>> {
        let comparison = INNER.prec_value(Precedence::Eq);
        if is_comparison(&parser.peek_token_ref().token) && compares(left) {
            return Some(parser.expected_ref("end of expression", parser.peek_token_ref()));
        }
        if precedence > comparison && is_quantified_pattern(parser) {
            // What ANY takes stands in parentheses: any operator may be in it.
            return Some(parser.parse_infix(left.clone(), comparison));
        }
        if let Some(op) = quantified_operator(parser) {
            return Some(quantified(parser, left, op, other_operator()));
        }
        if is_null_test(&parser.peek_token_ref().token) {
            parser.advance_token();
            return Some(Ok(Expr::IsNull(Box::new(left.clone()))));
        }
        if let Some(negated) = begins_between(parser) {
            if matches!(left, Expr::Between { .. }) {
                return Some(parser.expected_ref("end of expression", parser.peek_token_ref()));
            }
            if takes_symmetric(parser, negated) {
                return Some(symmetric(parser, left, negated));
            }
        }
        let of: fn(Box<Expr>, Box<Expr>) -> Expr =
            if parser.parse_keywords(&[Keyword::IS, Keyword::DISTINCT, Keyword::FROM]) {
                Expr::IsDistinctFrom
            } else if parser.parse_keywords(&[Keyword::IS, Keyword::NOT, Keyword::DISTINCT, Keyword::FROM]) {
                Expr::IsNotDistinctFrom
            } else {
                return None;
            };
        let right = parser.parse_subexpr(INNER.prec_value(Precedence::Is));
        Some(right.map(|right| of(Box::new(left.clone()), Box::new(right))))
    }

    fn is_select_item_alias(&self, explicit: bool, keyword: &Keyword, parser: &mut Parser) -> bool {
        explicit || INNER.is_select_item_alias(explicit, keyword, parser) && !keywords::needs_as(&word_of(keyword))
    }

    fn is_table_factor_alias(&self, explicit: bool, keyword: &Keyword, parser: &mut Parser) -> bool {
        INNER.is_table_factor_alias(explicit, keyword, parser) && keywords::is_column_name(&word_of(keyword))
    }

    fn is_identifier_generating_function_name(&self, ident: &Ident, _parts: &[ObjectNamePart]) -> bool {
        is_part_mark(ident)
    }

    fn supports_table_versioning(&self) -> bool {
        true
    }

    as_postgresql! {
        allow_extract_custom
        allow_extract_single_quotes
        supports_alter_column_type_using
        supports_array_typedef_with_brackets
        supports_comma_separated_trim
        supports_comment_on
        supports_comment_optimizer_hint
        supports_create_index_with_clause
        supports_create_table_like_parenthesized
        supports_empty_projections
        supports_explain_with_utility_options
        supports_filter_during_aggregation
        supports_geometric_types
        supports_group_by_expr
        supports_bitwise_shift_operators
        supports_insert_table_alias
        supports_interval_options
        supports_listen_notify
        supports_load_extension
        supports_named_fn_args_with_colon_operator
        supports_named_fn_args_with_expr_name
        supports_nested_comments
        supports_notnull_operator
        supports_select_wildcard_with_alias
        supports_set_names
        supports_string_escape_constant
        supports_unicode_string_literal
        supports_xml_expressions
    }
}

/// The word that a keyword is.
fn word_of(keyword: &Keyword) -> String {
    format!("{keyword:?}").to_lowercase()
}

fn is_comparison(token: &Token) -> bool {
    matches!(token, Token::Eq | Token::Neq | Token::Lt | Token::LtEq | Token::Gt | Token::GtEq)
}

/// Whether an expression is a comparison without parentheses, which cannot be compared itself.
fn compares(expr: &Expr) -> bool {
    use BinaryOperator as B;
    matches!(expr, Expr::BinaryOp { op: B::Eq | B::NotEq | B::Lt | B::LtEq | B::Gt | B::GtEq, .. })
}

pub(super) fn is_word(token: &Token, keyword: Keyword) -> bool {
    matches!(token, Token::Word(word) if word.keyword == keyword && word.quote_style.is_none())
}

/// `ISNULL`, which is no word of sqlparser's.
fn is_null_test(token: &Token) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("isnull"))
}

/// `interval(2) '1.25 seconds'`, of which sqlparser leaves the digits out.
fn rounded_interval(parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
    let is_rounded = is_word(&parser.peek_token_ref().token, Keyword::INTERVAL)
        && parser.peek_nth_token_ref(1).token == Token::LParen
        && parser.peek_nth_token_ref(3).token == Token::RParen
        && matches!(parser.peek_nth_token_ref(4).token, Token::SingleQuotedString(_));
    let Token::Number(digits, _) = &parser.peek_nth_token_ref(2).token else { return None };
    let precision = digits.parse().ok().filter(|_| is_rounded)?;
    (0..4).for_each(|_| parser.advance_token());
    let data_type = DataType::Interval { fields: None, precision: Some(precision) };
    let value = parser.parse_value();
    Some(value.map(|value| Expr::TypedString(TypedString { data_type, value, uses_odbc_syntax: false })))
}

/// `inet '10.0.0.1'`: a literal of a type whose name is no word of sqlparser's.
fn typed_literal(parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
    let Token::Word(word) = &parser.peek_token_ref().token else { return None };
    let is_literal = matches!(parser.peek_nth_token_ref(1).token, Token::SingleQuotedString(_));
    if word.quote_style.is_some() || word.keyword != Keyword::NoKeyword || !is_literal {
        return None;
    }
    type_by_name(&word.value, &[])?;
    let data_type = DataType::Custom(ObjectName::from(vec![Ident::new(word.value.clone())]), Vec::new());
    parser.advance_token();
    let value = parser.parse_value();
    Some(value.map(|value| Expr::TypedString(TypedString { data_type, value, uses_odbc_syntax: false })))
}

/// `ROW(a, b)`, which sqlparser takes for a call.
fn row(parser: &mut Parser) -> Result<Expr, ParserError> {
    parser.advance_token();
    parser.expect_token(&Token::LParen)?;
    let values = parser.parse_comma_separated0(Parser::parse_expr, Token::RParen)?;
    parser.expect_token(&Token::RParen)?;
    Ok(Expr::Tuple(values))
}

/// Whether `[NOT] BETWEEN` comes, and then whether it is negated.
fn begins_between(parser: &Parser) -> Option<bool> {
    let negated = is_word(&parser.peek_token_ref().token, Keyword::NOT);
    is_word(&parser.peek_nth_token_ref(usize::from(negated)).token, Keyword::BETWEEN).then_some(negated)
}

/// Takes `[NOT] BETWEEN SYMMETRIC`, if that is what comes.
fn takes_symmetric(parser: &mut Parser, negated: bool) -> bool {
    let before = usize::from(negated) + 1;
    let symmetric = is_word(&parser.peek_nth_token_ref(before).token, Keyword::SYMMETRIC);
    if symmetric {
        (0..=before).for_each(|_| parser.advance_token());
    }
    symmetric
}

/// `x BETWEEN SYMMETRIC a AND b`: a BETWEEN whose lower bound says so (see [`SYMMETRIC`]).
fn symmetric(parser: &mut Parser, tested: &Expr, negated: bool) -> Result<Expr, ParserError> {
    let precedence = INNER.prec_value(Precedence::Between);
    let low = parser.parse_subexpr(precedence)?;
    parser.expect_keyword_is(Keyword::AND)?;
    let high = Box::new(parser.parse_subexpr(precedence)?);
    let low = Box::new(Expr::Prefixed { prefix: Ident::new(SYMMETRIC), value: Box::new(low) });
    Ok(Expr::Between { expr: Box::new(tested.clone()), negated, low, high })
}

/// `~` and its kin, the operators behind LIKE among them.
fn is_pattern_operator(token: &Token) -> bool {
    matches!(
        token,
        Token::Tilde
            | Token::TildeAsterisk
            | Token::ExclamationMarkTilde
            | Token::ExclamationMarkTildeAsterisk
            | Token::DoubleTilde
            | Token::DoubleTildeAsterisk
            | Token::ExclamationMarkDoubleTilde
            | Token::ExclamationMarkDoubleTildeAsterisk
    )
}

fn is_quantified_pattern(parser: &Parser) -> bool {
    is_pattern_operator(&parser.peek_token_ref().token) && is_quantifier(parser, 1)
}

#[cfg(test)]
mod tests {
    use crate::parse::parse_expression;

    /// Two texts that must mean the same.
    fn same(written: &str, parenthesised: &str) {
        assert_eq!(without_nesting(written), without_nesting(parenthesised), "{written}");
    }

    fn without_nesting(text: &str) -> sqlparser::ast::Expr {
        use sqlparser::ast::{Expr, visit_expressions_mut};
        let mut tree = parse_expression(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        let _ = visit_expressions_mut(&mut tree, |expr| {
            while let Expr::Nested(inner) = expr {
                *expr = (**inner).clone();
            }
            std::ops::ControlFlow::<()>::Continue(())
        });
        tree
    }

    #[test]
    fn operators_bind_as_in_postgresql() {
        let cases = [
            ("a IS DISTINCT FROM b AND c OR d", "((a IS DISTINCT FROM b) AND c) OR d"),
            ("a OR b IS NOT DISTINCT FROM c + 1 AND d", "a OR ((b IS NOT DISTINCT FROM (c + 1)) AND d)"),
            ("NOT a IS DISTINCT FROM b", "NOT (a IS DISTINCT FROM b)"),
            ("a = b IS DISTINCT FROM c = d", "(a = b) IS DISTINCT FROM (c = d)"),
            ("- a ^ b", "(- a) ^ b"),
            ("- a::int4", "- (a::int4)"),
            ("- a[1] * b", "(- (a[1])) * b"),
            ("a ^ b ^ c", "(a ^ b) ^ c"),
            ("|/ a + b", "|/ (a + b)"),
            ("~ a + b & c", "(~ (a + b)) & c"),
            ("@ - a + b = c", "(@ ((- a) + b)) = c"),
            ("a = b ~ c", "a = (b ~ c)"),
            ("a ~ b || c", "(a ~ b) || c"),
            ("a ~ b AND c", "(a ~ b) AND c"),
            ("a LIKE b OPERATOR(pg_catalog.||) c", "a LIKE (b OPERATOR(pg_catalog.||) c)"),
            ("NOT a = b", "NOT (a = b)"),
            ("a IS NULL = b", "(a IS NULL) = b"),
            ("a < b IS TRUE", "(a < b) IS TRUE"),
            ("a || b = c", "(a || b) = c"),
            ("a -> b = c", "(a -> b) = c"),
            ("a ->> b::int4", "a ->> (b::int4)"),
            ("a + b AT TIME ZONE c", "a + (b AT TIME ZONE c)"),
            ("x BETWEEN a + 1 AND b AND c", "(x BETWEEN (a + 1) AND b) AND c"),
            ("a LIKE b || c AND d", "(a LIKE (b || c)) AND d"),
        ];
        for (written, parenthesised) in cases {
            same(written, parenthesised);
        }
    }

    #[test]
    fn comparisons_are_not_compared() {
        for text in ["a < b < c", "a = b = c", "a = b <> c AND d"] {
            assert!(parse_expression(text).is_err(), "{text}");
        }
        parse_expression("(a < b) = c AND d = e").expect("parses");
    }

    #[test]
    fn any_takes_what_stands_in_its_parentheses() {
        for text in ["a ~ ANY (b || c)", "a ~~ ALL (array['x'] || b) AND c", "a @> ANY (b || c) AND a <@ ALL (b)"] {
            parse_expression(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        }
    }
}
