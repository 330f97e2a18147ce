//! Writes manifests and frees what they make unnecessary.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::format::Encoder;
use super::{Chain, ManifestName};
use crate::catalog::Parts;
use crate::fail_points::{self, Done, Step};
use crate::index::{Applied, Index};
use crate::records::codec::Malformed;
use crate::records::{Key, NewestOps, RawOp, RowOp};
use crate::shared::Shared;
use crate::{Error, Head, Result, shipping};

/// One checkpoint at a time.
#[derive(Default)]
pub(crate) struct Checkpoints {
    turn: Mutex<()>,
}

/// What the next manifest is made of.
enum Plan {
    /// The newest manifest is the head's.
    Nothing,
    Delta(ManifestName, NewestOps),
    Base(ManifestName),
}

/// A manifest on its way to the store. If it is given up, whether the object exists is unknown; then the next one is a
/// base, which does not depend on it.
struct Attempt<'a> {
    shared: &'a Shared,
    is_done: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.shared.with_unexported(|unexported, _, _| unexported.give_up());
        }
    }
}

impl Checkpoints {
    /// Writes a manifest of the newest head, if there is anything new, and frees log segments.
    pub(crate) async fn run(&self, shared: &Arc<Shared>) -> Result<()> {
        let _turn = self.turn.lock().await;
        let (plan, head, reached) = plan(shared);
        let mut attempt = Attempt { shared, is_done: false };
        write(shared, plan, Arc::clone(&head), reached).await?;
        attempt.is_done = true;
        shared.exported(&head);
        free_log(shared, &head, reached).await
    }
}

fn plan(shared: &Shared) -> (Plan, Arc<Head>, Applied) {
    let id = shared.parts.sources.uuid();
    let deltas_max = shared.settings.manifest_deltas_max;
    shared.with_unexported(|unexported, head, point| {
        let plan = match unexported.from {
            Some(_) if unexported.is_empty() => Plan::Nothing,
            Some(from) if unexported.deltas < deltas_max => {
                Plan::Delta(ManifestName::new(Some(from), head.seq, id), unexported.take(head.seq))
            }
            Some(_) | None => {
                unexported.take(head.seq);
                unexported.deltas = 0;
                Plan::Base(ManifestName::new(None, head.seq, id))
            }
        };
        let reached = Applied { seq: head.seq, point };
        (plan, head, reached)
    })
}

async fn write(shared: &Arc<Shared>, plan: Plan, head: Arc<Head>, reached: Applied) -> Result<()> {
    let for_encoder = Arc::clone(shared);
    let (name, bytes) = match plan {
        Plan::Nothing => return Ok(()),
        Plan::Delta(name, ops) => {
            (name, blocking(move || Ok(encode_delta(for_encoder.folder.id, reached, ops))).await?)
        }
        Plan::Base(name) => {
            let id = for_encoder.folder.id;
            let encode = move || for_encoder.with_index(|index| encode_base(id, &head, index, reached));
            (name, blocking(encode).await?)
        }
    };
    if let Some(shipping) = &shared.shipping {
        fail_points::reach(Step::CheckpointShip)?;
        // The rows of chunks that the manifest names: a commit is restored whole or not at all.
        shipping.run(&shared.parts, &shared.segments).await?;
    }
    fail_points::reach(Step::CheckpointWrite)?;
    shared.parts.manifests.create(&name.name, bytes).await?;
    fail_points::reach(Step::CheckpointWritten)?;
    shared.counters.manifests.fetch_add(1, Ordering::Relaxed);
    if name.from.is_none() {
        delete_superseded(&shared.parts).await?;
        fail_points::reach(Step::CheckpointSuperseded)?;
    }
    Ok(())
}

async fn blocking(encode: impl FnOnce() -> Result<Bytes> + Send + 'static) -> Result<Bytes> {
    let encoded = tokio::task::spawn_blocking(encode).await;
    encoded.map_err(|error| Error::Io { what: "manifest".to_owned(), source: std::io::Error::other(error) })?
}

fn encode_delta(catalog: Uuid, reached: Applied, ops: NewestOps) -> Bytes {
    let mut encoder = Encoder::new(catalog, reached);
    ops.into_sorted().iter().for_each(|op| encoder.add(op));
    encoder.finish()
}

/// Names and partitions come from the head, statistics from the index: those of a partition never change, so it
/// does not matter that the index may be ahead.
pub(crate) fn encode_base(catalog: Uuid, head: &Head, index: &Index, reached: Applied) -> Result<Bytes> {
    let mut encoder = Encoder::new(catalog, reached);
    head.records().for_each(|record| encoder.add(&RawOp::from(&RowOp::Put(record))));
    add_statistics(&mut encoder, head, index)?;
    Ok(encoder.finish())
}

fn add_statistics(encoder: &mut Encoder, head: &Head, index: &Index) -> Result<()> {
    let ended = head.ended_ids();
    for row in index.scan(Key::STATISTICS_PREFIX, Some(Key::AFTER_STATISTICS)) {
        let (key, value) = row?;
        let decoded = Key::decode(&key)
            .map_err(|Malformed(detail)| Error::Corrupt { what: "index".to_owned(), detail: detail.to_owned() })?;
        let is_known = matches!(decoded, Key::Statistics(key) if head.knows_partition(&key, &ended));
        if is_known {
            encoder.add(&RawOp { key, value: Some(value.into()) });
        }
    }
    Ok(())
}

async fn delete_superseded(parts: &Parts) -> Result<()> {
    let names = parts.manifests.list().await?;
    let Some(chain) = Chain::find(&names) else { return Ok(()) };
    for name in names.iter().filter(|name| ManifestName::parse(name).is_some() && !chain.contains(name)) {
        parts.manifests.delete(name).await?;
    }
    Ok(())
}

/// Frees segments that lie below the manifest and below every chunk that is not in a partition yet. Copies in the store
/// are needed by the manifest's own chunks, since a merge after it may not be there yet.
async fn free_log(shared: &Shared, exported: &Head, reached: Applied) -> Result<()> {
    let head = shared.durable_head();
    shared.catch_up_index();
    let oldest_chunk = head.log_needed_from().unwrap_or(u64::MAX);
    let needed_from = reached.point.position.min(oldest_chunk);
    fail_points::reach(Step::CheckpointFree)?;
    let freed = shared.segments.free_below(needed_from);
    let freed = freed.map_err(|source| Error::Io { what: "log folder".to_owned(), source })?;
    if freed > 0 {
        tracing::info!(freed, needed_from, "freed log segments");
    }
    if shared.shipping.is_some() {
        let needed_from = reached.point.position.min(exported.log_needed_from().unwrap_or(u64::MAX));
        fail_points::reach(Step::ShippingFree)?;
        shipping::free_below(&shared.parts, needed_from).await?;
    }
    fail_points::pass(Done::CheckpointFreed);
    Ok(())
}

/// Writes the manifest of a catalog that has no commit yet.
pub(crate) async fn create_first(parts: &Parts, catalog: Uuid, head: &Head) -> Result<()> {
    let name = ManifestName::new(None, head.seq, parts.sources.uuid());
    let mut encoder = Encoder::new(catalog, Applied::default());
    head.records().for_each(|record| encoder.add(&RawOp::from(&RowOp::Put(record))));
    Ok(parts.manifests.create(&name.name, encoder.finish()).await?)
}
