//! `pg_typeof`: a value's type.

use std::sync::Arc;

use arrow::array::{ArrayRef, UInt32Array};
use datafusion::common::Result;
use peristyle_catalog::model::{PgType, TypeKind};
use peristyle_storage::types::pg_type;

use super::define::{Call, Definition, immutable, overload};
use super::signature::{Ty, is_unknown};

/// The function's name.
pub(crate) const TYPE_OF: &str = "pg_typeof";

const REGTYPE: PgType = PgType::plain(2206);

pub(crate) const DEFINITIONS: &[Definition] =
    &[immutable(TYPE_OF, &[overload(&[Ty::Unchanged], REGTYPE, type_of).not_strict()])];

fn type_of(call: &Call<'_>) -> Result<ArrayRef> {
    let field = &call.arg_fields[0];
    let oid = if is_unknown(field.data_type()) { TypeKind::Unknown.oid() } else { pg_type(field).oid };
    Ok(Arc::new(UInt32Array::from_iter_values(std::iter::repeat_n(oid, call.rows))))
}
