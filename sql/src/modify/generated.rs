//! Generated columns among the rows of a plan, where other expressions read them: those of RETURNING, and what `excluded`
//! names. What is stored is computed once more where rows are shaped.

use std::sync::Arc;

use datafusion::common::{Column, DFSchema, TableReference};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};

use crate::error::SqlError;
use crate::parse::parse_expression;
use crate::plan::Planner;
use crate::write::{Target, assigned};

/// The rows with the table's generated columns computed of its others, which are those of that name in the plan.
pub(super) fn computed(
    planner: &Planner<'_>,
    target: &Target,
    name: Option<&str>,
    rows: LogicalPlan,
) -> Result<LogicalPlan, SqlError> {
    if !target.fields.iter().any(|field| target.is_generated(field.field.name())) {
        return Ok(rows);
    }
    let schema = Arc::clone(rows.schema());
    let is_own = |of: Option<&TableReference>| of.map(TableReference::table) == name;
    let own = schema.iter().filter(|(of, _)| is_own(*of)).map(|(of, field)| (of.cloned(), Arc::clone(field)));
    let own = DFSchema::new_with_metadata(own.collect(), Default::default())?;
    let mut output = Vec::with_capacity(schema.fields().len());
    for (of, field) in schema.iter() {
        let at = target.position(field.name()).filter(|_| is_own(of) && target.is_generated(field.name()));
        output.push(match at {
            None => Expr::Column(Column::new(of.cloned(), field.name())),
            Some(at) => expression(planner, target, at, &own)?.alias_qualified(of.cloned(), field.name()),
        });
    }
    Ok(LogicalPlanBuilder::from(rows).project(output)?.build()?)
}

fn expression(planner: &Planner<'_>, target: &Target, at: usize, own: &DFSchema) -> Result<Expr, SqlError> {
    let column = target.column(target.fields[at].id);
    let text = column.default.as_ref().map_or("NULL", |own| own.expression.as_str());
    assigned(target, at, planner.over(&parse_expression(text)?, own, &[])?, own)
}
