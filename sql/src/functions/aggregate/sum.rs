//! `sum` and `avg` with PostgreSQL's types: integers to bigint or numeric, averages of integers to numeric.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, ArrowPrimitiveType, AsArray, Int32Array, Int64Array, PrimitiveArray};
use arrow::compute::cast;
use arrow::datatypes::*;
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, ReversedUDAF, Signature, Volatility,
};
use peristyle_catalog::model::{PgType, TypeKind};
use peristyle_storage::packed;
use peristyle_storage::types::{DECIMAL128_PRECISION_MAX, DECIMAL256_PRECISION_MAX, decimal_type};

use super::addend::*;
use super::distinct::Distinct;
use super::fold::Fold;
use super::sum_accumulator::SumAccumulator;
use super::sum_groups::SumGroups;
use crate::functions::decimal::{decimal_parts, from_wide};
use crate::functions::decimal_quotient::quotient;
use crate::functions::error::{FunctionError, numeric_overflow, out_of_range};
use crate::functions::interval;
use crate::functions::signature::{call_text, integer_bytes};
use crate::semantics::type_planner::typed_field;
use crate::values::Decimal;

/// Least number of digits behind the point of an average.
const AVERAGE_SCALE: i8 = 16;

/// Which of the two, and how its state becomes its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Sum,
    Avg,
    /// Digits behind the point that PostgreSQL gives the average.
    AverageScale,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct SumOrAvg {
    kind: Kind,
    signature: Signature,
}

pub(crate) fn functions() -> Vec<Arc<AggregateUDF>> {
    [Kind::Sum, Kind::Avg].map(function).into()
}

/// What tells the digits of an average of exact numbers.
pub(super) fn average_scale() -> Arc<AggregateUDF> {
    function(Kind::AverageScale)
}

fn function(kind: Kind) -> Arc<AggregateUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(AggregateUDF::new_from_impl(SumOrAvg { kind, signature }))
}

/// Runs a generic expression with the addend of an input type.
macro_rules! with_addend {
    ($input:expr, $name:expr, $addend:ident => $body:expr) => {
        with_addend!(@of $input, $name, $addend => $body, {
            DataType::Int16 => Int2Sum,
            DataType::Int32 => Int4Sum,
            DataType::Int64 => Int8Sum,
            DataType::Decimal128(..) => NumericSum,
            DataType::Decimal256(..) => WideNumericSum,
            DataType::Float32 => Float4Sum,
            DataType::Float64 => Float8Sum,
            DataType::Interval(IntervalUnit::MonthDayNano) => IntervalSum,
        })
    };
    (@of $input:expr, $name:expr, $addend:ident => $body:expr, { $($type:pat => $sum:ty,)* }) => {
        match $input {
            $($type => {
                type $addend = $sum;
                $body
            })*
            other => internal_err!("{} over {other}", $name),
        }
    };
}

/// The type in which values of the input type are summed.
pub(crate) fn state_type(input: &DataType) -> DataType {
    match input {
        DataType::Int16 | DataType::Int32 => DataType::Int64,
        DataType::Int64 => DataType::Decimal128(DECIMAL128_PRECISION_MAX, 0),
        DataType::Decimal128(_, scale) => DataType::Decimal128(DECIMAL128_PRECISION_MAX, *scale),
        DataType::Decimal256(_, scale) => DataType::Decimal256(DECIMAL256_PRECISION_MAX, *scale),
        DataType::Float32 => DataType::Float64,
        other => other.clone(),
    }
}

impl SumOrAvg {
    fn result(&self, input: &DataType) -> (PgType, DataType) {
        match (self.kind, input) {
            (Kind::AverageScale, _) => (PgType::INT4, DataType::Int32),
            (_, input) if is_interval(input) => (PgType::INTERVAL, DataType::Interval(IntervalUnit::MonthDayNano)),
            (_, input) if is_money(input) => (PgType::MONEY, input.clone()),
            (Kind::Sum, DataType::Float32) => (PgType::FLOAT4, DataType::Float32),
            (_, DataType::Float32 | DataType::Float64) => (PgType::FLOAT8, DataType::Float64),
            (Kind::Sum, DataType::Int16 | DataType::Int32) => (PgType::INT8, DataType::Int64),
            (Kind::Sum, _) => (PgType::NUMERIC, state_type(input)),
            (Kind::Avg, _) => (PgType::NUMERIC, average_type(input)),
        }
    }
}

fn average_type(input: &DataType) -> DataType {
    let (precision, scale) = match integer_bytes(input) {
        Some(2) => (5, 0),
        Some(4) => (10, 0),
        Some(_) => (19, 0),
        None => decimal_parts(input).unwrap_or((DECIMAL128_PRECISION_MAX, 0)),
    };
    let result_scale = scale.max(AVERAGE_SCALE);
    let digits = (i32::from(precision) - i32::from(scale) + i32::from(result_scale)).clamp(1, 76) as u8;
    decimal_type(digits.max(DECIMAL128_PRECISION_MAX.min(digits)), result_scale)
}

impl SumOrAvg {
    fn sql_name(&self) -> &'static str {
        match self.kind {
            Kind::Sum => "sum",
            Kind::Avg | Kind::AverageScale => "avg",
        }
    }
}

impl AggregateUDFImpl for SumOrAvg {
    /// Not SQL's name for a sum: an optimizer rule splits what is called `sum` in two sums, which assumes that the
    /// sum of sums has the type of a sum, and `sum(bigint)` is numeric.
    fn name(&self) -> &str {
        match self.kind {
            Kind::Sum => "checked_sum",
            Kind::Avg => "avg",
            Kind::AverageScale => "pg_average_scale",
        }
    }

    fn aliases(&self) -> &[String] {
        static SUM: LazyLock<Vec<String>> = LazyLock::new(|| vec!["sum".to_owned()]);
        match self.kind {
            Kind::Sum => &SUM,
            Kind::Avg | Kind::AverageScale => &[],
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let [argument] = arguments else {
            return Err(undefined(self.sql_name(), arguments));
        };
        let coerced = match argument {
            DataType::Int16 | DataType::Int32 | DataType::Int64 | DataType::Float32 | DataType::Float64 => {
                argument.clone()
            }
            DataType::Decimal128(..) | DataType::Decimal256(..) => argument.clone(),
            DataType::Interval(_) | DataType::Duration(_) => DataType::Interval(IntervalUnit::MonthDayNano),
            DataType::Int8 | DataType::UInt8 | DataType::UInt16 => DataType::Int32,
            DataType::UInt32 | DataType::UInt64 => DataType::Int64,
            // NULL, or a parameter whose type is not known yet.
            DataType::Null => DataType::Float64,
            // DataFusion keeps only the text of an error here; `return_field` gives the error itself.
            _ => return Ok(arguments.to_vec()),
        };
        Ok(vec![coerced])
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(self.result(&arguments[0]).1)
    }

    fn return_field(&self, fields: &[FieldRef]) -> Result<FieldRef> {
        let input = fields[0].data_type();
        let is_summable = integer_bytes(input).is_some() || input.is_floating() || decimal_parts(input).is_some();
        let is_sum_of_money = self.kind == Kind::Sum && is_money(input);
        if !is_summable && !is_sum_of_money && !is_interval(input) {
            return Err(undefined(self.sql_name(), std::slice::from_ref(input)));
        }
        let (ty, arrow) = self.result(input);
        Ok(typed_field(self.name(), ty, arrow))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let input = args.input_fields[0].data_type();
        if args.is_distinct {
            return Ok(vec![Distinct::state_field(args.name, input)]);
        }
        let sum = Arc::new(Field::new(format_state_name(args.name, "sum"), state_type(input), true));
        let count = Arc::new(Field::new(format_state_name(args.name, "count"), DataType::Int64, true));
        Ok(match self.kind {
            Kind::Sum => vec![sum],
            Kind::Avg | Kind::AverageScale => vec![sum, count],
        })
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let input = args.expr_fields[0].data_type().clone();
        let result = args.return_field.data_type().clone();
        let kind = self.kind;
        if is_money(&input) {
            return Ok(distinct_if(args.is_distinct, Box::new(Fold::of_money(input.clone())), input));
        }
        let inner: Box<dyn Accumulator> =
            with_addend!(&input, self.name(), A => Ok(Box::new(SumAccumulator::<A>::new(kind, &input, result)) as _))?;
        Ok(distinct_if(args.is_distinct, inner, input))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        !args.is_distinct && !is_money(args.expr_fields[0].data_type())
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        let input = args.expr_fields[0].data_type().clone();
        let result = args.return_field.data_type().clone();
        let kind = self.kind;
        with_addend!(&input, self.name(), A => Ok(Box::new(SumGroups::<A>::new(kind, &input, result)) as _))
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

fn distinct_if(is_distinct: bool, inner: Box<dyn Accumulator>, input: DataType) -> Box<dyn Accumulator> {
    if is_distinct { Box::new(Distinct::new(inner, input)) } else { inner }
}

/// A time is summed as an interval: a rule of ours casts it.
fn is_interval(input: &DataType) -> bool {
    matches!(input, DataType::Interval(_) | DataType::Time64(_))
}

fn is_money(input: &DataType) -> bool {
    packed::kind_of(input) == Some(TypeKind::Money)
}

fn undefined(name: &str, arguments: &[DataType]) -> DataFusionError {
    FunctionError::new("42883", format!("function {} does not exist", call_text(name, arguments)))
        .with_hint("No function matches the given name and argument types. You might need to add explicit type casts.")
        .into()
}

/// The error of a sum that leaves its width.
pub(crate) fn sum_overflow(state: &DataType) -> DataFusionError {
    match state {
        DataType::Int64 => out_of_range("bigint"),
        DataType::Float64 => crate::functions::error::float_overflow(),
        DataType::Interval(_) => FunctionError::new("22008", "interval out of range").into(),
        _ => numeric_overflow(),
    }
}

/// The result of sums (NULL where nothing was summed) and, for averages, their counts.
pub(crate) fn finish<S: ArrowPrimitiveType>(
    kind: Kind,
    sums: PrimitiveArray<S>,
    counts: &[i64],
    result: &DataType,
) -> Result<ArrayRef> {
    let sums: ArrayRef = Arc::new(sums);
    if kind == Kind::Sum {
        return if sums.data_type() == result { Ok(sums) } else { Ok(cast(&sums, result)?) };
    }
    match result {
        DataType::Float64 => {
            let sums = sums.as_primitive::<Float64Type>();
            let averages = sums.iter().zip(counts).map(|(sum, count)| sum.map(|sum| sum / *count as f64));
            Ok(Arc::new(averages.collect::<PrimitiveArray<Float64Type>>()))
        }
        DataType::Interval(_) => {
            let sums = sums.as_primitive::<IntervalMonthDayNanoType>();
            let average = |(sum, count): (Option<IntervalMonthDayNano>, &i64)| {
                sum.map(|sum| interval::divide(sum, *count as f64)).transpose()
            };
            let averages = sums.iter().zip(counts).map(average).collect::<Result<Vec<_>>>()?;
            Ok(Arc::new(PrimitiveArray::<IntervalMonthDayNanoType>::from(averages)))
        }
        _ if kind == Kind::AverageScale => Ok(average_scales(&sums, counts)),
        _ => decimal_averages(&sums, counts, result),
    }
}

/// The sums as decimals, without what is no sum of numbers.
fn decimal_sums(sums: &ArrayRef) -> Vec<Option<Decimal>> {
    let scale = decimal_parts(sums.data_type()).map_or(0, |parts| parts.1);
    let wide: Vec<Option<i256>> = match sums.data_type() {
        DataType::Int64 => {
            sums.as_primitive::<Int64Type>().iter().map(|v| v.map(|v| i256::from_i128(v.into()))).collect()
        }
        DataType::Decimal128(..) => {
            sums.as_primitive::<Decimal128Type>().iter().map(|v| v.map(i256::from_i128)).collect()
        }
        _ => sums.as_primitive::<Decimal256Type>().iter().collect(),
    };
    wide.into_iter().map(|sum| sum.map(|unscaled| Decimal { unscaled, scale })).collect()
}

fn whole(count: i64) -> Decimal {
    Decimal { unscaled: count.into(), scale: 0 }
}

fn average_scales(sums: &ArrayRef, counts: &[i64]) -> ArrayRef {
    let scale = |(sum, count): (Option<Decimal>, &i64)| match sum? {
        sum if sum.special().is_some() => Some(0),
        sum => sum.quotient_scale(whole(*count)).map(i32::from),
    };
    Arc::new(decimal_sums(sums).into_iter().zip(counts).map(scale).collect::<Int32Array>())
}

/// PostgreSQL's quotients, at the scale of the result; where that is less than theirs, with as many digits.
fn decimal_averages(sums: &ArrayRef, counts: &[i64], result: &DataType) -> Result<ArrayRef> {
    let scale = decimal_parts(result).map_or(0, |parts| parts.1);
    let average = |(sum, count): (Option<Decimal>, &i64)| {
        let Some(sum) = sum else { return Ok(None) };
        if sum.special().is_some() {
            return Ok(Some(sum.unscaled));
        }
        let average = quotient(sum, whole(*count), scale).ok_or_else(numeric_overflow)?;
        Ok(Some(average))
    };
    from_wide(decimal_sums(sums).into_iter().zip(counts).map(average).collect::<Result<_>>()?, result)
}

/// The states that a partial aggregate sends on.
pub(crate) fn states<S: ArrowPrimitiveType>(kind: Kind, sums: PrimitiveArray<S>, counts: Vec<i64>) -> Vec<ArrayRef> {
    match kind {
        Kind::Sum => vec![Arc::new(sums)],
        Kind::Avg | Kind::AverageScale => vec![Arc::new(sums), Arc::new(Int64Array::from(counts))],
    }
}
