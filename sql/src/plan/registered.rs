//! Columns of `regclass` and its like go to the client as the names that their oids stand for.

use std::sync::Arc;

use datafusion::common::{Column, Result, internal_datafusion_err};
use datafusion::logical_expr::expr::FieldMetadata;
use datafusion::logical_expr::planner::ContextProvider;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, ScalarUDF, lit};
use peristyle_catalog::model::TypeKind;
use peristyle_storage::types::marked_pg_type;

/// The plan with its columns of such types as structs of oid and name, which the writers of values know: the text
/// form is the name, the binary form the oid.
pub(super) fn show_names(plan: LogicalPlan, functions: &impl ContextProvider) -> Result<LogicalPlan> {
    let kinds: Vec<Option<&str>> =
        plan.schema().fields().iter().map(|field| marked_pg_type(field)?.kind().and_then(output_function)).collect();
    if kinds.iter().all(Option::is_none) {
        return Ok(plan);
    }
    let shown = plan.schema().iter().zip(kinds).map(|((qualifier, field), function)| {
        let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
        let Some(function) = function else { return Ok(column) };
        let name = found(functions, function)?.call(vec![column.clone()]);
        let pair = found(functions, "named_struct")?.call(vec![lit("oid"), column, lit("name"), name]);
        let metadata = FieldMetadata::from(field.metadata().clone());
        Ok(pair.alias_with_metadata(field.name(), Some(metadata)))
    });
    let shown = shown.collect::<Result<Vec<_>>>()?;
    LogicalPlanBuilder::from(plan).project(shown)?.build()
}

fn found(functions: &impl ContextProvider, name: &str) -> Result<Arc<ScalarUDF>> {
    functions.get_function_meta(name).ok_or_else(|| internal_datafusion_err!("the function {name} is missing"))
}

/// The function that gives the name of an oid of that kind.
fn output_function(kind: TypeKind) -> Option<&'static str> {
    match kind {
        TypeKind::Regclass => Some("regclass_out"),
        TypeKind::Regtype => Some("regtype_out"),
        TypeKind::Regproc => Some("regproc_out"),
        TypeKind::Regprocedure => Some("regprocedure_out"),
        TypeKind::Regnamespace => Some("regnamespace_out"),
        TypeKind::Regrole => Some("regrole_out"),
        _ => None,
    }
}
