//! Names as written → names as PostgreSQL folds them: lower case unless quoted, cut at 63 bytes.

use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};

use crate::error::{SqlError, SqlState};
use crate::scope::{IDENTIFIER_BYTES_MAX, Scope};

/// A relation's name in at most two parts; a database before them was checked and dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct QualifiedName {
    pub(crate) schema: Option<String>,
    pub(crate) name: String,
}

/// Folds and cuts one identifier.
pub(crate) fn fold(ident: &Ident) -> String {
    let folded = match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    };
    cut(folded)
}

/// Cuts a name at 63 bytes, at a character's end.
pub(crate) fn cut(mut name: String) -> String {
    name.truncate(name.floor_char_boundary(IDENTIFIER_BYTES_MAX));
    name
}

impl QualifiedName {
    /// The parts of a name, `database.schema.name` at most; another database is 0A000.
    pub(crate) fn of(scope: &Scope, name: &ObjectName) -> Result<QualifiedName, SqlError> {
        let parts = parts(name)?;
        match parts.as_slice() {
            [name] => Ok(QualifiedName { schema: None, name: name.clone() }),
            [schema, name] => Ok(QualifiedName { schema: Some(schema.clone()), name: name.clone() }),
            [database, schema, name] if *database == scope.session.database => {
                Ok(QualifiedName { schema: Some(schema.clone()), name: name.clone() })
            }
            [_, _, _] => {
                Err(SqlError::unsupported(format!("cross-database references are not implemented: \"{name}\"")))
            }
            _ => Err(SqlError::new(
                SqlState::SYNTAX_ERROR,
                format!("improper qualified name (too many dotted names): {name}"),
            )),
        }
    }

    pub(crate) fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }
}

impl std::fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// The folded parts of a dotted name.
pub(crate) fn parts(name: &ObjectName) -> Result<Vec<String>, SqlError> {
    name.0
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(ident) => Ok(fold(ident)),
            ObjectNamePart::Function(_) => Err(SqlError::syntax(format!("syntax error at or near \"{name}\""))),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fold_and_are_cut_at_a_character() {
        assert_eq!(fold(&Ident::new("MiXed")), "mixed");
        assert_eq!(fold(&Ident::with_quote('"', "MiXed")), "MiXed");
        assert_eq!(cut("é".repeat(40)).len(), 62);
    }
}
