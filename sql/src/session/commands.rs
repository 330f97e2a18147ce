//! Statements about what the session keeps: which of them runs what, and what it returns.

use std::sync::Arc;

use peristyle_catalog::model::PgType;

use super::cursor_commands::refuse_changes;
use super::{Prepared, Session};
use crate::error::{SqlError, SqlState};
use crate::outcome::Outcome;
use crate::parse::{SessionCommand, Statement};
use crate::plan::parameters::Bound;

impl Session {
    pub(super) async fn run_command(
        &mut self,
        command: &SessionCommand,
        bound: &Arc<Bound>,
    ) -> Result<Outcome, SqlError> {
        match command {
            SessionCommand::Prepare { name, types, statement, source } => {
                self.run_prepare(name, types, statement, source).await
            }
            SessionCommand::Execute { .. } => Err(SqlError::internal("EXECUTE was not replaced by what it runs")),
            SessionCommand::Deallocate(name) => self.run_deallocate(name.as_deref()),
            SessionCommand::Declare(declare) => self.run_declare(declare, bound).await,
            SessionCommand::Fetch { cursor, movement, is_move } => self.run_fetch(cursor, *movement, *is_move).await,
            SessionCommand::Close(cursor) => self.run_close(cursor.as_deref()),
            SessionCommand::Listen(channel) => {
                self.listener.listen(channel);
                Ok(Outcome::Command("LISTEN".to_owned()))
            }
            SessionCommand::Unlisten(channel) => {
                self.listener.unlisten(channel.as_deref());
                Ok(Outcome::Command("UNLISTEN".to_owned()))
            }
            SessionCommand::Notify { channel, payload } => {
                self.listener.pending().lock().notify(channel, payload)?;
                Ok(Outcome::Command("NOTIFY".to_owned()))
            }
            SessionCommand::SetConstraints => Ok(self.set_constraints()),
        }
    }

    fn set_constraints(&mut self) -> Outcome {
        if self.block.is_none() {
            self.warn(SqlState::NO_ACTIVE_SQL_TRANSACTION, "SET CONSTRAINTS can only be used in transaction blocks");
        }
        Outcome::Command("SET CONSTRAINTS".to_owned())
    }

    /// What such a statement takes and returns.
    pub(super) async fn prepare_command(
        &mut self,
        statement: &Statement,
        command: &SessionCommand,
        types: &[Option<PgType>],
    ) -> Result<Prepared, SqlError> {
        let (parameters, columns) = match command {
            SessionCommand::Declare(declare) => {
                refuse_changes(declare)?;
                (Box::pin(self.prepare(&declare.query, types)).await?.parameters, None)
            }
            SessionCommand::Fetch { cursor, is_move: false, .. } => (Vec::new(), self.cursor_columns(cursor)),
            SessionCommand::Execute { name, .. } => {
                let executed = self.statement(Some(name)).ok().flatten();
                (Vec::new(), executed.and_then(|prepared| prepared.columns.clone()))
            }
            SessionCommand::Fetch { is_move: true, .. }
            | SessionCommand::Prepare { .. }
            | SessionCommand::Deallocate(_)
            | SessionCommand::Close(_)
            | SessionCommand::Listen(_)
            | SessionCommand::Unlisten(_)
            | SessionCommand::Notify { .. }
            | SessionCommand::SetConstraints => (Vec::new(), None),
        };
        Ok(Prepared { parameters, columns, statement: statement.clone() })
    }
}
