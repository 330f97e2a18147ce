//! `generate_series` as a table: integers, numerics, timestamps and dates.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::*;
use datafusion::catalog::{Session, TableFunction, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{DFSchema, Result, ScalarValue, internal_err};
use datafusion::datasource::MemTable;
use datafusion::logical_expr::Expr;
use peristyle_catalog::model::PgType;

use super::context::statement_context;
use super::error::{FunctionError, error, invalid_parameter};
use super::integer_series::{IntegerSeries, Integers};
use super::interval::{add_to_timestamp, add_to_timestamptz, key};
use super::named;
use super::rows::{Out, TimestampOut, TimestamptzOut};
use super::series_array::SERIES;
use super::time_zone::is_infinite;
use crate::semantics::{CastKind, analyzed_cast, cast_array, cast_expr, type_planner};

/// Most timestamps that one series gives; integers have no such limit, they are made as they are read.
const SERIES_ROWS_MAX: usize = 10_000_000;
const COLUMN: &str = "generate_series";

pub(crate) fn table_functions() -> HashMap<String, Arc<TableFunction>> {
    let function = TableFunction::new("generate_series".to_owned(), Arc::new(GenerateSeries));
    HashMap::from([("generate_series".to_owned(), Arc::new(function))])
}

#[derive(Debug)]
struct GenerateSeries;

impl TableFunctionImpl for GenerateSeries {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let session = args.session();
        let values = args.exprs().iter().map(|expr| constant(expr, session)).collect::<Result<Vec<_>>>()?;
        if !(2..=3).contains(&values.len()) {
            return Err(undefined(&values));
        }
        let values = typed(values, session)?;
        // NULL, which makes no rows, is of the others' type.
        let is_known = |ty: &DataType| !super::signature::is_unknown(ty);
        let types = || values.iter().map(ScalarValue::data_type);
        let ty = types().find(|ty| ty.is_decimal()).or_else(|| types().find(is_known)).unwrap_or(DataType::Null);
        match ty {
            DataType::Int16 | DataType::Int32 | DataType::Int64 => integers(&values),
            DataType::Timestamp(..) | DataType::Date32 => timestamps(&values, session),
            DataType::Decimal128(..) | DataType::Decimal256(..) => numerics(values, session),
            _ => Err(undefined(&values)),
        }
    }
}

/// Beside a time, a date or an interval a literal without a type is a time; timestamptz if no bound says otherwise.
fn typed(values: Vec<ScalarValue>, session: &dyn Session) -> Result<Vec<ScalarValue>> {
    let is_time = |ty: DataType| matches!(ty, DataType::Timestamp(..) | DataType::Date32 | DataType::Interval(_));
    if !values.iter().any(|value| is_time(value.data_type())) {
        return Ok(values);
    }
    let is_local = |value: &ScalarValue| matches!(value.data_type(), DataType::Timestamp(_, None));
    let ty = if values.iter().take(2).any(is_local) { PgType::TIMESTAMP } else { PgType::TIMESTAMPTZ };
    let bound = |(at, value): (usize, ScalarValue)| match value {
        ScalarValue::Utf8(Some(_)) if at < 2 => {
            constant(&cast_expr(Expr::Literal(value, None), ty, CastKind::Explicit), session)
        }
        value => Ok(value),
    };
    values.into_iter().enumerate().map(bound).collect()
}

fn undefined(values: &[ScalarValue]) -> datafusion::common::DataFusionError {
    let types: Vec<DataType> = values.iter().map(ScalarValue::data_type).collect();
    let call = super::signature::call_text(COLUMN, &types);
    FunctionError::new("42883", format!("function {call} does not exist")).into()
}

/// The value of an argument that reads no column.
fn constant(expr: &Expr, session: &dyn Session) -> Result<ScalarValue> {
    let expr = analyzed_cast(expr.clone())?;
    let physical = session.create_physical_expr(expr, &DFSchema::empty())?;
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    let row = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &options)?;
    ScalarValue::try_from_array(&physical.evaluate(&row)?.into_array(1)?, 0)
}

/// int4 if all arguments are, else int8.
fn integers(values: &[ScalarValue]) -> Result<Arc<dyn TableProvider>> {
    let is_wide = values.iter().any(|value| value.data_type() == DataType::Int64);
    let ty = if is_wide { DataType::Int64 } else { DataType::Int32 };
    let mut bounds = [None, None, Some(1)];
    for (bound, value) in bounds.iter_mut().zip(values) {
        let ScalarValue::Int64(number) = value.cast_to(&DataType::Int64)? else { return Err(undefined(values)) };
        *bound = number;
    }
    if bounds[2] == Some(0) {
        return Err(invalid_parameter("step size cannot equal zero"));
    }
    let series = match bounds {
        [Some(start), Some(stop), Some(step)] => Some(Integers { start, stop, step }),
        _ => None,
    };
    Ok(Arc::new(IntegerSeries::new(COLUMN, ty, series)))
}

/// The items of the array that a row's series is.
fn numerics(values: Vec<ScalarValue>, session: &dyn Session) -> Result<Arc<dyn TableProvider>> {
    let arguments = values.into_iter().map(|value| Expr::Literal(value, None)).collect();
    let series = constant(&named(SERIES)?.call(arguments), session)?;
    let ScalarValue::List(lists) = series else { return internal_err!("a series is an array") };
    let items = lists.values();
    let field = Field::new(COLUMN, items.data_type().clone(), false);
    let schema = Arc::new(Schema::new(vec![field]));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::clone(items)])?;
    Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
}

fn timestamps(values: &[ScalarValue], session: &dyn Session) -> Result<Arc<dyn TableProvider>> {
    let context = statement_context(session.config_options())?;
    // Dates are taken as timestamptz, PostgreSQL's preferred type.
    let has_zone = !values.iter().take(2).all(|value| matches!(value.data_type(), DataType::Timestamp(_, None)));
    let micros = |value: &ScalarValue| instant(value, has_zone, |local| context.zone().to_utc(local));
    let bounds = (micros(&values[0])?, micros(&values[1])?, step(values.get(2))?);
    let mut series = Vec::new();
    if let (Some(start), Some(stop), Some(step)) = bounds {
        let sign = key(step).signum() as i64;
        if sign == 0 {
            return Err(invalid_parameter("step size cannot equal zero"));
        }
        if is_infinite(start) || is_infinite(stop) {
            return Err(invalid_parameter("a series of timestamps needs finite bounds"));
        }
        let mut next = start;
        while (stop - next) * sign >= 0 {
            if series.len() == SERIES_ROWS_MAX {
                return Err(error("54000", format!("a series of more than {SERIES_ROWS_MAX} timestamps")));
            }
            series.push(next);
            next =
                if has_zone { add_to_timestamptz(next, step, context.zone())? } else { add_to_timestamp(next, step)? };
        }
    }
    table(series, has_zone)
}

fn instant(value: &ScalarValue, has_zone: bool, to_utc: impl Fn(i64) -> i64) -> Result<Option<i64>> {
    Ok(match value {
        ScalarValue::TimestampMicrosecond(micros, None) if has_zone => micros.map(to_utc),
        ScalarValue::TimestampMicrosecond(micros, _) => *micros,
        ScalarValue::Date32(days) => days.map(crate::semantics::days_to_micros).transpose()?.map(to_utc),
        value if value.is_null() => None,
        other => return Err(undefined(std::slice::from_ref(other))),
    })
}

fn step(value: Option<&ScalarValue>) -> Result<Option<IntervalMonthDayNano>> {
    match value {
        Some(ScalarValue::IntervalMonthDayNano(step)) => Ok(*step),
        Some(ScalarValue::Utf8(Some(_)) | ScalarValue::Utf8View(Some(_))) => {
            let text: ArrayRef = value.map_or_else(|| ScalarValue::Null.to_array(), ScalarValue::to_array)?;
            let interval = cast_array(&text, PgType::INTERVAL, &type_planner::arrow_of(PgType::INTERVAL))?;
            step(Some(&ScalarValue::try_from_array(&interval, 0)?))
        }
        Some(value) if value.is_null() => Ok(None),
        _ => Err(FunctionError::new("42883", "function generate_series over timestamps needs a step of type interval")
            .into()),
    }
}

fn table(series: Vec<i64>, has_zone: bool) -> Result<Arc<dyn TableProvider>> {
    let column = if has_zone {
        TimestamptzOut::collect(series.into_iter().map(|micros| Some(TimestamptzOut(micros))).collect())
    } else {
        TimestampOut::collect(series.into_iter().map(|micros| Some(TimestampOut(micros))).collect())
    };
    let schema = Arc::new(Schema::new(vec![Field::new(COLUMN, column.data_type().clone(), false)]));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![column])?;
    Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
}
