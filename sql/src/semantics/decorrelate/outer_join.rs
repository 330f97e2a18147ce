//! Subqueries in the ON of an outer join: what they give is joined to the side whose columns they name.

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::expr::InSubquery;
use datafusion::logical_expr::{Expr, Join, LogicalPlan, LogicalPlanBuilder};

use super::attach::attach;
use super::domain::{Names, outer_columns_of};
use super::simple;

/// The join with the values of its subqueries; `None` if one of them names columns of both sides.
pub(super) fn join(node: &LogicalPlan, join: &Join, names: &Names) -> Result<Option<LogicalPlan>> {
    let Some(filter) = join.filter.clone() else { return Ok(None) };
    let mut sides = [join.left.as_ref().clone(), join.right.as_ref().clone()];
    let filter = filter.transform_down(|expr| {
        if !simple::is_left(&expr, node) {
            return Ok(Transformed::no(expr));
        }
        let Some(side) = side_of(&expr, &mut sides)? else { return Ok(Transformed::no(expr)) };
        match attach(side.clone(), &expr, names)? {
            Some((plan, value)) => {
                *side = plan;
                Ok(Transformed::yes(value))
            }
            None => Ok(Transformed::no(expr)),
        }
    })?;
    if !filter.transformed {
        return Ok(None);
    }
    let [left, right] = sides;
    let keys: (Vec<Expr>, Vec<Expr>) = join.on.iter().cloned().unzip();
    let joined = LogicalPlanBuilder::from(left).join_with_expr_keys(right, join.join_type, keys, Some(filter.data))?;
    joined.project(node.schema().columns().into_iter().map(Expr::Column))?.build().map(Some)
}

/// The side that has all columns which a subquery names.
fn side_of<'a>(expr: &Expr, sides: &'a mut [LogicalPlan; 2]) -> Result<Option<&'a mut LogicalPlan>> {
    let mut columns = outer_columns_of(expr)?;
    if let Expr::InSubquery(InSubquery { expr: tested, .. }) = expr {
        columns.extend(tested.column_refs().into_iter().cloned());
    }
    Ok(sides.iter_mut().find(|side| columns.iter().all(|column| side.schema().has_column(column))))
}
