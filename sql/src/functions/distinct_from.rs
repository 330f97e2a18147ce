//! IS DISTINCT FROM beside a literal without a type. It is planned as a call: DataFusion asks whether the operator's sides meet
//! before a rule of ours has read the literal, and to types that Arrow has no casts to a text never comes.

use datafusion::logical_expr::Operator;
use peristyle_catalog::model::PgType;

use super::define::{Definition, Overload, immutable, overload};
use super::error::error;
use super::signature::Ty;

pub(crate) const DISTINCT: &str = "pg_is_distinct_from";
pub(crate) const NOT_DISTINCT: &str = "pg_is_not_distinct_from";

const OF_ANY: Overload = overload(&[Ty::Unchanged, Ty::Unchanged], PgType::BOOL, |_| {
    Err(error("XX000", "a comparison that was not analyzed"))
})
.not_strict();

pub(crate) const DEFINITIONS: &[Definition] = &[immutable(DISTINCT, &[OF_ANY]), immutable(NOT_DISTINCT, &[OF_ANY])];

/// The operator that a call stands for; `None` for any other function.
pub(crate) fn operator(function: &str) -> Option<Operator> {
    match function {
        DISTINCT => Some(Operator::IsDistinctFrom),
        NOT_DISTINCT => Some(Operator::IsNotDistinctFrom),
        _ => None,
    }
}
