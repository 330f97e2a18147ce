use crate::partition::WriteOptions;

const MIB: u64 = 1024 * 1024;

/// Limits of the merge.
#[derive(Clone, Debug)]
pub struct MergeSettings {
    /// Bytes of a table's chunks from which on they become partitions.
    pub chunks_bytes: u64,
    /// Number of a table's chunks from which on they become partitions.
    pub chunks_max: usize,
    /// Age of a table's oldest chunk from which on its chunks become partitions, in seconds.
    pub chunk_age_seconds: u64,
    /// Small partitions of one level from which on they become a larger one of the next.
    pub partitions_fan_in: usize,
    /// How long nothing was added to a unit of the partition key before its small partitions become fewer, in seconds.
    pub quiet_seconds: u64,
    /// Bytes that one merge reads at most.
    pub group_bytes_max: u64,
    /// Chunks and partitions that one merge reads at most.
    pub group_max: usize,
    /// How often a row is merged at most.
    pub levels_max: u8,
    /// Partitions that the background's merge encodes at once: so many cores it keeps busy at most.
    pub encoders_max: usize,
    /// Memory in which the background's merge sorts, in bytes.
    pub sort_memory_bytes: usize,
    /// Bytes that the background's merge reads in a second at most; 0 is no limit.
    pub bytes_per_second_max: u64,
    /// How long merges of a table are held up by open transactions that may still change the state that they read, however
    /// many come and go, in seconds.
    pub yield_seconds: u64,
}

impl Default for MergeSettings {
    fn default() -> Self {
        MergeSettings {
            chunks_bytes: 32 * MIB,
            chunks_max: 10_000,
            chunk_age_seconds: 600,
            partitions_fan_in: 12,
            quiet_seconds: 6 * 3600,
            group_bytes_max: 1024 * MIB,
            group_max: 50_000,
            levels_max: 16,
            encoders_max: 1,
            sort_memory_bytes: 128 * MIB as usize,
            bytes_per_second_max: 128 * MIB,
            yield_seconds: 300,
        }
    }
}

impl MergeSettings {
    /// How the background's merge writes: as any load, within its own share.
    pub fn write_options(&self, options: &WriteOptions) -> WriteOptions {
        WriteOptions { encoders_max: self.encoders_max, sort_memory_bytes: self.sort_memory_bytes, ..options.clone() }
    }
}
