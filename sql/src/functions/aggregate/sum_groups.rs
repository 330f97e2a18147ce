//! `sum` and `avg` of many groups at once.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, Int64Array, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::*;
use datafusion::common::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::addend::Addend;
use super::sum::{Kind, finish, state_type, states, sum_overflow};

type StateOf<A> = <<A as Addend>::State as ArrowPrimitiveType>::Native;

#[derive(Debug)]
pub(crate) struct SumGroups<A: Addend> {
    kind: Kind,
    sums: Vec<StateOf<A>>,
    /// Values summed per group; for a sum only whether there were any.
    counts: Vec<i64>,
    state: DataType,
    result: DataType,
}

impl<A: Addend> SumGroups<A> {
    pub(crate) fn new(kind: Kind, input: &DataType, result: DataType) -> Self {
        SumGroups { kind, sums: Vec::new(), counts: Vec::new(), state: state_type(input), result }
    }

    fn grow(&mut self, groups: usize) {
        self.sums.resize(groups, Default::default());
        self.counts.resize(groups, 0);
    }

    /// Adds a value to a group; `false` on overflow.
    #[inline]
    fn add(&mut self, group: usize, value: StateOf<A>, count: i64) -> bool {
        let Some(sum) = A::add(self.sums[group], value) else { return false };
        self.sums[group] = sum;
        self.counts[group] += count;
        true
    }

    fn add_all(&mut self, values: &PrimitiveArray<A::Input>, groups: &[usize], valid: Option<&NullBuffer>) -> bool {
        let mut fits = true;
        match valid {
            None => {
                for (group, value) in groups.iter().zip(values.values().iter()) {
                    fits &= self.add(*group, A::widen(*value), 1);
                }
            }
            Some(valid) => {
                for row in valid.valid_indices() {
                    fits &= self.add(groups[row], A::widen(values.value(row)), 1);
                }
            }
        }
        fits
    }

    fn take(&mut self, emit_to: EmitTo) -> (PrimitiveArray<A::State>, Vec<i64>) {
        let sums = emit_to.take_needed(&mut self.sums);
        let counts = emit_to.take_needed(&mut self.counts);
        let nulls = counts.contains(&0).then(|| counts.iter().map(|count| *count > 0).collect::<NullBuffer>());
        let sums = PrimitiveArray::<A::State>::new(sums.into(), nulls).with_data_type(self.state.clone());
        (sums, counts)
    }
}

/// Rows that are neither NULL nor filtered out; `None` if all count.
fn valid_rows(values: &dyn Array, filter: Option<&BooleanArray>) -> Option<NullBuffer> {
    let kept = filter.map(|filter| match filter.nulls() {
        Some(nulls) => NullBuffer::new(filter.values() & nulls.inner()),
        None => NullBuffer::new(filter.values().clone()),
    });
    NullBuffer::union(values.nulls(), kept.as_ref()).filter(|valid| valid.null_count() > 0)
}

impl<A: Addend> GroupsAccumulator for SumGroups<A> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total_groups: usize,
    ) -> Result<()> {
        self.grow(total_groups);
        let valid = valid_rows(&values[0], filter);
        let fits = self.add_all(values[0].as_primitive::<A::Input>(), groups, valid.as_ref());
        if fits { Ok(()) } else { Err(sum_overflow(&self.state)) }
    }

    fn merge_batch(&mut self, parts: &[ArrayRef], groups: &[usize], total_groups: usize) -> Result<()> {
        self.grow(total_groups);
        let sums = parts[0].as_primitive::<A::State>();
        let counts = parts.get(1).map(|counts| counts.as_primitive::<Int64Type>());
        let mut fits = true;
        for (row, group) in groups.iter().enumerate() {
            if sums.is_valid(row) {
                let count = counts.map_or(1, |counts| counts.value(row));
                fits &= self.add(*group, sums.value(row), count);
            }
        }
        if fits { Ok(()) } else { Err(sum_overflow(&self.state)) }
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let (sums, counts) = self.take(emit_to);
        finish(self.kind, sums, &counts, &self.result)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let (sums, counts) = self.take(emit_to);
        Ok(states(self.kind, sums, counts))
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let valid = valid_rows(&values[0], filter);
        let input = values[0].as_primitive::<A::Input>();
        let sums: Vec<StateOf<A>> = input.values().iter().map(|value| A::widen(*value)).collect();
        let counts = match &valid {
            Some(valid) => Int64Array::from_iter_values(valid.iter().map(i64::from)),
            None => Int64Array::from_value(1, input.len()),
        };
        let sums = PrimitiveArray::<A::State>::new(sums.into(), valid).with_data_type(self.state.clone());
        Ok(match self.kind {
            Kind::Sum => vec![Arc::new(sums)],
            Kind::Avg | Kind::AverageScale => vec![Arc::new(sums), Arc::new(counts)],
        })
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<StateOf<A>>() + self.counts.capacity() * size_of::<i64>()
    }
}
