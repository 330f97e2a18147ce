//! `FOR UPDATE`, `FOR SHARE` in the tree: checked as PostgreSQL checks them, and left as a mark among the conditions of
//! their SELECT, which says by name what is locked. [`super::plant`] makes locks of it when the plan is there.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Cte, Expr, GroupByExpr, LockClause, LockType, NonBlock, ObjectName, Query, Select, SetExpr,
    TableFactor, TableWithJoins, VisitMut, VisitorMut,
};

use super::{IfLocked, Strength};
use crate::error::{SqlError, SqlState};
use crate::names::fold;
use crate::plan::from_items::called;
use crate::semantics::{call, string};

/// The call that stands for the clauses: for each item of FROM that is locked its name and how. No name of a client's
/// holds a control character.
pub(crate) const MARK: &str = "\u{1}lock_rows";

/// A clause about one item of FROM.
#[derive(Clone, Debug)]
pub(super) struct Clause {
    pub(super) item: String,
    pub(super) strength: Strength,
    pub(super) if_locked: IfLocked,
}

impl Clause {
    /// The arguments of the mark.
    fn arguments(&self) -> [Expr; 3] {
        let strength = words(self.strength);
        let if_locked = match self.if_locked {
            IfLocked::Wait => "",
            IfLocked::Skip => "SKIP LOCKED",
            IfLocked::Refuse => "NOWAIT",
        };
        [string(self.item.clone()), string(strength), string(if_locked)]
    }

    /// What arguments of the mark say.
    pub(super) fn of_arguments(item: &str, strength: &str, if_locked: &str) -> Clause {
        let strength = if strength == words(Strength::Share) { Strength::Share } else { Strength::Update };
        let if_locked = match if_locked {
            "SKIP LOCKED" => IfLocked::Skip,
            "NOWAIT" => IfLocked::Refuse,
            _ => IfLocked::Wait,
        };
        Clause { item: item.to_owned(), strength, if_locked }
    }
}

/// How a clause is written.
pub(super) fn words(strength: Strength) -> &'static str {
    match strength {
        Strength::Share => "FOR SHARE",
        Strength::Update => "FOR UPDATE",
    }
}

fn strength_of(lock: &LockClause) -> Strength {
    match lock.lock_type {
        LockType::Share => Strength::Share,
        LockType::Update => Strength::Update,
    }
}

/// 0A000 as PostgreSQL says it.
pub(super) fn not_allowed(strength: Strength, with: &str) -> SqlError {
    SqlError::unsupported(format!("{} is not allowed with {with}", words(strength)))
}

/// PostgreSQL's name for a query that locks rows, which a read-only transaction refuses.
pub(crate) fn command_of(query: &Query) -> Option<String> {
    let strongest = query.locks.iter().map(strength_of).max()?;
    Some(format!("SELECT {}", words(strongest)))
}

/// Puts marks in the place of all clauses of a query and of those within it.
pub(crate) fn mark(query: &mut Query) -> Result<(), SqlError> {
    match query.visit(&mut Marker { withs: Vec::new() }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Marker {
    /// The names of the WITH queries of each query around.
    withs: Vec<Vec<String>>,
}

impl VisitorMut for Marker {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        let names = query.with.iter().flat_map(|with| &with.cte_tables).map(|cte: &Cte| fold(&cte.alias.name));
        self.withs.push(names.collect());
        let locks = std::mem::take(&mut query.locks);
        match self.settle(locks, &mut query.body) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<SqlError> {
        self.withs.pop();
        ControlFlow::Continue(())
    }
}

impl Marker {
    fn settle(&self, locks: Vec<LockClause>, body: &mut SetExpr) -> Result<(), SqlError> {
        let Some(first) = locks.first().map(strength_of) else { return Ok(()) };
        match body {
            SetExpr::Select(select) => self.settle_select(&locks, select),
            // It is visited next.
            SetExpr::Query(inner) => {
                inner.locks.extend(locks);
                Ok(())
            }
            SetExpr::Values(_) => Err(SqlError::unsupported(format!("{} cannot be applied to VALUES", words(first)))),
            _ => Err(not_allowed(first, "UNION/INTERSECT/EXCEPT")),
        }
    }

    fn settle_select(&self, locks: &[LockClause], select: &mut Select) -> Result<(), SqlError> {
        let mut clauses = Vec::new();
        for lock in locks {
            check(strength_of(lock), select)?;
            let items = self.items(lock, &select.from)?;
            items.into_iter().for_each(|item| merge(&mut clauses, clause(lock, item)));
        }
        if !clauses.is_empty() {
            let mark = call(MARK, clauses.iter().flat_map(Clause::arguments).collect());
            select.selection = Some(match select.selection.take() {
                None => mark,
                Some(condition) => Expr::BinaryOp {
                    left: Box::new(Expr::Nested(Box::new(condition))),
                    op: BinaryOperator::And,
                    right: Box::new(mark),
                },
            });
        }
        Ok(())
    }

    /// The names of what a clause locks.
    fn items(&self, lock: &LockClause, from: &[TableWithJoins]) -> Result<Vec<String>, SqlError> {
        let mut factors = Vec::new();
        from.iter().for_each(|tables| collect(tables, &mut factors));
        let named = |factor: &&TableFactor, name: &str| called(factor).is_some_and(|ident| fold(ident) == name);
        match &lock.of {
            None => {
                let locked = factors.iter().filter(|factor| self.why_not(factor).is_none());
                Ok(locked.filter_map(|factor| called(factor)).map(fold).collect())
            }
            Some(of) => {
                let name = bare(of, lock)?;
                let words = words(strength_of(lock));
                let Some(factor) = factors.iter().find(|factor| named(factor, &name)) else {
                    let message = format!("relation \"{name}\" in {words} clause not found in FROM clause");
                    return Err(SqlError::new(SqlState::UNDEFINED_TABLE, message));
                };
                match self.why_not(factor) {
                    Some(what) => Err(SqlError::unsupported(format!("{words} cannot be applied to {what}"))),
                    None => Ok(vec![name]),
                }
            }
        }
    }

    /// What an item of FROM is, if it has no rows that can be locked.
    fn why_not(&self, factor: &TableFactor) -> Option<&'static str> {
        match factor {
            TableFactor::Table { args: None, name, .. } => self.is_with_query(name).then_some("a WITH query"),
            TableFactor::Derived { subquery, .. } => matches!(*subquery.body, SetExpr::Values(_)).then_some("VALUES"),
            TableFactor::NestedJoin { .. } => Some("a join"),
            _ => Some("a function"),
        }
    }

    fn is_with_query(&self, name: &ObjectName) -> bool {
        let [part] = name.0.as_slice() else { return false };
        part.as_ident().map(fold).is_some_and(|name| self.withs.iter().flatten().any(|with| *with == name))
    }
}

/// The items of FROM, those within parentheses too.
fn collect<'a>(tables: &'a TableWithJoins, factors: &mut Vec<&'a TableFactor>) {
    for factor in std::iter::once(&tables.relation).chain(tables.joins.iter().map(|join| &join.relation)) {
        match factor {
            TableFactor::NestedJoin { table_with_joins, alias: None } => collect(table_with_joins, factors),
            factor => factors.push(factor),
        }
    }
}

fn bare(name: &ObjectName, lock: &LockClause) -> Result<String, SqlError> {
    let [part] = name.0.as_slice() else {
        let words = words(strength_of(lock));
        return Err(SqlError::syntax(format!("{words} must specify unqualified relation names")));
    };
    part.as_ident().map(fold).ok_or_else(|| SqlError::syntax(format!("syntax error at or near \"{name}\"")))
}

fn clause(lock: &LockClause, item: String) -> Clause {
    let if_locked = match lock.nonblock {
        None => IfLocked::Wait,
        Some(NonBlock::SkipLocked) => IfLocked::Skip,
        Some(NonBlock::Nowait) => IfLocked::Refuse,
    };
    Clause { item, strength: strength_of(lock), if_locked }
}

/// The stronger counts of two clauses about one item.
fn merge(clauses: &mut Vec<Clause>, more: Clause) {
    match clauses.iter_mut().find(|clause| clause.item == more.item) {
        Some(known) => {
            known.strength = known.strength.max(more.strength);
            known.if_locked = known.if_locked.max(more.if_locked);
        }
        None => clauses.push(more),
    }
}

/// What is seen of a SELECT before it is planned.
fn check(strength: Strength, select: &Select) -> Result<(), SqlError> {
    let is_grouped = match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(keys, modifiers) => !keys.is_empty() || !modifiers.is_empty(),
    };
    if select.distinct.is_some() {
        return Err(not_allowed(strength, "DISTINCT clause"));
    }
    if is_grouped {
        return Err(not_allowed(strength, "GROUP BY clause"));
    }
    match &select.having {
        Some(_) => Err(not_allowed(strength, "HAVING clause")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(sql: &str) -> Result<String, SqlError> {
        let mut query = crate::parse::parse_query(sql)?;
        mark(&mut query)?;
        Ok(query.to_string().replace('\u{1}', ""))
    }

    #[test]
    fn clauses_become_marks_by_name() {
        let text = marked("SELECT a FROM s.t, u AS v WHERE a OR b FOR UPDATE OF v NOWAIT").expect("marked");
        assert_eq!(text, "SELECT a FROM s.t, u AS v WHERE (a OR b) AND lock_rows('v', 'FOR UPDATE', 'NOWAIT')");
        let text = marked("WITH t AS (SELECT 1) SELECT * FROM t, u FOR SHARE FOR UPDATE SKIP LOCKED").expect("marked");
        let expected = "WITH t AS (SELECT 1) SELECT * FROM t, u WHERE lock_rows('u', 'FOR UPDATE', 'SKIP LOCKED')";
        assert_eq!(text, expected);
        assert_eq!(marked("SELECT 1 FOR UPDATE").expect("nothing to lock"), "SELECT 1");
    }

    #[test]
    fn what_has_no_rows_of_tables_is_refused() {
        let refused = |sql: &str| marked(sql).expect_err("refused").message.clone();
        assert_eq!(
            refused("SELECT 1 UNION SELECT 2 FOR SHARE"),
            "FOR SHARE is not allowed with UNION/INTERSECT/EXCEPT"
        );
        assert_eq!(refused("SELECT DISTINCT a FROM t FOR UPDATE"), "FOR UPDATE is not allowed with DISTINCT clause");
        let missing = "relation \"u\" in FOR UPDATE clause not found in FROM clause";
        assert_eq!(refused("SELECT a FROM t FOR UPDATE OF u"), missing);
        let with = "WITH u AS (SELECT 1) SELECT 1 FROM u FOR UPDATE OF u";
        assert_eq!(refused(with), "FOR UPDATE cannot be applied to a WITH query");
    }
}
