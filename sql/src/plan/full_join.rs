//! `a FULL JOIN b USING (k)`: the one column `k` is that of whichever side has a row. DataFusion takes the left one's.

use std::ops::ControlFlow;

use sqlparser::ast::{
    ExceptSelectItem, Expr, Ident, Join, JoinConstraint, JoinOperator, ObjectName, OrderByKind, Query, Select,
    SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableFactor, VisitMut, VisitorMut, WildcardAdditionalOptions,
};

use crate::error::SqlError;
use crate::names::fold;
use crate::parse::parse_expression;

/// The keys of a join and the names of its sides.
struct Merge {
    left: Ident,
    right: Ident,
    keys: Vec<Ident>,
}

/// Puts `coalesce(a.k, b.k)` in the place of `k` where a query joins so.
pub(super) fn merge_keys(query: &mut Query) -> Result<(), SqlError> {
    let SetExpr::Select(select) = query.body.as_mut() else { return Ok(()) };
    let Some(mut merge) = find(select)? else { return Ok(()) };
    merge.rewrite_select(select)?;
    let named: Vec<String> = select.projection.iter().filter_map(output_name).collect();
    if let Some(order_by) = &mut query.order_by
        && let OrderByKind::Expressions(keys) = &mut order_by.kind
    {
        for key in keys {
            let is_output = matches!(&key.expr, Expr::Identifier(name) if named.contains(&fold(name)));
            if !is_output {
                merge.replace_in(&mut key.expr)?;
            }
        }
    }
    Ok(())
}

fn find(select: &Select) -> Result<Option<Merge>, SqlError> {
    for from in &select.from {
        for (place, join) in from.joins.iter().enumerate() {
            let Some(keys) = full_join_keys(join) else { continue };
            let sides = (name_of(&from.relation), name_of(&join.relation));
            let ((Some(left), Some(right)), 0, 1, 1) = (sides, place, from.joins.len(), select.from.len()) else {
                return Err(SqlError::unsupported("FULL JOIN ... USING beside other joins is not supported yet"));
            };
            return Ok(Some(Merge { left, right, keys }));
        }
    }
    Ok(None)
}

fn full_join_keys(join: &Join) -> Option<Vec<Ident>> {
    let JoinOperator::FullOuter(JoinConstraint::Using(columns)) = &join.join_operator else { return None };
    columns.iter().map(last_part).collect()
}

fn name_of(factor: &TableFactor) -> Option<Ident> {
    match factor {
        TableFactor::Table { alias: Some(alias), .. } | TableFactor::Derived { alias: Some(alias), .. } => {
            Some(alias.name.clone())
        }
        TableFactor::Table { name, .. } => last_part(name),
        _ => None,
    }
}

fn last_part(name: &ObjectName) -> Option<Ident> {
    name.0.last().and_then(|part| part.as_ident()).cloned()
}

fn output_name(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(fold(alias)),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(fold(name)),
        _ => None,
    }
}

impl Merge {
    fn rewrite_select(&mut self, select: &mut Select) -> Result<(), SqlError> {
        let mut projection = Vec::with_capacity(select.projection.len());
        for mut item in std::mem::take(&mut select.projection) {
            match &mut item {
                SelectItem::Wildcard(_) => projection.extend(self.wildcard()?),
                SelectItem::UnnamedExpr(Expr::Identifier(name)) if self.key(name).is_some() => {
                    projection.push(SelectItem::ExprWithAlias { expr: self.merged(name)?, alias: name.clone() });
                }
                _ => {
                    self.replace_in(&mut item)?;
                    projection.push(item);
                }
            }
        }
        select.projection = projection;
        self.replace_in(&mut select.selection)?;
        self.replace_in(&mut select.group_by)?;
        self.replace_in(&mut select.having)
    }

    /// The keys, then the other columns of both sides.
    fn wildcard(&self) -> Result<Vec<SelectItem>, SqlError> {
        let mut items = Vec::new();
        for key in &self.keys {
            items.push(SelectItem::ExprWithAlias { expr: self.merged(key)?, alias: key.clone() });
        }
        items.extend([&self.left, &self.right].map(|side| {
            let rest = self.keys[1..].to_vec();
            let except = ExceptSelectItem { first_element: self.keys[0].clone(), additional_elements: rest };
            let options =
                WildcardAdditionalOptions { opt_except: Some(except), ..WildcardAdditionalOptions::default() };
            let side = SelectItemQualifiedWildcardKind::ObjectName(ObjectName::from(vec![side.clone()]));
            SelectItem::QualifiedWildcard(side, options)
        }));
        Ok(items)
    }

    fn key(&self, name: &Ident) -> Option<&Ident> {
        self.keys.iter().find(|key| fold(key) == fold(name))
    }

    fn merged(&self, key: &Ident) -> Result<Expr, SqlError> {
        parse_expression(&format!("coalesce({}.{key}, {}.{key})", self.left, self.right))
    }

    fn replace_in(&mut self, tree: &mut impl VisitMut) -> Result<(), SqlError> {
        match tree.visit(&mut Replacer { merge: self, depth: 0 }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(error) => Err(error),
        }
    }
}

/// Replaces the keys outside of subqueries, where a name may be another's.
struct Replacer<'a> {
    merge: &'a Merge,
    depth: usize,
}

impl VisitorMut for Replacer<'_> {
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
        let Expr::Identifier(name) = expr else { return ControlFlow::Continue(()) };
        if self.depth > 0 || self.merge.key(name).is_none() {
            return ControlFlow::Continue(());
        }
        match self.merge.merged(name) {
            Ok(merged) => {
                *expr = merged;
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse_query;

    fn merged(sql: &str) -> Result<String, SqlError> {
        let mut query = parse_query(sql)?;
        merge_keys(&mut query)?;
        Ok(query.to_string())
    }

    #[test]
    fn a_key_is_that_of_either_side() {
        let text = merged("SELECT k, x FROM a FULL JOIN b USING (k) WHERE k > 1 ORDER BY k").expect("join");
        let expected =
            "SELECT coalesce(a.k, b.k) AS k, x FROM a FULL JOIN b USING(k) WHERE coalesce(a.k, b.k) > 1 ORDER BY k";
        assert_eq!(text, expected);
        assert!(merged("SELECT * FROM a JOIN c USING (k) FULL JOIN b USING (k)").is_err());
    }
}
