//! Pages of rows that DataFusion's LIMIT does not take, as conditions on the rows' numbers: `FETCH FIRST n ROWS WITH TIES`,
//! the rows whose rank in the order is within the page, and numbers that a subquery gives.
//!
//! The parse tree says the ties as a LIMIT of a call of [`MARK`]; the plan that comes of that is changed here.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Result, ScalarValue, plan_datafusion_err};
use datafusion::functions_window::expr_fn::{rank, row_number};
use datafusion::logical_expr::expr::Sort as SortExpr;
use datafusion::logical_expr::{
    Expr, ExprFunctionExt, ExprSchemable, Limit, LogicalPlan, LogicalPlanBuilder, cast, lit,
};
use peristyle_catalog::model::PgType;
use peristyle_storage::types::pg_type;

use super::external;
use crate::error::{SqlError, SqlState};
use crate::functions::named;
use crate::functions::ties::{MARK, OFFSET_MARK};
use crate::semantics::{CastKind, cast_expr, is_number};
use crate::values::type_name;

/// The plan without such limits.
pub(super) fn keep(plan: LogicalPlan) -> Result<LogicalPlan> {
    let kept = plan.transform_up_with_subqueries(|node| match &node {
        LogicalPlan::Limit(limit) => match Page::of(limit)? {
            Some(page) => page.of_rows(&limit.input).map(Transformed::yes),
            None => Ok(Transformed::no(node)),
        },
        _ => Ok(Transformed::no(node)),
    })?;
    Ok(kept.data)
}

/// Which of the rows are asked for.
struct Page {
    /// How many are passed over.
    skip: Expr,
    /// How many come behind them; all where it is NULL.
    quantity: Expr,
    with_ties: bool,
}

impl Page {
    /// `None` for a limit that DataFusion takes.
    fn of(limit: &Limit) -> Result<Option<Page>> {
        let (fetch, skip) = (limit.fetch.as_deref(), limit.skip.as_deref());
        let is_mark = |expr: &Expr| matches!(expr, Expr::ScalarFunction(call) if call.func.name() == MARK);
        let with_ties = fetch.is_some_and(is_mark);
        if !with_ties && !is_of_subquery(fetch)? && !is_of_subquery(skip)? {
            return Ok(None);
        }
        let quantity = match fetch {
            None => lit(ScalarValue::Int64(None)),
            Some(fetch) if with_ties => bigint(fetch.clone()),
            Some(fetch) => checked(fetch, limit, "LIMIT", MARK)?,
        };
        let skip = match skip {
            None => lit(0_i64),
            // NULL passes over none.
            Some(skip) => {
                let given = checked(skip, limit, "OFFSET", OFFSET_MARK)?;
                named("coalesce")?.call(vec![given, lit(0_i64)])
            }
        };
        Ok(Some(Page { skip, quantity, with_ties }))
    }

    fn of_rows(&self, input: &Arc<LogicalPlan>) -> Result<LogicalPlan> {
        match input.as_ref() {
            LogicalPlan::Sort(sort) => self.of_numbered(&sort.input, &sort.expr),
            // The order is by columns that are not selected.
            LogicalPlan::Projection(projection) if matches!(projection.input.as_ref(), LogicalPlan::Sort(_)) => {
                let rows = self.of_rows(&projection.input)?;
                input.with_new_exprs(input.expressions(), vec![rows])
            }
            _ => self.of_numbered(input, &[]),
        }
    }

    fn of_numbered(&self, input: &Arc<LogicalPlan>, order: &[SortExpr]) -> Result<LogicalPlan> {
        let columns: Vec<Expr> = input.schema().columns().into_iter().map(Expr::Column).collect();
        let number = match order {
            [] => row_number(),
            order => row_number().order_by(order.to_vec()).build()?,
        };
        let rank = if self.with_ties { Some(rank().order_by(order.to_vec()).build()?) } else { None };
        let windows = std::iter::once(number).chain(rank);
        let numbered = LogicalPlanBuilder::from(input.as_ref().clone()).window(windows)?;
        let mut added = numbered.schema().columns().split_off(columns.len()).into_iter().map(Expr::Column);
        let Some(number) = added.next() else { return Err(plan_datafusion_err!("numbers of rows were lost")) };
        let rank = added.next().unwrap_or_else(|| number.clone());
        let rows = numbered.filter(self.holds(&bigint(number), bigint(rank)))?.project(columns)?;
        if order.is_empty() { rows.build() } else { rows.sort(order.to_vec())?.build() }
    }

    /// Whether a row is within the page, by its number and its rank.
    fn holds(&self, number: &Expr, rank: Expr) -> Expr {
        let (skip, end) = (self.skip.clone(), self.skip.clone() + self.quantity.clone());
        let is_before_end = end.clone().gt(skip.clone()).and(rank.lt_eq(end));
        number.clone().gt(skip).and(is_before_end.or(self.quantity.clone().is_null()))
    }
}

fn bigint(expr: Expr) -> Expr {
    cast(expr, DataType::Int64)
}

fn is_of_subquery(number: Option<&Expr>) -> Result<bool> {
    let is_subquery = |part: &Expr| Ok(matches!(part, Expr::ScalarSubquery(_)));
    number.map_or(Ok(false), |number| number.exists(is_subquery))
}

/// A number of rows as a bigint, by the function that fails for one that is negative.
fn checked(number: &Expr, limit: &Limit, clause: &str, check: &str) -> Result<Expr> {
    let ty = pg_type(&number.to_field(limit.input.schema())?.1);
    if !is_number(ty) {
        let message = format!("argument of {clause} must be type bigint, not type {}", type_name(ty));
        return Err(external(SqlError::new(SqlState::DATATYPE_MISMATCH, message)));
    }
    Ok(named(check)?.call(vec![cast_expr(number.clone(), PgType::INT8, CastKind::Assignment)]))
}
