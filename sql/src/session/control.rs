//! Statements about the session itself: SET, SHOW, RESET, DISCARD; the others are sent on.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringViewArray};
use arrow::datatypes::Schema;
use futures::stream;
use peristyle_catalog::model::PgType;
use peristyle_storage::types::{arrow_type, pg_field};
use sqlparser::ast::{
    self, ContextModifier, DiscardObject, Expr, Ident, Reset, Set, SetSessionAuthorizationParam,
    SetSessionAuthorizationParamKind,
};

use super::Session;
use super::settings::{self, Settings};
use crate::error::{SqlError, SqlState};
use crate::names::fold;
use crate::outcome::{ColumnDescription, Outcome, Rows, RowsTag};
use crate::parse::{Statement, Tree, is_concurrently};
use crate::plan::parameters::Bound;
use crate::transaction::{Isolation, Modes};
use crate::values::Zone;

impl Session {
    /// Runs a statement that only concerns the session or its transaction; `None` for any other.
    pub(super) async fn run_control(
        &mut self,
        statement: &Statement,
        bound: &Arc<Bound>,
    ) -> Result<Option<Outcome>, SqlError> {
        let tree = match &*statement.tree {
            Tree::Sql(tree) => tree,
            Tree::Copy(_) | Tree::Undrop(_) | Tree::Sequence(_) | Tree::Enum(_) | Tree::MaterializedView(_) => {
                return Ok(None);
            }
            Tree::Maintenance(maintenance) => {
                maintenance.commits_as().map_or(Ok(()), |command| self.refuse_in_block(command))?;
                return Ok(None);
            }
            Tree::Session(command) => return Box::pin(self.run_command(command, bound)).await.map(Some),
        };
        match tree.as_ref() {
            ast::Statement::Set(set) => self.run_set(set).map(Some),
            ast::Statement::Reset(reset) => self.run_reset(&reset.reset).map(Some),
            ast::Statement::ShowVariable { variable } => self.run_show(variable).map(Some),
            ast::Statement::Discard { object_type } => self.run_discard(object_type).map(Some),
            ast::Statement::CreateIndex(create) if create.concurrently => {
                self.refuse_in_block("CREATE INDEX CONCURRENTLY").map(|()| None)
            }
            ast::Statement::Drop { object_type: ast::ObjectType::Index, names, .. }
                if names.first().is_some_and(is_concurrently) =>
            {
                self.refuse_in_block("DROP INDEX CONCURRENTLY").map(|()| None)
            }
            other => self.run_transaction_control(other).await,
        }
    }

    /// 25001 for what commits by itself.
    fn refuse_in_block(&self, command: &str) -> Result<(), SqlError> {
        if self.block.is_none() && self.writers() == 0 {
            return Ok(());
        }
        let message = format!("{command} cannot run inside a transaction block");
        Err(SqlError::new(SqlState::ACTIVE_SQL_TRANSACTION, message))
    }

    fn run_set(&mut self, set: &Set) -> Result<Outcome, SqlError> {
        match set {
            Set::SingleAssignment { scope, variable, values, .. } => {
                self.assign(is_local(*scope), &variable.to_string(), values)?;
            }
            Set::SetTimeZone { local, value: Expr::Interval(interval) } => {
                let zone = displacement(interval)?.to_string();
                self.change(*local, |settings| settings.set("TimeZone", std::slice::from_ref(&zone)))?;
            }
            Set::SetTimeZone { local, value } => self.assign(*local, "TimeZone", std::slice::from_ref(value))?,
            Set::SetRole { context_modifier, role_name } => {
                let role = role_name.as_ref().map_or_else(|| "none".to_owned(), role_text);
                self.change(is_local(*context_modifier), |settings| settings.set("role", std::slice::from_ref(&role)))?;
            }
            Set::SetSessionAuthorization(asked) => self.set_session_authorization(asked)?,
            Set::SetTransaction { session: true, modes, .. } => self.set_characteristics(modes)?,
            Set::SetTransaction { snapshot: Some(_), .. } => {
                return Err(SqlError::unsupported("SET TRANSACTION SNAPSHOT is not supported"));
            }
            Set::SetTransaction { modes, .. } => self.set_transaction(modes)?,
            other => return Err(SqlError::unsupported(format!("{other} is not supported"))),
        }
        Ok(Outcome::Command("SET".to_owned()))
    }

    fn set_session_authorization(&mut self, asked: &SetSessionAuthorizationParam) -> Result<(), SqlError> {
        let is_local = is_local(Some(asked.scope));
        match &asked.kind {
            SetSessionAuthorizationParamKind::Default => {
                self.change(is_local, |settings| settings.reset("session_authorization"))
            }
            SetSessionAuthorizationParamKind::User(user) => {
                let user = role_text(user);
                self.change(is_local, |settings| settings.set("session_authorization", std::slice::from_ref(&user)))
            }
        }
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
        self.change(is_local, |settings| settings.set(name, &parts))?;
        self.follow_modes(name)
    }

    /// `SET transaction_read_only` and its like are SET TRANSACTION in other words.
    fn follow_modes(&mut self, name: &str) -> Result<(), SqlError> {
        let value = self.settings().get(name)?.to_owned();
        let modes = match name.to_lowercase().as_str() {
            "transaction_read_only" => Modes { is_read_only: value == "on", ..self.modes() },
            "transaction_isolation" => Modes { isolation: Isolation::named(&value), ..self.modes() },
            "transaction_deferrable" => Modes { is_deferrable: value == "on", ..self.modes() },
            _ => return Ok(()),
        };
        self.go_on_in(modes)
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
            self.discard_all()?;
        }
        if matches!(object, DiscardObject::ALL | DiscardObject::TEMP) {
            self.discard_temporary()?;
        }
        if matches!(object, DiscardObject::ALL | DiscardObject::SEQUENCES) {
            self.taken.lock().forget();
        }
        Ok(Outcome::Command(format!("DISCARD {object}")))
    }

    /// All that a session keeps.
    fn discard_all(&mut self) -> Result<(), SqlError> {
        let mut kept = self.kept.lock();
        kept.portals.clear_named();
        kept.statements.clear_named();
        drop(kept);
        self.listener.unlisten(None);
        self.locks.give_back_all();
        self.change(false, |settings| {
            settings.reset("session_authorization")?;
            settings.reset("role")?;
            settings.reset_all();
            Ok(())
        })
    }

    fn reset_all(&mut self) -> Result<(), SqlError> {
        self.change(false, |settings| {
            settings.reset_all();
            Ok(())
        })
    }

    pub(super) fn change(
        &mut self,
        is_local: bool,
        change: impl Fn(&mut Settings) -> Result<(), SqlError>,
    ) -> Result<(), SqlError> {
        let is_between = self.block.is_none();
        self.settings.lock().change(is_local, |settings| {
            let before = settings.default_modes();
            change(settings)?;
            if is_between && settings.default_modes() != before {
                settings.show_default_modes();
            }
            Ok(())
        })
    }

    fn run_show(&self, variable: &[Ident]) -> Result<Outcome, SqlError> {
        let words: Vec<_> = variable.iter().map(|word| word.value.to_lowercase()).collect();
        let name = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["all"] => return self.show_all(),
            ["transaction", "isolation", "level"] => "transaction_isolation".to_owned(),
            ["session", "authorization"] => "session_authorization".to_owned(),
            ["time", "zone"] => "TimeZone".to_owned(),
            words => words.join("."),
        };
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

fn is_local(modifier: Option<ContextModifier>) -> bool {
    matches!(modifier, Some(ContextModifier::Local))
}

/// A role as a word or a string.
fn role_text(role: &Ident) -> String {
    match role.quote_style {
        Some('\'') => role.value.clone(),
        _ => fold(role),
    }
}

/// `INTERVAL '-08:00' [HOUR TO MINUTE]` as a displacement east of UTC.
fn displacement(interval: &ast::Interval) -> Result<Zone, SqlError> {
    let text = setting_text(&interval.value)?;
    Zone::east(&text).ok_or_else(|| {
        let message = format!("invalid value for parameter \"TimeZone\": \"{text}\"");
        SqlError::new(SqlState::INVALID_PARAMETER_VALUE, message)
    })
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
