//! Arrays as json.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray};
use arrow::compute::nullif;
use arrow::datatypes::FieldRef;
use datafusion::common::{Result, internal_err};
use peristyle_catalog::model::PgType;
use peristyle_storage::shape::{Arrays, Part, item_of_array};
use peristyle_storage::types::{item_field, marked_pg_type};

use super::define::{Call, Definition, overload, stable};
use super::json_build::{of_argument, per_row, push_json};
use super::rows::{Argument, Bool};
use super::signature::Ty;
use crate::values::OutputStyle;

pub(crate) const DEFINITIONS: &[Definition] = &[stable(
    "array_to_json",
    &[
        overload(&[Ty::ShapedArray], PgType::JSON, of_argument),
        overload(&[Ty::ShapedArray, Ty::Bool], PgType::JSON, array_on_lines),
    ],
)];

/// `array_to_json(array, pretty)`: with what it holds on lines of their own.
fn array_on_lines(call: &Call<'_>) -> Result<ArrayRef> {
    let (array, field) = (&call.args[0], &call.arg_fields[0]);
    let (Some(arrays), Some(item)) = (Arrays::of(array), item_of_array(array.data_type())) else {
        return internal_err!("an array was expected, not {}", array.data_type());
    };
    let (on_lines, style) = (Argument::<Bool>::of(call, 1), call.output_style().within_json());
    let texts = per_row(call, |text, row| {
        let comma = if on_lines.get(row) == Some(true) { ",\n " } else { "," };
        push_array(text, &arrays, item, field, call.index(0, row), &style, comma)
    })?;
    let is_null = |row| array.is_null(call.index(0, row)) || on_lines.get(row).is_none();
    Ok(nullif(&texts, &BooleanArray::from_iter((0..call.rows).map(|row| Some(is_null(row)))))?)
}

/// Appends an array; `comma` stands between what it holds, not within that.
pub(super) fn push_array(
    text: &mut String,
    arrays: &Arrays,
    item: &FieldRef,
    field: &FieldRef,
    index: usize,
    style: &OutputStyle,
    comma: &str,
) -> Result<()> {
    // What gathers values marks the array alone.
    let element = marked_pg_type(field).and_then(PgType::element);
    let item = &element.map_or_else(|| Arc::clone(item), |ty| item_field(ty, item.data_type().clone()));
    let items = arrays.items(index);
    let mut depth = 0;
    arrays.shape(index).walk(|part| {
        match part {
            Part::Open => {
                depth += 1;
                text.push('[');
            }
            Part::Separator => text.push_str(if depth == 1 { comma } else { "," }),
            Part::Item(at) => push_json(text, &items, item, at, style)?,
            Part::Close => {
                depth -= 1;
                text.push(']');
            }
        }
        Ok(())
    })
}
