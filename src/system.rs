//! The real clock and the system's randomness: the only place that reads them.
#![allow(clippy::disallowed_methods, reason = "this is where the sources come from")]

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use peristyle_catalog::model::TimestampMicros;
use peristyle_catalog::{Clock, Entropy, Sources};
use rand::RngCore;

/// The sources of a running server.
pub fn system_sources() -> Sources {
    Sources { clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) }
}

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> TimestampMicros {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_micros());
        TimestampMicros(i64::try_from(since_epoch).unwrap_or(i64::MAX))
    }
}

struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        // Seeded and reseeded from the operating system; cryptographically strong.
        rand::rng().fill_bytes(bytes);
    }
}
