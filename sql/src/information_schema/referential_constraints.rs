//! `information_schema.referential_constraints`: foreign keys and the keys they refer to.

use peristyle_catalog::model::{ColumnId, Constraint, ConstraintKind, Oid, Relation};

use super::constraints::tables;
use crate::pg_catalog::names::schema_name;
use crate::relation::{RelationContext, Rows, Value};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named([
        "constraint_catalog",
        "constraint_schema",
        "constraint_name",
        "unique_constraint_catalog",
        "unique_constraint_schema",
        "unique_constraint_name",
        "match_option",
        "update_rule",
        "delete_rule",
    ]);
    let database = || Value::from(&context.database.name);
    for (relation, table) in tables(context) {
        for constraint in &table.constraints {
            let ConstraintKind::ForeignKey { table: other, referenced, .. } = &constraint.kind else { continue };
            let key = referenced_key(context, *other, referenced);
            rows.push([
                database(),
                schema_name(context, relation.schema).into(),
                (&constraint.name).into(),
                key.map(|_| &context.database.name).into(),
                key.and_then(|(relation, _)| schema_name(context, relation.schema)).into(),
                key.map(|(_, key)| &key.name).into(),
                "NONE".into(),
                "NO ACTION".into(),
                "NO ACTION".into(),
            ]);
        }
    }
}

/// The primary or unique key over these columns.
fn referenced_key<'a>(
    context: &RelationContext<'a>,
    table: Oid,
    referenced: &[ColumnId],
) -> Option<(&'a Relation, &'a Constraint)> {
    let relation = context.head.relation(table)?;
    let is_key = |constraint: &&Constraint| match &constraint.kind {
        ConstraintKind::PrimaryKey { columns, .. } | ConstraintKind::Unique { columns, .. } => columns == referenced,
        ConstraintKind::ForeignKey { .. } | ConstraintKind::Check { .. } => false,
    };
    Some((relation, relation.as_table()?.constraints.iter().find(is_key)?))
}
