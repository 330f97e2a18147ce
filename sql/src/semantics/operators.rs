//! Binary operators resolved as PostgreSQL resolves them, while the statement is planned and types are known.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, DataFusionError, Result};
use datafusion::logical_expr::expr::{Placeholder, ScalarFunction};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, Operator, binary_expr};
use peristyle_catalog::model::{PgType, TypeKind};
use peristyle_storage::types::{marked_pg_type, pg_type_of_arrow};
use sqlparser::ast::BinaryOperator;

use super::array_operators;
use super::assignment::is_integer;
use super::cast_call;
use super::category::{Category, arithmetic_type, category};
use super::comparison::plan_comparison;
use super::numeric_literal::{constant_quotient, numeric_literal};
use super::own_operators;
use super::sum_chain;
use super::type_planner::{cast_form, field_of};
use crate::functions::error::{FunctionError, error};
use crate::functions::{arithmetic, bits, interval, json_operator, named, pattern, text};
use crate::values::type_name;

/// DataFusion's hook for binary operators.
#[derive(Debug)]
pub(crate) struct PgOperators;

/// An operand with its type; `None` is an unknown literal, a parameter without a type, or NULL.
pub(super) struct Operand {
    pub(super) expr: Expr,
    pub(super) ty: Option<PgType>,
    pub(super) arrow: DataType,
}

impl ExprPlanner for PgOperators {
    fn plan_binary_op(&self, raw: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let RawBinaryExpr { op, left, right } = raw;
        let planned = plan(&op, operand(left, schema)?, operand(right, schema)?, schema)?;
        Ok(match planned {
            Ok(expr) => PlannerResult::Planned(expr),
            Err((left, right)) => PlannerResult::Original(RawBinaryExpr { op, left, right }),
        })
    }
}

/// The planned expression, or the operands if DataFusion is to plan the operator.
pub(super) type Planned = std::result::Result<Expr, (Expr, Expr)>;

pub(super) fn operand(expr: Expr, schema: &DFSchema) -> Result<Operand> {
    let field = sum_chain::first_operand(&expr).unwrap_or(&expr).to_field(schema)?.1;
    let is_literal =
        matches!(&expr, Expr::Literal(value, _) if matches!(value.data_type(), DataType::Utf8 | DataType::Null));
    let is_open = matches!(&expr, Expr::Placeholder(Placeholder { field: None, .. })) || field.data_type().is_null();
    let ty = (!is_literal && !is_open).then(|| type_of(&field));
    let arrow = field.data_type().clone();
    Ok(Operand { expr, ty, arrow })
}

/// The PostgreSQL type of a field whose mark may be stale after a DataFusion cast.
pub(crate) fn type_of(field: &arrow::datatypes::Field) -> PgType {
    let by_arrow = pg_type_of_arrow(field.data_type());
    match marked_pg_type(field) {
        Some(marked) if category(marked) == category(by_arrow) || by_arrow == PgType::TEXT => marked,
        Some(marked) if matches!(field.data_type(), DataType::UInt32) => marked,
        _ => by_arrow,
    }
}

fn plan(op: &BinaryOperator, left: Operand, right: Operand, schema: &DFSchema) -> Result<Planned> {
    use BinaryOperator as B;
    let (left, right) = match own_operators::plan(op, left, right)? {
        Ok(planned) => return Ok(Ok(planned)),
        Err(operands) => operands,
    };
    match op {
        B::Minus if left.ty == Some(PgType::JSONB) => Ok(Ok(call(json_operator::DELETE, vec![left.expr, right.expr])?)),
        B::And | B::Or => {
            refuse_non_boolean(op, [&left, &right])?;
            plan_other(left, right)
        }
        B::Divide => match constant_quotient(&left.expr, &right.expr) {
            Some(quotient) => Ok(Ok(quotient)),
            None => plan_arithmetic(op, left, right).map(Ok),
        },
        B::Plus | B::Minus | B::Multiply | B::Modulo => plan_arithmetic(op, left, right).map(Ok),
        B::Eq | B::NotEq | B::Lt | B::LtEq | B::Gt | B::GtEq => plan_comparison(op, left, right, schema),
        B::PGExp | B::BitwiseXor => Ok(Ok(call("power", vec![left.expr, right.expr])?)),
        B::StringConcat => plan_concat(left, right),
        B::BitwiseAnd | B::BitwiseOr | B::PGBitwiseXor if left.ty.is_none() && right.ty.is_none() => {
            Err(ambiguous_operator(op))
        }
        B::Question | B::QuestionAnd | B::QuestionPipe if left.ty.is_some_and(|ty| ty != PgType::JSONB) => {
            Err(no_operator(op, left.ty, right.ty))
        }
        B::AtArrow | B::ArrowAt | B::PGOverlap if left.ty.is_some_and(PgType::is_array) => {
            array_operators::compare(op, left, right).map(Ok)
        }
        B::PGOverlap => Ok(Ok(call("pg_op_overlap", vec![left.expr, right.expr])?)),
        B::PGStartsWith => Ok(Ok(call("starts_with", vec![left.expr, right.expr])?)),
        B::PGRegexMatch | B::PGRegexIMatch | B::PGRegexNotMatch | B::PGRegexNotIMatch => {
            plan_regex(op, left, right).map(Ok)
        }
        B::Custom(_) => Err(no_operator(op, left.ty, right.ty)),
        B::AtArrow | B::ArrowAt if left.ty == Some(PgType::JSON) || right.ty == Some(PgType::JSON) => {
            Err(no_operator(op, left.ty, right.ty))
        }
        B::BitwiseAnd | B::BitwiseOr | B::PGBitwiseXor | B::PGBitwiseShiftLeft | B::PGBitwiseShiftRight
            if is_inexact(left.ty) || is_inexact(right.ty) =>
        {
            Err(no_operator(op, left.ty, right.ty))
        }
        // A shift has the type of what is shifted, however wide the number of bits is.
        B::PGBitwiseShiftLeft | B::PGBitwiseShiftRight => {
            let shifted = left.ty.filter(|ty| is_integer(*ty));
            let bits = shifted.map_or(right.expr.clone(), |ty| as_type(right.expr, right.ty, ty));
            plan_other(left, Operand { expr: bits, ty: shifted.or(right.ty), arrow: right.arrow })
        }
        _ => match json_operator::function_of(op, left.ty, right.ty) {
            Some(name) => {
                // What holds a document, or is held by one, is a document.
                let are_documents = matches!(op, B::AtArrow | B::ArrowAt);
                let document = |operand: Operand| match operand.ty {
                    None if are_documents => as_known(operand, PgType::JSONB),
                    _ => operand.expr,
                };
                Ok(Ok(call(name, vec![document(left), document(right)])?))
            }
            None => plan_other(left, right),
        },
    }
}

fn is_float(ty: PgType) -> bool {
    ty == PgType::FLOAT4 || ty == PgType::FLOAT8
}

/// Whether it is a number that has no bits to combine.
fn is_inexact(ty: Option<PgType>) -> bool {
    ty.is_some_and(|ty| [PgType::NUMERIC.oid, PgType::FLOAT4.oid, PgType::FLOAT8.oid].contains(&ty.oid))
}

fn refuse_non_boolean(op: &BinaryOperator, operands: [&Operand; 2]) -> Result<()> {
    match operands.into_iter().filter_map(|operand| operand.ty).find(|ty| *ty != PgType::BOOL) {
        Some(ty) => {
            let name = type_name(PgType::plain(ty.oid));
            Err(error("42804", format!("argument of {op} must be type boolean, not type {name}")))
        }
        None => Ok(()),
    }
}

pub(super) fn call(name: &str, args: Vec<Expr>) -> Result<Expr> {
    Ok(Expr::ScalarFunction(ScalarFunction::new_udf(named(name)?, args)))
}

/// The expression as that type; an open parameter takes it.
pub(crate) fn as_type(operand: Expr, from: Option<PgType>, to: PgType) -> Expr {
    match operand {
        Expr::Placeholder(Placeholder { id, field: None }) => {
            Expr::Placeholder(Placeholder::new_with_field(id, Some(field_of(to))))
        }
        expr if from == Some(to) => expr,
        expr if to == PgType::NUMERIC
            && let Some(number) = numeric_literal(&expr) =>
        {
            number
        }
        Expr::Literal(value, metadata) => {
            let from = value.data_type();
            let literal = Expr::Literal(value, metadata);
            let form = cast_form(to, &literal, &from);
            cast_call::cast(literal, form)
        }
        expr => cast_call::cast(expr, to),
    }
}

pub(super) fn as_known(operand: Operand, to: PgType) -> Expr {
    as_type(operand.expr, operand.ty, to)
}

pub(super) fn no_operator(op: &impl std::fmt::Display, left: Option<PgType>, right: Option<PgType>) -> DataFusionError {
    let name = |ty: Option<PgType>| ty.map_or_else(|| "unknown".to_owned(), |ty| type_name(PgType::plain(ty.oid)));
    FunctionError::new("42883", format!("operator does not exist: {} {op} {}", name(left), name(right)))
        .with_hint("No operator matches the given name and argument types. You might need to add explicit type casts.")
        .into()
}

fn ambiguous_operator(op: &BinaryOperator) -> DataFusionError {
    FunctionError::new("42725", format!("operator is not unique: unknown {op} unknown"))
        .with_hint("Could not choose a best candidate operator. You might need to add explicit type casts.")
        .into()
}

fn plan_arithmetic(op: &BinaryOperator, left: Operand, right: Operand) -> Result<Expr> {
    if let Some(planned) = interval::plan_time_arithmetic(op, &left.expr, left.ty, &right.expr, right.ty)? {
        return Ok(planned);
    }
    let resolved = match (left.ty, right.ty) {
        (Some(left), Some(right)) => arithmetic_type(left, right),
        // An unknown operand takes the type of the other.
        (Some(ty), None) | (None, Some(ty)) => (category(ty) == Category::Number).then_some(ty),
        (None, None) => None,
    };
    let Some(ty) = resolved else {
        return Err(match (left.ty, right.ty) {
            (None, None) => ambiguous_operator(op),
            _ => no_operator(op, left.ty, right.ty),
        });
    };
    if *op == BinaryOperator::Modulo && is_float(ty) {
        return Err(no_operator(op, left.ty, right.ty));
    }
    let name = match op {
        BinaryOperator::Plus => arithmetic::ADD,
        BinaryOperator::Minus => arithmetic::SUBTRACT,
        BinaryOperator::Multiply => arithmetic::MULTIPLY,
        BinaryOperator::Divide => arithmetic::DIVIDE,
        _ => arithmetic::MODULO,
    };
    if ty.oid == PgType::NUMERIC.oid {
        return call(name, vec![as_decimal(left), as_decimal(right)]);
    }
    let (left, right) = (as_known(left, ty), as_known(right, ty));
    if *op == BinaryOperator::Plus { sum_chain::plus(left, right, ty) } else { call(name, vec![left, right]) }
}

/// Decimals keep their scale, and the function's coercion gives integers the decimal that holds them.
fn as_decimal(operand: Operand) -> Expr {
    match operand.ty {
        Some(_) => operand.expr,
        None => as_type(operand.expr, None, PgType::NUMERIC),
    }
}

fn plan_concat(left: Operand, right: Operand) -> Result<Planned> {
    let is_array = |ty: Option<PgType>| ty.is_some_and(PgType::is_array);
    if is_array(left.ty) || is_array(right.ty) {
        return array_operators::concat(left, right).map(Ok);
    }
    match (left.ty, right.ty) {
        (Some(PgType::JSONB), Some(PgType::JSONB) | None) | (None, Some(PgType::JSONB)) => {
            Ok(Ok(call(json_operator::CONCAT, vec![as_known(left, PgType::JSONB), as_known(right, PgType::JSONB)])?))
        }
        (Some(PgType::BYTEA), Some(PgType::BYTEA) | None) | (None, Some(PgType::BYTEA)) => {
            Ok(Ok(call("pg_op_concat", vec![as_known(left, PgType::BYTEA), as_known(right, PgType::BYTEA)])?))
        }
        (l, r) if [l, r].into_iter().flatten().any(is_bits) && [l, r].into_iter().flatten().all(is_bits) => {
            Ok(Ok(call(bits::CONCAT, vec![as_known(left, PgType::VARBIT), as_known(right, PgType::VARBIT)])?))
        }
        (l, r) => {
            let is_text = |ty: Option<PgType>| ty.is_none_or(|ty| category(ty) == Category::Text);
            if !is_text(l) && !is_text(r) {
                return Err(no_operator(&BinaryOperator::StringConcat, l, r));
            }
            let text = |operand: Operand| match operand.ty {
                Some(ty) if category(ty) == Category::Text => operand.expr,
                ty => as_type(operand.expr, ty, PgType::TEXT),
            };
            Ok(Ok(binary_expr(text(left), Operator::StringConcat, text(right))))
        }
    }
}

fn is_bits(ty: PgType) -> bool {
    category(ty) == Category::Own(TypeKind::Varbit)
}

/// `~` and its kin, on texts only.
fn plan_regex(op: &BinaryOperator, left: Operand, right: Operand) -> Result<Expr> {
    let is_text = |ty: Option<PgType>| ty.is_none_or(|ty| category(ty) == Category::Text);
    if !is_text(left.ty) || !is_text(right.ty) {
        return Err(no_operator(op, left.ty, right.ty));
    }
    let is_any_case = matches!(op, BinaryOperator::PGRegexIMatch | BinaryOperator::PGRegexNotIMatch);
    let is_negated = matches!(op, BinaryOperator::PGRegexNotMatch | BinaryOperator::PGRegexNotIMatch);
    let name = if is_any_case { pattern::MATCH_ANY_CASE } else { pattern::MATCH };
    let matches = call(name, vec![with_blanks(left)?, as_known(right, PgType::TEXT)])?;
    Ok(if is_negated { Expr::Not(Box::new(matches)) } else { matches })
}

/// As text; a char(n) with its blanks.
fn with_blanks(operand: Operand) -> Result<Expr> {
    match operand.ty {
        Some(ty) if ty.oid == PgType::BPCHAR.oid => call(text::PADDED, vec![operand.expr]),
        _ => Ok(as_known(operand, PgType::TEXT)),
    }
}

/// Bit operators and patterns: an unknown operand takes the other's type.
fn plan_other(left: Operand, right: Operand) -> Result<Planned> {
    match (left.ty, right.ty) {
        (Some(ty), None) => Ok(Err((left.expr, as_type(right.expr, None, PgType::plain(ty.oid))))),
        (None, Some(ty)) => Ok(Err((as_type(left.expr, None, PgType::plain(ty.oid)), right.expr))),
        _ => Ok(Err((left.expr, right.expr))),
    }
}

/// All planners, ours before DataFusion's.
pub fn expr_planners() -> Vec<Arc<dyn ExprPlanner>> {
    use datafusion::functions::core::planner::CoreFunctionPlanner;
    use datafusion::functions_nested::planner::{FieldAccessPlanner, NestedFunctionPlanner};
    vec![
        Arc::new(PgOperators),
        Arc::new(super::call_forms::PgForms),
        Arc::new(super::subscript::Subscripts),
        Arc::new(CoreFunctionPlanner::default()),
        Arc::new(NestedFunctionPlanner),
        Arc::new(FieldAccessPlanner),
        Arc::new(datafusion::functions_aggregate::planner::AggregateFunctionPlanner),
        Arc::new(datafusion::functions_window::planner::WindowFunctionPlanner),
    ]
}
