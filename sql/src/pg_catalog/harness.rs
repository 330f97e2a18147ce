//! Plans and runs queries over the computed relations in a bare planner: tables of batches, the catalog functions,
//! the types that the catalogs name.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, FieldRef};
use arrow::util::display::array_value_to_string;
use datafusion::catalog::{MemTable, MemorySchemaProvider, SchemaProvider};
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::planner::TypePlanner;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::Statement as PlannedStatement;
use peristyle_catalog::model::PgType;
use peristyle_storage::types::{arrow_type, pg_field};
use sqlparser::ast::DataType as SqlType;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

use super::functions::{CatalogContext, register};
use super::rewrite::normalise;
use crate::relation::all;

#[derive(Debug)]
struct CatalogTypes;

impl TypePlanner for CatalogTypes {
    fn plan_type_field(&self, ty: &SqlType) -> Result<Option<FieldRef>> {
        let name = ty.to_string().to_lowercase();
        let ty = match name.as_str() {
            "oid" => PgType::OID,
            "name" => PgType::NAME,
            "\"char\"" => PgType::CHAR,
            _ => return Ok(None),
        };
        Ok(Some(pg_field("", ty, arrow_type(ty, None), true)))
    }
}

/// A planner over one context.
pub(super) async fn session(context: &Arc<CatalogContext>) -> SessionContext {
    let mut config = SessionConfig::new().with_default_catalog_and_schema("peristyle", "pg_catalog");
    config.options_mut().sql_parser.map_string_types_to_utf8view = true;
    config.options_mut().sql_parser.dialect = datafusion::config::Dialect::PostgreSQL;
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_default_features()
        .with_type_planner(Arc::new(CatalogTypes))
        .build();
    let session = SessionContext::new_with_state(state);
    session.register_udf(crate::functions::array_types::item().as_ref().clone());
    register(context).into_iter().for_each(|function| session.register_udf(function.as_ref().clone()));
    let catalog = session.catalog("peristyle").expect("the default catalog");
    for schema in ["pg_catalog", "information_schema", "system"] {
        let provider = Arc::new(MemorySchemaProvider::new());
        for relation in all().filter(|relation| relation.schema() == schema) {
            let batch = relation.rows(&context.relations()).await.expect("rows are computed");
            let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).expect("a batch is a table");
            provider.register_table(relation.name().to_owned(), Arc::new(table)).expect("names are unique");
        }
        catalog.register_schema(schema, provider).expect("schemas are registered");
    }
    session
}

/// The result of one statement.
pub(super) async fn run(session: &SessionContext, text: &str) -> Result<Vec<RecordBatch>> {
    let statements = Parser::parse_sql(&PostgreSqlDialect {}, text)?;
    let mut statement = statements.into_iter().next().expect("one statement");
    normalise(&mut statement);
    let plan = session.state().statement_to_plan(PlannedStatement::Statement(Box::new(statement))).await?;
    session.execute_logical_plan(plan).await?.collect().await
}

/// Rows as text, columns joined by `|`, NULL as nothing.
pub(super) fn shown(batches: &[RecordBatch]) -> Vec<String> {
    let row = |batch: &RecordBatch, row| {
        let cells = batch.columns().iter().map(|column| match column.data_type() {
            DataType::Null => String::new(),
            _ if column.is_null(row) => String::new(),
            _ => array_value_to_string(column, row).expect("values are shown"),
        });
        cells.collect::<Vec<_>>().join("|")
    };
    batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |at| row(batch, at))).collect()
}

/// Runs a query over a new session of the fixture.
pub(super) async fn query(text: &str) -> Vec<String> {
    let session = session(&super::fixture::context()).await;
    shown(&run(&session, text).await.expect("the query runs"))
}
