//! The rows of a table that its retention does not hide.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::{Column, TableReference};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, TableSource};
use peristyle_catalog::model::{ColumnId, Relation};

use super::{KEY_COLUMN, Provider};
use crate::error::SqlError;
use crate::retention::Kept;
use crate::scan::TableScan;

impl Provider<'_> {
    /// A view's columns and the one that tells which rows are hidden, if the view does not read it.
    pub(super) fn with_key(
        &self,
        relation: &Relation,
        columns: Option<&[(String, ColumnId)]>,
    ) -> Result<Option<Vec<(String, ColumnId)>>, SqlError> {
        let (Some(columns), Some(kept)) = (columns, self.kept(relation)?) else { return Ok(None) };
        if columns.iter().any(|(_, id)| *id == kept.column) {
            return Ok(None);
        }
        Ok(Some(columns.iter().cloned().chain([(KEY_COLUMN.to_owned(), kept.column)]).collect()))
    }

    fn kept(&self, relation: &Relation) -> Result<Option<Kept>, SqlError> {
        relation.as_table().map_or(Ok(None), |table| Kept::of(table, self.scope.transaction_started))
    }

    /// The scan's rows without those that the table's retention hides, and of its columns only these, if any are named.
    pub(super) fn kept_rows(
        &self,
        relation: &Relation,
        scan: TableScan,
        columns: Option<&[(String, ColumnId)]>,
    ) -> Result<Arc<dyn TableSource>, SqlError> {
        let name = TableReference::bare(relation.name.as_str());
        let own = |column: &str| Expr::Column(Column::new(Some(name.clone()), column));
        let condition = self.kept(relation)?.and_then(|kept| Some(kept.condition(own(scan.shown_name(kept.column)?))));
        let source = provider_as_source(Arc::new(scan) as Arc<dyn TableProvider>);
        let Some(condition) = condition else { return Ok(source) };
        let mut plan = LogicalPlanBuilder::scan(name.clone(), source, None)?.filter(condition)?;
        if let Some(columns) = columns {
            plan = plan.project(columns.iter().map(|(shown, _)| own(shown)))?;
        }
        Ok(provider_as_source(Arc::new(ViewTable::new(plan.build()?, None)) as Arc<dyn TableProvider>))
    }
}
