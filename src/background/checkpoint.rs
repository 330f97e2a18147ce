//! The checkpoint job: after so many commits, or when the oldest commit without one is so old.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use peristyle_catalog::model::{Seq, TimestampMicros};
use peristyle_catalog::{Catalog, Error, Sources};

use super::{BackgroundSettings, Job, Progress};

/// How often it is looked whether a checkpoint is due, in seconds.
const LOOK_SECONDS: u64 = 1;

/// Writes checkpoints of a catalog when they are due.
pub fn checkpoint_job(catalog: Arc<Catalog>, settings: &BackgroundSettings, sources: Sources) -> Job {
    let due = Due::new(settings, catalog.snapshot().seq());
    let due = Arc::new(Mutex::new(due));
    Job::new("checkpoint", Duration::from_secs(LOOK_SECONDS), move || {
        let (catalog, due, now) = (catalog.clone(), due.clone(), sources.clock.now());
        async move {
            let seq = catalog.snapshot().seq();
            if !due.lock().is_due(seq, now) {
                return Ok::<Progress, Error>(Progress::Nothing);
            }
            catalog.checkpoint().await?;
            due.lock().done(seq);
            Ok(Progress::Nothing)
        }
    })
}

/// When a checkpoint is due.
struct Due {
    commits: u64,
    seconds: u64,
    /// The last commit that has a checkpoint.
    last: Seq,
    /// When a later commit was first seen.
    since: Option<TimestampMicros>,
}

impl Due {
    fn new(settings: &BackgroundSettings, last: Seq) -> Due {
        Due { commits: settings.checkpoint_commits, seconds: settings.checkpoint_seconds, last, since: None }
    }

    fn is_due(&mut self, seq: Seq, now: TimestampMicros) -> bool {
        let commits = seq.0.saturating_sub(self.last.0);
        if commits == 0 {
            return false;
        }
        let since = *self.since.get_or_insert(now);
        commits >= self.commits || since <= now.seconds_before(self.seconds)
    }

    fn done(&mut self, seq: Seq) {
        self.last = seq;
        self.since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_due_by_commits_or_by_age() {
        let settings =
            BackgroundSettings { checkpoint_commits: 10, checkpoint_seconds: 5, ..BackgroundSettings::default() };
        let second = TimestampMicros::from_seconds;
        let mut due = Due::new(&settings, Seq(3));
        assert!(!due.is_due(Seq(3), second(1000)), "nothing happened");
        assert!(!due.is_due(Seq(4), second(2000)));
        assert!(!due.is_due(Seq(5), second(2004)));
        assert!(due.is_due(Seq(5), second(2005)));
        due.done(Seq(5));
        assert!(!due.is_due(Seq(14), second(2006)));
        assert!(due.is_due(Seq(15), second(2006)));
    }
}
