//! Deviations and variances of exact numbers, as PostgreSQL computes them: of the exact sums of the values and of their
//! squares, with the digits of its quotients and roots.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::*;
use dashu_int::IBig;
use dashu_int::ops::BitTest;
use datafusion::common::{DataFusionError, Result, ScalarValue, internal_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, ReversedUDAF, Signature, Volatility};
use peristyle_catalog::model::PgType;
use peristyle_storage::special_numeric::Special;
use peristyle_storage::types::DECIMAL256_PRECISION_MAX;

use super::distinct::Distinct;
use crate::functions::decimal::decimal_parts;
use crate::functions::error::numeric_overflow;
use crate::functions::signature::decimal_of;
use crate::semantics::type_planner::typed_field;
use crate::values::{Decimal, ibig_of};

/// Digits behind the point of a result.
const SCALE: i8 = 20;
const RESULT: DataType = DataType::Decimal256(DECIMAL256_PRECISION_MAX, SCALE);

/// Which statistic it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Statistic {
    pub(super) name: &'static str,
    /// Of a sample, divided by one less than the number of values.
    pub(super) is_sample: bool,
    /// The root of the variance.
    pub(super) is_deviation: bool,
}

impl Statistic {
    /// All of them, by the names that plans have for them.
    pub(super) const ALL: [Statistic; 4] = [
        Statistic { name: "stddev", is_sample: true, is_deviation: true },
        Statistic { name: "stddev_pop", is_sample: false, is_deviation: true },
        Statistic { name: "var", is_sample: true, is_deviation: false },
        Statistic { name: "var_pop", is_sample: false, is_deviation: false },
    ];
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ExactStatistic {
    statistic: Statistic,
    /// Whether the result is not the statistic, but how many digits it has behind the point in PostgreSQL.
    is_scale: bool,
    signature: Signature,
}

/// The statistic, or what tells its digits.
pub(super) fn function(statistic: Statistic, is_scale: bool) -> Arc<AggregateUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(AggregateUDF::new_from_impl(ExactStatistic { statistic, is_scale, signature }))
}

impl ExactStatistic {
    fn result(&self) -> (PgType, DataType) {
        if self.is_scale { (PgType::INT4, DataType::Int32) } else { (PgType::NUMERIC, RESULT) }
    }
}

impl AggregateUDFImpl for ExactStatistic {
    fn name(&self) -> &str {
        match (self.is_scale, self.statistic.is_sample, self.statistic.is_deviation) {
            (false, ..) => self.statistic.name,
            (true, true, true) => "pg_stddev_scale",
            (true, false, true) => "pg_stddev_pop_scale",
            (true, true, false) => "pg_var_scale",
            (true, false, false) => "pg_var_pop_scale",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arguments.iter().map(decimal_of).collect())
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.result().1)
    }

    fn return_field(&self, _fields: &[FieldRef]) -> Result<FieldRef> {
        let (ty, arrow) = self.result();
        Ok(typed_field(self.name(), ty, arrow))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        if args.is_distinct {
            return Ok(vec![Distinct::state_field(args.name, args.input_fields[0].data_type())]);
        }
        let field = |part, ty| Arc::new(Field::new(format_state_name(args.name, part), ty, true));
        let count = |part| field(part, DataType::Int64);
        Ok(vec![count("count"), count("specials"), field("sum", DataType::Utf8), field("squares", DataType::Utf8)])
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let input = args.expr_fields[0].data_type().clone();
        let Some((_, scale)) = decimal_parts(&input) else { return internal_err!("{} over {input}", self.name()) };
        let sums = Box::new(Sums::new(self.statistic, self.is_scale, scale));
        Ok(if args.is_distinct { Box::new(Distinct::new(sums, input)) } else { sums })
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

/// What is known of the values, whose scale is given.
#[derive(Debug)]
struct Sums {
    statistic: Statistic,
    is_scale: bool,
    scale: i8,
    /// NaN and infinities among them.
    count: i64,
    specials: i64,
    sum: IBig,
    squares: IBig,
}

impl Sums {
    fn new(statistic: Statistic, is_scale: bool, scale: i8) -> Sums {
        Sums { statistic, is_scale, scale, count: 0, specials: 0, sum: IBig::ZERO, squares: IBig::ZERO }
    }

    /// Counts the values in, or out again where `by` is -1.
    fn count(&mut self, values: &ArrayRef, by: i64) -> Result<()> {
        let Some((precision, scale)) = decimal_parts(values.data_type()) else {
            return internal_err!("a decimal was expected, not {}", values.data_type());
        };
        let values = cast(values, &DataType::Decimal256(precision, scale))?;
        for value in values.as_primitive::<Decimal256Type>().iter().flatten() {
            self.count += by;
            if Special::of(value).is_some() {
                self.specials += by;
                continue;
            }
            let value = ibig_of(value);
            self.squares += &value * &value * by;
            self.sum += value * by;
        }
        Ok(())
    }

    /// Numerator and denominator of the variance; `None` if it is 0.
    fn variance(&self) -> Option<(IBig, IBig)> {
        let count = IBig::from(self.count);
        let numerator = &count * &self.squares - &self.sum * &self.sum;
        let denominator = if self.statistic.is_sample { &count * (&count - IBig::ONE) } else { &count * &count };
        (numerator > IBig::ZERO).then_some((numerator, denominator))
    }

    fn result(&self) -> Result<i256> {
        if self.specials > 0 {
            return Ok(Special::NaN.unscaled());
        }
        let Some((numerator, denominator)) = self.variance() else { return Ok(i256::ZERO) };
        let scale = 2 * i32::from(self.scale);
        let result = Decimal::variance(&numerator, scale, &denominator, self.statistic.is_deviation);
        let fitted = result.and_then(|result| result.rescale(SCALE)).ok_or_else(numeric_overflow)?;
        Ok(fitted.unscaled)
    }

    fn result_scale(&self) -> i32 {
        let variance = self.variance().filter(|_| self.specials == 0);
        let scale = |(numerator, denominator): (IBig, IBig)| {
            Decimal::variance_scale(&numerator, 2 * i32::from(self.scale), &denominator)
        };
        variance.map_or(0, scale)
    }
}

fn read(text: &str) -> Result<IBig> {
    text.parse().map_err(|_| DataFusionError::Internal(format!("{text} is no sum")))
}

impl Accumulator for Sums {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.count(&values[0], 1)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.count(&values[0], -1)
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [counts, specials] = [0, 1].map(|place: usize| states[place].as_primitive::<Int64Type>());
        let [sums, squares] = [2, 3].map(|place: usize| states[place].as_string::<i32>());
        for row in (0..counts.len()).filter(|row| counts.is_valid(*row)) {
            self.count += counts.value(row);
            self.specials += specials.value(row);
            self.sum += read(sums.value(row))?;
            self.squares += read(squares.value(row))?;
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let is_too_few = self.count == 0 || self.statistic.is_sample && self.count == 1;
        if self.is_scale {
            return Ok(ScalarValue::Int32((!is_too_few).then(|| self.result_scale())));
        }
        let result = if is_too_few { None } else { Some(self.result()?) };
        Ok(ScalarValue::Decimal256(result, DECIMAL256_PRECISION_MAX, SCALE))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let text = |sum: &IBig| ScalarValue::Utf8(Some(sum.to_string()));
        Ok(vec![self.count.into(), self.specials.into(), text(&self.sum), text(&self.squares)])
    }

    fn size(&self) -> usize {
        size_of_val(self) + (self.sum.bit_len() + self.squares.bit_len()) / 8
    }
}
