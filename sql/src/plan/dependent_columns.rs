//! `SELECT p.name, count(*) FROM p JOIN c … GROUP BY p.id`: all columns of a table depend on its primary key, so that they may
//! stand beside it. They become keys too, of which each group has one value. Where the table does not enforce its key, rows
//! that share one and differ elsewhere are groups of their own.

use std::ops::ControlFlow;

use peristyle_catalog::model::{ConstraintKind, PgType, Table};
use sqlparser::ast::{Expr, GroupByExpr, Ident, OrderBy, Select, SelectItem, SelectItemQualifiedWildcardKind, Value};

use super::from_items::{called, visit_order_exprs, visit_own_exprs};
use super::scopes::{Item, Scopes};
use crate::names::fold;

/// Adds what is read beside the primary keys of the innermost SELECT's tables to its keys.
pub(super) fn add(select: &mut Select, order_by: &mut Option<OrderBy>, scopes: &Scopes<'_, '_>) {
    let GroupByExpr::Expressions(keys, _) = &select.group_by else { return };
    let Some(level) = scopes.levels.last() else { return };
    let keys: Vec<Expr> = keys.iter().map(|key| meant(key, select)).collect();
    let keyed = level.items.iter().filter_map(|item| Keyed::of(item, &keys, scopes));
    let keyed: Vec<Keyed> = keyed.collect();
    if keyed.is_empty() {
        return;
    }
    let mut added: Vec<Expr> = Vec::new();
    for table in keyed.iter().filter(|table| select.projection.iter().any(|item| table.is_shown_by(item))) {
        added.extend(table.columns.iter().map(|column| table.column(column)));
    }
    let mut note = |expr: &mut Expr| {
        let read = keyed.iter().find_map(|table| Some(table.column(table.column_read(expr, scopes)?)));
        added.extend(read.filter(|column| !added.contains(column)));
        ControlFlow::<()>::Continue(())
    };
    let _ = visit_own_exprs(&mut select.projection, &mut note);
    let _ = visit_own_exprs(&mut select.having, &mut note);
    let _ = visit_order_exprs(select, order_by, &mut note);
    if let GroupByExpr::Expressions(keys, _) = &mut select.group_by {
        keys.extend(added);
    }
}

/// The result that a key is the number or the name of; else the key.
fn meant(key: &Expr, select: &Select) -> Expr {
    let place = match key {
        Expr::Value(value) => match &value.value {
            Value::Number(text, _) => text.parse::<usize>().ok().and_then(|place| place.checked_sub(1)),
            _ => None,
        },
        _ => None,
    };
    match place.and_then(|place| select.projection.get(place)) {
        Some(SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) => expr.clone(),
        _ => key.clone(),
    }
}

/// A table whose primary key is among the keys.
struct Keyed {
    name: String,
    /// Its columns that are no keys themselves.
    columns: Vec<String>,
}

impl Keyed {
    fn of(item: &Item, keys: &[Expr], scopes: &Scopes<'_, '_>) -> Option<Keyed> {
        let name = fold(called(&item.factor)?);
        let relation = scopes.relation(item)?;
        let table = relation.as_table()?;
        let is_key = |column: &str| keys.iter().any(|key| is_column(key, &name, column, scopes));
        if !primary_key(table)?.into_iter().all(&is_key) {
            return None;
        }
        // Two values of json are not compared.
        let columns = table.columns.iter().filter(|column| column.ty.oid != PgType::JSON.oid);
        let columns = columns.map(|column| &column.name).filter(|column| !is_key(column));
        let columns = columns.cloned().collect();
        Some(Keyed { name, columns })
    }

    /// Whether a result is `*`, of this table or of all.
    fn is_shown_by(&self, item: &SelectItem) -> bool {
        match item {
            SelectItem::Wildcard(_) => true,
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                name.0.last().and_then(|part| part.as_ident()).is_some_and(|table| fold(table) == self.name)
            }
            _ => false,
        }
    }

    fn column(&self, name: &str) -> Expr {
        Expr::CompoundIdentifier([self.name.as_str(), name].map(|part| Ident::with_quote('"', part)).into())
    }

    /// The column of the table that an expression is, unless it is a key.
    fn column_read(&self, expr: &Expr, scopes: &Scopes<'_, '_>) -> Option<&String> {
        self.columns.iter().find(|column| is_column(expr, &self.name, column, scopes))
    }
}

fn primary_key(table: &Table) -> Option<Vec<&str>> {
    let columns = table.constraints.iter().find_map(|constraint| match &constraint.kind {
        ConstraintKind::PrimaryKey { columns, .. } => Some(columns),
        _ => None,
    })?;
    let name = |id| table.columns.iter().find(|column| column.id == id).map(|column| column.name.as_str());
    columns.iter().map(|id| name(*id)).collect()
}

/// Whether an expression is that column of the item of FROM of that name; a bare name is if no other item has such a column.
fn is_column(expr: &Expr, table: &str, column: &str, scopes: &Scopes<'_, '_>) -> bool {
    match expr {
        Expr::CompoundIdentifier(path) => match path.as_slice() {
            [.., before, last] => fold(before) == table && fold(last) == column,
            _ => false,
        },
        Expr::Identifier(name) => fold(name) == column && is_sole(name, scopes),
        _ => false,
    }
}

fn is_sole(name: &Ident, scopes: &Scopes<'_, '_>) -> bool {
    let Some(level) = scopes.levels.last() else { return false };
    let name = fold(name);
    level.items.len() == 1 || level.items.iter().filter(|item| scopes.has_column(item, &name)).count() == 1
}
