//! `x NOT IN (SELECT …)` of a subquery that names outer columns: no row of it is one from which `x` is not known to differ.
//! DataFusion's join for NOT IN knows of NULL for one column alone.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, Operator, Subquery, binary_expr};

pub(super) fn rewrite(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::InSubquery(InSubquery { expr, subquery, negated: true }) if !subquery.outer_ref_columns.is_empty() => {
            let subquery = rows_not_known_to_differ(as_outer(*expr, schema)?, subquery)?;
            Ok(Transformed::yes(Expr::Exists(Exists { subquery, negated: true })))
        }
        other => Ok(Transformed::no(other)),
    }
}

/// The rows of a subquery of which it is not true that a value differs from their column.
fn rows_not_known_to_differ(value: Expr, subquery: Subquery) -> Result<Subquery> {
    let Subquery { subquery: rows, mut outer_ref_columns, spans } = subquery;
    value.apply(|expr| {
        if matches!(expr, Expr::OuterReferenceColumn(..)) {
            outer_ref_columns.push(expr.clone());
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    let column = Expr::from(rows.schema().qualified_field(0));
    let differs = binary_expr(value, Operator::NotEq, column);
    let rows =
        LogicalPlanBuilder::from(Arc::unwrap_or_clone(rows)).filter(Expr::IsNotTrue(Box::new(differs)))?.build()?;
    Ok(Subquery { subquery: Arc::new(rows), outer_ref_columns, spans })
}

/// The expression as a subquery reads it, to which the columns around are outer ones.
fn as_outer(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    let outer = expr.transform_up(|expr| match expr {
        Expr::Column(column) => {
            let (_, field) = schema.qualified_field_from_column(&column)?;
            Ok(Transformed::yes(Expr::OuterReferenceColumn(Arc::clone(field), column)))
        }
        other => Ok(Transformed::no(other)),
    })?;
    Ok(outer.data)
}
