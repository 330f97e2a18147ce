//! What computed relations and catalog functions ask of a snapshot.

use std::sync::Arc;

use peristyle_catalog::model::{Database, EnumType, Oid, PgType, Relation, Role, Schema};
use peristyle_catalog::{Head, TableContents};

/// The objects of a snapshot. [`Head`] is the one implementation of a server.
pub trait Objects: Send + Sync {
    fn roles(&self) -> Vec<&Role>;
    fn databases(&self) -> Vec<&Database>;
    /// Schemas of one database.
    fn schemas(&self, database: Oid) -> Vec<&Schema>;
    /// Tables, views, indexes and sequences of one database, by oid.
    fn relations(&self, database: Oid) -> Vec<&Relation>;
    /// Relations of one database that were dropped and can be taken back.
    fn dropped(&self, _database: Oid) -> Vec<&Relation> {
        Vec::new()
    }
    /// Enum types of one database, by oid.
    fn enum_types(&self, database: Oid) -> Vec<(&Relation, &EnumType)>;
    /// The relation that defines an enum type, or the type of an array's elements.
    fn enum_definition(&self, ty: PgType) -> Option<&Relation>;
    fn enum_by_name(&self, schema: Oid, name: &str) -> Option<&Relation>;
    fn schema(&self, oid: Oid) -> Option<&Schema>;
    fn schema_by_name(&self, database: Oid, name: &str) -> Option<&Schema>;
    fn relation(&self, oid: Oid) -> Option<&Relation>;
    fn relation_by_name(&self, schema: Oid, name: &str) -> Option<&Relation>;
    /// What a table holds; `None` for one that never held anything.
    fn contents(&self, table: Oid) -> Option<&Arc<TableContents>>;

    /// Rows of a table's partitions and chunks.
    fn table_rows(&self, table: Oid) -> u64 {
        self.contents(table).map_or(0, |contents| contents.rows())
    }

    /// Bytes of a table's partitions in the store and of its chunks in the log.
    fn table_bytes(&self, table: Oid) -> u64 {
        let chunk_bytes = |contents: &TableContents| contents.chunks().map(|chunk| chunk.bytes).sum::<u64>();
        self.contents(table).map_or(0, |contents| contents.bytes() + chunk_bytes(contents))
    }

    /// The name of a role, if it exists.
    fn role_name(&self, role: Oid) -> Option<&str> {
        self.roles().into_iter().find(|candidate| candidate.oid == role).map(|role| role.name.as_str())
    }
}

impl Objects for Head {
    fn roles(&self) -> Vec<&Role> {
        Head::roles(self).map(AsRef::as_ref).collect()
    }

    fn databases(&self) -> Vec<&Database> {
        Head::databases(self).map(AsRef::as_ref).collect()
    }

    fn schemas(&self, database: Oid) -> Vec<&Schema> {
        let is_shown = |schema: &&Schema| schema.database == database && !schema.is_of_dropped();
        Head::schemas(self).map(AsRef::as_ref).filter(is_shown).collect()
    }

    fn dropped(&self, database: Oid) -> Vec<&Relation> {
        let Some(schema) = Head::schema_by_name(self, database, Schema::DROPPED) else { return Vec::new() };
        Head::relations(self).map(AsRef::as_ref).filter(|relation: &&Relation| relation.schema == schema.oid).collect()
    }

    fn relations(&self, database: Oid) -> Vec<&Relation> {
        of_database(self, database).filter(|relation| relation.as_enum().is_none()).collect()
    }

    fn enum_types(&self, database: Oid) -> Vec<(&Relation, &EnumType)> {
        of_database(self, database).filter_map(|relation| Some((relation, relation.as_enum()?))).collect()
    }

    fn enum_definition(&self, ty: PgType) -> Option<&Relation> {
        Head::enum_definition(self, ty).map(|(relation, _)| relation.as_ref())
    }

    fn enum_by_name(&self, schema: Oid, name: &str) -> Option<&Relation> {
        Head::relation_by_name(self, schema, name).map(AsRef::as_ref).filter(|relation| relation.as_enum().is_some())
    }

    fn schema(&self, oid: Oid) -> Option<&Schema> {
        Head::schema(self, oid).map(AsRef::as_ref)
    }

    fn schema_by_name(&self, database: Oid, name: &str) -> Option<&Schema> {
        Head::schema_by_name(self, database, name).map(AsRef::as_ref)
    }

    fn relation(&self, oid: Oid) -> Option<&Relation> {
        Head::relation(self, oid).map(AsRef::as_ref)
    }

    fn relation_by_name(&self, schema: Oid, name: &str) -> Option<&Relation> {
        Head::relation_by_name(self, schema, name).map(AsRef::as_ref).filter(|relation| relation.as_enum().is_none())
    }

    fn contents(&self, table: Oid) -> Option<&Arc<TableContents>> {
        Head::contents(self, table)
    }
}

/// Everything that has a name in a schema of the database, by oid.
fn of_database(head: &Head, database: Oid) -> impl Iterator<Item = &Relation> {
    let belongs = move |relation: &&Relation| {
        let schema = head.schema(relation.schema);
        schema.is_some_and(|schema| schema.database == database && !schema.is_of_dropped())
    };
    head.relations().map(AsRef::as_ref).filter(belongs)
}
