//! What `unnest` gives is of the type of the array's items, which DataFusion tells by the Arrow type alone.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::metadata::FieldMetadata;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, Projection, Unnest};
use datafusion::optimizer::AnalyzerRule;
use peristyle_catalog::model::PgType;
use peristyle_storage::types::{pg_metadata, pg_type};

use crate::functions::choice::needs_mark;

/// Marks the columns that hold the items of arrays. Runs before the rules that go by types.
#[derive(Debug)]
pub(super) struct UnnestedItems;

impl AnalyzerRule for UnnestedItems {
    fn name(&self) -> &str {
        "unnested_items"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let mut has_unnest = false;
        plan.apply_with_subqueries(|plan| {
            has_unnest |= matches!(plan, LogicalPlan::Unnest(_));
            Ok(if has_unnest { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })?;
        if has_unnest { Ok(plan.transform_up_with_subqueries(marked_items)?.data) } else { Ok(plan) }
    }
}

fn marked_items(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Unnest(unnest) = plan else { return plan.recompute_schema().map(Transformed::yes) };
    let marks = marks(&unnest);
    if marks.is_empty() {
        return Ok(Transformed::no(LogicalPlan::Unnest(unnest)));
    }
    let mark = |column: &Column| marks.iter().find(|(marked, _)| marked == column).map(|(_, ty)| *ty);
    let columns = unnest.schema.columns().into_iter().map(|column| match mark(&column) {
        Some(ty) => {
            let (qualifier, name) = (column.relation.clone(), column.name.clone());
            let metadata = FieldMetadata::from(pg_metadata(ty));
            Expr::Column(column).alias_qualified_with_metadata(qualifier, name, Some(metadata))
        }
        None => Expr::Column(column),
    });
    let columns: Vec<Expr> = columns.collect();
    let projection = Projection::try_new(columns, Arc::new(LogicalPlan::Unnest(unnest)))?;
    Ok(Transformed::yes(LogicalPlan::Projection(projection)))
}

/// The columns of items whose type needs a mark.
fn marks(unnest: &Unnest) -> Vec<(Column, PgType)> {
    let lists = unnest.list_type_columns.iter().filter(|(_, list)| list.depth == 1);
    let mark = |(at, column): (usize, &Column)| match unnest.input.schema().field(at).data_type() {
        DataType::List(item) if needs_mark(pg_type(item), item.data_type()) => Some((column.clone(), pg_type(item))),
        _ => None,
    };
    lists.map(|(at, list)| (*at, &list.output_column)).filter_map(mark).collect()
}
