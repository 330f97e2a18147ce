//! INSERT … VALUES whose cells are expressions: each is assigned to its column by itself, so that the cells of one
//! column may differ in type.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::metadata::FieldMetadata;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, lit};
use peristyle_catalog::model::{PgType, widen};
use peristyle_storage::shape::{is_shaped, list_of_shaped, shaped_type};
use peristyle_storage::types::{DECIMAL256_PRECISION_MAX, decimal_type, pg_field, pg_metadata, pg_type};
use sqlparser::ast::{Query, SetExpr, Visit, Visitor};

use super::Target;
use super::assign::{assigned, check_count, kept};
use crate::error::SqlError;
use crate::functions::signature::decimal_of;
use crate::parse::bare_body;
use crate::plan::Planner;
use crate::semantics::type_planner::arrow_of;
use crate::semantics::{self, CastKind};

/// The rows of a bare VALUES list, columns called and typed as the target's; `None` for any other source, and for open
/// tables, whose columns take the type of what they are given.
pub(super) fn plan(
    planner: &Planner<'_>,
    target: &Target,
    names: &[String],
    source: &Query,
    types: &[Option<PgType>],
) -> Result<Option<LogicalPlan>, SqlError> {
    let Some(SetExpr::Values(values)) = bare_body(source) else { return Ok(None) };
    if target.is_open() {
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
    let rows = rows.into_iter().map(|row| in_form(row, &fields)).collect::<Result<Vec<_>, _>>()?;
    let plan = if has_subquery(source) { one_by_one(rows)? } else { at_once(rows, &fields)? };
    name(plan, &fields).map(Some)
}

/// The cells with arrays of any dimensions where their column has some.
fn in_form(row: Vec<Expr>, fields: &[FieldRef]) -> Result<Vec<Expr>, SqlError> {
    let cells = row.into_iter().zip(fields).map(|(cell, field)| {
        let is_list = is_shaped(field.data_type()) && cell.get_type(&DFSchema::empty())?.is_list();
        let cast = |cell| semantics::cast_to_arrow(cell, pg_type(field), field.data_type().clone(), CastKind::Explicit);
        Ok(if is_list { cast(cell) } else { cell })
    });
    cells.collect()
}

/// The rows of a bare VALUES list for an open table whose cells differ in type within a column: each column has the type
/// that takes all of its cells (law 8), unless it keeps its own. `None` for any other source, and where the cells agree.
pub(super) fn plan_mixed(
    planner: &Planner<'_>,
    target: &Target,
    names: &[String],
    source: &Query,
    types: &[Option<PgType>],
) -> Result<Option<LogicalPlan>, SqlError> {
    let Some(SetExpr::Values(values)) = bare_body(source) else { return Ok(None) };
    let width = values.rows.first().map_or(0, |row| row.len());
    if !target.is_open() || values.rows.iter().any(|row| row.len() != width) {
        return Ok(None);
    }
    let positions: Vec<Option<usize>> = names.iter().map(|name| target.position(name)).collect();
    let mut rows: Vec<Vec<Expr>> = Vec::with_capacity(values.rows.len());
    for row in &values.rows {
        let cells = row.iter().map(|cell| planner.cell(&planner.prepared(cell)?, types));
        rows.push(cells.collect::<Result<_, SqlError>>()?);
    }
    let columns = (0..width).map(|place| mixed_field(place, &rows)).collect::<Result<Vec<_>, SqlError>>()?;
    if columns.iter().all(|column| !column.is_mixed) {
        return Ok(None);
    }
    for row in &mut rows {
        for (cell, at) in row.iter_mut().zip(&positions) {
            let kept = at.map_or(Ok(None), |at| kept(target, at, cell, &DFSchema::empty()))?;
            kept.into_iter().for_each(|kept| *cell = kept);
        }
    }
    let columns = (0..width).map(|place| mixed_field(place, &rows)).collect::<Result<Vec<_>, SqlError>>()?;
    let fields: Vec<FieldRef> = columns.into_iter().map(|column| column.field).collect();
    let rows = rows.into_iter().map(|row| row.into_iter().zip(&fields).map(as_field).collect());
    let rows = rows.collect::<Result<Vec<Vec<Expr>>, SqlError>>()?;
    let plan = if has_subquery(source) { one_by_one(rows)? } else { at_once(rows, &fields)? };
    name(plan, &fields).map(Some)
}

/// A cell of a list in which others of its column may have another type.
fn as_field((cell, field): (Expr, &FieldRef)) -> Result<Expr, SqlError> {
    let given = cell.get_type(&DFSchema::empty())?;
    Ok(match field.data_type() {
        arrow if given == *arrow => cell,
        arrow if given.is_null() => lit(ScalarValue::try_from(arrow)?),
        arrow => semantics::cast_to_arrow(cell, pg_type(field), arrow.clone(), CastKind::Explicit),
    })
}

struct MixedField {
    field: FieldRef,
    is_mixed: bool,
}

fn mixed_field(place: usize, rows: &[Vec<Expr>]) -> Result<MixedField, SqlError> {
    let mut types: Vec<(PgType, DataType)> = Vec::new();
    for row in rows {
        let (_, field) = row[place].to_field(&DFSchema::empty())?;
        let cell = (pg_type(&field), field.data_type().clone());
        if !cell.1.is_null() && !types.contains(&cell) {
            types.push(cell);
        }
    }
    let ty = types.iter().map(|(ty, _)| *ty).reduce(widen).unwrap_or(PgType::TEXT);
    let decimals = types.iter().map(|(_, arrow)| decimal_of(arrow));
    let arrow = match ty {
        _ if types.is_empty() => DataType::Null,
        PgType::NUMERIC => decimals.reduce(|a, b| wider(&a, &b)).unwrap_or(DataType::Null),
        ty => arrow_of(ty),
    };
    let is_mixed = types.iter().any(|(other, _)| *other != types[0].0);
    Ok(MixedField { field: pg_field(&format!("column{}", place + 1), ty, arrow, true), is_mixed })
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

/// The type that holds the decimals of both, or the arrays of them, arrays of any dimensions if one is; any others are the
/// same.
pub(crate) fn wider(a: &DataType, b: &DataType) -> DataType {
    if is_shaped(a) || is_shaped(b) {
        let list = |ty: &DataType| list_of_shaped(ty).unwrap_or(ty).clone();
        return shaped_type(&wider(&list(a), &list(b)));
    }
    if let (DataType::List(a), DataType::List(b)) = (a, b) {
        let item = a.as_ref().clone().with_data_type(wider(a.data_type(), b.data_type()));
        return DataType::List(Arc::new(item));
    }
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
