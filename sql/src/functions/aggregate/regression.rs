//! Correlation, covariance and linear regression as PostgreSQL computes them: by the algorithm of Youngs and Cramer, of pairs
//! `(y, x)` of which neither is NULL.

use std::sync::Arc;

use arrow::array::types::{Float64Type, Int64Type};
use arrow::array::{ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, ReversedUDAF, Signature, Volatility};

use crate::functions::error::float_overflow;

/// Which result it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Statistic {
    Correlation,
    PopulationCovariance,
    SampleCovariance,
    Count,
    AverageX,
    AverageY,
    Intercept,
    Determination,
    Slope,
    SquaresX,
    SquaresY,
    Products,
}

const STATISTICS: &[(&str, Statistic)] = &[
    ("corr", Statistic::Correlation),
    ("covar_pop", Statistic::PopulationCovariance),
    ("covar_samp", Statistic::SampleCovariance),
    ("regr_count", Statistic::Count),
    ("regr_avgx", Statistic::AverageX),
    ("regr_avgy", Statistic::AverageY),
    ("regr_intercept", Statistic::Intercept),
    ("regr_r2", Statistic::Determination),
    ("regr_slope", Statistic::Slope),
    ("regr_sxx", Statistic::SquaresX),
    ("regr_syy", Statistic::SquaresY),
    ("regr_sxy", Statistic::Products),
];

pub(super) fn functions() -> impl Iterator<Item = Arc<AggregateUDF>> {
    STATISTICS.iter().map(|(name, statistic)| {
        let signature = Signature::exact(vec![DataType::Float64; 2], Volatility::Immutable);
        Arc::new(AggregateUDF::new_from_impl(Regression { name, statistic: *statistic, signature }))
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Regression {
    name: &'static str,
    statistic: Statistic,
    signature: Signature,
}

impl AggregateUDFImpl for Regression {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(if self.statistic == Statistic::Count { DataType::Int64 } else { DataType::Float64 })
    }

    fn is_nullable(&self) -> bool {
        self.statistic != Statistic::Count
    }

    fn default_value(&self, ty: &DataType) -> Result<ScalarValue> {
        if self.statistic == Statistic::Count { Ok(ScalarValue::Int64(Some(0))) } else { ScalarValue::try_from(ty) }
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let field = |name: &str, ty| Arc::new(Field::new(format_state_name(args.name, name), ty, true));
        let sums = ["sx", "sy", "sxx", "syy", "sxy"].map(|name| field(name, DataType::Float64));
        Ok(std::iter::once(field("count", DataType::Int64)).chain(sums).collect())
    }

    fn accumulator(&self, _args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Pairs { statistic: self.statistic, sums: Sums::default() }))
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

/// What is known of the pairs so far: their number, the sums of x and y, and those of the squares and products of what they
/// are away from their averages.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    count: i64,
    x: f64,
    y: f64,
    xx: f64,
    yy: f64,
    xy: f64,
}

impl Sums {
    /// The sums of one pair.
    fn of(y: f64, x: f64) -> Sums {
        let spread = |finite: bool| if finite { 0.0 } else { f64::NAN };
        let (xx, yy) = (spread(x.is_finite()), spread(y.is_finite()));
        Sums { count: 1, x, y, xx, yy, xy: xx + yy }
    }

    fn with(self, y: f64, x: f64) -> Result<Sums> {
        if self.count == 0 {
            return Ok(Sums::of(y, x));
        }
        let count = self.count + 1;
        let sums = Sums { count, x: self.x + x, y: self.y + y, ..self };
        let (dx, dy) = (x * count as f64 - sums.x, y * count as f64 - sums.y);
        let scale = 1.0 / (count as f64 * self.count as f64);
        let sums = sums.plus(dx * dx * scale, dy * dy * scale, dx * dy * scale);
        let is_finite = self.is_finite() && x.is_finite() && y.is_finite();
        if is_finite && !sums.is_finite() { Err(float_overflow()) } else { Ok(sums) }
    }

    /// The sums before a pair came.
    fn without(self, y: f64, x: f64) -> Sums {
        let count = self.count - 1;
        if count == 0 {
            return Sums::default();
        }
        let sums = Sums { count, x: self.x - x, y: self.y - y, ..self };
        let (dx, dy) = (x * count as f64 - sums.x, y * count as f64 - sums.y);
        let scale = -1.0 / (count as f64 * self.count as f64);
        sums.plus(dx * dx * scale, dy * dy * scale, dx * dy * scale)
    }

    fn merged(self, other: Sums) -> Result<Sums> {
        if self.count == 0 || other.count == 0 {
            return Ok(if self.count == 0 { other } else { self });
        }
        let (n, m) = (self.count as f64, other.count as f64);
        let count = self.count + other.count;
        let (dx, dy) = (self.x / n - other.x / m, self.y / n - other.y / m);
        let scale = n * m / count as f64;
        let sums = Sums { count, x: self.x + other.x, y: self.y + other.y, ..self };
        let sums = sums.plus(other.xx, other.yy, other.xy).plus(dx * dx * scale, dy * dy * scale, dx * dy * scale);
        let are_finite = self.is_finite() && other.is_finite();
        if are_finite && !sums.is_finite() { Err(float_overflow()) } else { Ok(sums) }
    }

    fn plus(self, xx: f64, yy: f64, xy: f64) -> Sums {
        Sums { xx: self.xx + xx, yy: self.yy + yy, xy: self.xy + xy, ..self }
    }

    fn is_finite(self) -> bool {
        [self.x, self.y, self.xx, self.yy, self.xy].into_iter().all(f64::is_finite)
    }

    /// The result; `None` where there is none. The count is no double.
    fn result(self, statistic: Statistic) -> Option<f64> {
        let n = self.count as f64;
        let has_spread = self.xx != 0.0;
        if self.count < 1 {
            return None;
        }
        match statistic {
            Statistic::Count => None,
            Statistic::Correlation => (has_spread && self.yy != 0.0).then(|| self.xy / (self.xx * self.yy).sqrt()),
            Statistic::PopulationCovariance => Some(self.xy / n),
            Statistic::SampleCovariance => (self.count > 1).then(|| self.xy / (n - 1.0)),
            Statistic::AverageX => Some(self.x / n),
            Statistic::AverageY => Some(self.y / n),
            Statistic::Intercept => has_spread.then(|| (self.y - self.x * self.xy / self.xx) / n),
            Statistic::Determination if self.yy == 0.0 => has_spread.then_some(1.0),
            Statistic::Determination => has_spread.then(|| self.xy * self.xy / (self.xx * self.yy)),
            Statistic::Slope => has_spread.then(|| self.xy / self.xx),
            Statistic::SquaresX => Some(self.xx),
            Statistic::SquaresY => Some(self.yy),
            Statistic::Products => Some(self.xy),
        }
    }
}

#[derive(Debug)]
struct Pairs {
    statistic: Statistic,
    sums: Sums,
}

/// The pairs of two columns of doubles.
fn pairs(values: &[ArrayRef]) -> impl Iterator<Item = (f64, f64)> {
    let (ys, xs): (&Float64Array, &Float64Array) = (values[0].as_primitive(), values[1].as_primitive());
    ys.iter().zip(xs).filter_map(|(y, x)| y.zip(x))
}

impl Accumulator for Pairs {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.sums = pairs(values).try_fold(self.sums, |sums, (y, x)| sums.with(y, x))?;
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.sums = pairs(values).fold(self.sums, |sums, (y, x)| sums.without(y, x));
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let counts = states[0].as_primitive::<Int64Type>();
        for row in 0..counts.len() {
            let [x, y, xx, yy, xy] =
                [1, 2, 3, 4, 5].map(|at: usize| states[at].as_primitive::<Float64Type>().value(row));
            self.sums = self.sums.merged(Sums { count: counts.value(row), x, y, xx, yy, xy })?;
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(match self.statistic {
            Statistic::Count => ScalarValue::Int64(Some(self.sums.count)),
            // No zero is negative.
            statistic => ScalarValue::Float64(self.sums.result(statistic).map(|value| value + 0.0)),
        })
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let Sums { count, x, y, xx, yy, xy } = self.sums;
        let sums = [x, y, xx, yy, xy].map(ScalarValue::from);
        Ok(std::iter::once(ScalarValue::from(count)).chain(sums).collect())
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}
