//! `WITH … AS (INSERT | UPDATE | DELETE …) …`: statements of several parts that change rows.
//!
//! ```text
//! tree → Parts (order, which reads which) → each part: Effects, ReturnedRows → main statement → one change set
//! ```
//! Each part runs once and to its end, whoever reads it. All of them see the statement's snapshot, none what another
//! did; what one returns becomes a relation in memory, which those that read it find in the schema
//! [`RETURNED_SCHEMA`]. What they do is gathered and staged as one change set, before the rows of a SELECT go out. Of two
//! parts that change the same row, the one that runs first does ([`Parts::order`]).

mod parts;
mod reads;
mod returned;

use std::sync::Arc;

use futures::future::BoxFuture;
use peristyle_catalog::model::PgType;
use sqlparser::ast::{Query, Statement as Sql};

use crate::error::{SqlError, SqlState};
use crate::modify::{self, ChangeStatement, Effects};
use crate::outcome::{ColumnDescription, Outcome};
use crate::parse::changes_rows;
use crate::plan::parameters::{self, Bound};
use crate::plan::{self, ConstantResult};
use crate::scope::Scope;
use crate::session::SharedTransaction;
use crate::statement::{self, Description};
use crate::write;

pub(crate) use self::reads::reads;
pub(crate) use self::returned::{RETURNED_SCHEMA, Returned};

use self::parts::Parts;
use self::returned::ReturnedRows;

/// A statement with parts in its WITH that change rows.
#[derive(Clone, Copy)]
pub(crate) struct WithChanges<'a> {
    tree: &'a Sql,
    query: &'a Query,
}

impl<'a> WithChanges<'a> {
    /// `None` for any other statement.
    pub(crate) fn of(tree: &'a Sql) -> Option<WithChanges<'a>> {
        match tree {
            Sql::Query(query) if changes_rows(query) => Some(WithChanges { tree, query }),
            _ => None,
        }
    }

    /// The verb of the main statement.
    pub(crate) fn verb(&self) -> &'static str {
        parts::verb(self.query)
    }
}

/// 0A000 for a query with such parts where PostgreSQL takes none; `place` begins its message.
pub(crate) fn refuse_in(place: &str, query: &Query) -> Result<(), SqlError> {
    match changes_rows(query) {
        true => Err(SqlError::unsupported(format!("{place} data-modifying statements in WITH"))),
        false => Ok(()),
    }
}

/// Runs the statement: its changes go to the transaction, the main statement's rows to the outcome. The future is boxed
/// here: the caller's would have room for it, whatever statement it runs.
pub(crate) fn run<'a>(
    scope: Arc<Scope>,
    transaction: SharedTransaction,
    statement: WithChanges<'a>,
    bound: &'a Bound,
) -> BoxFuture<'a, Result<Outcome, SqlError>> {
    Box::pin(async move {
        let parts = Parts::of(statement.query)?;
        let mut run = Run { scope, transaction, bound, parts, effects: Effects::of_parts() };
        match run.through().await {
            Ok(main) => run.end(main).await,
            Err(error) => {
                run.effects.discard(&run.scope).await;
                Err(error)
            }
        }
    })
}

/// A statement at work.
struct Run<'a> {
    /// It knows the rows that parts gave so far.
    scope: Arc<Scope>,
    transaction: SharedTransaction,
    bound: &'a Bound,
    parts: Parts<'a>,
    effects: Effects,
}

impl Run<'_> {
    /// Runs all parts, and the main statement if it changes rows itself.
    async fn through(&mut self) -> Result<Option<Outcome>, SqlError> {
        let order = self.parts.order();
        for part in order.before {
            self.part(part).await?;
        }
        let main = match self.parts.main_changes() {
            true => Some(self.change(&self.parts.main()).await?),
            false => None,
        };
        for part in order.after {
            self.part(part).await?;
        }
        Ok(main)
    }

    async fn part(&mut self, part: usize) -> Result<(), SqlError> {
        let outcome = self.change(&self.parts.statement(part)).await?;
        if let Outcome::Rows(rows) = outcome {
            let rows = ReturnedRows::of(&self.scope, rows).await?;
            self.scope = rows.known_to(&self.scope, self.parts.name(part));
        }
        Ok(())
    }

    async fn change(&mut self, tree: &Sql) -> Result<Outcome, SqlError> {
        let Run { scope, transaction, bound, effects, .. } = self;
        match (ChangeStatement::of(tree), tree) {
            (Some(change), _) => Box::pin(modify::run_part(scope, transaction, change, bound, effects)).await,
            (None, Sql::Insert(insert)) => Box::pin(write::insert_part(scope, insert, bound, effects)).await,
            (None, _) => Err(SqlError::internal("a part that changes rows was expected")),
        }
    }

    /// Stages what was done, and begins the main statement if it is a query.
    async fn end(self, main: Option<Outcome>) -> Result<Outcome, SqlError> {
        self.effects.stage(&self.scope, &self.transaction).await?;
        match main {
            Some(outcome) => Ok(outcome),
            None => plan::select(self.scope, &self.parts.main(), self.bound, &ConstantResult::default()).await,
        }
    }
}

/// The types of the statement's parameters and the columns of the main statement, without running anything.
pub(crate) fn describe(
    scope: &Arc<Scope>,
    statement: WithChanges<'_>,
    types: &[Option<PgType>],
) -> Result<Description, SqlError> {
    let parts = Parts::of(statement.query)?;
    let mut types = parameters::hinted(scope, statement.tree, types)?;
    let mut scope = Arc::clone(scope);
    for part in parts.order().parts() {
        if let Some(columns) = described(&scope, &parts.statement(part), &mut types)? {
            scope = ReturnedRows::described(&columns).known_to(&scope, parts.name(part));
        }
    }
    let columns = described(&scope, &parts.main(), &mut types)?;
    Ok((types.into_iter().map(|ty| ty.unwrap_or(PgType::TEXT)).collect(), columns))
}

/// The columns that one part gives; the types of its parameters are known from here on.
fn described(
    scope: &Arc<Scope>,
    part: &Sql,
    types: &mut [Option<PgType>],
) -> Result<Option<Vec<ColumnDescription>>, SqlError> {
    let (resolved, columns) = statement::describe_tree(scope, part, types)?;
    for number in parameters::numbers(part) {
        if let (Some(slot), Some(ty)) = (types.get_mut(number - 1), resolved.get(number - 1)) {
            slot.get_or_insert(*ty);
        }
    }
    Ok(columns)
}

/// A part, or the main statement, for EXPLAIN.
pub(crate) struct Explained {
    /// What the part is called; `None` for the main statement.
    pub(crate) name: Option<String>,
    pub(crate) tree: Sql,
    /// The surroundings to plan it in.
    pub(crate) scope: Arc<Scope>,
}

/// The parts in their order, then the main statement.
pub(crate) fn explained(
    scope: &Arc<Scope>,
    statement: WithChanges<'_>,
    bound: &Bound,
) -> Result<Vec<Explained>, SqlError> {
    let parts = Parts::of(statement.query)?;
    let mut types = bound.types().to_vec();
    let mut scope = Arc::clone(scope);
    let mut explained = Vec::new();
    for part in parts.order().parts() {
        let (tree, name) = (parts.statement(part), parts.name(part));
        let columns = described(&scope, &tree, &mut types)?;
        explained.push(Explained { name: Some(name.to_owned()), tree, scope: Arc::clone(&scope) });
        if let Some(columns) = columns {
            scope = ReturnedRows::described(&columns).known_to(&scope, name);
        }
    }
    explained.push(Explained { name: None, tree: parts.main(), scope });
    Ok(explained)
}

/// PostgreSQL's words for such a part elsewhere than at the statement's own WITH.
pub(crate) fn not_at_top_level() -> SqlError {
    SqlError::new(
        SqlState::FEATURE_NOT_SUPPORTED,
        "WITH clause containing a data-modifying statement must be at the top level",
    )
}
