//! Memory of statements: a pool per query under one for all, so that a large query cannot starve the others.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::common::{Result, resources_datafusion_err};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryLimit, MemoryPool, MemoryReservation};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};

use crate::engine::EngineLimits;
use crate::error::SqlError;

/// The environment that all statements share; its pool is the one for all.
pub(super) fn shared_environment(limits: &EngineLimits, spill_folder: &Path) -> Result<Arc<RuntimeEnv>, SqlError> {
    let disk = DiskManagerBuilder::default()
        .with_mode(DiskManagerMode::Directories(vec![spill_folder.to_owned()]))
        .with_max_temp_directory_size(limits.spill_bytes);
    let environment = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(GreedyMemoryPool::new(limits.memory_bytes)))
        .with_disk_manager_builder(disk)
        .build()?;
    Ok(Arc::new(environment))
}

/// One statement's environment within the shared one.
pub(super) fn query_environment(shared: &RuntimeEnv, query_memory_bytes: usize) -> Arc<RuntimeEnv> {
    let pool = QueryPool { all: Arc::clone(&shared.memory_pool), used: AtomicUsize::new(0), limit: query_memory_bytes };
    Arc::new(RuntimeEnv { memory_pool: Arc::new(pool), ..shared.clone() })
}

/// What one query may hold; every byte also counts in the pool for all.
#[derive(Debug)]
struct QueryPool {
    all: Arc<dyn MemoryPool>,
    used: AtomicUsize,
    limit: usize,
}

impl fmt::Display for QueryPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "query pool ({} of {} bytes)", self.used.load(Ordering::Relaxed), self.limit)
    }
}

impl MemoryPool for QueryPool {
    fn name(&self) -> &str {
        "query"
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.used.fetch_add(additional, Ordering::Relaxed);
        self.all.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.used.fetch_sub(shrink, Ordering::Relaxed);
        self.all.shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let fits = |used: usize| used.checked_add(additional).filter(|&sum| sum <= self.limit);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).map_err(|used| {
            resources_datafusion_err!(
                "{} needs {additional} bytes more, the statement holds {used} of {} (statement_memory_bytes_max)",
                reservation.consumer().name(),
                self.limit
            )
        })?;
        self.all.try_grow(reservation, additional).inspect_err(|_| {
            self.used.fetch_sub(additional, Ordering::Relaxed);
        })
    }

    fn reserved(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.limit)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::execution::memory_pool::MemoryConsumer;

    use super::*;

    #[test]
    fn a_query_is_held_to_its_own_limit_and_to_that_of_all() {
        let all: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(150));
        let pool = || -> Arc<dyn MemoryPool> {
            Arc::new(QueryPool { all: Arc::clone(&all), used: AtomicUsize::new(0), limit: 100 })
        };
        let (one, two) = (pool(), pool());
        let first = MemoryConsumer::new("a").register(&one);
        first.try_grow(100).expect("within its limit");
        assert!(first.try_grow(1).is_err(), "over its own limit");
        let second = MemoryConsumer::new("b").register(&two);
        assert!(second.try_grow(60).is_err(), "over the limit of all");
        assert_eq!(two.reserved(), 0, "a refused growth leaves nothing");
        second.try_grow(50).expect("what is left");
        drop((first, second));
        assert_eq!(all.reserved(), 0);
    }
}
