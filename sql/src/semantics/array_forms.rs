//! Arrays that meet: of which one may have any dimensions, all are brought to that form (decision 0044).

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{Expr, ExprSchemable};
use peristyle_storage::shape::{is_shaped, shaped_type};
use peristyle_storage::types::pg_type;

use super::cast::{CastKind, cast_to_arrow};
use crate::functions::choice::alike_arrays;

/// Expressions over such columns whose values are compared with each other, or of which one is chosen.
pub(super) fn alike(exprs: Vec<Expr>, schema: &DFSchema) -> Result<Vec<Expr>> {
    // A parameter without a type has no form either.
    let types: Vec<DataType> = exprs.iter().map(|expr| expr.get_type(schema).unwrap_or(DataType::Null)).collect();
    if !types.iter().any(is_shaped) {
        return Ok(exprs);
    }
    let wanted = alike_arrays(&types);
    exprs.into_iter().zip(types).zip(wanted).map(|((expr, ty), wanted)| as_form(expr, &ty, wanted, schema)).collect()
}

/// The same of an expression over each of two sides; `None` if both have one form already.
pub(super) fn alike_sides(
    left: &Expr,
    left_schema: &DFSchema,
    right: &Expr,
    right_schema: &DFSchema,
) -> Result<Option<(Expr, Expr)>> {
    let types = [left.get_type(left_schema), right.get_type(right_schema)];
    let [Ok(l), Ok(r)] = types else { return Ok(None) };
    let is_mixed = is_shaped(&l) != is_shaped(&r) && (l.is_list() || r.is_list());
    if !is_mixed {
        return Ok(None);
    }
    let [wanted_l, wanted_r] = [&l, &r].map(|ty| if ty.is_list() { shaped_type(ty) } else { ty.clone() });
    let left = as_form(left.clone(), &l, wanted_l, left_schema)?;
    Ok(Some((left, as_form(right.clone(), &r, wanted_r, right_schema)?)))
}

fn as_form(expr: Expr, ty: &DataType, wanted: DataType, schema: &DFSchema) -> Result<Expr> {
    if *ty == wanted {
        return Ok(expr);
    }
    let array = pg_type(&expr.to_field(schema)?.1);
    Ok(cast_to_arrow(expr, array, wanted, CastKind::Explicit))
}
