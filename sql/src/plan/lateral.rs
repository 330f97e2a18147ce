//! `FROM t, unnest(t.list) AS u`: what a lateral function makes of each row, beside that row.
//!
//! DataFusion joins a lateral subquery by its conditions, and one that only computes from the row has none. Here such
//! a subquery is planted on the other side of the join: it computes over the rows themselves and carries their columns.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchemaRef, Result, TableReference};
use datafusion::logical_expr::{Expr, Join, JoinType, LogicalPlan, LogicalPlanBuilder, Operator, binary_expr};

/// The table of computed columns that have names of the ground's; no name of a client's holds a blank by accident.
const COMPUTED: &str = "lateral columns";

/// The plan without joins of that kind.
pub(super) fn plant(plan: LogicalPlan) -> Result<LogicalPlan> {
    let planted = plan.transform_up_with_subqueries(|node| match &node {
        LogicalPlan::Join(join) if join.join_type == JoinType::Inner => match planted(join)? {
            Some(plan) => Ok(Transformed::yes(plan)),
            None => Ok(Transformed::no(node)),
        },
        _ => Ok(Transformed::no(node)),
    })?;
    if !planted.transformed {
        return Ok(planted.data);
    }
    // Columns of a planted plan may be NULL where those of the join were not.
    Ok(planted.data.transform_up_with_subqueries(|node| node.recompute_schema().map(Transformed::yes))?.data)
}

fn planted(join: &Join) -> Result<Option<LogicalPlan>> {
    let Some(plan) = beside(&join.left, &join.right)? else { return Ok(None) };
    let keys = join.on.iter().map(|(left, right)| binary_expr(left.clone(), Operator::Eq, right.clone()));
    match keys.chain(join.filter.clone()).reduce(Expr::and) {
        Some(condition) => LogicalPlanBuilder::from(plan).filter(condition)?.build().map(Some),
        None => Ok(Some(plan)),
    }
}

/// The rows of `left` beside what a lateral subquery on the left edge of `right` makes of each.
fn beside(left: &Arc<LogicalPlan>, right: &LogicalPlan) -> Result<Option<LogicalPlan>> {
    let ground = Ground { plan: left, schema: left.schema() };
    match right {
        LogicalPlan::Join(join) if matches!(join.join_type, JoinType::Inner | JoinType::Left) => {
            let Some(inner) = beside(left, &join.left)? else { return Ok(None) };
            let inputs = vec![inner, join.right.as_ref().clone()];
            Ok(Some(right.with_new_exprs(right.expressions(), inputs)?))
        }
        LogicalPlan::SubqueryAlias(alias) => match alias.input.as_ref() {
            LogicalPlan::Subquery(lateral) => ground.renamed(&lateral.subquery, &alias.alias),
            _ => Ok(None),
        },
        LogicalPlan::Subquery(lateral) => ground.bear(&lateral.subquery),
        _ => Ok(None),
    }
}

/// The rows that a lateral subquery computes from.
struct Ground<'a> {
    plan: &'a Arc<LogicalPlan>,
    schema: &'a DFSchemaRef,
}

impl Ground<'_> {
    /// A plan over one row, over the rows of the ground instead, whose columns stand before its own; `None` for a plan
    /// that does more than compute.
    fn bear(&self, plan: &LogicalPlan) -> Result<Option<LogicalPlan>> {
        match plan {
            LogicalPlan::EmptyRelation(empty) if empty.produce_one_row => Ok(Some(self.plan.as_ref().clone())),
            LogicalPlan::Projection(projection) => {
                let Some(input) = self.bear(&projection.input)? else { return Ok(None) };
                let own = projection.expr.iter().zip(projection.schema.iter());
                let own = own.map(|(expr, (qualifier, field))| self.computed(expr, qualifier, field.name()));
                let own = own.collect::<Result<Vec<_>>>()?;
                LogicalPlanBuilder::from(input).project(self.columns().chain(own))?.build().map(Some)
            }
            LogicalPlan::Unnest(unnest) => {
                let Some(input) = self.bear(&unnest.input)? else { return Ok(None) };
                let lists = unnest.exec_columns.clone();
                let builder = LogicalPlanBuilder::from(input);
                builder.unnest_columns_with_options(lists, unnest.options.clone())?.build().map(Some)
            }
            LogicalPlan::SubqueryAlias(alias) => self.renamed(&alias.input, &alias.alias),
            _ => Ok(None),
        }
    }

    /// As [`Self::bear`], the plan's own columns under the name of a table.
    fn renamed(&self, plan: &LogicalPlan, table: &TableReference) -> Result<Option<LogicalPlan>> {
        let Some(input) = self.bear(plan)? else { return Ok(None) };
        let own = input.schema().columns().split_off(self.schema.fields().len());
        let own = own.into_iter().map(|column| {
            let name = column.name.clone();
            Expr::Column(column).alias_qualified(Some(table.clone()), name)
        });
        let own: Vec<Expr> = own.collect();
        LogicalPlanBuilder::from(input).project(self.columns().chain(own))?.build().map(Some)
    }

    fn columns(&self) -> impl Iterator<Item = Expr> {
        self.schema.columns().into_iter().map(Expr::Column)
    }

    /// An expression over the ground's own columns, under the name that it had; under a table of its own where the
    /// ground has a column of that name.
    fn computed(&self, expr: &Expr, qualifier: Option<&TableReference>, name: &str) -> Result<Expr> {
        let apart = TableReference::bare(COMPUTED);
        let is_taken = qualifier.is_none() && !self.schema.qualified_fields_with_unqualified_name(name).is_empty();
        let qualifier = if is_taken { Some(&apart) } else { qualifier };
        let is_ours = |column: &Column| self.schema.has_column(column);
        let own = expr.clone().transform(|expr| match expr {
            Expr::OuterReferenceColumn(_, column) if is_ours(&column) => Ok(Transformed::yes(Expr::Column(column))),
            other => Ok(Transformed::no(other)),
        })?;
        if !own.transformed && !is_taken || own.data.qualified_name() == (qualifier.cloned(), name.to_owned()) {
            return Ok(own.data);
        }
        Ok(own.data.unalias().alias_qualified(qualifier.cloned(), name))
    }
}
