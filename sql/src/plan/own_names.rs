//! Names that mean what DataFusion does not know: a key that a join merged ([`using_joins`]), the value of a function in
//! FROM, a relation's row ([`whole_rows`]). What they mean depends on the columns of what stands around, so inner queries
//! are settled first, and each once.

use std::collections::HashSet;
use std::ops::ControlFlow;

use peristyle_catalog::model::PgType;
use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    Expr, GroupByExpr, Ident, JoinOperator, ObjectName, OrderBy, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, Statement, TableAlias, TableFactor, TableWithJoins, Value, VisitMut,
    VisitorMut, WildcardAdditionalOptions, With,
};

use super::from_items::{called, factors_of, visit_order_exprs, visit_own_exprs, visit_select_exprs};
use super::output_names::apart;
use super::scopes::{Level, Scopes};
use super::using_joins::{Side, joins_by_name, refuse_unknown};
use super::{Planner, column_aliases, dependent_columns, qualified, repeated_names, whole_rows};
use crate::error::SqlError;
use crate::names::fold;
use crate::parse::parse_query;

/// Says all such names in ways that the planner takes.
pub(super) fn settle(
    planner: &Planner<'_>,
    statement: &mut Statement,
    types: &[Option<PgType>],
) -> Result<(), SqlError> {
    let mut settler =
        Settler { scopes: Scopes::new(planner, types), opened: Vec::new(), withs: Vec::new(), next: None };
    match statement.visit(&mut settler) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Settler<'a, 'p> {
    scopes: Scopes<'a, 'p>,
    /// The SELECTs that are being visited.
    opened: Vec<Opened>,
    /// What was taken out of the queries that are being visited, since it is settled already.
    withs: Vec<Option<With>>,
    /// The SELECT that a query opened, of which the visitor has not heard yet.
    next: Option<Opened>,
}

/// What was taken out of a SELECT while it is visited.
struct Opened {
    from: Vec<TableWithJoins>,
    /// What stands for `*`, if that is not for DataFusion to say.
    all: Option<Vec<SelectItem>>,
    /// Whether its query's ORDER BY reads the same, and closes it.
    is_of_query: bool,
}

type Flow = ControlFlow<SqlError>;

impl VisitorMut for Settler<'_, '_> {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &mut Query) -> Flow {
        let with = query.with.take();
        self.enter_with(with)?;
        if let SetExpr::Select(select) = query.body.as_mut() {
            let opened = self.open(select, true)?;
            self.next = Some(opened);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> Flow {
        if let SetExpr::Select(select) = query.body.as_mut() {
            self.close(select, &mut query.order_by)?;
        }
        query.with = self.withs.pop().flatten();
        self.scopes.withs.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> Flow {
        let opened = match self.next.take() {
            Some(opened) => opened,
            None => self.open(select, false)?,
        };
        self.opened.push(opened);
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> Flow {
        if self.opened.last().is_some_and(|opened| opened.is_of_query) {
            return ControlFlow::Continue(());
        }
        self.close(select, &mut None)
    }
}

fn flow<T>(result: Result<T, SqlError>) -> ControlFlow<SqlError, T> {
    result.map_or_else(ControlFlow::Break, ControlFlow::Continue)
}

impl Settler<'_, '_> {
    /// Settles the queries of a WITH, each of which can read those before it.
    fn enter_with(&mut self, mut with: Option<With>) -> Flow {
        let recursive = with.as_ref().is_some_and(|with| with.recursive);
        self.scopes.withs.push(With { with_token: AttachedToken::empty(), recursive, cte_tables: Vec::new() });
        for query in with.iter_mut().flat_map(|with| &mut with.cte_tables) {
            query.visit(self)?;
            if let Some(known) = self.scopes.withs.last_mut() {
                known.cte_tables.push(query.clone());
            }
        }
        self.withs.push(with);
        ControlFlow::Continue(())
    }

    /// Takes what a SELECT reads out of it, settled.
    fn open(&mut self, select: &mut Select, is_of_query: bool) -> ControlFlow<SqlError, Opened> {
        self.scopes.levels.push(Level::default());
        let mut from = std::mem::take(&mut select.from);
        let mut all = Vec::new();
        for tables in &mut from {
            let side = self.enter_joins(tables)?;
            all.push(side);
        }
        let all = if all.iter().any(Option::is_some) { shown_columns(&from, all) } else { None };
        ControlFlow::Continue(Opened { from, all, is_of_query })
    }

    /// Settles an item of FROM with what is joined to it; what it gives, if there are joins by names.
    fn enter_joins(&mut self, tables: &mut TableWithJoins) -> ControlFlow<SqlError, Option<Side>> {
        let by_name = joins_by_name(tables);
        let first = self.items();
        let mut side = self.enter_factor(&mut tables.relation, by_name)?;
        for join in &mut tables.joins {
            let own = self.items();
            let right = self.enter_factor(&mut join.relation, by_name)?;
            join.join_operator.visit(self)?;
            self.settle_names(&mut join.join_operator)?;
            self.note_missing(&join.join_operator, first, own);
            side = match (side, right) {
                (Some(left), Some(right)) => Some(flow(left.joined(right, &mut join.join_operator))?),
                _ => {
                    flow(refuse_unknown(&join.join_operator))?;
                    None
                }
            };
            if let (Some(side), Some(level)) = (&side, self.scopes.levels.last_mut()) {
                level.merged.retain(|name, _| !side.has(name));
                level.merged.extend(side.merged_columns().map(|(name, value)| (name.clone(), value.clone())));
            }
        }
        ControlFlow::Continue(side)
    }

    /// How many items the innermost SELECT reads so far.
    fn items(&self) -> usize {
        self.scopes.levels.last().map_or(0, |level| level.items.len())
    }

    /// Says of the items of an outer join, from `first` on and on its right side from `own` on, that they may have no row.
    fn note_missing(&mut self, op: &JoinOperator, first: usize, own: usize) {
        let Some(level) = self.scopes.levels.last_mut() else { return };
        let missing = match op {
            JoinOperator::Left(_) | JoinOperator::LeftOuter(_) => own..level.items.len(),
            JoinOperator::Right(_) | JoinOperator::RightOuter(_) => first..own,
            JoinOperator::FullOuter(_) => first..level.items.len(),
            _ => return,
        };
        level.items[missing].iter_mut().for_each(|item| item.may_be_missing = true);
    }

    fn enter_factor(&mut self, factor: &mut TableFactor, by_name: bool) -> ControlFlow<SqlError, Option<Side>> {
        match factor {
            TableFactor::NestedJoin { table_with_joins, alias: None } => return self.enter_joins(table_with_joins),
            TableFactor::NestedJoin { table_with_joins, alias } => {
                *factor = flow(derived(std::mem::take(alias), table_with_joins))?;
            }
            _ => {}
        }
        factor.visit(self)?;
        self.settle_names(factor)?;
        column_aliases::complete(factor, &self.scopes);
        self.scopes.add(factor);
        if !by_name {
            return ControlFlow::Continue(None);
        }
        let item = self.scopes.levels.last().and_then(|level| level.items.last());
        let columns = item.and_then(|item| self.scopes.columns(item));
        ControlFlow::Continue(called(factor).zip(columns).map(|(table, columns)| Side::of(table, columns)))
    }

    /// Puts what a SELECT reads back into it, and settles its own expressions.
    fn close(&mut self, select: &mut Select, order_by: &mut Option<OrderBy>) -> Flow {
        let Some(opened) = self.opened.pop() else { return ControlFlow::Continue(()) };
        if let Some(all) = opened.all {
            select.projection = std::mem::take(&mut select.projection)
                .into_iter()
                .flat_map(|item| match item {
                    SelectItem::Wildcard(_) => all.clone(),
                    item => vec![item],
                })
                .collect();
        }
        // Another query reads the results of all but the outermost.
        if self.scopes.withs.len() > 1 {
            repeated_names::tell_apart(select, &self.scopes);
        }
        self.settle_stars(&mut select.projection)?;
        let qualified = qualified_results(&select.projection);
        for (place, item) in select.projection.iter_mut().enumerate() {
            self.settle_result(item, place, &qualified);
        }
        let mut settle = |expr: &mut Expr| flow(self.settle_expr(expr));
        let results = self.take_result_keys(select);
        visit_select_exprs(select, &mut settle)?;
        visit_order_exprs(select, order_by, &mut settle)?;
        put_back(results, select);
        dependent_columns::add(select, order_by, &self.scopes);
        select.from = opened.from;
        self.scopes.levels.pop();
        ControlFlow::Continue(())
    }

    fn settle_names(&self, tree: &mut impl VisitMut) -> Flow {
        visit_own_exprs(tree, &mut |expr| flow(self.settle_expr(expr)))
    }

    fn settle_expr(&self, expr: &mut Expr) -> Result<(), SqlError> {
        match expr {
            Expr::CompoundIdentifier(path) => qualified::check_path(path, &self.scopes)?,
            Expr::Identifier(name) => {
                qualified::check_bare(name, &self.scopes)?;
                if let Some(meaning) = self.value_called(name) {
                    *expr = meaning;
                }
            }
            Expr::Function(function) => whole_rows::rows_of_all(function, &self.scopes),
            Expr::CompoundFieldAccess { root, access_chain } => {
                if let Some(value) = whole_rows::field(root, access_chain) {
                    *expr = value;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What a name stands for that is no column's.
    fn value_called(&self, name: &Ident) -> Option<Expr> {
        self.scopes.meaning(name).or_else(|| whole_rows::row_called(name, &self.scopes))
    }

    /// The results that stand for `(row).*`.
    fn settle_stars(&self, items: &mut Vec<SelectItem>) -> Flow {
        let is_star = |item: &SelectItem| {
            matches!(item, SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::Expr(_), _))
        };
        if !items.iter().any(is_star) {
            return ControlFlow::Continue(());
        }
        for (place, item) in std::mem::take(items).into_iter().enumerate() {
            match item {
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::Expr(mut row), _) => {
                    self.settle_names(&mut row)?;
                    items.extend(flow(whole_rows::all_fields(&row, place, &self.scopes))?);
                }
                item => items.push(item),
            }
        }
        ControlFlow::Continue(())
    }

    /// Takes the keys of GROUP BY out that are names of results, which go before a relation's row of that name.
    fn take_result_keys(&self, select: &mut Select) -> Vec<(usize, Expr)> {
        let GroupByExpr::Expressions(keys, _) = &mut select.group_by else { return Vec::new() };
        let is_result = |name: &Ident| {
            let names = |item: &SelectItem| matches!(item, SelectItem::ExprWithAlias { alias, .. } if fold(alias) == fold(name));
            self.scopes.meaning(name).is_none() && select.projection.iter().any(names)
        };
        let taken =
            keys.iter_mut().enumerate().filter(|(_, key)| matches!(key, Expr::Identifier(name) if is_result(name)));
        taken.map(|(place, key)| (place, std::mem::replace(key, Expr::Value(Value::Null.into())))).collect()
    }

    /// A result that is a name and nothing else keeps the name, apart from a column of that name that is a result too.
    fn settle_result(&self, item: &mut SelectItem, place: usize, qualified: &HashSet<String>) {
        let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = &mut *item else { return };
        let Expr::Identifier(name) = expr else { return whole_rows::show_list(expr) };
        let name = name.clone();
        let Some(meaning) = self.value_called(&name) else { return };
        *expr = meaning;
        if let SelectItem::UnnamedExpr(expr) = item {
            let is_taken = qualified.contains(&fold(&name));
            let alias = if is_taken { Ident::with_quote('"', apart(&fold(&name), place)) } else { name };
            *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
        }
    }
}

/// Puts keys of GROUP BY back in their places.
fn put_back(taken: Vec<(usize, Expr)>, select: &mut Select) {
    if let GroupByExpr::Expressions(keys, _) = &mut select.group_by {
        taken.into_iter().for_each(|(place, key)| keys[place] = key);
    }
}

/// The names of columns that are results with their tables' names before them.
fn qualified_results(items: &[SelectItem]) -> HashSet<String> {
    let name = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(path)) => path.last().map(fold),
        _ => None,
    };
    items.iter().filter_map(name).collect()
}

/// `(a JOIN b …) AS t` as a subquery: behind the alias nothing else of the joined tables can be named.
fn derived(alias: Option<TableAlias>, tables: &TableWithJoins) -> Result<TableFactor, SqlError> {
    let mut subquery = parse_query("SELECT * FROM nothing")?;
    if let SetExpr::Select(select) = subquery.body.as_mut() {
        select.from = vec![tables.clone()];
    }
    Ok(TableFactor::Derived { lateral: false, subquery, alias, sample: None })
}

/// What `*` stands for; `None` if something has no name to read it by.
fn shown_columns(from: &[TableWithJoins], sides: Vec<Option<Side>>) -> Option<Vec<SelectItem>> {
    let mut items = Vec::new();
    for (tables, side) in from.iter().zip(sides) {
        match side {
            Some(side) => items.extend(side.into_columns().map(|(expr, name)| match name {
                Some(name) => SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', name) },
                None => SelectItem::UnnamedExpr(expr),
            })),
            None => {
                let all = factors_of(std::slice::from_ref(tables)).map(all_of).collect::<Option<Vec<_>>>()?;
                items.extend(all);
            }
        }
    }
    Some(items)
}

fn all_of(factor: &TableFactor) -> Option<SelectItem> {
    let table = SelectItemQualifiedWildcardKind::ObjectName(ObjectName::from(vec![called(factor)?.clone()]));
    Some(SelectItem::QualifiedWildcard(table, WildcardAdditionalOptions::default()))
}
