//! Whether a query reads another one of the WITH around it.

use std::ops::ControlFlow;

use sqlparser::ast::{Query, TableFactor, Visit, Visitor};

use crate::names::fold;

/// Whether something in the tree names the query, and not one of the same name nearer to it.
pub(crate) fn reads(tree: &impl Visit, name: &str) -> bool {
    tree.visit(&mut Finder { name, hidden_by: 0 }).is_break()
}

struct Finder<'n> {
    name: &'n str,
    /// Queries around that have one of that name themselves.
    hidden_by: usize,
}

impl Finder<'_> {
    fn is_hidden_by(&self, query: &Query) -> bool {
        query.with.iter().flat_map(|with| &with.cte_tables).any(|own| fold(&own.alias.name) == self.name)
    }
}

impl Visitor for Finder<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.hidden_by += usize::from(self.is_hidden_by(query));
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.hidden_by -= usize::from(self.is_hidden_by(query));
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        let TableFactor::Table { name, args: None, .. } = factor else { return ControlFlow::Continue(()) };
        match name.0.as_slice() {
            [part] if self.hidden_by == 0 && part.as_ident().is_some_and(|ident| fold(ident) == self.name) => {
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse_query;

    #[test]
    fn a_name_is_read_unless_a_nearer_query_has_it() {
        let cases = [
            ("select * from A", true),
            ("select 1 where exists (select 1 from b join a on true)", true),
            ("select * from s.a, \"A\", a(1)", false),
            ("with a as (select 1) select * from a", false),
            ("select * from (with a as (select 1) select * from a) b, a", true),
        ];
        for (sql, expected) in cases {
            let query = parse_query(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
            assert_eq!(reads(&query, "a"), expected, "{sql}");
        }
    }
}
