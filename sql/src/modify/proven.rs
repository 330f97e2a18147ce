//! Partitions that a DELETE removes whole without reading them: the catalog's statistics alone prove that its condition
//! is true for each of their rows.

use std::any::Any;
use std::sync::Arc;

use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, LogicalPlan, TableScan as ScanNode};
use peristyle_catalog::model::Partition;

use crate::error::SqlError;
use crate::plan::Planner;
use crate::scan::TableScan;

/// The partitions of which every row meets the condition of an optimised plan that finds rows to delete.
pub(super) fn whole_partitions(planner: &Planner<'_>, plan: &LogicalPlan) -> Result<Vec<Arc<Partition>>, SqlError> {
    let Some((condition, scan)) = filtered_scan(plan) else { return Ok(Vec::new()) };
    let provider = source_as_provider(&scan.source)?;
    let Some(table) = (provider.as_ref() as &dyn Any).downcast_ref::<TableScan>() else { return Ok(Vec::new()) };
    let conditions: Vec<Expr> = split_conjunction(condition).into_iter().cloned().collect();
    Ok(table.wholly_matched(planner.state(), &conditions)?)
}

/// The condition and the scan of a plan that is no more than these.
fn filtered_scan(plan: &LogicalPlan) -> Option<(&Expr, &ScanNode)> {
    match plan {
        LogicalPlan::Projection(projection) => filtered_scan(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => filtered_scan(&alias.input),
        LogicalPlan::Filter(filter) => Some((&filter.predicate, scan_of(&filter.input)?)),
        _ => None,
    }
}

fn scan_of(plan: &LogicalPlan) -> Option<&ScanNode> {
    match plan {
        LogicalPlan::SubqueryAlias(alias) => scan_of(&alias.input),
        LogicalPlan::TableScan(scan) if scan.fetch.is_none() => Some(scan),
        _ => None,
    }
}
