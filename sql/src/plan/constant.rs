//! Values of constant expressions.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::{ExprSchemable, LogicalPlanBuilder};
use peristyle_catalog::model::PgType;
use peristyle_storage::types::{arrow_type, pg_type};
use sqlparser::ast;

use super::parameters::{self, Bound};
use super::{Planner, collect};
use crate::error::{SqlError, SqlState};
use crate::scope::Scope;
use crate::{semantics, values};

/// A constant expression's value, assigned to a type if one is given.
pub(crate) async fn constant(
    scope: &Arc<Scope>,
    expression: &ast::Expr,
    assigned: Option<(PgType, DataType)>,
) -> Result<(ScalarValue, PgType), SqlError> {
    let planner = Planner::new(scope)?;
    let empty = DFSchema::empty();
    let mut planned = planner.expression(expression, &empty)?;
    if let Some((ty, arrow)) = assigned {
        planned = semantics::assignment_cast(planned, &empty, ty, &arrow)?;
    }
    let plan = LogicalPlanBuilder::empty(true).project([planned.alias("value")])?.build()?;
    let physical = planner.physical(plan, &Bound::default()).await?;
    let ty = pg_type(physical.schema().field(0));
    let batches = collect(scope, physical, planner.task()).await?;
    let batch = batches.iter().find(|batch| batch.num_rows() > 0).ok_or_else(|| SqlError::internal("no value"))?;
    Ok((ScalarValue::try_from_array(batch.column(0), 0)?, ty))
}

/// The value of an argument of EXECUTE, as assigned to parameter `number`.
pub(crate) async fn argument(
    scope: &Arc<Scope>,
    expression: &ast::Expr,
    ty: PgType,
    number: usize,
) -> Result<ScalarValue, SqlError> {
    let (_, field) = Planner::new(scope)?.expression(expression, &DFSchema::empty())?.to_field(&DFSchema::empty())?;
    let given = pg_type(&field);
    if !semantics::is_assignable(given, ty) {
        let (given, expected) = (values::type_name(given), values::type_name(ty));
        let message = format!("parameter ${number} of type {given} cannot be coerced to the expected type {expected}");
        return Err(SqlError::new(SqlState::DATATYPE_MISMATCH, message)
            .hint("You will need to rewrite or cast the expression."));
    }
    let planned = parameters::planned_as(ty);
    let assigned = (planned, arrow_type(planned, None));
    Ok(constant(scope, expression, Some(assigned)).await?.0)
}
