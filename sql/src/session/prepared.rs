//! Statements whose parameters' types are resolved, and the values that go with them.

use std::sync::Arc;

use bytes::Bytes;
use peristyle_catalog::model::PgType;

use super::{Session, WireFormat};
use crate::error::SqlError;
use crate::outcome::{ColumnDescription, Outcome};
use crate::parse::{Statement, Tree};
use crate::plan::parameters::Bound;
use crate::statement;
use crate::transaction::Looks;

/// A statement with its parameters' types resolved. Resolved anew when it is executed; if its result type then
/// differs it fails with 0A000.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub parameters: Vec<PgType>,
    /// Columns of the result, `None` for a statement without rows.
    pub columns: Option<Vec<ColumnDescription>>,
    pub statement: Statement,
}

/// A parameter as Bind sent it; `None` is NULL.
#[derive(Clone, Debug)]
pub struct Parameter {
    pub format: WireFormat,
    pub value: Option<Bytes>,
}

/// The values of a statement's parameters, decoded.
#[derive(Clone)]
pub struct BoundParameters(pub(super) Arc<Bound>);

impl Session {
    /// Resolves a statement; `types` are those the client named for `$1`, `$2`, …
    pub async fn prepare(&mut self, statement: &Statement, types: &[Option<PgType>]) -> Result<Prepared, SqlError> {
        self.refuse_if_failed(statement)?;
        if let Some((parameters, columns)) = statement::describe_control(statement) {
            return Ok(Prepared { parameters, columns, statement: statement.clone() });
        }
        if let Tree::Session(command) = &*statement.tree {
            return self.prepare_command(statement, command, types).await;
        }
        let scope = self.scope(Looks::AtDefinitions)?;
        let (statement, types) = (statement.clone(), types.to_vec());
        let guard = scope.guard.clone();
        let engine = Arc::clone(&self.engine);
        guard
            .watch(engine.on_cpu(async move {
                let (parameters, columns) = statement::describe(&scope, &statement, &types).await?;
                Ok(Prepared { parameters, columns, statement })
            }))
            .await
    }

    /// Decodes what the client sent for a statement's parameters; a portal without a name is the unnamed one.
    pub fn bind(
        &mut self,
        portal: Option<&str>,
        prepared: &Prepared,
        parameters: &[Parameter],
    ) -> Result<BoundParameters, SqlError> {
        self.refuse_if_failed(&prepared.statement)?;
        let started = self.transaction_started();
        let mut style = self.settings().input_style(started);
        if prepared.parameters.iter().any(|ty| ty.enum_definition().is_some()) {
            style.enums = Some(self.scope(Looks::AtDefinitions)?.enums());
        }
        match Bound::new(&style, parameters, &prepared.parameters) {
            Ok(bound) => Ok(BoundParameters(Arc::new(bound))),
            Err((error, None)) => Err(error),
            Err((error, Some(number))) => Err(match portal {
                None => error.context(format!("unnamed portal parameter ${number}")),
                Some(portal) => error.context(format!("portal \"{portal}\" parameter ${number}")),
            }),
        }
    }

    /// As [`Self::execute`], with bound parameters.
    pub async fn execute_prepared(
        &mut self,
        prepared: &Prepared,
        bound: &BoundParameters,
    ) -> Result<Outcome, SqlError> {
        let outcome = self.run(&prepared.statement, Arc::clone(&bound.0)).await?;
        prepared.check_result(outcome).inspect_err(|_| self.fail())
    }
}
