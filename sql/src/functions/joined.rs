//! `string_agg` with a delimiter that is computed: texts, or bytes, one after another, each but the first behind its own
//! delimiter. `desugar` gathers both in arrays.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use peristyle_catalog::model::PgType;
use peristyle_storage::types::pg_type;

use super::define::{Call, Definition, computed, immutable};
use super::error::undefined_function;
use super::rows::*;
use super::signature::{Ty, argument_type_name};
use crate::semantics::type_planner::{arrow_of, typed_field};

/// `(values, delimiters)`.
pub(crate) const JOINED: &str = "pg_string_agg";

pub(crate) const DEFINITIONS: &[Definition] =
    &[immutable(JOINED, &[computed(&[Ty::AnyArray, Ty::AnyArray], joined_type, joined)])];

fn item_type(field: &FieldRef) -> PgType {
    pg_type(field).item().unwrap_or(PgType::TEXT)
}

fn joined_type(_name: &str, fields: &[FieldRef]) -> Result<FieldRef> {
    let types = [0, 1].map(|at| item_type(&fields[at]));
    let ty = match types {
        [PgType::BYTEA, PgType::BYTEA] => PgType::BYTEA,
        _ if types.into_iter().all(crate::semantics::is_text) => PgType::TEXT,
        _ => {
            let names = types.map(|ty| argument_type_name(&arrow_of(ty)));
            return Err(undefined_function(&format!("string_agg({})", names.join(", "))));
        }
    };
    Ok(typed_field("string_agg", ty, arrow_of(ty)))
}

fn joined(call: &Call<'_>) -> Result<ArrayRef> {
    let (values, delimiters) = (Argument::<List>::of(call, 0), Argument::<List>::of(call, 1));
    let rows = (0..call.rows).map(|row| match (values.get(row), delimiters.get(row)) {
        (Some(values), Some(delimiters)) => {
            let bytes = |items: &ArrayRef| cast(&cast(items, call.return_type())?, &DataType::BinaryView);
            Ok(join(&bytes(&values)?, &bytes(&delimiters)?))
        }
        _ => Ok(None),
    });
    let joined = Vec::<u8>::collect(rows.collect::<Result<_>>()?);
    Ok(cast(&joined, call.return_type())?)
}

/// The values that are not NULL; `None` if there is none.
fn join(values: &ArrayRef, delimiters: &ArrayRef) -> Option<Vec<u8>> {
    let (values, delimiters) = (values.as_binary_view(), delimiters.as_binary_view());
    let mut joined: Option<Vec<u8>> = None;
    for (at, value) in values.iter().enumerate() {
        let Some(value) = value else { continue };
        match &mut joined {
            None => joined = Some(value.to_vec()),
            Some(joined) => {
                if delimiters.is_valid(at) {
                    joined.extend_from_slice(delimiters.value(at));
                }
                joined.extend_from_slice(value);
            }
        }
    }
    joined
}
