//! A subquery in an expression: its result joined to the rows, and the expression over it that stands for its value.

use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::expr_fn::{bool_or, count};
use datafusion::logical_expr::expr::{AggregateFunction, Exists, InSubquery};
use datafusion::logical_expr::{
    Aggregate, Expr, JoinType, LogicalPlan, LogicalPlanBuilder, Operator, Subquery, binary_expr, lit,
};

use super::dependent::dependent;
use super::domain::{Domain, ForEach, Names};
use crate::functions::sole_value;

/// The rows of `input` beside what the subquery gives for each, and its value; `None` for a subquery without a plan.
pub(super) fn attach(input: LogicalPlan, expr: &Expr, names: &Names) -> Result<Option<(LogicalPlan, Expr)>> {
    match expr {
        Expr::ScalarSubquery(subquery) => scalar(input, subquery, names),
        Expr::Exists(exists) => exists_of(input, exists, names),
        Expr::InSubquery(tested) => contained(input, tested, names),
        _ => Ok(None),
    }
}

fn scalar(input: LogicalPlan, subquery: &Subquery, names: &Names) -> Result<Option<(LogicalPlan, Expr)>> {
    let domain = Domain::new(&input, &[&subquery.subquery], names)?;
    let Some(rows) = dependent(&subquery.subquery, &domain)? else { return Ok(None) };
    let rows = match subquery.subquery.max_rows() {
        Some(0 | 1) => rows,
        _ => {
            let values = rows.own().into_iter().map(Expr::Column).collect();
            let sole = AggregateFunction::new_udf(sole_value(), values, false, None, vec![], None);
            grouped(rows, vec![Expr::AggregateFunction(sole)])?
        }
    };
    join(input, &domain, rows).map(|(plan, values)| values.into_iter().next().map(|value| (plan, value)))
}

fn exists_of(input: LogicalPlan, exists: &Exists, names: &Names) -> Result<Option<(LogicalPlan, Expr)>> {
    let domain = Domain::new(&input, &[&exists.subquery.subquery], names)?;
    let Some(rows) = dependent(&exists.subquery.subquery, &domain)? else { return Ok(None) };
    let rows = grouped(rows, vec![count(lit(1_i64))])?;
    let (plan, values) = join(input, &domain, rows)?;
    let Some(rows) = values.into_iter().next() else { return Ok(None) };
    // Without an outer column there is one group, of no row too.
    let found = rows.gt(lit(0_i64)).is_true();
    Ok(Some((plan, if exists.negated { !found } else { found })))
}

/// `x IN (…)` is true if an element is equal, else NULL if a comparison was, else false.
fn contained(input: LogicalPlan, tested: &InSubquery, names: &Names) -> Result<Option<(LogicalPlan, Expr)>> {
    let place = names.fresh();
    let shown = input.schema().columns().into_iter().map(Expr::Column);
    let value = tested.expr.as_ref().clone().alias_qualified(Some(place.clone()), "tested");
    let input = LogicalPlanBuilder::from(input.clone()).project(shown.chain([value]).collect::<Vec<_>>())?.build()?;
    let column = datafusion::common::Column::new(Some(place), "tested");
    let (_, field) = input.schema().qualified_field_from_column(&column)?;
    let reference = Expr::OuterReferenceColumn(field.clone(), column);

    let element = tested.subquery.subquery.schema().columns().into_iter().next().map(Expr::Column);
    let Some(element) = element else { return Ok(None) };
    let equal = binary_expr(element, Operator::Eq, reference).alias("equal");
    let compared = LogicalPlanBuilder::from(tested.subquery.subquery.as_ref().clone()).project([equal])?.build()?;
    let domain = Domain::new(&input, &[&compared], names)?;
    let Some(rows) = dependent(&compared, &domain)? else { return Ok(None) };
    let Some(equal) = rows.own().into_iter().next().map(Expr::Column) else { return Ok(None) };
    let rows = grouped(rows, vec![bool_or(equal.clone()), count(lit(1_i64)), count(equal)])?;
    let (plan, values) = join(input, &domain, rows)?;
    let [any, all, known] = values.as_slice() else { return Ok(None) };
    // Not as a CASE, of which DataFusion's plans do not agree whether it may be NULL.
    let unknown = all.clone().gt(known.clone()).is_true().and(lit(ScalarValue::Boolean(None)));
    let value = any.clone().is_true().or(unknown);
    Ok(Some((plan, if tested.negated { !value } else { value })))
}

/// One row for each of the domain that has any.
fn grouped(rows: ForEach, values: Vec<Expr>) -> Result<ForEach> {
    let keys = rows.key_exprs();
    let plan = LogicalPlan::Aggregate(Aggregate::try_new(rows.plan.into(), keys, values)?);
    Ok(ForEach { plan, keys: rows.keys })
}

/// The rows joined to the input, and the columns they came with.
fn join(input: LogicalPlan, domain: &Domain<'_>, rows: ForEach) -> Result<(LogicalPlan, Vec<Expr>)> {
    let place = domain.names.fresh();
    let columns = rows.plan.schema().columns().into_iter().enumerate();
    let columns = columns.map(|(i, column)| Expr::Column(column).alias_qualified(Some(place.clone()), format!("c{i}")));
    let plan = LogicalPlanBuilder::from(rows.plan).project(columns.collect::<Vec<_>>())?.build()?;
    let mut keys = plan.schema().columns();
    let own = keys.split_off(rows.keys.len());
    let joined = ForEach { plan, keys }.joined_to(input, &domain.outer, JoinType::Left)?;
    Ok((joined, own.into_iter().map(Expr::Column).collect()))
}
