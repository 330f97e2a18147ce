//! `array_agg(x) FROM (SELECT x … ORDER BY y) s` gathers the values in the order of the subquery, as PostgreSQL does, though
//! SQL promises none: people count on it. So does `row_number() OVER ()`. Here the subquery's keys become those of the
//! function, which DataFusion keeps.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::expr::Sort as SortKey;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, LogicalPlanBuilder, Window};

/// What a key is called that the subquery does not give as a column.
const KEY: &str = "\u{1}order";

/// Aggregates whose value depends on the order of their rows; all others of that kind are made of these.
const GATHERING: &[&str] = &["array_agg", "string_agg"];

/// Functions of windows that count rows. Those that rank them find all alike without an order.
const COUNTING: &[&str] = &["row_number", "lag", "lead", "ntile"];

/// The plan with such functions in order.
pub(super) fn in_order(plan: LogicalPlan) -> Result<LogicalPlan> {
    let ordered = plan.transform_up_with_subqueries(|node| {
        let ordered = match &node {
            LogicalPlan::Aggregate(aggregate) => aggregate_in_order(aggregate)?,
            LogicalPlan::Window(window) => window_in_order(window)?,
            _ => None,
        };
        Ok(ordered.map_or_else(|| Transformed::no(node), Transformed::yes))
    })?;
    Ok(ordered.data)
}

fn aggregate_in_order(aggregate: &Aggregate) -> Result<Option<LogicalPlan>> {
    let Some(input) = ordered_input(&aggregate.aggr_expr, &aggregate.input)? else { return Ok(None) };
    let functions = aggregate.aggr_expr.iter().map(|function| by_keys(function, &input.keys)).collect();
    let aggregate = Aggregate::try_new(Arc::new(input.plan), aggregate.group_expr.clone(), functions)?;
    Ok(Some(LogicalPlan::Aggregate(aggregate)))
}

/// Functions of one node have one order: those that take another come after.
fn window_in_order(window: &Window) -> Result<Option<LogicalPlan>> {
    let Some(input) = ordered_input(&window.window_expr, &window.input)? else { return Ok(None) };
    let (counting, others): (Vec<Expr>, Vec<Expr>) = window.window_expr.iter().cloned().partition(takes_any_order);
    let counting = counting.iter().map(|function| by_keys(function, &input.keys)).collect();
    let counted = LogicalPlan::Window(Window::try_new(counting, Arc::new(input.plan))?);
    if others.is_empty() {
        return Ok(Some(counted));
    }
    Ok(Some(LogicalPlan::Window(Window::try_new(others, Arc::new(counted))?)))
}

/// The input of such functions, if it has an order.
fn ordered_input(functions: &[Expr], input: &LogicalPlan) -> Result<Option<Ordered>> {
    if functions.iter().any(takes_any_order) { Ordered::of(input) } else { Ok(None) }
}

/// The function with those keys, under its name, if it takes any order.
fn by_keys(function: &Expr, keys: &[SortKey]) -> Expr {
    if !takes_any_order(function) {
        return function.clone();
    }
    let (qualifier, name) = function.qualified_name();
    let mut ordered = function.clone().unalias();
    match &mut ordered {
        Expr::AggregateFunction(call) => call.params.order_by = keys.to_vec(),
        Expr::WindowFunction(call) => call.params.order_by = keys.to_vec(),
        _ => {}
    }
    ordered.alias_qualified(qualifier, name)
}

/// Whether a function takes its rows in the order in which they come.
fn takes_any_order(function: &Expr) -> bool {
    match function {
        Expr::Alias(alias) => takes_any_order(&alias.expr),
        Expr::AggregateFunction(call) => {
            call.params.order_by.is_empty() && !call.params.distinct && GATHERING.contains(&call.func.name())
        }
        Expr::WindowFunction(call) => call.params.order_by.is_empty() && COUNTING.contains(&call.fun.name()),
        _ => false,
    }
}

/// A plan whose rows come in the order of keys over its columns.
struct Ordered {
    plan: LogicalPlan,
    keys: Vec<SortKey>,
}

impl Ordered {
    /// `None` for a plan without an order.
    fn of(plan: &LogicalPlan) -> Result<Option<Ordered>> {
        let input = match plan {
            LogicalPlan::Sort(sort) => return Ok(Some(Ordered { plan: plan.clone(), keys: sort.expr.clone() })),
            LogicalPlan::Projection(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::Limit(_)
            | LogicalPlan::Window(_)
            | LogicalPlan::SubqueryAlias(_) => plan.inputs()[0],
            _ => return Ok(None),
        };
        let Some(input) = Ordered::of(input)? else { return Ok(None) };
        match plan {
            LogicalPlan::Projection(projection) => input.projected(&projection.expr).map(Some),
            LogicalPlan::SubqueryAlias(alias) => {
                let before = input.plan.schema().columns();
                let renamed = LogicalPlanBuilder::from(input.plan).alias(alias.alias.clone())?.build()?;
                let names: Vec<(Column, Column)> = before.into_iter().zip(renamed.schema().columns()).collect();
                Ok(Some(Ordered { plan: renamed, keys: over(input.keys, &names)? }))
            }
            _ => {
                let plan = plan.with_new_exprs(plan.expressions(), vec![input.plan])?;
                Ok(Some(Ordered { plan, keys: input.keys }))
            }
        }
    }

    /// The rows with these columns, and others for the keys that are not among them.
    fn projected(self, columns: &[Expr]) -> Result<Ordered> {
        let mut columns = columns.to_vec();
        let mut places = Vec::with_capacity(self.keys.len());
        for key in &self.keys {
            let place = columns.iter().position(|column| column.clone().unalias() == key.expr);
            places.push(place.unwrap_or(columns.len()));
            if place.is_none() {
                columns.push(key.expr.clone().alias(format!("{KEY}{}", columns.len())));
            }
        }
        let plan = LogicalPlanBuilder::from(self.plan).project(columns)?.build()?;
        let names = plan.schema().columns();
        let keys = self.keys.into_iter().zip(places);
        let keys = keys.map(|(key, place)| SortKey { expr: Expr::Column(names[place].clone()), ..key }).collect();
        Ok(Ordered { plan, keys })
    }
}

/// The keys with columns under their new names.
fn over(keys: Vec<SortKey>, names: &[(Column, Column)]) -> Result<Vec<SortKey>> {
    let renamed = |expr: Expr| -> Result<Expr> {
        let renamed = expr.transform(|part| match &part {
            Expr::Column(column) => match names.iter().find(|(before, _)| before == column) {
                Some((_, name)) => Ok(Transformed::yes(Expr::Column(name.clone()))),
                None => Ok(Transformed::no(part)),
            },
            _ => Ok(Transformed::no(part)),
        })?;
        Ok(renamed.data)
    };
    keys.into_iter().map(|key| Ok(SortKey { expr: renamed(key.expr.clone())?, ..key })).collect()
}
