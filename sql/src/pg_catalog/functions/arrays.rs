//! `array_or_empty`: what the rewriting of `ARRAY(SELECT …)` needs, the empty array for NULL.

use arrow::array::{Array, AsArray, ListArray};
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::internal_err;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

pub(super) const NAME: &str = "array_or_empty";

#[derive(Debug, PartialEq, Eq, Hash)]
struct ArrayOrEmpty {
    signature: Signature,
}

pub(super) fn array_or_empty() -> ScalarUDF {
    ScalarUDF::from(ArrayOrEmpty { signature: Signature::any(1, Volatility::Immutable) })
}

impl ScalarUDFImpl for ArrayOrEmpty {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types[0].clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Arc::new(args.arg_fields[0].as_ref().clone().with_name(NAME)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let array = args.args[0].to_array(args.number_rows)?;
        let Some(list) = array.as_list_opt::<i32>() else {
            return internal_err!("{NAME} takes an array, not {}", array.data_type());
        };
        let DataType::List(item) = list.data_type() else {
            return internal_err!("{NAME} takes an array, not {}", array.data_type());
        };
        if list.null_count() == list.len() {
            let empty = arrow::array::new_empty_array(item.data_type());
            let offsets = arrow::buffer::OffsetBuffer::new_zeroed(list.len());
            return Ok(ColumnarValue::Array(Arc::new(ListArray::try_new(item.clone(), offsets, empty, None)?)));
        }
        // A NULL entry may hide items, so the lists are put together anew.
        let kept: Vec<_> = (0..list.len()).filter(|row| list.is_valid(*row)).map(|row| list.value(row)).collect();
        let parts: Vec<&dyn Array> = kept.iter().map(AsRef::as_ref).collect();
        let items = arrow::compute::concat(&parts)?;
        let lengths = (0..list.len()).map(|row| if list.is_valid(row) { list.value_length(row) as usize } else { 0 });
        let offsets = arrow::buffer::OffsetBuffer::from_lengths(lengths);
        Ok(ColumnarValue::Array(Arc::new(ListArray::try_new(item.clone(), offsets, items, None)?)))
    }
}
