//! Enum types: their labels' order, and the functions over it.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, Int64Array, ListArray, StringViewArray, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Int32Type};
use datafusion::common::{Result, internal_err};
use peristyle_catalog::model::{EnumLabel, EnumType, PgType};
use peristyle_storage::shape::{is_shaped, shaped_type};
use peristyle_storage::types::{item_field, pg_type};

use super::define::{Call, Definition, Overload, computed, same, stable};
use super::error::{error, undefined_function};
use super::signature::{Ty, field_type_name};
use crate::enum_types::EnumTypes;
use crate::semantics::type_planner::{arrow_of, typed_field};

/// `pg_enum_place(value, oid)`: where a label stands among those of the enum type with that oid, or where the items of an
/// array do. The oid is an argument because not every plan passes on a value's mark.
pub(crate) const PLACE: &str = "pg_enum_place";
/// `pg_enum_label(place, oid)`: the label that stands there.
pub(crate) const LABEL: &str = "pg_enum_label";

pub(crate) const DEFINITIONS: &[Definition] = &[
    stable(PLACE, &[computed(&[Ty::Unchanged, Ty::Int8], place_field, places).not_strict()]),
    stable(LABEL, &[super::define::overload(&[Ty::Int4, Ty::Int8], PgType::TEXT, labels)]),
    stable("enum_first", &[of_enum(first)]),
    stable("enum_last", &[of_enum(last)]),
    stable(
        "enum_range",
        &[
            computed(&[Ty::Unchanged], range_field, whole_range).not_strict(),
            computed(&[Ty::Unchanged, Ty::Unchanged], range_field, range).not_strict(),
        ],
    ),
];

/// A function of a type, whose argument is there for its type alone.
const fn of_enum(eval: super::define::Eval) -> Overload {
    let overload = same(&[Ty::Unchanged], eval).not_strict();
    Overload { returns: super::define::Returns::Computed(same_field), ..overload }
}

/// The positions of labels in the order of their type; arrays of them for arrays of labels.
pub(crate) fn places_of(enums: &EnumTypes, ty: PgType, values: &ArrayRef) -> Result<ArrayRef> {
    if let Some(lists) = values.as_list_opt::<i32>() {
        let item = Arc::new(Field::new_list_field(DataType::Int32, true));
        let items = places_of(enums, ty, lists.values())?;
        return Ok(Arc::new(ListArray::try_new(item, lists.offsets().clone(), items, lists.nulls().cloned())?));
    }
    if is_shaped(values.data_type()) {
        let arrays = values.as_struct();
        let items = places_of(enums, ty, arrays.column(0))?;
        let DataType::Struct(fields) = shaped_type(items.data_type()) else { return internal_err!("no shaped array") };
        let parts = vec![items, Arc::clone(arrays.column(1))];
        return Ok(Arc::new(StructArray::try_new(fields, parts, arrays.nulls().cloned())?));
    }
    let definition = enums.find(ty)?;
    let texts = cast(values, &DataType::Utf8View)?;
    // A label that is in a state of the past alone comes after all others.
    let place = |text: &str| definition.position(text).unwrap_or(definition.labels.len()) as i32;
    Ok(Arc::new(texts.as_string_view().iter().map(|text| text.map(place)).collect::<Int32Array>()))
}

/// 22P02 for a text, or an item of an array, that is no label.
pub(crate) fn check_labels(enums: &EnumTypes, ty: PgType, values: &ArrayRef) -> Result<()> {
    let values = values.as_list_opt::<i32>().map_or(values, ListArray::values);
    let texts = cast(values, &DataType::Utf8View)?;
    Ok(texts.as_string_view().iter().flatten().try_for_each(|text| enums.check(ty, text))?)
}

fn place_field(name: &str, arguments: &[FieldRef]) -> Result<FieldRef> {
    let places = DataType::new_list(DataType::Int32, true);
    let ty = match arguments[0].data_type() {
        shaped if is_shaped(shaped) => shaped_type(&places),
        DataType::List(_) => places,
        _ => DataType::Int32,
    };
    Ok(Arc::new(Field::new(name, ty, true)))
}

fn places(call: &Call<'_>) -> Result<ArrayRef> {
    places_of(types_of(call)?, type_argument(call), &call.args[0])
}

fn labels(call: &Call<'_>) -> Result<ArrayRef> {
    let definition = types_of(call)?.find(type_argument(call))?;
    let label = |place: i32| usize::try_from(place).ok().and_then(|place| definition.labels.get(place));
    let places = call.args[0].as_primitive::<Int32Type>();
    let names = places.iter().map(|place| place.and_then(label).map(|label| label.name.as_str()));
    Ok(Arc::new(names.collect::<StringViewArray>()))
}

/// The type whose oid is the second argument.
fn type_argument(call: &Call<'_>) -> PgType {
    let oid: &Int64Array = call.args[1].as_primitive();
    PgType::plain(if oid.is_empty() { 0 } else { oid.value(0) as u32 })
}

/// The enum types of the statement that the call is in.
pub(crate) fn types_of<'a>(call: &'a Call<'_>) -> Result<&'a EnumTypes> {
    call.context()?.enums.as_ref().ok_or_else(|| error("XX000", "a statement without enum types"))
}

/// The enum type that some argument has; 42883 if none does, or if two have different ones.
fn enum_argument(name: &str, arguments: &[FieldRef]) -> Result<PgType> {
    let is_enum = |ty: &PgType| ty.enum_definition().is_some() && !ty.is_array();
    let known = arguments.iter().filter(|field| !super::signature::is_unknown(field.data_type()));
    let types: Vec<PgType> = known.map(|field| pg_type(field)).collect();
    match types.as_slice() {
        [ty, rest @ ..] if is_enum(ty) && rest.iter().all(|other| other == ty) => Ok(*ty),
        _ => {
            let types: Vec<String> = arguments.iter().map(field_type_name).collect();
            Err(undefined_function(&format!("{name}({})", types.join(", "))))
        }
    }
}

fn same_field(name: &str, arguments: &[FieldRef]) -> Result<FieldRef> {
    let ty = enum_argument(name, arguments)?;
    Ok(typed_field(name, ty, arrow_of(ty)))
}

fn range_field(name: &str, arguments: &[FieldRef]) -> Result<FieldRef> {
    let ty = enum_argument(name, arguments)?;
    let array = ty.array().ok_or_else(|| error("XX000", "an enum type without an array type"))?;
    Ok(typed_field(name, array, arrow_of(array)))
}

fn definition<'a>(call: &'a Call<'_>) -> Result<&'a EnumType> {
    let returned = pg_type(call.return_field);
    Ok(types_of(call)?.find(returned)?)
}

fn first(call: &Call<'_>) -> Result<ArrayRef> {
    repeated(call, definition(call)?.labels.first())
}

fn last(call: &Call<'_>) -> Result<ArrayRef> {
    repeated(call, definition(call)?.labels.last())
}

fn repeated(call: &Call<'_>, label: Option<&EnumLabel>) -> Result<ArrayRef> {
    let label = label.ok_or_else(|| error("55000", "enum type has no values"))?;
    types_of(call)?.check_use(pg_type(call.return_field), std::slice::from_ref(label))?;
    Ok(Arc::new(StringViewArray::from_iter_values(std::iter::repeat_n(&label.name, call.rows))))
}

fn whole_range(call: &Call<'_>) -> Result<ArrayRef> {
    let definition = definition(call)?;
    lists(call, (0..call.rows).map(|_| &definition.labels[..]))
}

/// The labels from one to another; NULL stands for the first and the last.
fn range(call: &Call<'_>) -> Result<ArrayRef> {
    let definition = definition(call)?;
    let bounds = [cast(&call.args[0], &DataType::Utf8View)?, cast(&call.args[1], &DataType::Utf8View)?];
    let place = |argument: usize, row: usize| {
        let texts = bounds[argument].as_string_view();
        let row = call.index(argument, row);
        (!texts.is_null(row)).then(|| definition.position(texts.value(row))).flatten()
    };
    let between = |row: usize| {
        let from = place(0, row).unwrap_or(0);
        let to = place(1, row).map_or(definition.labels.len(), |to| to + 1);
        definition.labels.get(from..to).unwrap_or(&[])
    };
    lists(call, (0..call.rows).map(between))
}

fn lists<'a>(call: &Call<'_>, rows: impl Iterator<Item = &'a [EnumLabel]>) -> Result<ArrayRef> {
    let (enums, ty) = (types_of(call)?, pg_type(call.return_field));
    let check_use = |labels: &'a [EnumLabel]| enums.check_use(ty, labels).map(|()| labels);
    let rows: Vec<_> = rows.map(check_use).collect::<Result<_, _>>()?;
    let offsets = OffsetBuffer::from_lengths(rows.iter().map(|labels| labels.len()));
    let names = rows.iter().flat_map(|labels| labels.iter().map(|label| label.name.as_str()));
    let element = pg_type(call.return_field).element().unwrap_or(PgType::TEXT);
    let item = item_field(element, DataType::Utf8View);
    Ok(Arc::new(ListArray::try_new(item, offsets, Arc::new(StringViewArray::from_iter_values(names)), None)?))
}
