//! Queries: their rows, and what their rows look like.

use std::sync::Arc;

use arrow::datatypes::{FieldRef, SchemaRef};
use peristyle_catalog::model::PgType;
use peristyle_storage::types::pg_type;
use sqlparser::ast;

use super::parameters::{self, Bound};
use super::{ConstantResult, Planner, collect, constant_query, origins, output_names, start};
use crate::error::SqlError;
use crate::outcome::{ColumnDescription, Outcome, Rows, RowsTag};
use crate::scope::Scope;
use crate::semantics;

/// Runs a query: its rows come as they are taken.
pub(crate) async fn select(
    scope: Arc<Scope>,
    tree: &ast::Statement,
    bound: &Bound,
    known: &ConstantResult,
) -> Result<Outcome, SqlError> {
    let ast::Statement::Query(query) = tree else { return Err(SqlError::internal("a query was expected")) };
    if let Some(outcome) = known.outcome() {
        return Ok(outcome);
    }
    let planner = Planner::new(&scope)?.with_values(bound);
    let plan = planner.shown_query(query, bound.types())?;
    let origins = origins::of(&plan);
    let settled = planner.settled(plan, bound)?;
    let columns = with_origins(describe_schema(settled.schema().inner()), origins);
    let shown = semantics::with_shown_digits(settled)?;
    let physical = planner.physical_of(&planner.optimised_of(shown)?).await?;
    let task = planner.task();
    if constant_query::is_constant(query) {
        let batches = collect(&scope, physical, task).await?;
        known.keep(&columns, &batches);
        return Ok(constant_query::rows(columns, batches));
    }
    let batches = start(&scope, physical, task)?;
    Ok(Outcome::Rows(Rows { columns, batches, tag: RowsTag::Select }))
}

/// Parameters and columns of a query. Columns are those of the optimised plan: coercion settles their types.
pub(crate) fn describe_query(
    scope: &Arc<Scope>,
    tree: &ast::Statement,
    types: &[Option<PgType>],
) -> Result<(Vec<PgType>, Option<Vec<ColumnDescription>>), SqlError> {
    let ast::Statement::Query(query) = tree else { return Err(SqlError::internal("a query was expected")) };
    let hinted = parameters::hinted(scope, tree, types)?;
    let guessed: Vec<_> = hinted.iter().map(|ty| ty.unwrap_or(PgType::TEXT)).collect();
    let unknown = Bound::nulls(&guessed)?;
    let planner = Planner::new(scope)?.with_values(&unknown);
    let plan = planner.query(query, &hinted)?;
    let resolved = parameters::resolve(&plan, &hinted)?;
    let typed: Vec<_> = resolved.iter().copied().map(Some).collect();
    let plan = planner.query(query, &typed)?;
    let origins = origins::of(&plan);
    let nulls = Bound::nulls(&resolved)?;
    let settled = planner.settled(plan, &nulls)?;
    Ok((resolved, Some(with_origins(describe_schema(settled.schema().inner()), origins))))
}

fn with_origins(mut columns: Vec<ColumnDescription>, origins: Vec<Option<origins::Origin>>) -> Vec<ColumnDescription> {
    for (column, origin) in columns.iter_mut().zip(origins) {
        column.origin = origin;
    }
    columns
}

/// The columns of a result by its schema.
pub(crate) fn describe_schema(schema: &SchemaRef) -> Vec<ColumnDescription> {
    schema.fields().iter().map(describe_field).collect()
}

fn describe_field(field: &FieldRef) -> ColumnDescription {
    ColumnDescription::computed(output_names::shown(field.name()), pg_type(field))
}
