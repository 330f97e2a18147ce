//! Rules over logical plans: casts that DataFusion writes or inserts get PostgreSQL's meaning.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Cast, Expr, ExprSchemable, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;
use datafusion::optimizer::analyzer::resolve_grouping_function::ResolveGroupingFunction;
use datafusion::optimizer::analyzer::type_coercion::TypeCoercion;
use peristyle_storage::types::{marked_pg_type, pg_type_of_arrow};

use super::cast::{CastKind, cast_to_arrow, needs_pg_cast};
use super::cast_call::as_cast;

/// The analyzer's rules, in order. DataFusion's type coercion inserts casts, so ours runs after it.
pub fn analyzer_rules() -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    vec![
        Arc::new(ResolveGroupingFunction::new()),
        Arc::new(super::choices::PgChoices),
        Arc::new(super::operands::PgOperands),
        // Type coercion refuses the frames of windows that intervals order.
        Arc::new(super::key_order::KeyOrder),
        Arc::new(super::key_equality::KeyEquality),
        Arc::new(TypeCoercion::new()),
        Arc::new(PgCasts),
        Arc::new(super::decorrelate::Decorrelate),
    ]
}

/// Replaces DataFusion's casts where PostgreSQL's differ.
#[derive(Debug)]
struct PgCasts;

impl AnalyzerRule for PgCasts {
    fn name(&self) -> &str {
        "postgresql_casts"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(rewrite_plan)?.data)
    }
}

fn rewrite_plan(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    rewrite_expressions(plan, &rewrite_cast)
}

/// Rewrites a plan node's expressions bottom up over the columns that they can read, and keeps their names.
pub(crate) fn rewrite_expressions(
    plan: LogicalPlan,
    rewrite: &impl Fn(Expr, &DFSchema) -> Result<Transformed<Expr>>,
) -> Result<Transformed<LogicalPlan>> {
    let mut schema = merge_schema(&plan.inputs());
    if let LogicalPlan::TableScan(scan) = &plan {
        schema.merge(&DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema())?);
    }
    let names = NamePreserver::new(&plan);
    let rewritten = plan.map_expressions(|expr| {
        let name = names.save(&expr);
        Ok(expr.transform_up(|expr| rewrite(expr, &schema))?.update_data(|expr| name.restore(expr)))
    })?;
    rewritten.map_data(|plan| plan.recompute_schema())
}

/// An expression over no columns with its casts given PostgreSQL's meaning.
pub(crate) fn analyzed_cast(expr: Expr) -> Result<Expr> {
    Ok(expr.transform_up(|expr| rewrite_cast(expr, &DFSchema::empty()))?.data)
}

fn rewrite_cast(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let (inner, field) = match as_cast(expr) {
        Expr::Cast(Cast { expr, field }) => (expr, field),
        other => return Ok(Transformed::no(other)),
    };
    // A column of an outer query is not in this schema; it carries its field itself.
    let from = inner.get_type(schema)?;
    let target = marked_pg_type(&field).unwrap_or_else(|| pg_type_of_arrow(field.data_type()));
    if !needs_pg_cast(&from, target, field.data_type()) {
        return Ok(Transformed::yes(Expr::Cast(Cast { expr: inner, field })));
    }
    Ok(Transformed::yes(cast_to_arrow(*inner, target, field.data_type().clone(), CastKind::Explicit)))
}
