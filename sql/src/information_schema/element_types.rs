//! `information_schema.element_types`: what the array columns are arrays of.

use super::columns::{data_type, underlying};
use super::listed::listed;
use crate::relation::{RelationContext, Rows};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named([
        "object_catalog",
        "object_schema",
        "object_name",
        "object_type",
        "collection_type_identifier",
        "data_type",
        "udt_catalog",
        "udt_schema",
        "udt_name",
        "dtd_identifier",
    ]);
    for table in listed(context) {
        for column in &table.columns {
            let Some(element) = column.ty.element() else { continue };
            let [schema, name] = underlying(context, element);
            rows.push([
                (&context.database.name).into(),
                table.schema.into(),
                table.name.into(),
                if table.is_view { "VIEW" } else { "TABLE" }.into(),
                column.number.to_string().into(),
                data_type(context, element).into(),
                (&context.database.name).into(),
                schema,
                name,
                format!("a{}", column.number).into(),
            ]);
        }
    }
}
