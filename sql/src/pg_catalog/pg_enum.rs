//! `pg_enum`: the labels of enum types.

use peristyle_catalog::model::PgType;

use crate::relation::{RelationContext, Rows};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named(["oid", "enumtypid", "enumsortorder", "enumlabel"]);
    for (relation, definition) in context.head.enum_types(context.database.oid) {
        let Some(ty) = PgType::of_enum(relation.oid) else { continue };
        for label in &definition.labels {
            rows.push([label.oid.into(), ty.oid.into(), f64::from(label.order).into(), (&label.name).into()]);
        }
    }
}
