//! Names as a session sees them: schemas built in and made, the search path, what is visible, how a name is written.

use std::borrow::Cow;

use peristyle_catalog::model::{Column, Oid, PgType, Relation, RelationKind, Schema};

use super::{INFORMATION_SCHEMA, PG_CATALOG, SYSTEM};
use crate::keywords::must_be_quoted;
use crate::relation::{RelationContext, VirtualRelation, all};
use crate::temporary;

/// Schemas that hold computed relations, and the one for temporary structures: (oid, name).
pub(crate) const BUILT_IN_SCHEMAS: &[(u32, &str)] =
    &[(PG_CATALOG, "pg_catalog"), (99, "pg_toast"), (INFORMATION_SCHEMA, "information_schema"), (SYSTEM, "system")];

/// The oid of a schema, built in or made.
pub(crate) fn schema_oid(context: &RelationContext<'_>, name: &str) -> Option<Oid> {
    let built_in = BUILT_IN_SCHEMAS.iter().find(|schema| schema.1 == name).map(|schema| Oid(schema.0));
    built_in.or_else(|| context.head.schema_by_name(context.database.oid, name).map(|schema| schema.oid))
}

/// The name of a schema, built in or made.
pub(crate) fn schema_name<'a>(context: &RelationContext<'a>, oid: Oid) -> Option<&'a str> {
    let built_in = BUILT_IN_SCHEMAS.iter().find(|schema| schema.0 == oid.0).map(|schema| schema.1);
    built_in.or_else(|| context.head.schema(oid).map(|schema| schema.name.as_str()))
}

/// The schemas that names are looked up in, in order: `pg_catalog` comes first unless the path names it.
pub(crate) fn effective_path<'a>(context: &RelationContext<'a>) -> Vec<&'a str> {
    let path = context.session.search_path.iter().map(String::as_str);
    let own =
        temporary_schema(context).map(|schema| schema.name.as_str()).filter(|own| !path.clone().any(|s| s == *own));
    let built_in = Some("pg_catalog").filter(|_| !path.clone().any(|schema| schema == "pg_catalog"));
    own.into_iter().chain(built_in).chain(path).collect()
}

/// The session's schema of temporary objects, once it has any.
pub(crate) fn temporary_schema<'a>(context: &RelationContext<'a>) -> Option<&'a Schema> {
    context.head.schema_by_name(context.database.oid, &temporary::schema_name(context.session.process_id))
}

/// Whether a relation goes with a session.
pub(crate) fn is_temporary(context: &RelationContext<'_>, relation: &Relation) -> bool {
    schema_name(context, relation.schema).is_some_and(temporary::is_temporary)
}

/// The oid of the relation of that name in that schema.
pub(crate) fn relation_in(context: &RelationContext<'_>, schema: &str, name: &str) -> Option<Oid> {
    if let Some(computed) = crate::relation::find(schema, name) {
        return Some(Oid(computed.oid()));
    }
    let schema = context.head.schema_by_name(context.database.oid, schema)?;
    Some(context.head.relation_by_name(schema.oid, name)?.oid)
}

/// The relation that a name means; without a schema, the first in the search path.
pub(crate) fn relation_named(context: &RelationContext<'_>, schema: Option<&str>, name: &str) -> Option<Oid> {
    match schema {
        Some(schema) => relation_in(context, schema, name),
        None => effective_path(context).into_iter().find_map(|schema| relation_in(context, schema, name)),
    }
}

/// A relation's schema and name.
pub(crate) fn relation_name<'a>(context: &RelationContext<'a>, oid: Oid) -> Option<(&'a str, &'a str)> {
    if let Some(computed) = computed_relation(oid) {
        return Some((computed.schema(), computed.name()));
    }
    let relation = context.head.relation(oid)?;
    Some((schema_name(context, relation.schema)?, &relation.name))
}

/// The computed relation of that oid.
pub(crate) fn computed_relation(oid: Oid) -> Option<&'static dyn VirtualRelation> {
    if oid >= Oid::FIRST_USER {
        return None;
    }
    all().find(|relation| relation.oid() == oid.0)
}

/// Whether a relation is found by its name alone; `None` for one that does not exist.
pub(crate) fn relation_is_visible(context: &RelationContext<'_>, oid: Oid) -> Option<bool> {
    let (_, name) = relation_name(context, oid)?;
    Some(relation_named(context, None, name) == Some(oid))
}

/// A relation's name as the session must write it.
pub(crate) fn relation_shown(context: &RelationContext<'_>, oid: Oid) -> Option<String> {
    let (schema, name) = relation_name(context, oid)?;
    let is_visible = relation_named(context, None, name) == Some(oid);
    Some(if is_visible { quoted(name).into_owned() } else { qualified(schema, name) })
}

/// The relation whose row type or array type that is, or the definition of an enum type, and whether it is the array
/// type.
pub(crate) fn relation_of_type<'a>(context: &RelationContext<'a>, ty: Oid) -> Option<(&'a Relation, bool)> {
    if ty < Oid::FIRST_USER {
        return None;
    }
    if let Some(definition) = context.head.enum_definition(PgType::plain(ty.0)) {
        return Some((definition, PgType::plain(ty.0).is_array()));
    }
    let relations = context.head.relations(context.database.oid);
    relations.into_iter().find_map(|relation| {
        let (row, array) = types_of(relation)?;
        (row == ty || array == ty).then_some((relation, array == ty))
    })
}

/// Whether the type of that relation, or enum type, is found by its name alone.
pub(crate) fn type_is_visible(context: &RelationContext<'_>, relation: &Relation) -> bool {
    type_relation_named(context, None, &relation.name).is_some_and(|found| found.oid == relation.oid)
}

/// The type of a relation, or enum type, as the session must write it.
pub(crate) fn type_shown(context: &RelationContext<'_>, relation: &Relation) -> String {
    match schema_name(context, relation.schema).filter(|_| !type_is_visible(context, relation)) {
        Some(schema) => qualified(schema, &relation.name),
        None => quoted(&relation.name).into_owned(),
    }
}

/// The relation, or enum type, that the name of a type leads to; without a schema, the first in the search path.
pub(crate) fn type_relation_named<'a>(
    context: &RelationContext<'a>,
    schema: Option<&str>,
    name: &str,
) -> Option<&'a Relation> {
    let in_schema = |schema: &str| {
        let schema = context.head.schema_by_name(context.database.oid, schema)?.oid;
        let relation = context.head.relation_by_name(schema, name).filter(|relation| types_of(relation).is_some());
        relation.or_else(|| context.head.enum_by_name(schema, name))
    };
    match schema {
        Some(schema) => in_schema(schema),
        None => effective_path(context).into_iter().find_map(in_schema),
    }
}

/// Oids of a relation's row type, or of an enum type, and of the array type over it; `None` for an index or a sequence.
pub(crate) fn types_of(relation: &Relation) -> Option<(Oid, Oid)> {
    match &relation.kind {
        RelationKind::Table(table) => Some((table.row_type, table.array_type)),
        RelationKind::View(view) => Some((view.row_type, view.array_type)),
        RelationKind::Enum(_) => {
            let ty = PgType::of_enum(relation.oid)?;
            Some((Oid(ty.oid), Oid(ty.array()?.oid)))
        }
        RelationKind::Index(_) | RelationKind::Sequence(_) => None,
    }
}

/// The columns of a table or view.
pub(crate) fn columns(relation: &Relation) -> &[Column] {
    match &relation.kind {
        RelationKind::Table(table) => &table.columns,
        RelationKind::View(view) => &view.columns,
        RelationKind::Index(_) | RelationKind::Sequence(_) | RelationKind::Enum(_) => &[],
    }
}

/// `schema.name`, quoted where needed.
pub(crate) fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", quoted(schema), quoted(name))
}

/// An identifier as SQL must write it (`quote_ident`).
pub(crate) fn quoted(name: &str) -> Cow<'_, str> {
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    let is_plain = starts && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if is_plain && !must_be_quoted(name) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(format!("\"{}\"", name.replace('"', "\"\"")))
}

/// Cuts a possibly qualified and quoted name into its parts, folding what is not quoted to lower case.
/// `None` for what is no name.
pub(crate) fn parts(text: &str) -> Option<Vec<String>> {
    leading_parts(text).filter(|(_, rest)| rest.is_empty()).map(|(parts, _)| parts)
}

/// The parts of the name that a text begins with, and what follows it.
pub(crate) fn leading_parts(text: &str) -> Option<(Vec<String>, &str)> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    loop {
        let (part, after) = first_part(rest)?;
        parts.push(part);
        match after.trim_start().strip_prefix('.') {
            Some(next) => rest = next.trim_start(),
            None => return Some((parts, after.trim())),
        }
    }
}

fn first_part(text: &str) -> Option<(String, &str)> {
    let Some(inner) = text.strip_prefix('"') else {
        let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(text.len());
        let starts = text.starts_with(|c: char| c.is_alphabetic() || c == '_');
        return starts.then(|| (text[..end].to_lowercase(), &text[end..]));
    };
    let mut part = String::new();
    let mut chars = inner.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c != '"' {
            part.push(c);
        } else if chars.peek().is_some_and(|next| next.1 == '"') {
            part.push('"');
            chars.next();
        } else {
            return (!part.is_empty()).then_some((part, &inner[at + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_where_needed() {
        assert_eq!(quoted("plain_1"), "plain_1");
        assert_eq!(quoted("select"), "\"select\"");
        assert_eq!(quoted("Mixed\"name"), "\"Mixed\"\"name\"");
        assert_eq!(quoted("1a"), "\"1a\"");
    }

    #[test]
    fn names_are_cut_into_parts() {
        assert_eq!(parts("Public.T"), Some(vec!["public".to_owned(), "t".to_owned()]));
        assert_eq!(parts(r#""A""b" . c"#), Some(vec!["A\"b".to_owned(), "c".to_owned()]));
        assert_eq!(parts("a."), None);
        assert_eq!(parts("a b"), None);
        assert_eq!(parts(""), None);
    }
}
