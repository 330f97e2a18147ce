//! The names, oids and columns of computed relations, read once from `pg_catalog/facts/relations.tsv` and
//! `system/relations.tsv`: schema, relation, oid, `relkind`, then `column:type oid[/typmod]` for each column.

use std::sync::{LazyLock, OnceLock};

use arrow::datatypes::SchemaRef;
use peristyle_catalog::model::PgType;

use super::arrow_schema;

/// What a computed relation is called and which columns it has.
pub struct Declaration {
    pub schema: &'static str,
    pub name: &'static str,
    pub oid: u32,
    /// PostgreSQL's `relkind`: `r` or `v`.
    pub kind: &'static str,
    pub columns: Vec<(&'static str, PgType)>,
    arrow: OnceLock<SchemaRef>,
}

static DECLARATIONS: LazyLock<Vec<Declaration>> = LazyLock::new(|| {
    let postgresql = include_str!("../pg_catalog/facts/relations.tsv");
    let own = include_str!("../system/relations.tsv");
    postgresql.lines().chain(own.lines()).map(parse).collect()
});

/// All declarations.
pub(crate) fn declarations() -> &'static [Declaration] {
    &DECLARATIONS
}

/// The lines of a table of built-in rows, cut at tabs.
pub(crate) fn facts(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    text.lines().map(|line| line.split('\t').collect())
}

impl Declaration {
    /// The columns as Arrow fields.
    pub fn arrow_schema(&self) -> SchemaRef {
        self.arrow.get_or_init(|| arrow_schema(&self.columns)).clone()
    }
}

fn parse(line: &'static str) -> Declaration {
    let mut fields = line.split('\t');
    let mut next = || fields.next().expect("a declaration has five fields");
    let (schema, name, oid, kind, columns) = (next(), next(), next(), next(), next());
    Declaration {
        schema,
        name,
        oid: oid.parse().expect("an oid is a number"),
        kind,
        columns: columns.split(' ').map(parse_column).collect(),
        arrow: OnceLock::new(),
    }
}

fn parse_column(column: &'static str) -> (&'static str, PgType) {
    let (name, ty) = column.split_once(':').expect("a column is declared as name:type");
    let (oid, typmod) = ty.split_once('/').unwrap_or((ty, "-1"));
    let oid = oid.parse().expect("a type is an oid");
    (name, PgType { oid, typmod: typmod.parse().expect("a typmod is a number") })
}
