//! The merge job: chunks become partitions, small partitions become larger.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use peristyle_catalog::model::{Oid, Partition, PartitionId, PartitionKey};
use peristyle_catalog::{Catalog, Snapshot, Sources};
use peristyle_storage::merge::{Group, MergeLog, MergeTotals, Merger, Outcome, Pace, State, Urgency, pick};
use peristyle_storage::partition::WriteOptions;
use peristyle_storage::{Error, Store};
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tracing::{debug, error, info};

use super::failures::Failures;
use super::{Job, JobError, Progress};
use crate::config::Config;

/// Merges what the policy picks, one group at a time, on the computing threads.
pub(crate) fn merge_job(
    catalog: &Arc<Catalog>,
    store: &Arc<Store>,
    config: &Config,
    sources: &Sources,
    cpu: &Handle,
    log: &Arc<MergeLog>,
) -> Job {
    let job = Arc::new(MergeJob {
        merger: Merger {
            store: Arc::clone(store),
            catalog: Arc::clone(catalog),
            sources: sources.clone(),
            options: config.storage.merge.write_options(&config.storage.write),
            parse_missing: Arc::new(peristyle_sql::parse_missing),
            pace: Pace::of(config.storage.merge.bytes_per_second_max),
            settings: config.storage.merge.clone(),
            urgency: Urgency::Normal,
            log: Arc::clone(log),
        },
        log_bytes_max: config.log_bytes_max,
        real_time_bytes_max: config.engine.real_time_bytes_max,
        failures: Failures::default(),
        damaged: Mutex::default(),
    });
    let interval = Duration::from_secs(config.background.merge_interval_seconds);
    let cpu = cpu.clone();
    Job::new("merge", interval, move || {
        let job = Arc::clone(&job);
        // Ends with its job.
        let mut running = JoinSet::new();
        running.spawn_on(async move { job.run_once().await }, &cpu);
        async move {
            match running.join_next().await {
                Some(Ok(progress)) => progress,
                Some(Err(error)) => Err(Box::new(error) as JobError),
                None => Ok(Progress::Nothing),
            }
        }
    })
    .steady()
}

struct MergeJob {
    merger: Merger,
    log_bytes_max: u64,
    real_time_bytes_max: u64,
    /// Tables whose merge failed or lost its race: all others come before them.
    failures: Failures,
    /// Partitions whose objects were found damaged.
    damaged: Mutex<HashSet<PartitionId>>,
}

impl MergeJob {
    async fn run_once(&self) -> Result<Progress, JobError> {
        let snapshot = self.merger.catalog.snapshot();
        let urgency = self.urgency(&snapshot);
        let Some((table, group)) = self.pick(&snapshot, urgency) else { return Ok(Progress::Nothing) };
        drop(snapshot);
        let (chunks, inputs, bytes_read) = (group.chunks.len(), group.partitions.len(), group.bytes());
        self.failures.begin(table);
        let outcome = match self.merger_for(urgency).run(table, &group).await {
            Err(Error::Damaged { partition, source }) => {
                self.failures.succeed(table);
                self.damaged.lock().insert(partition);
                error!(%table, %partition, error = %source, "a partition is damaged: merges leave it alone from now on");
                return Ok(Progress::Worked);
            }
            other => other?,
        };
        match outcome {
            Outcome::Merged { partitions, rows, bytes, .. } => {
                self.failures.succeed(table);
                self.merger.log.background(table, self.merger.sources.clock.now());
                let level = group.level();
                let amplification = self.merger.log.totals().get(&table).and_then(MergeTotals::write_amplification);
                info!(%table, chunks, inputs, bytes_read, partitions, rows, bytes, level, amplification, "merged");
                Ok(Progress::Worked)
            }
            Outcome::Lost => {
                debug!(%table, "a merge lost its race and left nothing");
                Ok(Progress::Nothing)
            }
        }
    }

    /// The group to merge next: of the table with the oldest chunk first, if memory or the log is at its limit.
    fn pick(&self, snapshot: &Snapshot, urgency: Urgency) -> Option<(Oid, Group)> {
        let mut tables: Vec<Oid> = snapshot.relations().filter(|r| r.as_table().is_some()).map(|r| r.oid).collect();
        if urgency == Urgency::MakeRoom {
            tables.sort_by_key(|table| oldest_chunk(snapshot, *table).unwrap_or(u64::MAX));
        }
        self.failures.put_last(&mut tables);
        tables.into_iter().find_map(|table| Some((table, self.pick_of(snapshot, table, urgency)?)))
    }

    fn merger_for(&self, urgency: Urgency) -> Merger {
        match urgency {
            Urgency::Normal => self.merger.clone(),
            // Writers wait for it.
            Urgency::MakeRoom => Merger { pace: Pace::UNLIMITED, urgency, ..self.merger.clone() },
        }
    }

    fn pick_of(&self, snapshot: &Snapshot, table: Oid, urgency: Urgency) -> Option<Group> {
        let contents = snapshot.contents(table)?;
        let definition = snapshot.relation(table)?;
        let key = definition.as_table().map_or(&PartitionKey::None, |table| &table.partition_key);
        let merger = self.merger_for(urgency);
        let spared = merger.spared(table);
        let chunks: Vec<_> = contents.chunks().filter(|chunk| !spared.has_chunk(chunk)).cloned().collect();
        let damaged = self.damaged.lock();
        let is_left_alone = |partition: &Partition| spared.has_partition(partition) || damaged.contains(&partition.id);
        // Of a dropped table only memory and log are freed: it may never be read again.
        let partitions = contents.partitions().filter(|_| !snapshot.is_dropped(definition));
        let partitions: Vec<_> = partitions.filter(|partition| !is_left_alone(partition)).cloned().collect();
        let now = self.merger.sources.clock.now();
        let urgency = if chunks.is_empty() { Urgency::Normal } else { urgency };
        let state = State { key, chunks: &chunks, partitions: &partitions, now, urgency };
        let options: &WriteOptions = &self.merger.options;
        let group = pick(&state, &self.merger.settings, options);
        spared.note(group.is_some());
        group
    }

    fn urgency(&self, snapshot: &Snapshot) -> Urgency {
        let (end, _) = self.merger.catalog.log_extent();
        let kept_from = snapshot.oldest_chunk_position().unwrap_or(end);
        let log_is_full = end.saturating_sub(kept_from) > self.log_bytes_max;
        // Half of the limit, so that writers seldom wait.
        let memory_is_full = snapshot.real_time_bytes() > self.real_time_bytes_max / 2;
        if log_is_full || memory_is_full { Urgency::MakeRoom } else { Urgency::Normal }
    }
}

fn oldest_chunk(snapshot: &Snapshot, table: Oid) -> Option<u64> {
    snapshot.contents(table)?.chunks().next().map(|chunk| chunk.log_position)
}
