//! PREPARE, EXECUTE and DEALLOCATE.

use std::sync::Arc;

use peristyle_catalog::model::PgType;
use sqlparser::ast::{self, DataType, Expr};

use super::kept::KeptStatement;
use super::named::unknown_statement;
use super::{Prepared, Session};
use crate::error::{SqlError, SqlState};
use crate::outcome::Outcome;
use crate::parse::{SessionCommand, Statement, Tree};
use crate::plan;
use crate::plan::parameters::Bound;
use crate::plan::user_types::looked_up;
use crate::scope::Scope;
use crate::semantics;
use crate::transaction::Looks;

impl Session {
    pub(super) async fn run_prepare(
        &mut self,
        name: &str,
        types: &[DataType],
        statement: &Statement,
        source: &str,
    ) -> Result<Outcome, SqlError> {
        let admitted =
            self.kept.lock().statements.admits(Some(name)).map_err(|refused| refused.of_statement(Some(name)));
        admitted?;
        let scope = if types.is_empty() { None } else { Some(self.scope(Looks::AtDefinitions)?) };
        let looked_up = |scope: &Arc<Scope>| types.iter().map(|ty| parameter_type(scope, ty)).collect();
        let types = scope.as_ref().map_or_else(|| Ok(Vec::new()), looked_up)?;
        let prepared = self.prepare(statement, &types).await?;
        self.keep_prepared(Some(name), KeptStatement::new(Some(prepared), source.to_owned(), self.engine.now(), true))?;
        Ok(Outcome::Command("PREPARE".to_owned()))
    }

    pub(super) fn run_deallocate(&mut self, name: Option<&str>) -> Result<Outcome, SqlError> {
        let mut kept = self.kept.lock();
        match name {
            None => kept.statements.clear_named(),
            Some(_) if kept.statements.remove(name) => {}
            Some(_) => return Err(unknown_statement(name)),
        }
        Ok(Outcome::Command(if name.is_none() { "DEALLOCATE ALL" } else { "DEALLOCATE" }.to_owned()))
    }

    /// What runs in the place of EXECUTE, or of EXPLAIN EXECUTE, with its values; `None` for any other statement.
    pub(super) async fn executed(
        &mut self,
        statement: &Statement,
    ) -> Result<Option<(Arc<Prepared>, Arc<Bound>)>, SqlError> {
        match &*statement.tree {
            Tree::Session(command) => match command.as_ref() {
                SessionCommand::Execute { name, arguments } => {
                    Box::pin(self.expand_execute(name, arguments)).await.map(Some)
                }
                _ => Ok(None),
            },
            Tree::Sql(tree) => self.expand_explain(statement, tree).await,
            Tree::Copy(_)
            | Tree::Maintenance(_)
            | Tree::Undrop(_)
            | Tree::Sequence(_)
            | Tree::Enum(_)
            | Tree::MaterializedView(_) => Ok(None),
        }
    }

    async fn expand_execute(
        &mut self,
        name: &str,
        arguments: &[Expr],
    ) -> Result<(Arc<Prepared>, Arc<Bound>), SqlError> {
        let kept = self.kept_statement(Some(name))?;
        // An empty query string has no name in SQL, but Parse may have kept one.
        let Some(prepared) = kept.prepared.clone() else { return Err(unknown_statement(Some(name))) };
        if arguments.len() != prepared.parameters.len() {
            let message = format!("wrong number of parameters for prepared statement \"{name}\"");
            let (expected, got) = (prepared.parameters.len(), arguments.len());
            return Err(SqlError::syntax(message).detail(format!("Expected {expected} parameters but got {got}.")));
        }
        let bound = self.evaluate(arguments, &prepared.parameters).await?;
        kept.count_execution();
        Ok((prepared, Arc::new(bound)))
    }

    async fn expand_explain(
        &mut self,
        statement: &Statement,
        tree: &ast::Statement,
    ) -> Result<Option<(Arc<Prepared>, Arc<Bound>)>, SqlError> {
        let ast::Statement::Explain { statement: explained, .. } = tree else { return Ok(None) };
        let ast::Statement::Execute { name: Some(name), parameters, .. } = explained.as_ref() else { return Ok(None) };
        let name = crate::names::parts(name)?.join(".");
        let (inner, bound) = Box::pin(self.expand_execute(&name, parameters)).await?;
        let Tree::Sql(inner) = &*inner.statement.tree else { return Ok(None) };
        let mut tree = tree.clone();
        if let ast::Statement::Explain { statement, .. } = &mut tree {
            statement.clone_from(inner);
        }
        let statement = statement.with_tree(Tree::Sql(Box::new(tree)));
        Ok(Some((Arc::new(Prepared { parameters: Vec::new(), columns: None, statement }), bound)))
    }

    /// The values of arguments, each as assigned to its parameter.
    async fn evaluate(&mut self, arguments: &[Expr], types: &[PgType]) -> Result<Bound, SqlError> {
        if arguments.is_empty() {
            return Ok(Bound::default());
        }
        let scope = self.scope(Looks::AtRows)?;
        let (arguments, types) = (arguments.to_vec(), types.to_vec());
        let guard = scope.guard.clone();
        let work = async move {
            let mut values = Vec::with_capacity(arguments.len());
            for ((argument, ty), number) in arguments.iter().zip(&types).zip(1..) {
                values.push(plan::argument(&scope, argument, *ty, number).await?);
            }
            Ok(Bound::of_values(&types, values))
        };
        guard.watch(self.engine.on_cpu(work)).await
    }
}

impl Prepared {
    /// What it gave, if the columns are those that the client was told of.
    pub(super) fn check_result(&self, outcome: Outcome) -> Result<Outcome, SqlError> {
        let (Outcome::Rows(rows), Some(promised)) = (&outcome, &self.columns) else { return Ok(outcome) };
        let same = rows.columns.len() == promised.len()
            && rows.columns.iter().zip(promised).all(|(now, then)| now.ty.oid == then.ty.oid);
        if same {
            return Ok(outcome);
        }
        // Drivers prepare anew when they see this routine's name.
        Err(SqlError::unsupported("cached plan must not change result type").routine("RevalidateCachedQuery"))
    }
}

/// `None` for a type that the statement is to say itself.
fn parameter_type(scope: &Scope, ty: &DataType) -> Result<Option<PgType>, SqlError> {
    if ty.to_string().eq_ignore_ascii_case("unknown") {
        return Ok(None);
    }
    let ty = semantics::pg_type_of_sql(&looked_up(scope, ty)?)?;
    match ty.oid {
        0 => Err(SqlError::new(SqlState::UNDEFINED_OBJECT, "type does not exist")),
        oid => Ok(Some(PgType::plain(oid))),
    }
}
