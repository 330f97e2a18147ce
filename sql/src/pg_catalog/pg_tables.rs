//! `pg_tables`: tables, those of the system catalogs included.

use peristyle_catalog::model::{Oid, Relation};

use super::BOOTSTRAP_ROLE;
use super::names::schema_name;
use super::pg_index::indexed_tables;
use crate::relation::{RelationContext, Rows, Value, all};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows =
        rows.named(["schemaname", "tablename", "tableowner", "hasindexes", "hasrules", "hastriggers", "rowsecurity"]);
    let mut push = |schema: Value<'a>, name: Value<'a>, owner: Value<'a>, is_indexed: bool| {
        rows.push([schema, name, owner, is_indexed.into(), false.into(), false.into(), false.into()]);
    };
    let bootstrap = context.head.role_name(Oid(BOOTSTRAP_ROLE));
    for relation in all().filter(|relation| relation.declaration().kind == "r") {
        push(relation.schema().into(), relation.name().into(), bootstrap.into(), false);
    }
    let indexed = indexed_tables(context);
    let relations = context.head.relations(context.database.oid);
    let is_table = |relation: &&Relation| relation.as_table().is_some_and(|table| table.materialized.is_none());
    for table in relations.into_iter().filter(is_table) {
        let owner = context.head.role_name(table.owner);
        let schema = schema_name(context, table.schema);
        push(schema.into(), (&table.name).into(), owner.into(), indexed.contains(&table.oid));
    }
}
