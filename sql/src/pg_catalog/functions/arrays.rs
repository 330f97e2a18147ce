//! `array_or_empty`: what the rewriting of `ARRAY(SELECT …)` needs, the empty array for NULL.

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::internal_err;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use peristyle_storage::shape::Arrays;

use crate::functions::array_value::{ArrayValue, column_of};

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
        let Some(arrays) = Arrays::of(&array) else {
            return internal_err!("{NAME} takes an array, not {}", array.data_type());
        };
        let empty = arrays.lists().values().slice(0, 0);
        let row = |row: usize| match ArrayValue::at(&array, row) {
            Some(value) => Some(value),
            None => Some(ArrayValue::of_items(empty.clone())),
        };
        Ok(ColumnarValue::Array(column_of(array.data_type(), (0..arrays.len()).map(row).collect())?))
    }
}
