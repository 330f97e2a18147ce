//! Which subqueries are left to DataFusion: those it plans well. Its limits are in `check_subquery_expr` and in
//! `PullUpCorrelatedExpr`, which also takes two inner columns of one name for one.

use std::collections::HashMap;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, JoinType, LogicalPlan, Operator};

use super::domain::{outer_columns, subquery_of};

/// Whether a node's expressions hold a subquery that is left to us.
pub(super) fn hosts(node: &LogicalPlan) -> bool {
    let mut found = false;
    let searched = node.apply_expressions(|expr| {
        expr.apply(|expr| {
            found |= is_left(expr, node);
            Ok(TreeNodeRecursion::Continue)
        })
    });
    found && searched.is_ok()
}

/// Whether an expression of a node is a subquery that is left to us.
pub(super) fn is_left(expr: &Expr, node: &LogicalPlan) -> bool {
    let Some(subquery) = subquery_of(expr) else { return false };
    let is_filter = matches!(node, LogicalPlan::Filter(_));
    match expr {
        Expr::ScalarSubquery(_) if subquery.outer_ref_columns.is_empty() => false,
        Expr::ScalarSubquery(_) => {
            let hosted = is_filter || matches!(node, LogicalPlan::Projection(_));
            !(hosted && aggregated(&subquery.subquery).is_some_and(|input| is_simple(input, Conditions::Equalities)))
        }
        Expr::Exists(_) | Expr::InSubquery(_) if !is_filter => true,
        Expr::Exists(_) | Expr::InSubquery(_) => {
            !subquery.outer_ref_columns.is_empty() && !is_simple(&subquery.subquery, Conditions::Any)
        }
        _ => false,
    }
}

/// What an aggregate of one group reads. Of one behind an alias DataFusion may lose what tells that no row came.
fn aggregated(plan: &LogicalPlan) -> Option<&LogicalPlan> {
    match plan {
        LogicalPlan::Projection(projection) if !names_outer(plan) => aggregated(&projection.input),
        LogicalPlan::Aggregate(aggregate) if aggregate.group_expr.is_empty() && !names_outer(plan) => {
            Some(&aggregate.input)
        }
        _ => None,
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Conditions {
    Equalities,
    Any,
}

/// Whether outer columns are in conditions of WHERE alone, of forms that DataFusion makes join conditions of.
fn is_simple(plan: &LogicalPlan, conditions: Conditions) -> bool {
    let mut inner = HashMap::new();
    pulls_up(plan, conditions, &mut inner).unwrap_or(false)
}

/// `inner` has the columns that are compared with outer ones, by their bare names.
fn pulls_up(plan: &LogicalPlan, conditions: Conditions, inner: &mut HashMap<String, Column>) -> Result<bool> {
    if outer_columns(plan)?.is_empty() {
        return Ok(true);
    }
    match plan {
        // Of conditions at two levels DataFusion may lose the columns of the inner one.
        LogicalPlan::Filter(filter) if names_outer(plan) && !outer_columns(&filter.input)?.is_empty() => Ok(false),
        LogicalPlan::Filter(filter) => {
            for condition in split_conjunction(&filter.predicate) {
                let refers = condition.contains_outer();
                let shaped = conditions == Conditions::Any || is_equality(condition);
                if holds_subquery(condition) || (refers && !(shaped && notes_columns(condition, inner))) {
                    return Ok(false);
                }
            }
            pulls_up(&filter.input, conditions, inner)
        }
        LogicalPlan::Projection(projection) if !names_outer(plan) => {
            Ok(pulls_up(&projection.input, conditions, inner)?
                && !projection.expr.iter().any(|expr| renames(expr, inner)))
        }
        // Behind an alias DataFusion finds only the columns that the alias shows.
        LogicalPlan::SubqueryAlias(alias) if !names_outer(plan) => Ok(pulls_up(&alias.input, conditions, inner)?
            && inner.keys().all(|name| alias.schema.has_column_with_unqualified_name(name))),
        LogicalPlan::Join(join) if join.join_type == JoinType::Inner && !names_outer(plan) => {
            Ok(pulls_up(&join.left, conditions, inner)? && pulls_up(&join.right, conditions, inner)?)
        }
        _ => Ok(false),
    }
}

/// Adds the inner columns of a condition; false if another column of the same name is there.
fn notes_columns(condition: &Expr, inner: &mut HashMap<String, Column>) -> bool {
    let columns = condition.column_refs();
    !columns.is_empty()
        && columns
            .into_iter()
            .all(|column| inner.entry(column.name.clone()).or_insert_with(|| column.clone()) == column)
}

/// Whether an expression is one of the columns under another name, by which DataFusion does not find it.
fn renames(expr: &Expr, columns: &HashMap<String, Column>) -> bool {
    match expr {
        Expr::Alias(alias) => match alias.expr.as_ref() {
            Expr::Column(column) => column.name != alias.name && columns.contains_key(&column.name),
            _ => false,
        },
        _ => false,
    }
}

/// `inner column = outer columns only`.
fn is_equality(condition: &Expr) -> bool {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = condition else { return false };
    let is_outer = |expr: &Expr| expr.contains_outer() && expr.column_refs().is_empty();
    let is_inner = |expr: &Expr| matches!(expr, Expr::Column(_));
    (is_outer(left) && is_inner(right)) || (is_inner(left) && is_outer(right))
}

fn holds_subquery(expr: &Expr) -> bool {
    expr.exists(|expr| Ok(subquery_of(expr).is_some())).unwrap_or(true)
}

/// Whether the node itself names outer columns or holds subqueries, not its inputs.
fn names_outer(plan: &LogicalPlan) -> bool {
    let mut found = false;
    let searched = plan.apply_expressions(|expr| {
        found |= expr.contains_outer() || holds_subquery(expr);
        Ok(TreeNodeRecursion::Continue)
    });
    found || searched.is_err()
}
