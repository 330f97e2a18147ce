//! Where time and chance come from. No other part of Peristyle reads the clock, makes an id or draws a random
//! number (clippy.toml bans it), so that a simulation can replay a failure from one seed.

use std::sync::Arc;

use uuid::Uuid;

use crate::model::TimestampMicros;

/// The wall clock.
pub trait Clock: Send + Sync + 'static {
    /// The time now. May step back; who needs order keeps the greatest seen.
    fn now(&self) -> TimestampMicros;
}

/// Random bytes, good enough for identities.
pub trait Entropy: Send + Sync + 'static {
    /// Fills the buffer.
    fn fill(&self, bytes: &mut [u8]);
}

/// The two sources, passed to every component that needs one.
#[derive(Clone)]
pub struct Sources {
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}

impl Sources {
    /// A time-ordered UUID (version 7, RFC 9562).
    pub fn uuid(&self) -> Uuid {
        let millis = u64::try_from(self.clock.now().0 / 1000).unwrap_or(0);
        let mut random = [0; 10];
        self.entropy.fill(&mut random);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}
