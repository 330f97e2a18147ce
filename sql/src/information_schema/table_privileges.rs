//! `information_schema.table_privileges` and `role_table_grants`: an owner has every privilege.

use super::listed::listed;
use super::yes_or_no;
use crate::relation::{RelationContext, Rows};

const PRIVILEGES: [&str; 7] = ["INSERT", "SELECT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"];

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named([
        "grantor",
        "grantee",
        "table_catalog",
        "table_schema",
        "table_name",
        "privilege_type",
        "is_grantable",
        "with_hierarchy",
    ]);
    for table in listed(context) {
        for privilege in PRIVILEGES {
            rows.push([
                table.owner.into(),
                table.owner.into(),
                (&context.database.name).into(),
                table.schema.into(),
                table.name.into(),
                privilege.into(),
                "YES".into(),
                yes_or_no(privilege == "SELECT").into(),
            ]);
        }
    }
}
