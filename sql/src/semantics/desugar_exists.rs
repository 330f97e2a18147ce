//! `EXISTS (…)` as a value: DataFusion plans it as a condition of WHERE only, so in a SELECT's list it becomes a count.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, GroupByExpr, Query, Select, SelectItem, SetExpr, Value,
    ValueWithSpan, VisitMut, VisitorMut,
};

use super::desugar::call_with;

/// Rewrites what a SELECT's list holds; subqueries in it have lists of their own.
pub(super) fn rewrite(select: &mut Select) {
    for item in &mut select.projection {
        let _: ControlFlow<()> = item.visit(&mut Values { depth: 0 });
    }
}

struct Values {
    /// Queries around the expression, within the SELECT's list.
    depth: usize,
}

impl VisitorMut for Values {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.depth > 0 {
            return ControlFlow::Continue(());
        }
        if let Expr::Exists { subquery, negated } = expr
            && counted(subquery, *negated).is_some()
        {
            let subquery = std::mem::replace(subquery.as_mut(), empty());
            *expr = Expr::Subquery(Box::new(subquery));
        }
        ControlFlow::Continue(())
    }
}

/// Makes a plain query of rows one of whether there are any; `None`, and no change, for other queries.
fn counted(query: &mut Query, negated: bool) -> Option<()> {
    let is_whole = query.limit_clause.is_none() && query.fetch.is_none();
    let SetExpr::Select(select) = query.body.as_mut() else { return None };
    let is_ungrouped = matches!(&select.group_by, GroupByExpr::Expressions(keys, _) if keys.is_empty());
    let is_plain = is_ungrouped && select.having.is_none() && select.projection.iter().all(is_of_rows);
    if !is_whole || !is_plain {
        return None;
    }
    let op = if negated { BinaryOperator::Eq } else { BinaryOperator::Gt };
    let zero = Expr::Value(ValueWithSpan::from(Value::Number("0".to_owned(), false)));
    let is_any = Expr::BinaryOp { left: Box::new(count()), op, right: Box::new(zero) };
    select.projection = vec![SelectItem::UnnamedExpr(is_any)];
    select.distinct = None;
    query.order_by = None;
    Some(())
}

/// Whether an item leaves a row for each row, which an aggregate does not.
fn is_of_rows(item: &SelectItem) -> bool {
    let expr = match item {
        SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => return true,
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => expr,
        SelectItem::ExprWithAliases { .. } => return false,
    };
    match expr {
        Expr::Cast { expr, .. } => matches!(expr.as_ref(), Expr::Value(_)),
        expr => matches!(expr, Expr::Value(_) | Expr::Identifier(_) | Expr::CompoundIdentifier(_)),
    }
}

fn count() -> Expr {
    call_with("count", vec![FunctionArg::Unnamed(FunctionArgExpr::Wildcard)])
}

fn empty() -> Query {
    Query {
        with: None,
        body: Box::new(SetExpr::Values(sqlparser::ast::Values {
            explicit_row: false,
            value_keyword: false,
            rows: vec![],
        })),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: vec![],
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: vec![],
    }
}
