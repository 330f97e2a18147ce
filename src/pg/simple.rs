//! The simple query protocol: all statements of one string are one implicit transaction.

use super::connection::{Completion, Connection};
use super::describe::row_description;
use super::door::{Answer, SqlSession};
use super::end::{End, Fault};
use super::portal::{Formats, RowSource};

impl<S: SqlSession> Connection<S> {
    /// A query string, whole: each statement's answer, then ReadyForQuery.
    pub(super) async fn query(&mut self, text: &str) -> Result<(), End> {
        self.is_pipelining = false;
        self.session.close_statement(None);
        self.session.close_portal(None);
        match self.run_query(text).await {
            Ok(()) => {}
            Err(Fault::Sql(error)) => self.report(error).await?,
            Err(Fault::End(end)) => return Err(end),
        }
        self.ready().await
    }

    /// The transaction ends before the last statement is said to be complete.
    async fn run_query(&mut self, text: &str) -> Result<(), Fault> {
        let statements = self.session.parse(text)?;
        let Some((last, earlier)) = statements.split_last() else {
            self.end_implicit().await?;
            return Ok(self.complete(Completion::Empty)?);
        };
        for statement in earlier {
            let completion = self.run_statement(statement).await?;
            self.complete(completion)?;
        }
        self.untold = Some(self.run_statement(last).await?);
        // Of a statement that did not last nothing is said but its error.
        self.end_implicit().await.inspect_err(|_| self.untold = None)?;
        Ok(self.complete_untold()?)
    }

    async fn run_statement(&mut self, statement: &S::Statement) -> Result<Completion, Fault> {
        match self.frames.during(self.session.execute(statement)).await?? {
            Answer::Rows(rows) => {
                let formats = Formats::all(rows.tag.default_format());
                let mut source = RowSource::new(rows, &formats, self.session.output_style())?;
                let description = row_description(&source.shape.columns, &source.shape.formats);
                self.out.describe(&description, self.session.client_charset())?;
                let sent = self.send_rows(&mut source).await?;
                Ok(Completion::Tag(source.tag.render(sent)))
            }
            answer => self.complete_copy(answer).await,
        }
    }
}
