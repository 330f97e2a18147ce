//! Rows are grouped, joined and made distinct by keys where a type has them. What a group shows is one of its values.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::metadata::FieldMetadata;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::functions_aggregate::first_last::{first_value, first_value_udaf};
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams, InSubquery, NullTreatment, Sort};
use datafusion::logical_expr::utils::grouping_set_to_exprlist;
use datafusion::logical_expr::{
    Aggregate, Distinct, DistinctOn, Expr, ExprSchemable, GroupingSet, Join, JoinConstraint, LogicalPlan, Projection,
    Subquery, when,
};
use datafusion::optimizer::AnalyzerRule;
use peristyle_catalog::model::PgType;
use peristyle_storage::shape::is_shaped;
use peristyle_storage::types::{marked_pg_type, pg_metadata};

use super::analyzer::rewrite_expressions;
use super::array_forms::alike_sides;
use super::comparison_key::{Comparison, key};
use super::key_order::{is_label, keys};
use crate::functions::error::not_supported;

/// Replaces values by their keys where rows are told apart.
#[derive(Debug)]
pub(super) struct KeyEquality;

impl AnalyzerRule for KeyEquality {
    fn name(&self) -> &str {
        "key_equality"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let rewrite = |plan| rewrite_expressions(plan, &within_expression)?.transform_data(by_keys);
        Ok(plan.transform_up_with_subqueries(rewrite)?.data)
    }
}

fn by_keys(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    match plan {
        LogicalPlan::Aggregate(aggregate) => Groups::new(&aggregate)?.rewrite(aggregate),
        LogicalPlan::Distinct(Distinct::All(input)) => distinct(input),
        LogicalPlan::Distinct(Distinct::On(on)) => distinct_on(on),
        LogicalPlan::Join(join) => equal_keys(join),
        other => Ok(Transformed::no(other)),
    }
}

/// The group expressions of an aggregation that have keys.
struct Groups {
    /// Positions among the output's columns, values and keys.
    keyed: Vec<(usize, Expr, Expr)>,
    /// Positions of aggregates whose result is a char(n), a type that DataFusion does not pass on.
    characters: Vec<(usize, PgType)>,
    has_sets: bool,
}

impl Groups {
    fn new(aggregate: &Aggregate) -> Result<Groups> {
        let schema = aggregate.input.schema();
        let has_sets = matches!(aggregate.group_expr.as_slice(), [Expr::GroupingSet(_)]);
        let mut keyed = Vec::new();
        for (at, expr) in grouping_set_to_exprlist(&aggregate.group_expr)?.into_iter().enumerate() {
            if let Some(key) = equality_key(expr, schema)? {
                keyed.push((at, expr.clone(), key));
            }
        }
        let first = aggregate.schema.fields().len() - aggregate.aggr_expr.len();
        let results = aggregate.aggr_expr.iter().enumerate();
        let characters = results.filter_map(|(at, expr)| Some((first + at, character_extreme(expr, schema)?)));
        Ok(Groups { keyed, characters: characters.collect(), has_sets })
    }

    fn rewrite(self, aggregate: Aggregate) -> Result<Transformed<LogicalPlan>> {
        if self.keyed.is_empty() && self.characters.is_empty() {
            return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate)));
        }
        let wanted = Arc::clone(&aggregate.schema);
        let group = aggregate.group_expr.into_iter().map(|expr| self.grouped(expr)).collect();
        let shown =
            self.keyed.iter().map(|(at, value, _)| first_value(value.clone().unalias(), vec![]).alias(shown_name(*at)));
        let results = aggregate.aggr_expr.into_iter().chain(shown).collect();
        let plan = Aggregate::try_new(aggregate.input, group, results)?;
        let columns: Vec<Expr> = plan.schema.columns().into_iter().map(Expr::Column).collect();
        let output = wanted.iter().enumerate().map(|(at, (qualifier, field))| {
            let mark = self.mark(at).or_else(|| marked_pg_type(field)).map(|ty| FieldMetadata::from(pg_metadata(ty)));
            let value = self.value(at, &columns[at], field.data_type())?;
            Ok(value.alias_qualified_with_metadata(qualifier.cloned(), field.name(), mark))
        });
        let output = output.collect::<Result<Vec<_>>>()?;
        let plan = Projection::try_new(output, Arc::new(LogicalPlan::Aggregate(plan)))?;
        Ok(Transformed::yes(LogicalPlan::Projection(plan)))
    }

    fn grouped(&self, expr: Expr) -> Expr {
        let all = |exprs: Vec<Expr>| exprs.into_iter().map(|expr| self.grouped(expr)).collect::<Vec<_>>();
        match expr {
            Expr::GroupingSet(GroupingSet::Rollup(exprs)) => Expr::GroupingSet(GroupingSet::Rollup(all(exprs))),
            Expr::GroupingSet(GroupingSet::Cube(exprs)) => Expr::GroupingSet(GroupingSet::Cube(all(exprs))),
            Expr::GroupingSet(GroupingSet::GroupingSets(sets)) => {
                Expr::GroupingSet(GroupingSet::GroupingSets(sets.into_iter().map(all).collect()))
            }
            expr => match self.keyed.iter().find(|(_, value, _)| *value == expr) {
                Some((_, _, key)) => key.clone(),
                None => expr,
            },
        }
    }

    fn mark(&self, at: usize) -> Option<PgType> {
        self.characters.iter().find(|(place, _)| *place == at).map(|(_, ty)| *ty)
    }

    /// An output column: a group's value in place of its key.
    fn value(&self, at: usize, column: &Expr, ty: &arrow::datatypes::DataType) -> Result<Expr> {
        if !self.keyed.iter().any(|(place, ..)| *place == at) {
            return Ok(column.clone());
        }
        let shown = Expr::Column(Column::new_unqualified(shown_name(at)));
        if !self.has_sets {
            return Ok(shown);
        }
        // A grouping set that leaves the expression out has NULL there.
        when(column.clone().is_null(), Expr::Literal(ScalarValue::try_from(ty)?, None)).otherwise(shown)
    }
}

fn shown_name(at: usize) -> String {
    format!("__peristyle_group_{at}")
}

/// The type of `min(c)` and `max(c)` over char(n).
fn character_extreme(expr: &Expr, schema: &DFSchema) -> Option<PgType> {
    let Expr::AggregateFunction(AggregateFunction { func, params }) = expr.clone().unalias() else { return None };
    let [argument] = params.args.as_slice() else { return None };
    let ty = marked_pg_type(&argument.to_field(schema).ok()?.1)?;
    (matches!(func.name(), "min" | "max") && ty.oid == PgType::BPCHAR.oid).then_some(ty)
}

fn distinct(input: Arc<LogicalPlan>) -> Result<Transformed<LogicalPlan>> {
    let columns: Vec<Expr> = input.schema().columns().into_iter().map(Expr::Column).collect();
    let mut has_keys = false;
    for column in &columns {
        has_keys |= equality_key(column, input.schema())?.is_some();
    }
    if !has_keys {
        return Ok(Transformed::no(LogicalPlan::Distinct(Distinct::All(input))));
    }
    let aggregate = Aggregate::try_new(input, columns, vec![])?;
    Groups::new(&aggregate)?.rewrite(aggregate)
}

fn distinct_on(on: DistinctOn) -> Result<Transformed<LogicalPlan>> {
    let schema = Arc::clone(on.input.schema());
    // The same keys as those of the ORDER BY that it stands beside.
    let on_expr = keys(on.on_expr.into_iter().map(|expr| expr.sort(true, false)).collect(), &schema)?;
    let on_expr = on_expr.into_iter().map(|sort| sort.expr).collect();
    let sort_expr = on.sort_expr.map(|sorts| keys(sorts, &schema)).transpose()?;
    Ok(Transformed::yes(LogicalPlan::Distinct(Distinct::On(DistinctOn { on_expr, sort_expr, ..on }))))
}

/// The pairs of USING, NATURAL, INTERSECT and EXCEPT; those of ON are operators.
fn equal_keys(mut join: Join) -> Result<Transformed<LogicalPlan>> {
    let mut has_keys = false;
    for (left, right) in &mut join.on {
        if let Some(pair) = alike_sides(left, join.left.schema(), right, join.right.schema())? {
            (*left, *right) = pair;
            has_keys = true;
            continue;
        }
        let of_left = equality_key(left, join.left.schema())?;
        if let (Some(of_left), Some(of_right)) = (of_left, equality_key(right, join.right.schema())?) {
            (*left, *right) = (of_left, of_right);
            has_keys = true;
        }
    }
    if has_keys {
        join.join_constraint = JoinConstraint::On;
    }
    Ok(if has_keys { Transformed::yes } else { Transformed::no }(LogicalPlan::Join(join)))
}

/// The key by which rows are told apart. DISTINCT ON compares as the ORDER BY does that it stands beside.
fn equality_key(expr: &Expr, schema: &DFSchema) -> Result<Option<Expr>> {
    key(expr, schema, Comparison::Equality)
}

fn within_expression(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::AggregateFunction(aggregate) => within_aggregate(aggregate, schema),
        Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
            let columns = subquery.subquery.schema().columns();
            let pair = match columns.as_slice() {
                [column] => {
                    let column = Expr::Column(column.clone());
                    match alike_sides(&expr, schema, &column, subquery.subquery.schema())? {
                        Some((of_value, of_column)) => (Some(of_value), Some(of_column)),
                        None => (equality_key(&expr, schema)?, equality_key(&column, subquery.subquery.schema())?),
                    }
                }
                _ => (None, None),
            };
            let (Some(of_value), Some(of_column)) = pair else {
                return Ok(Transformed::no(Expr::InSubquery(InSubquery { expr, subquery, negated })));
            };
            let keyed = Projection::try_new(vec![of_column], subquery.subquery)?;
            let subquery = Subquery { subquery: Arc::new(LogicalPlan::Projection(keyed)), ..subquery };
            Ok(Transformed::yes(Expr::InSubquery(InSubquery { expr: Box::new(of_value), subquery, negated })))
        }
        other => Ok(Transformed::no(other)),
    }
}

fn within_aggregate(mut aggregate: AggregateFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    if let ([argument], "min" | "max") = (aggregate.params.args.as_slice(), aggregate.func.name())
        && is_label(argument, schema)
        && matches!(argument.get_type(schema)?, DataType::List(_))
    {
        return Err(not_supported(format!("{} of arrays of an enum type", aggregate.func.name())));
    }
    let comparison = match aggregate.func.name() {
        "min" | "max" => Comparison::Order,
        _ => Comparison::Equality,
    };
    if let ([argument], name @ ("min" | "max")) = (aggregate.params.args.as_slice(), aggregate.func.name())
        && argument.get_type(schema).is_ok_and(|ty| is_shaped(&ty))
    {
        let order = keys(vec![argument.clone().sort(name == "min", false)], schema)?;
        return Ok(Transformed::yes(Expr::AggregateFunction(first_of(order, aggregate))));
    }
    let key = match aggregate.params.args.as_slice() {
        [argument] => key(argument, schema, comparison)?,
        _ => None,
    };
    let Some(key) = key else { return Ok(Transformed::no(Expr::AggregateFunction(aggregate))) };
    let rewritten = match aggregate.func.name() {
        "count" if aggregate.params.distinct => {
            aggregate.params.args = vec![key];
            aggregate
        }
        name @ ("min" | "max") => first_by(key, name == "min", aggregate),
        _ => return Ok(Transformed::no(Expr::AggregateFunction(aggregate))),
    };
    Ok(Transformed::yes(Expr::AggregateFunction(rewritten)))
}

/// The least or greatest value, by its key.
fn first_by(key: Expr, is_least: bool, aggregate: AggregateFunction) -> AggregateFunction {
    first_of(vec![Sort { expr: key, asc: is_least, nulls_first: false }], aggregate)
}

fn first_of(order_by: Vec<Sort>, aggregate: AggregateFunction) -> AggregateFunction {
    let params = AggregateFunctionParams {
        distinct: false,
        order_by,
        null_treatment: Some(NullTreatment::IgnoreNulls),
        ..aggregate.params
    };
    AggregateFunction { func: first_value_udaf(), params }
}
