//! Tables as they were after a commit.

use std::sync::Arc;

use datafusion::logical_expr::TableSource;
use peristyle_catalog::model::{ColumnId, Oid, Relation, Seq, Table};
use peristyle_catalog::{Head, Snapshot};

use super::{Binding, Provider, Touched};
use crate::error::{SqlError, SqlState};
use crate::scope::undefined_table;
use crate::temporary;

impl Provider<'_> {
    /// A table as it was. The name is what it was then; a table that had another name then is found by that of now.
    pub(super) fn past_source(
        &self,
        seq: Seq,
        schema: Option<&str>,
        name: &str,
    ) -> Result<Arc<dyn TableSource>, SqlError> {
        let written: Vec<String> = schema.iter().copied().chain([name]).map(str::to_owned).collect();
        let binding = self.bindings.iter().find(|binding| binding.written == written);
        if binding.is_none() && self.system_table(schema, name).is_some() {
            return Err(SqlError::unsupported(format!("system relation \"{name}\" has no state in the past")));
        }
        let (snapshot, oid) = self.past(seq, binding, schema, name)?;
        if let Some(now) = self.scope.view.relation(oid) {
            self.touched.lock().push(Touched { written, relation: Arc::clone(now) });
        }
        let past = Arc::new(self.scope.in_the_past(snapshot));
        let relation = past.view.relation(oid).ok_or_else(|| undefined_table(schema, name))?;
        let table = relation.as_table().ok_or_else(|| no_table(name))?;
        if temporary::is_temporary(self.scope.schema_name(relation.schema)) {
            return Err(SqlError::unsupported(format!("temporary table \"{name}\" has no state in the past")));
        }
        let columns = binding.map(|binding| columns_of(table, binding));
        Provider::new(&past)?.relation_source(relation, columns.as_deref())
    }

    /// The state, and which relation is meant; 42P01 if there was none.
    fn past(
        &self,
        seq: Seq,
        binding: Option<&Binding>,
        schema: Option<&str>,
        name: &str,
    ) -> Result<(Snapshot, Oid), SqlError> {
        let now = || self.find(schema, name).map(|now| now.oid);
        let find = |past: &Head| {
            let oid = match binding {
                Some(binding) => Some(binding.relation),
                None => self.find_in(past, schema, name).map(|then| then.oid).or_else(now),
            };
            oid.filter(|oid| past.relation(*oid).is_some())
        };
        let found = self.scope.engine.catalog().snapshot_at(seq, find)?;
        found.ok_or_else(|| undefined_table(schema, name).detail(format!("It did not exist at snapshot {}.", seq.0)))
    }

    fn find_in<'a>(&self, past: &'a Head, schema: Option<&str>, name: &str) -> Option<&'a Arc<Relation>> {
        let in_schema = |schema: &str| past.relation_by_name(self.scope.schema(schema)?.oid, name);
        match schema {
            Some(schema) => in_schema(schema),
            None => self.search_path.iter().find_map(|schema| in_schema(schema)),
        }
    }
}

/// The columns under the names that a view's text has for them; those that it did not know, under their own.
fn columns_of(table: &Table, binding: &Binding) -> Vec<(String, ColumnId)> {
    let known = |id: ColumnId| binding.columns.iter().find(|(_, known)| *known == id).map(|(name, _)| name);
    let columns = table.columns.iter();
    columns.map(|column| (known(column.id).unwrap_or(&column.name).clone(), column.id)).collect()
}

fn no_table(name: &str) -> SqlError {
    SqlError::new(SqlState::WRONG_OBJECT_TYPE, format!("\"{name}\" is not a table"))
        .detail("Only tables have a state in the past.")
}
