//! How long a group of commits waits for more before its fsync.
//!
//! Writers that were told of their commits together send their next ones a moment later. If the next fsync began with
//! whoever came first, the others would wait for it to end and then for their own: writers fall into two halves that take
//! turns. PostgreSQL's `commit_delay` and `commit_siblings` are settings for this; here the two numbers are measured.

use std::time::Duration;

use crate::model::TimestampMicros;

/// The wait is at most this part of the last fsync's time: that is what who comes later would need for itself.
const PART_OF_A_SYNC: u32 = 4;
/// How long the queue is left alone between two looks.
pub(super) const STEP: Duration = Duration::from_micros(50);

/// What the last group showed.
pub(crate) struct Gathering {
    /// The longest wait, however slow the disk is.
    wait_max: Duration,
    /// Commits in it, and those that came while it was made last: so many wrote at the same time.
    writers: usize,
    took: Duration,
    sync_took: Duration,
}

impl Gathering {
    pub(crate) fn new(wait_max: Duration) -> Gathering {
        Gathering { wait_max, writers: 0, took: Duration::ZERO, sync_took: Duration::ZERO }
    }

    /// Takes note of a group that is done.
    pub(super) fn note(&mut self, commits: usize, waiting: usize, began: TimestampMicros, ended: TimestampMicros) {
        self.writers = commits + waiting;
        self.took = between(began, ended);
    }

    /// Takes note of how long a group's frame took to become durable.
    pub(super) fn note_sync(&mut self, began: TimestampMicros, ended: TimestampMicros) {
        self.sync_took = between(began, ended);
    }

    /// Looks at the queue that are worth their time: none if the disk is so quick that waiting costs more than another
    /// fsync.
    pub(super) fn looks(&self) -> u128 {
        (self.sync_took / PART_OF_A_SYNC).min(self.wait_max).as_micros() / STEP.as_micros()
    }

    /// Whether the last group took so little time.
    pub(super) fn is_quick(&self, group_max: Duration) -> bool {
        self.took < group_max
    }

    /// Whether so many waiting commits are as many as wrote at the same time before.
    pub(super) fn are_all(&self, waiting: usize) -> bool {
        waiting >= self.writers
    }
}

/// Nothing, if the clock stepped back.
fn between(began: TimestampMicros, ended: TimestampMicros) -> Duration {
    Duration::from_micros(u64::try_from(ended.0 - began.0).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(commits: usize, waiting: usize, micros: i64) -> Gathering {
        let mut gathering = Gathering::new(Duration::from_millis(2));
        let (began, ended) = (TimestampMicros(1_000), TimestampMicros(1_000 + micros));
        gathering.note_sync(began, ended);
        gathering.note(commits, waiting, began, ended);
        gathering
    }

    #[test]
    fn a_lone_writer_never_waits() {
        assert!(Gathering::new(Duration::from_millis(2)).are_all(1));
        assert!(after(1, 0, 10_000).are_all(1));
    }

    #[test]
    fn two_halves_become_one() {
        let gathering = after(3, 5, 2_000);
        assert_eq!(gathering.looks(), 10, "a quarter of the fsync's time");
        assert!(!gathering.are_all(5));
        assert!(gathering.are_all(8));
    }

    #[test]
    fn a_wait_is_bounded_on_both_sides() {
        assert_eq!(after(3, 5, 100).looks(), 0, "the disk is quick");
        assert_eq!(after(3, 5, 1_000_000).looks(), 40, "and not much longer where it is very slow");
        assert_eq!(after(3, 5, -1_000).looks(), 0, "the clock stepped back");
    }
}
