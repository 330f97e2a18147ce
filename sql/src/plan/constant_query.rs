//! Queries of literals alone, as connection pools send to see whether a connection lives (`SELECT 1`): their result is the
//! same each time, so a statement that is executed again gives the rows that it gave before.

use std::sync::Arc;

use arrow::array::RecordBatch;
use parking_lot::Mutex;
use sqlparser::ast::{BinaryOperator, Expr, GroupByExpr, Query, Select, SelectItem, SetExpr, UnaryOperator, Value};

use crate::outcome::{ColumnDescription, Outcome, Rows, RowsTag};
use crate::parse::bare_body;

/// Rows of a result that is kept with its statement.
const KEPT_ROWS_MAX: usize = 1;

/// The result of a statement that reads nothing; empty before its first execution, and for any other statement.
#[derive(Debug, Default)]
pub(crate) struct ConstantResult(Mutex<Option<Arc<Constant>>>);

#[derive(Debug)]
struct Constant {
    columns: Vec<ColumnDescription>,
    batches: Vec<RecordBatch>,
}

impl ConstantResult {
    /// Whether the statement was executed before and reads nothing.
    pub(crate) fn is_known(&self) -> bool {
        self.0.lock().is_some()
    }

    pub(super) fn keep(&self, columns: &[ColumnDescription], batches: &[RecordBatch]) {
        if batches.iter().map(RecordBatch::num_rows).sum::<usize>() <= KEPT_ROWS_MAX {
            *self.0.lock() = Some(Arc::new(Constant { columns: columns.to_vec(), batches: batches.to_vec() }));
        }
    }

    pub(super) fn outcome(&self) -> Option<Outcome> {
        let constant = self.0.lock().clone()?;
        Some(rows(constant.columns.clone(), constant.batches.clone()))
    }
}

/// Batches that are there as a result.
pub(super) fn rows(columns: Vec<ColumnDescription>, batches: Vec<RecordBatch>) -> Outcome {
    let batches = Box::pin(futures::stream::iter(batches.into_iter().map(Ok)));
    Outcome::Rows(Rows { columns, batches, tag: RowsTag::Select })
}

/// Whether a query computes from literals alone. Functions, names and casts may depend on the clock (`'now'::date`), on
/// settings or on the catalog.
pub(super) fn is_constant(query: &Query) -> bool {
    matches!(bare_body(query), Some(SetExpr::Select(select)) if is_constant_select(select))
}

fn is_constant_select(select: &Select) -> bool {
    let has_no_groups =
        matches!(&select.group_by, GroupByExpr::Expressions(by, modifiers) if by.is_empty() && modifiers.is_empty());
    let is_item = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => is_literal(expr),
        _ => false,
    };
    select.from.is_empty()
        && select.distinct.is_none()
        && select.into.is_none()
        && select.selection.is_none()
        && select.having.is_none()
        && has_no_groups
        && select.projection.iter().all(is_item)
}

fn is_literal(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) | Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr: inner } => {
            is_literal(inner)
        }
        Expr::BinaryOp { left, op, right } => is_arithmetic(op) && is_literal(left) && is_literal(right),
        Expr::Value(value) => {
            matches!(value.value, Value::Number(..) | Value::SingleQuotedString(_) | Value::Boolean(_) | Value::Null)
        }
        _ => false,
    }
}

fn is_arithmetic(op: &BinaryOperator) -> bool {
    matches!(op, BinaryOperator::Plus | BinaryOperator::Minus | BinaryOperator::Multiply)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse_query;

    #[test]
    fn only_literals_are_constant() {
        let is = |text: &str| is_constant(&parse_query(text).expect("parses"));
        for constant in ["select 1", "select 1 as one, 'x', -(2 + 3) * 4, null, true"] {
            assert!(is(constant), "{constant}");
        }
        for other in [
            "select now()",
            "select current_user",
            "select 'now'::timestamptz",
            "select date 'today'",
            "select $1",
            "select 1 from t",
            "select 1 where random() < 0.5",
            "select (select count(*) from t)",
            "select 1 limit 0",
            "values (1)",
        ] {
            assert!(!is(other), "{other}");
        }
    }
}
