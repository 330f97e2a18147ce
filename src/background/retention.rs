//! The retention job: partitions and chunks of which every row has expired go, without being read.

use std::sync::Arc;
use std::time::Duration;

use peristyle_catalog::model::{Change, ChangeSet, Requirement};
use peristyle_catalog::{Catalog, Error, Snapshot, Sources};
use peristyle_sql::{Expired, expired};
use tracing::{debug, info};

use super::{Job, JobError, Progress};
use crate::config::Config;

/// Looks at each table as often as garbage is looked for.
pub(crate) fn retention_job(catalog: &Arc<Catalog>, config: &Config, sources: &Sources) -> Job {
    let interval = Duration::from_secs(config.background.gc_interval_seconds);
    let (catalog, sources) = (Arc::clone(catalog), sources.clone());
    Job::new("retention", interval, move || {
        let (catalog, sources) = (Arc::clone(&catalog), sources.clone());
        async move {
            let snapshot = catalog.snapshot();
            for changes in due(&catalog, &snapshot, &sources) {
                drop_expired(&catalog, changes).await?;
            }
            Ok::<_, JobError>(Progress::Nothing)
        }
    })
}

/// What is to go, of each table that has something.
fn due(catalog: &Catalog, snapshot: &Snapshot, sources: &Sources) -> Vec<ChangeSet> {
    let claims = catalog.claims();
    let of_table = |relation: &Arc<peristyle_catalog::model::Relation>| {
        let (table, contents) = (relation.as_table()?, snapshot.contents(relation.oid)?);
        let Expired { mut partitions, mut chunks } = expired(table, contents, sources.clock.now());
        // What a client is about to replace is left to it.
        partitions.retain(|id| !claims.has_partition(*id));
        chunks.retain(|id| !claims.has_chunk(*id));
        if partitions.is_empty() && chunks.is_empty() {
            return None;
        }
        let oid = relation.oid;
        Some(ChangeSet {
            requires: vec![
                // The retention is still what it was.
                Requirement::RelationVersion { oid, version: relation.version },
                Requirement::PartitionsLive { table: oid, partitions: partitions.clone() },
                Requirement::ChunksLive { table: oid, chunks: chunks.clone() },
            ],
            changes: vec![Change::Remove { table: oid, partitions, chunks }],
            ingest_id: None,
        })
    };
    snapshot.relations().filter_map(of_table).collect()
}

async fn drop_expired(catalog: &Catalog, changes: ChangeSet) -> Result<(), Error> {
    match catalog.commit(changes).await {
        Ok(commit) => info!(seq = commit.seq.0, "dropped what had expired"),
        // It is still expired the next time.
        Err(Error::Conflict { .. } | Error::RelationGone(_)) => debug!("others changed a table with expired rows"),
        Err(error) => return Err(error),
    }
    Ok(())
}
