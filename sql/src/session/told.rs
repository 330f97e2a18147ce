//! What the client is told between statements: notices, notifications, settings that changed.

use std::sync::Arc;

use super::{Notification, Session};
use crate::outcome::Notice;

impl Session {
    /// Notices since the last call, those that the client wants.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        let mut notices = std::mem::take(&mut *self.notices.lock());
        if !notices.is_empty() {
            let settings = self.settings();
            notices.retain(|notice| settings.shows_notice(notice.severity));
        }
        notices
    }

    /// Notifications that came since the last call; the client gets them between transactions.
    pub fn take_notifications(&mut self) -> Vec<Notification> {
        self.listener.take()
    }

    /// Rings when notifications arrive.
    pub fn notified(&self) -> Arc<tokio::sync::Notify> {
        self.listener.arrived()
    }

    /// Settings of those that the protocol reports (ParameterStatus) that changed since the last call; at first all.
    pub fn take_parameter_changes(&mut self) -> Vec<(String, String)> {
        let settings = self.settings();
        if self.told_of.as_ref().is_some_and(|told| Arc::ptr_eq(told, &settings)) {
            return Vec::new();
        }
        let now: Vec<_> = settings.reported().map(|(name, value)| (name, value.to_owned())).collect();
        let mut changes = Vec::new();
        for (name, value) in now {
            if self.told.get(name) != Some(&value) {
                changes.push((name.to_owned(), value.clone()));
                self.told.insert(name, value);
            }
        }
        self.told_of = Some(settings);
        changes
    }
}
