//! Rows are put in order (ORDER BY of queries, windows and aggregates, PARTITION BY) by keys where a type has them.

use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::{AggregateFunctionParams, Sort, WindowFunction};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, WindowFrame, WindowFrameBound, WindowFrameUnits};
use datafusion::optimizer::AnalyzerRule;
use peristyle_storage::shape::is_shaped;

use super::analyzer::rewrite_expressions;
use super::comparison_key::{Comparison, key_or_self};
use super::operators::type_of;
use crate::functions::array_parts::{BOUNDS, ITEMS};
use crate::functions::error::not_supported;
use crate::functions::named;

/// Replaces values by their keys where rows are put in order.
#[derive(Debug)]
pub(super) struct KeyOrder;

impl AnalyzerRule for KeyOrder {
    fn name(&self) -> &str {
        "key_order"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(|plan| rewrite_expressions(sorted(plan)?, &order_within))?.data)
    }
}

/// A sort's own expressions are keys, which no output shows.
fn sorted(plan: LogicalPlan) -> Result<LogicalPlan> {
    let LogicalPlan::Sort(mut sort) = plan else { return Ok(plan) };
    sort.expr = keys(sort.expr, sort.input.schema())?;
    Ok(LogicalPlan::Sort(sort))
}

fn order_within(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::WindowFunction(mut window) => {
            window.params.order_by = keys(window.params.order_by, schema)?;
            refuse_extreme_label(&window, schema)?;
            if window.params.order_by.first().is_some_and(|first| has_no_range(&first.expr, schema)) {
                by_groups(&mut window.params.window_frame);
            }
            let parts = window.params.partition_by.into_iter().map(|part| key_or_self(part, schema, Comparison::Order));
            window.params.partition_by = parts.collect::<Result<_>>()?;
            Ok(Transformed::yes(Expr::WindowFunction(window)))
        }
        Expr::AggregateFunction(mut aggregate) => {
            if matches!(aggregate.func.name(), "array_agg" | "string_agg") && aggregate.params.distinct {
                sort_distinct(&mut aggregate.params, schema)?;
            }
            aggregate.params.order_by = keys(aggregate.params.order_by, schema)?;
            Ok(Transformed::yes(Expr::AggregateFunction(aggregate)))
        }
        other => Ok(Transformed::no(other)),
    }
}

/// `array_agg(DISTINCT x)` and `string_agg(DISTINCT x, y)` gather in the order by which PostgreSQL finds what is distinct. By
/// keys DataFusion does not order what is distinct.
fn sort_distinct(params: &mut AggregateFunctionParams, schema: &DFSchema) -> Result<()> {
    let (Some(value), true) = (params.args.first(), params.order_by.is_empty()) else { return Ok(()) };
    let order = vec![value.clone().sort(true, false)];
    if keys(order.clone(), schema)? == order {
        params.order_by = order;
    }
    Ok(())
}

/// Whether DataFusion refuses a RANGE over such values.
fn has_no_range(key: &Expr, schema: &DFSchema) -> bool {
    let ty = key.get_type(schema);
    ty.is_ok_and(|ty| {
        use DataType as T;
        matches!(ty, T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_) | T::Time64(_))
    })
}

/// A frame between ends and current rows is the same by ranges as by groups of equal rows.
fn by_groups(frame: &mut WindowFrame) {
    let has_offset = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::Preceding(offset) | WindowFrameBound::Following(offset) => !offset.is_null(),
        WindowFrameBound::CurrentRow => false,
    };
    let is_range = frame.units == WindowFrameUnits::Range;
    if is_range && !has_offset(&frame.start_bound) && !has_offset(&frame.end_bound) {
        frame.units = WindowFrameUnits::Groups;
    }
}

/// Within a window DataFusion compares what is stored.
fn refuse_extreme_label(window: &WindowFunction, schema: &DFSchema) -> Result<()> {
    let [argument] = window.params.args.as_slice() else { return Ok(()) };
    let name = window.fun.name();
    if matches!(name, "min" | "max") && is_label(argument, schema) {
        return Err(not_supported(format!("{name} of an enum type over a window")));
    }
    Ok(())
}

/// Whether an expression is of an enum type, or of an array of one.
pub(super) fn is_label(expr: &Expr, schema: &DFSchema) -> bool {
    expr.to_field(schema).is_ok_and(|(_, field)| type_of(&field).enum_definition().is_some())
}

pub(super) fn keys(sorts: Vec<Sort>, schema: &DFSchema) -> Result<Vec<Sort>> {
    let mut keys = Vec::with_capacity(sorts.len());
    for sort in sorts {
        let by = |expr: Expr| Sort { expr, ..sort.clone() };
        if sort.expr.get_type(schema).is_ok_and(|ty| is_shaped(&ty)) {
            // Arrow does not sort by groups of columns alone.
            for part in [ITEMS, BOUNDS] {
                let part = named(part)?.call(vec![sort.expr.clone().unalias()]);
                keys.push(by(key_or_self(part, schema, Comparison::Order)?));
            }
        } else {
            keys.push(by(key_or_self(sort.expr.clone(), schema, Comparison::Order)?));
        }
    }
    Ok(keys)
}
