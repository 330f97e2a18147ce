//! `pg_sequence` and `pg_sequences`.

use peristyle_catalog::model::{Oid, PgType, Relation, Sequence};

use super::names::schema_name;
use crate::relation::{RelationContext, Rows};

/// The columns that every sequence has when it is read as a table.
pub(crate) const SEQUENCE_COLUMNS: [(&str, PgType); 3] =
    [("last_value", PgType::INT8), ("log_cnt", PgType::INT8), ("is_called", PgType::BOOL)];

pub(super) fn fill<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows =
        rows.named(["seqrelid", "seqtypid", "seqstart", "seqincrement", "seqmax", "seqmin", "seqcache", "seqcycle"]);
    for (relation, Sequence { rule, .. }) in sequences(context) {
        rows.push([
            relation.oid.into(),
            rule.ty.oid.into(),
            rule.start.into(),
            rule.increment.into(),
            rule.max.into(),
            rule.min.into(),
            rule.cache.into(),
            rule.cycle.into(),
        ]);
    }
}

pub(super) fn view<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named([
        "schemaname",
        "sequencename",
        "sequenceowner",
        "data_type",
        "start_value",
        "min_value",
        "max_value",
        "increment_by",
        "cycle",
        "cache_size",
        "last_value",
    ]);
    for (relation, sequence) in sequences(context) {
        let rule = &sequence.rule;
        rows.push([
            schema_name(context, relation.schema).into(),
            (&relation.name).into(),
            context.head.role_name(relation.owner).into(),
            rule.ty.oid.into(),
            rule.start.into(),
            rule.min.into(),
            rule.max.into(),
            rule.increment.into(),
            rule.cycle.into(),
            rule.cache.into(),
            last_value(context, relation.oid).into(),
        ]);
    }
}

/// The value that a sequence gave last; `None` for one that gave none.
pub(crate) fn last_value(context: &RelationContext<'_>, sequence: Oid) -> Option<i64> {
    let place = context.server.sequences.as_ref()?.place(sequence)?;
    place.is_called.then_some(place.last)
}

/// The sequences of the database.
pub(crate) fn sequences<'a>(
    context: &RelationContext<'a>,
) -> impl Iterator<Item = (&'a Relation, &'a Sequence)> + use<'a> {
    let relations = context.head.relations(context.database.oid).into_iter();
    relations.filter_map(|relation| Some((relation, relation.as_sequence()?)))
}

/// The sequence of a column, by the number of the column.
pub(crate) fn sequence_of_column<'a>(context: &RelationContext<'a>, table: Oid, attnum: i16) -> Option<&'a Relation> {
    let is_owned =
        |sequence: &Sequence| sequence.owner.is_some_and(|owner| (owner.table, owner.attnum) == (table, attnum));
    sequences(context).find(|(_, sequence)| is_owned(sequence)).map(|(relation, _)| relation)
}

/// `pg_statio_all_sequences` and its like: no blocks are counted.
pub(super) fn io<'a>(context: &RelationContext<'a>, rows: &mut Rows<'a>) {
    let mut rows = rows.named(["relid", "schemaname", "relname"]);
    for (relation, _) in sequences(context) {
        rows.push([relation.oid.into(), schema_name(context, relation.schema).into(), (&relation.name).into()]);
    }
}
