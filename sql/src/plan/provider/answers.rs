//! What the planner asks, each answered from the scope or from the state.

use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::TableFunctionArgs;
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Result, TableReference};
use datafusion::datasource::cte_worktable::CteWorkTable;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::planner::{ContextProvider, ExprPlanner, RelationPlanner, TypePlanner};
use datafusion::logical_expr::{AggregateUDF, Expr, HigherOrderUDF, ScalarUDF, TableSource, WindowUDF};

use super::super::past;
use super::{Provider, external};
use crate::error::SqlError;
use crate::functions::{excluding, row, undefined};

impl ContextProvider for Provider<'_> {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        match name.catalog() {
            Some(catalog) if let Some(seq) = past::commit_of(catalog) => {
                let schema = name.schema().filter(|schema| !schema.is_empty());
                self.past_source(seq, schema, name.table()).map_err(external)
            }
            Some(database) if database != self.scope.session.database => {
                let message = format!("cross-database references are not implemented: \"{name}\"");
                Err(external(SqlError::unsupported(message)))
            }
            _ => self.source(name.schema(), name.table()).map_err(external),
        }
    }

    fn get_table_function_source(&self, name: &str, args: Vec<Expr>) -> Result<Arc<dyn TableSource>> {
        let function = self.state.table_functions().get(name).ok_or_else(|| undefined::call_of(name, &args))?;
        let args = args.into_iter().map(|arg| self.constant_argument(arg)).collect::<Result<Vec<_>>>()?;
        let provider = function.create_table_provider_with_args(TableFunctionArgs::new(&args, &self.state))?;
        Ok(provider_as_source(provider))
    }

    fn create_cte_work_table(&self, name: &str, schema: SchemaRef) -> Result<Arc<dyn TableSource>> {
        Ok(provider_as_source(Arc::new(CteWorkTable::new(name, schema))))
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        self.state.expr_planners()
    }

    fn get_relation_planners(&self) -> &[Arc<dyn RelationPlanner>] {
        self.state.relation_planners()
    }

    fn get_type_planner(&self) -> Option<Arc<dyn TypePlanner>> {
        Some(crate::semantics::type_planner())
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        let bare = name.strip_prefix("pg_catalog.").unwrap_or(name);
        let known = self.state.scalar_functions().get(bare).cloned().or_else(|| self.catalog_function(bare));
        let is_other = || {
            self.get_aggregate_meta(name).is_some()
                || self.get_window_meta(name).is_some()
                || self.get_higher_order_meta(name).is_some()
        };
        let known = known.or_else(|| row::named(bare).map(Arc::new));
        known.or_else(|| match bare.split_once('.') {
            _ if is_other() => None,
            Some((schema, _)) if !self.has_schema(schema) => Some(Arc::new(undefined::in_no_schema(schema))),
            _ => undefined::function(bare).map(Arc::new),
        })
    }

    fn get_higher_order_meta(&self, name: &str) -> Option<Arc<HigherOrderUDF>> {
        self.state.higher_order_functions().get(name).cloned()
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        self.state.aggregate_functions().get(name.strip_prefix("pg_catalog.").unwrap_or(name)).cloned()
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        let known = self.state.window_functions().get(name.strip_prefix("pg_catalog.").unwrap_or(name)).cloned();
        known.or_else(|| excluding::named(name, |inner| self.state.aggregate_functions().get(inner).cloned()))
    }

    fn get_variable_type(&self, _names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        self.state.config_options()
    }

    fn udf_names(&self) -> Vec<String> {
        self.state.scalar_functions().keys().cloned().collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        self.state.higher_order_functions().keys().cloned().collect()
    }

    fn udaf_names(&self) -> Vec<String> {
        self.state.aggregate_functions().keys().cloned().collect()
    }

    fn udwf_names(&self) -> Vec<String> {
        self.state.window_functions().keys().cloned().collect()
    }
}
