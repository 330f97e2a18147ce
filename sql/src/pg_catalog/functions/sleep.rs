//! `pg_sleep`: waits without holding a thread, so that cancelling drops it.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, FieldRef, Float64Type};
use async_trait::async_trait;
use datafusion::common::{ScalarValue, internal_err};
use datafusion::error::Result;
use datafusion::logical_expr::async_udf::{AsyncScalarUDF, AsyncScalarUDFImpl};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use peristyle_catalog::model::PgType;
use peristyle_storage::types::{arrow_type, pg_field};

pub(super) const NAME: &str = "pg_sleep";
/// Longest sleep in seconds, far beyond what anybody waits for; longer ones are cut.
const SLEEP_SECONDS_MAX: f64 = 1e9;

#[derive(Debug)]
struct Sleep {
    signature: Signature,
}

/// The function. It gives one void per row, each after its own time.
pub(super) fn pg_sleep() -> ScalarUDF {
    let signature = Signature::exact(vec![DataType::Float64], Volatility::Volatile);
    AsyncScalarUDF::new(Arc::new(Sleep { signature })).into_scalar_udf()
}

impl ScalarUDFImpl for Sleep {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(arrow_type(PgType::VOID, None))
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(pg_field(NAME, PgType::VOID, arrow_type(PgType::VOID, None), true))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("{NAME} runs asynchronously")
    }
}

#[async_trait]
impl AsyncScalarUDFImpl for Sleep {
    async fn invoke_async_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        for argument in &args.args {
            let seconds = argument.to_array(args.number_rows)?;
            let total: f64 = seconds.as_primitive::<Float64Type>().iter().flatten().map(|s| s.max(0.0)).sum();
            tokio::time::sleep(Duration::from_secs_f64(total.min(SLEEP_SECONDS_MAX))).await;
        }
        Ok(ColumnarValue::Array(ScalarValue::Null.to_array_of_size(args.number_rows)?))
    }
}

impl PartialEq for Sleep {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Sleep {}

impl Hash for Sleep {
    fn hash<H: Hasher>(&self, state: &mut H) {
        NAME.hash(state);
    }
}
