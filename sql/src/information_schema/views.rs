//! `information_schema.views`.

use crate::pg_catalog::definitions::view_definition;
use crate::pg_catalog::names::schema_name;
use crate::relation::{RelationContext, Rows};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named([
        "table_catalog",
        "table_schema",
        "table_name",
        "view_definition",
        "check_option",
        "is_updatable",
        "is_insertable_into",
        "is_trigger_updatable",
        "is_trigger_deletable",
        "is_trigger_insertable_into",
    ]);
    for relation in context.head.relations(context.database.oid) {
        let Some(view) = relation.as_view() else { continue };
        rows.push([
            (&context.database.name).into(),
            schema_name(context, relation.schema).into(),
            (&relation.name).into(),
            view_definition(&view.query).into(),
            "NONE".into(),
            "NO".into(),
            "NO".into(),
            "NO".into(),
            "NO".into(),
            "NO".into(),
        ]);
    }
}
