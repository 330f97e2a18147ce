//! `pg_settings`: configuration parameters as the session sees them.

use crate::relation::{RelationContext, Rows, none_if_empty};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named([
        "name",
        "setting",
        "unit",
        "category",
        "short_desc",
        "context",
        "vartype",
        "source",
        "min_val",
        "max_val",
        "enumvals",
        "boot_val",
        "reset_val",
        "pending_restart",
    ]);
    for setting in &context.session.settings {
        rows.push([
            (&setting.name).into(),
            (&setting.value).into(),
            setting.unit.as_ref().into(),
            (&setting.category).into(),
            (&setting.description).into(),
            setting.context.into(),
            setting.kind.into(),
            setting.source.into(),
            setting.min.as_ref().into(),
            setting.max.as_ref().into(),
            none_if_empty(&setting.enum_values),
            (&setting.boot).into(),
            (&setting.reset).into(),
            false.into(),
        ]);
    }
}
