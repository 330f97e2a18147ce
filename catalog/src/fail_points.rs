//! Places where a test makes a server fail: the process ends, the step fails, or it takes long. Only debug builds have
//! them; in a release build nothing of it is left.
//!
//! `PERISTYLE_FAIL_POINT=<point>=<abort|error|delay>[@<n>]` arms one, for the n-th time that it is reached (once) or, for
//! errors and delays without a number, for every time.
//!
//! The points are the names in the two lists below, and there are no others: `tests/clients/test_fail_points.py` reads
//! them here, runs each with each action, and fails where one is never reached.

use std::io;

use crate::{Error, Result};

macro_rules! points {
    ($(#[$doc:meta])* $kind:ident { $($point:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $kind {
            $(#[doc = $name] $point,)*
        }

        impl $kind {
            /// As it is armed.
            pub const fn name(self) -> &'static str {
                match self {
                    $($kind::$point => $name,)*
                }
            }
        }
    };
}

points! {
    /// Points at which a step may still fail.
    Step {
        CommitWrite = "commit.write",
        CommitSync = "commit.sync",
        LogSegment = "log.segment",
        CheckpointShip = "checkpoint.ship",
        CheckpointWrite = "checkpoint.write",
        CheckpointWritten = "checkpoint.written",
        CheckpointSuperseded = "checkpoint.superseded",
        CheckpointFree = "checkpoint.free",
        ShippingWrite = "shipping.write",
        ShippingWritten = "shipping.written",
        ShippingFree = "shipping.free",
        MergeRewrite = "merge.rewrite",
        MergeCommit = "merge.commit",
        GcDelete = "gc.delete",
        GcForget = "gc.forget",
        IntentsDelete = "intents.delete",
        OrphansDelete = "orphans.delete",
        StartLocked = "start.locked",
        StartLoaded = "start.loaded",
        StartReplayed = "start.replayed",
        StartFetched = "start.fetched",
        StartOpened = "start.opened",
        StartFenced = "start.fenced",
    }
}

points! {
    /// Points behind which the step cannot fail any more: it is done.
    Done {
        CommitSynced = "commit.synced",
        CommitIndexed = "commit.indexed",
        CommitPublished = "commit.published",
        CheckpointFreed = "checkpoint.freed",
        MergeCommitted = "merge.committed",
        GcForgotten = "gc.forgotten",
    }
}

/// Passes a point at which a step may still fail.
pub fn reach(step: Step) -> Result<()> {
    reach_io(step).map_err(|source| Error::Io { what: format!("fail point {}", step.name()), source })
}

/// As [`reach`], where the error is one of the system.
#[inline]
pub(crate) fn reach_io(step: Step) -> io::Result<()> {
    reach_point(step.name())
}

/// Passes a point behind which the step cannot fail any more.
#[inline]
pub fn pass(done: Done) {
    // Only `abort` and `delay` mean something here.
    drop(reach_point(done.name()));
}

#[inline]
fn reach_point(point: &'static str) -> io::Result<()> {
    #[cfg(debug_assertions)]
    {
        armed::reach(point)
    }
    #[cfg(not(debug_assertions))]
    {
        let _ = point;
        Ok(())
    }
}

#[cfg(debug_assertions)]
pub use armed::arm;

#[cfg(debug_assertions)]
mod armed {
    use std::io;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    const DELAY: Duration = Duration::from_millis(300);

    static ARMED: OnceLock<Armed> = OnceLock::new();

    struct Armed {
        point: String,
        action: Action,
        /// The time at which it happens, counted from 1; every time, if `None`.
        nth: Option<u64>,
        reached: AtomicU64,
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Action {
        Abort,
        Error,
        Delay,
    }

    /// Arms a fail point for the life of this process. The error says what is wrong with the text.
    pub fn arm(text: &str) -> Result<(), String> {
        let armed = parse(text).ok_or_else(|| format!("\"{text}\" is not <point>=<abort|error|delay>[@<n>]"))?;
        ARMED.set(armed).map_err(|_| "a fail point is armed already".to_owned())
    }

    fn parse(text: &str) -> Option<Armed> {
        let (point, rest) = text.split_once('=')?;
        let (action, nth) = match rest.split_once('@') {
            Some((action, nth)) => (action, Some(nth.parse().ok()?)),
            None => (rest, None),
        };
        let action = match action {
            "abort" => Action::Abort,
            "error" => Action::Error,
            "delay" => Action::Delay,
            _ => return None,
        };
        Some(Armed { point: point.to_owned(), action, nth, reached: AtomicU64::new(0) })
    }

    pub(super) fn reach(point: &'static str) -> io::Result<()> {
        let Some(armed) = ARMED.get().filter(|armed| armed.point == point) else { return Ok(()) };
        let count = armed.reached.fetch_add(1, Ordering::Relaxed) + 1;
        if armed.nth.is_some_and(|nth| nth != count) {
            return Ok(());
        }
        tracing::error!(point, action = ?armed.action, "fail point");
        match armed.action {
            Action::Abort => std::process::abort(),
            Action::Error => Err(io::Error::other("fail point")),
            Action::Delay => {
                std::thread::sleep(DELAY);
                Ok(())
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_point_is_armed_by_a_line() {
            let armed = parse("commit.sync=abort@3").unwrap();
            assert_eq!((armed.point.as_str(), armed.action, armed.nth), ("commit.sync", Action::Abort, Some(3)));
            let armed = parse("gc.delete=delay").unwrap();
            assert_eq!((armed.action, armed.nth), (Action::Delay, None));
            for wrong in ["", "gc.delete", "gc.delete=explode", "gc.delete=abort@x"] {
                assert!(parse(wrong).is_none());
            }
        }
    }
}
