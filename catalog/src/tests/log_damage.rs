//! Every byte of the log flipped, and the log cut at every length.

use std::fs;
use std::path::Path;

use super::support::{Home, T, append_chunk, create_t, describe, set};
use crate::Error;
use crate::log::{FRAME_HEADER_BYTES, LogReader, Segments};

/// A log of a few commits in a few segments, without its index, and the heads after each commit.
async fn written() -> (Home, Vec<Vec<String>>) {
    let mut home = Home::new();
    home.settings.log_segment_bytes = 700;
    // The index then is a witness of every commit.
    home.settings.index_lag_rows_max = 0;
    let catalog = home.open().await;
    let mut heads = vec![describe(&catalog.snapshot())];
    catalog.commit(create_t()).await.unwrap();
    heads.push(describe(&catalog.snapshot()));
    for n in 0..4_u8 {
        catalog.commit(set(vec![append_chunk(T, &[n; 20])])).await.unwrap();
        heads.push(describe(&catalog.snapshot()));
    }
    drop(catalog);
    assert!(home.log_files().len() > 1, "the test wants several segments");
    (home, heads)
}

/// Where each frame of one file ends, in bytes from the file's start.
fn frame_ends(path: &Path) -> Vec<usize> {
    let bytes = fs::read(path).unwrap();
    let mut ends = Vec::new();
    let mut at = 0;
    while bytes.len() >= at + FRAME_HEADER_BYTES && bytes[at..at + 4] == *b"PLOG" {
        let length = u32::from_le_bytes(bytes[at + 32..at + 36].try_into().unwrap()) as usize;
        at += FRAME_HEADER_BYTES + length;
        ends.push(at);
    }
    ends
}

async fn open_without_index(home: &Home) -> crate::Result<Vec<String>> {
    home.delete_index_if_there();
    home.try_open().await.map(|catalog| describe(&catalog.snapshot()))
}

#[tokio::test]
async fn a_flipped_byte_is_found_and_only_the_last_frame_may_go() {
    let (home, heads) = written().await;
    let files = home.log_files();
    let contents: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    for (number, file) in files.iter().enumerate() {
        let ends = frame_ends(file);
        let is_last_file = number + 1 == files.len();
        let last_frame = if is_last_file { ends.iter().rev().nth(1).copied().unwrap_or(0) } else { usize::MAX };
        let used = ends.last().copied().unwrap_or(0);
        for at in (0..used).step_by(3) {
            let mut damaged = contents[number].clone();
            damaged[at] ^= 0x10;
            fs::write(file, &damaged).unwrap();
            match open_without_index(&home).await {
                Ok(head) => {
                    assert!(at >= last_frame, "byte {at} of file {number} is not in the last frame");
                    assert_eq!(head, heads[heads.len() - 2]);
                }
                Err(Error::Corrupt { detail, .. }) => assert!(detail.contains("bad frame at position"), "{detail}"),
                Err(other) => panic!("byte {at} of file {number}: {other}"),
            }
            // Opening may have cut the torn end off.
            files.iter().zip(&contents).for_each(|(file, bytes)| fs::write(file, bytes).unwrap());
        }
    }
    assert_eq!(&open_without_index(&home).await.unwrap(), heads.last().unwrap());
}

#[tokio::test]
async fn a_log_that_was_cut_ends_with_a_whole_frame() {
    let (home, heads) = written().await;
    let files = home.log_files();
    let contents: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    let before: usize = files[..files.len() - 1].iter().map(|file| frame_ends(file).len()).sum();
    let last = files.last().unwrap();
    let ends = frame_ends(last);
    for length in (0..=*ends.last().unwrap()).step_by(5) {
        fs::write(last, &contents.last().unwrap()[..length]).unwrap();
        let whole = before + ends.iter().filter(|end| **end <= length).count();
        assert_eq!(open_without_index(&home).await.unwrap(), heads[whole], "cut to {length} bytes");
        fs::write(last, contents.last().unwrap()).unwrap();
    }
    let first = frame_ends(&files[0]);
    for length in (0..*first.last().unwrap()).step_by(5) {
        fs::write(&files[0], &contents[0][..length]).unwrap();
        let refused = open_without_index(&home).await.unwrap_err();
        assert!(matches!(refused, Error::Corrupt { .. }), "cut to {length} bytes in the first file: {refused}");
    }
}

#[tokio::test]
async fn a_log_shorter_than_the_index_is_refused() {
    let (home, _) = written().await;
    let last = home.log_files().pop().unwrap();
    let length = frame_ends(&last).last().copied().unwrap();
    fs::OpenOptions::new().write(true).open(&last).unwrap().set_len(length as u64 - 1).unwrap();
    let refused = home.try_open().await.err();
    assert!(matches!(refused, Some(Error::Corrupt { .. })), "acknowledged commits are gone: {refused:?}");
}

#[tokio::test]
async fn a_torn_end_is_written_over() {
    let (home, heads) = written().await;
    let last = home.log_files().pop().unwrap();
    let length = frame_ends(&last).last().copied().unwrap();
    let mut bytes = fs::read(&last).unwrap();
    bytes[length - 1] ^= 1;
    fs::write(&last, bytes).unwrap();
    home.delete_index();
    let catalog = home.open().await;
    assert_eq!(describe(&catalog.snapshot()), heads[heads.len() - 2]);
    catalog.commit(set(vec![append_chunk(T, b"x")])).await.unwrap();
    let described = describe(&catalog.snapshot());
    drop(catalog);
    home.delete_index();
    assert_eq!(describe(&home.open().await.snapshot()), described);
}

#[tokio::test]
async fn frames_of_another_log_are_not_read() {
    let (home, _) = written().await;
    let disk = std::sync::Arc::new(crate::disk::RealDisk);
    let segments = std::sync::Arc::new(Segments::open(disk, &home.path().join("log")).unwrap());
    let mut reader = LogReader::from_point(segments, uuid::Uuid::nil(), crate::log::LogPoint::default());
    assert!(matches!(reader.next(), Err(Error::Corrupt { .. })), "the first file is followed by others");
}
