//! EXISTS as a value: DataFusion plans it as a condition only, so that in a SELECT list it becomes a count of rows.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, GroupByExpr, Query, Select, SelectItem, SetExpr, TableFactor, VisitMut, VisitorMut};

use crate::error::SqlError;
use crate::parse::parse_query;

/// Replaces every `EXISTS (…)` of a SELECT's item, outside of its subqueries.
pub(super) fn count_rows(item: &mut SelectItem) -> Result<(), SqlError> {
    let is_exists = matches!(item, SelectItem::UnnamedExpr(Expr::Exists { negated: false, .. }));
    if let ControlFlow::Break(error) = item.visit(&mut Replacer { depth: 0 }) {
        return Err(error);
    }
    if let (true, SelectItem::UnnamedExpr(expr)) = (is_exists, &mut *item) {
        *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: "exists".into() };
    }
    Ok(())
}

struct Replacer {
    depth: usize,
}

impl VisitorMut for Replacer {
    type Break = SqlError;

    fn pre_visit_query(&mut self, _query: &mut Query) -> ControlFlow<SqlError> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<SqlError> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        let Expr::Exists { subquery, negated } = expr else { return ControlFlow::Continue(()) };
        if self.depth > 0 {
            return ControlFlow::Continue(());
        }
        match counted(subquery, if *negated { "=" } else { ">" }) {
            Ok(counted) => {
                *expr = Expr::Subquery(counted);
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    }
}

/// `SELECT count(*) > 0 FROM …` of a subquery's rows.
fn counted(rows: &Query, op: &str) -> Result<Box<Query>, SqlError> {
    if let Some(select) = plain_select(rows) {
        let mut query = rows.clone();
        query.order_by = None;
        let count = parse_query(&format!("SELECT count(*) {op} 0"))?;
        if let SetExpr::Select(counting) = *count.body {
            query.body =
                Box::new(SetExpr::Select(Box::new(Select { projection: counting.projection, ..select.clone() })));
        }
        return Ok(Box::new(query));
    }
    let mut query = parse_query(&format!("SELECT count(*) {op} 0 FROM (SELECT 1) AS counted"))?;
    if let SetExpr::Select(select) = query.body.as_mut()
        && let Some(TableFactor::Derived { subquery, .. }) = select.from.first_mut().map(|from| &mut from.relation)
    {
        *subquery = Box::new(rows.clone());
    }
    Ok(query)
}

/// The SELECT of a query that gives a row for each that its FROM and WHERE give.
fn plain_select(query: &Query) -> Option<&Select> {
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    let is_simple = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
            matches!(expr, Expr::Value(_) | Expr::Identifier(_) | Expr::CompoundIdentifier(_))
        }
        SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => true,
        SelectItem::ExprWithAliases { .. } => false,
    };
    let ungrouped = matches!(&select.group_by, GroupByExpr::Expressions(keys, _) if keys.is_empty());
    let plain = ungrouped && select.having.is_none() && select.distinct.is_none() && query.limit_clause.is_none();
    (plain && select.projection.iter().all(is_simple)).then_some(select)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted_item(sql: &str) -> String {
        let mut query = parse_query(sql).expect("parses");
        let SetExpr::Select(select) = query.body.as_mut() else { panic!("no SELECT") };
        select.projection.iter_mut().try_for_each(count_rows).expect("counts");
        query.to_string()
    }

    #[test]
    fn exists_is_a_count() {
        let text = counted_item("SELECT EXISTS (SELECT 1 FROM t WHERE a > 1)");
        assert_eq!(text, "SELECT (SELECT count(*) > 0 FROM t WHERE a > 1) AS exists");
        let text = counted_item("SELECT NOT EXISTS (SELECT max(a) FROM t)");
        assert_eq!(text, "SELECT (SELECT count(*) = 0 FROM (SELECT max(a) FROM t) AS counted)");
    }
}
