//! `system.statements`: what each session runs or ran last.

use crate::relation::{RelationContext, Rows};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named(["pid", "user_name", "database", "state", "started_at", "text"]);
    for statement in &context.server.statements {
        rows.push([
            statement.process_id.into(),
            (&statement.user).into(),
            (&statement.database).into(),
            statement.state.into(),
            statement.started_at.into(),
            (&statement.text).into(),
        ]);
    }
}
