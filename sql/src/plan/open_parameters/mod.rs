//! The types of parameters that neither the client nor a cast names: what stands around one says its type, as
//! PostgreSQL has it for literals without a type (chapter "Type Conversion" of its manual).

mod overloads;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::{AggregateFunction, WindowFunction};
use datafusion::logical_expr::type_coercion::functions::{UDFCoercionExt, fields_with_udf};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Operator, WindowFunctionDefinition};
use peristyle_catalog::model::PgType;
use peristyle_storage::types::{pg_type, pg_type_of_arrow};

use super::parameters::placeholder_number;
use crate::functions::array_parts::{SLICE, SUBSCRIPT};
use crate::functions::choice::{CASE, CASE_OF, values_of};
use crate::functions::shared_type::is_unknown;
use crate::semantics::category::comparison_type;
use crate::semantics::{cast_call, is_quantified};

/// The types that a plan says, by the parameters' numbers; the first that says one is right.
pub(super) fn types(plan: &LogicalPlan) -> Result<HashMap<usize, PgType>> {
    let mut found = Found::default();
    plan.apply_with_subqueries(|node| {
        found.of_node(node);
        let schema = merge_schema(&node.inputs());
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                found.of_expression(expr, &schema);
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(found.types)
}

#[derive(Default)]
struct Found {
    types: HashMap<usize, PgType>,
}

/// The number of a parameter whose type nothing has said yet.
fn open(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Placeholder(parameter) if parameter.field.is_none() => placeholder_number(&parameter.id),
        Expr::Alias(alias) => open(&alias.expr),
        _ => None,
    }
}

/// `None` for literals without a type, for open parameters and for what rests on one.
fn known(expr: &Expr, schema: &DFSchema) -> Option<PgType> {
    match expr {
        Expr::Literal(literal, _) if is_unknown(literal) => None,
        // The planner reads every whole number as bigint.
        Expr::Literal(datafusion::common::ScalarValue::Int64(Some(number)), _) if i32::try_from(*number).is_ok() => {
            Some(PgType::INT4)
        }
        _ => {
            let field = expr.to_field(schema).ok()?.1;
            (!field.data_type().is_null()).then(|| PgType::plain(pg_type(&field).oid))
        }
    }
}

impl Found {
    fn say(&mut self, expr: &Expr, ty: Option<PgType>) {
        if let (Some(number), Some(ty)) = (open(expr), ty) {
            self.types.entry(number).or_insert(ty);
        }
    }

    /// Conditions, and columns that are put together.
    fn of_node(&mut self, node: &LogicalPlan) {
        match node {
            LogicalPlan::Filter(filter) => self.say(&filter.predicate, Some(PgType::BOOL)),
            LogicalPlan::Values(values) => {
                let rows: Vec<&[Expr]> = values.values.iter().map(Vec::as_slice).collect();
                self.of_columns(&rows, &|_, value| known(value, &DFSchema::empty()));
            }
            LogicalPlan::Union(union) => {
                let rows: Vec<&[Expr]> = union.inputs.iter().map(|input| projected(input)).collect();
                let of_input = |input: usize, value: &Expr| {
                    let LogicalPlan::Projection(projection) = union.inputs[input].as_ref() else { return None };
                    known(value, projection.input.schema())
                };
                self.of_columns(&rows, &of_input);
                self.of_tables(&union.inputs);
            }
            _ => {}
        }
    }

    /// Values of one column have one type.
    fn of_columns(&mut self, rows: &[&[Expr]], known: &dyn Fn(usize, &Expr) -> Option<PgType>) {
        let width = rows.iter().map(|row| row.len()).max().unwrap_or(0);
        for column in 0..width {
            let values = || rows.iter().enumerate().filter_map(|(at, row)| Some((at, row.get(column)?)));
            let ty = shared(values().map(|(at, value)| known(at, value)));
            values().for_each(|(_, value)| self.say(value, ty));
        }
    }

    /// The same, where other sides of a union are no lists of expressions.
    fn of_tables(&mut self, inputs: &[Arc<LogicalPlan>]) {
        for input in inputs {
            for (column, value) in projected(input).iter().enumerate() {
                let types = inputs.iter().map(|input| {
                    let field = input.schema().fields().get(column)?;
                    (!field.data_type().is_null()).then(|| PgType::plain(pg_type(field).oid))
                });
                self.say(value, shared(types));
            }
        }
    }

    fn of_expression(&mut self, expr: &Expr, schema: &DFSchema) {
        match expr {
            Expr::Not(inner) => self.say(inner, Some(PgType::BOOL)),
            Expr::BinaryExpr(binary) => {
                for (side, other) in [(&binary.left, &binary.right), (&binary.right, &binary.left)] {
                    self.say(side, other_operand(binary.op, known(other, schema)));
                }
            }
            Expr::Between(between) => {
                let sides = [&between.expr, &between.low, &between.high];
                let ty = shared(sides.iter().map(|side| known(side, schema)));
                sides.into_iter().for_each(|side| self.say(side, ty));
            }
            Expr::Cast(cast) => self.say(&cast.expr, Some(PgType::plain(pg_type(&cast.field).oid))),
            Expr::ScalarFunction(call) if call.func.name() == cast_call::NAME => {
                let target = call.args.get(1).and_then(cast_call::target_of_argument);
                self.say(&call.args[0], target.map(|ty| PgType::plain(ty.oid)));
            }
            Expr::ScalarFunction(call) if is_quantified(call.func.name()) => self.of_quantified(&call.args, schema),
            Expr::ScalarFunction(call) => match values_of(call.func.name(), call.args.len()) {
                Some(values) => self.of_choice(call.func.name(), &call.args, &values, schema),
                None => self.of_call(call.func.name(), call.func.as_ref(), &call.args, schema),
            },
            Expr::AggregateFunction(AggregateFunction { func, params }) => {
                self.of_call(func.name(), func.as_ref(), &params.args, schema);
            }
            Expr::WindowFunction(window) => self.of_window(window, schema),
            _ => {}
        }
    }

    fn of_window(&mut self, window: &WindowFunction, schema: &DFSchema) {
        let args = &window.params.args;
        match &window.fun {
            WindowFunctionDefinition::AggregateUDF(func) => self.of_call(func.name(), func.as_ref(), args, schema),
            WindowFunctionDefinition::WindowUDF(func) => self.of_call(func.name(), func.as_ref(), args, schema),
        }
    }

    /// `x = ANY (array)`: on the left an item of the array, on the right an array of what is on the left.
    fn of_quantified(&mut self, args: &[Expr], schema: &DFSchema) {
        let [_, tested, array] = args else { return };
        self.say(tested, known(array, schema).and_then(PgType::item));
        // A type without arrays of its own is compared as text.
        let array_of = |ty: PgType| ty.array().or_else(|| PgType::TEXT.array());
        self.say(array, known(tested, schema).and_then(array_of));
    }

    /// CASE, COALESCE and their kin: one type for all values, and conditions.
    fn of_choice(&mut self, function: &str, args: &[Expr], values: &[usize], schema: &DFSchema) {
        let known_at = |at: &usize| known(&args[*at], schema);
        let ty = shared(values.iter().map(known_at));
        values.iter().for_each(|at| self.say(&args[*at], ty));
        let others: Vec<usize> = (0..args.len()).filter(|at| !values.contains(at)).collect();
        match function {
            CASE => others.iter().for_each(|at| self.say(&args[*at], Some(PgType::BOOL))),
            CASE_OF | "nullif" => {
                let compared = if function == CASE_OF { others } else { vec![0, 1] };
                let ty = shared(compared.iter().map(known_at));
                compared.iter().for_each(|at| self.say(&args[*at], ty));
            }
            _ => {}
        }
    }

    /// The parameters of the function that PostgreSQL would choose; where it has none of that name, what the arguments
    /// are cast to here.
    fn of_call(&mut self, name: &str, function: &impl UDFCoercionExt, args: &[Expr], schema: &DFSchema) {
        if !args.iter().any(|arg| open(arg).is_some()) {
            return;
        }
        let types: Vec<Option<PgType>> = args.iter().map(|arg| known(arg, schema)).collect();
        let chosen = match name {
            SUBSCRIPT | SLICE => Some((0..args.len()).map(|place| (place > 0).then_some(PgType::INT4)).collect()),
            _ => overloads::choose(name, &types).or_else(|| cast_to(function, &types, args, schema)),
        };
        for (arg, ty) in args.iter().zip(chosen.into_iter().flatten()) {
            self.say(arg, ty);
        }
    }
}

/// What a projection computes; nothing of any other plan.
fn projected(plan: &LogicalPlan) -> &[Expr] {
    match plan {
        LogicalPlan::Projection(projection) => &projection.expr,
        _ => &[],
    }
}

/// The type of values of which some are known; text if none is.
fn shared(types: impl Iterator<Item = Option<PgType>>) -> Option<PgType> {
    let mut known = types.flatten();
    let first = known.next()?;
    known.try_fold(first, comparison_type)
}

/// The type of one operand by that of the other: the same, but for intervals, which are multiplied by numbers.
fn other_operand(op: Operator, known: Option<PgType>) -> Option<PgType> {
    match op {
        Operator::And | Operator::Or => Some(PgType::BOOL),
        Operator::Multiply | Operator::Divide if known == Some(PgType::INTERVAL) => Some(PgType::FLOAT8),
        _ => known,
    }
}

/// What our own function of that name casts its arguments to.
fn cast_to(
    function: &impl UDFCoercionExt,
    types: &[Option<PgType>],
    args: &[Expr],
    schema: &DFSchema,
) -> Option<Vec<Option<PgType>>> {
    let field = |(ty, arg): (&Option<PgType>, &Expr)| -> Option<FieldRef> {
        match ty {
            Some(_) => arg.to_field(schema).ok().map(|(_, field)| field),
            None => Some(Arc::new(Field::new("unknown", DataType::Utf8, true))),
        }
    };
    let fields = types.iter().zip(args).map(field).collect::<Option<Vec<_>>>()?;
    let cast = fields_with_udf(&fields, function).ok()?;
    let ty = |field: &FieldRef| Some(pg_type_of_arrow(field.data_type())).filter(|ty| *ty != PgType::TEXT);
    Some(cast.iter().map(ty).collect())
}
