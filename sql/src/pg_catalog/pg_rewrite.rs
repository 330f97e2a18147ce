//! `pg_rewrite`: one rule per view, materialized or not, under the view's own oid. The rule's tree is not PostgreSQL's, so
//! it is not shown.

use crate::relation::{RelationContext, Rows, Value};

/// The name of the rule that makes a view.
pub(crate) const RULE: &str = "_RETURN";

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows =
        rows.named(["oid", "rulename", "ev_class", "ev_type", "ev_enabled", "is_instead", "ev_qual", "ev_action"]);
    for view in context.head.relations(context.database.oid).into_iter().filter(|r| r.stored_query().is_some()) {
        let oid = || Value::from(view.oid);
        rows.push([oid(), RULE.into(), oid(), "1".into(), "O".into(), true.into(), "<>".into(), "".into()]);
    }
}
