//! `sum` and `avg` of one group, and over sliding window frames.

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::datatypes::*;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Accumulator;

use super::addend::Addend;
use super::sum::{Kind, finish, state_type, states, sum_overflow};

type StateOf<A> = <<A as Addend>::State as ArrowPrimitiveType>::Native;

#[derive(Debug)]
pub(crate) struct SumAccumulator<A: Addend> {
    kind: Kind,
    sum: StateOf<A>,
    count: i64,
    state: DataType,
    result: DataType,
}

impl<A: Addend> SumAccumulator<A> {
    pub(crate) fn new(kind: Kind, input: &DataType, result: DataType) -> Self {
        SumAccumulator { kind, sum: Default::default(), count: 0, state: state_type(input), result }
    }

    fn each(
        &mut self,
        values: &PrimitiveArray<A::Input>,
        f: impl Fn(StateOf<A>, StateOf<A>) -> Option<StateOf<A>>,
    ) -> Result<()> {
        for value in values.iter().flatten() {
            self.sum = f(self.sum, A::widen(value)).ok_or_else(|| sum_overflow(&self.state))?;
        }
        Ok(())
    }

    fn sums(&self) -> PrimitiveArray<A::State> {
        let sum = (self.count > 0).then_some(self.sum);
        PrimitiveArray::<A::State>::from_iter([sum]).with_data_type(self.state.clone())
    }
}

fn present(values: &ArrayRef) -> i64 {
    (values.len() - values.null_count()) as i64
}

impl<A: Addend> Accumulator for SumAccumulator<A> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.count += present(&values[0]);
        self.each(values[0].as_primitive::<A::Input>(), A::add)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.count -= present(&values[0]);
        self.each(values[0].as_primitive::<A::Input>(), A::subtract)
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, parts: &[ArrayRef]) -> Result<()> {
        let sums = parts[0].as_primitive::<A::State>();
        for sum in sums.iter().flatten() {
            self.sum = A::add(self.sum, sum).ok_or_else(|| sum_overflow(&self.state))?;
        }
        self.count += match self.kind {
            Kind::Sum => present(&parts[0]),
            Kind::Avg => parts[1].as_primitive::<Int64Type>().iter().flatten().sum(),
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
