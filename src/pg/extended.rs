//! The extended query protocol: all messages up to one Sync are one implicit transaction; after an error everything
//! up to the Sync is skipped.

use std::sync::Arc;

use peristyle_catalog::model::PgType;
use peristyle_sql::{ColumnDescription, Parameter, RowsTag, SqlError, SqlState, WireFormat};
use pgwire::messages::PgWireFrontendMessage as Message;
use pgwire::messages::data::{NoData, ParameterDescription};
use pgwire::messages::extendedquery::{
    Bind, BindComplete, Close, CloseComplete, Describe, Execute, Parse, ParseComplete, PortalSuspended,
    TARGET_TYPE_BYTE_PORTAL, TARGET_TYPE_BYTE_STATEMENT,
};

use super::connection::{Completion, Connection};
use super::describe::row_description;
use super::door::{Answer, SqlSession};
use super::end::{End, Fault};
use super::errors::violation;
use super::named::Refused;
use super::portal::{Formats, Portal, Progress, RowSource};
use super::simple::several_statements;

impl<S: SqlSession> Connection<S> {
    /// One message of the extended protocol other than Sync.
    pub(super) async fn extended(&mut self, message: Message) -> Result<(), End> {
        self.is_pipelining = true;
        let done = match message {
            Message::Parse(parse) => self.parse(parse).await,
            Message::Bind(bind) => self.bind(bind),
            Message::Describe(describe) => self.describe(&describe),
            Message::Execute(execute) => self.execute(&execute).await,
            Message::Close(close) => self.close(&close),
            Message::Flush(_) => self.out.flush().await.map_err(Fault::from),
            other => Err(violation(format!("unexpected message {other:?}")).into()),
        };
        match done {
            Ok(()) => self.flush_if_full().await,
            Err(Fault::Sql(error)) => self.skip_until_sync(error).await,
            Err(Fault::End(end)) => Err(end),
        }
    }

    /// The error is sent at once: a client that asked with Flush waits for it before its Sync.
    pub(super) async fn skip_until_sync(&mut self, error: SqlError) -> Result<(), End> {
        self.is_skipping = true;
        self.report(error).await?;
        Ok(self.out.flush().await?)
    }

    /// Ends the implicit transaction and the pipeline.
    pub(super) async fn sync(&mut self) -> Result<(), End> {
        self.is_skipping = false;
        self.is_pipelining = false;
        match self.end_implicit().await {
            Ok(()) => self.forget_finished_portals(),
            Err(Fault::Sql(error)) => self.report(error).await?,
            Err(Fault::End(end)) => return Err(end),
        }
        self.ready().await
    }

    async fn parse(&mut self, parse: Parse) -> Result<(), Fault> {
        let name = parse.name.as_deref();
        self.statements.admits(name).map_err(|refused| statement_refused(name, &refused))?;
        if name.is_none() {
            self.statements.remove(None);
        }
        let mut statements = self.session.parse(&parse.query)?;
        let statement = statements.pop();
        if !statements.is_empty() {
            return Err(several_statements().into());
        }
        let prepared = match statement {
            None => None,
            Some(statement) => {
                let types: Vec<Option<PgType>> = parse.type_oids.iter().map(|oid| asked_type(*oid)).collect();
                let prepared = self.frames.during(self.session.prepare(&statement, &types)).await??;
                Some(Arc::new(prepared))
            }
        };
        let kept = self.statements.insert(parse.name.clone(), prepared);
        kept.map_err(|refused| statement_refused(parse.name.as_deref(), &refused))?;
        Ok(self.out.push(&ParseComplete::new())?)
    }

    fn bind(&mut self, bind: Bind) -> Result<(), Fault> {
        let prepared = self.statement(bind.statement_name.as_deref())?;
        let types = prepared.as_deref().map_or(&[][..], |prepared| S::parameters(prepared));
        let parameters = bound_parameters(&bind, types.len())?;
        let formats = Formats::new(&bind.result_column_format_codes)?;
        if let Some(columns) = prepared.as_deref().and_then(|prepared| S::columns(prepared)) {
            formats.of_columns(columns.len())?;
        }
        let name = bind.portal_name.as_deref();
        let bound = match &prepared {
            Some(prepared) => Some(self.session.bind(name, prepared, &parameters)?),
            None => None,
        };
        let portal = Portal { prepared, bound, formats, progress: Progress::Bound };
        let kept = self.portals.insert(bind.portal_name.clone(), portal);
        kept.map_err(|refused| portal_refused(name, &refused))?;
        Ok(self.out.push(&BindComplete::new())?)
    }

    fn describe(&mut self, describe: &Describe) -> Result<(), Fault> {
        let name = describe.name.as_deref();
        match describe.target_type {
            TARGET_TYPE_BYTE_STATEMENT => {
                let prepared = self.statement(name)?;
                let types = prepared.as_deref().map_or(&[][..], |prepared| S::parameters(prepared));
                self.out.push(&ParameterDescription::new(types.iter().map(|ty| ty.oid).collect()))?;
                self.push_columns(prepared.as_deref(), &Formats::text())
            }
            TARGET_TYPE_BYTE_PORTAL => {
                let portal = self.portals.get_mut(name).ok_or_else(|| unknown_portal(name))?;
                let (prepared, formats) = (portal.prepared.clone(), portal.formats.clone());
                self.push_columns(prepared.as_deref(), &formats)
            }
            other => Err(violation(format!("invalid DESCRIBE message subtype {other}")).into()),
        }
    }

    fn push_columns(&mut self, prepared: Option<&S::Prepared>, formats: &Formats) -> Result<(), Fault> {
        let columns: Option<&[ColumnDescription]> = prepared.and_then(|prepared| S::columns(prepared));
        match columns {
            None => self.out.push(&NoData::new())?,
            Some(columns) => self.out.push(&row_description(columns, &formats.of_columns(columns.len())?))?,
        }
        Ok(())
    }

    fn close(&mut self, close: &Close) -> Result<(), Fault> {
        match close.target_type {
            TARGET_TYPE_BYTE_STATEMENT => self.statements.remove(close.name.as_deref()),
            TARGET_TYPE_BYTE_PORTAL => self.portals.remove(close.name.as_deref()),
            other => return Err(violation(format!("invalid CLOSE message subtype {other}")).into()),
        }
        Ok(self.out.push(&CloseComplete::new())?)
    }

    async fn execute(&mut self, execute: &Execute) -> Result<(), Fault> {
        let name = execute.name.as_deref();
        let rows_max = u64::try_from(execute.max_rows).ok().filter(|rows| *rows > 0).unwrap_or(u64::MAX);
        let portal = self.portals.get_mut(name).ok_or_else(|| unknown_portal(name))?;
        match std::mem::replace(&mut portal.progress, Progress::Done) {
            Progress::Bound => self.start(name, rows_max).await,
            Progress::Suspended(source) => self.fetch(name, source, rows_max).await,
            Progress::Exhausted(tag) => self.nothing_left(name, tag),
            Progress::Done => Err(cannot_run(name).into()),
        }
    }

    /// Runs a portal for the first time.
    async fn start(&mut self, name: Option<&str>, rows_max: u64) -> Result<(), Fault> {
        let portal = self.portals.get_mut(name).ok_or_else(|| unknown_portal(name))?;
        let formats = portal.formats.clone();
        let (Some(prepared), Some(bound)) = (portal.prepared.clone(), portal.bound.take()) else {
            return Ok(self.complete(Completion::Empty)?);
        };
        match self.frames.during(self.session.execute_prepared(&prepared, &bound)).await?? {
            Answer::Rows(rows) => {
                let source = RowSource::new(rows, &formats, self.session.output_style())?;
                self.fetch(name, source, rows_max).await
            }
            answer => {
                let completion = self.complete_copy(answer).await?;
                Ok(self.complete(completion)?)
            }
        }
    }

    /// Sends the next rows of a portal, which keeps the rest.
    async fn fetch(&mut self, name: Option<&str>, mut source: RowSource, rows_max: u64) -> Result<(), Fault> {
        let sent = self.send_rows(&mut source, rows_max).await?;
        if sent.is_all {
            let tag = source.tag.render(sent.rows);
            self.set_progress(name, Progress::Exhausted(source.tag));
            return Ok(self.complete(Completion::Tag(tag))?);
        }
        self.set_progress(name, Progress::Suspended(source));
        Ok(self.out.push(&PortalSuspended::new())?)
    }

    fn nothing_left(&mut self, name: Option<&str>, tag: RowsTag) -> Result<(), Fault> {
        let completion = Completion::Tag(tag.render(0));
        self.set_progress(name, Progress::Exhausted(tag));
        Ok(self.complete(completion)?)
    }

    fn set_progress(&mut self, name: Option<&str>, progress: Progress) {
        if let Some(portal) = self.portals.get_mut(name) {
            portal.progress = progress;
        }
    }

    fn statement(&mut self, name: Option<&str>) -> Result<Option<Arc<S::Prepared>>, SqlError> {
        self.statements.get_mut(name).cloned().ok_or_else(|| {
            let message = match name {
                None => "unnamed prepared statement does not exist".to_owned(),
                Some(name) => format!("prepared statement \"{name}\" does not exist"),
            };
            SqlError::new(SqlState::INVALID_SQL_STATEMENT_NAME, message)
        })
    }
}

/// Oids by which a client leaves a parameter's type to the server: none, and that of `unknown`.
fn asked_type(oid: u32) -> Option<PgType> {
    (oid != 0 && oid != PgType::UNKNOWN.oid).then_some(PgType::plain(oid))
}

fn bound_parameters(bind: &Bind, needed: usize) -> Result<Vec<Parameter>, SqlError> {
    let count = bind.parameters.len();
    let formats = Formats::new(&bind.parameter_format_codes)?;
    let formats: Vec<WireFormat> = formats.expand(count).ok_or_else(|| {
        violation(format!("bind message has {} parameter formats but {count} parameters", formats.len()))
    })?;
    if count != needed {
        let name = bind.statement_name.as_deref().unwrap_or_default();
        return Err(violation(format!(
            "bind message supplies {count} parameters, but prepared statement \"{name}\" requires {needed}"
        )));
    }
    let values = bind.parameters.iter().cloned();
    Ok(formats.into_iter().zip(values).map(|(format, value)| Parameter { format, value }).collect())
}

fn statement_refused(name: Option<&str>, refused: &Refused) -> SqlError {
    let name = name.unwrap_or_default();
    match refused {
        Refused::Taken => SqlError::new(
            SqlState::DUPLICATE_PREPARED_STATEMENT,
            format!("prepared statement \"{name}\" already exists"),
        ),
        Refused::Full { limit } => too_many("prepared statements", "prepared_statements_max", *limit),
    }
}

fn portal_refused(name: Option<&str>, refused: &Refused) -> SqlError {
    let name = name.unwrap_or_default();
    match refused {
        Refused::Taken => SqlError::new(SqlState::DUPLICATE_CURSOR, format!("cursor \"{name}\" already exists")),
        Refused::Full { limit } => too_many("portals", "portals_max", *limit),
    }
}

fn too_many(what: &str, setting: &str, limit: usize) -> SqlError {
    SqlError::new(SqlState::CONFIGURATION_LIMIT_EXCEEDED, format!("too many {what} in this session"))
        .hint(format!("The limit is {limit} ({setting})."))
}

fn unknown_portal(name: Option<&str>) -> SqlError {
    let name = name.unwrap_or_default();
    SqlError::new(SqlState::INVALID_CURSOR_NAME, format!("portal \"{name}\" does not exist"))
}

fn cannot_run(name: Option<&str>) -> SqlError {
    let name = name.unwrap_or_default();
    SqlError::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, format!("portal \"{name}\" cannot be run"))
}
