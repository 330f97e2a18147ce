//! A session's settings over its transactions: what is set for a transaction alone ends with it, and what is set in a
//! transaction that fails was never set.

use std::sync::Arc;

use parking_lot::Mutex;

use super::Settings;
use crate::error::SqlError;

/// The settings of a session, which `set_config` changes while a statement runs.
pub(crate) type SharedSettings = Arc<Mutex<Layers>>;

/// What statements see, what stays, and what comes back.
#[derive(Debug)]
pub(crate) struct Layers {
    current: Arc<Settings>,
    /// What stays after a commit, if that is not what statements see.
    kept: Option<Arc<Settings>>,
    /// What comes back if the transaction fails; `None` while nothing was set in it.
    before: Option<Arc<Settings>>,
}

impl Layers {
    /// The layers of a session that begins.
    pub(crate) fn new(settings: Settings) -> Layers {
        Layers { current: Arc::new(settings), kept: None, before: None }
    }

    /// What the next statement sees.
    pub(crate) fn current(&self) -> &Arc<Settings> {
        &self.current
    }

    /// Sets something, until the end of the transaction if `is_local`. An error changes nothing.
    pub(crate) fn change(
        &mut self,
        is_local: bool,
        change: impl Fn(&mut Settings) -> Result<(), SqlError>,
    ) -> Result<(), SqlError> {
        let before = Arc::clone(&self.current);
        change(Arc::make_mut(&mut self.current)).inspect_err(|_| self.current = Arc::clone(&before))?;
        if is_local {
            self.kept.get_or_insert_with(|| Arc::clone(&before));
        } else if let Some(kept) = &mut self.kept {
            change(Arc::make_mut(kept))?;
        }
        self.before.get_or_insert(before);
        Ok(())
    }

    /// The transaction committed.
    pub(crate) fn commit(&mut self) {
        self.before = None;
        if let Some(kept) = self.kept.take() {
            self.current = kept;
        }
    }

    /// The transaction failed.
    pub(crate) fn roll_back(&mut self) {
        self.kept = None;
        if let Some(before) = self.before.take() {
            self.current = before;
        }
    }
}

/// The settings at a savepoint.
#[derive(Clone)]
pub(crate) struct Mark {
    current: Arc<Settings>,
    kept: Option<Arc<Settings>>,
}

impl Layers {
    pub(crate) fn mark(&self) -> Mark {
        Mark { current: Arc::clone(&self.current), kept: self.kept.clone() }
    }

    /// The transaction went back to a savepoint.
    pub(crate) fn go_back(&mut self, mark: &Mark) {
        self.current = Arc::clone(&mark.current);
        self.kept.clone_from(&mark.kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(layers: &mut Layers, is_local: bool, value: &str) {
        layers.change(is_local, |settings| settings.set_text("application_name", value)).expect("any text");
    }

    fn shown(layers: &Layers) -> &str {
        layers.current().get("application_name").expect("exists")
    }

    #[test]
    fn what_is_local_ends_with_its_transaction() {
        let mut layers = Layers::new(Settings::default());
        set(&mut layers, false, "kept");
        set(&mut layers, true, "local");
        assert_eq!(shown(&layers), "local");
        layers.commit();
        assert_eq!(shown(&layers), "kept");
        set(&mut layers, true, "local");
        set(&mut layers, false, "later");
        assert_eq!(shown(&layers), "later");
        layers.commit();
        assert_eq!(shown(&layers), "later");
    }

    #[test]
    fn a_savepoint_brings_settings_back() {
        let mut layers = Layers::new(Settings::default());
        set(&mut layers, false, "one");
        let mark = layers.mark();
        set(&mut layers, false, "two");
        set(&mut layers, true, "local");
        layers.go_back(&mark);
        assert_eq!(shown(&layers), "one");
        layers.commit();
        assert_eq!(shown(&layers), "one");
    }

    #[test]
    fn what_a_failed_transaction_set_was_never_set() {
        let mut layers = Layers::new(Settings::default());
        set(&mut layers, false, "before");
        layers.commit();
        set(&mut layers, false, "x");
        set(&mut layers, true, "y");
        assert!(layers.change(false, |settings| settings.set_text("nonsense", "1")).is_err());
        assert_eq!(shown(&layers), "y");
        layers.roll_back();
        assert_eq!(shown(&layers), "before");
        layers.commit();
        assert_eq!(shown(&layers), "before");
    }
}
