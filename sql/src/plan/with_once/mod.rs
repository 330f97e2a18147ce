//! A query of a WITH that gives other rows each time it runs (`WITH r AS (SELECT random()) …`), read more than once: all that
//! read it get the rows of one run. DataFusion's planner plans it again for each of them.
//!
//! ```text
//! WITH r AS (q) → WITH r AS (SELECT * FROM (q) AS "mark n") → Once n over each copy of q → OnceExec: one run's batches
//! ```

mod exec;
mod node;

use std::collections::HashMap;
use std::convert::Infallible;
use std::ops::ControlFlow;

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::planner::ContextProvider;
use datafusion::logical_expr::{LogicalPlan, SubqueryAlias, Volatility};
use sqlparser::ast::{
    self, Expr, Ident, ObjectName, Query, SetExpr, TableAlias, TableFactor, TableWithJoins, Visit, VisitMut, Visitor,
    VisitorMut, With,
};

pub(crate) use node::OncePlanner;

use self::node::Once;
use super::Planner;
use crate::error::SqlError;
use crate::names::fold;
use crate::parse::parse_query;

/// What the alias of such a query begins with. No name of a client's holds a control character.
const MARK: &str = "\u{1}once ";

/// Marks such queries, whose names differ from each other. Those that are marked stay so.
pub(super) fn mark(planner: &Planner<'_>, query: &mut Query) -> std::result::Result<(), SqlError> {
    let mut marker = Marker { planner, readers: HashMap::new(), marked: marks(query) };
    marker.count_readers(query);
    match VisitMut::visit(query, &mut marker) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

/// The WITH of a statement with such queries marked, which other parts of the statement may read.
pub(super) fn marked(planner: &Planner<'_>, with: &With, tree: &impl Visit) -> std::result::Result<With, SqlError> {
    let mut with = with.clone();
    let mut marker = Marker { planner, readers: HashMap::new(), marked: 0 };
    marker.count_readers(tree);
    marker.count_readers(&with);
    let within = VisitMut::visit(&mut with, &mut marker);
    let all = if within.is_continue() { marker.mark_queries(&mut with) } else { within };
    match all {
        ControlFlow::Continue(()) => Ok(with),
        ControlFlow::Break(error) => Err(error),
    }
}

/// How many queries are marked.
fn marks(query: &Query) -> usize {
    let mut marks = Marks(0);
    let ControlFlow::Continue(()) = Visit::visit(query, &mut marks);
    marks.0
}

struct Marks(usize);

impl Visitor for Marks {
    type Break = Infallible;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Infallible> {
        let queries = query.with.iter().flat_map(|with| &with.cte_tables);
        self.0 += queries.filter(|query| is_marked(&query.query)).count();
        ControlFlow::Continue(())
    }
}

fn is_marked(query: &Query) -> bool {
    let SetExpr::Select(select) = query.body.as_ref() else { return false };
    let [TableWithJoins { relation: TableFactor::Derived { alias: Some(alias), .. }, .. }] = select.from.as_slice()
    else {
        return false;
    };
    alias.name.value.starts_with(MARK)
}

struct Marker<'a, 'p> {
    planner: &'a Planner<'p>,
    /// How often each relation is read.
    readers: HashMap<Option<String>, usize>,
    marked: usize,
}

impl VisitorMut for Marker<'_, '_> {
    type Break = SqlError;

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        match &mut query.with {
            Some(with) => self.mark_queries(with),
            None => ControlFlow::Continue(()),
        }
    }
}

impl Marker<'_, '_> {
    fn count_readers(&mut self, tree: &impl Visit) {
        let _ = ast::visit_relations(tree, |name| {
            *self.readers.entry(name_of(name)).or_insert(0_usize) += 1;
            ControlFlow::<()>::Continue(())
        });
    }

    fn mark_queries(&mut self, with: &mut With) -> ControlFlow<SqlError> {
        for query in &mut with.cte_tables {
            let name = Some(fold(&query.alias.name));
            let is_read_again = self.readers.get(&name).is_some_and(|readers| *readers > 1);
            let is_left = is_marked(&query.query) || !is_read_again || reads(&query.query, &name);
            if is_left || !is_volatile(self.planner, &query.query) {
                continue;
            }
            if let Err(error) = self.wrap(&mut query.query) {
                return ControlFlow::Break(error);
            }
        }
        ControlFlow::Continue(())
    }

    fn wrap(&mut self, query: &mut Query) -> std::result::Result<(), SqlError> {
        let mut outer = parse_query("SELECT * FROM nothing")?;
        let inner = std::mem::replace(query, *parse_query("SELECT 1")?);
        let name = Ident::with_quote('"', format!("{MARK}{}", self.marked));
        self.marked += 1;
        if let SetExpr::Select(select) = outer.body.as_mut() {
            let alias = Some(TableAlias { explicit: true, name, columns: Vec::new(), at: None });
            let relation = TableFactor::Derived { lateral: false, subquery: Box::new(inner), alias, sample: None };
            select.from = vec![TableWithJoins { relation, joins: Vec::new() }];
        }
        *query = *outer;
        Ok(())
    }
}

/// Whether a query gives other rows each time it runs.
pub(super) fn is_volatile(planner: &Planner<'_>, query: &Query) -> bool {
    let is_volatile = |function: &ast::Function| {
        name_of(&function.name)
            .and_then(|name| planner.provider.get_function_meta(&name))
            .is_some_and(|function| function.signature().volatility == Volatility::Volatile)
    };
    ast::visit_expressions(query, |expr| match expr {
        Expr::Function(function) if is_volatile(function) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    })
    .is_break()
}

/// The name of a relation or function that is written without a schema.
fn name_of(name: &ObjectName) -> Option<String> {
    match name.0.as_slice() {
        [name] => name.as_ident().map(fold),
        _ => None,
    }
}

/// Whether a query reads the relation of that name.
fn reads(query: &Query, name: &Option<String>) -> bool {
    let is_it =
        |read: &ObjectName| if name_of(read) == *name { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    ast::visit_relations(query, is_it).is_break()
}

/// Puts the nodes that run once above the plans of marked queries.
pub(super) fn plant(plan: LogicalPlan) -> Result<LogicalPlan> {
    let planted = plan.transform_up_with_subqueries(|node| match &node {
        LogicalPlan::SubqueryAlias(alias) => match number(alias) {
            // What reads columns around it differs from place to place.
            Some(number) if node.all_out_ref_exprs().is_empty() => Ok(Transformed::yes(Once::over(node, number))),
            _ => Ok(Transformed::no(node)),
        },
        _ => Ok(Transformed::no(node)),
    })?;
    Ok(planted.data)
}

fn number(alias: &SubqueryAlias) -> Option<usize> {
    alias.alias.table().strip_prefix(MARK)?.parse().ok()
}
