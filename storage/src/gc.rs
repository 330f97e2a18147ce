//! Deletion of objects that no reader needs, in the order of law 2: the end mark is committed, the horizon, a
//! manifest and a minimum age have passed, the object is deleted, then its row is dropped. And orphans, which never had a row.

mod history;
mod orphans;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};
use peristyle_catalog::fail_points::{self, Done, Step};
use peristyle_catalog::model::{Change, ChangeSet, Oid, Partition, PartitionId, Seq, TimestampMicros};
use peristyle_catalog::{Catalog, Head, Sources};

use crate::Result;
use crate::objects::{Store, path_of};
use crate::settings::GcSettings;

pub use history::forget_history;
pub use orphans::{Sweep, Swept, orphans, sweep_intents};

/// The partitions whose objects may be deleted now, oldest end mark first. `ended` is in that order.
pub fn due<'a>(
    ended: impl Iterator<Item = &'a Arc<Partition>>,
    horizon: Seq,
    now: TimestampMicros,
    settings: &GcSettings,
) -> Vec<Arc<Partition>> {
    let ended_by = now.seconds_before(settings.ended_age_seconds);
    let is_due =
        |partition: &&Arc<Partition>| partition.removed.is_some_and(|end| end.seq <= horizon && end.at <= ended_by);
    ended.filter(is_due).take(settings.batch_max).cloned().collect()
}

/// Deletes what is due, a bounded number of objects, and forgets it. Returns how many. A reader that holds an old state
/// for too long does not stop it.
pub async fn run(store: &Arc<Store>, catalog: &Catalog, sources: &Sources, settings: &GcSettings) -> Result<usize> {
    let now = sources.clock.now();
    let readers = catalog.expire_snapshots(now.seconds_before(settings.snapshot_seconds_max));
    if readers > 0 {
        tracing::warn!(readers, "snapshots were held too long and expired");
    }
    // What the newest manifest names, or needs for states of the past, is not deleted either: a restore begins with it.
    let seen_from = catalog.horizon().min(catalog.exported()).min(catalog.history_exported());
    let due = due(catalog.snapshot().ended(), seen_from, now, settings);
    if due.is_empty() {
        return Ok(0);
    }
    store.ensure_ours().await?;
    fail_points::reach(Step::GcDelete)?;
    let shared = shared(&catalog.snapshot(), &due);
    let (named, alone): (Vec<_>, Vec<_>) = due.into_iter().partition(|partition| shared.contains(&partition.id));
    let mut deleted = delete(store, &alone, settings).await?;
    // The object is another table's too; only this row goes. Of rows that are due together one does, and the last takes the
    // object with it.
    let named: BTreeSet<PartitionId> = named.iter().map(|partition| partition.id).collect();
    deleted.extend(named);
    let count = deleted.len();
    fail_points::reach(Step::GcForget)?;
    catalog.commit(ChangeSet { changes: vec![Change::Forget(deleted)], ..ChangeSet::default() }).await?;
    fail_points::pass(Done::GcForgotten);
    Ok(count)
}

/// Those of the partitions whose object another table has too: a clone, or where a clone came from. No table comes to have
/// it later, since a clone requires a live partition to come from.
fn shared(head: &Head, due: &[Arc<Partition>]) -> BTreeSet<PartitionId> {
    let tables: BTreeMap<PartitionId, Oid> = due.iter().map(|partition| (partition.id, partition.table)).collect();
    let is_of_another = |id: &PartitionId, table: Oid| tables.get(id).is_some_and(|own| *own != table);
    let ended = head.ended().filter(|other| is_of_another(&other.id, other.table)).map(|other| other.id);
    let mut shared: BTreeSet<PartitionId> = ended.collect();
    for table in head.relations().map(|relation| relation.oid) {
        let Some(contents) = head.contents(table) else { continue };
        shared.extend(tables.keys().filter(|id| contents.partition(**id).is_some()).copied());
    }
    shared
}

/// Deletes the objects; one that is gone already counts as deleted.
async fn delete(store: &Arc<Store>, due: &[Arc<Partition>], settings: &GcSettings) -> Result<Vec<PartitionId>> {
    let deletes = due.iter().cloned().map(|partition| delete_one(Arc::clone(store), partition));
    stream::iter(deletes).buffered(settings.deletes_max.max(1)).try_collect().await
}

async fn delete_one(store: Arc<Store>, partition: Arc<Partition>) -> Result<PartitionId> {
    store.delete(&path_of(&partition)).await?;
    store.footers().remove(partition.id);
    Ok(partition.id)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use bytes::Bytes;
    use peristyle_catalog::model::{EndMark, KeyRange, Layout, LayoutId};
    use uuid::Uuid;

    use super::*;
    use crate::testing::{TABLE, store};

    fn ended(id: u128, seq: u64, at_seconds: i64) -> Arc<Partition> {
        Arc::new(Partition {
            id: PartitionId(Uuid::from_u128(id)),
            table: TABLE,
            home: TABLE,
            layout: Arc::new(Layout { id: LayoutId(1), columns: vec![] }),
            remap: vec![],
            rows: 1,
            bytes: 1,
            checksum: None,
            added: Seq(1),
            removed: Some(EndMark { seq: Seq(seq), at: TimestampMicros::from_seconds(at_seconds) }),
            row_seqs: (Seq(1), Seq(1)),
            key: KeyRange::default(),
            level: 0,
        })
    }

    #[test]
    fn only_what_no_reader_sees_and_is_old_enough_is_due() {
        let settings = GcSettings { ended_age_seconds: 100, batch_max: 2, deletes_max: 1, ..GcSettings::default() };
        let all = [ended(1, 5, 0), ended(2, 6, 50), ended(3, 7, 0), ended(4, 9, 0)];
        let due = |horizon, now: i64| -> Vec<u128> {
            let now = TimestampMicros::from_seconds(now);
            due(all.iter(), Seq(horizon), now, &settings).iter().map(|partition| partition.id.0.as_u128()).collect()
        };
        assert_eq!(due(6, 100), [1], "2 is too young, 3 is still seen");
        assert_eq!(due(7, 100), [1, 3]);
        assert_eq!(due(7, 150), [1, 2], "no more than a batch");
        assert_eq!(due(4, 1000), [] as [u128; 0]);
        assert_eq!(due(9, 99), [] as [u128; 0]);
    }

    #[tokio::test]
    async fn deleting_tolerates_what_is_gone() {
        let (_folder, store) = store();
        let due = [ended(1, 5, 0), ended(2, 5, 0)];
        store.create(&path_of(&due[0]), Bytes::from_static(b"x")).await.unwrap();
        let deleted = delete(&store, &due, &GcSettings::default()).await.unwrap();
        assert_eq!(deleted, [due[0].id, due[1].id]);
        assert_eq!(store.list_data().try_collect::<Vec<_>>().await.unwrap(), []);
    }
}
