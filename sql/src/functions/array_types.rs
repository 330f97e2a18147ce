//! What DataFusion makes of items, and arrays of what, keeps the mark of a type that the Arrow type alone does not tell, as
//! jsonb.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, ListArray};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::functions_nested as nested;
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use peristyle_catalog::model::PgType;
use peristyle_storage::shape::{is_shaped, item_of_array, list_field, list_of_shaped, shaped_type};
use peristyle_storage::types::{item_field, marked_pg_type, pg_metadata, pg_type};

use super::array_value::{ArrayValue, column_of, extended, joined, nested};
use super::choice::{strings_as_arrays, unmatched};
use super::define::first_value;
use super::shared_type::{is_unknown, needs_mark, shared_bytes, shared_float, shared_type};
use crate::semantics::type_planner::typed_field;

/// `ARRAY[a, b]`.
pub(crate) const MAKE: &str = "make_array";
/// `array || array`, `array || item`, `item || array`.
pub(crate) const CONCAT: &str = "array_concat";
pub(crate) const APPEND: &str = "array_append";
pub(crate) const PREPEND: &str = "array_prepend";

/// An item and the array it is of, whose items' type it has: until types are settled, when the item is marked.
pub(crate) const ITEM: &str = "pg_item_of";

/// The functions.
pub(crate) fn functions() -> Vec<Arc<ScalarUDF>> {
    let of_values = [nested::make_array::make_array_udf()];
    let of_arrays =
        [nested::concat::array_append_udf(), nested::concat::array_prepend_udf(), nested::concat::array_concat_udf()];
    let of_values = of_values.into_iter().map(|inner| ArrayMaker::new(inner, Items::Arguments));
    let of_arrays = of_arrays.into_iter().map(|inner| ArrayMaker::new(inner, Items::OfArray));
    let makers = of_values.chain(of_arrays).map(|maker| Arc::new(ScalarUDF::new_from_impl(maker)));
    makers.chain([item()]).collect()
}

/// The function [`ITEM`].
pub(crate) fn item() -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::new_from_impl(ItemOf { signature: Signature::any(2, Volatility::Immutable) }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ItemOf {
    signature: Signature,
}

impl ScalarUDFImpl for ItemOf {
    fn name(&self) -> &str {
        ITEM
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(arguments[0].clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let (item, array) = (&args.arg_fields[0], &args.arg_fields[1]);
        let Some(ty) = pg_type(array).element().filter(|ty| needs_mark(*ty, item.data_type())) else {
            return Ok(Arc::clone(item));
        };
        let field = typed_field(item.name(), ty, item.data_type().clone());
        Ok(Arc::new(field.as_ref().clone().with_nullable(item.is_nullable())))
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(args.args.swap_remove(0))
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ArrayMaker {
    inner: Arc<ScalarUDF>,
    items: Items,
    signature: Signature,
}

/// Where the items come from.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Items {
    Arguments,
    OfArray,
}

impl ArrayMaker {
    fn new(inner: Arc<ScalarUDF>, items: Items) -> ArrayMaker {
        ArrayMaker { inner, items, signature: Signature::user_defined(Volatility::Immutable) }
    }

    fn item_type(&self, args: &ReturnFieldArgs<'_>) -> Option<PgType> {
        match self.items {
            Items::OfArray => args.arg_fields.iter().find_map(|field| pg_type(field).element()),
            Items::Arguments => {
                let types = args.arg_fields.iter().zip(args.scalar_arguments).map(|(field, value)| {
                    let is_known = !value.is_some_and(is_unknown) && !field.data_type().is_null();
                    is_known.then(|| pg_type(field))
                });
                shared_type(&types.collect::<Vec<_>>())
            }
        }
    }
}

impl ScalarUDFImpl for ArrayMaker {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arguments)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        if !self.makes_shaped(args.arg_fields.iter().map(|field| field.data_type())) {
            return self.list_field(args);
        }
        let lists: Vec<FieldRef> = args.arg_fields.iter().map(list_field).collect();
        let element = args.arg_fields.iter().find_map(|field| pg_type(field).element());
        let field = self.list_field(ReturnFieldArgs { arg_fields: &lists, ..args })?;
        let (DataType::List(item), Some(element)) = (field.data_type(), element) else { return Ok(field) };
        let item = item_of_array(item.data_type()).unwrap_or(item);
        let list = DataType::List(item_field(element, item.data_type().clone()));
        Ok(Arc::new(field.as_ref().clone().with_data_type(shaped_type(&list))))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if is_shaped(args.return_field.data_type()) { self.shaped(&args) } else { self.lists(args) }
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let given = match self.items {
            Items::Arguments => strings_as_arrays(arguments),
            Items::OfArray if self.name() == CONCAT => strings_as_arrays(arguments),
            Items::OfArray => arguments.to_vec(),
        };
        let lists: Vec<DataType> = given.iter().map(|ty| list_of_shaped(ty).unwrap_or(ty).clone()).collect();
        let coerced = self.coerced_lists(&lists)?;
        let as_given = |(given, coerced): (&DataType, DataType)| match (list_of_shaped(given), &coerced) {
            (Some(_), DataType::List(_)) => shaped_type(&coerced),
            _ => coerced,
        };
        Ok(arguments.iter().zip(coerced).map(as_given).collect())
    }
}

impl ArrayMaker {
    /// Whether the result of such arguments may have any dimensions.
    fn makes_shaped<'a>(&self, mut arguments: impl Iterator<Item = &'a DataType>) -> bool {
        match self.items {
            Items::Arguments => arguments.any(|argument| item_of_array(argument).is_some()),
            Items::OfArray => arguments.any(is_shaped),
        }
    }

    /// What is made of arrays that have dimensions.
    fn shaped(&self, args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if is_constant { 1 } else { args.number_rows };
        let ty = args.return_field.data_type();
        let arrays = args.args.iter().map(|arg| arg.to_array(rows)).collect::<Result<Vec<_>>>()?;
        let made = (0..rows).map(|row| self.shaped_row(&arrays, row)).collect::<Result<Vec<_>>>()?;
        let made = column_of(ty, made)?;
        Ok(if is_constant { ColumnarValue::Scalar(first_value(&made)?) } else { ColumnarValue::Array(made) })
    }

    fn shaped_row(&self, arguments: &[ArrayRef], row: usize) -> Result<Option<ArrayValue>> {
        let array = |place: usize| ArrayValue::at(&arguments[place], row);
        match self.name() {
            MAKE => nested(&(0..arguments.len()).map(array).collect::<Vec<_>>()),
            CONCAT => match (array(0), array(1)) {
                (Some(left), Some(right)) => joined(left, right).map(Some),
                (left, right) => Ok(left.or(right)),
            },
            APPEND => extended(array(0), arguments[1].slice(row, 1), true).map(Some),
            PREPEND => extended(array(1), arguments[0].slice(row, 1), false).map(Some),
            other => internal_err!("{other} of arrays that have dimensions"),
        }
    }

    fn list_field(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let item_type = self.item_type(&args);
        let types: Vec<DataType> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        if let Some(item) = shared_bytes(&types).filter(|_| self.items == Items::Arguments) {
            return Ok(Arc::new(Field::new(self.name(), DataType::new_list(item, true), true)));
        }
        if self.items == Items::Arguments && self.inner.coerce_types(&types).is_err() {
            return Err(unmatched("ARRAY", args.arg_fields));
        }
        let field = self.inner.return_field_from_args(args)?;
        let DataType::List(item) = field.data_type() else { return Ok(field) };
        let Some(ty) = item_type.filter(|ty| needs_mark(*ty, item.data_type())) else { return Ok(field) };
        if marked_pg_type(item) == Some(ty) {
            return Ok(field);
        }
        let item = Arc::new(item.as_ref().clone().with_metadata(pg_metadata(ty)));
        Ok(Arc::new(field.as_ref().clone().with_data_type(DataType::List(item))))
    }

    fn lists(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let DataType::List(item) = args.return_field.data_type().clone() else {
            return self.inner.inner().invoke_with_args(args);
        };
        // Not by the function itself, which would ask for what is promised of the result here.
        Ok(match self.inner.inner().invoke_with_args(args)? {
            ColumnarValue::Array(lists) => match lists.as_list_opt::<i32>() {
                Some(list) => ColumnarValue::Array(with_item(list, &item)?),
                None => ColumnarValue::Array(lists),
            },
            ColumnarValue::Scalar(ScalarValue::List(list)) => {
                ColumnarValue::Scalar(ScalarValue::List(with_item(&list, &item)?))
            }
            other => other,
        })
    }

    fn coerced_lists(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        if self.items == Items::Arguments && shared_bytes(arguments).is_some() {
            return Ok(arguments.to_vec());
        }
        if let Some(floats) = lists_of_floats(arguments).filter(|_| self.items == Items::Arguments) {
            return Ok(floats);
        }
        if self.items == Items::Arguments {
            // DataFusion keeps only the text of an error here; `return_field_from_args` gives the error itself.
            return self.inner.coerce_types(arguments).or_else(|_| Ok(arguments.to_vec()));
        }
        let arguments = &match self.name() {
            CONCAT => literals_as_arrays(arguments),
            _ => literals_as_items(arguments),
        };
        let fields: Vec<FieldRef> =
            arguments.iter().map(|ty| Arc::new(Field::new("argument", ty.clone(), true))).collect();
        let coerced = fields_with_udf(&fields, self.inner.as_ref())?;
        Ok(arguments.iter().zip(coerced).map(|(given, coerced)| marked_as(given, coerced.data_type())).collect())
    }
}

/// The types of an array and of what is put into it: a literal without a type is an item.
fn literals_as_items(types: &[DataType]) -> Vec<DataType> {
    let item = types.iter().find_map(item_of_array).map(|item| item.data_type().clone());
    let item_for = |ty: &DataType| item.clone().filter(|item| *ty == DataType::Utf8 && !item.is_null());
    types.iter().map(|ty| item_for(ty).unwrap_or_else(|| ty.clone())).collect()
}

/// The types of lists of numbers of which some are floats: all are of that float.
fn lists_of_floats(types: &[DataType]) -> Option<Vec<DataType>> {
    let items = types.iter().map(|ty| match ty {
        DataType::List(item) => Some(item.data_type().clone()),
        ty => ty.is_null().then(|| ty.clone()),
    });
    let float = shared_float(&items.collect::<Option<Vec<_>>>()?)?;
    Some(vec![DataType::new_list(float, true); types.len()])
}

/// NULL beside an array is an array of its type, and so is a literal without a type.
fn literals_as_arrays(types: &[DataType]) -> Vec<DataType> {
    let array = types.iter().find(|ty| matches!(ty, DataType::List(_)));
    let is_open = |ty: &DataType| matches!(ty, DataType::Null | DataType::Utf8);
    types.iter().map(|ty| array.filter(|_| is_open(ty)).unwrap_or(ty).clone()).collect()
}

/// The type that a list is coerced to, or its own if that differs in the mark of its items alone.
fn marked_as(given: &DataType, coerced: &DataType) -> DataType {
    match (given, coerced) {
        (DataType::List(own), DataType::List(other)) if own.data_type() == other.data_type() => given.clone(),
        _ => coerced.clone(),
    }
}

/// The same lists, with that field for their items if it differs in what it says of them.
fn with_item(list: &ListArray, item: &FieldRef) -> Result<Arc<ListArray>> {
    let (own, offsets, values, nulls) = list.clone().into_parts();
    let item = if own.data_type() == item.data_type() { Arc::clone(item) } else { own };
    Ok(Arc::new(ListArray::try_new(item, offsets, values, nulls)?))
}
