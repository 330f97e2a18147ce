//! The sessions of a server by process id: their number is limited, and other connections can cancel them.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use parking_lot::Mutex;
use peristyle_catalog::Sources;
use peristyle_sql::{SqlError, SqlState};
use tokio::sync::watch;

use super::door::Interrupt;
use super::errors::shutting_down;
use super::startup::Version;

/// Length of the cancel key, in bytes: all that protocol 3.0 can carry.
const KEY_BYTES_V3_0: usize = 4;

/// Length of the cancel key from protocol 3.2 on, in bytes, as PostgreSQL 18 makes it.
const KEY_BYTES: usize = 32;

/// Where the server is in its life. Only ever goes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Running,
    /// No new sessions; those without work end, others finish theirs.
    Draining,
    /// Every session ends now.
    Terminating,
}

/// All sessions.
pub(crate) struct Registry {
    sessions: Mutex<Sessions>,
    sessions_max: usize,
    phase: watch::Sender<Phase>,
    sources: Sources,
}

#[derive(Default)]
struct Sessions {
    by_process: HashMap<i32, Arc<Entry>>,
    last_process: i32,
}

struct Entry {
    key: Bytes,
    interrupts: OnceLock<Arc<dyn Interrupt>>,
}

/// A session's place among the others; dropping it frees the place.
pub(crate) struct Membership {
    registry: Arc<Registry>,
    process_id: i32,
    entry: Arc<Entry>,
    phase: watch::Receiver<Phase>,
}

impl Registry {
    pub(crate) fn new(sessions_max: usize, sources: Sources) -> Arc<Registry> {
        let phase = watch::Sender::new(Phase::Running);
        Arc::new(Registry { sessions: Mutex::default(), sessions_max, phase, sources })
    }

    /// A place for a new session: 53300 if all are taken, 57P03 if the server stops.
    pub(crate) fn admit(self: &Arc<Self>, version: Version) -> Result<Membership, SqlError> {
        if *self.phase.borrow() > Phase::Running {
            return Err(SqlError::new(SqlState::CANNOT_CONNECT_NOW, "the database system is shutting down"));
        }
        let mut sessions = self.sessions.lock();
        if sessions.by_process.len() >= self.sessions_max {
            return Err(SqlError::new(SqlState::TOO_MANY_CONNECTIONS, "sorry, too many clients already"));
        }
        let process_id = sessions.free_process();
        let entry = Arc::new(Entry { key: self.key(version), interrupts: OnceLock::new() });
        sessions.by_process.insert(process_id, entry.clone());
        Ok(Membership { registry: self.clone(), process_id, entry, phase: self.phase.subscribe() })
    }

    /// Stops the statement of the session with that id and key; nothing happens if there is none, as nothing may be
    /// learnt by guessing.
    pub(crate) fn cancel(&self, process_id: i32, key: &[u8]) {
        let entry = self.sessions.lock().by_process.get(&process_id).cloned();
        if let Some(entry) = entry.filter(|entry| entry.key == key)
            && let Some(interrupts) = entry.interrupts.get()
        {
            interrupts.cancel();
        }
    }

    /// Moves the server to a later phase of its life.
    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.send_if_modified(|now| std::mem::replace(now, phase.max(*now)) < phase);
        if phase == Phase::Terminating {
            let entries: Vec<Arc<Entry>> = self.sessions.lock().by_process.values().cloned().collect();
            entries.iter().filter_map(|entry| entry.interrupts.get()).for_each(|interrupts| interrupts.terminate());
        }
    }

    /// Waits until the server begins to stop.
    pub(crate) async fn draining(&self) {
        // The sender is this registry's own.
        let _ = self.phase.subscribe().wait_for(|now| *now > Phase::Running).await;
    }

    fn key(&self, version: Version) -> Bytes {
        let length = match version {
            Version::V3_0 => KEY_BYTES_V3_0,
            Version::V3_2 => KEY_BYTES,
        };
        let mut key = vec![0; length];
        self.sources.entropy.fill(&mut key);
        Bytes::from(key)
    }
}

impl Sessions {
    /// The next positive number that no session has. There is one: sessions are far fewer than numbers.
    fn free_process(&mut self) -> i32 {
        loop {
            self.last_process = self.last_process.checked_add(1).unwrap_or(1);
            if !self.by_process.contains_key(&self.last_process) {
                return self.last_process;
            }
        }
    }
}

impl Membership {
    pub(crate) fn process_id(&self) -> i32 {
        self.process_id
    }

    /// What a CancelRequest for this session must carry.
    pub(crate) fn key(&self) -> Bytes {
        self.entry.key.clone()
    }

    /// Lets others stop the session's statements.
    pub(crate) fn attach(&self, interrupts: Arc<dyn Interrupt>) {
        let _ = self.entry.interrupts.set(interrupts);
        if *self.phase.borrow() == Phase::Terminating {
            self.terminate_statement();
        }
    }

    /// Stops the session's running statement because the session is over.
    pub(crate) fn terminate_statement(&self) {
        if let Some(interrupts) = self.entry.interrupts.get() {
            interrupts.terminate();
        }
    }

    /// Waits until the server is at least in that phase, or the session was terminated, and says why it is over.
    pub(crate) async fn over(&mut self, phase: Phase) -> SqlError {
        let interrupts = self.entry.interrupts.get();
        let terminated = async {
            match interrupts {
                Some(interrupts) => interrupts.terminated().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // The sender lives as long as the registry, which this holds.
            _ = self.phase.wait_for(|now| *now >= phase) => shutting_down(),
            error = terminated => error,
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.registry.sessions.lock().by_process.remove(&self.process_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::system_sources;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Default)]
    struct Counted(AtomicUsize);

    #[async_trait::async_trait]
    impl Interrupt for Counted {
        fn cancel(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }

        fn terminate(&self) {
            self.0.fetch_add(100, Ordering::Relaxed);
        }

        async fn terminated(&self) -> SqlError {
            std::future::pending().await
        }
    }

    #[test]
    fn places_are_limited_and_freed() {
        let registry = Registry::new(1, system_sources());
        let first = registry.admit(Version::V3_0).unwrap();
        assert_eq!(registry.admit(Version::V3_0).err().unwrap().code, SqlState::TOO_MANY_CONNECTIONS);
        let process_id = first.process_id();
        drop(first);
        assert_ne!(registry.admit(Version::V3_0).unwrap().process_id(), process_id);
        registry.enter(Phase::Draining);
        assert_eq!(registry.admit(Version::V3_0).err().unwrap().code, SqlState::CANNOT_CONNECT_NOW);
    }

    #[test]
    fn only_the_right_key_cancels() {
        let registry = Registry::new(2, system_sources());
        let member = registry.admit(Version::V3_2).unwrap();
        let counted = Arc::new(Counted::default());
        member.attach(counted.clone());
        registry.cancel(member.process_id(), b"");
        registry.cancel(member.process_id(), &member.key()[..4]);
        registry.cancel(member.process_id() + 1, &member.key());
        assert_eq!(counted.0.load(Ordering::Relaxed), 0);
        registry.cancel(member.process_id(), &member.key());
        assert_eq!(counted.0.load(Ordering::Relaxed), 1);
        registry.enter(Phase::Terminating);
        registry.enter(Phase::Draining);
        assert_eq!(*member.phase.borrow(), Phase::Terminating, "phases only go up");
        assert_eq!(counted.0.load(Ordering::Relaxed), 101);
        assert_eq!((member.key().len(), registry.sessions.lock().by_process.len()), (32, 1));
    }
}
