//! Whether a partition's object is still what was written. Parquet's pages bear no checksums, so the whole object is
//! compared with what the catalog knows of it. Whoever writes rows of a partition anew must do so: what is written gets a
//! checksum of its own, and a damage would be taken for data from then on.

use peristyle_catalog::model::Partition;

use crate::objects::{Store, path_of};
use crate::{Error, Result};

/// Bytes of an object that are read at once.
const READ_BYTES: u64 = 8 << 20;

/// Compares a partition's object with its checksum; of an object without one nothing is known.
///
/// # Errors
/// [`Error::Unreadable`] if it is damaged or gone.
pub async fn verify(store: &Store, partition: &Partition) -> Result<()> {
    if partition.checksum.is_some() {
        read_through(store, partition).await.map_err(|error| error.of_partition(partition.id))?;
    }
    Ok(())
}

/// Reads the whole object; whether there is a checksum to compare with.
///
/// # Errors
/// [`Error::Corrupt`], which names the object, if it is damaged.
pub(crate) async fn read_through(store: &Store, partition: &Partition) -> Result<bool> {
    let path = path_of(partition);
    let (mut checksum, mut from) = (0, 0);
    while from < partition.bytes {
        let to = partition.bytes.min(from + READ_BYTES);
        let parts = store.get_ranges(&path, std::slice::from_ref(&(from..to))).await?;
        parts.iter().for_each(|part| checksum = crc32c::crc32c_append(checksum, part));
        from = to;
    }
    match partition.checksum {
        Some(expected) if expected != checksum => {
            Err(damaged(partition, format!("its checksum is {checksum:08x}, the catalog says {expected:08x}")))
        }
        Some(_) => Ok(true),
        None => Ok(false),
    }
}

pub(crate) fn damaged(partition: &Partition, detail: String) -> Error {
    Error::corrupt(format!("object \"{}\"", path_of(partition)), detail)
}
