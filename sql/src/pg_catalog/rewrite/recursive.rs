//! `(WITH RECURSIVE r AS (SELECT … FROM catalog WHERE inner = outer UNION ALL …) SELECT e FROM r ORDER BY … LIMIT 1)`:
//! a walk over a catalog that begins at the outer row. The planner cannot join a recursion that refers to outer
//! columns. So the walk begins at every row, each of its rows carries the value of `inner` that it began with, and the
//! SELECT over it picks those of the outer row.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Cte, Expr, Ident, LimitClause, OrderByExpr, OrderByKind, Query, Select, SelectItem, SetExpr,
    SetOperator, SetQuantifier, TableAliasColumnDef, TableFactor, Value, visit_expressions,
};

use super::scope::{Scope, column};
use super::subqueries::{conjunction, conjuncts, equality, ordered};
use super::{call, folded, null};

/// The column that tells where a row's walk began.
const KEY: &str = "outer_key";

/// Rewrites the subquery if it is such a walk; says whether it was.
pub(super) fn begin_everywhere(query: &mut Query) -> bool {
    let Some(mut walk) = Walk::of(query) else { return false };
    let Some(outer) = walk.carry_key() else { return false };
    *query = walk.picked(query, outer);
    true
}

/// The parts of a walk, taken from copies so that a query of another shape stays as it is.
struct Walk {
    cte: Cte,
    start: Select,
    step: Select,
    /// The name that the step has for the walk.
    step_alias: Ident,
    outer_select: Select,
    order: Vec<OrderByExpr>,
}

impl Walk {
    fn of(query: &Query) -> Option<Walk> {
        let with = query.with.as_ref().filter(|with| with.recursive)?;
        let [cte] = with.cte_tables.as_slice() else { return None };
        let SetExpr::SetOperation { op: SetOperator::Union, set_quantifier: SetQuantifier::All, left, right } =
            cte.query.body.as_ref()
        else {
            return None;
        };
        let (SetExpr::Select(start), SetExpr::Select(step), SetExpr::Select(outer_select)) =
            (left.as_ref(), right.as_ref(), query.body.as_ref())
        else {
            return None;
        };
        let name = folded(&cte.alias.name);
        let reads_walk_only = matches!(outer_select.from.as_slice(), [from] if from.joins.is_empty()
            && alias_of(&from.relation, &name).is_some());
        let step_alias = step.from.iter().find_map(|from| alias_of(&from.relation, &name))?;
        let is_plain = reads_walk_only && outer_select.selection.is_none() && is_first_row(query.limit_clause.as_ref());
        let order = match query.order_by.as_ref().map(|order| &order.kind) {
            Some(OrderByKind::Expressions(expressions)) => expressions.clone(),
            Some(OrderByKind::All(_)) => return None,
            None => Vec::new(),
        };
        is_plain.then(|| Walk {
            cte: cte.clone(),
            start: (**start).clone(),
            step: (**step).clone(),
            step_alias,
            outer_select: (**outer_select).clone(),
            order,
        })
    }

    /// Begins the walk at every row and has its rows carry the key. Returns the outer column that the key equalled;
    /// `None` if outer columns are read in any other way.
    fn carry_key(&mut self) -> Option<Expr> {
        let scope = Scope::of(&self.start)?;
        let mut conditions = conjuncts(self.start.selection.take()?);
        let place = conditions.iter().position(|condition| equality(condition, &scope).is_some())?;
        let (outer, inner) = equality(&conditions.remove(place), &scope)?;
        if conditions.iter().any(|condition| scope.reads(condition).outer) || self.step_reads_outside() {
            return None;
        }
        self.start.selection = conjunction(conditions);
        self.start.projection.push(SelectItem::ExprWithAlias { expr: inner, alias: Ident::new(KEY) });
        let carried = Expr::CompoundIdentifier(vec![self.step_alias.clone(), Ident::new(KEY)]);
        self.step.projection.push(SelectItem::UnnamedExpr(carried));
        if !self.cte.alias.columns.is_empty() {
            self.cte.alias.columns.push(TableAliasColumnDef::from_name(KEY));
        }
        Some(outer)
    }

    /// Whether the step may read a column that is neither a catalog's nor the walk's.
    fn step_reads_outside(&self) -> bool {
        let catalogs = Scope::catalogs_of(&self.step);
        let own = folded(&self.step_alias);
        let is_outside = |names: &[Ident]| match names {
            [table, _] => folded(table) != own && !catalogs.owns(names),
            _ => !catalogs.owns(names),
        };
        let is_read = visit_expressions(&self.step, |expr| match column(expr) {
            Some(names) if is_outside(names) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        });
        is_read.is_break()
    }

    /// The query over the walk: its first row among those that began at the outer row.
    fn picked(mut self, query: &Query, outer: Expr) -> Query {
        if let [SelectItem::UnnamedExpr(item) | SelectItem::ExprWithAlias { expr: item, .. }] =
            self.outer_select.projection.as_mut_slice()
        {
            *item = ordered(call("first_value", vec![std::mem::replace(item, null())]), self.order);
        }
        let key = Box::new(Expr::Identifier(Ident::new(KEY)));
        self.outer_select.selection =
            Some(Expr::BinaryOp { left: key, op: BinaryOperator::Eq, right: Box::new(outer) });
        let mut query = Query { order_by: None, limit_clause: None, ..query.clone() };
        if let SetExpr::SetOperation { left, right, .. } = self.cte.query.body.as_mut() {
            **left = SetExpr::Select(Box::new(self.start));
            **right = SetExpr::Select(Box::new(self.step));
        }
        if let Some(with) = &mut query.with {
            with.cte_tables = vec![self.cte];
        }
        *query.body = SetExpr::Select(Box::new(self.outer_select));
        query
    }
}

/// The name by which a FROM item knows the walk, if it is the walk.
fn alias_of(factor: &TableFactor, walk: &str) -> Option<Ident> {
    let TableFactor::Table { name, alias, args: None, .. } = factor else { return None };
    let [part] = name.0.as_slice() else { return None };
    let name = part.as_ident().filter(|name| folded(name) == walk)?;
    Some(alias.as_ref().map_or_else(|| name.clone(), |alias| alias.name.clone()))
}

/// `LIMIT 1`.
pub(super) fn is_first_row(limit: Option<&LimitClause>) -> bool {
    let Some(LimitClause::LimitOffset { limit: Some(Expr::Value(value)), offset: None, limit_by }) = limit else {
        return false;
    };
    limit_by.is_empty() && matches!(&value.value, Value::Number(rows, _) if rows == "1")
}

#[cfg(test)]
mod tests {
    use crate::parse::parse_expression;
    use sqlparser::ast::Expr;

    fn rewritten(text: &str) -> Option<String> {
        let Expr::Subquery(mut query) = parse_expression(text).expect("parses") else { panic!("no subquery") };
        super::begin_everywhere(&mut query).then(|| query.to_string())
    }

    #[test]
    fn a_walk_from_the_outer_row_carries_where_it_began() {
        let text = "(WITH RECURSIVE w(o, d) AS (SELECT b.typbasetype, 0 FROM pg_type b WHERE b.oid = t.oid \
            UNION ALL SELECT b.typbasetype, s.d + 1 FROM pg_type b, w s WHERE s.o = b.oid) \
            SELECT o FROM w ORDER BY d DESC LIMIT 1)";
        let expected = "WITH RECURSIVE w (o, d, outer_key) AS (SELECT b.typbasetype, 0, b.oid AS outer_key FROM pg_type b \
            UNION ALL SELECT b.typbasetype, s.d + 1, s.outer_key FROM pg_type b, w s WHERE s.o = b.oid) \
            SELECT first_value(o ORDER BY d DESC) FROM w WHERE outer_key = t.oid";
        assert_eq!(rewritten(text).as_deref(), Some(expected));
    }

    #[test]
    fn a_walk_that_reads_the_outer_row_elsewhere_stays() {
        let text = "(WITH RECURSIVE w(o) AS (SELECT b.typbasetype FROM pg_type b WHERE b.oid = t.oid \
            UNION ALL SELECT b.typbasetype FROM pg_type b, w s WHERE s.o = t.oid) SELECT o FROM w LIMIT 1)";
        assert_eq!(rewritten(text), None);
        let text = "(WITH RECURSIVE w(o) AS (SELECT b.typbasetype FROM pg_type b WHERE b.oid > t.oid \
            UNION ALL SELECT b.typbasetype FROM pg_type b, w s WHERE s.o = b.oid) SELECT o FROM w LIMIT 1)";
        assert_eq!(rewritten(text), None);
    }
}
