//! The table of settings. A setting that is in it is an argument, a variable of the environment, a key of the file
//! and a row of docs/settings.md.

mod key;
mod limits;
mod server;

use key::Key;

/// Settings that belong together.
pub(super) struct Section {
    /// As a heading of `--help`.
    pub(super) title: &'static str,
    pub(super) keys: &'static [Key],
}

/// All settings, in the order in which help shows them.
pub(super) const SECTIONS: &[Section] = &[
    Section { title: "Server", keys: server::PLACES },
    Section { title: "Connections", keys: server::CONNECTIONS },
    Section { title: "Statements", keys: limits::STATEMENTS },
    Section { title: "Log and catalog", keys: limits::CATALOG },
    Section { title: "Partitions", keys: limits::PARTITIONS },
    Section { title: "Merge and deletion", keys: limits::BACKGROUND },
    Section { title: "Object store", keys: limits::STORE },
];

/// All settings without their sections.
pub(super) fn all() -> impl Iterator<Item = &'static Key> {
    SECTIONS.iter().flat_map(|section| section.keys)
}

/// The setting of that name.
pub(super) fn key(name: &str) -> Option<&'static Key> {
    all().find(|key| key.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::config::Config;

    #[test]
    fn every_default_that_is_shown_can_be_set_and_changes_nothing() {
        for key in all() {
            let shown = (key.show)(&Config::default());
            let is_description = shown.is_empty() || shown.contains(['<', '$']);
            let mut config = Config::default();
            let set = (key.set)(&mut config, &shown);
            assert!(is_description || set.is_ok(), "{}: {shown}: {set:?}", key.name);
            assert_eq!((key.show)(&config), shown, "{}", key.name);
        }
    }

    #[test]
    fn each_number_reaches_a_field_of_its_own() {
        let numbers = || all().filter(|key| (key.set)(&mut Config::default(), "77000000").is_ok());
        let fields: HashSet<String> = numbers()
            .map(|key| {
                let mut config = Config::default();
                (key.set)(&mut config, "77000000").unwrap();
                format!("{config:?}")
            })
            .collect();
        assert_eq!(fields.len(), numbers().count());
    }

    #[test]
    fn names_are_unique() {
        let names: HashSet<&str> = all().map(|key| key.name).collect();
        assert_eq!(names.len(), all().count());
    }
}
