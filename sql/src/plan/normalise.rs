//! Rewrites of the syntax tree into forms that DataFusion plans with PostgreSQL's meaning: FETCH FIRST, GROUP BY (),
//! CASE of conditions, comparisons of rows, comparisons with ANY and ALL of a subquery, long conditions. They come
//! before all other rewrites, so that names are given and literals are typed in what they make too.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, NormalizationForm, ObjectNamePart,
    OrderByKind, Query, Select, SelectItem, SetExpr, TableFactor, UnaryOperator, Value, VisitMut, VisitorMut,
};

use super::balance::balance;
use super::guarded::guarded;
use super::output_names::{expression_name, result_name};
use super::{
    conditions, copies, exclusions, literals, named_windows, outer_aggregates, page, quantified, refused_calls,
    row_values, select_clauses, values_rows, whole_rows,
};
use crate::error::{SqlError, SqlState};
use crate::functions::unicode::IS_NORMALISED;
use crate::names::fold;
use crate::parse::parse_expression;
use crate::semantics::{call, string};

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
        conditions::of_select(select);
        whole_rows::mark_stars(select);
        flow(
            select_clauses::normalise(select)
                .and_then(|()| named_windows::inherit(select, &mut None))
                .and_then(|()| quantified::test_conditions(select)),
        )
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<SqlError> {
        match factor {
            TableFactor::Table { name, args: Some(args), .. } => flow(refused_calls::refuse_series(name, &args.args)),
            factor => flow(values_rows::as_union(factor)),
        }
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        balance(expr);
        literals::before_operands(expr);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        exclusions::note(expr);
        unicode_form(expr);
        literals::of_type(expr);
        conditions::of_test(expr);
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
    page::normalise(query)?;
    refuse_order(query)?;
    match query.body.as_mut() {
        SetExpr::Select(select) => named_windows::inherit(select, &mut query.order_by),
        _ => Ok(()),
    }
}

/// Rows are ordered by no constant but a result's number, those of a set operation by its results alone.
fn refuse_order(query: &Query) -> Result<(), SqlError> {
    let Some(OrderByKind::Expressions(keys)) = query.order_by.as_ref().map(|order_by| &order_by.kind) else {
        return Ok(());
    };
    let is_set_operation = matches!(*query.body, SetExpr::SetOperation { .. });
    keys.iter().try_for_each(|key| match &key.expr {
        Expr::Value(value) => refuse_constant_key(&value.value),
        Expr::Identifier(name) if names_several(name, &query.body) => {
            let message = format!("ORDER BY \"{}\" is ambiguous", fold(name));
            Err(SqlError::new(SqlState::AMBIGUOUS_COLUMN, message))
        }
        Expr::Identifier(name) if is_set_operation && is_no_result(name, &query.body) => {
            Err(SqlError::new(SqlState::UNDEFINED_COLUMN, format!("column \"{}\" does not exist", fold(name))))
        }
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => Ok(()),
        _ if is_set_operation => Err(SqlError::unsupported("invalid UNION/INTERSECT/EXCEPT ORDER BY clause")
            .detail("Only result column names can be used, not expressions or functions.")
            .hint("Add the expression/function to every SELECT, or move the UNION into a FROM clause.")),
        _ => Ok(()),
    })
}

/// Whether results of one SELECT that differ have that name. A column with and without its table is taken for one.
fn names_several(name: &Ident, body: &SetExpr) -> bool {
    let SetExpr::Select(select) = body else { return false };
    let name = fold(name);
    let column = |expr: &Expr| match expr {
        Expr::CompoundIdentifier(path) => path.last().cloned().map(Expr::Identifier),
        _ => None,
    };
    let mut called = select.projection.iter().filter(|item| result_name(item).as_ref() == Some(&name));
    let expr_of = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr.clone()),
        _ => None,
    };
    let Some(first) = called.next().and_then(expr_of) else { return false };
    called.filter_map(expr_of).any(|other| {
        other != first && column(&other).as_ref() != Some(&first) && column(&first).as_ref() != Some(&other)
    })
}

/// Whether the first SELECT of a set operation names all its results, and none so.
fn is_no_result(name: &Ident, body: &SetExpr) -> bool {
    match body {
        SetExpr::SetOperation { left, .. } => is_no_result(name, left),
        SetExpr::Select(select) => select.projection.iter().all(|item| match item {
            SelectItem::ExprWithAlias { alias, .. } => fold(alias) != fold(name),
            SelectItem::UnnamedExpr(expr) => expression_name(expr).is_none_or(|own| own != fold(name)),
            _ => false,
        }),
        _ => false,
    }
}

fn refuse_constant_key(key: &Value) -> Result<(), SqlError> {
    let is_number_of_result = match key {
        Value::Number(text, _) => text.bytes().all(|byte| byte.is_ascii_digit()),
        Value::SingleQuotedString(_) => false,
        _ => true,
    };
    if is_number_of_result { Ok(()) } else { Err(SqlError::syntax("non-integer constant in ORDER BY")) }
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
        Expr::Subquery(query) => Ok(outer_aggregates::value_of(query)),
        Expr::Function(function) => refused_calls::refuse(function).map(|()| None),
        Expr::Collate { collation, .. } => refused_calls::refuse_collation(collation).map(|()| None),
        Expr::Substring { substring_from: None, substring_for: None, .. } => Err(refused_calls::refuse_substring()),
        Expr::Array(array) if array.elem.is_empty() => Err(literals::array_of_nothing()),
        Expr::UnaryOp { op, expr } => refused_calls::refuse_unary(*op, expr).map(|()| None),
        Expr::Extract { expr, .. } => refused_calls::refuse_extract(expr).map(|()| None),
        Expr::IsNormalized { expr, form, negated } => Ok(Some(is_normalised(expr, form.as_ref(), *negated))),
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

/// The form of `normalize(text, NFC)` as a string.
fn unicode_form(expr: &mut Expr) {
    let Expr::Function(function) = expr else { return };
    let is_called = function.name.0.last().and_then(ObjectNamePart::as_ident).is_some_and(|n| fold(n) == "normalize");
    if let FunctionArguments::List(list) = &mut function.args
        && let [_, FunctionArg::Unnamed(FunctionArgExpr::Expr(form))] = list.args.as_mut_slice()
        && let Expr::Identifier(word) = form
        && is_called
    {
        *form = string(word.value.to_uppercase());
    }
}

/// `text IS [NOT] NFC NORMALIZED`.
fn is_normalised(text: &Expr, form: Option<&NormalizationForm>, negated: bool) -> Expr {
    let form = string(form.map_or_else(|| "NFC".to_owned(), ToString::to_string));
    let tested = call(IS_NORMALISED, vec![text.clone(), form]);
    if negated { Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(tested) } } else { tested }
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
        let expected = "SELECT 1 FROM t WHERE NOT EXISTS (SELECT 1 FROM (SELECT b FROM u) AS \"compared rows\" (\"\u{1}value 0\") \
                        WHERE (a > \"compared rows\".\"\u{1}value 0\") IS NOT TRUE)";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_case_of_conditions_stays_one() {
        let text = normalised("SELECT 1 FROM t WHERE CASE WHEN b = 0 THEN false ELSE a / b > 1 END").expect("case");
        assert_eq!(text, "SELECT 1 FROM t WHERE CASE true WHEN b = 0 THEN false ELSE a / b > 1 END");
        let text = normalised("SELECT CASE WHEN b = 0 THEN 1 ELSE 2 END FROM t GROUP BY ()").expect("case");
        assert_eq!(text, "SELECT CASE WHEN b = 0 THEN 1 ELSE 2 END FROM t HAVING count(*) >= 0");
    }

    #[test]
    fn what_would_be_planned_otherwise_is_refused() {
        assert!(normalised("SELECT 1 FETCH FIRST 1 ROW WITH TIES").is_err());
        assert!(normalised("SELECT 1 UNION SELECT 2 ORDER BY 1 + 1").is_err());
        assert!(normalised("SELECT 1 ORDER BY 1.5").is_err());
    }
}
