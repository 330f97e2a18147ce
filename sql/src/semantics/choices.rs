//! What chooses one of several values gives the type that they share: literals among them are read as that type, the
//! result is marked with it, and the calls that stand for CASE become CASE. Runs before all other rules.

use std::sync::Arc;

use arrow::array::{ListArray, new_empty_array};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, DataFusionError, Result, ScalarValue, internal_err};
use datafusion::logical_expr::expr::{Case, ScalarFunction};
use datafusion::logical_expr::{Expr, ExprSchemable, ScalarUDF, lit};
use peristyle_catalog::model::{PgType, TypeKind};
use peristyle_storage::types::{marked_pg_type, pg_type, pg_type_of_arrow};
use sqlparser::ast::BinaryOperator;

use super::array_forms;
use super::cast::{CastKind, cast_expr, cast_to_arrow};
use super::category::{Category, category, comparison_type};
use super::comparison::check_literal;
use super::comparison_key::{Comparison, Key};
use super::operators::no_operator;
use super::type_planner::cast_form;
use crate::functions::array_types;
use crate::functions::choice::{CASE, CASE_OF, marked, values_of};
use crate::functions::error::{error, not_supported};
use crate::functions::shared_type::{chosen_type, in_order, is_unknown, needs_mark, shared_number};
use crate::functions::{enums, named};
use crate::values::type_name;

pub(super) fn rewrite(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    if matches!(&expr, Expr::ScalarFunction(call) if call.func.name() == array_types::ITEM) {
        return item(expr, schema).map(Transformed::yes);
    }
    let values = match &expr {
        Expr::ScalarFunction(call) => values_of(call.func.name(), call.args.len()),
        _ => None,
    };
    let Some(values) = values else { return Ok(Transformed::no(expr)) };
    let expr = as_shared_own(expr, &values, schema)?;
    let arrow = expr.get_type(schema)?;
    let Expr::ScalarFunction(ScalarFunction { func, mut args }) = expr else {
        return internal_err!("only functions have values to choose from");
    };
    let types = values.iter().map(|at| known_type(&args[*at], schema)).collect::<Result<Vec<_>>>()?;
    refuse_mixture(func.name(), &types)?;
    refuse_conditions(func.name(), &args, &values, schema)?;
    refuse_comparisons(func.name(), &args, schema)?;
    let shared = chosen_type(func.name(), &in_order(func.name(), args.len(), types));
    let mark = shared.filter(|ty| needs_mark(*ty, &arrow));
    for at in &values {
        let arg = std::mem::take(&mut args[*at]);
        args[*at] = match no_records(&arg, shared, &arrow)? {
            Some(none) => none,
            None => read_as(arg, shared)?,
        };
    }
    as_shared_number(func.name(), &mut args, &values, schema)?;
    as_alike_arrays(func.name(), &mut args, &values, schema)?;
    for (at, label) in compared_labels(func.name(), &args, schema)? {
        let arg = std::mem::take(&mut args[at]);
        args[at] = read_as(arg, Some(label))?;
    }
    if let Some(ty) = shared.filter(|ty| ty.enum_definition().is_some() && is_extreme(func.name())) {
        return Ok(Transformed::yes(extreme_label(&func, args, ty)?));
    }
    let chosen = match func.name() {
        CASE => case(None, args),
        CASE_OF => case(Some(args.remove(0)), args),
        _ => Expr::ScalarFunction(ScalarFunction { func, args }),
    };
    Ok(Transformed::yes(match mark {
        Some(ty) => marked(chosen, ty),
        None => chosen,
    }))
}

/// Positions of what is compared with the first argument.
fn compared(function: &str, args: &[Expr]) -> Vec<usize> {
    match function {
        "nullif" => vec![1],
        CASE_OF => (1..args.len().saturating_sub(1)).step_by(2).collect(),
        _ => Vec::new(),
    }
}

/// 42883 for values that cannot be compared with the first argument.
fn refuse_comparisons(function: &str, args: &[Expr], schema: &DFSchema) -> Result<()> {
    for at in compared(function, args) {
        if let (Some(first), Some(other)) = (known_type(&args[0], schema)?, known_type(&args[at], schema)?)
            && comparison_type(first, other).is_none()
        {
            return Err(no_operator(&BinaryOperator::Eq, Some(first), Some(other)));
        }
    }
    Ok(())
}

/// Values of a type that is compared with itself alone: literals among them are read as it, and a cidr among inets is cast.
/// DataFusion does not bring these together.
fn as_shared_own(expr: Expr, values: &[usize], schema: &DFSchema) -> Result<Expr> {
    let Expr::ScalarFunction(ScalarFunction { func, mut args }) = expr else { return Ok(expr) };
    for places in alike(func.name(), &args, values) {
        let types = places.iter().map(|at| known_type(&args[*at], schema)).collect::<Result<Vec<_>>>()?;
        let Some(shared) = shared_own(&types) else { continue };
        for (at, ty) in places.iter().zip(types).filter(|(_, ty)| ty.is_none_or(|ty| ty.oid != shared.oid)) {
            let arg = std::mem::take(&mut args[*at]);
            args[*at] = match ty {
                Some(_) => cast_expr(arg, shared, CastKind::Explicit),
                None => read_as(arg, Some(shared))?,
            };
        }
    }
    Ok(Expr::ScalarFunction(ScalarFunction { func, args }))
}

/// Positions of arguments that are of one type: those of which one is chosen, and those that are compared.
fn alike(function: &str, args: &[Expr], values: &[usize]) -> Vec<Vec<usize>> {
    let compared = compared(function, args);
    match compared.is_empty() {
        true => vec![values.to_vec()],
        false => vec![values.to_vec(), [vec![0], compared].concat()],
    }
}

/// The type in which values meet, if it is one that is compared with itself alone.
fn shared_own(types: &[Option<PgType>]) -> Option<PgType> {
    let mut known = types.iter().flatten().copied();
    let first = known.next()?;
    let shared = known.try_fold(first, comparison_type)?;
    matches!(category(shared), Category::Own(_)).then(|| PgType::plain(shared.oid))
}

/// Numbers of which one is a float as that float.
fn as_shared_number(function: &str, args: &mut [Expr], values: &[usize], schema: &DFSchema) -> Result<()> {
    let types = values.iter().map(|at| args[*at].get_type(schema)).collect::<Result<Vec<_>>>()?;
    let Some(number) = shared_number(&types).filter(|_| function != "nullif") else { return Ok(()) };
    for (at, _) in values.iter().zip(types).filter(|(_, ty)| *ty != number && !ty.is_null()) {
        let arg = std::mem::take(&mut args[*at]);
        args[*at] = cast_to_arrow(arg, pg_type_of_arrow(&number), number.clone(), CastKind::Explicit);
    }
    Ok(())
}

/// Arrays of which one may have any dimensions in the form of that one, among them one that is compared. Those that are put
/// into an array stay as they are.
fn as_alike_arrays(function: &str, args: &mut [Expr], values: &[usize], schema: &DFSchema) -> Result<()> {
    if function == array_types::MAKE {
        return Ok(());
    }
    let values = if function == "nullif" { &[0, 1] } else { values };
    let chosen = values.iter().map(|at| std::mem::take(&mut args[*at])).collect();
    for (at, value) in values.iter().zip(array_forms::alike(chosen, schema)?) {
        args[*at] = value;
    }
    Ok(())
}

/// Positions of what is compared with the first argument, where that is of an enum type, which is given.
fn compared_labels(function: &str, args: &[Expr], schema: &DFSchema) -> Result<Vec<(usize, PgType)>> {
    let compared = compared(function, args);
    if compared.is_empty() {
        return Ok(Vec::new());
    }
    let label = known_type(&args[0], schema)?.filter(|ty| ty.enum_definition().is_some());
    Ok(label.map_or_else(Vec::new, |ty| compared.into_iter().map(|at| (at, ty)).collect()))
}

fn is_extreme(function: &str) -> bool {
    matches!(function, "greatest" | "least")
}

/// The label at the greatest, or least, of the places where the labels stand.
fn extreme_label(function: &Arc<ScalarUDF>, labels: Vec<Expr>, ty: PgType) -> Result<Expr> {
    let Some(place) = Key::of(PgType::plain(ty.oid), Comparison::Order).filter(|_| !ty.is_array()) else {
        return Err(not_supported(format!("{} of arrays of an enum type", function.name())));
    };
    let places = labels.into_iter().map(|label| place.call(label)).collect::<Result<Vec<_>>>()?;
    let label = named(enums::LABEL)?.call(vec![function.call(places), lit(i64::from(ty.oid))]);
    Ok(marked(label, ty))
}

/// An item of an array by itself, with its type.
fn item(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    let ty = marked_pg_type(expr.to_field(schema)?.1.as_ref());
    let Expr::ScalarFunction(ScalarFunction { mut args, .. }) = expr else {
        return internal_err!("an item is what a function says");
    };
    let item = args.swap_remove(0);
    Ok(match ty {
        Some(ty) => marked(item, ty),
        None => item,
    })
}

/// A string literal as the type that the other values share. A number's digits are left to DataFusion.
fn read_as(value: Expr, shared: Option<PgType>) -> Result<Expr> {
    if let (Some(ty), Expr::Literal(ScalarValue::Utf8(Some(text)), _)) = (shared, &value) {
        check_literal(text, ty)?;
    }
    Ok(match (shared, &value) {
        (Some(ty), Expr::Literal(ScalarValue::Utf8(Some(_)), _))
            if ![PgType::TEXT.oid, PgType::NUMERIC.oid].contains(&ty.oid) =>
        {
            let form = cast_form(PgType::plain(ty.oid), &value, &DataType::Utf8);
            cast_expr(value, form, CastKind::Explicit)
        }
        _ => value,
    })
}

/// A string literal beside arrays of records: it can only be the array without any, since nobody knows their fields.
fn no_records(value: &Expr, shared: Option<PgType>, arrow: &DataType) -> Result<Option<Expr>> {
    let (Some(PgType::RECORD_ARRAY), Expr::Literal(ScalarValue::Utf8(Some(text)), _), DataType::List(item)) =
        (shared, value, arrow)
    else {
        return Ok(None);
    };
    if text.trim() != "{}" {
        return Err(error("0A000", "input of anonymous composite types is not implemented"));
    }
    let none =
        ListArray::try_new(Arc::clone(item), OffsetBuffer::from_lengths([0]), new_empty_array(item.data_type()), None)?;
    Ok(Some(lit(ScalarValue::List(Arc::new(none)))))
}

/// Values of which one is chosen are all numbers, all texts, all times or all of one other type.
fn refuse_mixture(function: &str, types: &[Option<PgType>]) -> Result<()> {
    let is_plain = |ty: &&PgType| !ty.kind().is_some_and(TypeKind::is_registered);
    let kind = |ty: &PgType| match category(*ty) {
        Category::Number => Some(0),
        Category::Text => Some(1),
        Category::Bool => Some(2),
        Category::Time => Some(3),
        Category::Enum(oid) => Some(oid),
        Category::Array | Category::Own(_) | Category::Other => None,
    };
    let mut known = types.iter().flatten().filter(is_plain);
    let Some((first, first_kind)) = known.next().and_then(|ty| Some((ty, kind(ty)?))) else { return Ok(()) };
    match known.find(|ty| kind(ty).is_some_and(|kind| kind != first_kind)) {
        Some(other) if function != "nullif" => Err(mixed(function, *first, *other)),
        _ => Ok(()),
    }
}

fn mixed(function: &str, first: PgType, other: PgType) -> DataFusionError {
    let name = |ty: PgType| type_name(PgType::plain(ty.oid));
    let (word, first, other) = match function {
        // What ELSE gives is looked at first.
        CASE | CASE_OF => ("CASE".to_owned(), other, first),
        array_types::MAKE => ("ARRAY".to_owned(), first, other),
        function => (function.to_uppercase(), first, other),
    };
    error("42804", format!("{word} types {} and {} cannot be matched", name(first), name(other)))
}

/// What stands behind WHEN is a condition, unless CASE compares it with an operand.
fn refuse_conditions(function: &str, args: &[Expr], values: &[usize], schema: &DFSchema) -> Result<()> {
    if function != CASE {
        return Ok(());
    }
    for at in (0..args.len()).filter(|at| !values.contains(at)) {
        match known_type(&args[at], schema)? {
            Some(ty) if ty != PgType::BOOL => {
                let name = type_name(PgType::plain(ty.oid));
                return Err(error("42804", format!("argument of CASE/WHEN must be type boolean, not type {name}")));
            }
            _ => {}
        }
    }
    Ok(())
}

/// `None` for a string literal, for NULL and for a parameter without a type, which take any type.
fn known_type(value: &Expr, schema: &DFSchema) -> Result<Option<PgType>> {
    match value {
        Expr::Literal(literal, _) if is_unknown(literal) => Ok(None),
        value => {
            let field = value.to_field(schema)?.1;
            Ok((!field.data_type().is_null()).then(|| pg_type(&field)))
        }
    }
}

fn case(operand: Option<Expr>, mut args: Vec<Expr>) -> Expr {
    let else_expr = if args.len() % 2 == 1 { args.pop().map(Box::new) } else { None };
    let mut args = args.into_iter().map(Box::new);
    let mut branches = Vec::new();
    while let (Some(condition), Some(value)) = (args.next(), args.next()) {
        branches.push((condition, value));
    }
    Expr::Case(Case::new(operand.map(Box::new), branches, else_expr))
}
