//! The suites on disk: which files there are, and what their first lines say.

use std::path::{Path, PathBuf};

use crate::engines::EngineKind;

const FOLDER: &str = "sqllogictest/suites";
const EXTENSION: &str = "slt";
/// Files of this prefix are run on PostgreSQL too, which has the last word on what is right.
const ORACLE_PREFIX: &str = "pg_";
/// First line of a file whose connections have another TimeZone than UTC.
const TIME_ZONE_DIRECTIVE: &str = "# timezone:";
const DEFAULT_TIME_ZONE: &str = "UTC";

/// One suite file.
#[derive(Clone, Debug)]
pub(crate) struct Suite {
    pub(crate) path: PathBuf,
    /// `<topic>/<file>` without the extension.
    pub(crate) name: String,
    pub(crate) time_zone: String,
}

impl Suite {
    /// Whether PostgreSQL runs it too.
    pub(crate) fn has_oracle(&self) -> bool {
        self.path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(ORACLE_PREFIX))
    }

    /// Whether `engine` runs it.
    pub(crate) fn runs_on(&self, engine: EngineKind) -> bool {
        self.has_oracle() || !engine.is_oracle()
    }

    /// The engine that says what is expected, for `--complete`.
    pub(crate) fn authority(&self) -> EngineKind {
        if self.has_oracle() { EngineKind::Postgres } else { EngineKind::InProcess }
    }

    fn read(path: PathBuf, root: &Path) -> std::io::Result<Suite> {
        let text = std::fs::read_to_string(&path)?;
        let zone = text.lines().next().and_then(|line| line.strip_prefix(TIME_ZONE_DIRECTIVE));
        let name = path.strip_prefix(root).unwrap_or(&path).with_extension("").to_string_lossy().into_owned();
        Ok(Suite { name, time_zone: zone.map_or(DEFAULT_TIME_ZONE, str::trim).to_owned(), path })
    }
}

/// All suites, by name.
pub(crate) fn all() -> std::io::Result<Vec<Suite>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER);
    let mut suites = Vec::new();
    for topic in std::fs::read_dir(&root)? {
        for file in std::fs::read_dir(topic?.path())? {
            let path = file?.path();
            if path.extension().is_some_and(|extension| extension == EXTENSION) {
                suites.push(Suite::read(path, &root)?);
            }
        }
    }
    suites.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(suites)
}
