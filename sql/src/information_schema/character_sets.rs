//! `information_schema.character_sets` and `collations`: UTF-8, ordered by bytes.

use crate::relation::{RelationContext, Rows, facts};

const PG_COLLATION: &str = include_str!("../pg_catalog/facts/pg_collation.tsv");

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named([
        "character_set_name",
        "character_repertoire",
        "form_of_use",
        "default_collate_catalog",
        "default_collate_schema",
        "default_collate_name",
    ]);
    let database = (&context.database.name).into();
    rows.push(["UTF8".into(), "UCS".into(), "UTF8".into(), database, "pg_catalog".into(), "C".into()]);
}

pub(super) fn collations<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named(["collation_catalog", "collation_schema", "collation_name", "pad_attribute"]);
    for collation in facts(PG_COLLATION) {
        rows.push([(&context.database.name).into(), "pg_catalog".into(), collation[1].into(), "NO PAD".into()]);
    }
}
