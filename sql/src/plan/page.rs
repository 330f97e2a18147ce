//! How many rows of a query are given: FETCH FIRST … WITH TIES is LIMIT, and the numbers of LIMIT and OFFSET are bigint.

use std::ops::ControlFlow;

use arrow::datatypes::DECIMAL256_MAX_PRECISION;
use sqlparser::ast::{Expr, LimitClause, Query, Value};

use super::from_items::visit_own_exprs;
use crate::error::{SqlError, SqlState};
use crate::functions::ties::MARK;
use crate::semantics::call;
use crate::values::{InputStyle, parse_decimal_at, parse_text};
use peristyle_catalog::model::PgType;

/// Says all of it by LIMIT and OFFSET of whole numbers.
pub(super) fn normalise(query: &mut Query) -> Result<(), SqlError> {
    fetch_as_limit(query)?;
    match &mut query.limit_clause {
        Some(LimitClause::LimitOffset { limit, offset, .. }) => {
            limit.iter_mut().try_for_each(|limit| count(limit, "LIMIT"))?;
            offset.iter_mut().try_for_each(|offset| count(&mut offset.value, "OFFSET"))
        }
        Some(LimitClause::OffsetCommaLimit { offset, limit }) => {
            count(limit, "LIMIT").and_then(|()| count(offset, "OFFSET"))
        }
        None => Ok(()),
    }
}

/// `FETCH FIRST n ROWS WITH TIES` is a LIMIT with a mark; the parser reads `ONLY` as LIMIT.
fn fetch_as_limit(query: &mut Query) -> Result<(), SqlError> {
    let Some(fetch) = query.fetch.take() else { return Ok(()) };
    if fetch.percent || !fetch.with_ties {
        return Err(SqlError::syntax("syntax error at or near \"FETCH\""));
    }
    if query.order_by.is_none() {
        return Err(SqlError::syntax("WITH TIES cannot be specified without ORDER BY clause"));
    }
    let quantity = Some(call(MARK, vec![fetch.quantity.unwrap_or_else(|| number("1"))]));
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

fn number(digits: impl Into<String>) -> Expr {
    Expr::Value(Value::Number(digits.into(), false).into())
}

/// A literal as the bigint that it stands for. It is one for all rows, so it reads no column.
fn count(rows: &mut Expr, clause: &str) -> Result<(), SqlError> {
    refuse_columns(rows, clause)?;
    let Expr::Value(value) = rows else { return Ok(()) };
    match &value.value {
        Value::Number(text, _) if !text.bytes().all(|byte| byte.is_ascii_digit()) => {
            let whole = parse_decimal_at(text, DECIMAL256_MAX_PRECISION, 0)?.unscaled;
            *rows = number(whole.to_string());
        }
        Value::SingleQuotedString(text) => {
            parse_text(PgType::INT8, text, &InputStyle::new(0))?;
            let text = text.trim_ascii().to_owned();
            *rows = match text.strip_prefix('-') {
                Some(digits) => negative(digits),
                None => number(text.trim_start_matches('+')),
            };
        }
        _ => {}
    }
    Ok(())
}

fn negative(digits: &str) -> Expr {
    Expr::UnaryOp { op: sqlparser::ast::UnaryOperator::Minus, expr: Box::new(number(digits)) }
}

fn refuse_columns(rows: &mut Expr, clause: &str) -> Result<(), SqlError> {
    let found = visit_own_exprs(rows, &mut |expr| match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    match found {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => {
            let message = format!("argument of {clause} must not contain variables");
            Err(SqlError::new(SqlState::INVALID_COLUMN_REFERENCE, message))
        }
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
    fn numbers_of_rows_are_whole() {
        assert_eq!(normalised("SELECT 1 LIMIT 1.5 OFFSET '2'").expect("a page"), "SELECT 1 LIMIT 2 OFFSET 2");
        assert_eq!(normalised("SELECT 1 LIMIT ' -3'").expect("a page"), "SELECT 1 LIMIT -3");
        assert_eq!(normalised("SELECT 1 FETCH FIRST ROW ONLY").expect("a page"), "SELECT 1 LIMIT 1");
        let code = |sql: &str| normalised(sql).expect_err("no page").code;
        assert_eq!(code("SELECT a FROM t LIMIT a"), SqlState::INVALID_COLUMN_REFERENCE);
        assert_eq!(code("SELECT 1 OFFSET 'x'"), SqlState::INVALID_TEXT_REPRESENTATION);
    }
}
