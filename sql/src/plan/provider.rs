//! Answers the planner's questions about names: tables, views, system relations, functions.

mod answers;
mod arguments;
mod kept_rows;
mod past_source;
mod statement_state;

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::DataFusionError;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SessionState, TaskContext};
use datafusion::logical_expr::{LogicalPlanBuilder, ScalarUDF, TableSource, lit};
use parking_lot::Mutex;
use peristyle_catalog::model::{ColumnId, Oid, PgType, Relation, RelationKind, Sequence};
use peristyle_storage::types::pg_metadata;

use self::statement_state::statement_state;
use super::parameters::Bound;
use super::{expand_view, memory, user_types};
use crate::error::SqlError;
use crate::pg_catalog::pg_sequence::SEQUENCE_COLUMNS;
use crate::scan::{AddressBook, SystemTable, TableScan};
use crate::scope::{PG_CATALOG, Scope, undefined_table};
use crate::system_context::CatalogFunctions;
use crate::with_changes::RETURNED_SCHEMA;

/// The schema in which a statement that changes rows finds its table with addresses. No name of a client's holds a
/// control character.
pub(crate) const ADDRESSED_SCHEMA: &str = "\u{1}addressed";

/// What a scan for a view calls the column that its table's retention goes by, if the view does not read it.
const KEY_COLUMN: &str = "\u{1}key";

/// A name in a view's text and the object it stands for, whatever that is called now.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    pub(crate) written: Vec<String>,
    pub(crate) relation: Oid,
    /// The columns that the text may name, with the names they had.
    pub(crate) columns: Vec<(String, ColumnId)>,
}

/// A relation that planning met.
#[derive(Clone, Debug)]
pub(crate) struct Touched {
    /// The name as written, in parts.
    pub(crate) written: Vec<String>,
    pub(crate) relation: Arc<Relation>,
}

/// The planner's view of one scope.
pub(super) struct Provider<'a> {
    scope: &'a Arc<Scope>,
    state: SessionState,
    /// What the statement's plans run in, with memory of its own.
    environment: Arc<RuntimeEnv>,
    search_path: Vec<String>,
    bindings: Vec<Binding>,
    /// Values of parameters, for arguments of table functions, which planning looks at.
    values: Option<&'a Bound>,
    touched: Mutex<Vec<Touched>>,
    /// Made on first use: they read the snapshot.
    catalog_functions: Mutex<Option<Arc<CatalogFunctions>>>,
    /// One source per relation and statement, so that a self-join shares it.
    sources: Mutex<HashMap<Oid, Arc<dyn TableSource>>>,
    /// The table whose rows a statement changes.
    addressed: Option<(Arc<Relation>, Arc<AddressBook>)>,
}

impl<'a> Provider<'a> {
    pub(super) fn scope(&self) -> &Scope {
        self.scope
    }

    pub(super) fn new(scope: &'a Arc<Scope>) -> Result<Self, SqlError> {
        let limits = scope.engine.limits();
        let environment = memory::query_environment(scope.engine.state().runtime_env(), limits.query_memory_bytes);
        Ok(Provider {
            state: statement_state(scope, Arc::clone(&environment.memory_pool)),
            environment,
            search_path: scope.relation_path().map(str::to_owned).collect(),
            scope,
            bindings: Vec::new(),
            values: None,
            touched: Mutex::default(),
            catalog_functions: Mutex::default(),
            sources: Mutex::default(),
            addressed: None,
        })
    }

    pub(super) fn with_bindings(self, search_path: &[String], bindings: &[Binding]) -> Self {
        Provider { search_path: search_path.to_vec(), bindings: bindings.to_vec(), ..self }
    }

    pub(super) fn with_addressed(self, relation: Arc<Relation>, book: Arc<AddressBook>) -> Self {
        Provider { addressed: Some((relation, book)), ..self }
    }

    pub(super) fn with_values(self, values: &'a Bound) -> Self {
        Provider { values: Some(values), ..self }
    }

    pub(super) fn values(&self) -> Option<&Bound> {
        self.values
    }

    pub(super) fn state(&self) -> &SessionState {
        &self.state
    }

    /// What the statement's plans run in: its state and memory of its own.
    pub(super) fn task(&self) -> Arc<TaskContext> {
        Arc::new(TaskContext::from(&self.state).with_runtime(Arc::clone(&self.environment)))
    }

    pub(super) fn touched(&self) -> Vec<Touched> {
        self.touched.lock().clone()
    }

    fn source(&self, schema: Option<&str>, name: &str) -> Result<Arc<dyn TableSource>, SqlError> {
        if let Some((relation, book)) = self.addressed.as_ref().filter(|_| schema == Some(ADDRESSED_SCHEMA)) {
            let scan = TableScan::addressed(Arc::clone(self.scope), Arc::clone(relation), Arc::clone(book))?;
            return self.kept_rows(relation, scan, None);
        }
        if schema == Some(RETURNED_SCHEMA) {
            return self.scope.returned.source(name).ok_or_else(|| undefined_table(None, name));
        }
        let written: Vec<String> = schema.iter().copied().chain([name]).map(str::to_owned).collect();
        if let Some(binding) = self.bound(schema, name) {
            return self.bound_source(binding, written);
        }
        if let Some(system) = self.system_table(schema, name) {
            return Ok(provider_as_source(system));
        }
        let relation = self.find(schema, name).ok_or_else(|| undefined_table(schema, name))?;
        self.touched.lock().push(Touched { written, relation: Arc::clone(&relation) });
        if let Some(source) = self.sources.lock().get(&relation.oid) {
            return Ok(Arc::clone(source));
        }
        let source = self.relation_source(&relation, None)?;
        self.sources.lock().insert(relation.oid, Arc::clone(&source));
        Ok(source)
    }

    /// What a name in a view's text stood for when the view was created.
    fn bound_source(&self, binding: &Binding, written: Vec<String>) -> Result<Arc<dyn TableSource>, SqlError> {
        let name = binding.written.last().map_or("", String::as_str);
        let relation = self.scope.view.relation(binding.relation).ok_or_else(|| undefined_table(None, name))?;
        self.touched.lock().push(Touched { written, relation: Arc::clone(relation) });
        self.relation_source(relation, Some(&binding.columns))
    }

    fn relation_source(
        &self,
        relation: &Arc<Relation>,
        columns: Option<&[(String, ColumnId)]>,
    ) -> Result<Arc<dyn TableSource>, SqlError> {
        match &relation.kind {
            RelationKind::Table(_) => {
                let wider = self.with_key(relation, columns)?;
                let read = wider.as_deref().or(columns);
                let scan = TableScan::new(Arc::clone(self.scope), Arc::clone(relation), read)?;
                self.kept_rows(relation, scan, wider.and(columns))
            }
            RelationKind::View(view) => expand_view(self.scope, relation, view),
            RelationKind::Sequence(sequence) => self.sequence_row(relation.oid, sequence),
            RelationKind::Index(_) | RelationKind::Enum(_) => {
                let message = format!("cannot open relation \"{}\"", relation.name);
                let error = SqlError::new(crate::error::SqlState::WRONG_OBJECT_TYPE, message);
                Err(error.detail("This operation is not supported for indexes."))
            }
        }
    }

    /// A sequence read as a table: how far it has come.
    fn sequence_row(&self, oid: Oid, sequence: &Sequence) -> Result<Arc<dyn TableSource>, SqlError> {
        let (place, ahead) = self.scope.sequence_place(oid, sequence);
        let values = [lit(place.last), lit(i64::try_from(ahead).unwrap_or(i64::MAX)), lit(place.is_called)];
        let columns = SEQUENCE_COLUMNS.iter().zip(values);
        let columns =
            columns.map(|((name, ty), value)| value.alias_with_metadata(*name, Some(pg_metadata(*ty).into())));
        let plan = LogicalPlanBuilder::empty(true).project(columns)?.build()?;
        Ok(provider_as_source(Arc::new(ViewTable::new(plan, None)) as Arc<dyn TableProvider>))
    }

    /// The relation of a catalog that a name stands for, if it is no system relation.
    pub(super) fn relation(&self, schema: Option<&str>, name: &str) -> Option<Arc<Relation>> {
        match self.bound(schema, name) {
            Some(binding) => self.scope.view.relation(binding.relation).cloned(),
            None if self.system_table(schema, name).is_some() => None,
            None => self.find(schema, name),
        }
    }

    /// What a view's text names so. A type may have the same name.
    fn bound(&self, schema: Option<&str>, name: &str) -> Option<&Binding> {
        let is_type = |oid| self.scope.view.relation(oid).is_some_and(|relation| relation.as_enum().is_some());
        let mut bound = self.bindings.iter().filter(|binding| is_written(binding, schema, name));
        bound.find(|binding| !is_type(binding.relation))
    }

    fn find(&self, schema: Option<&str>, name: &str) -> Option<Arc<Relation>> {
        let in_schema = |schema: &str| self.scope.relation(Some(schema), name).cloned();
        match schema {
            Some(schema) => in_schema(schema),
            None => self.search_path.iter().find_map(|schema| in_schema(schema)),
        }
    }

    /// The enum type of a name, or the array type over it; in the text of a view, the one that it meant when the view was
    /// created.
    pub(super) fn enum_type(&self, written: &[String]) -> Option<PgType> {
        let (last, schema) = written.split_last()?;
        user_types::of_name(last, &|name| {
            let written: Vec<String> = schema.iter().cloned().chain([name.to_owned()]).collect();
            let relation = self.enum_relation(&written, schema.last().map(String::as_str), name)?;
            self.touched.lock().push(Touched { written, relation: Arc::clone(&relation) });
            Some(relation.as_ref().clone())
        })
    }

    /// The relation whose row type has that name.
    pub(super) fn row_type(&self, written: &[String]) -> Option<Arc<Relation>> {
        let (name, schema) = written.split_last()?;
        let relation = self.relation(schema.last().map(String::as_str), name)?;
        self.touched.lock().push(Touched { written: written.to_vec(), relation: Arc::clone(&relation) });
        Some(relation)
    }

    fn enum_relation(&self, written: &[String], schema: Option<&str>, name: &str) -> Option<Arc<Relation>> {
        let is_enum = |relation: &&Arc<Relation>| relation.as_enum().is_some();
        let mut bound = self.bindings.iter().filter(|binding| binding.written == written);
        if let Some(relation) = bound.find_map(|binding| self.scope.view.relation(binding.relation).filter(is_enum)) {
            return Some(Arc::clone(relation));
        }
        match schema {
            Some(schema) => self.scope.enum_type(Some(schema), name).cloned(),
            None => self.search_path.iter().find_map(|schema| self.scope.enum_type(Some(schema), name)).cloned(),
        }
    }

    fn has_schema(&self, name: &str) -> bool {
        [PG_CATALOG, "information_schema"].contains(&name) || self.scope.schema(name).is_some()
    }

    fn system_table(&self, schema: Option<&str>, name: &str) -> Option<Arc<dyn TableProvider>> {
        let schema = schema.unwrap_or(PG_CATALOG);
        let relation = crate::relation::find(schema, name)?;
        Some(Arc::new(SystemTable::new(Arc::clone(self.scope), relation)))
    }

    fn catalog_function(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        let mut slot = self.catalog_functions.lock();
        let functions = slot.get_or_insert_with(|| Arc::new(CatalogFunctions::new(self.scope)));
        functions.get(name)
    }
}

fn is_written(binding: &Binding, schema: Option<&str>, name: &str) -> bool {
    binding.written.iter().map(String::as_str).eq(schema.into_iter().chain([name]))
}

/// An error of ours on its way through the planner.
pub(crate) fn external(error: SqlError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
