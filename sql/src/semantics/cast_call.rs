//! A cast as it is planned: a call that names its target, replaced by the cast itself once all types are known.
//!
//! DataFusion names `x::int` and `x::text` both `x`, and refuses a plan in which two aggregates or group keys have
//! one name. A call's name has its target in it.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{DFSchema, Result, ScalarValue, internal_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    Cast, ColumnarValue, Expr, ExprSchemable, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility, lit,
};
use peristyle_catalog::model::PgType;

use super::type_planner::{arrow_of, cast_form, field_of, form_of, typed_field};
use crate::values::type_name;

/// The function's name. Its second argument is the target as `oid:typmod`.
pub(crate) const NAME: &str = "pg_cast_to";

#[derive(Debug, PartialEq, Eq, Hash)]
struct CastCall {
    signature: Signature,
}

/// The function to register.
pub(crate) fn function() -> Arc<ScalarUDF> {
    static FUNCTION: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
        Arc::new(ScalarUDF::new_from_impl(CastCall { signature: Signature::any(2, Volatility::Stable) }))
    });
    Arc::clone(&FUNCTION)
}

/// The target as the call's argument writes it.
pub(crate) fn target_text(ty: PgType) -> String {
    format!("{}:{}", ty.oid, ty.typmod)
}

/// A cast to a type; as a call where the type is a mark on an Arrow type. DataFusion writes the marks of a cast's target into
/// its name, each time in an order of its own, by which it does not know the cast again where it stands twice.
pub(super) fn cast(value: Expr, target: PgType) -> Expr {
    let field = field_of(target);
    match field.metadata().is_empty() {
        true => Expr::Cast(Cast::new_from_field(Box::new(value), field)),
        false => function().call(vec![value, lit(target_text(target))]),
    }
}

fn target_of(text: &str) -> Option<PgType> {
    let (oid, typmod) = text.split_once(':')?;
    Some(PgType { oid: oid.parse().ok()?, typmod: typmod.parse().ok()? })
}

/// The target that the second argument of a call names.
pub(crate) fn target_of_argument(argument: &Expr) -> Option<PgType> {
    match argument {
        Expr::Literal(value, _) => target_of(value.try_as_str().flatten()?),
        _ => None,
    }
}

/// The cast that a call over such columns stands for; the expression itself if it is no such call.
pub(super) fn as_cast(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    match expr {
        Expr::ScalarFunction(ScalarFunction { func, mut args }) if func.name() == NAME => {
            let Some(target) = args.get(1).and_then(target_of_argument) else {
                return Ok(Expr::ScalarFunction(ScalarFunction { func, args }));
            };
            let value = args.swap_remove(0);
            let form = cast_form(target, &value, &value.get_type(schema)?);
            Ok(Expr::Cast(Cast::new_from_field(Box::new(value), field_of(form))))
        }
        other => Ok(other),
    }
}

impl ScalarUDFImpl for CastCall {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let target = args.get(1).and_then(target_of_argument).map_or_else(String::new, type_name);
        Ok(format!("{}::{target}", args[0].schema_name()))
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        internal_err!("the type of a cast is in its second argument")
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let text = args.scalar_arguments.get(1).copied().flatten().and_then(|value| value.try_as_str().flatten());
        let Some(target) = text.and_then(target_of) else {
            return internal_err!("a cast without a target");
        };
        let value = args.scalar_arguments[0].and_then(ScalarValue::try_as_str);
        let form = form_of(target, value, args.arg_fields[0].data_type());
        Ok(typed_field(args.arg_fields[0].name(), form, arrow_of(form)))
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("a cast that was not analyzed")
    }
}
