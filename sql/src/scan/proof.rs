//! Conditions that hold for every row of a partition, by its statistics alone: no row can be one for which they do not.

use std::sync::Arc;

use datafusion::catalog::Session;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::utils::disjunction;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator};
use peristyle_catalog::model::Partition;

use super::TableScan;
use super::prune::{PartitionStatistics, bare, prune, pruning_predicate};

/// The partitions of which every row meets all conditions.
pub(super) fn wholly_matched(
    scan: &TableScan,
    state: &dyn Session,
    conditions: &[Expr],
) -> Result<Vec<Arc<Partition>>> {
    let Some(unmet) = conditions.iter().map(unmet).collect::<Option<Vec<_>>>().and_then(disjunction) else {
        return Ok(Vec::new());
    };
    let schema = DFSchema::try_from(scan.schema.as_ref().clone())?;
    let Some(predicate) = pruning_predicate(scan, state, vec![bare(&unmet)], &[], &schema) else {
        return Ok(Vec::new());
    };
    let partitions = prune(scan, state, conditions)?.partitions;
    if partitions.is_empty() {
        return Ok(partitions);
    }
    let may_be_unmet = predicate.prune(&PartitionStatistics::load(scan, &predicate, &partitions)?)?;
    Ok(partitions.into_iter().zip(may_be_unmet).filter_map(|(partition, may)| (!may).then_some(partition)).collect())
}

/// A condition that is true for every row for which the given one is false or NULL; `None` where there is none that
/// statistics speak of.
fn unmet(condition: &Expr) -> Option<Expr> {
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => Some(unmet(left)?.or(unmet(right)?)),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => Some(unmet(left)?.and(unmet(right)?)),
        Expr::BinaryExpr(comparison) => unmet_comparison(comparison),
        Expr::Between(Between { expr, negated: false, low, high })
            if is_column(expr) && is_value(low) && is_value(high) =>
        {
            let column = || expr.as_ref().clone();
            Some(column().lt(low.as_ref().clone()).or(column().gt(high.as_ref().clone())).or(column().is_null()))
        }
        Expr::IsNull(column) if is_column(column) => Some(column.as_ref().clone().is_not_null()),
        Expr::IsNotNull(column) if is_column(column) => Some(column.as_ref().clone().is_null()),
        _ => None,
    }
}

fn unmet_comparison(comparison: &BinaryExpr) -> Option<Expr> {
    let BinaryExpr { left, op, right } = comparison;
    use Operator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    if !matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq) {
        return None;
    }
    let column = match (is_column(left) && is_value(right), is_value(left) && is_column(right)) {
        (true, _) => left,
        (_, true) => right,
        _ => return None,
    };
    let negated = BinaryExpr::new(left.clone(), op.negate()?, right.clone());
    Some(Expr::BinaryExpr(negated).or(column.as_ref().clone().is_null()))
}

fn is_column(expression: &Expr) -> bool {
    matches!(expression, Expr::Column(_))
}

fn is_value(expression: &Expr) -> bool {
    matches!(expression, Expr::Literal(value, _) if !value.is_null())
}
