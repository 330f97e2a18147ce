//! `pg_indexes`: indexes with their definitions.

use peristyle_catalog::model::RelationKind;

use super::definitions::index_definition;
use super::names::schema_name;
use crate::relation::{RelationContext, Rows};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named(["schemaname", "tablename", "indexname", "indexdef"]);
    for relation in context.head.relations(context.database.oid) {
        let RelationKind::Index(index) = &relation.kind else { continue };
        let table = context.head.relation(index.table).map(|table| table.name.as_str());
        let schema = schema_name(context, relation.schema);
        let definition = index_definition(context, relation, index);
        rows.push([schema.into(), table.into(), (&relation.name).into(), definition.into()]);
    }
}
