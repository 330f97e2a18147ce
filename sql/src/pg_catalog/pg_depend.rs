//! `pg_depend`: what views read. A view's rule depends on the view itself and on the columns it reads. The relations of
//! the schema `system` are members of the extension that stands for this server, so that nobody dumps them.

use peristyle_catalog::model::{Relation, View};

use super::pg_extension::EXTENSION;
use super::{PG_CLASS, PG_EXTENSION, PG_NAMESPACE, PG_REWRITE, SYSTEM};
use crate::relation::{RelationContext, Rows, Value, all};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let members = all().filter(|relation| relation.schema() == "system").map(|relation| (PG_CLASS, relation.oid()));
    for (class, oid) in members.chain([(PG_NAMESPACE, SYSTEM)]) {
        let mut rows = rows.named(["classid", "objid", "objsubid", "refclassid", "refobjid", "refobjsubid", "deptype"]);
        let zero = || Value::Int(0);
        rows.push([class.into(), oid.into(), zero(), PG_EXTENSION.into(), EXTENSION.into(), zero(), "e".into()]);
    }
    for relation in context.head.relations(context.database.oid) {
        if let Some(view) = relation.as_view() {
            push_view(context, rows, relation, view);
        }
    }
}

fn push_view<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>, relation: &Relation, view: &View) {
    let mut rows = rows.named(["classid", "objid", "objsubid", "refclassid", "refobjid", "refobjsubid", "deptype"]);
    let mut push = |referenced: Value<'a>, column: Value<'a>, kind: &'static str| {
        let object = [PG_REWRITE.into(), relation.oid.into(), Value::Int(0)];
        let [class, oid, part] = object;
        rows.push([class, oid, part, PG_CLASS.into(), referenced, column, kind.into()]);
    };
    push(relation.oid.into(), Value::Int(0), "i");
    for on in &view.depends_on {
        let table = context.head.relation(on.relation).and_then(Relation::as_table);
        for (_, id) in &on.columns {
            let column = table.and_then(|table| table.column_by_id(*id));
            push(on.relation.into(), column.map_or(0, |column| column.attnum).into(), "n");
        }
        if on.columns.is_empty() {
            push(on.relation.into(), Value::Int(0), "n");
        }
    }
}
