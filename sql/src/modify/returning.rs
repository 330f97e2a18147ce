//! RETURNING of a statement that changes rows: its expressions see the table's columns and those of the tables that it
//! is joined with.

use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::{Expr, LogicalPlan};
use peristyle_catalog::model::PgType;
use sqlparser::ast::{SelectItem, SelectItemQualifiedWildcardKind};

use super::modified::Modified;
use super::plan::over;
use crate::error::{SqlError, SqlState};
use crate::names::{fold, parts};
use crate::plan::{Planner, expression_name, shown_name};
use crate::scan::is_hidden;

/// What the clause gives.
pub(super) struct Returning {
    pub(super) names: Vec<String>,
    pub(super) items: Vec<Expr>,
}

impl Returning {
    /// The clause over those rows.
    pub(super) fn over(
        planner: &Planner<'_>,
        modified: &Modified,
        items: Option<&[SelectItem]>,
        rows: &LogicalPlan,
        types: &[Option<PgType>],
    ) -> Result<Option<Returning>, SqlError> {
        let Some(items) = items else { return Ok(None) };
        let schema = rows.schema();
        let mut returning = Returning { names: Vec::new(), items: Vec::new() };
        for item in items {
            let mut item = item.clone();
            modified.shorten_item(&mut item);
            let (name, expression) = match &item {
                SelectItem::UnnamedExpr(expression) => (expression_name(expression), expression),
                SelectItem::ExprWithAlias { expr, alias } => (fold(alias), expr),
                SelectItem::Wildcard(_) => {
                    returning.columns(schema, None);
                    continue;
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                    let table = parts(name)?.pop().unwrap_or_default();
                    if returning.columns(schema, Some(&table)) == 0 {
                        let message = format!("missing FROM-clause entry for table \"{table}\"");
                        return Err(SqlError::new(SqlState::UNDEFINED_TABLE, message));
                    }
                    continue;
                }
                SelectItem::QualifiedWildcard(..) | SelectItem::ExprWithAliases { .. } => {
                    return Err(SqlError::syntax("RETURNING takes one name per expression"));
                }
            };
            returning.names.push(name);
            returning.items.push(over(planner, expression, schema, types, "RETURNING")?);
        }
        Ok(Some(returning))
    }

    /// Adds the columns of all tables, or of one; returns how many.
    fn columns(&mut self, schema: &DFSchema, table: Option<&str>) -> usize {
        let mut count = 0;
        for (qualifier, field) in schema.iter() {
            let is_asked = table.is_none_or(|table| qualifier.is_some_and(|of| of.table() == table));
            if is_asked && !is_hidden(field.name()) {
                self.names.push(shown_name(field).to_owned());
                self.items.push(Expr::Column(Column::new(qualifier.cloned(), field.name())));
                count += 1;
            }
        }
        count
    }
}
