//! LATERAL beside the table that is changed, whose row is none of those that it may name.

use std::ops::ControlFlow;

use peristyle_catalog::model::PgType;
use sqlparser::ast::{TableFactor, TableWithJoins, Visit, Visitor};

use super::modified::Modified;
use super::plan::rows_of;
use crate::error::{SqlError, SqlState};
use crate::plan::Planner;

/// 42P10 if the tables beside the changed one, which could be planned with it, cannot be without.
pub(super) fn refuse_target(
    planner: &Planner<'_>,
    modified: &Modified,
    others: &[TableWithJoins],
    types: &[Option<PgType>],
) -> Result<(), SqlError> {
    let takes_rows = others.iter().any(|table| table.visit(&mut Finder).is_break());
    if !takes_rows || rows_of(planner, planner.with(), others.to_vec(), None, types).is_ok() {
        return Ok(());
    }
    let message = format!("invalid reference to FROM-clause entry for table \"{}\"", modified.name);
    Err(SqlError::new(SqlState::INVALID_COLUMN_REFERENCE, message).hint(format!(
        "There is an entry for table \"{}\", but it cannot be referenced from this part of the query.",
        modified.name
    )))
}

/// Ends at what may be computed of the rows of the tables before it: LATERAL, and every function.
struct Finder;

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        let takes_rows = match factor {
            TableFactor::Derived { lateral, .. } => *lateral,
            TableFactor::Table { args, .. } => args.is_some(),
            TableFactor::Function { .. } | TableFactor::TableFunction { .. } | TableFactor::UNNEST { .. } => true,
            _ => false,
        };
        if takes_rows { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
