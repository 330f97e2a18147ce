//! `SELECT e FROM jsonb_array_elements(j) AS e`: the name of a table whose function gives a column of its own name stands
//! for that column.

use std::convert::Infallible;
use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Ident, Query, SelectItem, SetExpr, TableFactor, VisitMut, VisitorMut};

use super::super::folded;
use super::{Source, givers};

/// Puts `e.value` in the place of `e`, under the name `e` where it is selected.
pub(super) fn qualify(query: &mut Query) {
    let SetExpr::Select(select) = query.body.as_mut() else { return };
    let factors = select
        .from
        .iter()
        .flat_map(|from| std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation)));
    let names: Vec<(Ident, &str)> = factors.filter_map(aliased_value).collect();
    if names.is_empty() {
        return;
    }
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(Expr::Identifier(name)) = item
            && names.iter().any(|(table, _)| folded(table) == folded(name))
        {
            *item = SelectItem::ExprWithAlias { expr: Expr::Identifier(name.clone()), alias: name.clone() };
        }
    }
    let ControlFlow::Continue(()) = query.visit(&mut Qualifier { names });
}

/// The alias of such a function, if it names no columns, and the function's column.
fn aliased_value(factor: &TableFactor) -> Option<(Ident, &'static str)> {
    let source = Source::of(factor)?;
    let column = givers::own_column(&source.name)?;
    let alias = source.alias.filter(|alias| alias.columns.is_empty())?;
    (folded(&alias.name) != column).then_some((alias.name, column))
}

struct Qualifier<'a> {
    names: Vec<(Ident, &'a str)>,
}

impl VisitorMut for Qualifier<'_> {
    type Break = Infallible;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Infallible> {
        if let Expr::Identifier(name) = expr
            && let Some((table, column)) = self.names.iter().find(|(table, _)| folded(table) == folded(name))
        {
            *expr = Expr::CompoundIdentifier(vec![table.clone(), Ident::new(*column)]);
        }
        ControlFlow::Continue(())
    }
}
