//! Values as the columns that they go to store them.

use std::sync::Arc;

use arrow::datatypes::FieldRef;
use datafusion::common::{Column as PlanColumn, DFSchema};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder};
use peristyle_catalog::model::{PgType, widen};
use peristyle_storage::types::pg_type;

use super::Target;
use crate::error::{SqlError, SqlState};
use crate::plan::shown_name;
use crate::semantics::type_planner::arrow_of;
use crate::{functions, semantics};

/// Names the source's columns after the target's and casts them by assignment.
pub(super) fn assign_columns(target: &Target, names: &[String], plan: LogicalPlan) -> Result<LogicalPlan, SqlError> {
    let schema = Arc::clone(plan.schema());
    check_count(names.len(), schema.fields().len(), target)?;
    let mut columns = Vec::with_capacity(names.len());
    for (i, (qualifier, field)) in schema.iter().enumerate() {
        let column = Expr::Column(PlanColumn::new(qualifier.cloned(), field.name()));
        let name = names.get(i).map_or_else(|| shown_name(field), String::as_str);
        let cast = match target.position(name) {
            // An open table's column widens to what it is given. A NULL is of every type.
            Some(at)
                if target.is_open()
                    && !field.data_type().is_null()
                    && is_other_form(target.fields[at].ty, pg_type(field)) =>
            {
                let wide = widen(target.fields[at].ty, pg_type(field));
                match kept(target, at, &column, &schema)? {
                    Some(kept) => kept,
                    None => widened(column, &schema, wide)?,
                }
            }
            Some(at) => assigned(target, at, column, &schema)?,
            None => column,
        };
        columns.push(cast.alias(name));
    }
    Ok(LogicalPlanBuilder::from(plan).project(columns)?.build()?)
}

/// Whether an open table's column takes the value in another form than an assignment would give it: a wider type, or an
/// array as JSON.
fn is_other_form(has: PgType, given: PgType) -> bool {
    widen(has, given) != has || (given.is_array() && !has.is_array())
}

/// A value of the type that an open table's column takes to hold it: what is no JSON yet becomes one.
fn widened(column: Expr, schema: &DFSchema, wide: PgType) -> Result<Expr, SqlError> {
    let is_json = |ty: PgType| ty == PgType::JSON || ty == PgType::JSONB;
    let given = pg_type(&column.to_field(schema)?.1);
    let value =
        if is_json(wide) && !is_json(given) { functions::named("to_jsonb")?.call(vec![column]) } else { column };
    semantics::assignment_cast(value, schema, wide, &arrow_of(wide))
}

/// A value for a column of an open table that does not widen to it: one of the partition key, where rows of the wider type
/// would lie elsewhere, or one of times. `None` for any other column.
pub(super) fn kept(target: &Target, at: usize, value: &Expr, schema: &DFSchema) -> Result<Option<Expr>, SqlError> {
    let (_, field) = value.to_field(schema)?;
    let (has, given) = (target.fields[at].ty, pg_type(&field));
    if target.counts_time(at) && semantics::is_number(given) {
        return Ok(Some(functions::epoch_by_magnitude(value.clone())?));
    }
    if target.may_become(at, widen(has, given)) {
        return Ok(None);
    }
    let is_read = semantics::is_text(given) && (target.is_time_key(at) || target.counts_time(at));
    if !is_read {
        check_taken(target.fields[at].field.name(), &field, has)?;
    }
    assigned(target, at, value.clone(), schema).map(Some)
}

/// An expression as the target's column stores it.
pub(crate) fn assigned(target: &Target, at: usize, value: Expr, schema: &DFSchema) -> Result<Expr, SqlError> {
    let wanted = &target.fields[at];
    let (_, field) = value.to_field(schema)?;
    check_assignable(target, wanted.field.name(), &field, wanted.ty)?;
    semantics::assignment_cast(value, schema, wanted.ty, wanted.field.data_type())
}

fn check_assignable(target: &Target, column: &str, field: &FieldRef, to: PgType) -> Result<(), SqlError> {
    if target.is_open() { Ok(()) } else { check_taken(column, field, to) }
}

fn check_taken(column: &str, field: &FieldRef, to: PgType) -> Result<(), SqlError> {
    if semantics::is_taken(field, to) {
        return Ok(());
    }
    let message = format!(
        "column \"{column}\" is of type {} but expression is of type {}",
        crate::values::type_name(to),
        crate::values::type_name(pg_type(field))
    );
    Err(SqlError::new(SqlState::DATATYPE_MISMATCH, message).hint("You will need to rewrite or cast the expression."))
}

/// 42601 if an INSERT gives more columns than it names; fewer get defaults only if none are named.
pub(crate) fn check_count(named: usize, given: usize, target: &Target) -> Result<(), SqlError> {
    if given > named && !(target.is_open() && named == 0) {
        return Err(SqlError::syntax("INSERT has more expressions than target columns"));
    }
    if given < named {
        return Err(SqlError::syntax("INSERT has more target columns than expressions"));
    }
    Ok(())
}
