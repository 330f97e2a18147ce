//! `pg_cursors`: open cursors of the session.

use crate::relation::{RelationContext, Rows};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named(["name", "statement", "is_holdable", "is_binary", "is_scrollable", "creation_time"]);
    for cursor in &context.session.cursors {
        rows.push([
            (&cursor.name).into(),
            (&cursor.text).into(),
            cursor.holdable.into(),
            cursor.binary.into(),
            cursor.scrollable.into(),
            cursor.created_at.into(),
        ]);
    }
}
