//! What the program does besides serving, on a data folder that no server has open: `check`, `repair`, `restore`.

mod check;
mod repair;
mod report;
mod restore;

use std::path::Path;
use std::sync::Arc;

use peristyle_catalog::{Parts, Sources};
use peristyle_storage::Store;
use peristyle_storage::objects::catalog_parts;

use crate::config::Config;
use crate::system::system_sources;

pub use check::check;
pub use repair::repair;
pub use restore::restore;

/// Exit code of a command that found something wrong, or left it so.
pub const FOUND_FAULTS: u8 = 1;
/// Exit code of a command that could not do its work.
pub const COULD_NOT_LOOK: u8 = 2;

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The folder cannot be looked at.
    #[error(transparent)]
    Catalog(#[from] peristyle_catalog::Error),
    /// The store does not answer.
    #[error(transparent)]
    Storage(#[from] peristyle_storage::Error),
    /// Another server holds the store.
    #[error(transparent)]
    Fence(#[from] crate::fencing::FenceError),
    /// There is nothing at the store's URL.
    #[error("there is no folder {0}")]
    NoStore(String),
    /// Nobody ever served from it.
    #[error("store {0} belongs to no data folder")]
    Nobodys(String),
}

/// What a command works with.
struct Bench {
    store: Arc<Store>,
    sources: Sources,
}

impl Bench {
    /// Opens the store of a configuration. Nothing is made that is not there.
    fn open(config: &Config) -> Result<Bench, CommandError> {
        let url = config.store_url();
        if let Some(folder) = url.strip_prefix("file://")
            && !Path::new(folder).is_dir()
        {
            return Err(CommandError::NoStore(folder.to_owned()));
        }
        Ok(Bench { store: Store::open(&url, config.storage.store.clone())?, sources: system_sources() })
    }

    fn parts(&self) -> Parts {
        catalog_parts(&self.store, &self.sources)
    }
}
