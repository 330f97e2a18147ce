//! `information_schema.tables`.

use super::listed::{Listed, listed};
use super::yes_or_no;
use crate::relation::{RelationContext, Rows};

fn kind_of(table: &Listed<'_>) -> &'static str {
    match (table.is_view, table.is_temporary) {
        (true, _) => "VIEW",
        (false, true) => "LOCAL TEMPORARY",
        (false, false) => "BASE TABLE",
    }
}

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows =
        rows.named(["table_catalog", "table_schema", "table_name", "table_type", "is_insertable_into", "is_typed"]);
    for table in listed(context) {
        rows.push([
            (&context.database.name).into(),
            table.schema.into(),
            table.name.into(),
            kind_of(&table).into(),
            yes_or_no(table.is_users && !table.is_view).into(),
            "NO".into(),
        ]);
    }
}
