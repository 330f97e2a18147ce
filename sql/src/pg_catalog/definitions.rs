//! Definitions as SQL text: views, indexes, constraints.

use std::borrow::Cow;

use peristyle_catalog::model::{ColumnId, Constraint, ConstraintKind, Index, PgType, Relation, StoredQuery, Table};

use super::names::{qualified, quoted, relation_shown, schema_name};
use super::parentheses::parenthesised;
use super::pg_index::indexed_columns;
use super::type_names::format_type;
use crate::relation::RelationContext;
use crate::semantics::{self, with_type_names};
use crate::sequence;

/// The modifier of a type that has none.
const NO_MODIFIER: i32 = -1;

/// A view's query as its author wrote it, set as PostgreSQL sets it.
pub(crate) fn view_definition(query: &StoredQuery) -> String {
    format!(" {};", query.text.trim().trim_end_matches(';').trim_end())
}

/// The statement that makes an index. One over columns is written anew, so that a rename shows.
pub(crate) fn index_definition(context: &RelationContext<'_>, relation: &Relation, index: &Index) -> String {
    let columns = indexed_columns(context, index);
    let (Some(table), false) = (context.head.relation(index.table), columns.is_empty()) else {
        return index.definition.clone();
    };
    let unique = if index.unique { "UNIQUE " } else { "" };
    let table = qualified(schema_name(context, table.schema).unwrap_or_default(), &table.name);
    let columns = columns.into_iter().map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", ");
    format!("CREATE {unique}INDEX {} ON {table} USING btree ({columns})", quoted(&relation.name))
}

/// A constraint as `ALTER TABLE … ADD` takes it, pretty or with all parentheses. Keys are not enforced, which `NOT VALID`
/// says.
pub(crate) fn constraint_definition(
    context: &RelationContext<'_>,
    table: &Table,
    constraint: &Constraint,
    is_pretty: bool,
) -> String {
    match &constraint.kind {
        ConstraintKind::PrimaryKey { columns, .. } => format!("PRIMARY KEY ({}) NOT VALID", list(table, columns)),
        ConstraintKind::Unique { columns, .. } => format!("UNIQUE ({}) NOT VALID", list(table, columns)),
        ConstraintKind::ForeignKey { columns, table: other, referenced } => {
            let target = relation_shown(context, *other).unwrap_or_else(|| other.to_string());
            let there = context.head.relation(*other).and_then(Relation::as_table);
            let there = there.map(|there| list(there, referenced)).unwrap_or_default();
            format!("FOREIGN KEY ({}) REFERENCES {target}({there}) NOT VALID", list(table, columns))
        }
        ConstraintKind::Check { expression } => {
            let text = with_types(context, expression);
            format!("CHECK ({})", if is_pretty { Cow::Borrowed(&*text) } else { parenthesised(&text) })
        }
    }
}

fn list(table: &Table, columns: &[ColumnId]) -> String {
    let names = columns.iter().filter_map(|id| table.column_by_id(*id)).map(|column| quoted(&column.name));
    names.collect::<Vec<_>>().join(", ")
}

/// An expression's text with the names that users' types have now.
pub(crate) fn with_types<'t>(context: &RelationContext<'_>, text: &'t str) -> Cow<'t, str> {
    with_type_names(text, &|ty| format_type(context, ty.oid, None))
}

/// A column's default as PostgreSQL shows it: a string has the type that it was read as, a sequence its name.
pub(crate) fn default_shown<'t>(context: &RelationContext<'_>, expression: &'t str, ty: PgType) -> Cow<'t, str> {
    let inside = expression.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    let is_string = inside.is_some_and(|inside| !inside.replace("''", "").contains('\''));
    // Of these the constant is shown, which a string of digits is too.
    if !is_string || ty == PgType::BOOL || semantics::is_number(ty) {
        return match with_types(context, expression) {
            Cow::Borrowed(kept) => sequence::shown(context, kept),
            Cow::Owned(named) => sequence::shown(context, &named).into_owned().into(),
        };
    }
    format!("{expression}::{}", format_type(context, ty.oid, Some(NO_MODIFIER))).into()
}
