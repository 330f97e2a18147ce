//! The users' enum types as a statement finds them: which labels there are, in which order, and how a type is shown.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use peristyle_catalog::Head;
use peristyle_catalog::model::{EnumLabel, EnumType, PgType, Relation};

use crate::error::{Result, SqlError, SqlState};
use crate::pg_catalog::names::quoted;
use crate::session::SessionFacts;
use crate::session::settings::Settings;

/// Stands around the oid of an enum type in the text of an error that was made where no name could be looked up. No text
/// of a client's holds a control character.
const MARK: char = '\u{1}';

/// The enum types of one snapshot. Cheap to clone.
#[derive(Clone)]
pub struct EnumTypes {
    head: Arc<Head>,
    /// What others see of them.
    committed: Arc<Head>,
    session: Arc<SessionFacts>,
    settings: Arc<Settings>,
}

impl fmt::Debug for EnumTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnumTypes").field("seq", &self.head.seq()).finish_non_exhaustive()
    }
}

impl EnumTypes {
    pub(crate) fn new(
        head: Arc<Head>,
        committed: Arc<Head>,
        session: Arc<SessionFacts>,
        settings: Arc<Settings>,
    ) -> EnumTypes {
        EnumTypes { head, committed, session, settings }
    }

    /// The definition of an enum type, or of the type of an array's elements.
    pub(crate) fn find(&self, ty: PgType) -> Result<&EnumType> {
        let found = self.head.enum_definition(ty).map(|(_, definition)| definition);
        found.ok_or_else(|| {
            SqlError::new(SqlState::UNDEFINED_OBJECT, format!("type with OID {} does not exist", ty.oid))
        })
    }

    /// 22P02 for a text that is no label of the type, and the error of [`Self::check_use`].
    pub(crate) fn check(&self, ty: PgType, text: &str) -> Result<()> {
        let definition = self.find(ty)?;
        if let Some(at) = definition.position(text) {
            return self.check_use(ty, &definition.labels[at..=at]);
        }
        let message = format!("invalid input value for enum {}: \"{text}\"", self.name(ty));
        Err(SqlError::new(SqlState::INVALID_TEXT_REPRESENTATION, message))
    }

    /// 55P04 for a label that this transaction added to a type that others know without it.
    pub(crate) fn check_use(&self, ty: PgType, labels: &[EnumLabel]) -> Result<()> {
        if Arc::ptr_eq(&self.head, &self.committed) {
            return Ok(());
        }
        let Some((_, known)) = self.committed.enum_definition(ty) else { return Ok(()) };
        let is_new = |label: &&EnumLabel| known.labels.iter().all(|known| known.oid != label.oid);
        let Some(label) = labels.iter().find(is_new) else { return Ok(()) };
        let message = format!("unsafe use of new value \"{}\" of enum type {}", label.name, self.name(ty));
        Err(SqlError::new(SqlState::UNSAFE_NEW_ENUM_VALUE_USAGE, message)
            .hint("New enum values must be committed before they can be used."))
    }

    /// The type's name as the session must write it; its oid if it is gone.
    fn name(&self, ty: PgType) -> String {
        match self.head.enum_definition(ty.element().unwrap_or(ty)) {
            Some((relation, _)) => self.shown(relation),
            None => ty.oid.to_string(),
        }
    }

    fn shown(&self, relation: &Relation) -> String {
        let name = quoted(&relation.name);
        let schema = self.head.schema(relation.schema);
        match schema.filter(|_| !self.is_visible(relation)) {
            Some(schema) => format!("{}.{name}", quoted(&schema.name)),
            None => name.into_owned(),
        }
    }

    /// Whether the name alone leads to the type.
    fn is_visible(&self, relation: &Relation) -> bool {
        let path = self.settings.search_path(&self.session.user);
        let schemas = path.filter_map(|name| self.head.schema_by_name(self.session.database_oid, name));
        let mut named = schemas.filter_map(|schema| self.head.relation_by_name(schema.oid, &relation.name));
        named.find(|found| found.as_enum().is_some()).is_some_and(|found| found.oid == relation.oid)
    }

    /// The error with names in the place of enum types' marks.
    pub(crate) fn named(&self, error: SqlError) -> SqlError {
        let texts = [Some(&error.message), error.detail.as_ref(), error.hint.as_ref()];
        let is_marked = texts.into_iter().flatten().any(|text| text.contains(MARK));
        if is_marked { error.with_texts(|text| self.with_names(text)) } else { error }
    }

    fn with_names(&self, text: &str) -> String {
        // What stands at odd places stood between two marks.
        let parts = text.split(MARK).enumerate().map(|(at, part)| match part.parse() {
            Ok(oid) if at % 2 == 1 => self.name(PgType::plain(oid)).into(),
            _ => Cow::Borrowed(part),
        });
        parts.collect()
    }
}

/// An enum type in the text of an error whose maker knows no names.
pub(crate) fn mark(ty: PgType) -> String {
    format!("{MARK}{}{MARK}", ty.oid)
}
