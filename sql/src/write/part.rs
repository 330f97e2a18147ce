//! Parts of columns that are assigned to: `a[1]` and `a[2:3]` in SET, and in an INSERT's list of columns.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{Column as PlanColumn, DFSchema, ScalarValue};
use datafusion::logical_expr::{Expr as PlanExpr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, lit};
use peristyle_catalog::model::PgType;
use peristyle_storage::shape::item_of_array;
use peristyle_storage::types::pg_type;
use sqlparser::ast::{
    AccessExpr, Expr, FunctionArg, FunctionArgExpr, Ident, Insert, ObjectName, ObjectNamePart, Query, SetExpr,
    Subscript,
};

use super::assign::{assigned, check_count};
use super::literal_rows::is_default;
use super::value_rows::wider;
use super::{Target, identity, literal_rows};
use crate::error::{SqlError, SqlState};
use crate::functions::array_change::{OPEN_BOUND, PUT_ITEM, PUT_SLICE};
use crate::functions::named;
use crate::names::fold;
use crate::parse::is_part_mark;
use crate::plan::{Planner, parameters};
use crate::semantics::{CastKind, assignment_cast, cast_to_arrow, is_taken};
use crate::values::type_name;

/// The part of an array that a value goes to.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    subscripts: Vec<Subscript>,
}

/// A column that is assigned to, and the part of it if not all.
pub(crate) fn split(name: &ObjectName) -> Result<(ObjectName, Option<Part>), SqlError> {
    let Some((ObjectNamePart::Function(call), column)) = name.0.split_last() else { return Ok((name.clone(), None)) };
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::CompoundFieldAccess { access_chain, .. }))] =
        call.args.as_slice()
    else {
        return Err(SqlError::syntax(format!("syntax error at or near \"{name}\"")));
    };
    let subscript = |access: &AccessExpr| match access {
        AccessExpr::Subscript(subscript) if is_part_mark(&call.name) => Ok(subscript.clone()),
        _ => Err(SqlError::unsupported("assigning to a field of a column is not supported")),
    };
    let subscripts = access_chain.iter().map(subscript).collect::<Result<_, _>>()?;
    Ok((ObjectName(column.to_vec()), Some(Part { subscripts })))
}

/// What an assignment of a part is planned with.
pub(crate) struct Assigning<'p, 'a> {
    pub(crate) planner: &'p Planner<'a>,
    pub(crate) target: &'p Target,
    /// Of the rows that values are computed of.
    pub(crate) schema: &'p DFSchema,
    /// Of the rows that subscripts are computed of.
    pub(crate) subscripts: &'p DFSchema,
    pub(crate) types: &'p [Option<PgType>],
}

impl Part {
    /// The type of what is assigned to it: that of an item, or the array's own.
    pub(crate) fn ty(&self, array: PgType) -> Option<PgType> {
        if self.is_slice() { Some(array) } else { array.element() }
    }

    /// Parameters that are subscripts as they are have the type of one.
    pub(crate) fn hint(&self, hinted: &mut [Option<PgType>]) {
        let written = self.subscripts.iter().flat_map(|subscript| match subscript {
            Subscript::Index { index } => vec![index],
            Subscript::Slice { lower_bound, upper_bound, .. } => lower_bound.iter().chain(upper_bound).collect(),
        });
        for number in written.filter_map(parameters::placeholder) {
            hinted[number - 1].get_or_insert(PgType::INT4);
        }
    }

    /// The subscripts as written.
    pub(crate) fn subscripts(&mut self) -> &mut Vec<Subscript> {
        &mut self.subscripts
    }

    fn is_slice(&self) -> bool {
        self.subscripts.iter().any(|subscript| matches!(subscript, Subscript::Slice { .. }))
    }

    /// The array of the target's column at that place with the value in this part of it.
    pub(crate) fn put(
        &self,
        assigning: &Assigning<'_, '_>,
        at: usize,
        array: PlanExpr,
        value: PlanExpr,
    ) -> Result<PlanExpr, SqlError> {
        let column = &assigning.target.fields[at];
        let item = item_of_array(column.field.data_type()).filter(|_| column.ty.is_array());
        let (Some(ty), Some(item)) = (self.ty(column.ty), item) else { return Err(no_array(column.ty)) };
        let given = value.to_field(assigning.schema)?.1;
        if !is_taken(&given, ty) {
            return Err(mismatch(column.field.name(), ty, pg_type(&given)));
        }
        let stored = if self.is_slice() { column.field.data_type() } else { item.data_type() };
        let value = assignment_cast(value, assigning.schema, ty, stored)?;
        let mut args = with_items_alike((array, column.ty), (value, ty), assigning.schema)?.to_vec();
        for subscript in &self.subscripts {
            args.extend(self.subscript(assigning, subscript)?);
        }
        Ok(named(if self.is_slice() { PUT_SLICE } else { PUT_ITEM })?.call(args))
    }

    /// A subscript as arguments. If one is a range all are: a place is one that begins at 1.
    fn subscript(&self, assigning: &Assigning<'_, '_>, subscript: &Subscript) -> Result<Vec<PlanExpr>, SqlError> {
        let bound = |written: &Option<Expr>| match written {
            Some(written) => subscript_value(assigning, written),
            None => Ok(lit(OPEN_BOUND)),
        };
        match subscript {
            Subscript::Slice { stride: Some(_), .. } => Err(SqlError::syntax("syntax error at or near \":\"")),
            Subscript::Slice { lower_bound, upper_bound, .. } => Ok(vec![bound(lower_bound)?, bound(upper_bound)?]),
            Subscript::Index { index } if self.is_slice() => Ok(vec![lit(1_i32), subscript_value(assigning, index)?]),
            Subscript::Index { index } => Ok(vec![subscript_value(assigning, index)?]),
        }
    }
}

fn subscript_value(assigning: &Assigning<'_, '_>, written: &Expr) -> Result<PlanExpr, SqlError> {
    let value = assigning.planner.over(written, assigning.subscripts, assigning.types)?;
    if !is_taken(&value.to_field(assigning.subscripts)?.1, PgType::INT4) {
        return Err(SqlError::new(SqlState::DATATYPE_MISMATCH, "array subscript must have type integer"));
    }
    assignment_cast(value, assigning.subscripts, PgType::INT4, &DataType::Int32)
}

fn no_array(ty: PgType) -> SqlError {
    let name = type_name(PgType::plain(ty.oid));
    if ty == PgType::JSONB {
        return SqlError::unsupported("assigning to a part of a jsonb is not supported");
    }
    let message = format!("cannot subscript type {name} because it does not support subscripting");
    SqlError::new(SqlState::DATATYPE_MISMATCH, message)
}

fn mismatch(column: &str, wanted: PgType, given: PgType) -> SqlError {
    let message = format!(
        "subscripted assignment to \"{column}\" requires type {} but expression is of type {}",
        type_name(wanted),
        type_name(given)
    );
    SqlError::new(SqlState::DATATYPE_MISMATCH, message).hint("You will need to rewrite or cast the expression.")
}

/// An array and what comes into it, as arrays of items of one type: numbers have the digits that all of them need.
fn with_items_alike(
    array: (PlanExpr, PgType),
    value: (PlanExpr, PgType),
    schema: &DFSchema,
) -> Result<[PlanExpr; 2], SqlError> {
    let (has, comes) = (array.0.get_type(schema)?, value.0.get_type(schema)?);
    let Some(item) = item_of_array(&has) else { return Ok([array.0, value.0]) };
    let coming = item_of_array(&comes).map_or(&comes, |item| item.data_type());
    if item.data_type() == coming {
        return Ok([array.0, value.0]);
    }
    let both = wider(&has, &DataType::List(Arc::new(item.as_ref().clone().with_data_type(coming.clone()))));
    let of_value = match (item_of_array(&comes), item_of_array(&both)) {
        (None, Some(item)) => item.data_type().clone(),
        _ => both.clone(),
    };
    let cast = |(expr, ty), wanted| cast_to_arrow(expr, ty, wanted, CastKind::Explicit);
    Ok([cast(array, both), cast(value, of_value)])
}

/// The columns that an INSERT names, each as often as it is named, and the parts of them.
pub(super) fn named_parts(insert: &Insert) -> Result<Vec<(Ident, Option<Part>)>, SqlError> {
    let one = |name: &ObjectName| {
        let (column, part) = split(name)?;
        match column.0.as_slice() {
            [ObjectNamePart::Identifier(ident)] => Ok((ident.clone(), part)),
            _ => Err(SqlError::unsupported("assigning to a part of a column is not supported")),
        }
    };
    insert.columns.iter().map(one).collect()
}

/// Whether an INSERT gives parts of columns.
pub(super) fn gives_parts(insert: &Insert) -> bool {
    insert.columns.iter().any(|name| matches!(name.0.last(), Some(ObjectNamePart::Function(_))))
}

/// The names of the columns that the parts are of; a column may be named again for another part of it.
pub(super) fn names_of(target: &Target, parts: &[(Ident, Option<Part>)]) -> Result<Vec<String>, SqlError> {
    let is_again = |at: usize| {
        let (ident, part) = &parts[at];
        part.is_some() && parts[..at].iter().any(|(other, part)| part.is_some() && fold(other) == fold(ident))
    };
    let once: Vec<Ident> = (0..parts.len()).filter(|at| !is_again(*at)).map(|at| parts[at].0.clone()).collect();
    target.named(&once)?;
    Ok(parts.iter().map(|(ident, _)| fold(ident)).collect())
}

/// 0A000 for DEFAULT as the value of a part.
fn refuse_defaults(source: &Query, parts: &[(Ident, Option<Part>)]) -> Result<(), SqlError> {
    let SetExpr::Values(values) = source.body.as_ref() else { return Ok(()) };
    let is_refused = |(cell, (_, part)): (&Expr, &(Ident, Option<Part>))| part.is_some() && is_default(cell);
    match values.rows.iter().any(|row| row.iter().zip(parts).any(is_refused)) {
        true => Err(no_default()),
        false => Ok(()),
    }
}

pub(crate) fn no_default() -> SqlError {
    SqlError::unsupported("cannot set an array element to DEFAULT")
}

/// The rows of an INSERT that names parts, as its target's columns take them.
pub(super) fn source_plan(
    planner: &Planner<'_>,
    target: &Target,
    insert: &Insert,
    source: &Query,
    types: &[Option<PgType>],
) -> Result<LogicalPlan, SqlError> {
    let parts = named_parts(insert)?;
    refuse_defaults(source, &parts)?;
    let names = names_of(target, &parts)?;
    identity::check(target, &names, insert)?;
    let source = literal_rows::fill_defaults(target, &names, source)?;
    joined(planner, target, &parts, planner.query(&source, types)?, types)
}

/// The rows of an INSERT's source with one column for each that it names, made of the parts that are given.
fn joined(
    planner: &Planner<'_>,
    target: &Target,
    parts: &[(Ident, Option<Part>)],
    rows: LogicalPlan,
    types: &[Option<PgType>],
) -> Result<LogicalPlan, SqlError> {
    let given = Arc::clone(rows.schema());
    check_count(parts.len(), given.fields().len(), target)?;
    let nothing = DFSchema::empty();
    let assigning = Assigning { planner, target, schema: &given, subscripts: &nothing, types };
    let mut columns: Vec<(String, PlanExpr)> = Vec::new();
    for ((ident, part), (of, field)) in parts.iter().zip(given.iter()) {
        let name = fold(ident);
        let at = target.position(&name).ok_or_else(|| target.unknown_column(&name))?;
        let value = PlanExpr::Column(PlanColumn::new(of.cloned(), field.name()));
        let Some(part) = part else {
            columns.push((name, assigned(target, at, value, &given)?));
            continue;
        };
        let before = columns.iter_mut().find(|(column, _)| *column == name);
        let array = before.as_ref().map_or_else(|| null_of(target, at), |(_, array)| array.clone());
        let array = part.put(&assigning, at, array, value)?;
        match before {
            Some((_, before)) => *before = array,
            None => columns.push((name, array)),
        }
    }
    let mut output = Vec::with_capacity(columns.len());
    for (name, value) in columns {
        let at = target.position(&name).ok_or_else(|| target.unknown_column(&name))?;
        output.push(assigned(target, at, value, &given)?.alias(name));
    }
    Ok(LogicalPlanBuilder::from(rows).project(output)?.build()?)
}

/// An array column's value that is not there yet.
fn null_of(target: &Target, at: usize) -> PlanExpr {
    let column = &target.fields[at];
    cast_to_arrow(lit(ScalarValue::Null), column.ty, column.field.data_type().clone(), CastKind::Explicit)
}
