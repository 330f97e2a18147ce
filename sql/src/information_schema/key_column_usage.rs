//! `information_schema.key_column_usage`: the columns of keys, in order.

use peristyle_catalog::model::ConstraintKind;

use super::constraints::tables;
use crate::pg_catalog::names::schema_name;
use crate::relation::{RelationContext, Rows, Value};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named([
        "constraint_catalog",
        "constraint_schema",
        "constraint_name",
        "table_catalog",
        "table_schema",
        "table_name",
        "column_name",
        "ordinal_position",
        "position_in_unique_constraint",
    ]);
    let database = || Value::from(&context.database.name);
    for (relation, table) in tables(context) {
        let schema = || Value::from(schema_name(context, relation.schema));
        for constraint in &table.constraints {
            let (ids, is_foreign) = match &constraint.kind {
                ConstraintKind::PrimaryKey { columns, .. } | ConstraintKind::Unique { columns, .. } => (columns, false),
                ConstraintKind::ForeignKey { columns, .. } => (columns, true),
                ConstraintKind::Check { .. } => continue,
            };
            for (id, position) in ids.iter().zip(1_i64..) {
                rows.push([
                    database(),
                    schema(),
                    (&constraint.name).into(),
                    database(),
                    schema(),
                    (&relation.name).into(),
                    table.column_by_id(*id).map(|column| &column.name).into(),
                    position.into(),
                    is_foreign.then_some(position).into(),
                ]);
            }
        }
    }
}
