//! Casts to enum types and from them: a text that is a label is a value, and nothing else is.

use arrow::array::ArrayRef;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::metadata::FieldMetadata;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::{Expr, ExprSchemable};
use peristyle_catalog::model::PgType;
use peristyle_storage::types::{marked_pg_type, pg_metadata, pg_type_of_arrow};

use super::cast::{CastJob, CastKind, PgCast};
use super::category::{Category, category};
use crate::functions::context::FunctionContext;
use crate::functions::define::first_value;
use crate::functions::enums;
use crate::functions::error::error;

/// Whether values go from an enum type to another or to a type that is no text, or to an enum type from such: then there
/// is no cast.
pub(super) fn is_impossible(source: PgType, target: PgType) -> bool {
    let scalar = |ty: PgType| category(ty.element().unwrap_or(ty));
    let is_enum = |ty: PgType| matches!(scalar(ty), Category::Enum(_));
    let is_text = |ty: PgType| category(ty) == Category::Text;
    match (is_enum(source), is_enum(target)) {
        (false, false) => false,
        _ if source.oid == target.oid || is_text(source) || is_text(target) => false,
        _ => !(source.is_array() && target.is_array() && [scalar(source), scalar(target)].contains(&Category::Text)),
    }
}

/// The texts as values of an enum type. 22P02 for one that is no label.
pub(super) fn to_enum(job: &CastJob<'_>, input: &ArrayRef) -> Result<ArrayRef> {
    let texts = cast(input, &DataType::Utf8View)?;
    if job.source.is_some_and(|source| source.oid == job.target.oid) {
        return Ok(texts);
    }
    let enums = job.context()?.enums.as_ref().ok_or_else(|| error("XX000", "a cast needs enum types"))?;
    enums::check_labels(enums, job.target, &texts)?;
    Ok(texts)
}

/// A string literal that is cast to an enum type, or to an array of one, as the value that it is, so that one which is
/// no label is an error even if no row meets it. `None` for any other expression.
pub(super) fn literal(
    value: &Expr,
    target: PgType,
    arrow: &DataType,
    context: Option<&FunctionContext>,
) -> Result<Option<Expr>> {
    let (Expr::Literal(text, metadata), Some(_)) = (value, target.enum_definition()) else { return Ok(None) };
    if metadata.is_some() || text.is_null() || text.try_as_str().is_none() || context.is_none() {
        return Ok(None);
    }
    let job = CastJob { source: None, target, arrow, kind: CastKind::Explicit, context };
    let value = first_value(&job.run(&text.to_array()?)?)?;
    Ok(Some(Expr::Literal(value, Some(FieldMetadata::from(pg_metadata(target))))))
}

/// The same of a cast that is a call already.
pub(super) fn literal_of_call(expr: &Expr, context: Option<&FunctionContext>) -> Result<Option<Expr>> {
    let Expr::ScalarFunction(call) = expr else { return Ok(None) };
    match (call.func.inner().downcast_ref::<PgCast>(), call.args.as_slice()) {
        (Some(cast), [value]) => literal(value, cast.target(), cast.arrow(), context),
        _ => Ok(None),
    }
}

/// 42846 for a cast that there is not.
pub(super) fn check(value: &Expr, schema: &DFSchema, target: PgType) -> Result<()> {
    // NULL and a parameter without a type are of any.
    if matches!(value, Expr::Literal(ScalarValue::Null, _)) {
        return Ok(());
    }
    let field = value.to_field(schema)?.1;
    let source = marked_pg_type(&field).unwrap_or_else(|| pg_type_of_arrow(field.data_type()));
    if field.data_type().is_null() || !is_impossible(source, target) {
        return Ok(());
    }
    Err(super::cast::cannot_cast(source, target))
}
