//! Parts of a SELECT by their place: what its FROM reads, and the expressions that are its own.

use std::ops::ControlFlow;

use sqlparser::ast::{
    AccessExpr, Expr, Ident, OrderBy, OrderByKind, Query, Select, SelectItem, TableFactor, TableWithJoins, VisitMut,
    VisitorMut,
};

use crate::names::fold;

/// What a FROM clause reads, in order.
pub(crate) fn factors_of(from: &[TableWithJoins]) -> impl Iterator<Item = &TableFactor> {
    from.iter()
        .flat_map(|tables| std::iter::once(&tables.relation).chain(tables.joins.iter().map(|join| &join.relation)))
}

/// The name that an item of FROM goes by.
pub(crate) fn called(factor: &TableFactor) -> Option<&Ident> {
    match factor {
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Function { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. }
        | TableFactor::UNNEST { alias: Some(alias), .. }
        | TableFactor::NestedJoin { alias: Some(alias), .. } => Some(&alias.name),
        TableFactor::Table { name, .. } | TableFactor::Function { name, .. } => name.0.last()?.as_ident(),
        _ => None,
    }
}

/// Visits the expressions of a tree, operands first, that are not within its subqueries: there a name may be another's.
pub(crate) fn visit_own_exprs<B>(
    tree: &mut impl VisitMut,
    change: &mut impl FnMut(&mut Expr) -> ControlFlow<B>,
) -> ControlFlow<B> {
    tree.visit(&mut Own { change, queries: 0, fields: Vec::new() })
}

struct Own<'a, F> {
    change: &'a mut F,
    /// Subqueries around.
    queries: usize,
    /// Where the names of fields behind the rows around are, which are none of columns.
    fields: Vec<*const Expr>,
}

impl<B, F: FnMut(&mut Expr) -> ControlFlow<B>> VisitorMut for Own<'_, F> {
    type Break = B;

    fn pre_visit_query(&mut self, _query: &mut Query) -> ControlFlow<B> {
        self.queries += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<B> {
        self.queries -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<B> {
        if let Expr::CompoundFieldAccess { access_chain, .. } = expr {
            self.fields.extend(access_chain.iter().filter_map(|access| match access {
                AccessExpr::Dot(name) => Some(std::ptr::from_ref(name)),
                AccessExpr::Subscript(_) => None,
            }));
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<B> {
        let place = std::ptr::from_ref(expr);
        if let Some(at) = self.fields.iter().rposition(|field| *field == place) {
            self.fields.remove(at);
            return ControlFlow::Continue(());
        }
        if self.queries > 0 { ControlFlow::Continue(()) } else { (self.change)(expr) }
    }
}

/// Visits the expressions of a SELECT that read what its FROM gives.
pub(crate) fn visit_select_exprs<B>(
    select: &mut Select,
    change: &mut impl FnMut(&mut Expr) -> ControlFlow<B>,
) -> ControlFlow<B> {
    visit_own_exprs(&mut select.distinct, change)?;
    visit_own_exprs(&mut select.projection, change)?;
    visit_own_exprs(&mut select.selection, change)?;
    visit_own_exprs(&mut select.group_by, change)?;
    visit_own_exprs(&mut select.having, change)?;
    visit_own_exprs(&mut select.named_window, change)
}

/// Visits the keys by which the rows of a SELECT are put in order, but for those that are names of its results.
pub(crate) fn visit_order_exprs<B>(
    select: &Select,
    order_by: &mut Option<OrderBy>,
    change: &mut impl FnMut(&mut Expr) -> ControlFlow<B>,
) -> ControlFlow<B> {
    let Some(OrderByKind::Expressions(keys)) = order_by.as_mut().map(|order_by| &mut order_by.kind) else {
        return ControlFlow::Continue(());
    };
    let is_result = |name: &Ident| select.projection.iter().filter_map(result_name).any(|result| result == fold(name));
    let mut keys = keys.iter_mut().filter(|key| !matches!(&key.expr, Expr::Identifier(name) if is_result(name)));
    keys.try_for_each(|key| visit_own_exprs(&mut key.expr, change))
}

fn result_name(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(fold(alias)),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(fold(name)),
        _ => None,
    }
}
