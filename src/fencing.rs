//! Which server writes to the store: this one's mark there, and what its data folder knows of it.

use std::path::Path;
use std::sync::Arc;

use peristyle_catalog::{FENCE_FILE, Sources, replace_file};
use peristyle_storage::Store;
use peristyle_storage::objects::Claimant;
use uuid::Uuid;

use crate::config::Config;

const HOST_NAME_FILE: &str = "/proc/sys/kernel/hostname";

/// Why the store is not this server's.
#[derive(Debug, thiserror::Error)]
pub enum FenceError {
    /// Another server holds it, or it does not answer.
    #[error(transparent)]
    Storage(#[from] peristyle_storage::Error),
    /// The nonces could not be written.
    #[error(transparent)]
    Folder(#[from] peristyle_catalog::Error),
}

/// Makes this process the one that writes to the store. The data folder must be locked.
pub async fn raise(config: &Config, store: &Arc<Store>, sources: &Sources) -> Result<(), FenceError> {
    let own = read_nonces(&config.data_dir);
    let nonce = sources.uuid();
    // The new nonce first: whatever becomes of the mark, the next start knows it.
    write_nonces(&config.data_dir, own.iter().chain([&nonce]))?;
    claim(config, store, sources, own, nonce).await?;
    Ok(write_nonces(&config.data_dir, [&nonce])?)
}

async fn claim(
    config: &Config,
    store: &Arc<Store>,
    sources: &Sources,
    own: Vec<Uuid>,
    nonce: Uuid,
) -> Result<(), FenceError> {
    let folder = &config.data_dir;
    let host = std::fs::read_to_string(HOST_NAME_FILE).unwrap_or_default();
    let name = format!(
        "the server on host {}, data folder {}, process {}, started at {}",
        host.trim(),
        folder.display(),
        std::process::id(),
        sources.clock.now()
    );
    Ok(store.raise_fence(&Claimant { own, nonce, name, takes_over: config.takes_over_store }).await?)
}

/// Of this folder's marks; one a line.
fn read_nonces(folder: &Path) -> Vec<Uuid> {
    let text = std::fs::read_to_string(folder.join(FENCE_FILE)).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

fn write_nonces<'a>(folder: &Path, nonces: impl IntoIterator<Item = &'a Uuid>) -> peristyle_catalog::Result<()> {
    let text: String = nonces.into_iter().map(|nonce| format!("{nonce}\n")).collect();
    replace_file(folder, FENCE_FILE, &text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::system_sources;

    fn config(folder: &Path) -> Config {
        Config { data_dir: folder.to_owned(), ..Config::default() }
    }

    #[tokio::test]
    async fn a_folder_knows_its_own_mark_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("file://{}/store", folder.path().display());
        let open = || Store::open(&url, peristyle_storage::StoreSettings::default()).unwrap();
        let sources = system_sources();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        std::fs::create_dir_all(&one).unwrap();
        std::fs::create_dir_all(&other).unwrap();
        let first = open();
        raise(&config(&one), &first, &sources).await.unwrap();
        let refused = raise(&config(&other), &open(), &sources).await.unwrap_err().to_string();
        assert!(refused.contains(&format!("data folder {}", one.display())), "{refused}");
        let again = open();
        raise(&config(&one), &again, &sources).await.unwrap();
        assert!(again.is_still_ours().await.unwrap() && !first.is_still_ours().await.unwrap());
        // What the refused one wrote down does not help it later.
        assert!(raise(&config(&other), &open(), &sources).await.is_err());
        let taken = Config { takes_over_store: true, ..config(&other) };
        raise(&taken, &open(), &sources).await.unwrap();
        assert!(raise(&config(&one), &open(), &sources).await.is_err());
    }
}
