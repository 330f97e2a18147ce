//! Aggregates over window frames whose first row moves. DataFusion takes the rows that leave a frame out of what it has
//! gathered: not all aggregates can do that, and a sum of floats would keep the rounding, the NaN or the infinity that a row
//! brought. These are computed anew of a frame's rows, in time that grows with rows × rows of a frame, as in PostgreSQL.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, new_empty_array};
use arrow::compute::concat;
use arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, ReversedUDAF, Signature};
use datafusion::physical_expr::PhysicalSortExpr;
use datafusion::physical_plan::PhysicalExpr;

/// Aggregates of floats that give one of the values, or how many there are.
const LOSES_NOTHING: &[&str] = &["min", "max", "count"];

#[derive(Debug, PartialEq, Eq, Hash)]
struct Anew {
    inner: Arc<AggregateUDF>,
}

/// The function, as it is computed over a frame whose first row moves.
pub(crate) fn over_moving_frame(inner: Arc<AggregateUDF>) -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::new_from_impl(Anew { inner }))
}

impl AggregateUDFImpl for Anew {
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
        self.inner.return_type(arguments)
    }

    fn return_field(&self, fields: &[FieldRef]) -> Result<FieldRef> {
        self.inner.return_field(fields)
    }

    fn is_nullable(&self) -> bool {
        self.inner.is_nullable()
    }

    fn default_value(&self, ty: &DataType) -> Result<ScalarValue> {
        self.inner.default_value(ty)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        self.inner.state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        self.inner.accumulator(args)
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let has_floats = args.expr_fields.iter().any(|field| field.data_type().is_floating());
        let recipe = Recipe::of(&self.inner, &args);
        if !has_floats || LOSES_NOTHING.contains(&self.name()) {
            let sliding = self.inner.create_sliding_accumulator(args)?;
            if sliding.supports_retract_batch() {
                return Ok(sliding);
            }
        }
        Ok(Box::new(FrameAccumulator { current: Some(recipe.accumulator()?), recipe, rows: None, coming: Vec::new() }))
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        match self.inner.reverse_udf() {
            ReversedUDAF::Reversed(reversed) => ReversedUDAF::Reversed(over_moving_frame(reversed)),
            other => other,
        }
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.inner.order_sensitivity()
    }
}

/// What accumulators are made of.
#[derive(Debug)]
struct Recipe {
    inner: Arc<AggregateUDF>,
    return_field: FieldRef,
    schema: Schema,
    ignore_nulls: bool,
    order_bys: Vec<PhysicalSortExpr>,
    is_reversed: bool,
    name: String,
    is_distinct: bool,
    exprs: Vec<Arc<dyn PhysicalExpr>>,
    expr_fields: Vec<FieldRef>,
}

impl Recipe {
    fn of(inner: &Arc<AggregateUDF>, args: &AccumulatorArgs<'_>) -> Recipe {
        Recipe {
            inner: Arc::clone(inner),
            return_field: Arc::clone(&args.return_field),
            schema: args.schema.clone(),
            ignore_nulls: args.ignore_nulls,
            order_bys: args.order_bys.to_vec(),
            is_reversed: args.is_reversed,
            name: args.name.to_owned(),
            is_distinct: args.is_distinct,
            exprs: args.exprs.to_vec(),
            expr_fields: args.expr_fields.to_vec(),
        }
    }

    fn accumulator(&self) -> Result<Box<dyn Accumulator>> {
        self.inner.accumulator(AccumulatorArgs {
            return_field: Arc::clone(&self.return_field),
            schema: &self.schema,
            ignore_nulls: self.ignore_nulls,
            order_bys: &self.order_bys,
            is_reversed: self.is_reversed,
            name: &self.name,
            is_distinct: self.is_distinct,
            exprs: &self.exprs,
            expr_fields: &self.expr_fields,
        })
    }
}

/// Holds the rows of the frame.
#[derive(Debug)]
struct FrameAccumulator {
    recipe: Recipe,
    /// What has gathered exactly the rows of the frame; `None` once one of them has left.
    current: Option<Box<dyn Accumulator>>,
    /// The arguments' values in the rows, the oldest first, without those that have come since they were last brought
    /// together.
    rows: Option<Vec<ArrayRef>>,
    coming: Vec<Vec<ArrayRef>>,
}

impl FrameAccumulator {
    /// All rows of the frame.
    fn rows(&mut self) -> Result<&mut Vec<ArrayRef>> {
        let parts: Vec<Vec<ArrayRef>> = self.rows.take().into_iter().chain(self.coming.drain(..)).collect();
        let joined = match parts.first() {
            None => self.recipe.expr_fields.iter().map(|field| new_empty_array(field.data_type())).collect(),
            Some(first) => {
                let column = |at: usize| {
                    let arrays: Vec<&dyn Array> = parts.iter().map(|part| part[at].as_ref()).collect();
                    concat(&arrays)
                };
                (0..first.len()).map(column).collect::<Result<Vec<_>, _>>()?
            }
        };
        Ok(self.rows.insert(joined))
    }
}

impl Accumulator for FrameAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        if let Some(current) = &mut self.current {
            current.update_batch(values)?;
        }
        self.coming.push(values.to_vec());
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let leaving = values.first().map_or(0, |column| column.len());
        if leaving == 0 {
            return Ok(());
        }
        self.current = None;
        let rows = self.rows()?;
        for column in rows {
            *column = column.slice(leaving, column.len() - leaving);
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if let Some(current) = &mut self.current {
            return current.evaluate();
        }
        let mut accumulator = self.recipe.accumulator()?;
        let rows = self.rows()?;
        accumulator.update_batch(rows)?;
        let value = accumulator.evaluate()?;
        Ok(value)
    }

    fn merge_batch(&mut self, _states: &[ArrayRef]) -> Result<()> {
        internal_err!("the rows of a window frame come one after another")
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        internal_err!("a window frame has no state")
    }

    fn size(&self) -> usize {
        let held = self.rows.iter().chain(&self.coming).flatten();
        size_of_val(self) + held.map(|column| column.get_array_memory_size()).sum::<usize>()
    }
}
