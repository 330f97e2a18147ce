//! `pg_typeof`: the name of a value's type.

use arrow::array::{ArrayRef, StringViewArray};
use datafusion::common::Result;
use peristyle_catalog::model::PgType;
use std::sync::Arc;

use super::define::{Call, Definition, immutable, overload};
use super::signature::{Ty, field_type_name};

pub(crate) const DEFINITIONS: &[Definition] =
    &[immutable("pg_typeof", &[overload(&[Ty::Any], PgType::TEXT, type_of).not_strict()])];

fn type_of(call: &Call<'_>) -> Result<ArrayRef> {
    let name = field_type_name(&call.arg_fields[0]);
    Ok(Arc::new(StringViewArray::from_iter_values(std::iter::repeat_n(name, call.rows))))
}
