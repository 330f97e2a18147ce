//! Arguments that have the type of another one: an item beside the array that it goes into, what `lag` gives where there is
//! no row. A literal without a type is read as that type, so that one of an enum type must be a label.

use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::{Expr, ExprSchemable};
use peristyle_catalog::model::PgType;

use super::assignment::is_text;
use super::cast::{CastKind, cast_expr, cast_to_arrow};
use super::category::arithmetic_type;
use super::comparison::check_literal;
use super::operators::type_of;
use crate::functions::error::undefined_function;
use crate::functions::signature::{field_type_name, is_unknown};

/// The place of the array, and those of the items that go with it.
const ITEMS: &[(&str, usize, &[usize])] = &[
    ("array_append", 0, &[1]),
    ("array_prepend", 1, &[0]),
    ("array_remove", 0, &[1]),
    ("array_replace", 0, &[1, 2]),
    ("array_position", 0, &[1]),
    ("array_positions", 0, &[1]),
];

/// Functions of two arrays of one type.
const OF_ARRAYS: &[&str] = &["array_cat", "array_concat"];

/// The call with such arguments as values of their type.
pub(super) fn rewrite(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::ScalarFunction(mut call) => {
            let changed = settle_call(call.func.name().to_owned().as_str(), &mut call.args, schema)?;
            Ok(Transformed::new_transformed(Expr::ScalarFunction(call), changed))
        }
        Expr::WindowFunction(mut call) if matches!(call.fun.name(), "lag" | "lead") => {
            let name = call.fun.name().to_owned();
            let changed = settle_neighbour(&name, &mut call.params.args, schema)?;
            Ok(Transformed::new_transformed(Expr::WindowFunction(call), changed))
        }
        other => Ok(Transformed::no(other)),
    }
}

/// What `lag` gives where there is no row has the type of what it gives else. No row is NULL rows away.
fn settle_neighbour(name: &str, args: &mut Vec<Expr>, schema: &DFSchema) -> Result<bool> {
    let Some(value) = args.first() else { return Ok(false) };
    let ty = type_of(&value.to_field(schema)?.1);
    if matches!(args.get(1), Some(Expr::Literal(offset, _)) if offset.is_null()) {
        *args = vec![cast_expr(Expr::default(), ty, CastKind::Explicit)];
        return Ok(true);
    }
    if is_enum(ty) {
        return settle(name, args, &[2], ty, schema);
    }
    Ok(read_default(args, ty, schema)? || share_number(args, ty, schema)?)
}

/// Reads a literal as a value like the others, in their form. Texts are as they are, and the digits of a numeric stay.
fn read_default(args: &mut [Expr], ty: PgType, schema: &DFSchema) -> Result<bool> {
    let is_as_it_is = is_text(ty) || ty.oid == PgType::NUMERIC.oid;
    let Some(Expr::Literal(ScalarValue::Utf8(Some(text)), _)) = args.get(2) else { return Ok(false) };
    if is_as_it_is {
        return Ok(false);
    }
    check_literal(text, ty)?;
    let arrow = args[0].get_type(schema)?;
    args[2] = cast_to_arrow(std::mem::take(&mut args[2]), ty, arrow, CastKind::Explicit);
    Ok(true)
}

/// Numbers of two types meet in the type that they share.
fn share_number(args: &mut [Expr], ty: PgType, schema: &DFSchema) -> Result<bool> {
    let [value, _, other] = args else { return Ok(false) };
    let given = type_of(&other.to_field(schema)?.1);
    let is_open = is_unknown(&other.get_type(schema)?);
    let Some(shared) = arithmetic_type(ty, given).filter(|shared| !is_open && shared.oid != ty.oid) else {
        return Ok(false);
    };
    for arg in [value, other] {
        *arg = cast_expr(std::mem::take(arg), shared, CastKind::Explicit);
    }
    Ok(true)
}

fn settle_call(name: &str, args: &mut [Expr], schema: &DFSchema) -> Result<bool> {
    let enum_array = |arg: &Expr| -> Result<Option<PgType>> {
        let ty = type_of(&arg.to_field(schema)?.1);
        Ok(ty.item().filter(|item| is_enum(*item)).map(|_| ty))
    };
    if let Some((_, array, items)) = ITEMS.iter().find(|(function, ..)| *function == name) {
        let array = args.get(*array).map(enum_array).transpose()?.flatten();
        return array.and_then(PgType::item).map_or(Ok(false), |item| settle(name, args, items, item, schema));
    }
    match args {
        [left, right] if OF_ARRAYS.contains(&name) => match (enum_array(left)?, enum_array(right)?) {
            (Some(ty), None) => settle(name, args, &[1], ty, schema),
            (None, Some(ty)) => settle(name, args, &[0], ty, schema),
            _ => Ok(false),
        },
        _ => Ok(false),
    }
}

fn is_enum(ty: PgType) -> bool {
    ty.enum_definition().is_some() && !ty.is_array()
}

/// Reads the literals at those of these places that there are as values of the type; 42883 for a value of another.
fn settle(name: &str, args: &mut [Expr], places: &[usize], ty: PgType, schema: &DFSchema) -> Result<bool> {
    let mut changed = false;
    let count = args.len();
    for place in places.iter().copied().filter(|place| *place < count) {
        let field = args[place].to_field(schema)?.1;
        if field.data_type().is_null() || type_of(&field).oid == ty.oid {
            continue;
        }
        if !is_unknown(field.data_type()) {
            let types = args.iter().map(|arg| Ok(field_type_name(&arg.to_field(schema)?.1)));
            let types = types.collect::<Result<Vec<_>>>()?.join(", ");
            return Err(undefined_function(&format!("{name}({types})")));
        }
        args[place] = cast_expr(std::mem::take(&mut args[place]), ty, CastKind::Explicit);
        changed = true;
    }
    Ok(changed)
}
