//! The job of dropped tables: those that were dropped long enough ago go for good.

use std::sync::Arc;
use std::time::Duration;

use peristyle_catalog::model::{Change, ChangeSet, Requirement, TimestampMicros};
use peristyle_catalog::{Catalog, Error, Sources};
use peristyle_sql::dropped_at;
use tracing::{debug, info};

use super::{Job, JobError, Progress};
use crate::config::Config;

/// Looks as often as garbage is looked for.
pub(crate) fn dropped_job(catalog: &Arc<Catalog>, config: &Config, sources: &Sources) -> Job {
    let interval = Duration::from_secs(config.background.gc_interval_seconds);
    let kept_seconds = config.engine.dropped_table_seconds;
    let (catalog, sources) = (Arc::clone(catalog), sources.clone());
    Job::new("dropped tables", interval, move || {
        let (catalog, sources) = (Arc::clone(&catalog), sources.clone());
        async move {
            let limit = sources.clock.now().seconds_before(kept_seconds);
            for changes in due(&catalog, limit) {
                remove(&catalog, changes).await?;
            }
            Ok::<_, JobError>(Progress::Nothing)
        }
    })
}

/// The removal of each table that was dropped at that time or before.
fn due(catalog: &Catalog, limit: TimestampMicros) -> Vec<ChangeSet> {
    let head = catalog.snapshot();
    let is_due = |relation: &&Arc<peristyle_catalog::model::Relation>| {
        head.is_dropped(relation) && dropped_at(relation).is_some_and(|at| at <= limit)
    };
    let removal = |relation: &Arc<peristyle_catalog::model::Relation>| ChangeSet {
        // Nobody took it back.
        requires: vec![Requirement::RelationVersion { oid: relation.oid, version: relation.version }],
        changes: vec![Change::DropRelation(relation.oid)],
        ingest_id: None,
    };
    head.relations().filter(is_due).map(removal).collect()
}

async fn remove(catalog: &Catalog, changes: ChangeSet) -> Result<(), Error> {
    match catalog.commit(changes).await {
        Ok(commit) => info!(seq = commit.seq.0, "removed a dropped table for good"),
        Err(Error::Conflict { .. } | Error::RelationGone(_)) => debug!("a dropped table was taken back"),
        Err(error) => return Err(error),
    }
    Ok(())
}
