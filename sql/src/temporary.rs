//! Temporary tables and views: they lie in a schema of their session's own, which is found before the search path and
//! dropped with all it holds when the session ends. One that a crash left behind is dropped at the next start.

use peristyle_catalog::Head;
use peristyle_catalog::model::{Change, ChangeSet, Oid, Relation, RelationKind, Schema};
use sqlparser::ast::OnCommit;

use crate::engine::Engine;
use crate::error::SqlError;
use crate::scope::Scope;

/// The name by which every session calls its own.
pub(crate) const ALIAS: &str = "pg_temp";
/// The table option that keeps what happens to it at the end of a transaction. No client can give it, none is shown it.
const ON_COMMIT: &str = "on commit";

/// The name of a session's schema of temporary objects.
pub(crate) fn schema_name(process_id: i32) -> String {
    format!("{}{process_id}", Schema::TEMPORARY_PREFIX)
}

/// Whether a schema holds some session's temporary objects.
pub(crate) fn is_temporary(schema: &str) -> bool {
    schema.starts_with(Schema::TEMPORARY_PREFIX)
}

/// Refuses a table that outlives the type of one of its columns.
pub(crate) fn check_types(scope: &Scope, table: &Relation) -> Result<(), SqlError> {
    let goes = |relation: &Relation| is_temporary(scope.schema_name(relation.schema));
    if goes(table) {
        return Ok(());
    }
    let columns = table.as_table().map_or(&[][..], |table| &table.columns);
    let mut types = columns.iter().filter_map(|column| scope.view.relation(column.ty.enum_definition()?));
    match types.find(|ty| goes(ty)) {
        Some(ty) => {
            let message = format!("a permanent table with a column of the temporary type {} is not supported", ty.name);
            Err(SqlError::unsupported(message))
        }
        None => Ok(()),
    }
}

/// The table option for ON COMMIT; rows are kept without one.
pub(crate) fn option_of(on_commit: &OnCommit) -> Option<(String, String)> {
    let action = match on_commit {
        OnCommit::PreserveRows => return None,
        OnCommit::DeleteRows => "delete rows",
        OnCommit::Drop => "drop",
    };
    Some((ON_COMMIT.to_owned(), action.to_owned()))
}

/// Whether a table option is one that a client gave.
pub(crate) fn is_shown(option: &str) -> bool {
    option != ON_COMMIT
}

/// What the end of a transaction does to the session's tables.
pub(crate) fn at_commit(scope: &Scope) -> Vec<Change> {
    let Some(schema) = scope.schema(ALIAS) else { return Vec::new() };
    let tables = scope.view.relations().filter(|relation| relation.schema == schema.oid);
    tables.filter_map(|table| at_commit_of(scope, table)).collect()
}

fn at_commit_of(scope: &Scope, relation: &Relation) -> Option<Change> {
    let (_, action) = relation.as_table()?.options.iter().find(|(name, _)| name == ON_COMMIT)?;
    match action.as_str() {
        "drop" => Some(Change::DropRelation(relation.oid)),
        _ => crate::ddl::removal_of_rows(&scope.view, relation.oid),
    }
}

/// Drops a schema of temporary objects and all it holds.
pub(crate) fn removal(head: &Head, schema: &Schema) -> ChangeSet {
    let inside = head.relations().filter(|relation| relation.schema == schema.oid);
    // A table takes its indexes and its columns' sequences along.
    let goes_along = |relation: &Relation| match &relation.kind {
        RelationKind::Index(_) => true,
        RelationKind::Sequence(sequence) => sequence.owner.is_some(),
        RelationKind::Table(_) | RelationKind::View(_) | RelationKind::Enum(_) => false,
    };
    let inside: Vec<_> = inside.filter(|relation| !goes_along(relation)).collect();
    let (views, tables): (Vec<_>, Vec<_>) = inside.into_iter().partition(|relation| relation.as_view().is_some());
    let relations = views.into_iter().chain(tables).map(|relation| Change::DropRelation(relation.oid));
    let changes = relations.chain([Change::DropSchema(schema.oid)]).collect();
    ChangeSet { requires: Vec::new(), changes, ingest_id: None }
}

impl Engine {
    /// Drops what a session that ended left.
    pub(crate) async fn drop_temporary(&self, database: Oid, process_id: i32) {
        let snapshot = self.catalog().snapshot();
        let Some(schema) = snapshot.schema_by_name(database, &schema_name(process_id)).cloned() else { return };
        self.drop_temporary_schema(&snapshot, &schema).await;
    }

    /// Drops what sessions of an earlier process left. To be called before the first session.
    pub async fn drop_all_temporary(&self) {
        let snapshot = self.catalog().snapshot();
        let left: Vec<_> = snapshot.schemas().filter(|schema| is_temporary(&schema.name)).cloned().collect();
        for schema in left {
            self.drop_temporary_schema(&snapshot, &schema).await;
        }
    }

    /// What is not dropped now is dropped at the next start.
    async fn drop_temporary_schema(&self, head: &Head, schema: &Schema) {
        if let Err(error) = self.catalog().commit(removal(head, schema)).await {
            tracing::warn!(schema = schema.name, %error, "could not drop temporary objects");
        }
    }
}
