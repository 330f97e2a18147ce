//! Rewrites of the syntax tree into forms that DataFusion plans with PostgreSQL's meaning: FETCH FIRST, GROUP BY (),
//! CASE of conditions, comparisons of rows, comparisons with ANY and ALL of a subquery, long conditions. They come
//! before all other rewrites, so that names are given and literals are typed in what they make too.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, LimitClause,
    ObjectNamePart, OrderByKind, Query, Select, SetExpr, UnaryOperator, Value, VisitMut, VisitorMut,
};

use super::balance::balance;
use super::guarded::guarded;
use super::{copies, exclusions, named_windows, quantified, row_values};
use crate::error::{SqlError, SqlState};
use crate::functions::ties::MARK;
use crate::names::fold;
use crate::parse::parse_expression;
use crate::semantics::call;

/// Rewrites a query or an expression in place. 0A000 for what would be planned with another meaning.
pub(super) fn normalise(tree: &mut impl VisitMut) -> Result<(), SqlError> {
    match tree.visit(&mut Normaliser) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Normaliser;

impl VisitorMut for Normaliser {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        flow(normalise_query(query))
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<SqlError> {
        if let GroupByExpr::Expressions(keys, _) = &mut select.group_by {
            // `()` is one group of everything, which is what no key means too.
            let keys_of = |key| match key {
                Expr::Tuple(keys) => keys,
                key => vec![key],
            };
            *keys = std::mem::take(keys).into_iter().flat_map(keys_of).collect();
        }
        flow(named_windows::inherit(select, &mut None).and_then(|()| quantified::test_conditions(select)))
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        balance(expr);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        exclusions::note(expr);
        flow(rewrite(expr).map(|rewritten| {
            if let Some(rewritten) = rewritten {
                *expr = rewritten;
            }
        }))
    }
}

fn flow(result: Result<(), SqlError>) -> ControlFlow<SqlError> {
    result.map_or_else(ControlFlow::Break, ControlFlow::Continue)
}

fn normalise_query(query: &mut Query) -> Result<(), SqlError> {
    fetch_as_limit(query)?;
    refuse_constant_order(query)?;
    match query.body.as_mut() {
        SetExpr::Select(select) => named_windows::inherit(select, &mut query.order_by),
        _ => Ok(()),
    }
}

fn refuse_constant_order(query: &Query) -> Result<(), SqlError> {
    let Some(OrderByKind::Expressions(keys)) = query.order_by.as_ref().map(|order_by| &order_by.kind) else {
        return Ok(());
    };
    let is_string = |key: &Expr| matches!(key, Expr::Value(v) if matches!(v.value, Value::SingleQuotedString(_)));
    match keys.iter().any(|key| is_string(&key.expr)) {
        true => Err(SqlError::syntax("non-integer constant in ORDER BY")),
        false => Ok(()),
    }
}

/// `FETCH FIRST n ROWS ONLY` is LIMIT n.
fn fetch_as_limit(query: &mut Query) -> Result<(), SqlError> {
    let Some(fetch) = query.fetch.take() else { return Ok(()) };
    if fetch.with_ties && query.order_by.is_none() {
        return Err(SqlError::syntax("WITH TIES cannot be specified without ORDER BY clause"));
    }
    if fetch.percent {
        return Err(SqlError::syntax("syntax error at or near \"PERCENT\""));
    }
    let one = || Expr::Value(Value::Number("1".to_owned(), false).into());
    let quantity = fetch.quantity.unwrap_or_else(one);
    let quantity = Some(if fetch.with_ties { call(MARK, vec![quantity]) } else { quantity });
    match &mut query.limit_clause {
        None => {
            let (limit_by, offset) = (Vec::new(), None);
            query.limit_clause = Some(LimitClause::LimitOffset { limit: quantity, offset, limit_by });
        }
        Some(LimitClause::LimitOffset { limit: limit @ None, .. }) => *limit = quantity,
        Some(_) => return Err(SqlError::syntax("multiple LIMIT clauses not allowed")),
    }
    Ok(())
}

fn rewrite(expr: &Expr) -> Result<Option<Expr>, SqlError> {
    match expr {
        Expr::Identifier(word) if word.quote_style.is_none() && fold(word) == "current_schema" => {
            parse_expression("current_schema()").map(Some)
        }
        Expr::Case { operand: None, conditions, else_result, .. } => {
            let results = conditions.iter().map(|when| &when.result).chain(else_result.as_deref());
            Ok(results.into_iter().any(is_condition).then(|| case_of_true(expr)))
        }
        Expr::AnyOp { .. } | Expr::AllOp { .. } => quantified::value(expr),
        Expr::Function(function) => refuse_unknown(function).map(|()| None),
        Expr::IsNull(tested) | Expr::IsNotNull(tested) => match tested.as_ref() {
            Expr::Tuple(row) => row_values::is_null(row, matches!(expr, Expr::IsNotNull(_))).map(Some),
            _ => Ok(None),
        },
        Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
            match (left.as_ref(), right.as_ref()) {
                (Expr::Tuple(left), Expr::Tuple(right)) => {
                    row_values::distinct(left, right, matches!(expr, Expr::IsNotDistinctFrom(..))).map(Some)
                }
                _ => Ok(None),
            }
        }
        Expr::BinaryOp { left, op, right } => match (left.as_ref(), right.as_ref()) {
            (Expr::Tuple(left), Expr::Tuple(right)) => row_values::compare(left, op, right).map(Some),
            (left, right) if matches!(op, BinaryOperator::And | BinaryOperator::Or) => Ok(guarded(left, op, right)),
            _ => Ok(None),
        },
        Expr::InList { expr, list, negated } => match expr.as_ref() {
            Expr::Tuple(tested) => row_values::is_in(tested, list, *negated).map(Some),
            _ => Ok(None),
        },
        Expr::Between { expr, negated, low, high } => copies::symmetric(expr, low, high, *negated),
        Expr::InSubquery { expr: tested, .. } if matches!(**tested, Expr::Tuple(_)) => quantified::value(expr),
        _ => Ok(None),
    }
}

/// Functions of a first argument of any type, whose type is the result's or decides how it is written.
const POLYMORPHIC: &[&str] = &[
    "to_json",
    "to_jsonb",
    "json_agg",
    "jsonb_agg",
    "lag",
    "lead",
    "first_value",
    "last_value",
    "nth_value",
    "array_length",
    "array_lower",
    "array_upper",
    "array_ndims",
    "array_to_string",
    "cardinality",
];

/// 42804 for a literal without a type, where a type must be known.
fn refuse_unknown(function: &Function) -> Result<(), SqlError> {
    let name = function.name.0.last().and_then(ObjectNamePart::as_ident).map(fold);
    let FunctionArguments::List(list) = &function.args else { return Ok(()) };
    match list.args.first() {
        Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value))))
            if matches!(value.value, Value::SingleQuotedString(_) | Value::Null)
                && name.is_some_and(|name| POLYMORPHIC.contains(&name.as_str())) =>
        {
            let message = "could not determine polymorphic type because input has type unknown";
            Err(SqlError::new(SqlState::DATATYPE_MISMATCH, message))
        }
        _ => Ok(()),
    }
}

/// `CASE true WHEN c …` for `CASE WHEN c …`: DataFusion makes AND and OR of a CASE of conditions, and these do not keep
/// one from being evaluated where another decided.
fn case_of_true(case: &Expr) -> Expr {
    let mut case = case.clone();
    if let Expr::Case { operand, .. } = &mut case {
        *operand = Some(Box::new(Expr::Value(Value::Boolean(true).into())));
    }
    case
}

/// Whether an expression's form shows that it is a boolean.
fn is_condition(expr: &Expr) -> bool {
    use BinaryOperator as B;
    match expr {
        Expr::Nested(inner) => is_condition(inner),
        Expr::Value(value) => matches!(value.value, Value::Boolean(_)),
        Expr::UnaryOp { op, .. } => *op == UnaryOperator::Not,
        Expr::BinaryOp { op, .. } => {
            matches!(op, B::Eq | B::NotEq | B::Lt | B::LtEq | B::Gt | B::GtEq | B::And | B::Or)
        }
        Expr::IsNull(_) | Expr::IsNotNull(_) | Expr::InList { .. } | Expr::Between { .. } | Expr::Like { .. } => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalised(sql: &str) -> Result<String, SqlError> {
        let mut query = crate::parse::parse_query(sql)?;
        normalise(&mut query)?;
        Ok(query.to_string())
    }

    #[test]
    fn rows_compare_by_the_first_values_that_differ() {
        let text = normalised("SELECT 1 FROM t WHERE (a, b) < (1, 2)").expect("rows");
        assert_eq!(text, "SELECT 1 FROM t WHERE (a < 1 OR (a = 1 AND b < 2))");
        let text = normalised("SELECT 1 FROM t WHERE (a, b) IN ((1, 2), (3, 4))").expect("rows");
        assert_eq!(text, "SELECT 1 FROM t WHERE ((((a = 1) AND (b = 2))) OR (((a = 3) AND (b = 4))))");
    }

    #[test]
    fn operands_that_are_copied_have_a_limit() {
        let nested = |levels: usize, open: &str, close: &str| {
            normalised(&format!("SELECT {}a{}", open.repeat(levels), close.repeat(levels)))
        };
        for (open, close) in [("(", " BETWEEN SYMMETRIC b AND c)"), ("((", ", 1) < (b, c))")] {
            nested(5, open, close).unwrap_or_else(|error| panic!("{close}: {error:?}"));
            let error = nested(40, open, close).expect_err("too large");
            assert_eq!(error.into_fields().code, SqlState::STATEMENT_TOO_COMPLEX);
        }
    }

    #[test]
    fn all_of_a_subquery_is_no_row_that_differs() {
        let text = normalised("SELECT 1 FROM t WHERE a > ALL (SELECT b FROM u)").expect("all");
        let expected = "SELECT 1 FROM t WHERE NOT EXISTS (SELECT 1 FROM (SELECT b FROM u) AS \"compared rows\" (value0) \
                        WHERE (a > \"compared rows\".value0) IS NOT TRUE)";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_case_of_conditions_stays_one() {
        let text = normalised("SELECT 1 FROM t WHERE CASE WHEN b = 0 THEN false ELSE a / b > 1 END").expect("case");
        assert_eq!(text, "SELECT 1 FROM t WHERE CASE true WHEN b = 0 THEN false ELSE a / b > 1 END");
        let text = normalised("SELECT CASE WHEN b = 0 THEN 1 ELSE 2 END FROM t GROUP BY ()").expect("case");
        assert_eq!(text, "SELECT CASE WHEN b = 0 THEN 1 ELSE 2 END FROM t");
    }

    #[test]
    fn what_would_be_planned_otherwise_is_refused() {
        assert!(normalised("SELECT 1 FETCH FIRST 1 ROW WITH TIES").is_err());
        assert_eq!(normalised("SELECT 1 FETCH FIRST ROW ONLY").expect("fetch"), "SELECT 1 LIMIT 1");
    }
}
