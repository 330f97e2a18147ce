//! `information_schema.column_privileges` and `role_column_grants`: an owner has every privilege.

use super::listed::listed;
use crate::relation::{RelationContext, Rows};

const PRIVILEGES: [&str; 4] = ["SELECT", "INSERT", "UPDATE", "REFERENCES"];

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named([
        "grantor",
        "grantee",
        "table_catalog",
        "table_schema",
        "table_name",
        "column_name",
        "privilege_type",
        "is_grantable",
    ]);
    for table in listed(context) {
        for column in &table.columns {
            for privilege in PRIVILEGES {
                rows.push([
                    table.owner.into(),
                    table.owner.into(),
                    (&context.database.name).into(),
                    table.schema.into(),
                    table.name.into(),
                    column.name.into(),
                    privilege.into(),
                    "YES".into(),
                ]);
            }
        }
    }
}
