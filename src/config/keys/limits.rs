//! Limits of statements, of the catalog, of partitions and of the object store.

use peristyle_catalog::Durability;

use super::key::{Key, number};
use crate::config::value::{number, shown};

pub(super) const STATEMENTS: &[Key] = &[
    Key {
        name: "statement_streams",
        value: None,
        help: "Streams that one statement computes with at once; 0 for one per core",
        show: |config| {
            if config.engine.streams == cores() { "0".to_owned() } else { config.engine.streams.to_string() }
        },
        set: |config, text| {
            let streams = number("statement_streams", text, 0)?;
            config.engine.streams = if streams == 0 { cores() } else { streams };
            Ok(())
        },
    },
    number!("memory_bytes_max", engine.memory_bytes, 1_048_576, "Memory that all statements may hold together"),
    number!(
        "statement_memory_bytes_max",
        engine.query_memory_bytes,
        1_048_576,
        "Memory that one statement may hold before it spills or fails"
    ),
    number!("statement_spill_bytes_max", engine.spill_bytes, 0, "Disk that one statement may spill to"),
    number!(
        "commit_retries_max",
        engine.retries_max,
        0,
        "Times that a lone statement whose commit lost a race is run again"
    ),
    number!("savepoints_max", engine.savepoints_max, 1, "Savepoints that one transaction may have"),
    number!(
        "chunk_rows_max",
        engine.chunk_rows_max,
        0,
        "Rows of one statement that go to the log as a chunk; more become partitions"
    ),
    number!("chunk_bytes_max", engine.chunk_bytes_max, 0, "The same in bytes"),
    number!(
        "transaction_chunks_max",
        engine.transaction_chunks_max,
        2,
        "Chunks of one table that wait in one transaction; past it they become one, or partitions"
    ),
    number!(
        "real_time_bytes_max",
        engine.real_time_bytes_max,
        1_048_576,
        "Rows in memory that are not in partitions yet, of all tables; past it writers wait for the merge"
    ),
    number!(
        "real_time_wait_seconds",
        engine.real_time_wait_seconds,
        0,
        "How long a writer waits for the merge before it fails with 53200"
    ),
    number!("copy_record_bytes_max", engine.copy_record_bytes_max, 1_024, "Longest record of a COPY"),
    number!(
        "copy_piece_bytes",
        engine.copy_piece_bytes,
        1_024,
        "Size of the pieces that a COPY is cut into for decoding on all cores"
    ),
    Key {
        name: "max_table_columns",
        value: None,
        help: "Columns of a table; on open tables the rest goes to _rest",
        show: |config| config.catalog.max_table_columns.to_string(),
        set: |config, text| {
            let columns = number("max_table_columns", text, 1)?;
            config.catalog.max_table_columns = columns;
            config.engine.max_table_columns = columns;
            Ok(())
        },
    },
];

pub(super) const CATALOG: &[Key] = &[
    number!("log_segment_bytes", catalog.log_segment_bytes, 65_536, "Size of a segment of the log"),
    number!("log_frame_bytes_max", catalog.log_frame_bytes_max, 65_536, "Largest group of commits"),
    number!(
        "log_bytes_max",
        log_bytes_max,
        65_536,
        "Length of the log from which on the oldest chunks are merged whatever their size"
    ),
    number!("commit_queue_max", catalog.commit_queue_max, 1, "Commits that wait for the log"),
    number!(
        "commit_wait_microseconds_max",
        catalog.commit_wait_microseconds_max,
        0,
        "Longest that a group of commits waits for those who wrote together with it before; 0: it does not wait"
    ),
    number!(
        "commit_here_microseconds_max",
        catalog.commit_here_microseconds_max,
        0,
        "Time of a group of commits below which a lone writer's small commit is made without changing threads; 0: never"
    ),
    number!("checkpoint_commits", background.checkpoint_commits, 1, "Commits after which a checkpoint is due"),
    number!("checkpoint_seconds", background.checkpoint_seconds, 1, "Age of a commit at which a checkpoint is due"),
    number!(
        "manifest_deltas_max",
        catalog.manifest_deltas_max,
        1,
        "Deltas of the manifest before it is written whole again"
    ),
    Key {
        name: "durability",
        value: Some("local|object"),
        help: "local: a commit is on the local disk when it is acknowledged; object: and in the store within \
               log_loss_seconds_max",
        show: |config| match config.catalog.durability {
            Durability::Local => "local".to_owned(),
            Durability::Object => "object".to_owned(),
        },
        set: |config, text| {
            config.catalog.durability = match text {
                "local" => Durability::Local,
                "object" => Durability::Object,
                _ => return Err("must be local or object".to_owned()),
            };
            Ok(())
        },
    },
    number!(
        "log_loss_seconds_max",
        catalog.log_loss_seconds_max,
        1,
        "With durability = object: commits of at most this time are lost with the local disk"
    ),
    number!(
        "log_ship_wait_seconds",
        catalog.log_ship_wait_seconds,
        0,
        "With durability = object: how long a commit waits for a store that does not take the log, before 58000"
    ),
    number!(
        "deferred_write_milliseconds",
        catalog.deferred_write_milliseconds,
        1,
        "With synchronous_commit = off: how long a commit waits to be written, so what a crash loses"
    ),
    number!("ingest_id_seconds", catalog.ingest_id_seconds, 0, "How long the id of a load is remembered"),
    number!(
        "index_lag_rows_max",
        catalog.index_lag_rows_max,
        0,
        "Rows that the catalog's index may be behind the log, to be replayed after a crash"
    ),
    number!("index_cache_bytes", catalog.index_cache_bytes, 0, "Memory for the catalog's index"),
    number!("statistics_cache_bytes", catalog.statistics_cache_bytes, 0, "Memory for statistics of partitions"),
];

pub(super) const PARTITIONS: &[Key] = &[
    number!("row_group_rows_max", storage.write.row_group_rows_max, 1, "Rows after which a row group ends"),
    number!(
        "row_group_bytes_max",
        storage.write.row_group_bytes_max,
        65_536,
        "Encoded bytes after which a row group ends"
    ),
    number!(
        "partition_target_bytes",
        storage.write.partition_target_bytes,
        65_536,
        "Size of a partition from which on further rows go to another one"
    ),
    number!(
        "partition_min_bytes",
        storage.write.partition_min_bytes,
        0,
        "Size below which neighbouring time buckets share a partition"
    ),
    number!(
        "encoders_max",
        storage.write.encoders_max,
        1,
        "Partitions without a key that one writer fills at once, and encodings under way when it is finished"
    ),
    number!(
        "sort_memory_bytes",
        storage.write.sort_memory_bytes,
        65_536,
        "Memory in which one writer sorts rows by partition key and order key; beyond it sorted runs go to disk"
    ),
    number!("sort_fan_in_max", storage.write.sort_fan_in_max, 2, "Sorted runs that are merged at once"),
    number!("footer_cache_bytes", storage.store.footer_cache_bytes, 0, "Memory for footers of partitions"),
];

pub(super) const BACKGROUND: &[Key] = &[
    number!("merge_interval_seconds", background.merge_interval_seconds, 1, "Pause between looks for work to merge"),
    number!(
        "chunks_bytes",
        storage.merge.chunks_bytes,
        1,
        "Bytes of a table's chunks from which on they become partitions"
    ),
    number!(
        "chunks_max",
        storage.merge.chunks_max,
        1,
        "Number of a table's chunks from which on they become partitions"
    ),
    number!(
        "chunk_age_seconds",
        storage.merge.chunk_age_seconds,
        0,
        "Age of a table's oldest chunk from which on its chunks become partitions"
    ),
    number!(
        "partitions_fan_in",
        storage.merge.partitions_fan_in,
        2,
        "Small partitions that were merged as often as each other from which on they become a larger one"
    ),
    number!(
        "merge_quiet_seconds",
        storage.merge.quiet_seconds,
        1,
        "How long nothing was added to a day, month or year of a table before its small partitions become fewer"
    ),
    number!("merge_bytes_max", storage.merge.group_bytes_max, 65_536, "Bytes that one merge reads"),
    number!("merge_inputs_max", storage.merge.group_max, 2, "Chunks and partitions that one merge reads"),
    number!("merge_levels_max", storage.merge.levels_max, 1, "How often a row is merged"),
    number!(
        "merge_encoders_max",
        storage.merge.encoders_max,
        1,
        "Partitions that the background's merge encodes at once, and so the cores that it keeps busy"
    ),
    number!(
        "merge_sort_memory_bytes",
        storage.merge.sort_memory_bytes,
        65_536,
        "Memory in which the background's merge sorts; beyond it sorted runs go to disk"
    ),
    number!(
        "merge_bytes_per_second_max",
        storage.merge.bytes_per_second_max,
        0,
        "Bytes that the background's merge reads in a second, unless writers wait for it; 0 is no limit"
    ),
    number!(
        "merge_yield_seconds",
        storage.merge.yield_seconds,
        0,
        "How long at a stretch merges leave alone what open transactions at REPEATABLE READ and above have read of a table and may still change, unless writers wait for them"
    ),
    number!("gc_interval_seconds", background.gc_interval_seconds, 1, "Pause between deletions of ended objects"),
    number!(
        "ended_age_seconds",
        storage.gc.ended_age_seconds,
        0,
        "Least time between an object's end mark and its deletion"
    ),
    number!(
        "history_seconds",
        storage.gc.history_seconds,
        0,
        "How long states of the past can be read by FOR SYSTEM_TIME AS OF; until then what they saw takes space"
    ),
    number!(
        "history_bytes_max",
        storage.gc.history_bytes_max,
        0,
        "Bytes of objects kept for states of the past alone; past it the oldest states can be read no more"
    ),
    number!(
        "history_log_bytes_max",
        storage.gc.history_log_bytes_max,
        0,
        "Bytes of the log kept for states of the past; past it the oldest states can be read no more"
    ),
    number!(
        "history_rows_max",
        storage.gc.history_rows_max,
        0,
        "Partitions, chunks, and columns of definitions kept for states of the past, each up to 0.5 KiB of memory"
    ),
    number!(
        "snapshot_seconds_max",
        storage.gc.snapshot_seconds_max,
        1,
        "How long a statement may read a state that is not the newest any more; past it objects go and it gets 72000"
    ),
    number!(
        "dropped_table_seconds",
        engine.dropped_table_seconds,
        0,
        "How long a dropped table can be taken back by UNDROP TABLE; it takes its space until then and history_seconds longer"
    ),
    number!("gc_batch_max", storage.gc.batch_max, 1, "Objects deleted at a time"),
    number!("gc_requests_max", storage.gc.deletes_max, 1, "Deletions under way at once"),
    number!(
        "orphan_interval_seconds",
        background.orphan_interval_seconds,
        1,
        "Pause between searches through the store for objects that nothing names"
    ),
    number!(
        "orphan_age_seconds",
        storage.gc.orphan_age_seconds,
        0,
        "Least time between the last change of such an object and its deletion"
    ),
    number!("orphan_page_max", storage.gc.orphan_page_max, 1, "Objects that one step of such a search looks at"),
    number!("retry_seconds_max", background.retry_seconds_max, 1, "Longest pause after background work failed"),
    number!("background_stop_seconds", background.stop_seconds, 0, "Time for background work when the server stops"),
];

pub(super) const STORE: &[Key] = &[
    number!(
        "fence_check_seconds",
        background.fence_check_seconds,
        1,
        "Pause between looks whether another server took the store over"
    ),
    number!("store_requests_max", storage.store.requests_max, 1, "Requests under way at once; further ones wait"),
    number!(
        "upload_part_bytes",
        storage.store.upload_part_bytes,
        5_242_880,
        "Size of a part of a large upload; S3 takes no less than 5MiB"
    ),
    number!("upload_parts_max", storage.store.upload_parts_max, 1, "Parts of one upload under way at once"),
    number!("store_retries_max", storage.store.retries_max, 0, "Attempts after the first that a request gets"),
    number!("store_retry_seconds", storage.store.retry_seconds, 1, "Time for a request with all its attempts"),
    number!("store_request_seconds", storage.store.request_seconds, 1, "Time for one attempt"),
    number!("store_connect_seconds", storage.store.connect_seconds, 1, "Time to reach the store"),
];

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
