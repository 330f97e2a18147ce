//! `information_schema.schemata` and `information_schema_catalog_name`.

use peristyle_catalog::model::Oid;

use crate::pg_catalog::BOOTSTRAP_ROLE;
use crate::pg_catalog::names::BUILT_IN_SCHEMAS;
use crate::relation::{RelationContext, Rows};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named(["catalog_name", "schema_name", "schema_owner"]);
    let bootstrap = context.head.role_name(Oid(BOOTSTRAP_ROLE));
    for (_, name) in BUILT_IN_SCHEMAS {
        rows.push([(&context.database.name).into(), (*name).into(), bootstrap.into()]);
    }
    for schema in context.head.schemas(context.database.oid) {
        let owner = context.head.role_name(schema.owner);
        rows.push([(&context.database.name).into(), (&schema.name).into(), owner.into()]);
    }
}

pub(super) fn catalog_name<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    rows.named(["catalog_name"]).push([(&context.database.name).into()]);
}
