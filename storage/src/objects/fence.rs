//! The fence: of several servers on one prefix of a store, one goes on and the others learn that they must not.
//!
//! Each start creates `fence/<number>` with the next number, which a store that honours conditional creation gives to
//! one server only. In it stands a nonce that only that server's data folder knows, so that a server that was killed
//! finds its own mark again and goes on, and another one does not. A clean stop leaves a mark that holds nothing.

use bytes::Bytes;
use object_store::path::Path;
use uuid::Uuid;

use super::Store;
use crate::{Error, Result};

const FOLDER: &str = "fence";
const HELD: &str = "held";
const RELEASED: &str = "released";
/// Digits of a number in a name: u64 needs at most 20.
const NUMBER_DIGITS: usize = 20;
/// How often a start tries again because another one took its number.
const ATTEMPTS_MAX: usize = 5;

/// One mark as it lies in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    number: u64,
    pub nonce: Uuid,
    pub is_held: bool,
    /// Who made it, for people to read.
    pub holder: String,
}

/// Who wants the fence.
#[derive(Clone, Debug)]
pub struct Claimant {
    /// Nonces of marks that the same data folder made before.
    pub own: Vec<Uuid>,
    /// Of the new mark; never used before.
    pub nonce: Uuid,
    /// For people to read.
    pub name: String,
    /// Whether a mark of somebody else does not matter.
    pub takes_over: bool,
}

impl Mark {
    fn path(number: u64) -> Path {
        Path::from(format!("{FOLDER}/{number:0NUMBER_DIGITS$}"))
    }

    fn encode(&self) -> Bytes {
        let state = if self.is_held { HELD } else { RELEASED };
        format!("{}\n{state}\n{}\n", self.nonce, self.holder).into()
    }

    fn decode(number: u64, bytes: &[u8]) -> Option<Mark> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut lines = text.lines();
        let nonce = lines.next()?.parse().ok()?;
        let is_held = match lines.next()? {
            HELD => true,
            RELEASED => false,
            _ => return None,
        };
        Some(Mark { number, nonce, is_held, holder: lines.next()?.to_owned() })
    }
}

impl Store {
    /// Makes this process the one that writes to the store.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if another server holds it.
    pub async fn raise_fence(&self, claimant: &Claimant) -> Result<()> {
        for _ in 0..ATTEMPTS_MAX {
            let newest = self.newest_mark().await?;
            if let Some(mark) = newest.as_ref().filter(|mark| mark.is_held)
                && !claimant.takes_over
                && !claimant.own.contains(&mark.nonce)
            {
                return Err(held_by(mark));
            }
            let number = newest.map_or(0, |mark| mark.number) + 1;
            let mark = Mark { number, nonce: claimant.nonce, is_held: true, holder: claimant.name.clone() };
            if self.make_mark(&mark).await? {
                *self.fence.lock() = Some(mark);
                self.delete_marks_below(number).await?;
                return Ok(());
            }
        }
        Err(Error::Mismatch("other servers keep starting on the same store".to_owned()))
    }

    /// Whether no other server raised its fence since this one did. Without a fence nothing is known to speak against
    /// it.
    pub async fn is_still_ours(&self) -> Result<bool> {
        let Some(own) = self.fence.lock().clone() else { return Ok(true) };
        let found = self.read_mark(own.number).await?;
        Ok(found.as_ref() == Some(&own) && self.read_mark(own.number + 1).await?.is_none())
    }

    /// [`Error::Mismatch`] unless [`Store::is_still_ours`].
    pub async fn ensure_ours(&self) -> Result<()> {
        match self.is_still_ours().await? {
            true => Ok(()),
            false => Err(Error::Mismatch("another server took the store over".to_owned())),
        }
    }

    /// Leaves the store to whoever comes next, if it is still this process's.
    pub async fn release_fence(&self) -> Result<()> {
        let Some(own) = self.fence.lock().take() else { return Ok(()) };
        let released = Mark { number: own.number + 1, is_held: false, ..own };
        if self.make_mark(&released).await? {
            self.delete_marks_below(released.number).await?;
        }
        Ok(())
    }

    /// The newest mark, if there is one.
    pub async fn newest_mark(&self) -> Result<Option<Mark>> {
        let names = self.list_names(&Path::from(FOLDER)).await?;
        let newest = names.iter().filter_map(|name| name.parse().ok()).max();
        match newest {
            Some(number) => self.read_mark(number).await,
            None => Ok(None),
        }
    }

    /// False if another mark has the number.
    async fn make_mark(&self, mark: &Mark) -> Result<bool> {
        match self.create(&Mark::path(mark.number), mark.encode()).await {
            // An answer may have been lost; and a store that ignores the condition wrote over another's.
            Ok(()) | Err(Error::AlreadyExists { .. }) => Ok(self.read_mark(mark.number).await?.as_ref() == Some(mark)),
            Err(error) => Err(error),
        }
    }

    async fn read_mark(&self, number: u64) -> Result<Option<Mark>> {
        let path = Mark::path(number);
        match self.get(&path).await {
            Ok(bytes) => match Mark::decode(number, &bytes) {
                Some(mark) => Ok(Some(mark)),
                None => Err(Error::corrupt(format!("object \"{path}\""), "it is no mark of a server")),
            },
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn delete_marks_below(&self, number: u64) -> Result<()> {
        let names = self.list_names(&Path::from(FOLDER)).await?;
        for old in names.iter().filter_map(|name| name.parse().ok()).filter(|old: &u64| *old < number) {
            self.delete(&Mark::path(old)).await?;
        }
        Ok(())
    }
}

fn held_by(mark: &Mark) -> Error {
    Error::Mismatch(format!(
        "object store is held by {}; stop that server first, or if it is gone for good, start once with \
         --take-over-store",
        mark.holder
    ))
}

/// The mark that this process made.
pub(super) type Held = parking_lot::Mutex<Option<Mark>>;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use object_store::memory::InMemory;

    use super::*;
    use crate::objects::faults::{Fault, FaultyStore};
    use crate::settings::StoreSettings;

    fn claimant(nonce: u128, own: &[u128]) -> Claimant {
        let own = own.iter().map(|nonce| Uuid::from_u128(*nonce)).collect();
        Claimant { own, nonce: Uuid::from_u128(nonce), name: format!("server {nonce}"), takes_over: false }
    }

    /// Two servers' views of one store.
    fn two() -> (Arc<Store>, Arc<Store>) {
        let objects = Arc::new(InMemory::new());
        (Store::over(objects.clone(), StoreSettings::default()), Store::over(objects, StoreSettings::default()))
    }

    #[tokio::test]
    async fn the_second_server_is_refused_and_says_by_whom() {
        let (one, two) = two();
        one.raise_fence(&claimant(1, &[])).await.unwrap();
        let refused = two.raise_fence(&claimant(2, &[])).await.unwrap_err().to_string();
        assert!(refused.contains("held by server 1"), "{refused}");
        assert!(one.is_still_ours().await.unwrap());
        one.release_fence().await.unwrap();
        two.raise_fence(&claimant(2, &[])).await.unwrap();
        assert_eq!(two.newest_mark().await.unwrap().unwrap().nonce, Uuid::from_u128(2));
    }

    #[tokio::test]
    async fn a_server_that_was_killed_finds_its_own_mark() {
        let (one, again) = two();
        one.raise_fence(&claimant(1, &[])).await.unwrap();
        again.raise_fence(&claimant(3, &[1, 2])).await.unwrap();
        assert!(again.is_still_ours().await.unwrap());
        assert!(!one.is_still_ours().await.unwrap(), "should it have been alive after all");
    }

    #[tokio::test]
    async fn who_was_taken_over_learns_it_whatever_happens_afterwards() {
        let (one, two) = two();
        one.raise_fence(&claimant(1, &[])).await.unwrap();
        two.raise_fence(&Claimant { takes_over: true, ..claimant(2, &[]) }).await.unwrap();
        assert!(one.ensure_ours().await.is_err());
        one.release_fence().await.unwrap();
        assert!(two.is_still_ours().await.unwrap(), "the loser's end changes nothing");
        two.release_fence().await.unwrap();
        assert!(!one.is_still_ours().await.is_ok_and(|ours| ours) || one.fence.lock().is_none());
        two.raise_fence(&claimant(4, &[])).await.unwrap();
        assert!(two.is_still_ours().await.unwrap());
    }

    #[tokio::test]
    async fn a_mark_whose_answer_was_lost_counts() {
        let (faulty, _) = FaultyStore::new(Arc::new(InMemory::new()), 0, Fault::After);
        let store = Store::over(Arc::new(faulty), StoreSettings::default());
        assert!(store.raise_fence(&claimant(1, &[])).await.is_err(), "whether it exists is unknown");
        store.raise_fence(&claimant(2, &[1])).await.unwrap();
        assert!(store.is_still_ours().await.unwrap());
    }

    #[tokio::test]
    async fn a_store_that_ignores_conditions_is_known_and_its_losers_learn_it_later() {
        let objects = Arc::new(FaultyStore::ignoring_conditions(Arc::new(InMemory::new())));
        let open = || Store::over(objects.clone(), StoreSettings::default());
        let (one, two) = (open(), open());
        assert!(!one.probe(Uuid::from_u128(9)).await.unwrap().honours_create);
        one.raise_fence(&claimant(1, &[])).await.unwrap();
        // As if it had looked in the same moment: it writes over the other's mark.
        let mark = Mark { number: 1, nonce: Uuid::from_u128(2), is_held: true, holder: "server 2".to_owned() };
        assert!(two.make_mark(&mark).await.unwrap());
        assert!(!one.is_still_ours().await.unwrap());
    }

    #[tokio::test]
    async fn of_many_that_start_at_once_one_goes_on() {
        let objects = Arc::new(InMemory::new());
        let stores: Vec<_> = (0..8).map(|_| Store::over(objects.clone(), StoreSettings::default())).collect();
        let claims = stores
            .iter()
            .zip(1..)
            .map(|(store, nonce)| async move { store.raise_fence(&claimant(nonce, &[])).await.is_ok() });
        let won = futures::future::join_all(claims).await;
        assert_eq!(won.iter().filter(|won| **won).count(), 1);
        for (store, won) in stores.iter().zip(won) {
            assert_eq!(won, store.fence.lock().is_some() && store.is_still_ours().await.unwrap());
        }
    }
}
