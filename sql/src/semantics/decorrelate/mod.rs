//! Subqueries that name columns of the query around them, as joins. DataFusion does so for the common shapes only
//! ([`simple`] says which), so the others are planned here, after T. Neumann and A. Kemper, "Unnesting Arbitrary Queries":
//! the different values of the outer columns, the [`domain`], are joined into the subquery ([`dependent`]), whose result
//! for all of them is then joined to the rows it is for.

mod attach;
mod dependent;
mod domain;
mod lateral;
mod outer_join;
mod simple;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, JoinType, LogicalPlan, LogicalPlanBuilder, Operator, binary_expr};
use datafusion::optimizer::AnalyzerRule;

use self::domain::{Names, outer_columns_of};

/// The rule. It comes last: it moves columns whose types must be settled.
#[derive(Debug)]
pub(super) struct Decorrelate;

impl AnalyzerRule for Decorrelate {
    fn name(&self) -> &str {
        "decorrelate"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let names = Names::default();
        let joined = plan.transform_down_with_subqueries(|node| rewrite(node, &names))?;
        if !joined.transformed {
            return Ok(joined.data);
        }
        // What comes from an outer join may be NULL.
        Ok(joined.data.transform_up_with_subqueries(|node| node.recompute_schema().map(Transformed::yes))?.data)
    }
}

fn rewrite(node: LogicalPlan, names: &Names) -> Result<Transformed<LogicalPlan>> {
    let rewritten = match &node {
        LogicalPlan::Join(join) if !simple::hosts(&node) => lateral::join(join, names)?,
        LogicalPlan::Join(join) if join.join_type == JoinType::Inner => {
            let filter = as_filter(&node, join)?;
            // A subquery that is left to DataFusion is so in a filter alone.
            Some(host(&filter, names)?.unwrap_or(filter))
        }
        LogicalPlan::Join(join) => outer_join::join(&node, join, names)?,
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Aggregate(_)
        | LogicalPlan::Window(_)
            if simple::hosts(&node) =>
        {
            host(&node, names)?
        }
        _ => None,
    };
    Ok(rewritten.map_or_else(|| Transformed::no(node), Transformed::yes))
}

/// A join whose conditions hold subqueries, as a filter of all pairs.
fn as_filter(node: &LogicalPlan, join: &datafusion::logical_expr::Join) -> Result<LogicalPlan> {
    let keys = join.on.iter().map(|(left, right)| binary_expr(left.clone(), Operator::Eq, right.clone()));
    let pairs = LogicalPlanBuilder::from(join.left.as_ref().clone()).cross_join(join.right.as_ref().clone())?;
    match keys.chain(join.filter.clone()).reduce(Expr::and) {
        Some(condition) => pairs.filter(condition)?.build(),
        None => Ok(node.clone()),
    }
}

/// The input of an ORDER BY beside the columns that its subqueries take from below what is selected.
fn with_ordering_columns(node: &LogicalPlan, input: &LogicalPlan) -> Result<LogicalPlan> {
    let (LogicalPlan::Sort(sort), LogicalPlan::Projection(selected)) = (node, input) else { return Ok(input.clone()) };
    let mut columns = selected.expr.clone();
    for key in &sort.expr {
        for column in outer_columns_of(&key.expr)? {
            let below = selected.input.schema().has_column(&column) && !selected.schema.has_column(&column);
            if below && !columns.contains(&Expr::Column(column.clone())) {
                columns.push(Expr::Column(column));
            }
        }
    }
    LogicalPlanBuilder::from(selected.input.as_ref().clone()).project(columns)?.build()
}

/// A node over its input joined with what its subqueries give; `None` if one of them has a form that has no plan.
fn host(node: &LogicalPlan, names: &Names) -> Result<Option<LogicalPlan>> {
    let Some(input) = node.inputs().first().copied() else { return Ok(None) };
    let mut joined = Some(with_ordering_columns(node, input)?);
    let preserver = NamePreserver::new(node);
    let rewritten = node.clone().map_expressions(|expr| {
        let name = preserver.save(&expr);
        let replaced = expr.transform_down(|expr| {
            let Some(input) = joined.take_if(|_| simple::is_left(&expr, node)) else {
                return Ok(Transformed::no(expr));
            };
            match attach::attach(input, &expr, names)? {
                Some((plan, value)) => {
                    joined = Some(plan);
                    Ok(Transformed::yes(value))
                }
                None => Ok(Transformed::no(expr)),
            }
        })?;
        Ok(replaced.update_data(|expr| name.restore(expr)))
    })?;
    let Some(joined) = joined.filter(|_| rewritten.transformed) else { return Ok(None) };
    let over = rewritten.data.with_new_exprs(rewritten.data.expressions(), vec![joined])?;
    // Some nodes pass the joined columns on, which nobody above expects.
    if over.schema().fields().len() == node.schema().fields().len() {
        return Ok(Some(over));
    }
    let columns = node.schema().columns().into_iter().map(Expr::Column);
    LogicalPlanBuilder::from(over).project(columns)?.build().map(Some)
}
