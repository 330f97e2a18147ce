//! The columns of a subquery as its text names them: one that reads columns from around it cannot be planned by itself.

use sqlparser::ast::{Expr, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableFactor};

use super::from_items::{called, factors_of};
use super::scopes::Scopes;
use crate::names::fold;

/// The names of a subquery's columns, which are settled; `None` where its text does not tell.
pub(super) fn of(factor: &TableFactor, scopes: &Scopes<'_, '_>) -> Option<Vec<String>> {
    let TableFactor::Derived { subquery, alias, .. } = factor else { return None };
    let mut names = of_body(&subquery.body, scopes)?;
    let renamed = alias.iter().flat_map(|alias| &alias.columns);
    names.iter_mut().zip(renamed).for_each(|(name, column)| *name = fold(&column.name));
    Some(names)
}

fn of_body(body: &SetExpr, scopes: &Scopes<'_, '_>) -> Option<Vec<String>> {
    match body {
        SetExpr::Select(select) => {
            let from: Vec<&TableFactor> = factors_of(&select.from).collect();
            let names = select.projection.iter().map(|item| of_item(item, &from, scopes));
            Some(names.collect::<Option<Vec<_>>>()?.concat())
        }
        SetExpr::Query(query) => of_body(&query.body, scopes),
        SetExpr::SetOperation { left, .. } => of_body(left, scopes),
        _ => None,
    }
}

fn of_item(item: &SelectItem, from: &[&TableFactor], scopes: &Scopes<'_, '_>) -> Option<Vec<String>> {
    let of_factor = |factor: &&TableFactor| scopes.columns_of(factor).or_else(|| of(factor, scopes));
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(vec![fold(alias)]),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(vec![fold(name)]),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(path)) => Some(vec![fold(path.last()?)]),
        SelectItem::Wildcard(_) => Some(from.iter().map(of_factor).collect::<Option<Vec<_>>>()?.concat()),
        SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
            let table = fold(name.0.last()?.as_ident()?);
            of_factor(from.iter().find(|factor| called(factor).is_some_and(|name| fold(name) == table))?)
        }
        _ => None,
    }
}
