//! A value as it is, marked with its type only where its Arrow type does not tell, and with room for all digits of a bare
//! numeric.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use peristyle_catalog::model::PgType;
use peristyle_storage::types::{OPEN_DECIMAL, pg_type};

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
        let field = typed_field(value.name(), pg_type(value), settled(value));
        Ok(Arc::new(field.as_ref().clone().with_nullable(value.is_nullable())))
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let value = args.args.swap_remove(0);
        match value.data_type() == *args.return_field.data_type() {
            true => Ok(value),
            false => value.cast_to(args.return_field.data_type(), None),
        }
    }
}

/// A numeric without a scale of its own has room for any digits: those of later rows are not known.
fn settled(value: &Field) -> DataType {
    let is_bare = pg_type(value) == PgType::NUMERIC;
    if is_bare { OPEN_DECIMAL } else { value.data_type().clone() }
}
