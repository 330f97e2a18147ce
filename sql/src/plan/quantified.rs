//! `x op ANY (rows)`, `x op ALL (rows)` and `x IN (rows)` of a subquery. A condition of which only counts whether it is
//! true is a test for rows, which DataFusion joins; elsewhere, as in a list of results, NULL is told from false.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Expr, Ident, JoinConstraint, Query, Select, SelectItem, SetExpr, TableFactor, UnaryOperator,
};

use super::from_items::visit_own_exprs;
use super::outer_aggregates::has_aggregate;
use super::row_values;
use super::using_joins::constraint_mut;
use crate::error::SqlError;
use crate::parse::{parse_expression, parse_query};

/// Name of a compared subquery's rows; no name of a client's in lower case holds a blank by accident.
const ROWS: &str = "compared rows";

/// A comparison with the rows of a subquery.
struct Quantified {
    left: Expr,
    op: BinaryOperator,
    rows: Query,
    is_any: bool,
}

/// Makes tests for rows of what stands in the conditions of a SELECT.
pub(super) fn test_conditions(select: &mut Select) -> Result<(), SqlError> {
    for join in select.from.iter_mut().flat_map(|from| &mut from.joins) {
        if let Some(JoinConstraint::On(condition)) = constraint_mut(&mut join.join_operator) {
            test(condition, true)?;
        }
    }
    select.selection.iter_mut().chain(&mut select.having).try_for_each(|condition| test(condition, true))
}

/// Rewrites a condition of which only counts whether it is `wanted`.
fn test(condition: &mut Expr, wanted: bool) -> Result<(), SqlError> {
    match condition {
        Expr::Nested(inner) => test(inner, wanted),
        Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
            test(left, wanted)?;
            test(right, wanted)
        }
        Expr::UnaryOp { op: UnaryOperator::Not, expr: inner } => {
            match Quantified::of(inner).and_then(Quantified::negated) {
                Some(negated) => {
                    *condition = negated.test(wanted)?;
                    Ok(())
                }
                None => test(inner, !wanted),
            }
        }
        other => match Quantified::of(other) {
            Some(quantified) => {
                *other = quantified.test(wanted)?;
                Ok(())
            }
            None => values_of_in(other),
        },
    }
}

/// In a part of a condition that is no condition itself DataFusion does not tell a NULL of IN from false.
fn values_of_in(part: &mut Expr) -> Result<(), SqlError> {
    let values = visit_own_exprs(part, &mut |expr| match expr {
        Expr::InSubquery { .. } => match value(expr) {
            Ok(Some(value)) => {
                *expr = value;
                ControlFlow::Continue(())
            }
            Ok(None) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        },
        _ => ControlFlow::Continue(()),
    });
    match values {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

/// The value of a comparison with the rows of a subquery, NULL told from false; `None` for another expression.
pub(super) fn value(expr: &Expr) -> Result<Option<Expr>, SqlError> {
    Quantified::of(expr).map(Quantified::value).transpose()
}

impl Quantified {
    fn of(expr: &Expr) -> Option<Quantified> {
        let (left, op, rows, is_any) = match expr {
            Expr::Nested(inner) => return Quantified::of(inner),
            Expr::AnyOp { left, compare_op, right, .. } => (left, compare_op.clone(), rows_of(right)?, true),
            Expr::AllOp { left, compare_op, right } => (left, compare_op.clone(), rows_of(right)?, false),
            Expr::InSubquery { expr, subquery, negated: false } => (expr, BinaryOperator::Eq, subquery.as_ref(), true),
            Expr::InSubquery { expr, subquery, negated: true } => {
                (expr, BinaryOperator::NotEq, subquery.as_ref(), false)
            }
            _ => return None,
        };
        Some(Quantified { left: left.as_ref().clone(), op, rows: rows.clone(), is_any })
    }

    /// The opposite, where it is IN or NOT IN.
    fn negated(self) -> Option<Quantified> {
        let op = match (&self.op, self.is_any) {
            (BinaryOperator::Eq, true) => BinaryOperator::NotEq,
            (BinaryOperator::NotEq, false) => BinaryOperator::Eq,
            _ => return None,
        };
        Some(Quantified { op, is_any: !self.is_any, ..self })
    }

    /// True or false, and `wanted` where the comparison is that.
    fn test(self, wanted: bool) -> Result<Expr, SqlError> {
        if wanted && let Some(in_rows) = self.as_in() {
            return Ok(in_rows);
        }
        if has_aggregate(&self.left) {
            return self.value();
        }
        let compared = Box::new(Expr::Nested(Box::new(self.compared()?)));
        let condition = match (self.is_any, wanted) {
            (true, true) => *compared,
            (true, false) => Expr::IsNotFalse(compared),
            (false, true) => Expr::IsNotTrue(compared),
            (false, false) => Expr::IsFalse(compared),
        };
        let mut subquery = self.query("1")?;
        if let SetExpr::Select(select) = subquery.body.as_mut() {
            select.selection = Some(condition);
        }
        Ok(Expr::Exists { subquery: Box::new(subquery), negated: !self.is_any })
    }

    /// IN and NOT IN of a single value, which DataFusion joins itself.
    fn as_in(&self) -> Option<Expr> {
        let negated = match (&self.op, self.is_any) {
            (BinaryOperator::Eq, true) => false,
            (BinaryOperator::NotEq, false) => true,
            _ => return None,
        };
        let (expr, subquery) = (Box::new(self.left.clone()), Box::new(self.rows.clone()));
        (!matches!(self.left, Expr::Tuple(_))).then_some(Expr::InSubquery { expr, subquery, negated })
    }

    /// Of all rows the greatest result decides ANY and the least decides ALL, NULL being between false and true.
    fn value(self) -> Result<Expr, SqlError> {
        if has_aggregate(&self.left)
            && let Some(value) = self.by_extremes()?
        {
            return Ok(value);
        }
        let text = match self.is_any {
            true => "CASE max(coalesce(CAST(0 AS int) * 2, 1)) WHEN 2 THEN true WHEN 1 THEN NULL ELSE false END",
            false => "CASE min(coalesce(CAST(0 AS int) * 2, 1)) WHEN 0 THEN false WHEN 1 THEN NULL ELSE true END",
        };
        let mut subquery = self.query(&format!("{text} AS \"?column?\""))?;
        let compared = self.compared()?;
        if let SetExpr::Select(select) = subquery.body.as_mut() {
            put_in_cast(select, compared);
        }
        Ok(Expr::Subquery(Box::new(subquery)))
    }

    /// The comparison with the least and the greatest of the rows: an aggregate of the query around has no place among them.
    /// ANY is not ALL of the opposite. `None` for IN and for rows of several values.
    fn by_extremes(&self) -> Result<Option<Expr>, SqlError> {
        let op = if self.is_any { opposite(&self.op) } else { Some(self.op.clone()) };
        let compared: &[&str] = match op {
            Some(BinaryOperator::Lt | BinaryOperator::LtEq) => &["min"],
            Some(BinaryOperator::Gt | BinaryOperator::GtEq) => &["max"],
            Some(BinaryOperator::Eq) => &["min", "max"],
            _ => return Ok(None),
        };
        let (Some(op), false) = (op, matches!(self.left, Expr::Tuple(_))) else { return Ok(None) };
        let of_rows = |result: &str| -> Result<Expr, SqlError> {
            let value = format!("\"{ROWS}\".{}", column_name(0));
            Ok(Expr::Subquery(Box::new(self.query(&result.replace("value", &value))?)))
        };
        let is_false = compared.iter().map(|extreme| {
            let holds = row_values::binary(self.left.clone(), op.clone(), of_rows(&format!("{extreme}(value)"))?);
            Ok(Expr::IsFalse(Box::new(row_values::nested(holds))))
        });
        let is_false = row_values::join(is_false.collect::<Result<Vec<_>, SqlError>>()?, &BinaryOperator::Or)?;
        let is_open = row_values::binary(
            Expr::IsNull(Box::new(row_values::nested(self.left.clone()))),
            BinaryOperator::Or,
            row_values::binary(of_rows("count(*)")?, BinaryOperator::NotEq, of_rows("count(value)")?),
        );
        let mut case = parse_expression("CASE WHEN 1 THEN true WHEN 2 THEN false WHEN 3 THEN NULL ELSE true END")?;
        if let Expr::Case { conditions, .. } = &mut case {
            let is_empty = row_values::binary(of_rows("count(*)")?, BinaryOperator::Eq, parse_expression("0")?);
            for (when, condition) in conditions.iter_mut().zip([is_empty, is_false, is_open]) {
                when.condition = condition;
            }
        }
        let negated = self.is_any.then_some(UnaryOperator::Not);
        Ok(Some(match negated {
            Some(op) => Expr::UnaryOp { op, expr: Box::new(case) },
            None => case,
        }))
    }

    /// The comparison with one row.
    fn compared(&self) -> Result<Expr, SqlError> {
        match &self.left {
            Expr::Tuple(left) => {
                let right: Vec<Expr> = (0..left.len()).map(column).collect();
                row_values::compare(left, &self.op, &right)
            }
            left => Ok(row_values::binary(left.clone(), self.op.clone(), column(0))),
        }
    }

    /// A query of that over the rows, whose columns are called as [`column`] does.
    fn query(&self, result: &str) -> Result<Query, SqlError> {
        let columns = if let Expr::Tuple(left) = &self.left { left.len() } else { 1 };
        let names: Vec<String> = (0..columns).map(|at| column_name(at).to_string()).collect();
        let text = format!("SELECT {result} FROM (SELECT 1) AS \"{ROWS}\" ({})", names.join(", "));
        let mut query = *parse_query(&text)?;
        if let SetExpr::Select(select) = query.body.as_mut()
            && let Some(TableFactor::Derived { subquery, .. }) = select.from.first_mut().map(|from| &mut from.relation)
        {
            **subquery = self.rows.clone();
        }
        Ok(query)
    }
}

/// The operator that holds where the other does not.
fn opposite(op: &BinaryOperator) -> Option<BinaryOperator> {
    use BinaryOperator as B;
    match op {
        B::Eq => Some(B::NotEq),
        B::NotEq => Some(B::Eq),
        B::Lt => Some(B::GtEq),
        B::LtEq => Some(B::Gt),
        B::Gt => Some(B::LtEq),
        B::GtEq => Some(B::Lt),
        _ => None,
    }
}

fn rows_of(right: &Expr) -> Option<&Query> {
    match right {
        Expr::Subquery(rows) => Some(rows),
        _ => None,
    }
}

fn column(at: usize) -> Expr {
    Expr::CompoundIdentifier(vec![Ident::with_quote('"', ROWS), column_name(at)])
}

/// No column of the query around has such a name.
fn column_name(at: usize) -> Ident {
    Ident::with_quote('"', format!("\u{1}value {at}"))
}

/// Puts the comparison in the place of the operand of the one cast that a result has.
fn put_in_cast(select: &mut Select, compared: Expr) {
    let mut compared = Some(compared);
    for item in &mut select.projection {
        let SelectItem::ExprWithAlias { expr, .. } = item else { continue };
        let ControlFlow::Continue(()) = visit_own_exprs(expr, &mut |expr| {
            if let Expr::Cast { expr: operand, .. } = expr
                && let Some(compared) = compared.take()
            {
                **operand = compared;
            }
            ControlFlow::<std::convert::Infallible>::Continue(())
        });
    }
}
