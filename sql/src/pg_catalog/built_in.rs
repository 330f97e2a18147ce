//! Catalogs that hold built-in rows alone: access methods, casts, collations, languages, operators, ranges, tablespaces.

use crate::relation::{RelationContext, Rows, facts};

macro_rules! built_in {
    ($($name:ident $file:literal)*) => {
        $(pub(super) fn $name<'a>(_: &RelationContext<'a>, rows: &mut Rows<'a>) {
            facts(include_str!($file)).for_each(|fields| rows.push_text(&fields));
        })*
    };
}

built_in! {
    pg_am "facts/pg_am.tsv"
    pg_cast "facts/pg_cast.tsv"
    pg_collation "facts/pg_collation.tsv"
    pg_language "facts/pg_language.tsv"
    pg_opclass "facts/pg_opclass.tsv"
    pg_operator "facts/pg_operator.tsv"
    pg_opfamily "facts/pg_opfamily.tsv"
    pg_range "facts/pg_range.tsv"
    pg_tablespace "facts/pg_tablespace.tsv"
}
