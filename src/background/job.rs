//! One kind of background work and its rhythm.

use std::time::Duration;

use futures::future::BoxFuture;

/// Any error of a room; it is traced and the work is tried again later.
pub type JobError = Box<dyn std::error::Error + Send + Sync>;

/// What one run found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There was something to do, and there may be more: run again at once.
    Worked,
    /// There was nothing to do.
    Nothing,
}

/// Makes the future of one run.
type Run = Box<dyn FnMut() -> BoxFuture<'static, Result<Progress, JobError>> + Send>;

/// Work that is done again and again.
pub struct Job {
    pub(super) name: &'static str,
    pub(super) interval: Duration,
    /// Whether it is tried again after its interval however often it failed.
    pub(super) is_steady: bool,
    pub(super) run: Run,
}

impl Job {
    /// `run` is called, and its future awaited, once per interval, and at once again while it finds work.
    pub fn new<F, E>(name: &'static str, interval: Duration, mut run: impl FnMut() -> F + Send + 'static) -> Job
    where
        F: Future<Output = Result<Progress, E>> + Send + 'static,
        E: Into<JobError>,
    {
        let run: Run = Box::new(move || {
            let work = run();
            Box::pin(async move { work.await.map_err(Into::into) })
        });
        Job { name, interval, is_steady: false, run }
    }

    /// For work that something waits for: failures do not make it rarer.
    pub(crate) fn steady(self) -> Job {
        Job { is_steady: true, ..self }
    }
}

/// The pause before the next run: the interval, doubled for each failure in a row up to `longest`, and up to a tenth
/// more by chance, so that servers and jobs do not fall into step.
pub(super) fn pause(interval: Duration, failures: u32, longest: Duration, chance: u16) -> Duration {
    let doubled = interval.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX));
    let pause = if failures == 0 { interval } else { doubled.min(longest.max(interval)) };
    pause + pause.mul_f64(f64::from(chance) / f64::from(u16::MAX) / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_with_failures_up_to_the_longest() {
        let second = Duration::from_secs(1);
        let pauses = [0, 1, 3, 9, 40].map(|failures| pause(second, failures, second * 60, 0).as_secs());
        assert_eq!(pauses, [1, 2, 8, 60, 60]);
        assert_eq!(pause(second * 100, 1, second * 60, 0), second * 100, "never shorter than the interval");
        assert_eq!(pause(second, 0, second, u16::MAX), Duration::from_millis(1100));
    }
}
