//! Frames and segments by themselves; damage and crashes of whole logs are in `crate::tests`.

use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use super::*;
use crate::disk::Disk;
use crate::disk::simulated::SimulatedDisk;

const LOG: Uuid = Uuid::from_u128(0x0f);

fn open(disk: &SimulatedDisk, end: LogPoint) -> (LogWriter, Arc<Segments>) {
    let segments = Arc::new(Segments::open(Arc::new(disk.clone()), Path::new("/log")).unwrap());
    let writer = LogWriter::open(Arc::clone(&segments), LOG, 200, end, Arc::new(|_| {})).unwrap();
    (writer, segments)
}

fn append(writer: &mut LogWriter, payload: &[u8]) -> LogPoint {
    let mut frame = FrameBuffer::new();
    frame.payload().extend_from_slice(payload);
    writer.append(&mut frame).unwrap()
}

fn read_all(segments: &Arc<Segments>) -> (Vec<Vec<u8>>, LogPoint) {
    let mut reader = LogReader::from_point(Arc::clone(segments), LOG, LogPoint::default());
    let mut payloads = Vec::new();
    loop {
        match reader.next().unwrap() {
            Ok(frame) => payloads.push(frame.payload.to_vec()),
            Err(tail) => return (payloads, tail.end),
        }
    }
}

#[test]
fn a_frame_has_these_bytes() {
    let mut frame = FrameBuffer::new();
    frame.payload().extend_from_slice(b"123456789");
    let (bytes, after) = frame.seal(LOG, LogPoint { position: 258, checksum: 0x0102_0304 });
    let mut expected = b"PLOG\x01\0\0\0".to_vec();
    expected.extend_from_slice(LOG.as_bytes());
    expected.extend_from_slice(&[2, 1, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 4, 3, 2, 1]);
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&expected), b"123456789");
    expected.extend_from_slice(&checksum.to_le_bytes());
    expected.extend_from_slice(b"123456789");
    assert_eq!(bytes, expected);
    assert_eq!(after, LogPoint { position: 258 + 44 + 9, checksum });
}

#[test]
fn frames_come_back_over_segments_and_positions_go_on() {
    let disk = SimulatedDisk::default();
    let (mut writer, segments) = open(&disk, LogPoint::default());
    let payloads: Vec<Vec<u8>> = (0..9_u8).map(|n| vec![n; usize::from(n) * 40]).collect();
    for payload in &payloads {
        append(&mut writer, payload);
    }
    let (read, end) = read_all(&segments);
    assert_eq!(read, payloads);
    assert_eq!(end, writer.end());
    assert!(segments.starts().len() > 3);
    let kept_from = segments.starts()[2];
    assert_eq!(segments.free_below(kept_from + 1).unwrap(), 2);
    assert_eq!(segments.first(), Some(kept_from));
    segments.free_below(u64::MAX).unwrap();
    assert_eq!(disk.list(Path::new("/log")).unwrap().len(), 1, "never the last");
}

#[test]
fn a_new_segment_without_frames_is_gone_on_with() {
    let disk = SimulatedDisk::default();
    let (mut writer, segments) = open(&disk, LogPoint::default());
    let end = append(&mut writer, b"one");
    // A crash right after the next segment was made.
    drop(disk.create(&segments.path(end.position)).unwrap());
    let (mut writer, segments) = open(&disk, end);
    append(&mut writer, b"two");
    assert_eq!(read_all(&segments).0, [b"one", b"two"]);
    assert_eq!(segments.last(), Some(end.position));
}

#[test]
fn a_payload_that_looks_like_a_frame_is_none() {
    let disk = SimulatedDisk::default();
    let (mut writer, segments) = open(&disk, LogPoint::default());
    append(&mut writer, b"one");
    let end = writer.end();
    // The payload of a torn frame holds an old frame of this log.
    let mut inner = FrameBuffer::new();
    inner.payload().extend_from_slice(b"inner");
    let (inner, _) = inner.seal(LOG, LogPoint::default());
    append(&mut writer, inner);
    let file = disk.open(&segments.path(0)).unwrap();
    file.write_all_at(&[0xff], end.position + 40).unwrap();
    let (read, tail) = read_all(&segments);
    assert_eq!(read, [b"one"]);
    assert_eq!(tail, end);
}
