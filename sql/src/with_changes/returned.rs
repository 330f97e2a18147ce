//! What parts of a statement returned: relations in memory, which later parts and the main statement read.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::memory::MemorySourceConfig;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::{TableType, provider_as_source};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::logical_expr::{Expr, TableSource};
use datafusion::physical_plan::ExecutionPlan;
use futures::StreamExt;
use peristyle_storage::types::{arrow_type, pg_field};

use crate::error::SqlError;
use crate::outcome::{ColumnDescription, Rows};
use crate::plan::output_names::apart;
use crate::plan::statement_memory;
use crate::scope::Scope;

/// The schema in which a statement finds what its parts returned. No name of a client's holds a control character.
pub(crate) const RETURNED_SCHEMA: &str = "\u{1}returned";

/// What parts of a statement returned so far, by their names.
#[derive(Clone, Default)]
pub(crate) struct Returned(Arc<BTreeMap<String, Arc<ReturnedRows>>>);

/// What one part returned.
#[derive(Debug)]
pub(super) struct ReturnedRows {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    /// What the rows take of the statement's memory.
    _held: Option<MemoryReservation>,
}

impl Returned {
    /// What the part of that name returned, as a source of rows.
    pub(crate) fn source(&self, name: &str) -> Option<Arc<dyn TableSource>> {
        let rows = Arc::clone(self.0.get(name)?) as Arc<dyn TableProvider>;
        Some(provider_as_source(rows))
    }
}

impl ReturnedRows {
    /// The rows, as far as the statement's memory holds them.
    pub(super) async fn of(scope: &Scope, rows: Rows) -> Result<ReturnedRows, SqlError> {
        let Rows { columns, batches: mut given, .. } = rows;
        let held = MemoryConsumer::new("what a part of WITH returned").register(&statement_memory(scope));
        let mut batches = Vec::new();
        while let Some(batch) = given.next().await {
            let batch = batch?;
            held.try_grow(batch.get_array_memory_size())?;
            batches.push(batch);
        }
        let schema = schema_of(&columns, batches.first());
        let named = batches.iter().map(|batch| {
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            RecordBatch::try_new_with_options(Arc::clone(&schema), batch.columns().to_vec(), &options)
        });
        let batches = named.collect::<Result<_, _>>()?;
        Ok(ReturnedRows { schema, batches, _held: Some(held) })
    }

    /// Columns alone, for planning.
    pub(super) fn described(columns: &[ColumnDescription]) -> ReturnedRows {
        ReturnedRows { schema: schema_of(columns, None), batches: Vec::new(), _held: None }
    }

    /// The surroundings of a statement with these rows under a name.
    pub(super) fn known_to(self, scope: &Scope, name: &str) -> Arc<Scope> {
        let mut known = scope.returned.0.as_ref().clone();
        known.insert(name.to_owned(), Arc::new(self));
        Arc::new(Scope { returned: Returned(Arc::new(known)), ..scope.with_view(scope.view.clone()) })
    }
}

/// The columns with the Arrow types that the rows have. Those that are called alike are kept apart: nobody can name one
/// of them.
fn schema_of(columns: &[ColumnDescription], first: Option<&RecordBatch>) -> SchemaRef {
    let mut seen = HashSet::new();
    let twice: HashSet<&str> =
        columns.iter().map(|column| column.name.as_str()).filter(|name| !seen.insert(*name)).collect();
    let field = |(place, column): (usize, &ColumnDescription)| -> FieldRef {
        let name = match twice.contains(column.name.as_str()) {
            true => apart(&column.name, place),
            false => column.name.clone(),
        };
        let arrow = first.map(|batch| batch.column(place).data_type().clone());
        pg_field(&name, column.ty, arrow.unwrap_or_else(|| arrow_type(column.ty, None)), true)
    };
    Arc::new(Schema::new(columns.iter().enumerate().map(field).collect::<Vec<_>>()))
}

#[async_trait]
impl TableProvider for ReturnedRows {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> datafusion::common::Result<Arc<dyn ExecutionPlan>> {
        let batches = [self.batches.clone()];
        Ok(MemorySourceConfig::try_new_exec(&batches, Arc::clone(&self.schema), projection.cloned())?)
    }
}
