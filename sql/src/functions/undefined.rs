//! What stands in a plan for a function that there is not, until its arguments have types to tell the user of.

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{DFSchema, DataFusionError, Result, internal_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::error::{error, undefined_function};
use super::signature::field_type_name;

/// Names that DataFusion's planner gives a meaning itself when no function has them.
const PLANNED: &[&str] = &["unnest"];

/// The function in place of an unknown name; `None` if the planner knows what the name is.
pub(crate) fn function(name: &str) -> Option<ScalarUDF> {
    if PLANNED.contains(&name) {
        return None;
    }
    let signature = Signature::user_defined(Volatility::Volatile);
    Some(ScalarUDF::new_from_impl(Undefined { name: name.to_owned(), is_schema: false, signature }))
}

/// The function in place of one in a schema that there is not.
pub(crate) fn in_no_schema(schema: &str) -> ScalarUDF {
    ScalarUDF::new_from_impl(Undefined {
        name: schema.to_owned(),
        is_schema: true,
        signature: Signature::user_defined(Volatility::Volatile),
    })
}

/// The error for a call of an unknown function over constants.
pub(crate) fn call_of(name: &str, arguments: &[Expr]) -> DataFusionError {
    let schema = DFSchema::empty();
    let type_name = |argument: &Expr| Ok(field_type_name(&argument.to_field(&schema)?.1));
    match arguments.iter().map(type_name).collect::<Result<Vec<_>>>() {
        Ok(types) => undefined_function(&format!("{name}({})", types.join(", "))),
        Err(error) => error,
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Undefined {
    name: String,
    /// Whether the name is that of a schema, which is what is missing.
    is_schema: bool,
    signature: Signature,
}

impl ScalarUDFImpl for Undefined {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arguments.to_vec())
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        internal_err!("the type of {}, which does not exist", self.name)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        if self.is_schema {
            return Err(error("3F000", format!("schema \"{}\" does not exist", self.name)));
        }
        let types: Vec<String> = args.arg_fields.iter().map(field_type_name).collect();
        Err(undefined_function(&format!("{}({})", self.name, types.join(", "))))
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("a call of {}, which does not exist", self.name)
    }
}
