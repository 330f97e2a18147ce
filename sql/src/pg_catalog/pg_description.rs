//! `pg_description`: comments on objects of the database.

use peristyle_catalog::model::PgType;

use super::names::columns;
use super::{PG_CLASS, PG_NAMESPACE, PG_TYPE};
use crate::relation::{RelationContext, Rows, Value};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named(["objoid", "classoid", "objsubid", "description"]);
    for schema in context.head.schemas(context.database.oid) {
        if let Some(comment) = &schema.comment {
            rows.push([schema.oid.into(), PG_NAMESPACE.into(), Value::Int(0), comment.into()]);
        }
    }
    for (relation, _) in context.head.enum_types(context.database.oid) {
        if let (Some(ty), Some(comment)) = (PgType::of_enum(relation.oid), &relation.comment) {
            rows.push([ty.oid.into(), PG_TYPE.into(), Value::Int(0), comment.into()]);
        }
    }
    for relation in context.head.relations(context.database.oid) {
        if let Some(comment) = &relation.comment {
            rows.push([relation.oid.into(), PG_CLASS.into(), Value::Int(0), comment.into()]);
        }
        for column in columns(relation) {
            if let Some(comment) = &column.comment {
                rows.push([relation.oid.into(), PG_CLASS.into(), column.attnum.into(), comment.into()]);
            }
        }
    }
}
