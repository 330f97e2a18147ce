//! An aggregate of DataFusion's whose result is cast to the Arrow type that PostgreSQL's result type has here, or marked
//! as an array of what it gathered.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF, Signature, StatisticsArgs,
};
use peristyle_catalog::model::PgType;
use peristyle_storage::types::marked_pg_type;

use crate::semantics::type_planner::typed_field;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Retyped {
    inner: Arc<AggregateUDF>,
    result: ResultType,
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum ResultType {
    Cast(DataType),
    /// The array type over the argument's type.
    ArrayOfArgument,
    /// As it is; groups of floats are compared one by one, since the function's own comparison of many takes NaN for
    /// neither above nor below a number.
    ComparedOneByOne,
}

impl Retyped {
    pub(crate) fn function(inner: Arc<AggregateUDF>, ty: DataType) -> Arc<AggregateUDF> {
        Arc::new(AggregateUDF::new_from_impl(Retyped { inner, result: ResultType::Cast(ty) }))
    }

    /// The function, which gives arrays of its argument's type.
    pub(crate) fn array_function(inner: Arc<AggregateUDF>) -> Arc<AggregateUDF> {
        Arc::new(AggregateUDF::new_from_impl(Retyped { inner, result: ResultType::ArrayOfArgument }))
    }

    /// The function, `min` or `max`, with the order of floats that PostgreSQL has.
    pub(crate) fn ordered_function(inner: Arc<AggregateUDF>) -> Arc<AggregateUDF> {
        Arc::new(AggregateUDF::new_from_impl(Retyped { inner, result: ResultType::ComparedOneByOne }))
    }

    fn array_field(&self, fields: &[FieldRef]) -> Result<FieldRef> {
        let field = self.inner.return_field(fields)?;
        let array = fields.first().and_then(|argument| marked_pg_type(argument)).and_then(PgType::array);
        Ok(match array {
            Some(ty) => typed_field(self.name(), PgType::plain(ty.oid), field.data_type().clone()),
            None => field,
        })
    }

    /// The least and the greatest label is one too.
    fn label_field(&self, fields: &[FieldRef]) -> Result<FieldRef> {
        let field = self.inner.return_field(fields)?;
        let label = fields.first().and_then(|argument| marked_pg_type(argument));
        Ok(match label.filter(|ty| ty.enum_definition().is_some()) {
            Some(ty) => typed_field(self.name(), ty, field.data_type().clone()),
            None => field,
        })
    }

    fn retyped(&self, inner: Box<dyn Accumulator>) -> Box<dyn Accumulator> {
        match &self.result {
            ResultType::Cast(ty) => Box::new(RetypedAccumulator { inner, ty: ty.clone() }),
            ResultType::ArrayOfArgument | ResultType::ComparedOneByOne => inner,
        }
    }

    /// The arguments with the inner function's own result field.
    fn inner_args<'a>(&self, args: AccumulatorArgs<'a>) -> Result<AccumulatorArgs<'a>> {
        Ok(AccumulatorArgs { return_field: self.inner.return_field(args.expr_fields)?, ..args })
    }
}

impl AggregateUDFImpl for Retyped {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(arguments)
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match &self.result {
            ResultType::Cast(ty) => Ok(ty.clone()),
            ResultType::ArrayOfArgument | ResultType::ComparedOneByOne => self.inner.return_type(arguments),
        }
    }

    fn return_field(&self, fields: &[FieldRef]) -> Result<FieldRef> {
        match &self.result {
            ResultType::Cast(ty) => Ok(Arc::new(Field::new(self.name(), ty.clone(), true))),
            ResultType::ArrayOfArgument => self.array_field(fields),
            ResultType::ComparedOneByOne => self.label_field(fields),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let return_field = self.inner.return_field(args.input_fields)?;
        self.inner.inner().state_fields(StateFieldsArgs { return_field, ..args })
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let inner = self.inner.accumulator(self.inner_args(args)?)?;
        Ok(self.retyped(inner))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let inner = self.inner.create_sliding_accumulator(self.inner_args(args)?)?;
        Ok(self.retyped(inner))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        let is_float = args.expr_fields.iter().any(|field| field.data_type().is_floating());
        let is_refused = matches!(self.result, ResultType::ComparedOneByOne) && is_float;
        !is_refused && self.inner_args(args).is_ok_and(|args| self.inner.groups_accumulator_supported(args))
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        let inner = self.inner.create_groups_accumulator(self.inner_args(args)?)?;
        Ok(match &self.result {
            ResultType::Cast(ty) => Box::new(RetypedGroups { inner, ty: ty.clone() }),
            ResultType::ArrayOfArgument | ResultType::ComparedOneByOne => inner,
        })
    }

    fn is_descending(&self) -> Option<bool> {
        self.inner.is_descending()
    }

    fn value_from_stats(&self, statistics: &StatisticsArgs<'_>) -> Option<ScalarValue> {
        self.inner.inner().value_from_stats(statistics)
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        match self.result {
            ResultType::ComparedOneByOne => ReversedUDAF::Identical,
            _ => ReversedUDAF::NotSupported,
        }
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        // Beneficial orders would need the inner function rebuilt; the order asked for is kept.
        match self.inner.order_sensitivity() {
            AggregateOrderSensitivity::Insensitive => AggregateOrderSensitivity::Insensitive,
            _ => AggregateOrderSensitivity::HardRequirement,
        }
    }
}

#[derive(Debug)]
struct RetypedAccumulator {
    inner: Box<dyn Accumulator>,
    ty: DataType,
}

impl Accumulator for RetypedAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.update_batch(values)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.inner.evaluate()?.cast_to(&self.ty)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn size(&self) -> usize {
        self.inner.size()
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.retract_batch(values)
    }

    fn supports_retract_batch(&self) -> bool {
        self.inner.supports_retract_batch()
    }
}

struct RetypedGroups {
    inner: Box<dyn GroupsAccumulator>,
    ty: DataType,
}

impl GroupsAccumulator for RetypedGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total_groups: usize,
    ) -> Result<()> {
        self.inner.update_batch(values, groups, filter, total_groups)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total_groups: usize) -> Result<()> {
        self.inner.merge_batch(states, groups, total_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        Ok(cast(&self.inner.evaluate(emit_to)?, &self.ty)?)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.inner.state(emit_to)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.inner.convert_to_state(values, filter)
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}
