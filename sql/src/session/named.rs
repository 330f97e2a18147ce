//! Prepared statements and portals of a session: one without a name, and others by name, up to a limit.

use std::collections::BTreeMap;

use crate::error::{SqlError, SqlState};

/// Things with names, or at most one without.
pub struct Named<T> {
    unnamed: Option<T>,
    named: BTreeMap<String, T>,
    named_max: usize,
}

/// Why a thing could not be kept.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// Its name is in use.
    Taken,
    /// There are as many as there may be.
    Full { limit: usize },
}

impl Refused {
    /// What a client is told of a prepared statement.
    pub fn of_statement(&self, name: Option<&str>) -> SqlError {
        let name = name.unwrap_or_default();
        match self {
            Refused::Taken => SqlError::new(
                SqlState::DUPLICATE_PREPARED_STATEMENT,
                format!("prepared statement \"{name}\" already exists"),
            ),
            Refused::Full { limit } => too_many("prepared statements", "prepared_statements_max", *limit),
        }
    }

    /// What a client is told of a portal or cursor.
    pub fn of_portal(&self, name: Option<&str>) -> SqlError {
        let name = name.unwrap_or_default();
        match self {
            Refused::Taken => SqlError::new(SqlState::DUPLICATE_CURSOR, format!("cursor \"{name}\" already exists")),
            Refused::Full { limit } => too_many("portals", "portals_max", *limit),
        }
    }
}

fn too_many(what: &str, setting: &str, limit: usize) -> SqlError {
    SqlError::new(SqlState::CONFIGURATION_LIMIT_EXCEEDED, format!("too many {what} in this session"))
        .hint(format!("The limit is {limit} ({setting})."))
}

/// 26000.
pub fn unknown_statement(name: Option<&str>) -> SqlError {
    let message = match name {
        None => "unnamed prepared statement does not exist".to_owned(),
        Some(name) => format!("prepared statement \"{name}\" does not exist"),
    };
    SqlError::new(SqlState::INVALID_SQL_STATEMENT_NAME, message)
}

/// 34000, as the protocol's messages word it.
pub fn unknown_portal(name: Option<&str>) -> SqlError {
    let name = name.unwrap_or_default();
    SqlError::new(SqlState::INVALID_CURSOR_NAME, format!("portal \"{name}\" does not exist"))
}

/// 34000, as SQL's statements word it.
pub(super) fn unknown_cursor(name: &str) -> SqlError {
    SqlError::new(SqlState::INVALID_CURSOR_NAME, format!("cursor \"{name}\" does not exist"))
}

/// 55000: it ran, or failed while it did.
pub fn cannot_run(name: Option<&str>) -> SqlError {
    let name = name.unwrap_or_default();
    SqlError::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, format!("portal \"{name}\" cannot be run"))
}

impl<T> Named<T> {
    /// None yet, and at most so many with names.
    pub fn new(named_max: usize) -> Named<T> {
        Named { unnamed: None, named: BTreeMap::new(), named_max }
    }

    /// Whether [`Self::insert`] would take that name.
    pub fn admits(&self, name: Option<&str>) -> Result<(), Refused> {
        match name {
            Some(name) if self.named.contains_key(name) => Err(Refused::Taken),
            Some(_) if self.named.len() >= self.named_max => Err(Refused::Full { limit: self.named_max }),
            Some(_) | None => Ok(()),
        }
    }

    /// Keeps a thing; one without a name replaces the last without a name.
    pub fn insert(&mut self, name: Option<String>, thing: T) -> Result<(), Refused> {
        self.admits(name.as_deref())?;
        match name {
            None => self.unnamed = Some(thing),
            Some(name) => {
                self.named.insert(name, thing);
            }
        }
        Ok(())
    }

    /// The thing of that name, or the one without.
    pub fn get(&self, name: Option<&str>) -> Option<&T> {
        match name {
            None => self.unnamed.as_ref(),
            Some(name) => self.named.get(name),
        }
    }

    /// As [`Self::get`], to change it.
    pub fn get_mut(&mut self, name: Option<&str>) -> Option<&mut T> {
        match name {
            None => self.unnamed.as_mut(),
            Some(name) => self.named.get_mut(name),
        }
    }

    /// Those that have names, by name.
    pub fn named(&self) -> impl Iterator<Item = (&String, &T)> {
        self.named.iter()
    }

    /// All, the unnamed one too.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.named.values().chain(&self.unnamed)
    }

    /// As [`Self::all`], to change them.
    pub fn all_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.named.values_mut().chain(&mut self.unnamed)
    }

    /// Forgets it; false if it is not there.
    pub fn remove(&mut self, name: Option<&str>) -> bool {
        match name {
            None => self.unnamed.take().is_some(),
            Some(name) => self.named.remove(name).is_some(),
        }
    }

    /// Forgets those that are not to stay.
    pub fn retain(&mut self, stays: impl Fn(&T) -> bool) {
        self.unnamed.take_if(|thing| !stays(thing));
        self.named.retain(|_, thing| stays(thing));
    }

    /// Forgets those that have names.
    pub fn clear_named(&mut self) {
        self.named.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_once_and_up_to_the_limit() {
        let mut things = Named::new(1);
        assert_eq!(things.insert(Some("a".to_owned()), 1), Ok(()));
        assert_eq!(things.insert(Some("a".to_owned()), 2), Err(Refused::Taken));
        assert_eq!(things.insert(Some("b".to_owned()), 2), Err(Refused::Full { limit: 1 }));
        assert_eq!(things.insert(None, 3), Ok(()));
        assert_eq!(things.insert(None, 4), Ok(()));
        assert_eq!((things.get_mut(Some("a")).copied(), things.get_mut(None).copied()), (Some(1), Some(4)));
        things.remove(Some("a"));
        assert_eq!(things.insert(Some("b".to_owned()), 5), Ok(()));
        things.retain(|thing| *thing > 4);
        assert_eq!((things.get(Some("b")).copied(), things.get(None).copied()), (Some(5), None));
        things.clear_named();
        assert!(!things.remove(Some("b")));
    }
}
