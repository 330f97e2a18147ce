//! INSERT … VALUES whose cells are expressions: each is assigned to its column by itself, so that the cells of one
//! column may differ in type.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::DFSchema;
use datafusion::common::metadata::FieldMetadata;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder};
use peristyle_catalog::model::PgType;
use peristyle_storage::types::{DECIMAL256_PRECISION_MAX, decimal_type, pg_field, pg_metadata};
use sqlparser::ast::{Query, SetExpr, Visit, Visitor};

use super::Target;
use super::insert::{assigned, check_count};
use crate::error::SqlError;
use crate::plan::Planner;

/// The rows of a bare VALUES list, columns called and typed as the target's; `None` for any other source, and for open
/// tables, whose columns take the type of what they are given.
pub(super) fn plan(
    planner: &Planner<'_>,
    target: &Target,
    names: &[String],
    source: &Query,
    types: &[Option<PgType>],
) -> Result<Option<LogicalPlan>, SqlError> {
    let SetExpr::Values(values) = source.body.as_ref() else { return Ok(None) };
    let is_bare = source.with.is_none() && source.order_by.is_none() && source.limit_clause.is_none();
    if target.is_open() || !is_bare {
        return Ok(None);
    }
    let positions: Vec<usize> = names.iter().filter_map(|name| target.position(name)).collect();
    let mut rows = Vec::with_capacity(values.rows.len());
    for row in &values.rows {
        check_count(names.len(), row.len(), target)?;
        let cells = row.iter().zip(&positions);
        let planned = cells.map(|(cell, &at)| {
            let planned = planner.cell(&planner.prepared(cell)?, types)?;
            assigned(target, at, planned, &DFSchema::empty())
        });
        rows.push(planned.collect::<Result<Vec<Expr>, SqlError>>()?);
    }
    let fields = positions.iter().enumerate().map(|(column, &at)| field(target, at, column, &rows));
    let fields = fields.collect::<Result<Vec<_>, _>>()?;
    let plan = if has_subquery(source) { one_by_one(rows)? } else { at_once(rows, &fields)? };
    name(plan, &fields).map(Some)
}

/// The column as the rows give it: a bare numeric has the digits that its cells need.
fn field(target: &Target, at: usize, column: usize, rows: &[Vec<Expr>]) -> Result<FieldRef, SqlError> {
    let wanted = &target.fields[at];
    let mut arrow: Option<DataType> = None;
    for row in rows {
        let cell = row[column].get_type(&DFSchema::empty())?;
        arrow = Some(arrow.map_or_else(|| cell.clone(), |arrow| wider(&arrow, &cell)));
    }
    let arrow = arrow.unwrap_or_else(|| wanted.field.data_type().clone());
    Ok(pg_field(wanted.field.name(), wanted.ty, arrow, true))
}

/// The type that holds the decimals of both; any others are the same.
fn wider(a: &DataType, b: &DataType) -> DataType {
    let digits = |ty: &DataType| match ty {
        DataType::Decimal128(p, s) | DataType::Decimal256(p, s) => Some((p.saturating_add_signed(-s), *s)),
        _ => None,
    };
    match (digits(a), digits(b)) {
        (Some((a_whole, a_scale)), Some((b_whole, b_scale))) => {
            let scale = a_scale.max(b_scale);
            let precision = a_whole.max(b_whole).saturating_add_signed(scale).min(DECIMAL256_PRECISION_MAX);
            decimal_type(precision, scale)
        }
        _ => a.clone(),
    }
}

fn at_once(rows: Vec<Vec<Expr>>, fields: &[FieldRef]) -> Result<LogicalPlan, SqlError> {
    let schema = DFSchema::from_unqualified_fields(fields.to_vec().into(), Default::default())?;
    Ok(LogicalPlanBuilder::values_with_schema(rows, &Arc::new(schema))?.build()?)
}

/// A projection per row: the optimiser turns subqueries into joins there, and not in a list of values.
fn one_by_one(rows: Vec<Vec<Expr>>) -> Result<LogicalPlan, SqlError> {
    let mut all: Option<LogicalPlanBuilder> = None;
    for row in rows {
        let cells = row.into_iter().enumerate().map(|(i, cell)| cell.alias(format!("column{}", i + 1)));
        let plan = LogicalPlanBuilder::empty(true).project(cells)?;
        all = Some(match all {
            None => plan,
            Some(all) => all.union(plan.build()?)?,
        });
    }
    Ok(all.ok_or_else(|| SqlError::internal("VALUES without a row"))?.build()?)
}

fn name(plan: LogicalPlan, fields: &[FieldRef]) -> Result<LogicalPlan, SqlError> {
    let schema = Arc::clone(plan.schema());
    let columns = schema.columns().into_iter().zip(fields).map(|(column, field)| {
        let mark = FieldMetadata::from(pg_metadata(peristyle_storage::types::pg_type(field)));
        Expr::Column(column).alias_with_metadata(field.name(), Some(mark))
    });
    Ok(LogicalPlanBuilder::from(plan).project(columns)?.build()?)
}

fn has_subquery(source: &Query) -> bool {
    /// Ends at a query inside of the one that it is given.
    struct Finder(usize);
    impl Visitor for Finder {
        type Break = ();
        fn pre_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
            self.0 += 1;
            if self.0 > 1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
    source.visit(&mut Finder(0)).is_break()
}
