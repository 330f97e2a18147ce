//! The extended query protocol: all messages up to one Sync are one implicit transaction; after an error everything
//! up to the Sync is skipped.

use peristyle_catalog::model::PgType;
use peristyle_sql::{ColumnDescription, Parameter, SqlError, WireFormat};
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
use super::portal::{Formats, RowSource};

impl<S: SqlSession> Connection<S> {
    /// One message of the extended protocol other than Sync.
    pub(super) async fn extended(&mut self, message: Message) -> Result<(), End> {
        self.is_pipelining = true;
        let done = match message {
            Message::Parse(parse) => self.parse(parse).await,
            Message::Bind(bind) => self.bind(&bind),
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
        let ended = self.end_implicit().await;
        self.complete_untold()?;
        match ended {
            Ok(()) => {}
            Err(Fault::Sql(error)) => self.report(error).await?,
            Err(Fault::End(end)) => return Err(end),
        }
        self.ready().await
    }

    async fn parse(&mut self, parse: Parse) -> Result<(), Fault> {
        let types: Vec<Option<PgType>> = parse.type_oids.iter().map(|oid| asked_type(*oid)).collect();
        let kept = self.session.keep_statement(parse.name.as_deref(), &parse.query, &types);
        self.frames.during(kept).await??;
        Ok(self.out.push(&ParseComplete::new())?)
    }

    fn bind(&mut self, bind: &Bind) -> Result<(), Fault> {
        let prepared = self.session.statement(bind.statement_name.as_deref())?;
        let types = prepared.as_deref().map_or(&[][..], |prepared| S::parameters(prepared));
        let parameters = bound_parameters(bind, types.len())?;
        let formats = Formats::new(&bind.result_column_format_codes)?;
        if let Some(columns) = prepared.as_deref().and_then(|prepared| S::columns(prepared)) {
            formats.of_columns(columns.len())?;
        }
        let (portal, statement) = (bind.portal_name.as_deref(), bind.statement_name.as_deref());
        self.session.bind_portal(portal, statement, &parameters, formats.into_codes())?;
        Ok(self.out.push(&BindComplete::new())?)
    }

    fn describe(&mut self, describe: &Describe) -> Result<(), Fault> {
        let name = describe.name.as_deref();
        match describe.target_type {
            TARGET_TYPE_BYTE_STATEMENT => {
                let prepared = self.session.statement(name)?;
                let types = prepared.as_deref().map_or(&[][..], |prepared| S::parameters(prepared));
                self.out.push(&ParameterDescription::new(types.iter().map(|ty| ty.oid).collect()))?;
                self.push_columns(prepared.as_deref().and_then(|prepared| S::columns(prepared)), &Formats::text())
            }
            TARGET_TYPE_BYTE_PORTAL => {
                let portal = self.session.describe_portal(name)?;
                self.push_columns(portal.columns.as_deref(), &Formats::kept(portal.formats))
            }
            other => Err(violation(format!("invalid DESCRIBE message subtype {other}")).into()),
        }
    }

    fn push_columns(&mut self, columns: Option<&[ColumnDescription]>, formats: &Formats) -> Result<(), Fault> {
        match columns {
            None => self.out.push(&NoData::new())?,
            Some(columns) => {
                let description = row_description(columns, &formats.of_columns(columns.len())?);
                self.out.describe(&description, self.session.client_charset())?;
            }
        }
        Ok(())
    }

    fn close(&mut self, close: &Close) -> Result<(), Fault> {
        match close.target_type {
            TARGET_TYPE_BYTE_STATEMENT => self.session.close_statement(close.name.as_deref()),
            TARGET_TYPE_BYTE_PORTAL => self.session.close_portal(close.name.as_deref()),
            other => return Err(violation(format!("invalid CLOSE message subtype {other}")).into()),
        }
        Ok(self.out.push(&CloseComplete::new())?)
    }

    async fn execute(&mut self, execute: &Execute) -> Result<(), Fault> {
        let rows_max = u64::try_from(execute.max_rows).ok().filter(|rows| *rows > 0).unwrap_or(u64::MAX);
        let run = self.session.execute_portal(execute.name.as_deref(), rows_max);
        let (answer, formats) = self.frames.during(run).await??;
        let completion = match answer {
            Answer::Rows(rows) => {
                let mut source = RowSource::new(rows, &Formats::kept(formats), self.session.output_style())?;
                let sent = self.send_rows(&mut source).await?;
                if sent == rows_max {
                    return Ok(self.out.push(&PortalSuspended::new())?);
                }
                Completion::Tag(source.tag.render(sent))
            }
            answer => self.complete_copy(answer).await?,
        };
        self.untold = Some(completion);
        Ok(())
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
