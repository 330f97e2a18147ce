use std::error::Error as StdError;
use std::io;
use std::path::Path;

use arrow::error::ArrowError;
use parquet::errors::ParquetError;
use peristyle_catalog::model::PartitionId;

/// Why reading, writing or merging failed. `sql` maps [`Error::kind`] to one SQLSTATE.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store did not answer, or answered with an error, after all retries.
    #[error("object store is not available: {0}")]
    Unavailable(#[source] object_store::Error),
    /// An object that should exist does not.
    #[error("object \"{path}\" does not exist")]
    NotFound { path: String },
    /// An object that is created once exists already.
    #[error("object \"{path}\" already exists")]
    AlreadyExists { path: String },
    /// Bytes that were durable are not what was written.
    #[error("{what} is damaged: {detail}")]
    Corrupt { what: String, detail: String },
    /// The object of this partition is not there or is not what was written.
    #[error("{source}")]
    Unreadable { partition: PartitionId, source: Box<Error> },
    /// A value does not fit its type.
    #[error("{0}")]
    OutOfRange(String),
    /// Something that this version does not do.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// The disk under the store or the spill folder is full.
    #[error("no space left on device: {0}")]
    DiskFull(String),
    /// The store belongs to another data folder.
    #[error("{0}")]
    Mismatch(String),
    /// A setting that names the store or a limit is wrong.
    #[error("{0}")]
    Settings(String),
    /// A file of ours could not be read or written.
    #[error("{what}: {source}")]
    Io { what: String, source: io::Error },
    /// The catalog refused or failed.
    #[error(transparent)]
    Catalog(#[from] peristyle_catalog::Error),
    /// The caller broke the contract, or a library failed where it must not.
    #[error("internal error: {0}")]
    Internal(String),
}

/// What kind of failure it was; one SQLSTATE each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// 58000, and worth a retry later.
    Unavailable,
    /// 58P01.
    NotFound,
    /// 58P02.
    AlreadyExists,
    /// XX001.
    Corrupt,
    /// 22003.
    OutOfRange,
    /// 0A000.
    Unsupported,
    /// 53100.
    DiskFull,
    /// F0000: the start is refused.
    Settings,
    /// 58030.
    Io,
    /// Whatever the catalog's error says.
    Catalog,
    /// XX000.
    Internal,
}

/// The room's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The kind of this failure.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Unavailable(_) => ErrorKind::Unavailable,
            Error::NotFound { .. } => ErrorKind::NotFound,
            Error::AlreadyExists { .. } => ErrorKind::AlreadyExists,
            Error::Corrupt { .. } => ErrorKind::Corrupt,
            Error::Unreadable { source, .. } => source.kind(),
            Error::OutOfRange(_) => ErrorKind::OutOfRange,
            Error::Unsupported(_) => ErrorKind::Unsupported,
            Error::DiskFull(_) => ErrorKind::DiskFull,
            Error::Mismatch(_) | Error::Settings(_) => ErrorKind::Settings,
            Error::Io { .. } => ErrorKind::Io,
            Error::Catalog(_) => ErrorKind::Catalog,
            Error::Internal(_) => ErrorKind::Internal,
        }
    }

    pub(crate) fn corrupt(what: impl Into<String>, detail: impl ToString) -> Error {
        Error::Corrupt { what: what.into(), detail: detail.to_string() }
    }

    /// Says of which partition the object is that is damaged or gone; other failures stay as they are.
    pub(crate) fn of_partition(self, partition: PartitionId) -> Error {
        match self {
            Error::Corrupt { .. } | Error::NotFound { .. } => Error::Unreadable { partition, source: Box::new(self) },
            other => other,
        }
    }

    pub(crate) fn io(what: &str, path: &Path, source: io::Error) -> Error {
        if source.kind() == io::ErrorKind::StorageFull {
            return Error::DiskFull(path.display().to_string());
        }
        Error::Io { what: format!("could not {what} \"{}\"", path.display()), source }
    }
}

impl From<object_store::Error> for Error {
    fn from(error: object_store::Error) -> Error {
        match error {
            object_store::Error::NotFound { path, .. } => Error::NotFound { path },
            object_store::Error::AlreadyExists { path, .. } | object_store::Error::Precondition { path, .. } => {
                Error::AlreadyExists { path }
            }
            other if is_disk_full(&other) => Error::DiskFull(other.to_string()),
            other => Error::Unavailable(other),
        }
    }
}

impl From<ArrowError> for Error {
    fn from(error: ArrowError) -> Error {
        match error {
            ArrowError::ExternalError(inner) => from_boxed(inner),
            ArrowError::IoError(_, source) if source.kind() == io::ErrorKind::StorageFull => {
                Error::DiskFull(source.to_string())
            }
            ArrowError::IoError(what, source) => Error::Io { what, source },
            ArrowError::CastError(text) | ArrowError::ArithmeticOverflow(text) => Error::OutOfRange(text),
            other => Error::Internal(other.to_string()),
        }
    }
}

impl From<ParquetError> for Error {
    fn from(error: ParquetError) -> Error {
        match error {
            ParquetError::External(inner) => from_boxed(inner),
            other => Error::corrupt("partition", other),
        }
    }
}

/// Gets our own error back out of a library's.
fn from_boxed(inner: Box<dyn StdError + Send + Sync>) -> Error {
    match inner.downcast::<Error>() {
        Ok(ours) => *ours,
        Err(inner) => match inner.downcast::<object_store::Error>() {
            Ok(store) => (*store).into(),
            Err(inner) => Error::Internal(inner.to_string()),
        },
    }
}

fn is_disk_full(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::StorageFull) {
            return true;
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_found_below_a_store_error() {
        let full = object_store::Error::Generic {
            store: "local",
            source: Box::new(io::Error::from(io::ErrorKind::StorageFull)),
        };
        assert_eq!(Error::from(full).kind(), ErrorKind::DiskFull);
    }

    #[test]
    fn our_error_survives_the_way_through_parquet() {
        let ours = Error::NotFound { path: "data/1/x.parquet".into() };
        let through = ParquetError::External(Box::new(ours));
        assert_eq!(Error::from(through).kind(), ErrorKind::NotFound);
    }
}
