//! `information_schema.enabled_roles`: the session's own role.

use crate::relation::{RelationContext, Rows};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    rows.named(["role_name"]).push([(&context.session.user).into()]);
}
