//! `sum` and `avg` of one group, and over sliding window frames.

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::datatypes::*;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Accumulator;

use super::addend::Addend;
use super::special_tally::SpecialTally;
use super::sum::{Kind, finish, state_type, states, sum_overflow};

type StateOf<A> = <<A as Addend>::State as ArrowPrimitiveType>::Native;

#[derive(Debug)]
pub(crate) struct SumAccumulator<A: Addend> {
    kind: Kind,
    /// Of the numbers.
    sum: StateOf<A>,
    specials: SpecialTally,
    count: i64,
    state: DataType,
    result: DataType,
}

impl<A: Addend> SumAccumulator<A> {
    pub(crate) fn new(kind: Kind, input: &DataType, result: DataType) -> Self {
        let (sum, specials) = Default::default();
        SumAccumulator { kind, sum, specials, count: 0, state: state_type(input), result }
    }

    fn add(&mut self, value: StateOf<A>) -> Result<()> {
        match A::special(value) {
            Some(special) => self.specials.count(special, 1),
            None => self.sum = A::add(self.sum, value).ok_or_else(|| sum_overflow(&self.state))?,
        }
        Ok(())
    }

    fn subtract(&mut self, value: StateOf<A>) -> Result<()> {
        match A::special(value) {
            Some(special) => self.specials.count(special, -1),
            None => self.sum = A::subtract(self.sum, value).ok_or_else(|| sum_overflow(&self.state))?,
        }
        Ok(())
    }

    fn sums(&self) -> PrimitiveArray<A::State> {
        let sum = self.specials.sum().and_then(A::of_special).unwrap_or(self.sum);
        let sum = (self.count > 0).then_some(sum);
        PrimitiveArray::<A::State>::from_iter([sum]).with_data_type(self.state.clone())
    }
}

fn present(values: &ArrayRef) -> i64 {
    (values.len() - values.null_count()) as i64
}

impl<A: Addend> Accumulator for SumAccumulator<A> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.count += present(&values[0]);
        let values = values[0].as_primitive::<A::Input>();
        values.iter().flatten().try_for_each(|value| self.add(A::widen(value)))
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.count -= present(&values[0]);
        let values = values[0].as_primitive::<A::Input>();
        values.iter().flatten().try_for_each(|value| self.subtract(A::widen(value)))
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, parts: &[ArrayRef]) -> Result<()> {
        let sums = parts[0].as_primitive::<A::State>();
        sums.iter().flatten().try_for_each(|sum| self.add(sum))?;
        self.count += match self.kind {
            Kind::Sum => present(&parts[0]),
            Kind::Avg | Kind::AverageScale => parts[1].as_primitive::<Int64Type>().iter().flatten().sum(),
        };
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&finish(self.kind, self.sums(), &[self.count], &self.result)?, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let arrays = states(self.kind, self.sums(), vec![self.count]);
        arrays.iter().map(|array| ScalarValue::try_from_array(array, 0)).collect()
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}
