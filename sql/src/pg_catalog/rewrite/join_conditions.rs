//! `LEFT JOIN t ON t.a = (SELECT …)` over catalogs: the planner takes no subquery in a join's condition, so it becomes
//! a lateral relation of one row that stands before the join.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Ident, Join, JoinConstraint, JoinOperator, Query, Select, SelectItem, SetExpr, Statement, TableAlias,
    TableFactor, Value, VisitMut, VisitorMut, visit_expressions_mut,
};

use super::scope::Scope;

/// The column of such a relation.
const VALUE: &str = "value";

pub(super) fn normalise(statement: &mut Statement) {
    let ControlFlow::Continue(()) = statement.visit(&mut JoinConditions);
}

struct JoinConditions;

impl VisitorMut for JoinConditions {
    type Break = std::convert::Infallible;

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        // A wildcard would show the relation's column.
        if !select.projection.iter().any(|item| matches!(item, SelectItem::Wildcard(_))) {
            let mut count = 0;
            for from in &mut select.from {
                from.joins =
                    std::mem::take(&mut from.joins).into_iter().flat_map(|join| split(join, &mut count)).collect();
            }
        }
        ControlFlow::Continue(())
    }
}

/// The join behind the relations that its condition reads.
fn split(mut join: Join, count: &mut usize) -> Vec<Join> {
    let mut joins = Vec::new();
    if let Some(condition) = condition(&mut join.join_operator) {
        let _ = visit_expressions_mut(condition, |expr| {
            if let Expr::Subquery(query) = expr
                && is_single_value_of_catalogs(query)
            {
                *count += 1;
                let name = Ident::with_quote('"', format!("condition {count}"));
                joins.push(lateral(query.as_ref().clone(), name.clone()));
                *expr = Expr::CompoundIdentifier(vec![name, Ident::new(VALUE)]);
            }
            ControlFlow::<()>::Continue(())
        });
    }
    joins.push(join);
    joins
}

fn condition(operator: &mut JoinOperator) -> Option<&mut Expr> {
    match operator {
        JoinOperator::Join(JoinConstraint::On(condition))
        | JoinOperator::Inner(JoinConstraint::On(condition))
        | JoinOperator::Left(JoinConstraint::On(condition))
        | JoinOperator::LeftOuter(JoinConstraint::On(condition)) => Some(condition),
        _ => None,
    }
}

fn is_single_value_of_catalogs(query: &Query) -> bool {
    let SetExpr::Select(select) = query.body.as_ref() else { return false };
    Scope::of(select).is_some() && select.projection.len() == 1
}

fn lateral(mut query: Query, name: Ident) -> Join {
    if let SetExpr::Select(select) = query.body.as_mut() {
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
                *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: Ident::new(VALUE) };
            }
        }
    }
    let alias = Some(TableAlias { explicit: true, name, columns: Vec::new(), at: None });
    let relation = TableFactor::Derived { lateral: true, subquery: Box::new(query), alias, sample: None };
    let always = JoinConstraint::On(Expr::Value(Value::Boolean(true).into()));
    Join { relation, global: false, join_operator: JoinOperator::LeftOuter(always) }
}
