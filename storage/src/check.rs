//! Whether what a head names is in the store, whole, and holds the rows that the catalog counts.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};
use peristyle_catalog::Head;
use peristyle_catalog::model::{Chunk, Partition, PartitionId};
use peristyle_catalog::offline::Fault;

use crate::objects::{DataObject, Store, path_of};
use crate::partition::{ScanMetrics, damaged, open_footer, read_through};
use crate::{Error, Result, chunk};

/// How thorough the check is.
#[derive(Clone, Copy, Debug)]
pub struct CheckOptions {
    /// Whether every object is read to its end and compared with its checksum, not only its size and footer.
    pub reads_objects: bool,
    /// Objects that are looked at at once.
    pub objects_at_once: usize,
}

/// What was found in the store.
#[derive(Clone, Debug, Default)]
pub struct ObjectsChecked {
    /// Objects of live partitions.
    pub objects: u64,
    pub bytes: u64,
    /// Objects whose checksum agrees.
    pub checksums: u64,
    /// Objects of partitions with an end mark that are deleted already.
    pub deleted: u64,
    /// Objects that nothing names.
    pub orphans: u64,
    pub orphan_bytes: u64,
    pub faults: Vec<Fault>,
    /// Partitions that cannot be read: live ones, and such as only states of the past see.
    pub lost: Vec<Arc<Partition>>,
}

/// Looks at the objects of all live partitions.
///
/// # Errors
/// If the store does not answer. What it answers wrongly is a [`Fault`].
pub async fn check_objects(store: &Arc<Store>, head: &Head, options: CheckOptions) -> Result<ObjectsChecked> {
    let listed: Vec<DataObject> = store.list_data().try_collect().await?;
    let mut sizes: HashMap<String, u64> = listed.into_iter().map(|object| (object.path, object.bytes)).collect();
    let mut found = ObjectsChecked::default();
    let live = live_partitions(head);
    let checks = live.iter().map(|partition| check_object(store, partition, &sizes, options));
    let checked: Vec<Checked> = stream::iter(checks).buffered(options.objects_at_once.max(1)).try_collect().await?;
    for (partition, checked) in live.iter().zip(checked) {
        found.add(partition, checked);
    }
    let mut named: HashSet<String> = live.iter().map(|partition| path_of(partition).to_string()).collect();
    let lost: HashSet<PartitionId> = found.lost.iter().map(|partition| partition.id).collect();
    for ended in head.ended() {
        // A clone may have the object.
        if lost.contains(&ended.id) {
            found.lost.push(Arc::clone(ended));
        } else {
            found.add_ended(ended, head, &sizes);
        }
        named.insert(path_of(ended).to_string());
    }
    sizes.retain(|path, _| !named.contains(path));
    found.orphans = sizes.len() as u64;
    found.orphan_bytes = sizes.values().sum();
    Ok(found)
}

/// Whether a chunk's body decodes to the rows that the catalog counts.
pub fn check_body(chunk: &Chunk, body: &[u8]) -> Result<(), String> {
    let batch = chunk::decode(body, &chunk.layout.columns).map_err(|error| error.to_string())?;
    match batch.num_rows() as u64 {
        rows if rows == chunk.rows => Ok(()),
        rows => Err(format!("it holds {rows} rows, the catalog counts {}", chunk.rows)),
    }
}

fn live_partitions(head: &Head) -> Vec<Arc<Partition>> {
    let tables = head.relations().filter_map(|relation| head.contents(relation.oid));
    tables.flat_map(|contents| contents.partitions()).cloned().collect()
}

/// What is wrong with an object, or whether its checksum was compared.
type Checked = std::result::Result<bool, String>;

impl ObjectsChecked {
    fn add(&mut self, partition: &Arc<Partition>, checked: Checked) {
        self.objects += 1;
        self.bytes += partition.bytes;
        match checked {
            Ok(has_checksum) => self.checksums += u64::from(has_checksum),
            Err(detail) => self.lose(partition, detail),
        }
    }

    /// What no state sees that can be read may be deleted.
    fn add_ended(&mut self, partition: &Arc<Partition>, head: &Head, sizes: &HashMap<String, u64>) {
        let Some(end) = partition.removed else { return };
        let is_seen = end.seq > head.history_from();
        match listed(partition, sizes) {
            Ok(()) => {}
            Err(detail) if is_seen => {
                self.lose(partition, format!("{detail}, and the states before commit {} need it", end.seq));
            }
            Err(_) => self.deleted += 1,
        }
    }

    fn lose(&mut self, partition: &Arc<Partition>, detail: String) {
        self.faults.push(Fault::new(format!("object \"{}\"", path_of(partition)), detail));
        self.lost.push(Arc::clone(partition));
    }
}

async fn check_object(
    store: &Arc<Store>,
    partition: &Arc<Partition>,
    sizes: &HashMap<String, u64>,
    options: CheckOptions,
) -> Result<Checked> {
    if let Err(detail) = listed(partition, sizes) {
        return Ok(Err(detail));
    }
    let checked = match check_footer(store, partition).await {
        Ok(()) if options.reads_objects => read_through(store, partition).await,
        Ok(()) => Ok(false),
        Err(error) => Err(error),
    };
    match checked {
        Ok(has_checksum) => Ok(Ok(has_checksum)),
        Err(error @ (Error::Unavailable(_) | Error::Io { .. })) => Err(error),
        Err(Error::Corrupt { detail, .. }) => Ok(Err(detail)),
        Err(other) => Ok(Err(other.to_string())),
    }
}

/// Whether the store's list has the object, with its size.
fn listed(partition: &Partition, sizes: &HashMap<String, u64>) -> std::result::Result<(), String> {
    match sizes.get(path_of(partition).as_ref()) {
        None => Err("it does not exist".to_owned()),
        Some(bytes) if *bytes != partition.bytes => {
            Err(format!("it has {bytes} bytes, the catalog says {}", partition.bytes))
        }
        Some(_) => Ok(()),
    }
}

async fn check_footer(store: &Arc<Store>, partition: &Partition) -> Result<()> {
    let footer = open_footer(store, partition, &Arc::new(ScanMetrics::default())).await?;
    let rows: u64 = (0..footer.row_groups()).map(|group| footer.row_group_rows(group)).sum();
    if rows != partition.rows {
        return Err(damaged(partition, format!("it holds {rows} rows, the catalog counts {}", partition.rows)));
    }
    let in_file = |id| partition.remap.iter().find(|remap| remap.in_table == id).map_or(id, |remap| remap.in_file);
    let missing = partition.layout.columns.iter().find(|(id, _)| !footer.has_column(in_file(*id)));
    match missing {
        Some((id, _)) => Err(damaged(partition, format!("it has no column {}, the catalog says it has", id.0))),
        None => Ok(()),
    }
}
