//! `a JOIN b USING (k)`: the one column `k` is that of whichever side has a row, and stands before the others in `*`.
//! DataFusion takes the left one's, and leaves it in its place.

use std::ops::ControlFlow;

use sqlparser::ast::{
    ExceptSelectItem, Expr, Ident, Join, JoinConstraint, JoinOperator, ObjectName, OrderByKind, Query, Select,
    SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableFactor, TableWithJoins, VisitMut, VisitorMut,
    WildcardAdditionalOptions,
};

use crate::error::SqlError;
use crate::names::fold;
use crate::parse::parse_expression;

/// Joins by the same keys one after another.
struct Merge {
    /// The names of the tables.
    tables: Vec<Ident>,
    /// How each table but the first is joined.
    kinds: Vec<Kind>,
    keys: Vec<Ident>,
}

/// Whose key counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Left,
    Right,
    Full,
}

/// Puts the key of the side that counts in the place of `k` where a query joins so.
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

/// The joins of a SELECT, if all are by the same keys; 0A000 for a FULL JOIN that is not alone so.
fn find(select: &Select) -> Result<Option<Merge>, SqlError> {
    if let [from] = select.from.as_slice()
        && let Some(merge) = Merge::of(from)
    {
        return Ok(Some(merge));
    }
    let mut joins = select.from.iter().flat_map(|from| &from.joins);
    match joins.any(|join| matches!(using(join), Some((Kind::Full, _)))) {
        true => Err(SqlError::unsupported("FULL JOIN ... USING beside other joins is not supported yet")),
        false => Ok(None),
    }
}

/// The kind and the keys of a join USING.
fn using(join: &Join) -> Option<(Kind, &[ObjectName])> {
    match &join.join_operator {
        JoinOperator::Join(JoinConstraint::Using(keys)) | JoinOperator::Inner(JoinConstraint::Using(keys)) => {
            Some((Kind::Left, keys))
        }
        JoinOperator::Left(JoinConstraint::Using(keys)) | JoinOperator::LeftOuter(JoinConstraint::Using(keys)) => {
            Some((Kind::Left, keys))
        }
        JoinOperator::Right(JoinConstraint::Using(keys)) | JoinOperator::RightOuter(JoinConstraint::Using(keys)) => {
            Some((Kind::Right, keys))
        }
        JoinOperator::FullOuter(JoinConstraint::Using(keys)) => Some((Kind::Full, keys)),
        _ => None,
    }
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
    fn of(from: &TableWithJoins) -> Option<Merge> {
        let (_, keys) = using(from.joins.first()?)?;
        let mut merge = Merge {
            tables: vec![name_of(&from.relation)?],
            kinds: Vec::new(),
            keys: keys.iter().map(last_part).collect::<Option<_>>()?,
        };
        for join in &from.joins {
            let (kind, own) = using(join)?;
            if own != keys {
                return None;
            }
            merge.tables.push(name_of(&join.relation)?);
            merge.kinds.push(kind);
        }
        Some(merge)
    }

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
        self.replace_in(&mut select.named_window)?;
        self.replace_in(&mut select.distinct)?;
        self.replace_in(&mut select.having)
    }

    /// The keys, then the other columns of all tables.
    fn wildcard(&self) -> Result<Vec<SelectItem>, SqlError> {
        let mut items = Vec::new();
        for key in &self.keys {
            items.push(SelectItem::ExprWithAlias { expr: self.merged(key)?, alias: key.clone() });
        }
        items.extend(self.tables.iter().map(|side| {
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
        let mut merged = format!("{}.{key}", self.tables[0]);
        for (table, kind) in self.tables[1..].iter().zip(&self.kinds) {
            merged = match kind {
                Kind::Left => merged,
                Kind::Right => format!("{table}.{key}"),
                Kind::Full => format!("coalesce({merged}, {table}.{key})"),
            };
        }
        parse_expression(&merged)
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
        let text = merged("SELECT * FROM a JOIN c USING (k) RIGHT JOIN b USING (k)").expect("joins");
        let expected = "SELECT b.k AS k, a.* EXCEPT (k), c.* EXCEPT (k), b.* EXCEPT (k) \
                        FROM a JOIN c USING(k) RIGHT JOIN b USING(k)";
        assert_eq!(text, expected);
        assert!(merged("SELECT * FROM a JOIN c ON true FULL JOIN b USING (k)").is_err());
    }
}
