//! Types whose values are not compared by what is stored: an interval's months count 30 days, jsonb has an order of its
//! own in which 1.0 equals 1. In their place a key is compared, which DataFusion's kernels put in PostgreSQL's order.

use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{Expr, ExprSchemable};
use peristyle_catalog::model::PgType;

use super::operators::type_of;
use crate::functions::{interval, json, named};

/// The function that gives a value's key; `None` for a type that is compared as it is stored.
pub(super) fn key_function(ty: PgType) -> Option<&'static str> {
    match ty {
        PgType::INTERVAL => Some(interval::KEY),
        PgType::JSONB => Some(json::KEY),
        _ => None,
    }
}

/// The expression's key, if its type has one.
pub(super) fn key(expr: &Expr, schema: &DFSchema) -> Result<Option<Expr>> {
    // Types that do not resolve are reported where the expression is planned.
    let Ok((_, field)) = expr.to_field(schema) else { return Ok(None) };
    match key_function(PgType::plain(type_of(&field).oid)) {
        Some(function) => Ok(Some(named(function)?.call(vec![expr.clone().unalias()]))),
        None => Ok(None),
    }
}

/// The expression's key, or the expression itself.
pub(super) fn key_or_self(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    Ok(key(&expr, schema)?.unwrap_or(expr))
}
