//! `bit_and`, `bit_or` and `bit_xor` over integers, as DataFusion has them, and over strings of bits.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, ReversedUDAF, Signature, Volatility,
};
use peristyle_catalog::model::PgType;
use peristyle_storage::packed::Bits;

use super::distinct::Distinct;
use super::fold::Fold;
use crate::functions::signature::coerced;
use crate::semantics::type_planner::typed_field;

/// How two strings of bits become one.
type Combine = fn(&Bits, &Bits) -> Result<Bits>;

#[derive(Debug)]
pub(super) struct BitAggregate {
    integers: Arc<AggregateUDF>,
    combine: Combine,
    signature: Signature,
}

impl BitAggregate {
    pub(super) fn function(integers: Arc<AggregateUDF>, combine: Combine) -> Arc<AggregateUDF> {
        let signature = Signature::user_defined(Volatility::Immutable);
        Arc::new(AggregateUDF::new_from_impl(BitAggregate { integers, combine, signature }))
    }
}

/// The name says which it is.
impl PartialEq for BitAggregate {
    fn eq(&self, other: &Self) -> bool {
        self.integers == other.integers
    }
}

impl Eq for BitAggregate {}

impl Hash for BitAggregate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.integers.hash(state);
    }
}

fn is_of_bits(fields: &[FieldRef]) -> bool {
    fields.first().is_some_and(|field| *field.data_type() == Bits::ARROW)
}

impl AggregateUDFImpl for BitAggregate {
    fn name(&self) -> &str {
        self.integers.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        match arguments {
            [only] if *only == Bits::ARROW => Ok(arguments.to_vec()),
            _ => coerced(self.integers.as_ref(), arguments),
        }
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.integers.return_type(arguments)
    }

    fn return_field(&self, fields: &[FieldRef]) -> Result<FieldRef> {
        if is_of_bits(fields) {
            return Ok(typed_field(self.name(), PgType::BIT, Bits::ARROW));
        }
        self.integers.return_field(fields)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        if is_of_bits(args.input_fields) {
            return Ok(vec![match args.is_distinct {
                true => Distinct::state_field(args.name, &Bits::ARROW),
                false => Arc::new(Field::new(format_state_name(args.name, "bits"), Bits::ARROW, true)),
            }]);
        }
        self.integers.state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        if is_of_bits(args.expr_fields) {
            let fold = Box::new(Fold::of_bits(self.combine));
            return Ok(if args.is_distinct { Box::new(Distinct::new(fold, Bits::ARROW)) } else { fold });
        }
        self.integers.accumulator(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        !is_of_bits(args.expr_fields) && self.integers.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        self.integers.create_groups_accumulator(args)
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}
