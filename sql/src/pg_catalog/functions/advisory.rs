//! Advisory locks. Those that wait are asynchronous, so that no thread waits and a cancelled statement leaves the queue.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, FieldRef, Int64Type};
use async_trait::async_trait;
use datafusion::common::{ScalarValue, internal_err};
use datafusion::error::Result;
use datafusion::logical_expr::async_udf::{AsyncScalarUDF, AsyncScalarUDFImpl};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use peristyle_catalog::model::PgType;
use peristyle_storage::types::{arrow_type, pg_field};

use super::call::Call;
use super::{CatalogContext, Function, NUMERIC_VALUE_OUT_OF_RANGE, Parameter, Parameter::Int, failure};
use crate::relation::Value;
use crate::session::{LockMode, LockNumber, LockSpan};

const KEYS: &[&[Parameter]] = &[&[Int], &[Int, Int]];

/// Those that do not wait.
pub(super) const FUNCTIONS: &[Function] = &[
    Function::stable("pg_try_advisory_lock", KEYS, PgType::BOOL, |call| {
        try_lock(call, LockMode::Exclusive, LockSpan::Session)
    })
    .volatile(),
    Function::stable("pg_try_advisory_lock_shared", KEYS, PgType::BOOL, |call| {
        try_lock(call, LockMode::Shared, LockSpan::Session)
    })
    .volatile(),
    Function::stable("pg_try_advisory_xact_lock", KEYS, PgType::BOOL, |call| {
        try_lock(call, LockMode::Exclusive, LockSpan::Transaction)
    })
    .volatile(),
    Function::stable("pg_try_advisory_xact_lock_shared", KEYS, PgType::BOOL, |call| {
        try_lock(call, LockMode::Shared, LockSpan::Transaction)
    })
    .volatile(),
    Function::stable("pg_advisory_unlock", KEYS, PgType::BOOL, |call| unlock(call, LockMode::Exclusive)).volatile(),
    Function::stable("pg_advisory_unlock_shared", KEYS, PgType::BOOL, |call| unlock(call, LockMode::Shared)).volatile(),
    Function::stable("pg_advisory_unlock_all", &[&[]], PgType::VOID, unlock_all).volatile(),
];

/// Those that wait.
pub(super) const WAITING: &[Waiting] = &[
    Waiting { name: "pg_advisory_lock", mode: LockMode::Exclusive, span: LockSpan::Session },
    Waiting { name: "pg_advisory_lock_shared", mode: LockMode::Shared, span: LockSpan::Session },
    Waiting { name: "pg_advisory_xact_lock", mode: LockMode::Exclusive, span: LockSpan::Transaction },
    Waiting { name: "pg_advisory_xact_lock_shared", mode: LockMode::Shared, span: LockSpan::Transaction },
];

/// A function that waits for a lock.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) name: &'static str,
    mode: LockMode,
    span: LockSpan,
}

/// Whether a function of that name waits for a lock.
pub(crate) fn waits_for_lock(name: &str) -> bool {
    WAITING.iter().any(|waiting| waiting.name == name)
}

fn try_lock(call: &Call<'_>, mode: LockMode, span: LockSpan) -> Result<Value<'static>> {
    Ok(call.control.try_lock(number(call)?, mode, span).into())
}

fn unlock(call: &Call<'_>, mode: LockMode) -> Result<Value<'static>> {
    Ok(call.control.unlock(number(call)?, mode).into())
}

fn unlock_all(call: &Call<'_>) -> Result<Value<'static>> {
    call.control.unlock_all();
    Ok(Value::Null)
}

fn number(call: &Call<'_>) -> Result<LockNumber> {
    // Strict: no argument is NULL.
    let part = |at| call.int(at).unwrap_or_default();
    if call.len() == 1 { Ok(LockNumber::One(part(0))) } else { pair(part(0), part(1)) }
}

/// 22003 if one of them is not an integer.
fn pair(first: i64, second: i64) -> Result<LockNumber> {
    match (i32::try_from(first), i32::try_from(second)) {
        (Ok(first), Ok(second)) => Ok(LockNumber::Pair(first, second)),
        _ => Err(failure(NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range".to_owned())),
    }
}

/// The functions that wait, over one statement's context.
pub(super) fn waiting(context: &Arc<CatalogContext>) -> impl Iterator<Item = Arc<ScalarUDF>> {
    let context = Arc::clone(context);
    WAITING.iter().map(move |waiting| {
        let keys = [1, 2].map(|parts| TypeSignature::Exact(vec![DataType::Int64; parts]));
        let signature = Signature::one_of(keys.to_vec(), Volatility::Volatile);
        let function = AdvisoryLock { waiting, context: Arc::clone(&context), signature };
        Arc::new(AsyncScalarUDF::new(Arc::new(function)).into_scalar_udf())
    })
}

struct AdvisoryLock {
    waiting: &'static Waiting,
    context: Arc<CatalogContext>,
    signature: Signature,
}

impl ScalarUDFImpl for AdvisoryLock {
    fn name(&self) -> &str {
        self.waiting.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(arrow_type(PgType::VOID, None))
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(pg_field(self.waiting.name, PgType::VOID, arrow_type(PgType::VOID, None), true))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("{} runs asynchronously", self.waiting.name)
    }
}

#[async_trait]
impl AsyncScalarUDFImpl for AdvisoryLock {
    /// Takes the locks of the rows one after the other.
    async fn invoke_async_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let count = args.number_rows;
        let keys = args.args.iter().map(|key| key.to_array(count)).collect::<Result<Vec<_>>>()?;
        for row in (0..count).filter(|&row| keys.iter().all(|key| key.is_valid(row))) {
            let part = |at: usize| keys[at].as_primitive::<Int64Type>().value(row);
            let number = if keys.len() == 1 { LockNumber::One(part(0)) } else { pair(part(0), part(1))? };
            self.context.control.lock(number, self.waiting.mode, self.waiting.span).await?;
        }
        Ok(ColumnarValue::Array(ScalarValue::Null.to_array_of_size(count)?))
    }
}

impl std::fmt::Debug for AdvisoryLock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdvisoryLock").field("waiting", self.waiting).finish_non_exhaustive()
    }
}

impl PartialEq for AdvisoryLock {
    fn eq(&self, other: &Self) -> bool {
        self.waiting == other.waiting && Arc::ptr_eq(&self.context, &other.context)
    }
}

impl Eq for AdvisoryLock {}

impl Hash for AdvisoryLock {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.waiting.name.hash(state);
    }
}
