//! Rules over logical plans: casts that DataFusion writes or inserts get PostgreSQL's meaning.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Cast, Expr, ExprSchemable, GroupingSet, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;
use datafusion::optimizer::analyzer::resolve_grouping_function::ResolveGroupingFunction;
use datafusion::optimizer::analyzer::type_coercion::TypeCoercion;
use peristyle_storage::types::{marked_pg_type, pg_type_of_arrow};

use super::cast::{CastKind, cast_to_arrow, needs_pg_cast};
use super::cast_call::as_cast;
use super::enum_cast;
use crate::functions::{FunctionContext, StatementContext};

/// The analyzer's rules, in order. DataFusion's type coercion inserts casts, so ours runs after it.
pub fn analyzer_rules() -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    vec![
        Arc::new(ResolveGroupingFunction::new()),
        Arc::new(ExpressionRule { name: "subquery_values", rewrite: super::subquery_value::rewrite }),
        Arc::new(ExpressionRule { name: "postgresql_choices", rewrite: super::choices::rewrite }),
        Arc::new(ExpressionRule { name: "correlated_in", rewrite: super::correlated_in::rewrite }),
        Arc::new(ExpressionRule { name: "postgresql_operands", rewrite: super::operands::rewrite }),
        Arc::new(ExpressionRule { name: "polymorphic_arguments", rewrite: super::polymorphic::rewrite }),
        Arc::new(ExpressionRule { name: "aggregate_arguments", rewrite: super::aggregate_arguments::rewrite }),
        Arc::new(ExpressionRule { name: "moving_frames", rewrite: super::moving_frames::rewrite }),
        Arc::new(super::union_operands::UnionOperands),
        // Type coercion refuses the frames of windows that intervals order.
        Arc::new(super::key_order::KeyOrder),
        Arc::new(super::key_equality::KeyEquality),
        Arc::new(TypeCoercion::new()),
        Arc::new(PgCasts),
        Arc::new(super::union_types::UnionTypes),
        Arc::new(super::decorrelate::Decorrelate),
        Arc::new(super::computed_keys::ComputedKeys),
    ]
}

/// A rule that rewrites each expression by itself, over the columns that it can read.
#[derive(Debug)]
struct ExpressionRule {
    name: &'static str,
    rewrite: fn(Expr, &DFSchema) -> Result<Transformed<Expr>>,
}

impl AnalyzerRule for ExpressionRule {
    fn name(&self) -> &str {
        self.name
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(|plan| rewrite_expressions(plan, &self.rewrite))?.data)
    }
}

/// Replaces DataFusion's casts where PostgreSQL's differ.
#[derive(Debug)]
struct PgCasts;

impl AnalyzerRule for PgCasts {
    fn name(&self) -> &str {
        "postgresql_casts"
    }

    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
        let context = config.extensions.get::<StatementContext>().map(|context| context.0.as_ref());
        let rewrite = |expr, schema: &DFSchema| rewrite_cast(expr, schema, context);
        Ok(plan.transform_up_with_subqueries(|plan| rewrite_expressions(plan, &rewrite))?.data)
    }
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
    let one = |expr: Expr| -> Result<Transformed<Expr>> {
        let name = names.save(&expr);
        Ok(expr.transform_up(|expr| rewrite(expr, &schema))?.update_data(|expr| name.restore(expr)))
    };
    let rewritten = plan.map_expressions(|expr| match expr {
        Expr::GroupingSet(sets) => rewrite_sets(sets, &one),
        expr => one(expr),
    })?;
    rewritten.map_data(|plan| plan.recompute_schema())
}

/// The keys of grouping sets are columns of the result, each under its own name.
fn rewrite_sets(sets: GroupingSet, one: &impl Fn(Expr) -> Result<Transformed<Expr>>) -> Result<Transformed<Expr>> {
    let mut transformed = false;
    let mut all = |keys: Vec<Expr>| -> Result<Vec<Expr>> {
        let changed = keys.into_iter().map(|key| {
            let changed = one(key)?;
            transformed |= changed.transformed;
            Ok(changed.data)
        });
        changed.collect()
    };
    let sets = match sets {
        GroupingSet::Rollup(keys) => GroupingSet::Rollup(all(keys)?),
        GroupingSet::Cube(keys) => GroupingSet::Cube(all(keys)?),
        GroupingSet::GroupingSets(sets) => GroupingSet::GroupingSets(sets.into_iter().map(all).collect::<Result<_>>()?),
    };
    let expr = Expr::GroupingSet(sets);
    Ok(if transformed { Transformed::yes(expr) } else { Transformed::no(expr) })
}

/// An expression over no columns with its casts given PostgreSQL's meaning.
pub(crate) fn analyzed_cast(expr: Expr) -> Result<Expr> {
    Ok(expr.transform_up(|expr| rewrite_cast(expr, &DFSchema::empty(), None))?.data)
}

fn rewrite_cast(expr: Expr, schema: &DFSchema, context: Option<&FunctionContext>) -> Result<Transformed<Expr>> {
    let (inner, field) = match as_cast(expr, schema)? {
        Expr::Cast(Cast { expr, field }) => (expr, field),
        other => {
            let literal = enum_cast::literal_of_call(&other, context)?;
            return Ok(literal.map_or_else(|| Transformed::no(other), Transformed::yes));
        }
    };
    // A column of an outer query is not in this schema; it carries its field itself.
    let from = inner.get_type(schema)?;
    let target = marked_pg_type(&field).unwrap_or_else(|| pg_type_of_arrow(field.data_type()));
    enum_cast::check(&inner, schema, target)?;
    if let Some(literal) = enum_cast::literal(&inner, target, field.data_type(), context)? {
        return Ok(Transformed::yes(literal));
    }
    if !needs_pg_cast(&from, target, field.data_type()) {
        return Ok(Transformed::yes(Expr::Cast(Cast { expr: inner, field })));
    }
    Ok(Transformed::yes(cast_to_arrow(*inner, target, field.data_type().clone(), CastKind::Explicit)))
}
