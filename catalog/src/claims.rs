//! What open transactions are about to replace. Nobody waits for a claim and no commit checks it: the background merge
//! leaves claimed partitions and chunks alone, so that it does not make a client's statement lose a race.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::model::{ChunkId, PartitionId};

/// All claims of a server, in memory only.
#[derive(Debug, Default)]
pub struct Claims {
    held: Mutex<Held>,
}

/// How many claims name each.
#[derive(Debug, Default)]
struct Held {
    partitions: HashMap<PartitionId, usize>,
    chunks: HashMap<ChunkId, usize>,
}

/// A claim; dropping it gives it up.
#[derive(Debug)]
pub struct Claim {
    claims: Arc<Claims>,
    partitions: Vec<PartitionId>,
    chunks: Vec<ChunkId>,
}

impl Claims {
    /// Claims partitions and chunks. Others may hold claims on them too.
    #[must_use]
    pub fn claim(self: &Arc<Self>, partitions: Vec<PartitionId>, chunks: Vec<ChunkId>) -> Claim {
        let mut held = self.held.lock();
        partitions.iter().for_each(|id| *held.partitions.entry(*id).or_default() += 1);
        chunks.iter().for_each(|id| *held.chunks.entry(*id).or_default() += 1);
        drop(held);
        Claim { claims: Arc::clone(self), partitions, chunks }
    }

    pub fn has_partition(&self, id: PartitionId) -> bool {
        self.held.lock().partitions.contains_key(&id)
    }

    pub fn has_chunk(&self, id: ChunkId) -> bool {
        self.held.lock().chunks.contains_key(&id)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut held = self.claims.held.lock();
        self.partitions.iter().for_each(|id| release(&mut held.partitions, id));
        self.chunks.iter().for_each(|id| release(&mut held.chunks, id));
    }
}

fn release<T: Eq + Hash>(held: &mut HashMap<T, usize>, id: &T) {
    if let Some(count) = held.get_mut(id) {
        *count -= 1;
        if *count == 0 {
            held.remove(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_holds_until_the_last_is_dropped() {
        let claims = Arc::new(Claims::default());
        let id = PartitionId(uuid::Uuid::from_u128(7));
        let (one, two) = (claims.claim(vec![id], Vec::new()), claims.claim(vec![id], Vec::new()));
        drop(one);
        assert!(claims.has_partition(id));
        drop(two);
        assert!(!claims.has_partition(id));
    }
}
