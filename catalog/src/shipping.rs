//! Copies of the log in the store: what bounds the loss of the local disk to a stated time.
//!
//! Pieces of the log, byte for byte, lie there under the positions that they cover. One shipment at a time takes what
//! was published since the last; commits wait while the oldest that is not there is older than the stated time.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use uuid::Uuid;

use crate::catalog::{Parts, Settings};
use crate::fail_points::{self, Step};
use crate::log::Segments;
use crate::model::TimestampMicros;
use crate::{Clock, Error, Result};

/// Largest piece, in bytes.
const PIECE_BYTES_MAX: u64 = 32 << 20;
/// Digits of a position in a name: u64 needs at most 20.
const POSITION_DIGITS: usize = 20;

/// `<from>-<to>-<uuid>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Piece {
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) name: String,
}

impl Piece {
    fn new(from: u64, to: u64, id: Uuid) -> Piece {
        Piece { from, to, name: format!("{from:0POSITION_DIGITS$}-{to:0POSITION_DIGITS$}-{id}") }
    }

    pub(crate) fn parse(name: &str) -> Option<Piece> {
        let (from, rest) = name.split_once('-')?;
        let (to, id) = rest.split_once('-')?;
        id.parse::<Uuid>().ok()?;
        let position = |digits: &str| (digits.len() == POSITION_DIGITS).then(|| digits.parse().ok())?;
        Some(Piece { from: position(from)?, to: position(to)?, name: name.to_owned() })
    }

    /// What the store holds, by position.
    pub(crate) async fn list(parts: &Parts) -> Result<Vec<Piece>> {
        let mut pieces: Vec<Piece> =
            parts.shipped_log.list().await?.iter().filter_map(|name| Piece::parse(name)).collect();
        pieces.sort();
        Ok(pieces)
    }
}

/// How far the log is in the store.
pub(crate) struct Shipping {
    turn: tokio::sync::Mutex<()>,
    behind: Mutex<Behind>,
    progress: watch::Sender<u64>,
}

struct Behind {
    shipped_to: u64,
    published_to: u64,
    /// When the oldest commit that is not in the store was published, or before.
    since: Option<TimestampMicros>,
}

impl Shipping {
    /// `shipped_to` is the position up to which the store has what is needed.
    pub(crate) fn new(shipped_to: u64, end: u64, now: TimestampMicros) -> Shipping {
        let since = (shipped_to < end).then_some(now);
        Shipping {
            turn: tokio::sync::Mutex::default(),
            behind: Mutex::new(Behind { shipped_to, published_to: end, since }),
            progress: watch::Sender::new(shipped_to),
        }
    }

    /// Takes note that the log was published up to `end`.
    pub(crate) fn published(&self, end: u64, now: TimestampMicros) {
        let mut behind = self.behind.lock();
        behind.published_to = end;
        behind.since.get_or_insert(now);
    }

    /// Returns when a commit may be accepted.
    pub(crate) async fn admit(&self, settings: &Settings, clock: &dyn Clock) -> Result<()> {
        let seconds = settings.log_loss_seconds_max;
        let is_late = || self.behind.lock().since.is_some_and(|since| since <= clock.now().seconds_before(seconds));
        if !is_late() {
            return Ok(());
        }
        let mut progress = self.progress.subscribe();
        let in_time = async {
            while is_late() {
                if progress.changed().await.is_err() {
                    return;
                }
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(settings.log_ship_wait_seconds), in_time).await;
        waited.map_err(|_| Error::LogNotShipped { seconds })
    }

    /// Brings the store up to the newest published commit. Returns how many bytes it took.
    pub(crate) async fn run(&self, parts: &Parts, segments: &Segments) -> Result<u64> {
        let _turn = self.turn.lock().await;
        let started = parts.sources.clock.now();
        let Behind { shipped_to: begin, published_to: end, .. } = *self.behind.lock();
        let mut from = begin;
        while from < end {
            let (start, until) = segments.stretch(from, end).map_err(log_error)?;
            if start == end {
                // A restore left a gap there: nothing in it is needed.
                self.shipped(end, end, started);
                break;
            }
            from = start;
            let to = until.min(from + PIECE_BYTES_MAX);
            let bytes = segments.read(from, to).map_err(log_error)?;
            let piece = Piece::new(from, to, parts.sources.uuid());
            fail_points::reach(Step::ShippingWrite)?;
            parts.shipped_log.create(&piece.name, bytes.into()).await?;
            fail_points::reach(Step::ShippingWritten)?;
            self.shipped(to, end, started);
            from = to;
        }
        Ok(end - begin)
    }

    /// The shipment that began at `started` and goes on to `end` came to `to`.
    fn shipped(&self, to: u64, end: u64, started: TimestampMicros) {
        {
            let mut behind = self.behind.lock();
            behind.shipped_to = to;
            if to == behind.published_to {
                behind.since = None;
            } else if to == end {
                // What is left was published after the shipment began.
                behind.since = Some(started);
            }
        }
        self.progress.send_replace(to);
    }
}

/// Up to which position the store has the log without a gap, from a position on that is needed.
pub(crate) fn covered_to(pieces: &[Piece], needed_from: u64) -> u64 {
    let mut to = needed_from;
    for piece in pieces {
        if piece.from <= to {
            to = to.max(piece.to);
        }
    }
    to
}

/// Deletes the pieces that lie wholly below a position.
pub(crate) async fn free_below(parts: &Parts, position: u64) -> Result<()> {
    for piece in Piece::list(parts).await?.iter().filter(|piece| piece.to <= position) {
        parts.shipped_log.delete(&piece.name).await?;
    }
    Ok(())
}

fn log_error(source: std::io::Error) -> Error {
    Error::Io { what: "log".to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(from: u64, to: u64) -> Piece {
        Piece::new(from, to, Uuid::from_u128(7))
    }

    #[test]
    fn names_say_what_they_cover() {
        let piece = piece(5, 70);
        assert_eq!(piece.name, "00000000000000000005-00000000000000000070-00000000-0000-0000-0000-000000000007");
        assert_eq!(Piece::parse(&piece.name), Some(piece));
        for strange in ["", "5-70-x", "00000000000000000005-70-00000000-0000-0000-0000-000000000007"] {
            assert_eq!(Piece::parse(strange), None);
        }
    }

    #[test]
    fn a_gap_ends_what_is_covered() {
        let pieces = [piece(0, 10), piece(10, 20), piece(15, 30), piece(40, 50)];
        assert_eq!([0, 12, 30, 35, 45, 60].map(|from| covered_to(&pieces, from)), [30, 30, 30, 35, 50, 60]);
    }
}
