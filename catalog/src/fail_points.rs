//! Places where a test makes a server fail: the process ends, the step fails, or it takes long. Only debug builds have
//! them; in a release build nothing of it is left.
//!
//! `PERISTYLE_FAIL_POINT=<point>=<abort|error|delay>[@<n>]` arms one, for the n-th time that it is reached (once) or, for
//! errors and delays without a number, for every time.

use std::io;

use crate::{Error, Result};

/// Passes a point at which a step may still fail.
pub fn reach(point: &'static str) -> Result<()> {
    reach_io(point).map_err(|source| Error::Io { what: format!("fail point {point}"), source })
}

/// As [`reach`], where the error is one of the system.
#[inline]
pub(crate) fn reach_io(point: &'static str) -> io::Result<()> {
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

/// Passes a point behind which the step cannot fail any more: it is done.
pub fn pass(point: &'static str) {
    // Only `abort` and `delay` mean something here.
    drop(reach_io(point));
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
