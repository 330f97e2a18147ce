//! Views: a stored text becomes a plan, its names meaning what they meant when the view was created.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use datafusion::catalog::TableProvider;
use datafusion::common::{Column, DFSchema};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableSource};
use peristyle_catalog::model::{Oid, Relation, StoredQuery, View, ViewDependency};

use super::origins::view_mark;
use super::provider::Binding;
use super::{Planner, shown_name};
use crate::error::SqlError;
use crate::parse::parse_query;
use crate::scope::Scope;

/// The view as a source of rows.
pub(crate) fn expand(
    scope: &Arc<Scope>,
    relation: &Arc<Relation>,
    view: &View,
) -> Result<Arc<dyn TableSource>, SqlError> {
    scope.note_read(relation);
    let (_, plan) = plan_stored(scope, &view.query)?;
    let plan = rename_columns(plan, relation.oid, view)?;
    let table = ViewTable::new(plan, Some(relation.name.clone()));
    Ok(provider_as_source(Arc::new(table) as Arc<dyn TableProvider>))
}

/// The plan of a stored query, and the planner that made it.
pub(crate) fn plan_stored<'a>(
    scope: &'a Arc<Scope>,
    stored: &StoredQuery,
) -> Result<(Planner<'a>, LogicalPlan), SqlError> {
    let binding = |on: &ViewDependency| Binding {
        written: on.written.clone(),
        relation: on.relation,
        columns: on.columns.clone(),
    };
    let bindings: Vec<Binding> = stored.depends_on.iter().map(binding).collect();
    let planner = Planner::for_view(scope, &stored.search_path, &bindings)?;
    let plan = planner.query(&*parse_query(&stored.text)?, &[])?;
    Ok((planner, plan))
}

/// The plan with its columns called as the view calls them, in order.
fn rename_columns(plan: LogicalPlan, oid: Oid, view: &View) -> Result<LogicalPlan, SqlError> {
    let schema: &DFSchema = plan.schema();
    let columns: Vec<Expr> = schema
        .iter()
        .enumerate()
        .map(|(i, (qualifier, field))| {
            let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
            match view.columns.get(i) {
                Some(shown) => column.alias_qualified(Some(view_mark((oid, shown.attnum))), &shown.name),
                None => column.alias(shown_name(field)),
            }
        })
        .collect();
    Ok(LogicalPlanBuilder::from(plan).project(columns)?.build()?)
}

/// The fields that a view over this plan shows.
pub(crate) fn output_fields(plan: &LogicalPlan) -> Schema {
    let fields: Vec<Field> =
        plan.schema().fields().iter().map(|field| field.as_ref().clone().with_name(shown_name(field))).collect();
    Schema::new(fields)
}
