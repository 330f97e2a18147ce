//! `pg_namespace`: schemas.

use super::BOOTSTRAP_ROLE;
use super::names::BUILT_IN_SCHEMAS;
use crate::relation::{RelationContext, Rows, Value};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named(["oid", "nspname", "nspowner", "nspacl"]);
    for &(oid, name) in BUILT_IN_SCHEMAS {
        rows.push([oid.into(), name.into(), BOOTSTRAP_ROLE.into(), Value::Null]);
    }
    for schema in context.head.schemas(context.database.oid) {
        let acl = schema.acl.as_ref().map(|acl| vec![acl]);
        rows.push([schema.oid.into(), (&schema.name).into(), schema.owner.into(), acl.into()]);
    }
}
