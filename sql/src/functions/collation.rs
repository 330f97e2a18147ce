//! `text COLLATE "C"`: every text is ordered by its bytes, so a collation changes nothing. What is no text has none.

use std::sync::Arc;

use arrow::datatypes::FieldRef;
use datafusion::common::Result;
use peristyle_storage::types::pg_type;

use super::define::{Definition, computed, immutable};
use super::error::error;
use super::signature::{Ty, field_type_name, is_unknown};
use crate::semantics::category::{Category, category};

/// A value with a collation; the analyzer puts the value in its place.
pub(crate) const COLLATED: &str = "pg_collated";

pub(crate) const DEFINITIONS: &[Definition] =
    &[immutable(COLLATED, &[computed(&[Ty::Unchanged], text, |call| call.expanded(0)).not_strict()])];

fn text(_name: &str, fields: &[FieldRef]) -> Result<FieldRef> {
    let field = &fields[0];
    if is_unknown(field.data_type()) || category(pg_type(field)) == Category::Text {
        return Ok(Arc::clone(field));
    }
    Err(error("42804", format!("collations are not supported by type {}", field_type_name(field))))
}
