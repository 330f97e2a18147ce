//! Rows as json: objects of their fields.

use arrow::array::{ArrayRef, AsArray, StructArray};
use arrow::datatypes::{DataType, FieldRef, Fields};
use datafusion::common::Result;
use peristyle_catalog::model::{PgType, TypeKind};
use peristyle_storage::types::pg_type;

use super::define::{Call, Definition, computed, stable};
use super::error::undefined_function;
use super::json_build::{of_argument, per_row, push_json};
use super::row::is_row;
use super::rows::{Argument, Bool};
use super::signature::{Ty, field_type_name};
use crate::semantics::type_planner::typed_field;
use crate::values::{OutputStyle, escape_json};

pub(crate) const DEFINITIONS: &[Definition] = &[stable(
    "row_to_json",
    &[
        computed(&[Ty::Any], row_to_json_type, of_argument),
        computed(&[Ty::Any, Ty::Bool], row_to_json_type, row_to_json_on_lines),
    ],
)];

fn row_to_json_type(name: &str, arguments: &[FieldRef]) -> Result<FieldRef> {
    if !is_row(arguments[0].data_type()) || !is_record(&arguments[0]) {
        return Err(undefined_function(&format!("{name}({})", field_type_name(&arguments[0]))));
    }
    Ok(typed_field(name, PgType::JSON, DataType::Utf8View))
}

/// `row_to_json(row, pretty)`: with its fields on lines of their own.
fn row_to_json_on_lines(call: &Call<'_>) -> Result<ArrayRef> {
    let (rows, style) = (call.args[0].as_struct(), call.output_style().within_json());
    let on_lines = Argument::<Bool>::of(call, 1);
    per_row(call, |text, row| {
        let comma = if on_lines.get(row) == Some(true) { ",\n " } else { "," };
        push_row(text, rows, rows.fields(), call.index(0, row), &style, comma)
    })
}

/// Whether values are rows; what has a name that it shows, as a regclass, is a group too.
pub(super) fn is_record(field: &FieldRef) -> bool {
    matches!(pg_type(field).kind(), None | Some(TypeKind::Record))
}

/// A row as an object of its fields.
pub(super) fn push_row(
    text: &mut String,
    rows: &StructArray,
    fields: &Fields,
    index: usize,
    style: &OutputStyle,
    comma: &str,
) -> Result<()> {
    text.push('{');
    for (place, (field, values)) in fields.iter().zip(rows.columns()).enumerate() {
        text.push_str(if place == 0 { "" } else { comma });
        escape_json(field.name(), text);
        text.push(':');
        push_json(text, values, field, index, style)?;
    }
    text.push('}');
    Ok(())
}
