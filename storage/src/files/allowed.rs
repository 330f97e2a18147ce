//! One folder or prefix under which files may be read and written.

use std::path::{Component, Path as FilePath, PathBuf};

use object_store::path::Path;

use super::bucket;

/// A folder of the server, or a prefix of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// As it was written; links in it are resolved when it is compared.
    Folder(PathBuf),
    Prefix {
        bucket: String,
        prefix: Path,
    },
}

impl Allowed {
    /// Reads `/folder` or `s3://bucket/prefix`; says what is wrong otherwise.
    pub fn parse(text: &str) -> Result<Allowed, String> {
        if let Some(rest) = text.strip_prefix(bucket::SCHEME) {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            if bucket.is_empty() {
                return Err(format!("\"{text}\" names no bucket"));
            }
            let prefix = Path::parse(prefix.trim_end_matches('/')).map_err(|error| error.to_string())?;
            return Ok(Allowed::Prefix { bucket: bucket.to_owned(), prefix });
        }
        let folder = PathBuf::from(text);
        if !folder.is_absolute() || folder.components().any(|part| part == Component::ParentDir) {
            return Err(format!("\"{text}\" is neither an absolute folder nor s3://bucket/prefix"));
        }
        Ok(Allowed::Folder(folder))
    }

    /// As it is set.
    pub fn text(&self) -> String {
        match self {
            Allowed::Folder(folder) => folder.display().to_string(),
            Allowed::Prefix { bucket, prefix } => format!("{}{bucket}/{prefix}", bucket::SCHEME),
        }
    }

    /// The folder without links in it, and what of a path without links is below it; `None` for a path elsewhere.
    pub(super) fn below(&self, real: &FilePath) -> Option<(PathBuf, PathBuf)> {
        match self {
            Allowed::Folder(folder) => {
                let folder = folder.canonicalize().ok()?;
                let rest = real.strip_prefix(&folder).ok()?.to_owned();
                Some((folder, rest))
            }
            Allowed::Prefix { .. } => None,
        }
    }

    /// Whether an object lies below it, by whole parts of its key. The prefix itself is the name of none.
    pub(super) fn has_object(&self, of: &str, key: &Path) -> bool {
        match self {
            Allowed::Folder(_) => false,
            Allowed::Prefix { bucket, prefix } => {
                let below = key.prefix_match(prefix);
                bucket == of && below.is_some_and(|mut parts| parts.next().is_some())
            }
        }
    }
}
