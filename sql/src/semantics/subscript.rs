//! `array[n]` as PostgreSQL counts: vectors of the catalogs from 0, an aggregate's array as any other; the characters of a
//! name from 0 too. In jsonb it finds a member or an item.

use arrow::datatypes::{DataType, Field};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawFieldAccessExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, GetFieldAccess, lit};

use peristyle_catalog::model::PgType;

use super::assignment::is_text;
use super::operators::{as_type, type_of};
use crate::functions::choice::{marked, needs_mark};
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
        let RawFieldAccessExpr { expr, field_access: GetFieldAccess::ListIndex { key } } = raw else {
            return Ok(PlannerResult::Original(raw));
        };
        if type_of(&field) == PgType::NAME {
            let place = call(arithmetic::ADD, vec![*key, lit(1_i32)])?;
            return Ok(PlannerResult::Planned(call("substr", vec![expr, place, lit(1_i32)])?));
        }
        if !matches!(field.data_type(), DataType::List(_)) {
            let name = type_name(PgType::plain(type_of(&field).oid));
            let message = format!("cannot subscript type {name} because it does not support subscripting");
            return Err(error("42804", message));
        }
        let is_vector = type_of(&field).vector_element().is_some();
        let place = if is_vector { call(arithmetic::ADD, vec![*key, lit(1_i32)])? } else { *key };
        let item = item_type(&field);
        let element = call("array_element", vec![expr, place])?;
        Ok(PlannerResult::Planned(match item {
            Some(ty) => marked(element, ty),
            None => element,
        }))
    }
}

/// The type of an array's items, if their Arrow type does not tell it.
fn item_type(field: &Field) -> Option<PgType> {
    let DataType::List(item) = field.data_type() else { return None };
    let ty = type_of(field).item()?;
    needs_mark(ty, item.data_type()).then_some(ty)
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
