//! `pg_extension`: the one that stands for this server and owns the schema `system`.

use super::{BOOTSTRAP_ROLE, SYSTEM};
use crate::relation::{RelationContext, Rows, Value};

/// Its oid, a built-in one: programs that dump leave such extensions out with all their members.
pub(super) const EXTENSION: u32 = 16299;

pub(super) fn fill<'a>(_context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named(["oid", "extname", "extowner", "extnamespace", "extrelocatable", "extversion"]);
    rows.push([
        EXTENSION.into(),
        "peristyle".into(),
        BOOTSTRAP_ROLE.into(),
        SYSTEM.into(),
        Value::Bool(false),
        env!("CARGO_PKG_VERSION").into(),
    ]);
}
