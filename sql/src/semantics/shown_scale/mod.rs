//! How many digits behind the point a client is shown of a computed numeric. PostgreSQL's numerics have each their own,
//! a column here has one scale, which suits most of them and is more than some have: of quotients, averages, deviations, roots
//! and their kin, and of numbers of several scales that meet in CASE, COALESCE or UNION. Beside such a column of a
//! query's result a second one is computed that tells the digits, and the client gets the text of the two.

mod expression;

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{Column, Result};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Aggregate, Expr, Filter, Limit, LogicalPlan, Projection, Sort, SubqueryAlias, Union};

use self::expression::{Columns, Scale, of_type, scale_of};
use crate::functions::shown_scale::SHOWN;
use crate::functions::{aggregate_scale, named};

/// The plan of a client's query, all of whose types are settled, with its numerics as texts of the digits that PostgreSQL
/// shows, where these are not its columns' own. The columns keep their PostgreSQL types.
pub(crate) fn with_shown_digits(plan: LogicalPlan) -> Result<LogicalPlan> {
    let is_decimal = |(_, field): (_, &Arc<arrow::datatypes::Field>)| field.data_type().is_decimal();
    if !plan.schema().iter().any(is_decimal) {
        return Ok(plan);
    }
    let wanted = plan.schema().columns();
    let types: Vec<DataType> = plan.schema().fields().iter().map(|field| field.data_type().clone()).collect();
    let scaled = Scaled::of(plan.clone(), &mut 0)?;
    let others: Vec<bool> =
        types.iter().zip(&scaled.scales).map(|(ty, scale)| ty.is_decimal() && *scale != of_type(ty)).collect();
    if !others.contains(&true) {
        return Ok(plan);
    }
    let output = wanted.into_iter().zip(others).zip(scaled.scales).map(|((column, is_other), scale)| {
        let (relation, name) = (column.relation.clone(), column.name.clone());
        let value = Expr::Column(column);
        if !is_other {
            return Ok(value);
        }
        let digits = scale.of(&value)?;
        Ok(named(SHOWN)?.call(vec![value, digits]).alias_qualified(relation, name))
    });
    let output = output.collect::<Result<Vec<_>>>()?;
    Ok(LogicalPlan::Projection(Projection::try_new(output, Arc::new(scaled.plan))?))
}

/// A plan with more columns behind its own, which tell the digits of these.
struct Scaled {
    plan: LogicalPlan,
    /// Of each of the plan's own columns, over the columns of the plan.
    scales: Vec<Scale>,
}

impl Scaled {
    /// `made` counts the columns that were added, for their names.
    fn of(plan: LogicalPlan, made: &mut usize) -> Result<Scaled> {
        match plan {
            LogicalPlan::Projection(projection) => Scaled::of_projection(projection, made),
            LogicalPlan::Aggregate(aggregate) => Scaled::of_aggregate(aggregate, made),
            LogicalPlan::Union(union) => Scaled::of_union(union, made),
            LogicalPlan::Sort(Sort { expr, input, fetch }) => Scaled::of(Arc::unwrap_or_clone(input), made)?
                .map(|input| Ok(LogicalPlan::Sort(Sort { expr, input, fetch }))),
            LogicalPlan::Limit(Limit { skip, fetch, input }) => Scaled::of(Arc::unwrap_or_clone(input), made)?
                .map(|input| Ok(LogicalPlan::Limit(Limit { skip, fetch, input }))),
            LogicalPlan::Filter(filter) => {
                let Filter { predicate, input, .. } = filter;
                Scaled::of(Arc::unwrap_or_clone(input), made)?
                    .map(|input| Ok(LogicalPlan::Filter(Filter::try_new(predicate, input)?)))
            }
            LogicalPlan::SubqueryAlias(SubqueryAlias { input, alias, .. }) => {
                let name = alias.clone();
                let scaled = Scaled::of(Arc::unwrap_or_clone(input), made)?;
                let scaled =
                    scaled.map(|input| Ok(LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(input, alias)?)))?;
                let requalified = |scale| match scale {
                    Scale::Computed(Expr::Column(column)) => {
                        Scale::Computed(Expr::Column(Column::new(Some(name.clone()), column.name)))
                    }
                    other => other,
                };
                Ok(Scaled { plan: scaled.plan, scales: scaled.scales.into_iter().map(requalified).collect() })
            }
            other => {
                let scales = other.schema().fields().iter().map(|field| of_type(field.data_type())).collect();
                Ok(Scaled { plan: other, scales })
            }
        }
    }

    /// The same scales over a node above the plan that has all its columns.
    fn map(self, above: impl FnOnce(Arc<LogicalPlan>) -> Result<LogicalPlan>) -> Result<Scaled> {
        Ok(Scaled { plan: above(Arc::new(self.plan))?, scales: self.scales })
    }

    fn of_projection(projection: Projection, made: &mut usize) -> Result<Scaled> {
        let input = Scaled::of(Arc::unwrap_or_clone(projection.input), made)?;
        let columns = Columns { schema: input.plan.schema(), scales: &input.scales };
        let mut output = projection.expr;
        let scales = output.iter().map(|expr| scale_of(expr, &columns)).collect::<Result<Vec<_>>>()?;
        let scales = scales.into_iter().map(|scale| added(scale, &mut output, made)).collect();
        Ok(Scaled { plan: LogicalPlan::Projection(Projection::try_new(output, Arc::new(input.plan))?), scales })
    }

    /// What a group's averages and deviations are told by is gathered with them.
    fn of_aggregate(aggregate: Aggregate, made: &mut usize) -> Result<Scaled> {
        let Aggregate { input, group_expr, mut aggr_expr, schema, .. } = aggregate;
        let first = schema.fields().len() - aggr_expr.len();
        let mut scales: Vec<Scale> = schema.fields().iter().map(|field| of_type(field.data_type())).collect();
        for at in 0..aggr_expr.len() {
            if schema.field(first + at).data_type().is_decimal()
                && let Some(digits) = gathered(&aggr_expr[at])
            {
                scales[first + at] = added(Scale::Computed(digits), &mut aggr_expr, made);
            }
        }
        Ok(Scaled { plan: LogicalPlan::Aggregate(Aggregate::try_new(input, group_expr, aggr_expr)?), scales })
    }

    fn of_union(union: Union, made: &mut usize) -> Result<Scaled> {
        let columns = union.schema.columns();
        let inputs = union.inputs.into_iter().map(|input| Scaled::of(Arc::unwrap_or_clone(input), made));
        let inputs = inputs.collect::<Result<Vec<_>>>()?;
        let shared = |at: usize| match &inputs[0].scales[at] {
            Scale::Computed(_) => None,
            first => inputs.iter().all(|input| input.scales[at] == *first).then(|| first.clone()),
        };
        let known: Vec<Option<Scale>> = (0..columns.len()).map(shared).collect();
        let names: Vec<Option<String>> = known.iter().map(|known| known.is_none().then(|| name(made))).collect();
        let sides = inputs.into_iter().map(|input| side(input, &columns, &names)).collect::<Result<_>>()?;
        let of_column =
            |name: Option<String>| Scale::Computed(Expr::Column(Column::from_name(name.unwrap_or_default())));
        let scales = known.into_iter().zip(names).map(|(known, name)| known.unwrap_or_else(|| of_column(name)));
        let scales = scales.collect();
        Ok(Scaled { plan: LogicalPlan::Union(Union::try_new(sides)?), scales })
    }
}

/// The side of a union with its own columns, and the digits of those that have a name for them.
fn side(input: Scaled, columns: &[Column], names: &[Option<String>]) -> Result<Arc<LogicalPlan>> {
    let own = input.plan.schema().columns().into_iter().take(columns.len()).map(Expr::Column);
    let mut output: Vec<Expr> = own.collect();
    for (at, name) in names.iter().enumerate() {
        if let Some(name) = name {
            output.push(input.scales[at].clone().of(&output[at])?.alias(name.clone()));
        }
    }
    Ok(Arc::new(LogicalPlan::Projection(Projection::try_new(output, Arc::new(input.plan))?)))
}

/// A scale that is computed becomes a column.
fn added(scale: Scale, output: &mut Vec<Expr>, made: &mut usize) -> Scale {
    let Scale::Computed(digits) = scale else { return scale };
    let name = name(made);
    output.push(digits.alias(name.clone()));
    Scale::Computed(Expr::Column(Column::from_name(name)))
}

fn name(made: &mut usize) -> String {
    *made += 1;
    format!("pg_shown_scale_{made}")
}

/// The aggregate that tells the digits of another over the same rows.
fn gathered(aggregate: &Expr) -> Option<Expr> {
    let Expr::AggregateFunction(AggregateFunction { func, params }) = aggregate.clone().unalias() else { return None };
    let digits = aggregate_scale(func.name())?;
    Some(Expr::AggregateFunction(AggregateFunction { func: digits, params }))
}

/// Whether the type is an exact number's.
fn is_exact(ty: &DataType) -> bool {
    ty.is_decimal() || ty.is_integer()
}
