use std::io;

use crate::Error;

/// Why a file could not be read or written. `sql` maps each to one SQLSTATE.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The setting does not allow the place.
    #[error("permission denied to COPY to or from \"{place}\"")]
    NotAllowed { place: String },
    #[error("relative path not allowed for COPY to or from a file")]
    Relative { place: String },
    #[error("\"{place}\" is a directory")]
    IsFolder { place: String },
    #[error("\"{place}\" is not a regular file")]
    NotRegular { place: String },
    #[error("invalid file name \"{place}\": {why}")]
    Invalid { place: String, why: String },
    /// The disk refused; `verb` is `open`, `read` or `write`.
    #[error("could not {verb} file \"{place}\": {}", words(source))]
    Io { verb: &'static str, place: String, source: io::Error },
    /// The bucket refused or did not answer.
    #[error("could not {verb} file \"{place}\": {source}")]
    Object { verb: &'static str, place: String, refusal: Refusal, source: object_store::Error },
    /// The file is not what its format says.
    #[error("file \"{place}\" is not valid Parquet: {why}")]
    Format { place: String, why: String },
    /// A column of a kind that has no type here.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// A value that no type here holds.
    #[error("{0}")]
    OutOfRange(String),
    #[error("internal error: {0}")]
    Internal(String),
}

/// What a bucket says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such object, or no such bucket.
    Missing,
    /// The server's credentials may not do that.
    Denied,
    /// Anything else.
    Other,
}

impl FileError {
    pub(super) fn object(verb: &'static str, place: &str, source: object_store::Error) -> FileError {
        use object_store::Error as E;
        let refusal = match source {
            E::NotFound { .. } => Refusal::Missing,
            E::PermissionDenied { .. } | E::Unauthenticated { .. } => Refusal::Denied,
            _ => Refusal::Other,
        };
        FileError::Object { verb, place: place.to_owned(), refusal, source }
    }

    /// Of an object that is written.
    pub(super) fn upload(place: &str, error: Error) -> FileError {
        match error {
            Error::Unavailable(source) => FileError::object("write", place, source),
            Error::NotFound { path } => {
                let source = object_store::Error::NotFound { path, source: "the bucket does not take it".into() };
                FileError::object("write", place, source)
            }
            other => FileError::Internal(other.to_string()),
        }
    }
}

/// PostgreSQL shows the system's words without its number.
fn words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
