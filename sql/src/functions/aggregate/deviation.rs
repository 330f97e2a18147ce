//! Deviations and variances: of exact numbers they are numerics, of floats doubles. The type tells from the beginning, so that
//! operators over them are chosen by it.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, ReversedUDAF, Signature, Volatility,
};

/// A function of floats and its like of exact numbers.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Deviation {
    of_floats: Arc<AggregateUDF>,
    of_exact: Arc<AggregateUDF>,
    signature: Signature,
}

/// The function under the names of that of floats.
pub(super) fn function(of_floats: Arc<AggregateUDF>, of_exact: Arc<AggregateUDF>) -> AggregateUDF {
    let signature = Signature::user_defined(Volatility::Immutable);
    AggregateUDF::new_from_impl(Deviation { of_floats, of_exact, signature })
}

impl Deviation {
    fn of<'a>(&self, mut arguments: impl Iterator<Item = &'a DataType>) -> &Arc<AggregateUDF> {
        if arguments.all(|ty| ty.is_numeric() && !ty.is_floating()) { &self.of_exact } else { &self.of_floats }
    }

    fn of_fields(&self, fields: &[FieldRef]) -> &Arc<AggregateUDF> {
        self.of(fields.iter().map(|field| field.data_type()))
    }
}

impl AggregateUDFImpl for Deviation {
    fn name(&self) -> &str {
        self.of_floats.name()
    }

    fn aliases(&self) -> &[String] {
        self.of_floats.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let field = |ty: &DataType| -> FieldRef { Arc::new(Field::new("argument", ty.clone(), true)) };
        let fields: Vec<FieldRef> = arguments.iter().map(field).collect();
        let coerced = fields_with_udf(&fields, self.of(arguments.iter()).as_ref())?;
        Ok(coerced.iter().map(|field| field.data_type().clone()).collect())
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.of(arguments.iter()).return_type(arguments)
    }

    fn return_field(&self, fields: &[FieldRef]) -> Result<FieldRef> {
        self.of_fields(fields).return_field(fields)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        self.of_fields(args.input_fields).state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        self.of_fields(args.expr_fields).accumulator(args)
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        self.of_fields(args.expr_fields).create_sliding_accumulator(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        self.of_fields(args.expr_fields).groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        self.of_fields(args.expr_fields).create_groups_accumulator(args)
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}
