//! Tables and views with their columns, made by users or computed, as one list.

use std::borrow::Cow;

use peristyle_catalog::model::{Column, Oid, PgType, Relation};

use crate::pg_catalog::BOOTSTRAP_ROLE;
use crate::pg_catalog::definitions::default_shown;
use crate::pg_catalog::names::columns;
use crate::pg_catalog::names::{is_temporary, schema_name, temporary_schema, types_of};
use crate::pg_catalog::parentheses::parenthesised;
use crate::relation::{RelationContext, all};

/// A table or view.
pub(super) struct Listed<'a> {
    pub(super) schema: &'a str,
    pub(super) name: &'a str,
    pub(super) owner: Option<&'a str>,
    pub(super) is_view: bool,
    /// Whether it goes with the session.
    pub(super) is_temporary: bool,
    /// Whether a user made it, so that rows can be written to it if it is a table.
    pub(super) is_users: bool,
    pub(super) columns: Vec<ListedColumn<'a>>,
}

pub(super) struct ListedColumn<'a> {
    pub(super) name: &'a str,
    /// From 1.
    pub(super) number: i64,
    pub(super) ty: PgType,
    pub(super) not_null: bool,
    pub(super) default: Option<Cow<'a, str>>,
    /// As the catalog has it; `None` for computed relations.
    pub(super) column: Option<&'a Column>,
}

/// All tables and views of the database.
pub(super) fn listed<'a>(context: &RelationContext<'a>) -> Vec<Listed<'a>> {
    let bootstrap = context.head.role_name(Oid(BOOTSTRAP_ROLE));
    let computed = all().map(|relation| Listed {
        schema: relation.schema(),
        name: relation.name(),
        owner: bootstrap,
        is_view: relation.declaration().kind == "v",
        is_temporary: false,
        is_users: false,
        columns: relation.columns().iter().zip(1..).map(|((name, ty), number)| plain(name, number, *ty)).collect(),
    });
    let relations = context.head.relations(context.database.oid);
    // Other sessions' temporary tables are nobody else's matter.
    let own = temporary_schema(context).map(|schema| schema.oid);
    let is_listed = |relation: &&Relation| own == Some(relation.schema) || !is_temporary(context, relation);
    // The standard has no materialized views.
    let relations = relations.into_iter().filter(is_listed).filter(|relation| relation.as_materialized().is_none());
    let users = relations.filter(|relation| types_of(relation).is_some()).map(|relation| Listed {
        schema: schema_name(context, relation.schema).unwrap_or_default(),
        name: &relation.name,
        owner: context.head.role_name(relation.owner),
        is_view: relation.as_view().is_some(),
        is_temporary: own == Some(relation.schema),
        is_users: true,
        columns: columns(relation).iter().map(|column| of_column(context, column)).collect(),
    });
    computed.chain(users).collect()
}

fn plain(name: &str, number: i64, ty: PgType) -> ListedColumn<'_> {
    ListedColumn { name, number, ty, not_null: false, default: None, column: None }
}

fn of_column<'a>(context: &RelationContext<'_>, column: &'a Column) -> ListedColumn<'a> {
    ListedColumn {
        not_null: column.not_null,
        default: column.default.as_ref().map(|default| match default_shown(context, &default.expression, column.ty) {
            Cow::Borrowed(text) => parenthesised(text),
            Cow::Owned(text) => Cow::Owned(parenthesised(&text).into_owned()),
        }),
        column: Some(column),
        ..plain(&column.name, i64::from(column.attnum), column.ty)
    }
}
