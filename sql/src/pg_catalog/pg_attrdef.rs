//! `pg_attrdef`: defaults of columns. `adbin` holds the expression's SQL text, which `pg_get_expr` gives back.

use super::definitions::default_shown;
use crate::relation::{RelationContext, Rows, Value};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named(["oid", "adrelid", "adnum", "adbin"]);
    for relation in context.head.relations(context.database.oid) {
        for column in relation.as_table().map_or(&[][..], |table| &table.columns) {
            if let Some(default) = &column.default {
                rows.push([
                    default.oid.into(),
                    relation.oid.into(),
                    column.attnum.into(),
                    Value::text_of(default_shown(context, &default.expression, column.ty)),
                ]);
            }
        }
    }
}
