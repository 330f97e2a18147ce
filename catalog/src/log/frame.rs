//! The header of a frame and its checks.

use uuid::Uuid;

use super::LogPoint;

/// "PLOG", little-endian.
pub(crate) const FRAME_MAGIC: [u8; 4] = *b"PLOG";
const FRAME_VERSION: u16 = 1;
/// Bytes before the payload.
pub(crate) const FRAME_HEADER_BYTES: usize = 44;
/// Memory of a frame in the making that is kept for the next one, in bytes.
const BUFFER_BYTES_KEPT: usize = 4 << 20;
/// Offset of the checksum, which covers the header before it and the payload.
const CHECKSUM_AT: usize = 40;

/// The header as read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) log_id: Uuid,
    pub(crate) position: u64,
    pub(crate) payload_bytes: u32,
    pub(crate) previous: u32,
    pub(crate) checksum: u32,
}

/// Why the bytes at a position are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadFrame {
    #[error("the file ends")]
    Short,
    #[error("no frame begins there")]
    Magic,
    #[error("the frame has format {0}")]
    Version(u16),
    #[error("the frame is of another log")]
    LogId,
    #[error("the frame says that it is elsewhere")]
    Position,
    #[error("the frame's checksum does not match")]
    Checksum,
    #[error("the frame does not follow the one before it")]
    Chain,
}

impl FrameHeader {
    /// Reads a header that should be at `position`. The payload is not checked yet.
    pub(crate) fn read(bytes: &[u8; FRAME_HEADER_BYTES], log_id: Uuid, position: u64) -> Result<Self, BadFrame> {
        if bytes[..4] != FRAME_MAGIC {
            return Err(BadFrame::Magic);
        }
        let version = u16::from_le_bytes(part(bytes, 4));
        if version != FRAME_VERSION {
            return Err(BadFrame::Version(version));
        }
        let header = FrameHeader {
            log_id: Uuid::from_bytes(part(bytes, 8)),
            position: u64::from_le_bytes(part(bytes, 24)),
            payload_bytes: u32::from_le_bytes(part(bytes, 32)),
            previous: u32::from_le_bytes(part(bytes, 36)),
            checksum: u32::from_le_bytes(part(bytes, CHECKSUM_AT)),
        };
        if header.log_id != log_id {
            return Err(BadFrame::LogId);
        }
        if header.position != position { Err(BadFrame::Position) } else { Ok(header) }
    }

    /// Checks the payload, given the header's bytes.
    pub(crate) fn check(&self, bytes: &[u8; FRAME_HEADER_BYTES], payload: &[u8]) -> Result<(), BadFrame> {
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&bytes[..CHECKSUM_AT]), payload);
        if checksum == self.checksum { Ok(()) } else { Err(BadFrame::Checksum) }
    }

    /// Where the next frame starts.
    pub(crate) fn end(&self) -> u64 {
        self.position + FRAME_HEADER_BYTES as u64 + u64::from(self.payload_bytes)
    }
}

fn part<const N: usize>(bytes: &[u8; FRAME_HEADER_BYTES], at: usize) -> [u8; N] {
    *bytes[at..].first_chunk().expect("every field lies within the header")
}

/// A frame in the making: room for the header, then the payload.
pub(crate) struct FrameBuffer {
    bytes: Vec<u8>,
}

impl FrameBuffer {
    pub(crate) fn new() -> Self {
        FrameBuffer { bytes: vec![0; FRAME_HEADER_BYTES] }
    }

    /// Forgets the payload and keeps the memory, unless it is a lot.
    pub(crate) fn clear(&mut self) {
        self.bytes.truncate(FRAME_HEADER_BYTES);
        self.bytes.shrink_to(BUFFER_BYTES_KEPT);
    }

    /// Where the payload is appended.
    pub(crate) fn payload(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Bytes of header and payload.
    pub(crate) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub(crate) fn has_payload(&self) -> bool {
        self.bytes.len() > FRAME_HEADER_BYTES
    }

    /// Writes the header and returns the frame and the point after it.
    ///
    /// # Panics
    /// If the payload is larger than 4 GiB; the limit on frames is far below.
    pub(crate) fn seal(&mut self, log_id: Uuid, at: LogPoint) -> (&[u8], LogPoint) {
        let payload_bytes = u32::try_from(self.bytes.len() - FRAME_HEADER_BYTES).expect("frames are under 4 GiB");
        let header = &mut self.bytes[..FRAME_HEADER_BYTES];
        header[..4].copy_from_slice(&FRAME_MAGIC);
        header[4..6].copy_from_slice(&FRAME_VERSION.to_le_bytes());
        header[6..8].fill(0);
        header[8..24].copy_from_slice(log_id.as_bytes());
        header[24..32].copy_from_slice(&at.position.to_le_bytes());
        header[32..36].copy_from_slice(&payload_bytes.to_le_bytes());
        header[36..40].copy_from_slice(&at.checksum.to_le_bytes());
        let checksum = crc32c::crc32c(&header[..CHECKSUM_AT]);
        let checksum = crc32c::crc32c_append(checksum, &self.bytes[FRAME_HEADER_BYTES..]);
        self.bytes[CHECKSUM_AT..FRAME_HEADER_BYTES].copy_from_slice(&checksum.to_le_bytes());
        let after = LogPoint { position: at.position + self.len(), checksum };
        (&self.bytes, after)
    }
}
