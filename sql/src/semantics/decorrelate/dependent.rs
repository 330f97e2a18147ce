//! A plan for each row of a domain: the domain is joined in where the plan begins and its columns are carried upwards.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::expr::Sort as SortKey;
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr, ExprFunctionExt, Join, JoinType, Limit, LogicalPlan, LogicalPlanBuilder, Operator,
    Union, Unnest, Window, binary_expr, lit, when,
};

use super::domain::{Domain, ForEach, same};

/// The plan for each row of the domain, whose columns stand first; `None` for a plan with a node that has no such form.
pub(super) fn dependent(plan: &LogicalPlan, domain: &Domain<'_>) -> Result<Option<ForEach>> {
    if let LogicalPlan::EmptyRelation(empty) = plan
        && empty.produce_one_row
    {
        return domain.rows().map(Some);
    }
    if !domain.is_named_in(plan)? {
        let rows = domain.rows()?;
        let plan = match domain.outer.is_empty() {
            true => plan.clone(),
            false => LogicalPlanBuilder::from(rows.plan).cross_join(plan.clone())?.build()?,
        };
        return Ok(Some(ForEach { plan, keys: rows.keys }));
    }
    match plan {
        LogicalPlan::Projection(projection) => over(&projection.input, domain, |rows| {
            let own = projection.expr.iter().zip(projection.schema.iter());
            let own = own.map(|(expr, (qualifier, field))| {
                let changed = domain.over(expr, &rows)?;
                match changed.qualified_name() == (qualifier.cloned(), field.name().clone()) {
                    true => Ok(changed),
                    false => Ok(changed.unalias().alias_qualified(qualifier.cloned(), field.name())),
                }
            });
            let columns = rows.key_exprs().into_iter().map(Ok).chain(own).collect::<Result<Vec<_>>>()?;
            let plan = LogicalPlanBuilder::from(rows.plan).project(columns)?.build()?;
            Ok(ForEach { plan, keys: rows.keys })
        }),
        LogicalPlan::Filter(filter) => over(&filter.input, domain, |rows| {
            let condition = domain.over(&filter.predicate, &rows)?;
            let plan = LogicalPlanBuilder::from(rows.plan).filter(condition)?.build()?;
            Ok(ForEach { plan, keys: rows.keys })
        }),
        LogicalPlan::SubqueryAlias(alias) => over(&alias.input, domain, |rows| rows.named_as(&alias.schema)),
        LogicalPlan::Subquery(lateral) => dependent(&lateral.subquery, domain),
        // An order without a limit means nothing to what is joined later.
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => over(&sort.input, domain, Ok),
        LogicalPlan::Limit(limit) => limited(limit, domain),
        LogicalPlan::Distinct(Distinct::All(input)) => over(input, domain, |rows| {
            let plan = LogicalPlanBuilder::from(rows.plan).distinct()?.build()?;
            Ok(ForEach { plan, keys: rows.keys })
        }),
        LogicalPlan::Aggregate(aggregate) => aggregated(aggregate, domain),
        LogicalPlan::Window(window) => over(&window.input, domain, |rows| windowed(window, domain, rows)),
        LogicalPlan::Unnest(unnest) => over(&unnest.input, domain, |rows| unnested(unnest, rows)),
        LogicalPlan::Union(union) => united(union, domain),
        LogicalPlan::Join(join) => joined(join, domain),
        _ => Ok(None),
    }
}

fn over(
    input: &LogicalPlan,
    domain: &Domain<'_>,
    node: impl FnOnce(ForEach) -> Result<ForEach>,
) -> Result<Option<ForEach>> {
    dependent(input, domain)?.map(node).transpose()
}

/// The first rows for each row of the domain.
fn limited(limit: &Limit, domain: &Domain<'_>) -> Result<Option<ForEach>> {
    if let Some(projection) = over_limited_rows(limit)? {
        return dependent(&projection, domain);
    }
    let bound = |expr: &Option<Box<Expr>>| match expr.as_deref() {
        None => Some(None),
        Some(Expr::Literal(ScalarValue::Int64(rows), _)) => Some(*rows),
        Some(_) => None,
    };
    let (Some(skip), Some(fetch)) = (bound(&limit.skip), bound(&limit.fetch)) else { return Ok(None) };
    let (input, order) = match limit.input.as_ref() {
        LogicalPlan::Sort(sort) => (sort.input.as_ref(), sort.expr.as_slice()),
        other => (other, [].as_slice()),
    };
    over(input, domain, |rows| {
        let order = order.iter().map(|key| Ok(SortKey { expr: domain.over(&key.expr, &rows)?, ..key.clone() }));
        let order = order.collect::<Result<Vec<_>>>()?;
        let mut number = row_number().order_by(order.clone());
        if !rows.keys.is_empty() {
            number = number.partition_by(rows.key_exprs());
        }
        let number = number.build()?.alias_qualified(Some(domain.names.fresh()), "number");
        let columns: Vec<Expr> = rows.plan.schema().columns().into_iter().map(Expr::Column).collect();
        let numbered = LogicalPlanBuilder::from(rows.plan).window([number.clone().unalias()])?;
        let place = Expr::Column(numbered.schema().columns().pop().unwrap_or_else(|| "number".into()));
        let skipped = skip.unwrap_or(0);
        let after = place.clone().gt(lit(u64::try_from(skipped).unwrap_or(0)));
        let within = fetch.map(|fetch| place.lt_eq(lit(u64::try_from(skipped.saturating_add(fetch)).unwrap_or(0))));
        let condition = within.into_iter().fold(after, Expr::and);
        let plan = numbered.filter(condition)?.project(columns)?.build()?;
        Ok(ForEach { plan, keys: rows.keys })
    })
}

/// `SELECT a … ORDER BY b LIMIT n` takes its columns from rows that are ordered by one that it does not select: these
/// are limited first.
fn over_limited_rows(limit: &Limit) -> Result<Option<LogicalPlan>> {
    let LogicalPlan::Projection(projection) = limit.input.as_ref() else { return Ok(None) };
    if !matches!(projection.input.as_ref(), LogicalPlan::Sort(_) | LogicalPlan::Projection(_)) {
        return Ok(None);
    }
    let rows = LogicalPlan::Limit(Limit { input: Arc::clone(&projection.input), ..limit.clone() });
    limit.input.with_new_exprs(limit.input.expressions(), vec![rows]).map(Some)
}

fn aggregated(aggregate: &Aggregate, domain: &Domain<'_>) -> Result<Option<ForEach>> {
    if aggregate.group_expr.iter().any(|expr| matches!(expr, Expr::GroupingSet(_))) {
        return Ok(None);
    }
    let Some(rows) = dependent(&aggregate.input, domain)? else { return Ok(None) };
    let changed = |exprs: &[Expr]| exprs.iter().map(|expr| domain.over(expr, &rows)).collect::<Result<Vec<_>>>();
    let (group, values) = (changed(&aggregate.group_expr)?, changed(&aggregate.aggr_expr)?);
    let keys = rows.keys.clone();
    let group = rows.key_exprs().into_iter().chain(group).collect();
    let plan = LogicalPlan::Aggregate(Aggregate::try_new(rows.plan.into(), group, values)?);
    let grouped = ForEach { plan, keys };
    match aggregate.group_expr.is_empty() {
        true => with_empty_groups(aggregate, domain, grouped).map(Some),
        false => grouped.named_as(&aggregate.schema).map(Some),
    }
}

/// An aggregate without GROUP BY gives a row where it reads none.
fn with_empty_groups(aggregate: &Aggregate, domain: &Domain<'_>, grouped: ForEach) -> Result<ForEach> {
    if grouped.keys.is_empty() {
        return grouped.named_as(&aggregate.schema);
    }
    let all = domain.rows()?;
    let own = grouped.own();
    let keys = all.keys.clone();
    let joined = grouped.joined_to(all.plan, &keys, JoinType::Left)?;
    let values = own.into_iter().zip(&aggregate.aggr_expr).zip(aggregate.schema.iter());
    let values = values.map(|((column, function), (qualifier, field))| {
        let column = Expr::Column(column);
        let value = match default_of(function, field.data_type())? {
            ScalarValue::Null => column,
            default if default.is_null() => column,
            default => when(column.clone().is_null(), lit(default)).otherwise(column)?,
        };
        Ok(value.alias_qualified(qualifier.cloned(), field.name()))
    });
    let columns = keys.iter().cloned().map(Expr::Column).map(Ok).chain(values).collect::<Result<Vec<_>>>()?;
    Ok(ForEach { plan: LogicalPlanBuilder::from(joined).project(columns)?.build()?, keys })
}

/// What an aggregate function gives for no rows.
fn default_of(function: &Expr, ty: &arrow::datatypes::DataType) -> Result<ScalarValue> {
    match function.clone().unalias_nested().data {
        Expr::AggregateFunction(call) => call.func.default_value(ty),
        _ => Ok(ScalarValue::Null),
    }
}

fn windowed(window: &Window, domain: &Domain<'_>, rows: ForEach) -> Result<ForEach> {
    let functions = window.window_expr.iter().map(|expr| {
        let changed = domain.over(expr, &rows)?;
        changed
            .transform(|expr| match expr {
                Expr::WindowFunction(mut call) => {
                    call.params.partition_by.extend(rows.key_exprs());
                    Ok(Transformed::yes(Expr::WindowFunction(call)))
                }
                other => Ok(Transformed::no(other)),
            })
            .data()
    });
    let functions = functions.collect::<Result<Vec<_>>>()?;
    let plan = LogicalPlan::Window(Window::try_new(functions, rows.plan.into())?);
    ForEach { plan, keys: rows.keys }.named_as(&window.schema)
}

fn unnested(unnest: &Unnest, rows: ForEach) -> Result<ForEach> {
    let builder = LogicalPlanBuilder::from(rows.plan);
    let plan = builder.unnest_columns_with_options(unnest.exec_columns.clone(), unnest.options.clone())?.build()?;
    Ok(ForEach { plan, keys: rows.keys })
}

fn united(union: &Union, domain: &Domain<'_>) -> Result<Option<ForEach>> {
    let mut inputs = Vec::new();
    for input in &union.inputs {
        let Some(rows) = dependent(input, domain)? else { return Ok(None) };
        let keys = rows.keys.iter().enumerate();
        let keys = keys.map(|(i, key)| Expr::Column(key.clone()).alias(format!("outer key {i}")));
        let own = rows.own().into_iter().zip(union.schema.fields()).enumerate();
        let own = own.map(|(i, (column, _))| Expr::Column(column).alias(format!("column {i}")));
        let columns: Vec<Expr> = keys.chain(own).collect();
        inputs.push(LogicalPlanBuilder::from(rows.plan).project(columns)?.build()?.into());
    }
    let plan = LogicalPlanBuilder::from(LogicalPlan::Union(Union::try_new_with_loose_types(inputs)?));
    let plan = plan.alias(domain.names.fresh())?.build()?;
    let keys = plan.schema().columns().into_iter().take(domain.outer.len()).collect();
    ForEach { plan, keys }.named_as(&union.schema).map(Some)
}

/// A side that must carry the domain through a join carries it alone where it can.
fn joined(join: &Join, domain: &Domain<'_>) -> Result<Option<ForEach>> {
    let (by_left, by_right) = (domain.is_named_in(&join.left)?, domain.is_named_in(&join.right)?);
    let carried = match join.join_type {
        JoinType::Inner => (by_left || !by_right, by_right),
        // The left side's rows without a partner are there for each row of the domain.
        JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti => (true, by_right),
        JoinType::Right if !by_left => (false, true),
        _ => return Ok(None),
    };
    let builder = |plan: &LogicalPlan| LogicalPlanBuilder::from(plan.clone());
    let (plan, rows) = match carried {
        (true, false) => {
            let Some(left) = dependent(&join.left, domain)? else { return Ok(None) };
            let condition = condition(join, domain, &left, &[])?;
            (builder(&left.plan).join_on(join.right.as_ref().clone(), join.join_type, [condition])?, left)
        }
        (false, _) => {
            let Some(right) = dependent(&join.right, domain)? else { return Ok(None) };
            let condition = condition(join, domain, &right, &[])?;
            (builder(&join.left).join_on(right.plan.clone(), join.join_type, [condition])?, right)
        }
        (true, true) => {
            let Some(left) = dependent(&join.left, domain)? else { return Ok(None) };
            let Some(right) = dependent(&join.right, domain)? else { return Ok(None) };
            let condition = condition(join, domain, &left, &right.keys)?;
            (builder(&left.plan).join_on(right.plan, join.join_type, [condition])?, left)
        }
    };
    with_columns(plan, &join.schema, rows).map(Some)
}

/// The join's conditions over a side's rows, which are for the same row of the domain as the other side's.
fn condition(join: &Join, domain: &Domain<'_>, rows: &ForEach, other_keys: &[Column]) -> Result<Expr> {
    let on = join.on.iter().map(|(left, right)| binary_expr(left.clone(), Operator::Eq, right.clone()));
    let own = on.chain(join.filter.clone()).map(|expr| domain.over(&expr, rows));
    let all = same(&rows.keys, other_keys).map(Ok).chain(own).collect::<Result<Vec<_>>>()?;
    Ok(all.into_iter().reduce(Expr::and).unwrap_or_else(|| lit(true)))
}

/// The domain's columns of `rows` and then those of the schema.
fn with_columns(plan: LogicalPlanBuilder, schema: &DFSchema, rows: ForEach) -> Result<ForEach> {
    let own = schema.columns().into_iter().map(Expr::Column);
    let columns: Vec<Expr> = rows.key_exprs().into_iter().chain(own).collect();
    Ok(ForEach { plan: plan.project(columns)?.build()?, keys: rows.keys })
}
