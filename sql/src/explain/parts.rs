//! EXPLAIN of a statement whose WITH changes rows: each part under its name, then the main statement.

use std::sync::Arc;

use futures::StreamExt;
use sqlparser::ast::Statement as Sql;

use super::{change_lines, explain_insert, explain_query, indent, milliseconds};
use crate::error::SqlError;
use crate::modify::ChangeStatement;
use crate::outcome::Outcome;
use crate::plan::parameters::Bound;
use crate::scope::Scope;
use crate::session::SharedTransaction;
use crate::with_changes::{self, Explained, WithChanges};

/// The plans of all parts. With ANALYZE the statement is run, and the rows that its main statement gives or changes are
/// counted.
pub(super) async fn explain(
    scope: Arc<Scope>,
    transaction: SharedTransaction,
    statement: WithChanges<'_>,
    bound: &Bound,
    analyze: bool,
) -> Result<Vec<String>, SqlError> {
    let mut lines = Vec::new();
    for Explained { name, tree, scope } in with_changes::explained(&scope, statement, bound)? {
        let mut plan = plan_lines(&scope, &tree, bound).await?;
        if let Some(name) = name {
            lines.push(format!("CTE {name}"));
            indent(&mut plan);
        }
        lines.append(&mut plan);
    }
    if analyze {
        let begun = scope.engine.now();
        let rows = count(with_changes::run(Arc::clone(&scope), transaction, statement, bound).await?).await?;
        lines.push(format!("Execution Time: {:.3} ms, rows={rows}", milliseconds(begun, scope.engine.now())));
    }
    Ok(lines)
}

async fn plan_lines(scope: &Arc<Scope>, tree: &Sql, bound: &Bound) -> Result<Vec<String>, SqlError> {
    if let Some(change) = ChangeStatement::of(tree) {
        return change_lines(scope, change, bound).await;
    }
    match tree {
        Sql::Query(query) => Ok(explain_query(scope, query, bound, false).await?.lines()),
        Sql::Insert(insert) => Ok(explain_insert(scope, insert, bound).await?.lines()),
        _ => Err(SqlError::internal("a part of a statement was expected")),
    }
}

async fn count(outcome: Outcome) -> Result<String, SqlError> {
    match outcome {
        Outcome::Rows(mut rows) => {
            let mut count = 0;
            while let Some(batch) = rows.batches.next().await {
                count += batch?.num_rows();
            }
            Ok(count.to_string())
        }
        Outcome::Command(tag) => Ok(tag.rsplit(' ').next().unwrap_or_default().to_owned()),
        _ => Err(SqlError::internal("a statement that changes rows gave neither rows nor a tag")),
    }
}
