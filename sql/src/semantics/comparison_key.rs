//! Types whose values are not compared by what is stored: an interval's months count 30 days, jsonb has an order of its
//! own in which 1.0 equals 1, labels of enum types come in the order of their type. In their place a key is compared,
//! which DataFusion's kernels put in PostgreSQL's order.

use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{Expr, ExprSchemable, lit};
use peristyle_catalog::model::PgType;

use super::operators::type_of;
use crate::functions::{enums, interval, json, named};

/// What values are compared for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    /// Whether they are equal. Labels are as texts are, so that what they are equal to prunes.
    Equality,
    /// Which comes first. Keys of equal values are equal here too.
    Order,
}

/// How the keys of a type's values are computed.
#[derive(Clone, Copy)]
pub(super) enum Key {
    /// By a function of the value.
    Of(&'static str),
    /// By the place of the label in the enum type, or by the places of an array's.
    Place(PgType),
}

impl Key {
    /// `None` for a type that is compared as it is stored.
    pub(super) fn of(ty: PgType, comparison: Comparison) -> Option<Key> {
        match ty {
            PgType::INTERVAL => Some(Key::Of(interval::KEY)),
            PgType::JSONB => Some(Key::Of(json::KEY)),
            ty if ty.enum_definition().is_some() && comparison == Comparison::Order => Some(Key::Place(ty)),
            _ => None,
        }
    }

    /// The value's key.
    pub(super) fn call(self, value: Expr) -> Result<Expr> {
        match self {
            Key::Of(function) => Ok(named(function)?.call(vec![value])),
            Key::Place(ty) => Ok(named(enums::PLACE)?.call(vec![value, lit(i64::from(ty.oid))])),
        }
    }
}

/// The expression's key, if its type has one.
pub(super) fn key(expr: &Expr, schema: &DFSchema, comparison: Comparison) -> Result<Option<Expr>> {
    // Types that do not resolve are reported where the expression is planned.
    let Ok((_, field)) = expr.to_field(schema) else { return Ok(None) };
    let key = Key::of(PgType::plain(type_of(&field).oid), comparison);
    key.map(|key| key.call(expr.clone().unalias())).transpose()
}

/// The expression's key, or the expression itself.
pub(super) fn key_or_self(expr: Expr, schema: &DFSchema, comparison: Comparison) -> Result<Expr> {
    Ok(key(&expr, schema, comparison)?.unwrap_or(expr))
}
