//! Window functions over a frame without some of its rows (`EXCLUDE …`). DataFusion's windows slide over their frames; here
//! each row's value is computed of its frame's rows anew, in time that grows with rows × rows of a frame.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::compute::partition;
use arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::common::{Result, ScalarValue, internal_err, not_impl_err};
use datafusion::logical_expr::function::{AccumulatorArgs, PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{AggregateUDF, PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl};
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_plan::PhysicalExpr;

use super::error::error;
use crate::parse::Exclusion;

/// What the names of these functions begin with; behind it stand the exclusion and the function's own name.
const PREFIX: &str = "\u{1}excluding ";

/// The aggregate that takes one row of the frame, which DataFusion's does not count as PostgreSQL does.
const NTH_VALUE: &str = "nth_value";

/// The name of a function over a frame with an exclusion.
pub(crate) fn name_of(function: &str, exclusion: Exclusion) -> String {
    format!("{PREFIX}{} {function}", exclusion.word())
}

/// The function of such a name; `aggregate` finds the aggregate in it.
pub(crate) fn named(name: &str, aggregate: impl Fn(&str) -> Option<Arc<AggregateUDF>>) -> Option<Arc<WindowUDF>> {
    let (word, function) = name.strip_prefix(PREFIX)?.split_once(' ')?;
    let exclusion = Exclusion::ALL.iter().copied().find(|exclusion| exclusion.word() == word)?;
    let excluding = Excluding {
        name: name.to_owned(),
        inner: aggregate(function)?,
        exclusion,
        signature: Signature::user_defined(Volatility::Immutable),
    };
    Some(Arc::new(WindowUDF::new_from_impl(excluding)))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Excluding {
    name: String,
    inner: Arc<AggregateUDF>,
    exclusion: Exclusion,
    signature: Signature,
}

impl WindowUDFImpl for Excluding {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let field = |ty: &DataType| -> FieldRef { Arc::new(arrow::datatypes::Field::new("", ty.clone(), true)) };
        let fields: Vec<FieldRef> = arguments.iter().map(field).collect();
        let coerced = fields_with_udf(&fields, self.inner.as_ref())?;
        Ok(coerced.iter().map(|field| field.data_type().clone()).collect())
    }

    fn field(&self, args: WindowUDFFieldArgs<'_>) -> Result<FieldRef> {
        let field = self.inner.return_field(args.input_fields())?;
        Ok(Arc::new(field.as_ref().clone().with_name(args.name()).with_nullable(true)))
    }

    fn partition_evaluator(&self, args: PartitionEvaluatorArgs<'_>) -> Result<Box<dyn PartitionEvaluator>> {
        if args.ignore_nulls() {
            return not_impl_err!("IGNORE NULLS with EXCLUDE");
        }
        Ok(Box::new(Evaluator {
            aggregate: Over::new(&self.inner, args.input_exprs(), args.input_fields())?,
            exclusion: self.exclusion,
            row: 0,
            groups: None,
            last: None,
        }))
    }
}

/// An aggregate with its arguments, which it takes from columns in their order.
#[derive(Debug)]
struct Over {
    inner: Arc<AggregateUDF>,
    schema: Schema,
    arguments: Vec<Arc<dyn PhysicalExpr>>,
    fields: Vec<FieldRef>,
    result: FieldRef,
}

impl Over {
    fn new(inner: &Arc<AggregateUDF>, given: &[Arc<dyn PhysicalExpr>], fields: &[FieldRef]) -> Result<Over> {
        let argument = |(at, given): (usize, &Arc<dyn PhysicalExpr>)| -> Arc<dyn PhysicalExpr> {
            match (given.as_ref() as &dyn std::any::Any).downcast_ref::<Literal>() {
                Some(_) => Arc::clone(given),
                None => Arc::new(Column::new(fields[at].name(), at)),
            }
        };
        Ok(Over {
            inner: Arc::clone(inner),
            schema: Schema::new(fields.to_vec()),
            arguments: given.iter().enumerate().map(argument).collect(),
            fields: fields.to_vec(),
            result: inner.return_field(fields)?,
        })
    }

    fn value(&self, values: &[ArrayRef], pieces: &[Range<usize>]) -> Result<ScalarValue> {
        if self.inner.name() == NTH_VALUE {
            return nth_value(values, pieces);
        }
        let mut accumulator = self.inner.accumulator(AccumulatorArgs {
            return_field: Arc::clone(&self.result),
            schema: &self.schema,
            ignore_nulls: false,
            order_bys: &[],
            is_reversed: false,
            name: self.inner.name(),
            is_distinct: false,
            exprs: &self.arguments,
            expr_fields: &self.fields,
        })?;
        for piece in pieces {
            let slices: Vec<ArrayRef> = values.iter().map(|array| array.slice(piece.start, piece.len())).collect();
            accumulator.update_batch(&slices)?;
        }
        accumulator.evaluate()
    }
}

/// The value of the row at a place among those of the frame, counted from 1; NULL behind them.
fn nth_value(values: &[ArrayRef], pieces: &[Range<usize>]) -> Result<ScalarValue> {
    let [value, place] = values else { return internal_err!("nth_value of {} arguments", values.len()) };
    let place = if place.is_empty() { ScalarValue::Int64(None) } else { ScalarValue::try_from_array(place, 0)? };
    let ScalarValue::Int64(Some(place)) = place.cast_to(&DataType::Int64)? else {
        return ScalarValue::try_from(value.data_type());
    };
    let Some(place) = usize::try_from(place).ok().and_then(|place| place.checked_sub(1)) else {
        return Err(error("22016", "argument of nth_value must be greater than zero"));
    };
    match pieces.iter().cloned().flatten().nth(place) {
        Some(row) => ScalarValue::try_from_array(value, row),
        None => ScalarValue::try_from(value.data_type()),
    }
}

#[derive(Debug)]
struct Evaluator {
    aggregate: Over,
    exclusion: Exclusion,
    /// The row that comes next.
    row: usize,
    /// The partition's groups of peers, in order.
    groups: Option<Vec<Range<usize>>>,
    /// What the last row had: its neighbour often has the same.
    last: Option<(Vec<Range<usize>>, ScalarValue)>,
}

impl Evaluator {
    fn group(&mut self, order: &[ArrayRef], row: usize, rows: usize) -> Result<Range<usize>> {
        if self.groups.is_none() {
            let groups = match order.is_empty() {
                true => std::iter::once(0..rows).collect(),
                false => partition(order)?.ranges(),
            };
            self.groups = Some(groups);
        }
        let groups = self.groups.as_deref().unwrap_or_default();
        let at = groups.partition_point(|group| group.end <= row);
        match groups.get(at) {
            Some(group) => Ok(group.clone()),
            None => internal_err!("a row of a window has no peers"),
        }
    }

    /// The rows of the frame that stay.
    fn pieces(&mut self, order: &[ArrayRef], frame: &Range<usize>, rows: usize) -> Result<Vec<Range<usize>>> {
        let row = self.row;
        let own = row..row + 1;
        let (out, kept) = match self.exclusion {
            Exclusion::CurrentRow => (own, None),
            Exclusion::Group => (self.group(order, row, rows)?, None),
            Exclusion::Ties => (self.group(order, row, rows)?, Some(own)),
        };
        let before = frame.start..frame.end.min(out.start);
        let kept = kept.filter(|kept| frame.contains(&kept.start));
        let after = frame.start.max(out.end)..frame.end;
        Ok([Some(before), kept, Some(after)].into_iter().flatten().filter(|piece| !piece.is_empty()).collect())
    }
}

impl PartitionEvaluator for Evaluator {
    /// `values` are the arguments, and behind them the keys of the window.
    fn evaluate(&mut self, values: &[ArrayRef], frame: &Range<usize>) -> Result<ScalarValue> {
        let (arguments, order) = values.split_at(self.aggregate.arguments.len());
        let rows = values.first().map_or(frame.end, |array| array.len());
        let pieces = self.pieces(order, frame, rows)?;
        self.row += 1;
        if let Some((last, value)) = &self.last
            && *last == pieces
        {
            return Ok(value.clone());
        }
        let value = self.aggregate.value(arguments, &pieces)?;
        self.last = Some((pieces, value.clone()));
        Ok(value)
    }

    fn uses_window_frame(&self) -> bool {
        true
    }
}
