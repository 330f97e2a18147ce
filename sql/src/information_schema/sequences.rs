//! `information_schema.sequences`. Sequences of identity columns are parts of their columns.

use peristyle_catalog::model::{PgType, Sequence};

use super::{columns, yes_or_no};
use crate::pg_catalog::names::schema_name;
use crate::pg_catalog::pg_sequence::sequences;
use crate::relation::{RelationContext, Rows};

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named([
        "sequence_catalog",
        "sequence_schema",
        "sequence_name",
        "data_type",
        "numeric_precision",
        "numeric_precision_radix",
        "numeric_scale",
        "start_value",
        "minimum_value",
        "maximum_value",
        "increment",
        "cycle_option",
    ]);
    let is_identity = |sequence: &Sequence| sequence.owner.is_some_and(|owner| owner.is_identity);
    for (relation, sequence) in sequences(context).filter(|(_, sequence)| !is_identity(sequence)) {
        let rule = &sequence.rule;
        let bits: i64 = match rule.ty {
            PgType::INT2 => 16,
            PgType::INT4 => 32,
            _ => 64,
        };
        rows.push([
            (&context.database.name).into(),
            schema_name(context, relation.schema).into(),
            (&relation.name).into(),
            columns::data_type(context, rule.ty).into(),
            bits.into(),
            2_i64.into(),
            0_i64.into(),
            rule.start.to_string().into(),
            rule.min.to_string().into(),
            rule.max.to_string().into(),
            rule.increment.to_string().into(),
            yes_or_no(rule.cycle).into(),
        ]);
    }
}
