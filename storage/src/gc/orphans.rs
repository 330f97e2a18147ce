//! Orphans: objects that nothing names, as a crash during a load leaves them. Found by the intents of earlier
//! processes, at once and without a listing, and by listing, a page at a time.
//!
//! Nobody but this server writes to the store (the fence), and what this server itself is writing is among its
//! intents. So an object that neither the catalog nor an intent of this process names will never be named.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::stream::TryStreamExt;
use peristyle_catalog::fail_points::{self, Step};
use peristyle_catalog::model::PartitionId;
use peristyle_catalog::{Catalog, Head, Sources};

use crate::Result;
use crate::objects::{DataObject, Intent, Store, partition_path};
use crate::settings::GcSettings;

/// Objects under `data/` that no live or ended partition names. Among them may be those of a load that is under way
/// and not yet committed; their time of modification tells.
pub async fn orphans(store: &Arc<Store>, catalog: &Catalog) -> Result<Vec<DataObject>> {
    // Listed first: what is committed in between is then named by the head and not taken for an orphan.
    let objects: Vec<DataObject> = store.list_data().try_collect().await?;
    Ok(unnamed(objects, &named(&catalog.snapshot())))
}

fn named(head: &Head) -> BTreeSet<PartitionId> {
    let tables = head.relations().filter_map(|relation| head.contents(relation.oid));
    let live = tables.flat_map(|contents| contents.partitions());
    live.chain(head.ended()).map(|partition| partition.id).collect()
}

fn unnamed(objects: Vec<DataObject>, named: &BTreeSet<PartitionId>) -> Vec<DataObject> {
    objects.into_iter().filter(|object| object.partition.is_none_or(|(_, id)| !named.contains(&id))).collect()
}

/// Deletes objects that earlier processes noted and never committed, a bounded number. Returns how many it looked at.
pub async fn sweep_intents(store: &Arc<Store>, catalog: &Catalog, settings: &GcSettings) -> Result<usize> {
    let named = named(&catalog.snapshot());
    let committed = |intent: &Intent| named.contains(&intent.1);
    store.intents().settle(store.intents().own().into_iter().filter(committed));
    let left = store.intents().left(settings.batch_max);
    if left.is_empty() {
        return Ok(0);
    }
    store.ensure_ours().await?;
    fail_points::reach(Step::IntentsDelete)?;
    for (table, id) in left.iter().filter(|intent| !committed(intent)) {
        // Deleting settles it.
        store.delete(&partition_path(*table, *id)).await?;
    }
    store.intents().settle(left.iter().copied().filter(committed));
    Ok(left.len())
}

/// A search for orphans through the whole listing, which goes on where it stopped.
#[derive(Debug, Default)]
pub struct Sweep {
    after: Option<String>,
}

/// What one page of a search had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    pub deleted: usize,
    /// Whether that was the end of the listing; the next page is the first again.
    pub is_end: bool,
}

impl Sweep {
    /// Looks at the next `orphan_page_max` objects and deletes the orphans among them that are older than
    /// `orphan_age_seconds`. After an error the same page is next.
    pub async fn page(
        &mut self,
        store: &Arc<Store>,
        catalog: &Catalog,
        sources: &Sources,
        settings: &GcSettings,
    ) -> Result<Swept> {
        let page = store.data_page(self.after.as_deref(), settings.orphan_page_max).await?;
        let is_end = page.len() < settings.orphan_page_max;
        let last = page.last().map(|object| object.path.clone());
        // Taken after the listing, as in `orphans`.
        let named = named(&catalog.snapshot());
        let before = sources.clock.now().seconds_before(settings.orphan_age_seconds);
        let mut deleted = 0;
        for object in unnamed(page, &named) {
            // What is not a partition's name is not ours to delete.
            let Some(intent) = object.partition else { continue };
            if object.modified <= before && !store.intents().is_own(&intent) {
                store.ensure_ours().await?;
                fail_points::reach(Step::OrphansDelete)?;
                store.delete(&partition_path(intent.0, intent.1)).await?;
                tracing::info!(path = object.path, bytes = object.bytes, "deleted an object that nothing named");
                deleted += 1;
            }
        }
        self.after = if is_end { None } else { last };
        Ok(Swept { deleted, is_end })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use bytes::Bytes;
    use uuid::Uuid;

    use super::*;
    use crate::testing::{TABLE, store};

    #[tokio::test]
    async fn orphans_are_what_nothing_names() {
        let (_folder, store) = store();
        let ids = [1, 2].map(|id| PartitionId(Uuid::from_u128(id)));
        for id in ids {
            store.create(&partition_path(TABLE, id), Bytes::from_static(b"x")).await.unwrap();
        }
        let objects = store.list_data().try_collect().await.unwrap();
        let orphans = unnamed(objects, &BTreeSet::from([ids[0]]));
        assert_eq!(orphans.iter().map(|object| object.partition).collect::<Vec<_>>(), [Some((TABLE, ids[1]))]);
    }

    #[tokio::test]
    async fn pages_go_through_everything_in_order() {
        let (_folder, store) = store();
        for id in 1..=5 {
            store.create(&partition_path(TABLE, PartitionId(Uuid::from_u128(id))), Bytes::new()).await.unwrap();
        }
        let (mut after, mut seen) = (None, Vec::new());
        loop {
            let page = store.data_page(after.as_deref(), 2).await.unwrap();
            assert!(page.len() <= 2);
            let Some(last) = page.last() else { break };
            after = Some(last.path.clone());
            seen.extend(page.iter().map(|object| object.partition.unwrap().1.0.as_u128()));
        }
        assert_eq!(seen, [1, 2, 3, 4, 5]);
    }
}
