//! Prepared statements and portals of a connection: one without a name, and others by name, up to a limit.

use std::collections::HashMap;

/// Things with names, or at most one without.
pub(crate) struct Named<T> {
    unnamed: Option<T>,
    named: HashMap<String, T>,
    named_max: usize,
}

/// Why a thing could not be kept.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Its name is in use.
    Taken,
    /// There are as many as there may be.
    Full { limit: usize },
}

impl<T> Named<T> {
    pub(crate) fn new(named_max: usize) -> Named<T> {
        Named { unnamed: None, named: HashMap::new(), named_max }
    }

    /// Whether [`Self::insert`] would take that name.
    pub(crate) fn admits(&self, name: Option<&str>) -> Result<(), Refused> {
        match name {
            Some(name) if self.named.contains_key(name) => Err(Refused::Taken),
            Some(_) if self.named.len() >= self.named_max => Err(Refused::Full { limit: self.named_max }),
            Some(_) | None => Ok(()),
        }
    }

    /// Keeps a thing; one without a name replaces the last without a name.
    pub(crate) fn insert(&mut self, name: Option<String>, thing: T) -> Result<(), Refused> {
        self.admits(name.as_deref())?;
        match name {
            None => self.unnamed = Some(thing),
            Some(name) => {
                self.named.insert(name, thing);
            }
        }
        Ok(())
    }

    pub(crate) fn get_mut(&mut self, name: Option<&str>) -> Option<&mut T> {
        match name {
            None => self.unnamed.as_mut(),
            Some(name) => self.named.get_mut(name),
        }
    }

    /// Forgets it, if it is there.
    pub(crate) fn remove(&mut self, name: Option<&str>) {
        match name {
            None => self.unnamed = None,
            Some(name) => {
                self.named.remove(name);
            }
        }
    }

    pub(crate) fn clear(&mut self) {
        self.unnamed = None;
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
        things.clear();
        assert_eq!((things.get_mut(Some("b")).copied(), things.get_mut(None).copied()), (None, None));
    }
}
