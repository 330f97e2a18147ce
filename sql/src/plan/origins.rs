//! Where the columns of a result come from: the table and attribute of those that are a column of a table, unchanged,
//! as RowDescription tells clients.

use std::any::Any;

use datafusion::common::{JoinType, TableReference};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{Distinct, Expr, LogicalPlan, TableScan as ScanNode};
use peristyle_catalog::model::Oid;

use crate::scan::{SystemTable, TableScan};

/// A relation's oid and a column's `attnum`.
pub(super) type Origin = (Oid, i16);

/// First part of the name under which a view's plan gives its columns: see [`view_mark`].
const VIEW_MARK: &str = "\0view";

/// The origin of each column of a plan that is not yet optimised.
pub(super) fn of(plan: &LogicalPlan) -> Vec<Option<Origin>> {
    (0..plan.schema().fields().len()).map(|column| origin(plan, column)).collect()
}

/// A qualifier for a view's column inside of the view's own plan, where no name can refer to it: the column is the
/// view's then, not that of the table below.
pub(super) fn view_mark((view, attribute): Origin) -> TableReference {
    TableReference::full(VIEW_MARK, view.0.to_string(), attribute.to_string())
}

fn marked(relation: Option<&TableReference>) -> Option<Origin> {
    match relation? {
        TableReference::Full { catalog, schema, table } if catalog.as_ref() == VIEW_MARK => {
            Some((Oid(schema.parse().ok()?), table.parse().ok()?))
        }
        _ => None,
    }
}

fn origin(plan: &LogicalPlan, column: usize) -> Option<Origin> {
    match plan {
        LogicalPlan::Projection(projection) => of_expression(projection.expr.get(column)?, &projection.input),
        LogicalPlan::Aggregate(aggregate) => of_expression(aggregate.group_expr.get(column)?, &aggregate.input),
        LogicalPlan::Distinct(Distinct::On(distinct)) => {
            of_expression(distinct.select_expr.get(column)?, &distinct.input)
        }
        LogicalPlan::Distinct(Distinct::All(input)) => origin(input, column),
        LogicalPlan::Filter(filter) => origin(&filter.input, column),
        LogicalPlan::Sort(sort) => origin(&sort.input, column),
        LogicalPlan::Limit(limit) => origin(&limit.input, column),
        LogicalPlan::Repartition(repartition) => origin(&repartition.input, column),
        LogicalPlan::SubqueryAlias(alias) => origin(&alias.input, column),
        LogicalPlan::Window(window) => {
            let is_input = column < window.input.schema().fields().len();
            if is_input { origin(&window.input, column) } else { None }
        }
        LogicalPlan::Join(join) => match join.join_type {
            JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => {
                let left = join.left.schema().fields().len();
                if column < left { origin(&join.left, column) } else { origin(&join.right, column - left) }
            }
            JoinType::LeftSemi | JoinType::LeftAnti => origin(&join.left, column),
            JoinType::RightSemi | JoinType::RightAnti => origin(&join.right, column),
            JoinType::LeftMark | JoinType::RightMark => None,
        },
        LogicalPlan::TableScan(scan) => of_scan(scan, column),
        _ => None,
    }
}

fn of_expression(expression: &Expr, input: &LogicalPlan) -> Option<Origin> {
    match expression {
        Expr::Alias(alias) => marked(alias.relation.as_ref()).or_else(|| of_expression(&alias.expr, input)),
        Expr::Column(column) => origin(input, input.schema().maybe_index_of_column(column)?),
        _ => None,
    }
}

fn of_scan(scan: &ScanNode, column: usize) -> Option<Origin> {
    let column = match &scan.projection {
        Some(projection) => *projection.get(column)?,
        None => column,
    };
    let provider = source_as_provider(&scan.source).ok()?;
    let provider = provider.as_ref() as &dyn Any;
    if let Some(table) = provider.downcast_ref::<TableScan>() {
        return table.origin(column);
    }
    provider.downcast_ref::<SystemTable>().and_then(|table| table.origin(column))
}
