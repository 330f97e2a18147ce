//! LISTEN and NOTIFY among the sessions of one server. Both take effect when their transaction commits.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use peristyle_catalog::model::Oid;
use tokio::sync::Notify;

use crate::error::{SqlError, SqlState};

/// Bytes of a payload must be fewer, as in PostgreSQL.
const PAYLOAD_BYTES_END: usize = 8000;
/// Bytes of a channel's name must be fewer.
const CHANNEL_BYTES_END: usize = 64;

/// A message of NOTIFY.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Of the session that sent it.
    pub process_id: i32,
    pub channel: String,
    pub payload: String,
}

/// A channel's database and name.
type Channel = (Oid, String);

/// Who listens to what, in all databases of a server.
#[derive(Default)]
pub(crate) struct Channels {
    listeners: Mutex<BTreeMap<Channel, Vec<Arc<Mailbox>>>>,
}

/// Notifications that wait for a session to be between transactions.
#[derive(Default)]
struct Mailbox {
    waiting: Mutex<VecDeque<Notification>>,
    arrived: Arc<Notify>,
}

/// What a transaction does to channels when it commits; `pg_notify` adds to it while a statement runs.
pub(crate) type SharedPending = Arc<Mutex<Pending>>;

#[derive(Default)]
pub(crate) struct Pending {
    actions: Vec<Action>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Action {
    Listen(String),
    /// `None` is all.
    Unlisten(Option<String>),
    Notify {
        channel: String,
        payload: String,
    },
}

/// A session's part in the channels; it leaves them when dropped.
pub(super) struct Listener {
    channels: Arc<Channels>,
    database: Oid,
    process_id: i32,
    mailbox: Arc<Mailbox>,
    pending: SharedPending,
    waiting_max: usize,
}

impl Pending {
    /// 22023 if the channel or the payload is not one.
    pub(crate) fn notify(&mut self, channel: &str, payload: &str) -> Result<(), SqlError> {
        let wrong = |message: &str| Err(SqlError::new(SqlState::INVALID_PARAMETER_VALUE, message));
        if channel.is_empty() {
            return wrong("channel name cannot be empty");
        }
        if channel.len() >= CHANNEL_BYTES_END {
            return wrong("channel name too long");
        }
        if payload.len() >= PAYLOAD_BYTES_END {
            return wrong("payload string too long");
        }
        let action = Action::Notify { channel: channel.to_owned(), payload: payload.to_owned() };
        // The same message is sent once per transaction.
        if !self.actions.contains(&action) {
            self.actions.push(action);
        }
        Ok(())
    }
}

impl Listener {
    pub(super) fn new(channels: &Arc<Channels>, database: Oid, process_id: i32, waiting_max: usize) -> Listener {
        Listener {
            channels: Arc::clone(channels),
            database,
            process_id,
            mailbox: Arc::default(),
            pending: SharedPending::default(),
            waiting_max,
        }
    }

    /// What its transaction will do.
    pub(super) fn pending(&self) -> &SharedPending {
        &self.pending
    }

    /// Rings when notifications arrive.
    pub(super) fn arrived(&self) -> Arc<Notify> {
        Arc::clone(&self.mailbox.arrived)
    }

    pub(super) fn listen(&self, channel: &str) {
        self.pending.lock().actions.push(Action::Listen(channel.to_owned()));
    }

    pub(super) fn unlisten(&self, channel: Option<&str>) {
        self.pending.lock().actions.push(Action::Unlisten(channel.map(str::to_owned)));
    }

    /// How much is pending, to go back to.
    pub(super) fn mark(&self) -> usize {
        self.pending.lock().actions.len()
    }

    pub(super) fn go_back(&self, mark: usize) {
        self.pending.lock().actions.truncate(mark);
    }

    /// Before the commit: 54000 if somebody who listens takes no more.
    pub(super) fn check_room(&self) -> Result<(), SqlError> {
        let pending = self.pending.lock();
        if pending.actions.is_empty() {
            return Ok(());
        }
        let listeners = self.channels.listeners.lock();
        let is_full = pending.actions.iter().filter_map(Action::notified).any(|(channel, _)| {
            let mailboxes = listeners.get(&(self.database, channel.to_owned()));
            mailboxes.into_iter().flatten().any(|mailbox| mailbox.waiting.lock().len() >= self.waiting_max)
        });
        if !is_full {
            return Ok(());
        }
        let message = "too many notifications in the NOTIFY queue";
        Err(SqlError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, message)
            .hint(format!("A session that listens takes none; the limit is {} (notifications_max).", self.waiting_max)))
    }

    /// The transaction committed: listens first, then sends.
    pub(super) fn commit(&self) {
        let actions = std::mem::take(&mut self.pending.lock().actions);
        for action in &actions {
            match action {
                Action::Listen(channel) => self.enter(channel),
                Action::Unlisten(channel) => self.leave(channel.as_deref()),
                Action::Notify { .. } => {}
            }
        }
        for (channel, payload) in actions.iter().filter_map(Action::notified) {
            self.send(channel, payload);
        }
    }

    /// The transaction failed.
    pub(super) fn roll_back(&self) {
        self.go_back(0);
    }

    /// What came since the last call.
    pub(super) fn take(&self) -> Vec<Notification> {
        self.mailbox.waiting.lock().drain(..).collect()
    }

    fn enter(&self, channel: &str) {
        let mut listeners = self.channels.listeners.lock();
        let mailboxes = listeners.entry((self.database, channel.to_owned())).or_default();
        if !mailboxes.iter().any(|mailbox| Arc::ptr_eq(mailbox, &self.mailbox)) {
            mailboxes.push(Arc::clone(&self.mailbox));
        }
    }

    fn leave(&self, channel: Option<&str>) {
        self.channels.listeners.lock().retain(|(database, name), mailboxes| {
            if *database == self.database && channel.is_none_or(|channel| channel == name) {
                mailboxes.retain(|mailbox| !Arc::ptr_eq(mailbox, &self.mailbox));
            }
            !mailboxes.is_empty()
        });
    }

    fn send(&self, channel: &str, payload: &str) {
        let listeners = self.channels.listeners.lock();
        for mailbox in listeners.get(&(self.database, channel.to_owned())).into_iter().flatten() {
            let (channel, payload) = (channel.to_owned(), payload.to_owned());
            mailbox.waiting.lock().push_back(Notification { process_id: self.process_id, channel, payload });
            mailbox.arrived.notify_one();
        }
    }
}

impl Action {
    fn notified(&self) -> Option<(&str, &str)> {
        match self {
            Action::Notify { channel, payload } => Some((channel, payload)),
            Action::Listen(_) | Action::Unlisten(_) => None,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.leave(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATABASE: Oid = Oid(5);

    fn payloads(listener: &Listener) -> Vec<String> {
        listener.take().into_iter().map(|notification| notification.payload).collect()
    }

    fn notify(listener: &Listener, payload: &str) {
        listener.pending().lock().notify("c", payload).expect("a channel and a payload");
    }

    #[test]
    fn what_commits_is_sent_once_to_who_listens_in_the_same_database() {
        let channels = Arc::default();
        let (here, there) = (Listener::new(&channels, DATABASE, 1, 9), Listener::new(&channels, Oid(6), 2, 9));
        here.listen("c");
        there.listen("c");
        notify(&here, "a");
        notify(&here, "a");
        let mark = here.mark();
        notify(&here, "b");
        here.go_back(mark);
        there.commit();
        assert_eq!(payloads(&here), Vec::<String>::new());
        here.commit();
        assert_eq!(payloads(&here), ["a"]);
        assert_eq!(payloads(&there), Vec::<String>::new());
        notify(&here, "c");
        here.roll_back();
        here.unlisten(None);
        here.commit();
        notify(&here, "d");
        here.commit();
        assert_eq!(payloads(&here), Vec::<String>::new());
    }

    #[test]
    fn a_listener_that_takes_nothing_stops_who_notifies() {
        let channels = Arc::default();
        let (idle, busy) = (Listener::new(&channels, DATABASE, 1, 2), Listener::new(&channels, DATABASE, 2, 2));
        idle.listen("c");
        idle.commit();
        for payload in ["1", "2"] {
            notify(&busy, payload);
            busy.check_room().expect("there is room");
            busy.commit();
        }
        notify(&busy, "3");
        assert_eq!(busy.check_room().expect_err("full").code, SqlState::PROGRAM_LIMIT_EXCEEDED);
        drop(idle);
        busy.check_room().expect("nobody listens");
    }

    #[test]
    fn names_and_payloads_have_limits() {
        let mut pending = Pending::default();
        for (channel, payload) in [("", "".to_owned()), (&"x".repeat(64), "".to_owned()), ("c", "x".repeat(8000))] {
            let error = pending.notify(channel, &payload).expect_err("not one");
            assert_eq!(error.code, SqlState::INVALID_PARAMETER_VALUE);
        }
    }
}
