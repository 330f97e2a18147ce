//! `system.snapshots`: the head and what readers hold.

use crate::relation::{RelationContext, Rows};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named(["seq", "committed_at", "is_head", "pins"]);
    for snapshot in &context.server.snapshots {
        rows.push([snapshot.seq.0.into(), snapshot.committed_at.into(), snapshot.is_head.into(), snapshot.pins.into()]);
    }
}
