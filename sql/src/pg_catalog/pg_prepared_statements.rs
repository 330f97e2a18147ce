//! `pg_prepared_statements`: those of the session.

use crate::relation::{RelationContext, Rows, Value};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named([
        "name",
        "statement",
        "prepare_time",
        "parameter_types",
        "from_sql",
        "generic_plans",
        "custom_plans",
    ]);
    for prepared in &context.session.prepared {
        let types: Vec<u32> = prepared.parameters.iter().map(|ty| ty.oid).collect();
        rows.push([
            (&prepared.name).into(),
            (&prepared.text).into(),
            prepared.prepared_at.into(),
            types.into(),
            prepared.from_sql.into(),
            Value::Int(0),
            prepared.executions.into(),
        ]);
    }
}
