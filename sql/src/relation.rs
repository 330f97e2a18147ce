//! Relations that are computed from a snapshot: `pg_catalog`, `information_schema` and `system`.
//!
//! A relation's columns are PostgreSQL 15's, declared in `pg_catalog/facts/relations.tsv`; a file per relation says
//! what its rows are. A declared relation without such a file has no rows, since Peristyle has nothing of its kind.

mod declaration;
mod objects;
mod rows;
mod view;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::error::Result;
use peristyle_catalog::model::{Database, PgType};
use peristyle_storage::types::{arrow_type, pg_field};
use std::sync::{Arc, LazyLock};

pub use declaration::Declaration;
pub(crate) use declaration::{declarations, facts};
pub use objects::Objects;
pub(crate) use rows::{Rows, Value, array_of, none_if_empty};
pub use view::{
    CopyView, Cursor, LockView, LockedView, Orphan, Orphans, PreparedStatement, SequencePlaces, ServerView,
    SessionView, Setting, SnapshotView, StatementView,
};

/// One relation computed from a snapshot.
#[async_trait]
pub trait VirtualRelation: Send + Sync {
    /// What it is called and which columns it has.
    fn declaration(&self) -> &'static Declaration;

    /// All rows, in one batch of [`Declaration::arrow_schema`].
    async fn rows(&self, context: &RelationContext<'_>) -> Result<RecordBatch>;

    /// `pg_catalog`, `information_schema` or `system`.
    fn schema(&self) -> &'static str {
        self.declaration().schema
    }

    fn name(&self) -> &'static str {
        self.declaration().name
    }

    /// PostgreSQL's own oid; one below 16384 for relations that only Peristyle has.
    fn oid(&self) -> u32 {
        self.declaration().oid
    }

    /// PostgreSQL's columns in its order with its types.
    fn columns(&self) -> &'static [(&'static str, PgType)] {
        &self.declaration().columns
    }
}

/// What rows are computed from. All of it is of one moment.
#[derive(Clone, Copy)]
pub struct RelationContext<'a> {
    /// The snapshot.
    pub head: &'a dyn Objects,
    /// The database that the session is connected to.
    pub database: &'a Database,
    pub session: &'a SessionView,
    pub server: &'a ServerView,
}

/// Computes the rows of one relation.
pub(crate) type Fill = for<'a> fn(&RelationContext<'a>, &mut Rows<'a>);

/// A relation whose rows need no waiting.
pub(crate) struct Computed {
    declaration: &'static Declaration,
    fill: Option<Fill>,
}

#[async_trait]
impl VirtualRelation for Computed {
    fn declaration(&self) -> &'static Declaration {
        self.declaration
    }

    async fn rows(&self, context: &RelationContext<'_>) -> Result<RecordBatch> {
        self.compute(context)
    }
}

impl Computed {
    fn compute(&self, context: &RelationContext<'_>) -> Result<RecordBatch> {
        let mut rows = Rows::new(&self.declaration.columns);
        if let Some(fill) = self.fill {
            fill(context, &mut rows);
        }
        rows.finish(self.declaration.arrow_schema())
    }
}

static COMPUTED: LazyLock<Vec<Computed>> = LazyLock::new(|| {
    let fills = || crate::pg_catalog::FILLS.iter().chain(crate::information_schema::FILLS).chain(crate::system::FILLS);
    let fill_of = |declaration: &Declaration| {
        fills()
            .find(|(schema, name, _)| *schema == declaration.schema && *name == declaration.name)
            .map(|found| found.2)
    };
    let is_computed = |declaration: &&Declaration| declaration.oid != crate::system::ORPHANS_OID;
    declarations()
        .iter()
        .filter(is_computed)
        .map(|declaration| Computed { declaration, fill: fill_of(declaration) })
        .collect()
});

/// Every relation that is computed.
pub fn all() -> impl Iterator<Item = &'static dyn VirtualRelation> {
    let orphans: &'static dyn VirtualRelation = &crate::system::ORPHANS;
    COMPUTED.iter().map(|relation| relation as &'static dyn VirtualRelation).chain([orphans])
}

/// The relation of that name.
pub fn find(schema: &str, name: &str) -> Option<&'static dyn VirtualRelation> {
    all().find(|relation| relation.schema() == schema && relation.name() == name)
}

/// Whether a relation never has rows, because Peristyle has nothing of its kind.
pub(crate) fn is_always_empty(relation: &dyn VirtualRelation) -> bool {
    COMPUTED.iter().any(|computed| computed.fill.is_none() && computed.declaration.oid == relation.oid())
}

/// Declared columns as Arrow fields that carry their PostgreSQL types. Every column is nullable.
pub(crate) fn arrow_schema(columns: &[(&str, PgType)]) -> SchemaRef {
    let field = |(name, ty): &(&str, PgType)| pg_field(name, *ty, arrow_type(*ty, None), true);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fill_belongs_to_a_declared_relation() {
        let filled = COMPUTED.iter().filter(|relation| relation.fill.is_some()).count();
        let fills =
            crate::pg_catalog::FILLS.len() + crate::information_schema::FILLS.len() + crate::system::FILLS.len();
        assert_eq!(filled, fills);
    }

    #[test]
    fn relations_are_found_by_name_with_postgresql_s_oids() {
        let class = find("pg_catalog", "pg_class").expect("declared");
        assert_eq!((class.oid(), class.columns().len()), (1259, 33));
        assert!(find("pg_catalog", "no_such").is_none());
    }

    #[test]
    fn names_and_oids_are_unique_and_below_the_users_range() {
        let mut oids: Vec<u32> = all().map(|relation| relation.oid()).collect();
        let mut names: Vec<_> = all().map(|relation| (relation.schema(), relation.name())).collect();
        let count = oids.len();
        oids.sort_unstable();
        oids.dedup();
        names.sort_unstable();
        names.dedup();
        assert_eq!((oids.len(), names.len()), (count, count));
        assert!(oids.iter().all(|&oid| oid < peristyle_catalog::model::Oid::FIRST_USER.0));
    }
}
