//! `array[n][m]` and `array[n:m]` as PostgreSQL counts: vectors of the catalogs from 0, an aggregate's array as any other; the
//! characters of a name from 0 too. In jsonb it finds a member or an item.

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, DataFusionError, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawFieldAccessExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, GetFieldAccess, lit};

use peristyle_catalog::model::PgType;
use peristyle_storage::shape::item_of_array;

use super::assignment::{assignment_cast, is_integer, is_taken, is_text};
use super::operators::{as_type, type_of};
use crate::functions::array_parts::{SLICE, SUBSCRIPT};
use crate::functions::error::{FunctionError, error};
use crate::functions::signature::is_unknown;
use crate::functions::{arithmetic, named};
use crate::values::type_name;

/// DataFusion's hook for subscripts.
#[derive(Debug)]
pub(crate) struct Subscripts;

impl ExprPlanner for Subscripts {
    fn plan_field_access(
        &self,
        raw: RawFieldAccessExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawFieldAccessExpr>> {
        let field = raw.expr.to_field(schema)?.1;
        if type_of(&field) == PgType::JSONB {
            return member(raw, schema);
        }
        let RawFieldAccessExpr { expr, field_access } = raw;
        let is_array = item_of_array(field.data_type()).is_some();
        let subscript = match field_access {
            GetFieldAccess::ListIndex { key } => Subscript::Place(integer(*key, schema)?),
            GetFieldAccess::ListRange { start, stop, .. } => {
                Subscript::Range(integer(*start, schema)?, integer(*stop, schema)?)
            }
            GetFieldAccess::NamedStructField { name } if is_array => {
                Subscript::Place(integer(Expr::Literal(name, None), schema)?)
            }
            other => return Ok(PlannerResult::Original(RawFieldAccessExpr { expr, field_access: other })),
        };
        if let Some((function, mut args)) = subscripted(&expr) {
            let (array, subscripts) = (args.remove(0), args);
            return Ok(PlannerResult::Planned(further(function, array, subscripts, subscript)?));
        }
        if type_of(&field) == PgType::NAME
            && let Subscript::Place(key) = subscript
        {
            let place = call(arithmetic::ADD, vec![key, lit(1_i32)])?;
            return Ok(PlannerResult::Planned(call("substr", vec![expr, place, lit(1_i32)])?));
        }
        if !is_array {
            let name = type_name(PgType::plain(type_of(&field).oid));
            let message = format!("cannot subscript type {name} because it does not support subscripting");
            return Err(error("42804", message));
        }
        Ok(PlannerResult::Planned(match subscript {
            Subscript::Place(key) => call(SUBSCRIPT, vec![expr, key])?,
            Subscript::Range(lower, upper) => call(SLICE, vec![expr, lower, upper])?,
        }))
    }
}

/// A subscript as an integer, which it is assigned to. A parameter without a type has that of its place.
fn integer(subscript: Expr, schema: &DFSchema) -> Result<Expr> {
    if matches!(subscript, Expr::Placeholder(_)) {
        return Ok(subscript);
    }
    let field = subscript.to_field(schema)?.1;
    if is_integer(type_of(&field)) {
        return Ok(subscript);
    }
    if !is_taken(&field, PgType::INT4) {
        return Err(error("42804", "array subscript must have type integer"));
    }
    assignment_cast(subscript, schema, PgType::INT4, &DataType::Int32)
        .map_err(|error| DataFusionError::External(Box::new(error)))
}

/// What stands between one pair of brackets.
enum Subscript {
    Place(Expr),
    Range(Expr, Expr),
}

/// Whether an expression is an array with subscripts already, and the function and arguments that it is planned as.
fn subscripted(expr: &Expr) -> Option<(&'static str, Vec<Expr>)> {
    let Expr::ScalarFunction(call) = expr else { return None };
    let function = [SUBSCRIPT, SLICE].into_iter().find(|name| *name == call.func.name())?;
    Some((function, call.args.clone()))
}

/// The array with one more subscript. If one is a range all are: a place is one that begins at 1.
fn further(function: &str, array: Expr, mut subscripts: Vec<Expr>, next: Subscript) -> Result<Expr> {
    let is_range = function == SLICE || matches!(next, Subscript::Range(..));
    if is_range && function == SUBSCRIPT {
        subscripts = subscripts.into_iter().flat_map(|place| [lit(1_i32), place]).collect();
    }
    match next {
        Subscript::Place(place) if is_range => subscripts.extend([lit(1_i32), place]),
        Subscript::Place(place) => subscripts.push(place),
        Subscript::Range(lower, upper) => subscripts.extend([lower, upper]),
    }
    call(if is_range { SLICE } else { SUBSCRIPT }, std::iter::once(array).chain(subscripts).collect())
}

/// `j['key']`, `j[place]`: the part of a document that is found so, as `j #> ARRAY[…]` does.
fn member(raw: RawFieldAccessExpr, schema: &DFSchema) -> Result<PlannerResult<RawFieldAccessExpr>> {
    let key = match raw.field_access {
        GetFieldAccess::NamedStructField { name } => Expr::Literal(name, None),
        GetFieldAccess::ListIndex { key } => *key,
        GetFieldAccess::ListRange { .. } => {
            return Err(error("42804", "jsonb subscript does not support slices"));
        }
    };
    let field = key.to_field(schema)?.1;
    let ty = type_of(&field);
    let is_place = [PgType::INT2, PgType::INT4].contains(&ty);
    if !is_place && !is_text(ty) && !is_unknown(field.data_type()) {
        let message = format!("subscript type {} is not supported", type_name(PgType::plain(ty.oid)));
        let hint = "jsonb subscript must be coercible to either integer or text.";
        return Err(FunctionError::new("42804", message).with_hint(hint).into());
    }
    let key = as_type(key, Some(ty), PgType::TEXT);
    Ok(PlannerResult::Planned(call("jsonb_extract_path", vec![raw.expr, key])?))
}

fn call(name: &str, args: Vec<Expr>) -> Result<Expr> {
    Ok(Expr::ScalarFunction(ScalarFunction::new_udf(named(name)?, args)))
}
