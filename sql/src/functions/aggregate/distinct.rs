//! `f(DISTINCT x)` over any accumulator of one argument.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::*;
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Accumulator;
use datafusion::logical_expr::utils::format_state_name;

/// Gathers distinct values and hands them to the inner accumulator at the end.
#[derive(Debug)]
pub(crate) struct Distinct {
    values: HashSet<ScalarValue>,
    inner: Box<dyn Accumulator>,
    input: DataType,
}

impl Distinct {
    pub(crate) fn new(inner: Box<dyn Accumulator>, input: DataType) -> Self {
        Distinct { values: HashSet::new(), inner, input }
    }

    pub(crate) fn state_field(name: &str, input: &DataType) -> FieldRef {
        let item = Field::new_list_field(input.clone(), true);
        Arc::new(Field::new_list(format_state_name(name, "distinct"), item, true))
    }

    fn insert_all(&mut self, values: &ArrayRef) -> Result<()> {
        for row in 0..values.len() {
            if values.is_valid(row) {
                self.values.insert(ScalarValue::try_from_array(values, row)?);
            }
        }
        Ok(())
    }

    fn array(&self) -> Result<ArrayRef> {
        if self.values.is_empty() {
            return Ok(arrow::array::new_empty_array(&self.input));
        }
        ScalarValue::iter_to_array(self.values.iter().cloned())
    }
}

impl Accumulator for Distinct {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.insert_all(&values[0])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        states[0].as_list::<i32>().iter().flatten().try_for_each(|values| self.insert_all(&values))
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let values = self.array()?;
        self.inner.update_batch(&[values])?;
        self.inner.evaluate()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![SingleRowListArrayBuilder::new(self.array()?).build_list_scalar()])
    }

    fn size(&self) -> usize {
        size_of_val(self) + ScalarValue::size_of_hashset(&self.values) + self.inner.size()
    }
}
