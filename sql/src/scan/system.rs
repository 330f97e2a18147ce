//! System relations as tables: their rows are computed from the snapshot when a scan begins.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::memory::MemorySourceConfig;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::TableType;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use peristyle_catalog::model::Oid;

use crate::relation::VirtualRelation;
use crate::scope::Scope;

/// One system relation for one statement.
pub(crate) struct SystemTable {
    scope: Arc<Scope>,
    relation: &'static dyn VirtualRelation,
    schema: SchemaRef,
}

impl SystemTable {
    pub(crate) fn new(scope: Arc<Scope>, relation: &'static dyn VirtualRelation) -> SystemTable {
        SystemTable { scope, relation, schema: relation.declaration().arrow_schema() }
    }

    /// The relation's oid and the `attnum` of the column at that place.
    pub(crate) fn origin(&self, column: usize) -> Option<(Oid, i16)> {
        Some((Oid(self.relation.oid()), i16::try_from(column + 1).ok()?))
    }
}

impl std::fmt::Debug for SystemTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SystemTable").field("name", &self.relation.name()).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for SystemTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rows = crate::system_context::rows(&self.scope, self.relation).await;
        let rows = rows.map_err(|error| DataFusionError::External(Box::new(error)))?;
        Ok(MemorySourceConfig::try_new_exec(&[vec![rows]], Arc::clone(&self.schema), projection.cloned())?)
    }
}
