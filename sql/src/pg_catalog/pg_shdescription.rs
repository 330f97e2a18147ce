//! `pg_shdescription`: comments on databases.

use super::PG_DATABASE;
use crate::relation::{RelationContext, Rows};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named(["objoid", "classoid", "description"]);
    for database in context.head.databases() {
        if let Some(comment) = &database.comment {
            rows.push([database.oid.into(), PG_DATABASE.into(), comment.into()]);
        }
    }
}
