//! `pg_views` and `pg_matviews`: views with their text.

use super::definitions::view_definition;
use super::names::schema_name;
use super::pg_index::indexed_tables;
use crate::relation::{RelationContext, Rows};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named(["schemaname", "viewname", "viewowner", "definition"]);
    for relation in context.head.relations(context.database.oid) {
        if let Some(view) = relation.as_view() {
            let schema = schema_name(context, relation.schema);
            let owner = context.head.role_name(relation.owner);
            rows.push([schema.into(), (&relation.name).into(), owner.into(), view_definition(&view.query).into()]);
        }
    }
}

pub(super) fn materialized<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named(["schemaname", "matviewname", "matviewowner", "hasindexes", "ispopulated", "definition"]);
    let indexed = indexed_tables(context);
    for relation in context.head.relations(context.database.oid) {
        if let Some(materialized) = relation.as_materialized() {
            rows.push([
                schema_name(context, relation.schema).into(),
                (&relation.name).into(),
                context.head.role_name(relation.owner).into(),
                indexed.contains(&relation.oid).into(),
                materialized.is_populated.into(),
                view_definition(&materialized.query).into(),
            ]);
        }
    }
}
