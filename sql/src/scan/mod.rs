//! The one way to read a table: pruned on the catalog, then partitions and chunks as of the snapshot.
//!
//! [`TableScan`] is what the planner sees, [`prune`] picks partitions without opening any, [`exec`] reads them.

mod addresses;
mod bucket_range;
mod exec;
mod interval;
mod log_rows;
mod proof;
mod prune;
mod statistics;
mod system;
mod work;

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, Statistics};
use datafusion::datasource::TableType;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use peristyle_catalog::TableContents;
use peristyle_catalog::model::{ColumnId, Oid, Partition, Relation};
use peristyle_storage::partition::ReadColumn;
use peristyle_storage::schema::{row_position_field, table_fields};

pub(crate) use addresses::{ADDRESS_COLUMN, AddressBook, RowSource, SourceId, is_hidden};
pub(crate) use exec::ScanExec;
pub(crate) use system::SystemTable;

use crate::error::{SqlError, SqlState};
use crate::scope::Scope;
use crate::single_value;

/// A table as one statement sees it.
pub(crate) struct TableScan {
    scope: Arc<Scope>,
    relation: Arc<Relation>,
    contents: Option<Arc<TableContents>>,
    /// The columns in order, with what files that lack them read as.
    columns: Vec<ReadColumn>,
    schema: SchemaRef,
    /// Of a scan that shows where rows lie.
    addresses: Option<Arc<AddressBook>>,
}

impl TableScan {
    /// The table with all its columns, or with those of a view's binding under the names they have there.
    pub(crate) fn new(
        scope: Arc<Scope>,
        relation: Arc<Relation>,
        bound: Option<&[(String, ColumnId)]>,
    ) -> Result<TableScan, SqlError> {
        let table = relation.as_table().ok_or_else(|| SqlError::internal("a table was expected"))?;
        scope.note_read(&relation);
        let contents = scope.view.contents(relation.oid).cloned();
        let fields = table_fields(table, contents.as_deref())?;
        let mut columns = Vec::with_capacity(fields.len());
        for field in fields {
            let name = match bound {
                None => field.field.name().clone(),
                Some(bound) => match bound.iter().find(|(_, id)| *id == field.id) {
                    Some((name, _)) => name.clone(),
                    None => continue,
                },
            };
            let missing = match table.column_by_id(field.id).and_then(|column| column.missing.as_ref()) {
                Some(missing) => Some(single_value::parse(field.ty, field.field.data_type(), &missing.text)?),
                None => None,
            };
            let named = Arc::new(field.field.as_ref().clone().with_name(name));
            columns.push(ReadColumn { id: field.id, field: named, missing });
        }
        let schema = schema_of(&columns);
        Ok(TableScan { scope, relation, contents, columns, schema, addresses: None })
    }

    /// The table with one more column, which says where each row lies.
    pub(crate) fn addressed(
        scope: Arc<Scope>,
        relation: Arc<Relation>,
        book: Arc<AddressBook>,
    ) -> Result<TableScan, SqlError> {
        Ok(TableScan::new(scope, relation, None)?.with_addresses(&book))
    }

    /// The same with one more column, which says where each row lies.
    pub(crate) fn with_addresses(&self, book: &Arc<AddressBook>) -> TableScan {
        let field = row_position_field(ADDRESS_COLUMN);
        let mut columns = self.columns.clone();
        columns.push(ReadColumn { id: ColumnId::ROW_POSITION, field, missing: None });
        TableScan {
            scope: Arc::clone(&self.scope),
            relation: Arc::clone(&self.relation),
            contents: self.contents.clone(),
            schema: schema_of(&columns),
            columns,
            addresses: Some(Arc::clone(book)),
        }
    }
}

impl TableScan {
    /// The partitions whose statistics prove the conditions for every row.
    pub(crate) fn wholly_matched(&self, state: &dyn Session, conditions: &[Expr]) -> Result<Vec<Arc<Partition>>> {
        proof::wholly_matched(self, state, conditions)
    }

    pub(crate) fn name(&self) -> &str {
        &self.relation.name
    }

    pub(crate) fn is_materialized(&self) -> bool {
        self.relation.as_materialized().is_some()
    }

    /// Whether it is of a state of the past.
    pub(crate) fn is_past(&self) -> bool {
        self.scope.view.is_past()
    }

    pub(crate) fn oid(&self) -> Oid {
        self.relation.oid
    }

    /// The table's oid and the `attnum` of the column at that place.
    pub(crate) fn origin(&self, column: usize) -> Option<(Oid, i16)> {
        let id = self.columns.get(column)?.id;
        Some((self.relation.oid, self.relation.as_table()?.column_by_id(id)?.attnum))
    }

    /// What the scan calls a column.
    pub(crate) fn shown_name(&self, id: ColumnId) -> Option<&str> {
        self.columns.iter().find(|column| column.id == id).map(|column| column.field.name().as_str())
    }

    /// The table's name for a column that a view's binding may call otherwise.
    pub(crate) fn stored_name(&self, shown: &str) -> String {
        let read = self.columns.iter().find(|column| column.field.name() == shown);
        let column = read.and_then(|read| self.relation.as_table()?.column_by_id(read.id));
        column.map_or_else(|| shown.to_owned(), |column| column.name.clone())
    }
}

/// 55000 for a materialized view that holds nothing yet.
pub(crate) fn check_populated(relation: &Relation) -> Result<(), SqlError> {
    if relation.as_materialized().is_none_or(|materialized| materialized.is_populated) {
        return Ok(());
    }
    let message = format!("materialized view \"{}\" has not been populated", relation.name);
    Err(SqlError::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message)
        .hint("Use the REFRESH MATERIALIZED VIEW command."))
}

fn schema_of(columns: &[ReadColumn]) -> SchemaRef {
    Arc::new(Schema::new(columns.iter().map(|c| Arc::clone(&c.field)).collect::<Vec<_>>()))
}

impl std::fmt::Debug for TableScan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableScan").field("table", &self.relation.name).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for TableScan {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        check_populated(&self.relation)?;
        let mut pruned = prune::prune(self, state, filters)?;
        if let (Some(book), Some(contents)) = (&self.addresses, &self.contents) {
            book.enter(&mut pruned.partitions, contents.chunks());
        }
        let positions: Vec<usize> = match projection {
            Some(projection) => projection.clone(),
            None => (0..self.columns.len()).collect(),
        };
        let columns: Vec<ReadColumn> = positions.iter().map(|&at| self.columns[at].clone()).collect();
        let statistics = statistics::of_scan(self, &pruned, &columns, !filters.is_empty())?;
        Ok(Arc::new(ScanExec::new(self, pruned, columns, statistics)))
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // Filters prune; the plan's own filter stays above and decides.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    fn statistics(&self) -> Option<Statistics> {
        None
    }
}
