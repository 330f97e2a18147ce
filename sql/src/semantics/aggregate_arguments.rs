//! Aggregates and window functions over types that PostgreSQL has none of them for, where DataFusion has.

use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, DataFusionError, Result};
use datafusion::logical_expr::expr::WindowFunctionParams;
use datafusion::logical_expr::{Expr, ExprSchemable, WindowFrame, WindowFrameBound, WindowFrameUnits};
use peristyle_catalog::model::{PgType, TypeKind};
use peristyle_storage::types::pg_type;

use super::cast::{CastKind, cast_expr};
use super::category::{Category, category};
use crate::functions::error::{error, not_supported, undefined_function};
use crate::functions::signature::{field_type_name, is_unknown};
use crate::values::type_name;

/// An error for such a call. Arguments of types whose values PostgreSQL casts to the function's own are cast to that.
pub(super) fn rewrite(mut expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match &mut expr {
        Expr::AggregateFunction(call) => cast_argument(call.func.name(), &mut call.params.args, schema)?,
        Expr::WindowFunction(call) => {
            let name = call.fun.name().to_owned();
            cast_argument(&name, &mut call.params.args, schema)?;
        }
        _ => {}
    }
    match &expr {
        Expr::AggregateFunction(call) => check(call.func.name(), &call.params.args, schema)?,
        Expr::WindowFunction(call) => {
            check(call.fun.name(), &call.params.args, schema)?;
            check_place(call.fun.name(), &call.params.args)?;
            check_frame(&call.params, schema)?;
        }
        _ => {}
    }
    Ok(Transformed::yes(expr))
}

fn cast_argument(name: &str, args: &mut [Expr], schema: &DFSchema) -> Result<()> {
    let [argument] = args else { return Ok(()) };
    let ty = pg_type(&argument.to_field(schema)?.1);
    let target = match (name, ty.kind().filter(|_| !ty.is_array())) {
        ("min" | "max", Some(TypeKind::Cidr)) => PgType::plain(TypeKind::Inet.oid()),
        ("checked_sum" | "avg", Some(TypeKind::Time)) => PgType::INTERVAL,
        _ => return Ok(()),
    };
    *argument = cast_expr(std::mem::take(argument), target, CastKind::Explicit);
    Ok(())
}

fn check(name: &str, args: &[Expr], schema: &DFSchema) -> Result<()> {
    let takes: fn(PgType) -> bool = match name {
        "min" | "max" => has_extremes,
        "string_agg" => |ty| category(ty) == Category::Text || ty == PgType::BYTEA,
        "count" if args.len() > 1 => |_| false,
        _ => return Ok(()),
    };
    let Some(first) = args.first() else { return Ok(()) };
    let field = first.to_field(schema)?.1;
    if name != "count" && is_unknown(field.data_type()) || takes(pg_type(&field)) {
        return match (name, pg_type(&field)) {
            ("string_agg", PgType::BYTEA) => Err(not_supported("string_agg of bytea by a literal without a type")),
            _ => Ok(()),
        };
    }
    let types = args.iter().map(|arg| Ok(field_type_name(&arg.to_field(schema)?.1))).collect::<Result<Vec<_>>>()?;
    Err(undefined_function(&format!("{name}({})", types.join(", "))))
}

/// Whether there are `min` and `max` of a type.
fn has_extremes(ty: PgType) -> bool {
    match category(ty) {
        Category::Number | Category::Text | Category::Time | Category::Array | Category::Enum(_) => true,
        Category::Own(kind) => {
            use TypeKind as K;
            matches!(kind, K::Time | K::Timetz | K::Interval | K::Inet | K::Money)
        }
        Category::Bool | Category::Other => false,
    }
}

/// The place that `nth_value` gives counts from 1.
fn check_place(name: &str, args: &[Expr]) -> Result<()> {
    let place = args.get(1).and_then(|place| match place {
        Expr::Literal(value, _) => i64::try_from(value.clone()).ok(),
        Expr::Cast(cast) => match cast.expr.as_ref() {
            Expr::Literal(value, _) => i64::try_from(value.clone()).ok(),
            _ => None,
        },
        _ => None,
    });
    match place {
        Some(..=0) if name == "nth_value" => Err(error("22016", "argument of nth_value must be greater than zero")),
        _ => Ok(()),
    }
}

/// A RANGE by offsets is of numbers and times.
fn check_frame(params: &WindowFunctionParams, schema: &DFSchema) -> Result<()> {
    let [order] = params.order_by.as_slice() else { return Ok(()) };
    let ty = pg_type(&order.expr.to_field(schema)?.1);
    let is_ranged = match category(ty) {
        Category::Number | Category::Time => true,
        Category::Own(kind) => kind == TypeKind::Interval,
        _ => false,
    };
    if has_offsets(&params.window_frame) && !is_ranged { Err(no_range(ty)) } else { Ok(()) }
}

fn has_offsets(frame: &WindowFrame) -> bool {
    let has_offset = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::Preceding(offset) | WindowFrameBound::Following(offset) => !offset.is_null(),
        WindowFrameBound::CurrentRow => false,
    };
    frame.units == WindowFrameUnits::Range && (has_offset(&frame.start_bound) || has_offset(&frame.end_bound))
}

fn no_range(ty: PgType) -> DataFusionError {
    let name = type_name(PgType::plain(ty.oid));
    error("0A000", format!("RANGE with offset PRECEDING/FOLLOWING is not supported for column type {name}"))
}
