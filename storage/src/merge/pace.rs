use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Limits how many bytes are read in a second, over all that share it. What was saved up while nothing was read is not
/// spent later.
#[derive(Clone, Debug)]
pub struct Pace(Option<Arc<Limit>>);

#[derive(Debug)]
struct Limit {
    bytes_per_second: u64,
    /// When what was read so far may have been read.
    paid_until: Mutex<Option<Instant>>,
}

impl Pace {
    /// As fast as it goes.
    pub const UNLIMITED: Pace = Pace(None);

    /// At most that many bytes; 0 is no limit.
    pub fn of(bytes_per_second: u64) -> Pace {
        Pace((bytes_per_second > 0).then(|| Arc::new(Limit { bytes_per_second, paid_until: Mutex::new(None) })))
    }

    /// Waits until so many bytes may have been read.
    pub(super) async fn spend(&self, bytes: u64) {
        if let Some(limit) = &self.0 {
            let until = limit.spend(bytes, Instant::now());
            tokio::time::sleep_until(until).await;
        }
    }
}

impl Limit {
    fn spend(&self, bytes: u64, now: Instant) -> Instant {
        let mut paid_until = self.paid_until.lock();
        let cost = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64);
        let until = paid_until.map_or(now, |until| until.max(now)) + cost;
        *paid_until = Some(until);
        until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_take_their_time_and_idle_time_is_not_saved_up() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let limit = Limit { bytes_per_second: 1000, paid_until: Mutex::new(None) };
        assert_eq!(limit.spend(2000, start), at(2));
        assert_eq!(limit.spend(1000, start), at(3));
        assert_eq!(limit.spend(1000, at(10)), at(11));
    }
}
