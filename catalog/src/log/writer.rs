//! Appends frames, one fdatasync each.

use std::io;
use std::sync::Arc;

use uuid::Uuid;

use super::{FrameBuffer, LogPoint, Segments};
use crate::disk::DiskFile;
use crate::fail_points::{self, Done, Step};

/// Told when an fsync failed: what is durable is then unknown, and the kernel may report a later fsync as good. In
/// the server it ends the process; tests only take note.
pub(crate) type SyncFailure = Arc<dyn Fn(&io::Error) + Send + Sync>;

/// Why a frame was not appended.
#[derive(Debug)]
pub(crate) enum AppendError {
    /// The file was cut back to the last good frame; later frames may succeed.
    Write(io::Error),
    /// What is durable is unknown; nothing more is written.
    Poisoned,
}

/// Zeros that are written ahead of the frames at once, in bytes. Where space is only reserved, a file system notes for
/// each block that it is written now, and an fsync waits for that note too.
const ZEROED_BYTES: u64 = 1 << 20;
static ZEROS: [u8; ZEROED_BYTES as usize] = [0; ZEROED_BYTES as usize];

/// The end of the log.
pub(crate) struct LogWriter {
    segments: Arc<Segments>,
    log_id: Uuid,
    segment_bytes: u64,
    on_sync_failure: SyncFailure,
    end: LogPoint,
    segment: Option<OpenSegment>,
    is_poisoned: bool,
}

struct OpenSegment {
    start: u64,
    file: Box<dyn DiskFile>,
    /// Bytes reserved in the file.
    allocated: u64,
    /// Bytes of it that were written, frames and zeros.
    written: u64,
}

impl LogWriter {
    /// Goes on at `end`. What a crash left behind it in the last segment is cut off.
    pub(crate) fn open(
        segments: Arc<Segments>,
        log_id: Uuid,
        segment_bytes: u64,
        end: LogPoint,
        on_sync_failure: SyncFailure,
    ) -> io::Result<LogWriter> {
        let segment = match segments.last() {
            Some(start) => Some(OpenSegment::reopen(&segments, start, end.position)?),
            None => None,
        };
        Ok(LogWriter { segments, log_id, segment_bytes, on_sync_failure, end, segment, is_poisoned: false })
    }

    /// Where the next frame goes.
    pub(crate) fn end(&self) -> LogPoint {
        self.end
    }

    /// Appends one frame and makes it durable.
    pub(crate) fn append(&mut self, frame: &mut FrameBuffer) -> Result<LogPoint, AppendError> {
        if self.is_poisoned {
            return Err(AppendError::Poisoned);
        }
        self.make_room(frame.len()).map_err(AppendError::Write)?;
        let segment = self.segment.as_mut().expect("making room leaves a segment");
        let (bytes, after) = frame.seal(self.log_id, self.end);
        let at = self.end.position - segment.start;
        let written = fail_points::reach_io(Step::CommitWrite).and_then(|()| segment.write(bytes, at));
        if let Err(error) = written {
            return Err(self.cut_back(error));
        }
        if let Err(error) = fail_points::reach_io(Step::CommitSync).and_then(|()| segment.file.sync()) {
            return Err(self.poison(&error));
        }
        fail_points::pass(Done::CommitSynced);
        self.end = after;
        Ok(after)
    }

    /// Reserves space for a frame in the segment, or begins a new one.
    fn make_room(&mut self, frame_bytes: u64) -> io::Result<()> {
        if let Some(segment) = &mut self.segment {
            let used = self.end.position - segment.start;
            let needed = used + frame_bytes;
            if needed <= self.segment_bytes || used == 0 {
                return segment.reserve(needed.max(self.segment_bytes));
            }
            // The space behind the last frame is given back; nothing depends on it.
            if let Err(error) = segment.file.truncate(used) {
                tracing::warn!(%error, "could not shorten a full log segment");
            }
            (segment.allocated, segment.written) = (used, used);
        }
        let bytes = self.segment_bytes.max(frame_bytes);
        self.segment = Some(OpenSegment::create(&self.segments, self.end.position, bytes)?);
        Ok(())
    }

    /// After a failed write: no byte of the frame may come back after a crash, since its commits are told so.
    fn cut_back(&mut self, error: io::Error) -> AppendError {
        let end = self.end.position;
        let segment = self.segment.as_mut().expect("a write was tried");
        let cut = segment.file.truncate(end - segment.start).and_then(|()| segment.file.sync());
        (segment.allocated, segment.written) = (end - segment.start, end - segment.start);
        match cut {
            Ok(()) => AppendError::Write(error),
            Err(error) => self.poison(&error),
        }
    }

    /// A frame that may not be lost was not written: as after a failed fsync, nothing more is.
    pub(crate) fn give_up(&mut self, error: &AppendError) {
        if let AppendError::Write(error) = error {
            let _ = self.poison(error);
        }
    }

    fn poison(&mut self, error: &io::Error) -> AppendError {
        self.is_poisoned = true;
        (self.on_sync_failure)(error);
        AppendError::Poisoned
    }
}

impl OpenSegment {
    fn create(segments: &Segments, start: u64, bytes: u64) -> io::Result<OpenSegment> {
        fail_points::reach_io(Step::LogSegment)?;
        let path = segments.path(start);
        let file = segments.disk.create(&path)?;
        let made =
            file.allocate(bytes).and_then(|()| file.sync()).and_then(|()| segments.disk.sync_folder(&segments.folder));
        if let Err(error) = made {
            // Left behind, it would stand in the way of the next try.
            if let Err(error) = segments.disk.remove(&path) {
                tracing::warn!(%error, path = %path.display(), "could not remove an unfinished log segment");
            }
            return Err(error);
        }
        segments.added(start);
        Ok(OpenSegment { start, file, allocated: bytes, written: 0 })
    }

    fn reopen(segments: &Segments, start: u64, end: u64) -> io::Result<OpenSegment> {
        let file = segments.disk.open(&segments.path(start))?;
        let used = end - start;
        file.truncate(used)?;
        file.sync()?;
        // The file's name too: who made it may have been killed before.
        segments.disk.sync_folder(&segments.folder)?;
        Ok(OpenSegment { start, file, allocated: used, written: used })
    }

    /// Writes a frame, and zeros first where it is the first small one in a stretch of reserved space.
    fn write(&mut self, frame: &[u8], at: u64) -> io::Result<()> {
        let end = at + frame.len() as u64;
        let zeroed = (self.written + ZEROED_BYTES).min(self.allocated);
        if self.written < end && end < zeroed {
            self.file.write_all_at(&ZEROS[..(zeroed - self.written) as usize], self.written)?;
            self.written = zeroed;
        }
        self.file.write_all_at(frame, at)?;
        self.written = self.written.max(end);
        Ok(())
    }

    fn reserve(&mut self, bytes: u64) -> io::Result<()> {
        if self.allocated < bytes {
            self.file.allocate(bytes)?;
            self.allocated = bytes;
        }
        Ok(())
    }
}
