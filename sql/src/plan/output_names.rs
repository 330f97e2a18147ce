//! Names of result columns as PostgreSQL gives them: `count` for `count(*)`, `?column?` for `1 + 1`.
//!
//! DataFusion wants the columns of one SELECT to differ in name, PostgreSQL does not. So an expression whose name is
//! taken gets a mark and a number behind it, which [`shown`] cuts off where a client sees the name.

use std::collections::HashSet;
use std::ops::ControlFlow;

use sqlparser::ast::{self, Expr, Ident, OrderByKind, Query, Select, SelectItem, SetExpr, VisitMut, VisitorMut};

use crate::names::fold;
use crate::values::catalog_name;

/// Between a name and what keeps it apart; no identifier of a client can hold it, since it is a control character
/// that quoted names are refused for.
const MARK: char = '\u{1}';

/// The name without what keeps it apart.
pub(super) fn shown(name: &str) -> &str {
    name.split_once(MARK).map_or(name, |(shown, _)| shown)
}

/// Gives every unnamed expression of every SELECT its name.
pub(crate) fn assign(query: &mut Query) {
    let ordered_by = columns_ordered_by(query);
    let _ = query.visit(&mut Assigner { outermost: Some(ordered_by) });
}

/// Names of the columns, written with their table or within an expression, by which the outermost query orders: a result
/// column of that name would be mistaken for one. Where a key is the name alone, it means the result column.
fn columns_ordered_by(query: &Query) -> HashSet<String> {
    let Some(OrderByKind::Expressions(keys)) = query.order_by.as_ref().map(|order_by| &order_by.kind) else {
        return HashSet::new();
    };
    let read = |key: &ast::OrderByExpr| match &key.expr {
        Expr::CompoundIdentifier(path) => path.last().map(fold).into_iter().collect(),
        Expr::Identifier(_) => Vec::new(),
        expr => names_within(expr),
    };
    let alone = |key: &ast::OrderByExpr| match &key.expr {
        Expr::Identifier(ident) => Some(fold(ident)),
        _ => None,
    };
    let alone: HashSet<String> = keys.iter().filter_map(alone).collect();
    keys.iter().flat_map(read).filter(|name| !alone.contains(name)).collect()
}

/// The names that an expression reads without a table's before them.
fn names_within(expr: &Expr) -> Vec<String> {
    let mut names = Vec::new();
    let ControlFlow::Continue(()) = ast::visit_expressions(expr, |expr| {
        names.extend(if let Expr::Identifier(name) = expr { Some(fold(name)) } else { None });
        ControlFlow::<std::convert::Infallible>::Continue(())
    });
    names
}

struct Assigner {
    /// What the query that is visited first orders by.
    outermost: Option<HashSet<String>>,
}

impl VisitorMut for Assigner {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let outermost = self.outermost.take();
        let place = Place { is_inner: outermost.is_none(), ordered_by: outermost.unwrap_or_default() };
        assign_body(&mut query.body, &place);
        ControlFlow::Continue(())
    }
}

/// Where a SELECT stands.
struct Place {
    /// Whether another query reads its results.
    is_inner: bool,
    ordered_by: HashSet<String>,
}

fn assign_body(body: &mut SetExpr, place: &Place) {
    match body {
        SetExpr::Select(select) => assign_select(select, place),
        SetExpr::SetOperation { left, right, .. } => {
            assign_body(left, place);
            assign_body(right, place);
        }
        // A query in parentheses is visited on its own; VALUES have names of their own.
        _ => {}
    }
}

fn assign_select(select: &mut Select, place: &Place) {
    let has_wildcard = select.projection.iter().any(is_wildcard);
    let mut taken: HashSet<String> = select.projection.iter().filter_map(own_name).collect();
    let mut plain: HashSet<String> = HashSet::new();
    let mut qualified: HashSet<String> = HashSet::new();
    for (number, item) in select.projection.iter_mut().enumerate() {
        match item {
            SelectItem::UnnamedExpr(Expr::Identifier(ident)) => {
                let name = fold(ident);
                // A second column of that name, or one beside a `*` that may bring it too.
                let is_taken = taken.contains(&name) || qualified.contains(&name);
                if has_wildcard || !plain.insert(name.clone()) || is_taken {
                    rename(item, apart(&name, number));
                }
            }
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(path)) => {
                let name = path.last().map(fold).unwrap_or_default();
                let is_new = plain.insert(path.iter().map(fold).collect::<Vec<_>>().join("."));
                // Behind an alias no table's name keeps it apart from another's column of that name.
                let is_another = !qualified.insert(name.clone()) && place.is_inner;
                // The same column may stand before it without its table.
                if has_wildcard || !is_new || is_another || plain.contains(&name) {
                    rename(item, apart(&name, number));
                }
            }
            SelectItem::UnnamedExpr(expression) => {
                let name = expression_name(expression).unwrap_or_else(|| "?column?".to_owned());
                let is_free = !has_wildcard && !place.ordered_by.contains(&name) && !qualified.contains(&name);
                let is_new = is_free && plain.insert(name.clone()) && taken.insert(name.clone());
                rename(item, if is_new { name } else { apart(&name, number) });
            }
            SelectItem::ExprWithAlias { alias, .. } => {
                let name = fold(alias);
                if place.ordered_by.contains(&name) || qualified.contains(&name) || !plain.insert(name.clone()) {
                    *alias = quoted(apart(&name, number));
                }
            }
            SelectItem::QualifiedWildcard(..) | SelectItem::Wildcard(_) | SelectItem::ExprWithAliases { .. } => {}
        }
    }
}

fn is_wildcard(item: &SelectItem) -> bool {
    matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
}

/// The name that a result has for the client, if it is no wildcard.
pub(super) fn result_name(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(shown(&fold(alias)).to_owned()),
        SelectItem::UnnamedExpr(expr) => expression_name(expr),
        _ => None,
    }
}

fn own_name(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(fold(alias)),
        _ => None,
    }
}

fn rename(item: &mut SelectItem, name: String) {
    if let SelectItem::UnnamedExpr(expression) = item {
        *item = SelectItem::ExprWithAlias { expr: expression.clone(), alias: quoted(name) };
    }
}

/// The name with a mark that keeps it apart from others of it.
pub(crate) fn apart(name: &str, number: usize) -> String {
    format!("{name}{MARK}{number}")
}

fn quoted(name: String) -> Ident {
    Ident::with_quote('"', name)
}

/// PostgreSQL's name for an expression; `None` where it is `?column?`.
pub(super) fn expression_name(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Identifier(ident) => Some(fold(ident)),
        Expr::CompoundIdentifier(path) => path.last().map(fold),
        Expr::Function(function) => function.name.0.last().and_then(|part| part.as_ident()).map(fold),
        Expr::Cast { expr, data_type, .. } if is_weak(expr) => type_name(data_type).or_else(|| expression_name(expr)),
        Expr::Cast { expr, data_type, .. } => expression_name(expr).or_else(|| type_name(data_type)),
        Expr::TypedString(typed) => type_name(&typed.data_type),
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => expression_name(inner),
        Expr::AtTimeZone { .. } => Some("timezone".to_owned()),
        Expr::Case { else_result, .. } => {
            let named = else_result.as_deref().filter(|value| !is_weak(value));
            named.and_then(expression_name).or_else(|| Some("case".to_owned()))
        }
        Expr::Exists { negated: false, .. } => Some("exists".to_owned()),
        Expr::Extract { .. } => Some("extract".to_owned()),
        Expr::Interval(_) => Some("interval".to_owned()),
        Expr::Substring { shorthand: true, .. } => Some("substr".to_owned()),
        Expr::Substring { .. } => Some("substring".to_owned()),
        Expr::Position { .. } => Some("position".to_owned()),
        Expr::Overlay { .. } => Some("overlay".to_owned()),
        Expr::Trim { trim_where, .. } => Some(trim_name(*trim_where).to_owned()),
        Expr::Ceil { .. } => Some("ceil".to_owned()),
        Expr::Floor { .. } => Some("floor".to_owned()),
        Expr::Array(_) => Some("array".to_owned()),
        Expr::Tuple(_) => Some("row".to_owned()),
        Expr::Subquery(query) => subquery_name(query),
        Expr::CompoundFieldAccess { root, access_chain } => match access_chain.last() {
            Some(ast::AccessExpr::Dot(Expr::Identifier(field))) => Some(fold(field)),
            _ => expression_name(root),
        },
        _ => None,
    }
}

/// Whether an expression's name gives way to that of a cast around it.
fn is_weak(expression: &Expr) -> bool {
    match expression {
        Expr::Cast { expr, .. } => is_weak(expr) || expression_name(expr).is_none(),
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => is_weak(inner),
        Expr::Case { else_result, .. } => else_result.as_deref().is_none_or(is_weak),
        Expr::TypedString(_) | Expr::Interval(_) | Expr::Value(_) => true,
        _ => false,
    }
}

fn trim_name(side: Option<ast::TrimWhereField>) -> &'static str {
    match side {
        Some(ast::TrimWhereField::Leading) => "ltrim",
        Some(ast::TrimWhereField::Trailing) => "rtrim",
        Some(ast::TrimWhereField::Both) | None => "btrim",
    }
}

/// A scalar subquery has the name of its only column.
fn subquery_name(query: &Query) -> Option<String> {
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    match select.projection.first()? {
        SelectItem::ExprWithAlias { alias, .. } => Some(shown(&fold(alias)).to_owned()),
        SelectItem::UnnamedExpr(expression) => expression_name(expression),
        _ => None,
    }
}

/// The type's name in `pg_type`, of an array its element's, as a cast's column is called.
fn type_name(ty: &ast::DataType) -> Option<String> {
    match (crate::semantics::pg_type_of_sql(ty), ty) {
        (Ok(known), _) => Some(catalog_name(known.kind()?).to_owned()),
        // A user's type, which nobody has looked up yet.
        (Err(_), ast::DataType::Custom(name, _)) => name.0.last().and_then(|part| part.as_ident()).map(fold),
        (Err(_), ast::DataType::Array(ast::ArrayElemTypeDef::SquareBracket(element, _))) => type_name(element),
        (Err(_), _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::{Tree, parse};

    fn names(sql: &str) -> Vec<String> {
        let statements = parse(sql, &mut Vec::new()).expect("parses");
        let Tree::Sql(tree) = &*statements[0].tree else { panic!("not a query") };
        let ast::Statement::Query(query) = tree.as_ref() else { panic!("not a query") };
        let mut query = query.clone();
        assign(&mut query);
        let SetExpr::Select(select) = query.body.as_ref() else { panic!("not a select") };
        select
            .projection
            .iter()
            .map(|item| match item {
                SelectItem::ExprWithAlias { alias, .. } => shown(&alias.value).to_owned(),
                other => other.to_string(),
            })
            .collect()
    }

    fn printed(sql: &str) -> String {
        let mut query = *crate::parse::parse_query(sql).expect("parses");
        assign(&mut query);
        query.to_string()
    }

    #[test]
    fn expressions_are_named_as_postgresql_names_them() {
        assert_eq!(
            names(
                "select count(*), 1+1, 2, a, t.b, x::int, 'y'::date, case when true then 1 end, extract(year from d)"
            ),
            ["count", "?column?", "?column?", "a", "t.b", "x", "date", "case", "extract"]
        );
        assert_eq!(names("select 'x'::regclass::oid, 1::int::text, count(*)::int"), ["oid", "text", "count"]);
        assert_eq!(printed("select -a as a from t order by a + 1"), "SELECT -a AS \"a\u{1}0\" FROM t ORDER BY a + 1");
        assert_eq!(printed("select -a as a from t order by a"), "SELECT -a AS a FROM t ORDER BY a");
        assert_eq!(names("select id, id, (select max(q) from t), exists(select 1)"), ["id", "id", "max", "exists"]);
    }
}
