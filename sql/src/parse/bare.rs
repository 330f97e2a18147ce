//! Queries that are their body alone.

use sqlparser::ast::{Query, SetExpr};

/// The body of a query that has nothing around it: no WITH before it, no ORDER BY, limit or lock after it.
pub(crate) fn bare_body(query: &Query) -> Option<&SetExpr> {
    let is_bare = query.with.is_none()
        && query.order_by.is_none()
        && query.limit_clause.is_none()
        && query.fetch.is_none()
        && query.locks.is_empty();
    is_bare.then_some(query.body.as_ref())
}

/// The query of that body alone.
pub(crate) fn bare_query(body: SetExpr) -> Query {
    Query {
        with: None,
        body: Box::new(body),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    }
}
