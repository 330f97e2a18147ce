//! One row of arguments for a function's body, and the bridge to DataFusion's functions.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use peristyle_catalog::model::{Oid, PgType};
use peristyle_storage::types::{arrow_type, pg_field, pg_type};

use super::registered::{Registered, parse_registered};
use super::{CatalogContext, Function, Parameter, SessionControl, UNDEFINED_FUNCTION, failure};
use crate::relation::{RelationContext, Value, array_of};

/// One row's call of a function.
pub(super) struct Call<'c> {
    pub(super) context: RelationContext<'c>,
    pub(super) control: &'c dyn SessionControl,
    arguments: &'c [Argument],
    row: usize,
}

/// One argument for all rows.
struct Argument {
    array: ArrayRef,
    ty: PgType,
}

impl Call<'_> {
    /// How many arguments were given.
    pub(super) fn len(&self) -> usize {
        self.arguments.len()
    }

    /// Rows from this one on for which the function is called at once.
    pub(super) fn rows_left(&self) -> usize {
        self.arguments.first().map_or(1, |argument| argument.array.len() - self.row)
    }

    pub(super) fn is_null(&self, at: usize) -> bool {
        self.arguments[at].array.is_null(self.row)
    }

    /// The type of an argument.
    pub(super) fn ty(&self, at: usize) -> PgType {
        self.arguments[at].ty
    }

    /// A text argument; `None` for NULL, for a missing one and for one that is a number.
    pub(super) fn text(&self, at: usize) -> Option<&str> {
        let array = self.given(at)?.as_string_view_opt()?;
        Some(array.value(self.row))
    }

    /// A number; `None` as for [`Self::text`].
    pub(super) fn int(&self, at: usize) -> Option<i64> {
        Some(self.given(at)?.as_primitive_opt::<Int64Type>()?.value(self.row))
    }

    pub(super) fn boolean(&self, at: usize) -> Option<bool> {
        Some(self.given(at)?.as_boolean_opt()?.value(self.row))
    }

    /// An oid: a number, or the name of a relation (42P01 if there is none of that name); 0 for NULL.
    pub(super) fn oid(&self, at: usize) -> Result<Oid> {
        if let Some(name) = self.text(at) {
            return Ok(Oid(parse_registered(&self.context, Registered::Class, name)?));
        }
        Ok(Oid(self.int(at).and_then(|oid| u32::try_from(oid).ok()).unwrap_or(0)))
    }

    fn given(&self, at: usize) -> Option<&ArrayRef> {
        let argument = self.arguments.get(at)?;
        (!argument.array.is_null(self.row)).then_some(&argument.array)
    }
}

/// A [`Function`] over one statement's context.
pub(super) struct CatalogFunction {
    function: &'static Function,
    context: Arc<CatalogContext>,
    signature: Signature,
}

impl CatalogFunction {
    pub(super) fn new(function: &'static Function, context: Arc<CatalogContext>) -> Self {
        CatalogFunction { function, context, signature: signature(function.overloads, function.volatility) }
    }

    fn rows(&self, arguments: &[Argument], count: usize) -> Result<Vec<Value<'static>>> {
        let context = self.context.relations();
        (0..count)
            .map(|row| {
                let call = Call { context, control: self.context.control.as_ref(), arguments, row };
                let has_null = (0..arguments.len()).any(|at| call.is_null(at));
                if self.function.is_strict && has_null { Ok(Value::Null) } else { (self.function.body)(&call) }
            })
            .collect()
    }
}

/// A signature whose types [`coerced`] finds.
fn signature(overloads: &[&[Parameter]], volatility: Volatility) -> Signature {
    let some = TypeSignature::UserDefined;
    let takes_none = overloads.iter().any(|parameters| parameters.is_empty());
    let takes_some = overloads.iter().any(|parameters| !parameters.is_empty());
    let shape = match (takes_none, takes_some) {
        (true, true) => TypeSignature::OneOf(vec![TypeSignature::Nullary, some]),
        (true, false) => TypeSignature::Nullary,
        (false, _) => some,
    };
    Signature::new(shape, volatility)
}

/// The types that the arguments are cast to.
fn coerced(name: &str, overloads: &[&[Parameter]], given: &[DataType]) -> Result<Vec<DataType>> {
    let Some(parameters) = overloads.iter().find(|parameters| parameters.len() == given.len()) else {
        let message = format!("function {name} with {} arguments does not exist", given.len());
        return Err(failure(UNDEFINED_FUNCTION, message));
    };
    Ok(parameters.iter().zip(given).map(|(parameter, given)| parameter.accepts(given)).collect())
}

impl Parameter {
    /// The type that a value of the given type is cast to.
    fn accepts(self, given: &DataType) -> DataType {
        match self {
            Parameter::Int => DataType::Int64,
            Parameter::Text => DataType::Utf8View,
            Parameter::Bool => DataType::Boolean,
            Parameter::Any => given.clone(),
            Parameter::Oid | Parameter::Named if given.is_integer() || given.is_null() => DataType::Int64,
            Parameter::Oid | Parameter::Named => DataType::Utf8View,
        }
    }
}

impl ScalarUDFImpl for CatalogFunction {
    fn name(&self) -> &str {
        self.function.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(arrow_type(self.function.result, None))
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let result = self.function.result;
        Ok(pg_field(self.function.name, result, arrow_type(result, None), true))
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        coerced(self.function.name, self.function.overloads, given)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        // A scalar list forgets the PostgreSQL type of its items.
        let is_list = matches!(args.return_field.data_type(), DataType::List(_));
        let is_constant = !is_list && args.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let count = if is_constant && self.function.volatility != Volatility::Volatile { 1 } else { args.number_rows };
        let fields = args.arg_fields.iter();
        let arguments = args
            .args
            .iter()
            .zip(fields)
            .map(|(value, field)| Ok(Argument { array: value.to_array(count)?, ty: pg_type(field) }));
        let values = self.rows(&arguments.collect::<Result<Vec<_>>>()?, count)?;
        let array = array_of(args.return_field.data_type(), &values)?;
        if is_constant && count == 1 {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?));
        }
        Ok(ColumnarValue::Array(array))
    }
}

impl std::fmt::Debug for CatalogFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CatalogFunction").field("name", &self.function.name).finish_non_exhaustive()
    }
}

impl PartialEq for CatalogFunction {
    fn eq(&self, other: &Self) -> bool {
        self.function.name == other.function.name && Arc::ptr_eq(&self.context, &other.context)
    }
}

impl Eq for CatalogFunction {}

impl Hash for CatalogFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.name.hash(state);
    }
}
