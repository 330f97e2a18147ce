//! Room for rows in memory: past the real-time tier's limit writers wait for the merge, and fail when that takes too
//! long (law: nobody waits without a limit, nothing grows without one).

use std::time::Duration;

use peristyle_catalog::Error;

use crate::engine::Engine;
use crate::error::SqlError;

impl Engine {
    /// Returns once there is room for one more chunk; 53200 after `real_time_wait_seconds`.
    pub(crate) async fn admit_chunk(&self) -> Result<(), SqlError> {
        let limits = self.limits();
        let is_full = || self.catalog().snapshot().real_time_bytes() >= limits.real_time_bytes_max;
        if !is_full() {
            return Ok(());
        }
        tracing::warn!(real_time_bytes_max = limits.real_time_bytes_max, "writers wait for the merge");
        let mut heads = self.catalog().subscribe();
        let room = async {
            while is_full() {
                if heads.changed().await.is_err() {
                    return;
                }
            }
        };
        let limit = Duration::from_secs(limits.real_time_wait_seconds);
        tokio::time::timeout(limit, room).await.map_err(|_| {
            SqlError::from(Error::RealTimeFull)
                .detail(format!("The merge made no room within {} s.", limits.real_time_wait_seconds))
                .hint("Raise real_time_bytes_max, or write larger batches.")
        })
    }
}
