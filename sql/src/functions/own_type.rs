//! A value as it is, marked with its type only where its Arrow type does not tell.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use peristyle_storage::types::pg_type;

use crate::semantics::type_planner::typed_field;

/// The function's name.
pub(crate) const OWN_TYPE: &str = "pg_own_type";

/// The function.
pub(crate) fn function() -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::new_from_impl(OwnType { signature: Signature::any(1, Volatility::Immutable) }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct OwnType {
    signature: Signature,
}

impl ScalarUDFImpl for OwnType {
    fn name(&self) -> &str {
        OWN_TYPE
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(arguments[0].clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let value = &args.arg_fields[0];
        let field = typed_field(value.name(), pg_type(value), value.data_type().clone());
        Ok(Arc::new(field.as_ref().clone().with_nullable(value.is_nullable())))
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(args.args.swap_remove(0))
    }
}
