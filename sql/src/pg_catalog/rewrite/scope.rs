//! What a SELECT over catalogs reads from, and which names in it are its own.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Ident, JoinOperator, ObjectName, ObjectNamePart, Select, TableFactor, TableWithJoins, visit_expressions,
};

use super::folded;
use crate::relation::{VirtualRelation, find, is_always_empty};

/// The catalogs in a FROM clause with the names they go by.
pub(super) struct Scope {
    relations: Vec<(String, &'static dyn VirtualRelation)>,
}

impl Scope {
    /// `None` if the SELECT reads anything but catalogs.
    pub(super) fn of(select: &Select) -> Option<Scope> {
        let factors = select.from.iter().flat_map(factors);
        let relations = factors.map(named_catalog).collect::<Option<Vec<_>>>()?;
        (!relations.is_empty()).then_some(Scope { relations })
    }

    /// The catalogs that a SELECT reads, whatever else it reads.
    pub(super) fn catalogs_of(select: &Select) -> Scope {
        Scope { relations: select.from.iter().flat_map(factors).filter_map(named_catalog).collect() }
    }

    /// The oid of the one catalog whose system column is meant by a name before it, or none.
    pub(super) fn table_oid(&self, table: &[Ident]) -> Option<u32> {
        match (table, self.relations.as_slice()) {
            ([], [(_, only)]) => Some(only.oid()),
            ([.., table], relations) => {
                relations.iter().find(|(alias, _)| *alias == folded(table)).map(|(_, relation)| relation.oid())
            }
            _ => None,
        }
    }

    /// Whether a column reference means a column of these catalogs.
    pub(super) fn owns(&self, names: &[Ident]) -> bool {
        match names {
            [column] => self.relations.iter().any(|(_, relation)| has_column(*relation, &folded(column))),
            // With or without the schema before it.
            [.., table, _] => self.relations.iter().any(|(alias, _)| *alias == folded(table)),
            [] => true,
        }
    }

    /// Whether an expression reads columns of this SELECT, and of one around it.
    pub(super) fn reads(&self, expr: &Expr) -> Reads {
        let mut reads = Reads { inner: false, outer: false };
        let _ = visit_expressions(expr, |expr| {
            if let Some(names) = column(expr) {
                let is_own = self.owns(names);
                reads.inner |= is_own;
                reads.outer |= !is_own;
            }
            ControlFlow::<()>::Continue(())
        });
        reads
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reads {
    pub(super) inner: bool,
    pub(super) outer: bool,
}

/// Whether a SELECT has no rows because it joins a catalog that never has any.
pub(super) fn is_empty(select: &Select) -> bool {
    select.from.iter().any(|item| {
        let preserves = |join: &JoinOperator| {
            matches!(
                join,
                JoinOperator::Join(_)
                    | JoinOperator::Inner(_)
                    | JoinOperator::Left(_)
                    | JoinOperator::LeftOuter(_)
                    | JoinOperator::CrossJoin(_)
            )
        };
        let restricts = |join: &JoinOperator| {
            matches!(join, JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_))
        };
        let inner = item.joins.iter().filter(|join| restricts(&join.join_operator)).map(|join| &join.relation);
        item.joins.iter().all(|join| preserves(&join.join_operator))
            && std::iter::once(&item.relation).chain(inner).any(never_has_rows)
    })
}

fn never_has_rows(factor: &TableFactor) -> bool {
    named_catalog(factor).is_some_and(|(_, relation)| is_always_empty(relation))
}

fn factors(item: &TableWithJoins) -> impl Iterator<Item = &TableFactor> {
    std::iter::once(&item.relation).chain(item.joins.iter().map(|join| &join.relation))
}

fn named_catalog(factor: &TableFactor) -> Option<(String, &'static dyn VirtualRelation)> {
    let TableFactor::Table { name, alias, args: None, .. } = factor else { return None };
    let relation = catalog(name)?;
    let alias = alias.as_ref().map_or_else(|| relation.name().to_owned(), |alias| folded(&alias.name));
    Some((alias, relation))
}

fn catalog(name: &ObjectName) -> Option<&'static dyn VirtualRelation> {
    match name.0.as_slice() {
        [ObjectNamePart::Identifier(name)] => find("pg_catalog", &folded(name)),
        [ObjectNamePart::Identifier(schema), ObjectNamePart::Identifier(name)] => find(&folded(schema), &folded(name)),
        _ => None,
    }
}

fn has_column(relation: &dyn VirtualRelation, name: &str) -> bool {
    relation.columns().iter().any(|column| column.0 == name)
}

/// The names of a column reference.
pub(super) fn column(expr: &Expr) -> Option<&[Ident]> {
    match expr {
        Expr::Identifier(name) => Some(std::slice::from_ref(name)),
        Expr::CompoundIdentifier(names) => Some(names),
        _ => None,
    }
}
