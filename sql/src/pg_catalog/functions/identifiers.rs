//! `parse_ident`: the parts of a qualified name.

use datafusion::error::Result;
use peristyle_catalog::model::PgType;

use super::call::Call;
use super::{Function, INVALID_PARAMETER_VALUE, Parameter, failure};
use crate::pg_catalog::names::leading_parts;
use crate::relation::Value;

const TEXT_ARRAY: PgType = PgType::plain(1009);

pub(super) const FUNCTIONS: &[Function] =
    &[Function::stable("parse_ident", &[&[Parameter::Text], &[Parameter::Text, Parameter::Bool]], TEXT_ARRAY, parse)];

/// What follows the name is an error, unless the second argument is false.
fn parse(call: &Call<'_>) -> Result<Value<'static>> {
    let text = call.text(0).unwrap_or_default();
    let is_strict = call.len() == 1 || call.boolean(1) == Some(true);
    match leading_parts(text) {
        Some((parts, rest)) if rest.is_empty() || !is_strict => Ok(parts.into()),
        _ => Err(failure(INVALID_PARAMETER_VALUE, format!("string is not a valid identifier: \"{text}\""))),
    }
}
