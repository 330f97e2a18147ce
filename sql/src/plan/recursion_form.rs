//! What a recursive query may not be: 42P19 in PostgreSQL's words.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Cte, Expr, JoinOperator, ObjectName, ObjectNamePart, Query, Select, SetExpr, SetOperator, TableFactor,
    TableWithJoins, Visit, Visitor,
};

use super::from_items::factors_of;
use crate::error::{SqlError, SqlState};
use crate::functions::is_aggregate;
use crate::names::fold;

/// Refuses all recursive queries of a statement that have another form.
pub(super) fn refuse(query: &Query) -> Result<(), SqlError> {
    match query.visit(&mut Recursions) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Recursions;

impl Visitor for Recursions {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<SqlError> {
        let recursive = query.with.iter().filter(|with| with.recursive).flat_map(|with| &with.cte_tables);
        for cte in recursive {
            if let Err(error) = check(cte) {
                return ControlFlow::Break(error);
            }
        }
        ControlFlow::Continue(())
    }
}

fn check(cte: &Cte) -> Result<(), SqlError> {
    let name = fold(&cte.alias.name);
    if references(&cte.query, &name) == 0 {
        return Ok(());
    }
    let SetExpr::SetOperation { op: SetOperator::Union, left, right, .. } = cte.query.body.as_ref() else {
        let form = "does not have the form non-recursive-term UNION [ALL] recursive-term";
        return Err(refused(format!("recursive query \"{name}\" {form}")));
    };
    let must_not = |what: &str| refused(format!("recursive reference to query \"{name}\" must not appear {what}"));
    if references(left.as_ref(), &name) > 0 {
        return Err(must_not("within its non-recursive term"));
    }
    if references(right.as_ref(), &name) > 1 {
        return Err(must_not("more than once"));
    }
    match right.visit(&mut Term { name: &name }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(Misplaced::InSubquery) => Err(must_not("within a subquery")),
        ControlFlow::Break(Misplaced::InOuterJoin) => Err(must_not("within an outer join")),
        ControlFlow::Break(Misplaced::BesideAggregate) => {
            let message = "aggregate functions are not allowed in a recursive query's recursive term";
            Err(refused(message.to_owned()))
        }
    }
}

fn refused(message: String) -> SqlError {
    SqlError::new(SqlState::INVALID_RECURSION, message)
}

/// How often a query is read by its name.
fn references(tree: &impl Visit, name: &str) -> usize {
    let mut counter = References { name, count: 0 };
    let _ = tree.visit(&mut counter);
    counter.count
}

struct References<'a> {
    name: &'a str,
    count: usize,
}

impl Visitor for References<'_> {
    type Break = ();

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        self.count += usize::from(is_called(relation, self.name));
        ControlFlow::Continue(())
    }
}

fn is_called(relation: &ObjectName, name: &str) -> bool {
    matches!(relation.0.as_slice(), [ObjectNamePart::Identifier(only)] if fold(only) == name)
}

/// Where a recursive term may not read its query.
enum Misplaced {
    InSubquery,
    InOuterJoin,
    BesideAggregate,
}

/// The term that reads the query by its name.
struct Term<'a> {
    name: &'a str,
}

impl Visitor for Term<'_> {
    type Break = Misplaced;

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Misplaced> {
        let subquery = match expr {
            Expr::Subquery(subquery) | Expr::Exists { subquery, .. } | Expr::InSubquery { subquery, .. } => subquery,
            _ => return ControlFlow::Continue(()),
        };
        match references(subquery.as_ref(), self.name) {
            0 => ControlFlow::Continue(()),
            _ => ControlFlow::Break(Misplaced::InSubquery),
        }
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Misplaced> {
        if select.from.iter().any(|tables| self.is_nullable(tables)) {
            return ControlFlow::Break(Misplaced::InOuterJoin);
        }
        let reads = factors_of(&select.from).any(|factor| self.is_it(factor));
        if reads && (has_aggregate(&select.projection) || has_aggregate(&select.having)) {
            return ControlFlow::Break(Misplaced::BesideAggregate);
        }
        ControlFlow::Continue(())
    }
}

impl Term<'_> {
    fn is_it(&self, factor: &TableFactor) -> bool {
        matches!(factor, TableFactor::Table { name, args: None, .. } if is_called(name, self.name))
    }

    /// Whether the query is read on a side of a join that may be NULL.
    fn is_nullable(&self, tables: &TableWithJoins) -> bool {
        let mut is_before = self.is_it(&tables.relation);
        for join in &tables.joins {
            use JoinOperator as J;
            let is_joined = self.is_it(&join.relation);
            let is_nullable = match &join.join_operator {
                J::Left(_) | J::LeftOuter(_) => is_joined,
                J::Right(_) | J::RightOuter(_) => is_before,
                J::FullOuter(_) => is_before || is_joined,
                _ => false,
            };
            if is_nullable {
                return true;
            }
            is_before |= is_joined;
        }
        false
    }
}

/// Whether an aggregate is called outside of subqueries.
fn has_aggregate(tree: &impl Visit) -> bool {
    tree.visit(&mut Aggregates { queries: 0 }).is_break()
}

struct Aggregates {
    /// Subqueries around.
    queries: usize,
}

impl Visitor for Aggregates {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.queries += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.queries -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Function(function) if self.queries == 0 && function.over.is_none() => {
                let name = function.name.0.last().and_then(ObjectNamePart::as_ident).map(fold).unwrap_or_default();
                if is_aggregate(&name) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse_query;

    fn refusal(body: &str) -> Option<String> {
        let query = parse_query(&format!("WITH RECURSIVE x(n) AS ({body}) SELECT n FROM x")).expect("parses");
        refuse(&query).err().map(|error| error.into_fields().message)
    }

    #[test]
    fn recursions_have_one_form() {
        for body in [
            "SELECT 1",
            "SELECT 1 UNION ALL SELECT n + 1 FROM x WHERE n < 5",
            "SELECT 1 UNION SELECT x.n FROM x LEFT JOIN t ON true WHERE n IN (SELECT max(a) FROM t)",
            "SELECT 1 UNION ALL SELECT s.n FROM (SELECT n FROM x) s",
        ] {
            assert_eq!(refusal(body), None, "{body}");
        }
        for (body, part) in [
            ("SELECT n FROM x", "non-recursive-term UNION"),
            ("SELECT n FROM x UNION ALL SELECT 1", "within its non-recursive term"),
            ("SELECT 1 UNION ALL SELECT a.n FROM x a, x b", "more than once"),
            ("SELECT 1 UNION ALL SELECT a FROM t WHERE a IN (SELECT n FROM x)", "within a subquery"),
            ("SELECT 1 UNION ALL SELECT a FROM t LEFT JOIN x ON true", "within an outer join"),
            ("SELECT 1 UNION ALL SELECT count(*) FROM x", "aggregate functions are not allowed"),
        ] {
            assert!(refusal(body).is_some_and(|message| message.contains(part)), "{body}");
        }
    }
}
