//! `SELECT * FROM (SELECT * FROM a JOIN b ON …) AS t`: behind an alias no table's name keeps two columns of one name apart, so
//! that each needs a name of its own. DataFusion would put a number behind the name, which clients would see.

use std::collections::HashSet;

use sqlparser::ast::{Expr, Ident, Select, SelectItem, SelectItemQualifiedWildcardKind};

use super::from_items::called;
use super::output_names::{apart, shown};
use super::scopes::{Item, Scopes};
use crate::names::fold;

/// Writes `*` out where it brings two columns of one name, and tells these apart. Not where columns are unknown.
pub(super) fn tell_apart(select: &mut Select, scopes: &Scopes<'_, '_>) {
    let items = || select.projection.iter();
    let is_star = |item: &&SelectItem| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..));
    let sources = scopes.levels.last().map_or(0, |level| level.items.len());
    if sources < 2 && items().filter(is_star).count() < 2 {
        return;
    }
    let Some(written) = items().map(|item| written_out(item, scopes)).collect::<Option<Vec<_>>>() else { return };
    let mut written = written.concat();
    let mut known = HashSet::new();
    let mut has_repeated = false;
    for (number, item) in written.iter_mut().enumerate() {
        let SelectItem::UnnamedExpr(expr) = item else { continue };
        let Some(name) = column_name(expr) else { continue };
        if !known.insert(name.clone()) {
            let alias = Ident::with_quote('"', apart(&name, number));
            *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
            has_repeated = true;
        }
    }
    if has_repeated {
        select.projection = written;
    }
}

/// The columns that a result stands for, or the result.
fn written_out(item: &SelectItem, scopes: &Scopes<'_, '_>) -> Option<Vec<SelectItem>> {
    let items = &scopes.levels.last()?.items;
    match item {
        SelectItem::Wildcard(_) => {
            Some(items.iter().map(|item| columns_of(item, scopes)).collect::<Option<Vec<_>>>()?.concat())
        }
        SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
            let table = fold(name.0.last()?.as_ident()?);
            columns_of(items.iter().find(|item| called(&item.factor).map(fold).as_ref() == Some(&table))?, scopes)
        }
        other => Some(vec![other.clone()]),
    }
}

fn columns_of(item: &Item, scopes: &Scopes<'_, '_>) -> Option<Vec<SelectItem>> {
    let table = called(&item.factor)?;
    let column = |name: &String| {
        let path = vec![table.clone(), Ident::with_quote('"', name.clone())];
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(path))
    };
    Some(scopes.own_columns(item)?.iter().map(column).collect())
}

fn column_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(name) => Some(shown(&fold(name)).to_owned()),
        Expr::CompoundIdentifier(path) => path.last().map(|name| shown(&fold(name)).to_owned()),
        _ => None,
    }
}
