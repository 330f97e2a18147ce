//! `pg_views`: views with their text.

use super::definitions::view_definition;
use super::names::schema_name;
use crate::relation::{RelationContext, Rows};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named(["schemaname", "viewname", "viewowner", "definition"]);
    for relation in context.head.relations(context.database.oid) {
        if let Some(view) = relation.as_view() {
            let schema = schema_name(context, relation.schema);
            let owner = context.head.role_name(relation.owner);
            rows.push([schema.into(), (&relation.name).into(), owner.into(), view_definition(view).into()]);
        }
    }
}
