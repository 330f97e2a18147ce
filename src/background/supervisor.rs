//! Runs the jobs, keeps them alive through errors and panics, and stops them.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use peristyle_catalog::Sources;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{debug, warn};

use super::job::{Job, JobError, Progress, pause};

/// The running jobs.
pub struct Supervisor {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
    stop_limit: Duration,
}

impl Supervisor {
    /// Starts the jobs, a task each, on the runtime that this is called in.
    pub fn start(jobs: Vec<Job>, settings: &super::BackgroundSettings, sources: &Sources) -> Supervisor {
        let stop = watch::Sender::new(false);
        let longest = Duration::from_secs(settings.retry_seconds_max);
        let mut tasks = JoinSet::new();
        for job in jobs {
            tasks.spawn(repeat(job, longest, sources.clone(), stop.subscribe()));
        }
        Supervisor { tasks, stop, stop_limit: Duration::from_secs(settings.stop_seconds) }
    }

    /// Lets what runs finish within `stop_seconds`, and cuts the rest off: a lost run leaves nothing that a reader
    /// can see.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(self.stop_limit, all).await.is_err() {
            warn!(jobs = self.tasks.len(), "background work did not end in background_stop_seconds and is cut off");
            self.tasks.shutdown().await;
        }
    }
}

async fn repeat(mut job: Job, longest: Duration, sources: Sources, mut stop: watch::Receiver<bool>) {
    let longest = if job.is_steady { job.interval } else { longest };
    let mut failures = 0_u32;
    let mut wait = pause(job.interval, 0, longest, chance(&sources));
    loop {
        tokio::select! {
            biased;
            // An error means that the supervisor is gone.
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = match run(&mut job).await {
            Ok(Progress::Worked) => {
                failures = 0;
                Duration::ZERO
            }
            Ok(Progress::Nothing) => {
                failures = 0;
                pause(job.interval, 0, longest, chance(&sources))
            }
            Err(error) => {
                failures += 1;
                let wait = pause(job.interval, failures, longest, chance(&sources));
                // An outage is told of less and less often.
                if failures.is_power_of_two() {
                    warn!(job = job.name, failures, retry_seconds = wait.as_secs(), %error, "background work failed");
                }
                wait
            }
        };
    }
}

async fn run(job: &mut Job) -> Result<Progress, JobError> {
    let progress = AssertUnwindSafe((job.run)()).catch_unwind().await.unwrap_or_else(|_| Err("it panicked".into()));
    if let Ok(progress) = &progress {
        debug!(job = job.name, ?progress, "background work ran");
    }
    progress
}

fn chance(sources: &Sources) -> u16 {
    let mut bytes = [0; 2];
    sources.entropy.fill(&mut bytes);
    u16::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::background::BackgroundSettings;
    use crate::system::system_sources;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Notify;

    #[tokio::test]
    async fn work_goes_on_after_errors_and_panics_until_the_stop() {
        let runs = Arc::new(AtomicUsize::new(0));
        let enough = Arc::new(Notify::new());
        let (counter, notify) = (runs.clone(), enough.clone());
        let job = Job::new("test", Duration::ZERO, move || {
            let run = counter.fetch_add(1, Ordering::Relaxed);
            let notify = notify.clone();
            async move {
                match run {
                    0 => Ok(Progress::Worked),
                    1 => Err("an error"),
                    2 => panic!("a panic"),
                    3 => Ok(Progress::Nothing),
                    _ => {
                        notify.notify_one();
                        Ok(Progress::Nothing)
                    }
                }
            }
        });
        let supervisor = Supervisor::start(vec![job], &BackgroundSettings::default(), &system_sources());
        enough.notified().await;
        supervisor.stop().await;
        let done = runs.load(Ordering::Relaxed);
        tokio::task::yield_now().await;
        assert_eq!(runs.load(Ordering::Relaxed), done, "nothing runs after the stop");
        assert!(done >= 5);
    }

    #[tokio::test]
    async fn work_that_does_not_end_is_cut_off() {
        let job = Job::new("stuck", Duration::ZERO, std::future::pending::<Result<Progress, JobError>>);
        let settings = BackgroundSettings { stop_seconds: 0, ..BackgroundSettings::default() };
        let supervisor = Supervisor::start(vec![job], &settings, &system_sources());
        tokio::task::yield_now().await;
        supervisor.stop().await;
    }
}
