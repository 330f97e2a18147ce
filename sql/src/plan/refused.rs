//! What DataFusion's planner would leave out without a word.

use std::fmt::Display;
use std::ops::ControlFlow;

use sqlparser::ast::{Query, Select, Visit, Visitor};

use crate::error::SqlError;
use crate::parse::{changes_rows, is_change};
use crate::with_changes::not_at_top_level;

/// 0A000 for what it would leave out, 42601 for what PostgreSQL does not read.
pub(super) fn refuse(query: &Query) -> Result<(), SqlError> {
    match query.visit(&mut Refused) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Refused;

impl Visitor for Refused {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<SqlError> {
        if changes_rows(query) {
            return ControlFlow::Break(not_at_top_level());
        }
        if is_change(query) {
            let verb = query.body.to_string();
            let near = verb.split_whitespace().next().unwrap_or_default();
            return ControlFlow::Break(SqlError::syntax(format!("syntax error at or near \"{near}\"")));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<SqlError> {
        match select.into {
            Some(_) => not_yet("SELECT INTO"),
            None => ControlFlow::Continue(()),
        }
    }
}

fn not_yet(what: impl Display) -> ControlFlow<SqlError> {
    ControlFlow::Break(SqlError::unsupported(format!("{what} is not supported yet")))
}
