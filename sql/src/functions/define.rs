//! A function of ours as DataFusion takes it: named, overloaded, with PostgreSQL's resolution and result types.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, new_null_array};
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use peristyle_catalog::model::PgType;

use super::arithmetic::NEGATE;
use peristyle_storage::shape::{Arrays, flattened, is_shaped, list_field, list_of_shaped};

use super::array::{ALL, ANY};
use super::context::{FunctionContext, StatementContext, statement_context};
use super::error::{FunctionError, error, undefined_function};
use super::math::BIT_NOT;
use super::rounding;
use super::signature::{Ty, argument_type_name, choose, parameter};
use crate::semantics::type_planner::{arrow_of, typed_field};
use crate::semantics::{CastJob, CastKind};
use crate::values::OutputStyle;

/// One call: evaluated arguments, each of one row if it is constant, else of `rows` rows.
pub(crate) struct Call<'a> {
    pub(crate) args: Vec<ArrayRef>,
    /// Whether the argument at that place is one value for all rows.
    pub(crate) is_constant: Vec<bool>,
    pub(crate) arg_fields: &'a [FieldRef],
    pub(crate) rows: usize,
    pub(crate) return_field: &'a FieldRef,
    options: &'a Arc<ConfigOptions>,
}

impl Call<'_> {
    /// The index into an argument's array for a row.
    pub(crate) fn index(&self, argument: usize, row: usize) -> usize {
        if self.is_constant[argument] { 0 } else { row }
    }

    pub(crate) fn context(&self) -> Result<&FunctionContext> {
        statement_context(self.options)
    }

    /// How the session writes values.
    pub(crate) fn output_style(&self) -> OutputStyle {
        self.context().map_or_else(|_| OutputStyle::default(), |context| context.output)
    }

    pub(crate) fn return_type(&self) -> &DataType {
        self.return_field.data_type()
    }

    /// Values cast to a type.
    pub(crate) fn cast(&self, values: &ArrayRef, target: PgType) -> Result<ArrayRef> {
        cast_within(Arc::clone(values), target, self.options)
    }

    /// What a function of DataFusion's makes of the same arguments.
    pub(crate) fn by(&self, function: &ScalarUDF) -> Result<ArrayRef> {
        let value = |(array, is_constant): (&ArrayRef, &bool)| match is_constant {
            true => first_value(array).map(ColumnarValue::Scalar),
            false => Ok(ColumnarValue::Array(Arc::clone(array))),
        };
        let args = self.args.iter().zip(&self.is_constant).map(value).collect::<Result<_>>()?;
        let args = ScalarFunctionArgs {
            args,
            arg_fields: self.arg_fields.to_vec(),
            number_rows: self.rows,
            return_field: Arc::clone(self.return_field),
            config_options: Arc::clone(self.options),
        };
        function.invoke_with_args(args)?.into_array(self.rows)
    }

    /// The same call over other arrays in the same places.
    pub(crate) fn with_args(&self, args: Vec<ArrayRef>) -> Call<'_> {
        Call { args, is_constant: self.is_constant.clone(), ..*self }
    }

    /// The same call of two arguments; `are_constant` tells which of them are one value for all rows.
    pub(crate) fn of_pair(&self, args: [ArrayRef; 2], are_constant: [bool; 2]) -> Call<'_> {
        Call { args: args.into(), is_constant: are_constant.into(), ..*self }
    }

    /// An argument with all its rows.
    pub(crate) fn expanded(&self, argument: usize) -> Result<ArrayRef> {
        if !self.is_constant[argument] || self.rows == 1 {
            return Ok(Arc::clone(&self.args[argument]));
        }
        ScalarValue::try_from_array(&self.args[argument], 0)?.to_array_of_size(self.rows)
    }
}

/// How a function computes its result: an array of `call.rows` rows.
pub(crate) type Eval = fn(&Call<'_>) -> Result<ArrayRef>;
/// Computes the result's type from the (coerced) argument fields.
pub(crate) type ReturnOf = fn(&str, &[FieldRef]) -> Result<FieldRef>;

/// A result's type.
#[derive(Clone, Copy)]
pub(crate) enum Returns {
    Is(PgType),
    /// The type of the argument at that place.
    SameAs(usize),
    Computed(ReturnOf),
}

/// One signature of a function.
#[derive(Clone, Copy)]
pub(crate) struct Overload {
    pub(crate) parameters: &'static [Ty],
    /// Whether the last parameter repeats (also zero times).
    pub(crate) variadic: bool,
    /// Whether NULL in any argument makes the result NULL without a call.
    pub(crate) strict: bool,
    pub(crate) returns: Returns,
    pub(crate) eval: Eval,
}

/// A strict overload of fixed result type.
pub(crate) const fn overload(parameters: &'static [Ty], returns: PgType, eval: Eval) -> Overload {
    Overload { parameters, variadic: false, strict: true, returns: Returns::Is(returns), eval }
}

/// A strict overload whose result has the type of its first argument.
pub(crate) const fn same(parameters: &'static [Ty], eval: Eval) -> Overload {
    Overload { parameters, variadic: false, strict: true, returns: Returns::SameAs(0), eval }
}

/// A strict overload that computes its result's type.
pub(crate) const fn computed(parameters: &'static [Ty], returns: ReturnOf, eval: Eval) -> Overload {
    Overload { parameters, variadic: false, strict: true, returns: Returns::Computed(returns), eval }
}

impl Overload {
    pub(crate) const fn variadic(self) -> Self {
        Overload { variadic: true, ..self }
    }

    /// Whether the argument at that place comes with its dimensions if it has some.
    fn takes_shapes(&self, place: usize) -> bool {
        !matches!(parameter(self.parameters, place), Ty::AnyArray | Ty::TextArray)
    }

    /// The arguments' fields as the function sees them.
    fn passed(&self, arguments: &[FieldRef]) -> Vec<FieldRef> {
        let passed = |(place, field): (usize, &FieldRef)| {
            if self.takes_shapes(place) { Arc::clone(field) } else { list_field(field) }
        };
        arguments.iter().enumerate().map(passed).collect()
    }

    /// The function sees NULL arguments.
    pub(crate) const fn not_strict(self) -> Self {
        Overload { strict: false, ..self }
    }
}

/// A function's name, overloads and volatility.
#[derive(Clone, Copy)]
pub(crate) struct Definition {
    pub(crate) name: &'static str,
    pub(crate) volatility: Volatility,
    /// Of a stable one: whether only values with a time zone make it so, as they are read in the session's.
    pub(crate) is_zoned: bool,
    pub(crate) overloads: &'static [Overload],
}

pub(crate) const fn immutable(name: &'static str, overloads: &'static [Overload]) -> Definition {
    Definition { name, volatility: Volatility::Immutable, is_zoned: false, overloads }
}

pub(crate) const fn stable(name: &'static str, overloads: &'static [Overload]) -> Definition {
    Definition { name, volatility: Volatility::Stable, is_zoned: false, overloads }
}

/// Stable of timestamps with time zone, immutable of all else.
pub(crate) const fn zoned(name: &'static str, overloads: &'static [Overload]) -> Definition {
    Definition { name, volatility: Volatility::Stable, is_zoned: true, overloads }
}

pub(crate) const fn volatile(name: &'static str, overloads: &'static [Overload]) -> Definition {
    Definition { name, volatility: Volatility::Volatile, is_zoned: false, overloads }
}

impl Definition {
    pub(crate) fn udf(self) -> ScalarUDF {
        ScalarUDF::new_from_impl(PgFunction { definition: self, signature: Signature::user_defined(self.volatility) })
    }
}

struct PgFunction {
    definition: Definition,
    signature: Signature,
}

impl std::fmt::Debug for PgFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.definition.name)
    }
}

impl PartialEq for PgFunction {
    fn eq(&self, other: &Self) -> bool {
        self.definition.name == other.definition.name
    }
}

impl Eq for PgFunction {}

impl Hash for PgFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.definition.name.hash(state);
    }
}

impl PgFunction {
    fn overload(&self, arguments: &[DataType]) -> Result<&'static Overload> {
        let overloads = self.definition.overloads;
        choose(overloads.iter().map(|o| (o.parameters, o.variadic)), arguments)
            .map(|index| &overloads[index])
            .ok_or_else(|| match self.definition.name {
                ANY | ALL => error("42809", "op ANY/ALL (array) requires array on right side"),
                NEGATE => undefined_prefix("-", &arguments[0]),
                BIT_NOT => undefined_prefix("~", &arguments[0]),
                name => undefined_function(&rounding::call_text(name, arguments)),
            })
    }
}

/// 42883 for an operator before a value of a type that it does not take.
fn undefined_prefix(op: &str, operand: &DataType) -> DataFusionError {
    FunctionError::new("42883", format!("operator does not exist: {op} {}", argument_type_name(operand)))
        .with_hint("No operator matches the given name and argument type. You might need to add an explicit type cast.")
        .into()
}

fn types_of(fields: &[FieldRef]) -> Vec<DataType> {
    fields.iter().map(|field| field.data_type().clone()).collect()
}

impl ScalarUDFImpl for PgFunction {
    fn name(&self) -> &str {
        self.definition.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        // DataFusion keeps only the text of an error here; `return_field_from_args` gives the error itself.
        let Ok(overload) = self.overload(arguments) else { return Ok(arguments.to_vec()) };
        let cast = |(index, argument)| parameter(overload.parameters, index).arrow(argument);
        Ok(arguments.iter().enumerate().map(cast).collect())
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        let fields: Vec<FieldRef> =
            arguments.iter().map(|ty| Arc::new(arrow::datatypes::Field::new("", ty.clone(), true))).collect();
        let overload = self.overload(arguments)?;
        Ok(return_field(self.definition.name, overload, &overload.passed(&fields))?.data_type().clone())
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        call_name(self.definition.name, args)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let overload = self.overload(&types_of(args.arg_fields))?;
        return_field(self.definition.name, overload, &overload.passed(args.arg_fields))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let overload = self.overload(&types_of(&args.arg_fields))?;
        invoke(overload, args)
    }
}

/// Nodes of an expression up to which a call is named by its text.
const NAMED_NODES_MAX: usize = 64;

/// The name of a call in schemas, which tells it from others. DataFusion asks for it at each level of an expression
/// and it holds those of all levels below: by its text, a chain of a thousand operators takes minutes.
fn call_name(function: &str, args: &[Expr]) -> Result<String> {
    let mut nodes = 0;
    for arg in args {
        arg.apply(|_| {
            nodes += 1;
            Ok(if nodes > NAMED_NODES_MAX { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })?;
    }
    if nodes <= NAMED_NODES_MAX {
        let names: Vec<String> = args.iter().map(|arg| arg.schema_name().to_string()).collect();
        return Ok(format!("{function}({})", names.join(",")));
    }
    let mut hasher = DefaultHasher::new();
    args.hash(&mut hasher);
    Ok(format!("{function}(#{:016x})", hasher.finish()))
}

fn return_field(name: &str, overload: &Overload, arguments: &[FieldRef]) -> Result<FieldRef> {
    match overload.returns {
        Returns::Is(ty) => Ok(typed_field(name, ty, arrow_of(ty))),
        Returns::SameAs(index) => Ok(Arc::new(arguments[index].as_ref().clone().with_name(name).with_nullable(true))),
        Returns::Computed(compute) => compute(name, arguments),
    }
}

fn invoke(overload: &Overload, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
    let all_constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
    let return_type = args.return_field.data_type();
    if overload.strict && args.args.iter().any(is_null_constant) {
        return Ok(ColumnarValue::Scalar(ScalarValue::try_from(return_type)?));
    }
    // A volatile function without arguments still makes a value per row.
    let is_one_value = all_constant && !args.args.is_empty();
    let rows = if is_one_value { 1 } else { args.number_rows };
    let is_constant = args.args.iter().map(|arg| matches!(arg, ColumnarValue::Scalar(_))).collect();
    let arrays = args.args.iter().enumerate().map(|(place, arg)| {
        let array = arg.to_array(if is_scalar(arg) { 1 } else { rows })?;
        let array = if overload.takes_shapes(place) { array } else { flattened(&array) };
        as_parameter(array, parameter(overload.parameters, place), &args.config_options)
    });
    let arg_fields = overload.passed(&args.arg_fields);
    let call = Call {
        args: arrays.collect::<Result<_>>()?,
        is_constant,
        arg_fields: &arg_fields,
        rows,
        return_field: &args.return_field,
        options: &args.config_options,
    };
    let array = (overload.eval)(&call)?;
    finish(array, is_one_value, return_type)
}

/// An argument as the packed type that its parameter is of, to which DataFusion knows no cast.
fn as_parameter(array: ArrayRef, ty: Ty, options: &ConfigOptions) -> Result<ArrayRef> {
    let Ty::Packed(kind) = ty else { return Ok(array) };
    cast_within(array, PgType::plain(kind.oid()), options)
}

/// Values as those of a type; how they are read and written is the session's.
fn cast_within(array: ArrayRef, target: PgType, options: &ConfigOptions) -> Result<ArrayRef> {
    let arrow = arrow_of(target);
    if *array.data_type() == arrow {
        return Ok(array);
    }
    let context = options.extensions.get::<StatementContext>().map(|context| context.0.as_ref());
    CastJob { source: None, target, arrow: &arrow, kind: CastKind::Explicit, context }.run(&array)
}

fn is_scalar(value: &ColumnarValue) -> bool {
    matches!(value, ColumnarValue::Scalar(_))
}

fn is_null_constant(value: &ColumnarValue) -> bool {
    matches!(value, ColumnarValue::Scalar(scalar) if scalar.is_null())
}

fn finish(array: ArrayRef, is_one_value: bool, return_type: &DataType) -> Result<ColumnarValue> {
    let array = if array.data_type().is_null() && !return_type.is_null() {
        new_null_array(return_type, array.len())
    } else {
        with_items_of(array, return_type)?
    };
    if is_one_value { Ok(ColumnarValue::Scalar(first_value(&array)?)) } else { Ok(ColumnarValue::Array(array)) }
}

/// Arrays with the item field that was promised, whose mark the function's own builder does not know.
fn with_items_of(array: ArrayRef, promised: &DataType) -> Result<ArrayRef> {
    if let (Some(arrays), Some(list)) = (Arrays::of(&array).filter(|_| is_shaped(promised)), list_of_shaped(promised)) {
        let lists = with_items_of(Arc::new(arrays.lists().clone()), list)?;
        return Ok(arrays.with_lists(lists.as_list().clone())?);
    }
    let (Some(lists), DataType::List(item)) = (array.as_list_opt::<i32>(), promised) else { return Ok(array) };
    if lists.data_type() == promised || lists.values().data_type() != item.data_type() {
        return Ok(array);
    }
    let (offsets, values, nulls) = (lists.offsets().clone(), Arc::clone(lists.values()), lists.nulls().cloned());
    Ok(Arc::new(ListArray::try_new(Arc::clone(item), offsets, values, nulls)?))
}

/// The first row as a scalar; a list keeps its item's mark, which `ScalarValue::try_from_array` drops.
pub(crate) fn first_value(array: &ArrayRef) -> Result<ScalarValue> {
    match array.as_list_opt::<i32>() {
        Some(list) => Ok(ScalarValue::List(Arc::new(list.slice(0, 1)))),
        None => ScalarValue::try_from_array(array, 0),
    }
}
