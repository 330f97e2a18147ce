//! Which of the data folders that one store has had may go on with it. Every restore begins a lineage: a name in the
//! folder that it makes, and in the store. The folder of before, which may have commits that the store never had, is
//! not of it: a server on it would write other commits under the numbers of the restored one's.

use std::fs;
use std::io;

use uuid::Uuid;

use crate::catalog::Parts;
use crate::folder::{Folder, replace_file};
use crate::{Error, Result};

/// In the data folder.
pub(crate) const FILE: &str = "LINEAGE";
const PREFIX: &str = "lineage-";
/// Digits of a number in a name: u64 needs at most 20.
const NUMBER_DIGITS: usize = 20;

/// `lineage-<number>-<uuid>`. The newest has the highest number; a folder or a store that was never restored has none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Lineage {
    number: u64,
    id: Uuid,
}

impl Lineage {
    fn parse(name: &str) -> Option<Lineage> {
        let (number, id) = name.strip_prefix(PREFIX)?.split_once('-')?;
        let number = (number.len() == NUMBER_DIGITS).then(|| number.parse().ok())??;
        Some(Lineage { number, id: id.parse().ok()? })
    }

    fn name(&self) -> String {
        format!("{PREFIX}{:0NUMBER_DIGITS$}-{}", self.number, self.id)
    }

    /// That of the last restore from the store.
    async fn newest(parts: &Parts) -> Result<Option<Lineage>> {
        Ok(parts.manifests.list().await?.iter().filter_map(|name| Lineage::parse(name)).max())
    }
}

/// Begins the lineage of a folder that is being restored. From now on no other folder opens with the store.
pub(crate) async fn begin(folder: &Folder, parts: &Parts) -> Result<()> {
    let number = Lineage::newest(parts).await?.map_or(1, |newest| newest.number + 1);
    let lineage = Lineage { number, id: parts.sources.uuid() };
    // First: whatever becomes of the name in the store, only this folder may be of it.
    let text = format!("{}\n", lineage.name());
    replace_file(folder.path(), FILE, &text)?;
    Ok(parts.manifests.create(&lineage.name(), text.into()).await?)
}

/// [`Error::Mismatch`] if the store was restored to another folder than this one.
pub(crate) async fn ensure_newest(folder: &Folder, parts: &Parts) -> Result<()> {
    let Some(newest) = Lineage::newest(parts).await? else { return Ok(()) };
    if of_folder(folder)?.as_ref() == Some(&newest) {
        return Ok(());
    }
    Err(Error::Mismatch(format!(
        "data folder {} is of before a restore: \"peristyle restore\" made another one from the store since ({}), and to \
         go on with this one would fork the log; serve the restored folder, or restore into an empty one. Nothing is \
         wrong with this folder: rows that only it has can be read by serving it with a copy of the store from before \
         that restore",
        folder.path().display(),
        newest.name()
    )))
}

fn of_folder(folder: &Folder) -> Result<Option<Lineage>> {
    let path = folder.path().join(FILE);
    let what = || path.display().to_string();
    match fs::read_to_string(&path) {
        Ok(text) => {
            let damaged = || Error::Corrupt { what: what(), detail: "it does not name a lineage".to_owned() };
            Lineage::parse(text.trim()).map(Some).ok_or_else(damaged)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Io { what: what(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_written_and_no_others() {
        let lineage = Lineage { number: 7, id: Uuid::from_u128(3) };
        assert_eq!(lineage.name(), "lineage-00000000000000000007-00000000-0000-0000-0000-000000000003");
        assert_eq!(Lineage::parse(&lineage.name()), Some(lineage.clone()));
        let next = Lineage { number: 10, id: Uuid::nil() };
        assert!(next > lineage);
        for other in ["base-00000000000000000007-00000000-0000-0000-0000-000000000003", "lineage-7-3", "lineage-", ""] {
            assert_eq!(Lineage::parse(other), None, "{other}");
        }
    }
}
