//! Statements about the session itself: SET, SHOW, RESET, DISCARD.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringViewArray};
use arrow::datatypes::Schema;
use futures::stream;
use peristyle_catalog::model::PgType;
use peristyle_storage::types::{arrow_type, pg_field};
use sqlparser::ast::{self, ContextModifier, DiscardObject, Expr, Ident, Reset, Set};

use super::Session;
use super::settings::{self, Settings};
use crate::error::{SqlError, SqlState};
use crate::outcome::{ColumnDescription, Outcome, Rows, RowsTag};
use crate::parse::{Statement, Tree};

impl Session {
    /// Runs a statement that only concerns the session or its transaction; `None` for any other.
    pub(super) async fn run_control(&mut self, statement: &Statement) -> Result<Option<Outcome>, SqlError> {
        let Tree::Sql(tree) = &*statement.tree else { return Ok(None) };
        match tree.as_ref() {
            ast::Statement::Set(set) => self.run_set(set).map(Some),
            ast::Statement::Reset(reset) => self.run_reset(&reset.reset).map(Some),
            ast::Statement::ShowVariable { variable } => self.run_show(variable).map(Some),
            ast::Statement::Discard { object_type } => self.run_discard(object_type).map(Some),
            other => self.run_transaction_control(other).await,
        }
    }

    fn run_set(&mut self, set: &Set) -> Result<Outcome, SqlError> {
        match set {
            Set::SingleAssignment { scope, variable, values, .. } => {
                let is_local = matches!(scope, Some(ContextModifier::Local));
                self.assign(is_local, &variable.to_string(), values)?;
            }
            Set::SetTimeZone { local, value } => self.assign(*local, "TimeZone", std::slice::from_ref(value))?,
            Set::SetNames { charset_name, .. } => {
                let value = std::slice::from_ref(&charset_name.value);
                self.change(false, |settings| settings.set("client_encoding", value))?;
            }
            Set::SetNamesDefault {} => self.change(false, |settings| settings.reset("client_encoding"))?,
            Set::SetTransaction { session: true, modes, .. } => self.set_characteristics(modes)?,
            Set::SetTransaction { snapshot: Some(_), .. } => {
                return Err(SqlError::unsupported("SET TRANSACTION SNAPSHOT is not supported"));
            }
            Set::SetTransaction { modes, .. } => self.set_transaction(modes)?,
            other => return Err(SqlError::unsupported(format!("{other} is not supported"))),
        }
        Ok(Outcome::Command("SET".to_owned()))
    }

    fn assign(&mut self, is_local: bool, name: &str, values: &[Expr]) -> Result<(), SqlError> {
        let parts: Vec<String> = values.iter().map(setting_text).collect::<Result<_, _>>()?;
        if is_local && self.block.is_none() {
            self.warn(SqlState::NO_ACTIVE_SQL_TRANSACTION, "SET LOCAL can only be used in transaction blocks");
        }
        if let [Expr::Identifier(word)] = values
            && word.quote_style.is_none()
            && word.value.eq_ignore_ascii_case("default")
        {
            return self.change(is_local, |settings| settings.reset(name));
        }
        self.change(is_local, |settings| settings.set(name, &parts))
    }

    fn run_reset(&mut self, reset: &Reset) -> Result<Outcome, SqlError> {
        match reset {
            Reset::ALL => self.reset_all()?,
            Reset::ConfigurationParameter(name) => {
                let name = name.to_string();
                self.change(false, |settings| settings.reset(&name))?;
            }
        }
        Ok(Outcome::Command("RESET".to_owned()))
    }

    fn run_discard(&mut self, object: &DiscardObject) -> Result<Outcome, SqlError> {
        if matches!(object, DiscardObject::ALL) {
            if self.block.is_some() {
                let message = "DISCARD ALL cannot run inside a transaction block";
                return Err(SqlError::new(SqlState::ACTIVE_SQL_TRANSACTION, message));
            }
            self.reset_all()?;
        }
        Ok(Outcome::Command(format!("DISCARD {object}")))
    }

    fn reset_all(&mut self) -> Result<(), SqlError> {
        self.change(false, |settings| {
            settings.reset_all();
            Ok(())
        })
    }

    fn change(
        &mut self,
        is_local: bool,
        change: impl Fn(&mut Settings) -> Result<(), SqlError>,
    ) -> Result<(), SqlError> {
        self.settings.lock().change(is_local, change)
    }

    fn run_show(&self, variable: &[Ident]) -> Result<Outcome, SqlError> {
        let words: Vec<_> = variable.iter().map(|word| word.value.to_lowercase()).collect();
        let name = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["all"] => return self.show_all(),
            ["transaction", "isolation", "level"] => "transaction_isolation".to_owned(),
            ["session", "authorization"] => {
                return one_row(&[("session_authorization", vec![self.facts.user.clone()])]);
            }
            ["time", "zone"] => "TimeZone".to_owned(),
            words => words.join("."),
        };
        if name == "is_superuser" {
            return one_row(&[("is_superuser", vec!["on".to_owned()])]);
        }
        let value = self.settings().get(&name)?.to_owned();
        let shown = settings::definition(&name).map_or(name.as_str(), |definition| definition.name);
        one_row(&[(shown, vec![value])])
    }

    fn show_all(&self) -> Result<Outcome, SqlError> {
        let (mut names, mut values, mut descriptions) = (Vec::new(), Vec::new(), Vec::new());
        for (definition, value) in self.settings().all() {
            names.push(definition.name.to_owned());
            values.push(value.to_owned());
            descriptions.push(definition.description.to_owned());
        }
        one_row(&[("name", names), ("setting", values), ("description", descriptions)])
    }
}

/// A value of SET as text: a word, a string, a number with its sign.
fn setting_text(value: &Expr) -> Result<String, SqlError> {
    match value {
        Expr::Identifier(word) => Ok(word.value.clone()),
        Expr::Value(value) => match &value.value {
            ast::Value::SingleQuotedString(text) | ast::Value::EscapedStringLiteral(text) => Ok(text.clone()),
            ast::Value::Number(text, _) => Ok(text.clone()),
            ast::Value::Boolean(on) => Ok(on.to_string()),
            other => Err(SqlError::syntax(format!("syntax error at or near \"{other}\""))),
        },
        Expr::UnaryOp { op: ast::UnaryOperator::Minus, expr } => Ok(format!("-{}", setting_text(expr)?)),
        Expr::UnaryOp { op: ast::UnaryOperator::Plus, expr } => setting_text(expr),
        other => Err(SqlError::syntax(format!("syntax error at or near \"{other}\""))),
    }
}

/// A result of text columns.
fn one_row(columns: &[(&str, Vec<String>)]) -> Result<Outcome, SqlError> {
    let fields: Vec<_> =
        columns.iter().map(|(name, _)| pg_field(name, PgType::TEXT, arrow_type(PgType::TEXT, None), false)).collect();
    let arrays: Vec<ArrayRef> =
        columns.iter().map(|(_, texts)| Arc::new(StringViewArray::from_iter_values(texts)) as _).collect();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?;
    let columns = columns.iter().map(|(name, _)| ColumnDescription::computed(name, PgType::TEXT)).collect();
    let batches = Box::pin(stream::iter([Ok(batch)]));
    Ok(Outcome::Rows(Rows { columns, batches, tag: RowsTag::Fixed("SHOW") }))
}
