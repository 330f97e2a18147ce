//! Queries of a WITH that are called as one of a WITH around: the inner one hides the outer. To DataFusion a name is that of
//! one query in a statement, so the inner one gets a name of its own.

use std::collections::HashMap;
use std::convert::Infallible;
use std::ops::ControlFlow;

use sqlparser::ast::{Ident, ObjectName, ObjectNamePart, Query, TableAlias, TableFactor, VisitMut, VisitorMut, With};

use crate::names::fold;

/// Gives each of them a name that no other has.
pub(super) fn tell_apart(query: &mut Query) {
    let mut names = Names { scopes: Vec::new(), withs: Vec::new(), hidden: 0 };
    let ControlFlow::Continue(()) = query.visit(&mut names);
}

/// Gives those within a tree names that differ from those of a WITH around it.
pub(super) fn tell_apart_under(with: &With, tree: &mut impl VisitMut) {
    let names = with.cte_tables.iter().map(|query| (fold(&query.alias.name), query.alias.name.clone()));
    let mut names = Names { scopes: vec![names.collect()], withs: Vec::new(), hidden: 0 };
    let ControlFlow::Continue(()) = tree.visit(&mut names);
}

struct Names {
    /// What each WITH around calls its queries, and what these are called now.
    scopes: Vec<HashMap<String, Ident>>,
    /// What was taken out of the queries that are being visited, since it is visited already.
    withs: Vec<Option<With>>,
    /// How many are hidden so far.
    hidden: usize,
}

impl VisitorMut for Names {
    type Break = Infallible;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Infallible> {
        self.scopes.push(HashMap::new());
        let mut with = query.with.take();
        let is_recursive = with.as_ref().is_some_and(|with| with.recursive);
        for query in with.iter_mut().flat_map(|with| &mut with.cte_tables) {
            let name = fold(&query.alias.name);
            let own = self.own_name(&name, &query.alias.name);
            if is_recursive {
                self.add(&name, &own);
            }
            query.query.visit(self)?;
            self.add(&name, &own);
            query.alias.name = own;
        }
        self.withs.push(with);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Infallible> {
        query.with = self.withs.pop().flatten();
        self.scopes.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Infallible> {
        if let TableFactor::Table { name, alias, args: None, .. } = factor
            && let [ObjectNamePart::Identifier(written)] = name.0.as_slice()
            && let Some(own) = self.find(&fold(written)).filter(|own| fold(own) != fold(written))
        {
            let shown = TableAlias { explicit: true, name: written.clone(), columns: Vec::new(), at: None };
            alias.get_or_insert(shown);
            *name = ObjectName::from(vec![own.clone()]);
        }
        ControlFlow::Continue(())
    }
}

impl Names {
    fn find(&self, name: &str) -> Option<&Ident> {
        self.scopes.iter().rev().find_map(|scope| scope.get(name))
    }

    /// What a query is called from here on: no name of a client's holds a control character.
    fn own_name(&mut self, name: &str, written: &Ident) -> Ident {
        let around = self.scopes.iter().rev().skip(1);
        if !around.into_iter().any(|scope| scope.contains_key(name)) {
            return written.clone();
        }
        self.hidden += 1;
        Ident::with_quote('"', format!("{name}\u{1}{}", self.hidden))
    }

    fn add(&mut self, name: &str, own: &Ident) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name.to_owned(), own.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inner_hides_the_outer() {
        let told = |sql: &str| {
            let mut query = crate::parse::parse_query(sql).expect("parses");
            tell_apart(&mut query);
            query.to_string().replace('\u{1}', "#")
        };
        assert_eq!(
            told("WITH a AS (SELECT 1) SELECT * FROM (WITH a AS (SELECT * FROM a) SELECT a.* FROM a) AS q, a"),
            "WITH a AS (SELECT 1) SELECT * FROM (WITH \"a#1\" AS (SELECT * FROM a) SELECT a.* FROM \"a#1\" AS a) AS q, a"
        );
        assert_eq!(
            told("WITH a AS (SELECT 1) SELECT (WITH b AS (SELECT 2) SELECT * FROM b, a, s.b)"),
            "WITH a AS (SELECT 1) SELECT (WITH b AS (SELECT 2) SELECT * FROM b, a, s.b)"
        );
    }
}
