//! What to write again of a table when somebody asks for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use peristyle_catalog::TableContents;
use peristyle_catalog::model::{Partition, PartitionKey};

use super::MergeSettings;
use super::policy::{Group, Place, full_bytes, within_limits};
use crate::partition::WriteOptions;

/// How much of a table is written again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Rows in the log.
    Chunks,
    /// Partitions that are smaller than the writer would make them, where two or more can become one.
    Small,
    /// All partitions, so that each is sorted by the order key that the table has now.
    All,
}

/// The groups to merge, each within the limits of one merge.
pub fn groups(
    key: &PartitionKey,
    contents: &TableContents,
    extent: Extent,
    settings: &MergeSettings,
    options: &WriteOptions,
) -> Vec<Group> {
    match extent {
        Extent::Chunks => {
            let chunks = cut(contents.chunks().cloned().collect(), |chunk| chunk.bytes, settings);
            chunks.into_iter().map(|chunks| Group { chunks, partitions: Vec::new() }).collect()
        }
        Extent::Small => {
            let full = full_bytes(key, options);
            let small = contents.partitions().filter(|partition| partition.bytes < full);
            by_place(key, small, settings).into_iter().filter(|group| group.partitions.len() > 1).collect()
        }
        Extent::All => by_place(key, contents.partitions(), settings),
    }
}

/// Partitions that may become one go together. One that lies across units, as after a change of the key, goes alone.
fn by_place<'a>(
    key: &PartitionKey,
    partitions: impl Iterator<Item = &'a Arc<Partition>>,
    settings: &MergeSettings,
) -> Vec<Group> {
    let mut places = BTreeMap::<Place, Vec<Arc<Partition>>>::new();
    let mut lots = Vec::new();
    for partition in partitions {
        match Place::of(key, partition) {
            Some(place) => places.entry(place).or_default().push(Arc::clone(partition)),
            None => lots.push(vec![Arc::clone(partition)]),
        }
    }
    lots.extend(places.into_values().flat_map(|lot| cut(lot, |partition| partition.bytes, settings)));
    lots.into_iter().map(|partitions| Group { chunks: Vec::new(), partitions }).collect()
}

fn cut<T>(mut lot: Vec<T>, bytes: impl Fn(&T) -> u64, settings: &MergeSettings) -> Vec<Vec<T>> {
    let mut cuts = Vec::new();
    while !lot.is_empty() {
        let rest = lot.split_off(within_limits(lot.iter().map(&bytes), settings).min(lot.len()));
        cuts.push(std::mem::replace(&mut lot, rest));
    }
    cuts
}
