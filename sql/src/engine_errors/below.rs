//! Errors of the crates below: the catalog, the storage, the server's files.

use std::io::ErrorKind;

use peristyle_catalog as catalog;
use peristyle_storage as storage;
use peristyle_storage::files::{FileError, Refusal};

use crate::error::{SqlError, SqlState};

impl From<catalog::Error> for SqlError {
    fn from(error: catalog::Error) -> SqlError {
        (&error).into()
    }
}

impl From<&catalog::Error> for SqlError {
    fn from(error: &catalog::Error) -> SqlError {
        use catalog::Error as E;
        if let E::NotInHistory { oldest, .. } = error {
            return crate::history::gone(*oldest);
        }
        let state = match error {
            E::Conflict { .. } | E::ColumnChanged { .. } => SqlState::SERIALIZATION_FAILURE,
            E::ReadChanged { .. } => {
                return SqlError::new(SqlState::SERIALIZATION_FAILURE, error.to_string())
                    .detail("A table that the transaction read was changed by another that committed since.")
                    .hint("The transaction might succeed if retried.");
            }
            E::RelationGone(_) => SqlState::UNDEFINED_TABLE,
            E::SchemaGone(_) => SqlState::INVALID_SCHEMA_NAME,
            E::DuplicateRelation(_) => SqlState::DUPLICATE_TABLE,
            E::DuplicateSchema(_) => SqlState::DUPLICATE_SCHEMA,
            E::DependentObjects { .. } => SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
            E::TooManyColumns { .. } => SqlState::TOO_MANY_COLUMNS,
            E::KeyColumnType { .. } => SqlState::DATATYPE_MISMATCH,
            E::NumericTooWide { .. } => SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            E::NotInHistory { .. } => SqlState::SNAPSHOT_TOO_OLD,
            E::SequenceEnded { .. } => {
                return SqlError::new(SqlState::SEQUENCE_GENERATOR_LIMIT_EXCEEDED, format!("nextval: {error}"));
            }
            E::DiskFull => SqlState::DISK_FULL,
            E::LogWrite(_) | E::Io { .. } | E::Tier(_) => SqlState::IO_ERROR,
            E::CommitTooLarge { .. } => SqlState::PROGRAM_LIMIT_EXCEEDED,
            E::RealTimeFull => SqlState::OUT_OF_MEMORY,
            E::LogNotShipped { .. } => SqlState::SYSTEM_ERROR,
            E::Closed => SqlState::ADMIN_SHUTDOWN,
            E::FolderInUse { .. } => SqlState::OBJECT_IN_USE,
            E::Invalid(_) => SqlState::INTERNAL_ERROR,
            E::NewerFormat { .. } | E::Mismatch(_) => SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            E::Corrupt { .. } => SqlState::DATA_CORRUPTED,
        };
        SqlError::new(state, error.to_string())
    }
}

impl From<FileError> for SqlError {
    fn from(error: FileError) -> SqlError {
        (&error).into()
    }
}

impl From<&FileError> for SqlError {
    fn from(error: &FileError) -> SqlError {
        use FileError as E;
        let state = match error {
            E::NotAllowed { .. } => SqlState::INSUFFICIENT_PRIVILEGE,
            E::Relative { .. } | E::Invalid { .. } => SqlState::INVALID_NAME,
            E::IsFolder { .. } | E::NotRegular { .. } => SqlState::WRONG_OBJECT_TYPE,
            E::Io { source, .. } => of_disk(source.kind()),
            E::Object { refusal: Refusal::Missing, .. } => SqlState::UNDEFINED_FILE,
            E::Object { refusal: Refusal::Denied, .. } => SqlState::INSUFFICIENT_PRIVILEGE,
            E::Object { refusal: Refusal::Other, .. } => SqlState::SYSTEM_ERROR,
            E::Format { .. } => SqlState::BAD_COPY_FILE_FORMAT,
            E::Unsupported(_) => SqlState::FEATURE_NOT_SUPPORTED,
            E::OutOfRange(_) => SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            E::Internal(_) => SqlState::INTERNAL_ERROR,
        };
        let own = SqlError::new(state, error.to_string());
        match error {
            E::NotAllowed { .. } => {
                own.hint("The server's setting copy_locations names the folders and prefixes that COPY may use.")
            }
            E::Io { verb: "open", .. } => own.hint(
                "COPY instructs the server process to open a file. You may want a client-side facility such \
                 as psql's \\copy.",
            ),
            _ => own,
        }
    }
}

fn of_disk(kind: ErrorKind) -> SqlState {
    match kind {
        ErrorKind::NotFound => SqlState::UNDEFINED_FILE,
        ErrorKind::AlreadyExists => SqlState::DUPLICATE_FILE,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => SqlState::INSUFFICIENT_PRIVILEGE,
        ErrorKind::NotADirectory | ErrorKind::IsADirectory => SqlState::WRONG_OBJECT_TYPE,
        ErrorKind::InvalidFilename => SqlState::FILE_NAME_TOO_LONG,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => SqlState::DISK_FULL,
        _ => SqlState::IO_ERROR,
    }
}

impl From<storage::Error> for SqlError {
    fn from(error: storage::Error) -> SqlError {
        (&error).into()
    }
}

impl From<&storage::Error> for SqlError {
    fn from(error: &storage::Error) -> SqlError {
        use storage::ErrorKind as K;
        let state = match error.kind() {
            K::Catalog => match error {
                storage::Error::Catalog(inner) => return inner.into(),
                _ => SqlState::INTERNAL_ERROR,
            },
            K::Unavailable => SqlState::SYSTEM_ERROR,
            K::NotFound => SqlState::UNDEFINED_FILE,
            K::AlreadyExists => SqlState::DUPLICATE_FILE,
            K::Corrupt => SqlState::DATA_CORRUPTED,
            K::OutOfRange => SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            K::Unsupported => SqlState::FEATURE_NOT_SUPPORTED,
            K::DiskFull => SqlState::DISK_FULL,
            K::Settings => SqlState::CONFIG_FILE_ERROR,
            K::Io => SqlState::IO_ERROR,
            K::Internal => SqlState::INTERNAL_ERROR,
        };
        SqlError::new(state, error.to_string())
    }
}
