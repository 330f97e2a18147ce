//! `information_schema.tables`.

use super::listed::listed;
use super::yes_or_no;
use crate::relation::{RelationContext, Rows};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows =
        rows.named(["table_catalog", "table_schema", "table_name", "table_type", "is_insertable_into", "is_typed"]);
    for table in listed(context) {
        rows.push([
            (&context.database.name).into(),
            table.schema.into(),
            table.name.into(),
            if table.is_view { "VIEW" } else { "BASE TABLE" }.into(),
            yes_or_no(table.is_users && !table.is_view).into(),
            "NO".into(),
        ]);
    }
}
