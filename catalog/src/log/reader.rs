//! Reads frames in order and tells a torn end from damage.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::frame::{BadFrame, FRAME_HEADER_BYTES, FRAME_MAGIC, FrameHeader};
use super::{LogPoint, Segments};
use crate::disk::DiskFile;
use crate::{Error, Result};

/// Bytes read at once while looking for a valid frame behind a bad one.
const SCAN_BYTES: usize = 1 << 20;

/// One frame.
pub(crate) struct Frame {
    pub(crate) position: u64,
    pub(crate) payload: Bytes,
    /// The point after it.
    pub(crate) after: LogPoint,
}

/// How reading came to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tail {
    /// The point after the last good frame.
    pub(crate) end: LogPoint,
}

/// What lies at a position.
pub(crate) enum Found {
    Frame(Frame),
    /// Nothing valid from here on.
    Tail(Tail),
    /// No frame, but at a later position there is a frame or a file: what was durable is damaged.
    Damage {
        reason: BadFrame,
        follows: u64,
    },
}

/// Reads one log from some position on.
pub(crate) struct LogReader {
    segments: Arc<Segments>,
    log_id: Uuid,
    position: u64,
    /// The checksum that the next frame must repeat, if it is known.
    previous: Option<u32>,
    open: Option<(u64, Box<dyn DiskFile>, u64)>,
}

impl LogReader {
    /// From a point whose frame before is known.
    pub(crate) fn from_point(segments: Arc<Segments>, log_id: Uuid, point: LogPoint) -> Self {
        LogReader { segments, log_id, position: point.position, previous: Some(point.checksum), open: None }
    }

    /// From the start of some frame.
    pub(crate) fn from_position(segments: Arc<Segments>, log_id: Uuid, position: u64) -> Self {
        LogReader { segments, log_id, position, previous: None, open: None }
    }

    /// Whether the log's files hold every byte below the position.
    pub(crate) fn reaches(&mut self) -> Result<bool> {
        if !self.open_segment()? {
            return Ok(self.position == 0 && self.segments.last().is_none());
        }
        let position = self.position;
        Ok(self.open.as_ref().is_some_and(|(start, _, size)| position - start <= *size))
    }

    /// The next frame; the tail if nothing valid follows.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if a bad frame is followed by a valid one or by a later segment: what was durable is damaged.
    pub(crate) fn next(&mut self) -> Result<std::result::Result<Frame, Tail>> {
        match self.find()? {
            Found::Frame(frame) => Ok(Ok(frame)),
            Found::Tail(tail) => Ok(Err(tail)),
            Found::Damage { reason, follows } => Err(self.damaged(reason, follows)),
        }
    }

    /// The next frame, or what is in its place.
    pub(crate) fn find(&mut self) -> Result<Found> {
        loop {
            if !self.open_segment()? {
                return self.end(BadFrame::Short);
            }
            match self.read_frame().map_err(|error| self.io_error(error))? {
                Ok(frame) => return Ok(Found::Frame(frame)),
                Err(reason) if !self.enter_next_segment() => return self.end(reason),
                Err(_) => {}
            }
        }
    }

    /// Where it reads next.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Goes on at the start of another frame.
    pub(crate) fn seek(&mut self, position: u64) {
        let start = self.segments.holding(position);
        if self.open.as_ref().map(|(open, ..)| *open) != start {
            self.open = None;
        }
        if self.position != position {
            self.previous = None;
        }
        self.position = position;
    }

    /// Opens the segment that the position lies in; false if there is none.
    fn open_segment(&mut self) -> Result<bool> {
        if self.open.is_some() {
            return Ok(true);
        }
        let Some(start) = self.segments.holding(self.position) else { return Ok(false) };
        let opened = self.segments.disk.open(&self.segments.path(start)).and_then(|file| {
            let size = file.size()?;
            Ok((start, file, size))
        });
        self.open = Some(opened.map_err(|error| self.io_error(error))?);
        Ok(true)
    }

    fn read_frame(&mut self) -> io::Result<std::result::Result<Frame, BadFrame>> {
        let (start, file, size) = self.open.as_ref().expect("the segment was opened");
        let read = read_frame_at(file.as_ref(), *size, self.log_id, *start, self.position)?;
        let (header, payload) = match read {
            Ok(read) => read,
            Err(reason) => return Ok(Err(reason)),
        };
        if self.previous.is_some_and(|previous| previous != header.previous) {
            return Ok(Err(BadFrame::Chain));
        }
        let position = self.position;
        self.position = header.end();
        self.previous = Some(header.checksum);
        Ok(Ok(Frame { position, payload, after: LogPoint { position: header.end(), checksum: header.checksum } }))
    }

    /// Whether another segment begins exactly here.
    fn enter_next_segment(&mut self) -> bool {
        let is_open_here = self.open.as_ref().is_some_and(|(start, ..)| *start == self.position);
        if is_open_here || !self.segments.starts().contains(&self.position) {
            return false;
        }
        self.open = None;
        true
    }

    fn end(&mut self, reason: BadFrame) -> Result<Found> {
        let valid = self.find_valid_after().map_err(|error| self.io_error(error))?;
        let later = || self.segments.starts().into_iter().find(|start| *start > self.position);
        Ok(match valid.or_else(later) {
            Some(follows) => Found::Damage { reason, follows },
            None => {
                Found::Tail(Tail { end: LogPoint { position: self.position, checksum: self.previous.unwrap_or(0) } })
            }
        })
    }

    /// Position of a valid frame behind the bad one in the same file.
    fn find_valid_after(&self) -> io::Result<Option<u64>> {
        let Some((start, file, size)) = &self.open else { return Ok(None) };
        let mut offset = self.position - start + 1;
        let mut window = vec![0; SCAN_BYTES + FRAME_HEADER_BYTES];
        while offset < *size {
            let read = file.read_at(&mut window, offset)?;
            for at in magics(&window[..read]) {
                let position = start + offset + at as u64;
                if read_frame_at(file.as_ref(), *size, self.log_id, *start, position)?.is_ok() {
                    return Ok(Some(position));
                }
            }
            offset += SCAN_BYTES as u64;
        }
        Ok(None)
    }

    fn damaged(&self, reason: BadFrame, follows: u64) -> Error {
        let detail = format!(
            "bad frame at position {} ({reason}), but what was written after it is there from position {follows} on; \
             restore the file from a copy, or see with \"peristyle check\" what is there and with \"peristyle repair\" \
             what a log that ends at position {} would lose",
            self.position, self.position
        );
        Error::Corrupt { what: self.what(), detail }
    }

    fn what(&self) -> String {
        let start = self.open.as_ref().map_or(self.position, |(start, ..)| *start);
        format!("log file {}", self.segments.path(start).display())
    }

    fn io_error(&self, source: io::Error) -> Error {
        Error::Io { what: self.what(), source }
    }
}

fn read_frame_at(
    file: &dyn DiskFile,
    size: u64,
    log_id: Uuid,
    start: u64,
    position: u64,
) -> io::Result<std::result::Result<(FrameHeader, Bytes), BadFrame>> {
    let mut bytes = [0; FRAME_HEADER_BYTES];
    if file.read_at(&mut bytes, position - start)? < bytes.len() {
        return Ok(Err(BadFrame::Short));
    }
    let header = match FrameHeader::read(&bytes, log_id, position) {
        Ok(header) => header,
        Err(reason) => return Ok(Err(reason)),
    };
    if header.end() - start > size {
        return Ok(Err(BadFrame::Short));
    }
    let mut payload = vec![0; header.payload_bytes as usize];
    let read = file.read_at(&mut payload, position - start + FRAME_HEADER_BYTES as u64)?;
    if read < payload.len() {
        return Ok(Err(BadFrame::Short));
    }
    Ok(header.check(&bytes, &payload).map(|()| (header, payload.into())))
}

fn magics(window: &[u8]) -> impl Iterator<Item = usize> {
    let starts = window.windows(FRAME_MAGIC.len()).enumerate();
    starts.filter(|(_, bytes)| *bytes == FRAME_MAGIC).map(|(at, _)| at)
}
