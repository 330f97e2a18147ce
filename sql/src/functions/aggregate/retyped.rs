//! An aggregate of DataFusion's whose result is cast to the Arrow type that PostgreSQL's result type has here, or marked
//! as an array of what it gathered.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF, Signature, StatisticsArgs,
};
use peristyle_catalog::model::PgType;
use peristyle_storage::shape::{item_of_array, shaped_type};
use peristyle_storage::types::{item_field, marked_pg_type, pg_type};

use super::super::array_value::{ArrayValue, column_of, gathered};
use super::super::define::first_value;
use crate::semantics::type_planner::typed_field;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Retyped {
    inner: Arc<AggregateUDF>,
    result: ResultType,
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum ResultType {
    Cast(DataType),
    /// The array type over the argument's type; arrays are gathered into one of a dimension more.
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
        if let Some(array) = gathered_type(fields) {
            return Ok(Arc::new(Field::new(self.name(), array, true)));
        }
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

    /// What becomes of the inner function's results.
    fn change(&self, arguments: &[FieldRef]) -> Option<Change> {
        match &self.result {
            ResultType::Cast(ty) => Some(Change::Cast(ty.clone())),
            ResultType::ArrayOfArgument => gathered_type(arguments).map(Change::Gather),
            ResultType::ComparedOneByOne => None,
        }
    }

    fn retyped(&self, inner: Box<dyn Accumulator>, arguments: &[FieldRef]) -> Box<dyn Accumulator> {
        match self.change(arguments) {
            Some(change) => Box::new(RetypedAccumulator { inner, change }),
            None => inner,
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
            ResultType::ArrayOfArgument => {
                let field = |ty: &DataType| Arc::new(Field::new("argument", ty.clone(), true));
                let fields: Vec<FieldRef> = arguments.iter().map(field).collect();
                Ok(self.array_field(&fields)?.data_type().clone())
            }
            ResultType::ComparedOneByOne => self.inner.return_type(arguments),
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
        let arguments = args.expr_fields;
        let inner = self.inner.accumulator(self.inner_args(args)?)?;
        Ok(self.retyped(inner, arguments))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let arguments = args.expr_fields;
        let inner = self.inner.create_sliding_accumulator(self.inner_args(args)?)?;
        Ok(self.retyped(inner, arguments))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        let is_float = args.expr_fields.iter().any(|field| field.data_type().is_floating());
        let is_refused = matches!(self.result, ResultType::ComparedOneByOne) && is_float;
        !is_refused && self.inner_args(args).is_ok_and(|args| self.inner.groups_accumulator_supported(args))
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        let change = self.change(args.expr_fields);
        let inner = self.inner.create_groups_accumulator(self.inner_args(args)?)?;
        Ok(match change {
            Some(change) => Box::new(RetypedGroups { inner, change }),
            None => inner,
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

/// The type of what is gathered of arrays; `None` for other arguments.
fn gathered_type(arguments: &[FieldRef]) -> Option<DataType> {
    let argument = arguments.first()?;
    let item = item_of_array(argument.data_type())?;
    let element = pg_type(argument).element()?;
    Some(shaped_type(&DataType::List(item_field(element, item.data_type().clone()))))
}

/// What becomes of an aggregate's results.
#[derive(Debug)]
enum Change {
    Cast(DataType),
    /// Lists of arrays become arrays of that type.
    Gather(DataType),
}

impl Change {
    fn of_value(&self, value: ScalarValue) -> Result<ScalarValue> {
        match self {
            Change::Cast(ty) => value.cast_to(ty),
            Change::Gather(_) => first_value(&self.of_values(value.to_array()?)?),
        }
    }

    fn of_values(&self, values: ArrayRef) -> Result<ArrayRef> {
        match self {
            Change::Cast(ty) => Ok(cast(&values, ty)?),
            Change::Gather(ty) => gather(&values, ty),
        }
    }
}

/// The lists of arrays as arrays.
fn gather(lists: &ArrayRef, ty: &DataType) -> Result<ArrayRef> {
    let lists = lists.as_list::<i32>();
    let row = |row: usize| {
        if lists.is_null(row) {
            return Ok(None);
        }
        let arrays = lists.value(row);
        gathered(&(0..arrays.len()).map(|at| ArrayValue::at(&arrays, at)).collect::<Vec<_>>())
    };
    column_of(ty, (0..lists.len()).map(row).collect::<Result<_>>()?)
}

#[derive(Debug)]
struct RetypedAccumulator {
    inner: Box<dyn Accumulator>,
    change: Change,
}

impl Accumulator for RetypedAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.update_batch(values)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.change.of_value(self.inner.evaluate()?)
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
    change: Change,
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
        self.change.of_values(self.inner.evaluate(emit_to)?)
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
