//! `information_schema.table_constraints`, `check_constraints` and `constraint_column_usage`. The column `enforced` says
//! whether a key is more than recorded. NOT NULL is a check, as in PostgreSQL.

use peristyle_catalog::model::{Column, Constraint, ConstraintKind, Relation, Table};

use super::yes_or_no;
use crate::pg_catalog::names::schema_name;
use crate::pg_catalog::parentheses::parenthesised;
use crate::relation::{RelationContext, Rows, Value};

/// A constraint's name, its kind in the standard's words, and whether it is enforced.
struct Named<'a> {
    name: Value<'a>,
    kind: &'static str,
    is_enforced: bool,
}

pub(super) fn table_constraints<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named([
        "constraint_catalog",
        "constraint_schema",
        "constraint_name",
        "table_catalog",
        "table_schema",
        "table_name",
        "constraint_type",
        "is_deferrable",
        "initially_deferred",
        "enforced",
        "nulls_distinct",
    ]);
    let database = || Value::from(&context.database.name);
    for (relation, table) in tables(context) {
        let schema = schema_name(context, relation.schema);
        let keyed = table.constraints.iter().map(|constraint| named(table, constraint));
        let not_null = not_null(table).map(|column| not_null_check(relation, column));
        for constraint in keyed.chain(not_null) {
            rows.push([
                database(),
                schema.into(),
                constraint.name,
                database(),
                schema.into(),
                (&relation.name).into(),
                constraint.kind.into(),
                "NO".into(),
                "NO".into(),
                yes_or_no(constraint.is_enforced).into(),
                (constraint.kind == "UNIQUE").then_some("YES").into(),
            ]);
        }
    }
}

pub(super) fn check_constraints<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named(["constraint_catalog", "constraint_schema", "constraint_name", "check_clause"]);
    for (relation, table) in tables(context) {
        let schema = schema_name(context, relation.schema);
        for constraint in &table.constraints {
            if let ConstraintKind::Check { expression } = &constraint.kind {
                let clause = format!("({})", parenthesised(expression));
                rows.push([(&context.database.name).into(), schema.into(), (&constraint.name).into(), clause.into()]);
            }
        }
        for column in not_null(table) {
            let check = not_null_check(relation, column);
            let clause = format!("{} IS NOT NULL", column.name);
            rows.push([(&context.database.name).into(), schema.into(), check.name, clause.into()]);
        }
    }
}

/// For a foreign key the columns it refers to, else the columns of the constraint.
pub(super) fn constraint_column_usage<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named([
        "table_catalog",
        "table_schema",
        "table_name",
        "column_name",
        "constraint_catalog",
        "constraint_schema",
        "constraint_name",
    ]);
    for (relation, table) in tables(context) {
        for constraint in &table.constraints {
            let (used, ids) = match &constraint.kind {
                ConstraintKind::PrimaryKey { columns, .. } | ConstraintKind::Unique { columns, .. } => {
                    (Some(relation), columns.as_slice())
                }
                ConstraintKind::ForeignKey { table, referenced, .. } => {
                    (context.head.relation(*table), referenced.as_slice())
                }
                ConstraintKind::Check { .. } => (None, &[][..]),
            };
            let Some((used, used_table)) = used.and_then(|used| Some((used, used.as_table()?))) else { continue };
            for column in ids.iter().filter_map(|id| used_table.column_by_id(*id)) {
                rows.push([
                    (&context.database.name).into(),
                    schema_name(context, used.schema).into(),
                    (&used.name).into(),
                    (&column.name).into(),
                    (&context.database.name).into(),
                    schema_name(context, relation.schema).into(),
                    (&constraint.name).into(),
                ]);
            }
        }
    }
}

/// All tables of the database.
pub(super) fn tables<'a>(context: &RelationContext<'a>) -> impl Iterator<Item = (&'a Relation, &'a Table)> {
    context
        .head
        .relations(context.database.oid)
        .into_iter()
        .filter_map(|relation| Some((relation, relation.as_table()?)))
}

fn named<'a>(table: &Table, constraint: &'a Constraint) -> Named<'a> {
    let (kind, is_enforced) = match &constraint.kind {
        ConstraintKind::PrimaryKey { .. } => ("PRIMARY KEY", table.enforces_keys()),
        ConstraintKind::Unique { .. } => ("UNIQUE", table.enforces_keys()),
        ConstraintKind::ForeignKey { .. } => ("FOREIGN KEY", false),
        ConstraintKind::Check { .. } => ("CHECK", true),
    };
    Named { name: (&constraint.name).into(), kind, is_enforced }
}

fn not_null(table: &Table) -> impl Iterator<Item = &Column> {
    table.columns.iter().filter(|column| column.not_null)
}

/// NOT NULL has no name of its own: it is named after the oids.
fn not_null_check<'a>(relation: &Relation, column: &Column) -> Named<'a> {
    let name = format!("{}_{}_{}_not_null", relation.schema, relation.oid, column.attnum);
    Named { name: name.into(), kind: "CHECK", is_enforced: true }
}
