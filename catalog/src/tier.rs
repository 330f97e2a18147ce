//! What the catalog asks of the room above: keep the rows of chunks in memory, keep manifests and copies of
//! the log in the store.

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::model::Chunk;

/// The rows of one table's chunks as one head sees them. Immutable; `storage` knows what is inside.
pub trait RealTimeRows: Any + Send + Sync {
    /// For `storage` to get at its own type.
    fn as_any(&self) -> &dyn Any;
    /// Memory held, in bytes.
    fn bytes(&self) -> u64;
}

/// A chunk on its way into memory.
pub struct ArrivingChunk {
    pub chunk: Arc<Chunk>,
    pub body: Bytes,
    /// As in [`crate::model::NewChunk::decoded`].
    pub decoded: Option<Arc<dyn Any + Send + Sync>>,
}

/// Builds the next [`RealTimeRows`] from the last. Called by the one committer and by replay, in commit order, and
/// for states of the past, whose removed chunks come after others; must be quick (it folds small chunks into growing
/// batches) and must not fail for bodies that `storage` encoded.
pub trait RealTimeTier: Send + Sync + 'static {
    /// The rows of `rows` (none for a table's first chunk) and those of the new chunks.
    fn append(
        &self,
        rows: Option<&Arc<dyn RealTimeRows>>,
        arriving: Vec<ArrivingChunk>,
    ) -> Result<Arc<dyn RealTimeRows>, TierError>;

    /// The rows without those of these chunks; `None` if none is left.
    fn remove(&self, rows: &Arc<dyn RealTimeRows>, chunks: &[Arc<Chunk>]) -> Option<Arc<dyn RealTimeRows>>;
}

/// A folder of the store. Names are created once and never overwritten.
#[async_trait]
pub trait ObjectFolder: Send + Sync + 'static {
    /// Makes a durable object; fails if it exists.
    async fn create(&self, name: &str, bytes: Bytes) -> Result<(), TierError>;
    /// The object, `None` if there is none.
    async fn read(&self, name: &str) -> Result<Option<Bytes>, TierError>;
    /// All names, in their order.
    async fn list(&self) -> Result<Vec<String>, TierError>;
    /// Deletes it; it may be gone already.
    async fn delete(&self, name: &str) -> Result<(), TierError>;
}

/// A failure of the room above, in its own words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TierError(pub String);
