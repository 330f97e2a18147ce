//! `t TABLESAMPLE BERNOULLI (percent)` and `SYSTEM (percent)`: each row has that chance, also of SYSTEM, whose samples are of
//! whole pages in PostgreSQL.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Expr, Query, SetExpr, TableAlias, TableFactor, TableSample, TableSampleKind, TableSampleMethod,
    TableWithJoins, VisitMut, VisitorMut,
};

use super::Planner;
use super::from_items::called;
use crate::error::{SqlError, SqlState};
use crate::functions::sampling::PERCENT;
use crate::names::QualifiedName;
use crate::parse::parse_query;
use crate::semantics::call;

/// Says all samples of a query by conditions.
pub(super) fn settle(planner: &Planner<'_>, query: &mut Query) -> Result<(), SqlError> {
    match query.visit(&mut Samples { planner }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Samples<'a, 'p> {
    planner: &'a Planner<'p>,
}

impl VisitorMut for Samples<'_, '_> {
    type Break = SqlError;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<SqlError> {
        let TableFactor::Table { sample, .. } = factor else { return ControlFlow::Continue(()) };
        let sample = match sample.take() {
            Some(TableSampleKind::AfterTableAlias(sample) | TableSampleKind::BeforeTableAlias(sample)) => *sample,
            None => return ControlFlow::Continue(()),
        };
        match self.sampled(factor, sample) {
            Ok(sampled) => {
                *factor = sampled;
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    }
}

impl Samples<'_, '_> {
    /// The rows of a table that are in a sample, under its name.
    fn sampled(&self, table: &TableFactor, sample: TableSample) -> Result<TableFactor, SqlError> {
        self.check(table)?;
        let percent = percent_of(sample)?;
        let alias = match table {
            TableFactor::Table { alias: Some(alias), .. } => Some(alias.clone()),
            table => called(table).map(|name| TableAlias {
                explicit: true,
                name: name.clone(),
                columns: Vec::new(),
                at: None,
            }),
        };
        let mut rows = parse_query("SELECT * FROM nothing WHERE random() * 100 < 0")?;
        if let SetExpr::Select(select) = rows.body.as_mut() {
            select.from = vec![TableWithJoins { relation: table.clone(), joins: Vec::new() }];
            if let Some(Expr::BinaryOp { op: BinaryOperator::Lt, right, .. }) = &mut select.selection {
                **right = call(PERCENT, vec![percent]);
            }
        }
        Ok(TableFactor::Derived { lateral: false, subquery: rows, alias, sample: None })
    }

    /// Only what is stored has samples.
    fn check(&self, table: &TableFactor) -> Result<(), SqlError> {
        let TableFactor::Table { name, .. } = table else { return Ok(()) };
        let name = QualifiedName::of(self.planner.provider.scope(), name)?;
        match self.planner.provider.relation(name.schema(), &name.name) {
            Some(relation) if relation.as_table().is_none() => {
                Err(SqlError::unsupported("TABLESAMPLE clause can only be applied to tables and materialized views"))
            }
            _ => Ok(()),
        }
    }
}

fn percent_of(sample: TableSample) -> Result<Expr, SqlError> {
    let known = matches!(sample.name, Some(TableSampleMethod::Bernoulli | TableSampleMethod::System));
    match sample.quantity {
        Some(quantity) if known && quantity.parenthesized && quantity.unit.is_none() => match sample.seed {
            None => Ok(quantity.value),
            Some(_) => Err(SqlError::unsupported("TABLESAMPLE with REPEATABLE is not supported yet")),
        },
        _ => {
            let message = "a tablesample method other than BERNOULLI and SYSTEM of a percentage does not exist";
            Err(SqlError::new(SqlState::UNDEFINED_OBJECT, message))
        }
    }
}
