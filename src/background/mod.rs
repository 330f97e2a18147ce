//! Work beside the statements: merge, checkpoint, copies of the log, deletion of objects, a look at the fence. Each is a
//! [`Job`]; the [`Supervisor`] runs them until the server stops.

mod checkpoint;
mod dropped;
mod failures;
mod fence;
mod gc;
mod job;
mod merge;
mod orphans;
mod retention;
mod shipping;
mod supervisor;

pub use checkpoint::checkpoint_job;
pub(crate) use dropped::dropped_job;
pub(crate) use fence::fence_job;
pub(crate) use gc::gc_job;
pub use job::{Job, JobError, Progress};
pub(crate) use merge::merge_job;
pub(crate) use orphans::orphans_job;
pub(crate) use retention::retention_job;
pub(crate) use shipping::shipping_job;
pub use supervisor::Supervisor;

/// How often the background works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackgroundSettings {
    /// Pause between looks for something to merge, in seconds.
    pub merge_interval_seconds: u64,
    /// Commits after which a checkpoint is due.
    pub checkpoint_commits: u64,
    /// Age of the oldest commit without a checkpoint at which one is due, in seconds.
    pub checkpoint_seconds: u64,
    /// Pause between deletions of ended objects, in seconds.
    pub gc_interval_seconds: u64,
    /// Pause between searches for objects that nothing names, in seconds.
    pub orphan_interval_seconds: u64,
    /// Pause between looks whether the store is still this server's, in seconds.
    pub fence_check_seconds: u64,
    /// Longest pause after work failed again and again, in seconds.
    pub retry_seconds_max: u64,
    /// How long work may go on when the server stops, in seconds.
    pub stop_seconds: u64,
}

impl Default for BackgroundSettings {
    fn default() -> BackgroundSettings {
        BackgroundSettings {
            merge_interval_seconds: 5,
            checkpoint_commits: 10_000,
            checkpoint_seconds: 60,
            gc_interval_seconds: 60,
            orphan_interval_seconds: 21_600,
            fence_check_seconds: 10,
            retry_seconds_max: 300,
            stop_seconds: 10,
        }
    }
}
