//! `information_schema.view_table_usage` and `view_column_usage`: what views read.

use crate::pg_catalog::names::{relation_name, schema_name};
use crate::relation::{RelationContext, Rows};

pub(super) fn tables<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows =
        rows.named(["view_catalog", "view_schema", "view_name", "table_catalog", "table_schema", "table_name"]);
    for relation in context.head.relations(context.database.oid) {
        let Some(view) = relation.as_view() else { continue };
        let is_type = |oid| context.head.relation(oid).is_some_and(|relation| relation.as_enum().is_some());
        for on in view.query.depends_on.iter().filter(|on| !is_type(on.relation)) {
            let Some((schema, name)) = relation_name(context, on.relation) else { continue };
            rows.push([
                (&context.database.name).into(),
                schema_name(context, relation.schema).into(),
                (&relation.name).into(),
                (&context.database.name).into(),
                schema.into(),
                name.into(),
            ]);
        }
    }
}

pub(super) fn columns<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named([
        "view_catalog",
        "view_schema",
        "view_name",
        "table_catalog",
        "table_schema",
        "table_name",
        "column_name",
    ]);
    for relation in context.head.relations(context.database.oid) {
        let Some(view) = relation.as_view() else { continue };
        for (on, (column, _)) in view.query.depends_on.iter().flat_map(|on| on.columns.iter().map(move |c| (on, c))) {
            let Some((schema, name)) = relation_name(context, on.relation) else { continue };
            rows.push([
                (&context.database.name).into(),
                schema_name(context, relation.schema).into(),
                (&relation.name).into(),
                (&context.database.name).into(),
                schema.into(),
                name.into(),
                column.into(),
            ]);
        }
    }
}
