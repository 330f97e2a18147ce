//! Casts of jsonb to numbers and booleans: of a document that is one.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, Result};
use peristyle_catalog::model::PgType;
use peristyle_storage::types::OPEN_DECIMAL;

use super::cast::CastJob;
use super::category::{Category, category};
use crate::functions::error::invalid_parameter;
use crate::values::{Json, parse_json, type_name};

/// Whether a type has casts from jsonb other than of its text.
pub(super) fn takes_jsonb(target: PgType) -> bool {
    target == PgType::BOOL
        || category(target) == Category::Number && !target.kind().is_some_and(|kind| kind.is_registered())
}

/// The number or boolean that each document is. 22023 for one that is something else.
pub(super) fn from_jsonb(job: &CastJob<'_>, input: &ArrayRef) -> Result<ArrayRef> {
    let texts = cast(input, &DataType::Utf8View)?;
    let documents = texts.as_string_view();
    if job.target == PgType::BOOL {
        let boolean = |text: &str| match parse_json(text)? {
            Json::Bool(value) => Ok(value),
            other => Err(no_value(&other, job.target)),
        };
        return Ok(Arc::new(each(documents, boolean)?.into_iter().collect::<BooleanArray>()));
    }
    let number = |text: &str| match parse_json(text)? {
        Json::Number(number) => Ok(number.to_owned()),
        other => Err(no_value(&other, job.target)),
    };
    let numbers: ArrayRef = Arc::new(each(documents, number)?.into_iter().collect::<StringViewArray>());
    if !job.arrow.is_integer() {
        return CastJob { source: None, ..*job }.run(&numbers);
    }
    // A fraction is rounded, as it is of a numeric.
    let decimals = CastJob { source: None, target: PgType::NUMERIC, arrow: &OPEN_DECIMAL, ..*job }.run(&numbers)?;
    CastJob { source: Some(PgType::NUMERIC), ..*job }.run(&decimals)
}

fn each<T>(documents: &StringViewArray, of: impl Fn(&str) -> Result<T>) -> Result<Vec<Option<T>>> {
    documents.iter().map(|text| text.map(&of).transpose()).collect()
}

fn no_value(document: &Json<'_>, target: PgType) -> DataFusionError {
    let kind = match document {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "numeric",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    };
    invalid_parameter(format!("cannot cast jsonb {kind} to type {}", type_name(PgType::plain(target.oid))))
}
