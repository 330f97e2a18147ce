//! Names, chains and bytes of manifests; checkpoints are tested in `crate::tests::manifests`.

use bytes::Bytes;
use uuid::Uuid;

use super::format::Encoder;
use super::*;
use crate::index::Applied;
use crate::log::LogPoint;
use crate::model::Seq;
use crate::records::RawOp;

const CATALOG: Uuid = Uuid::from_u128(0x0f);

fn name(from: Option<u64>, to: u64, id: u128) -> String {
    ManifestName::new(from.map(Seq), Seq(to), Uuid::from_u128(id)).name
}

fn op(key: &'static str, value: Option<Vec<u8>>) -> RawOp {
    RawOp { key: Bytes::from_static(key.as_bytes()), value: value.map(Bytes::from) }
}

#[test]
fn names_say_what_they_lead_to() {
    let base = name(None, 7, 1);
    assert_eq!(base, "base-00000000000000000007-00000000-0000-0000-0000-000000000001");
    let delta = name(Some(7), 9, 2);
    assert_eq!(delta, "delta-00000000000000000007-00000000000000000009-00000000-0000-0000-0000-000000000002");
    for name in [base, delta] {
        assert_eq!(ManifestName::parse(&name).unwrap().name, name);
    }
    for strange in ["", "base", "base-7-x", "other-00000000000000000007-00000000-0000-0000-0000-000000000001"] {
        assert_eq!(ManifestName::parse(strange), None);
    }
}

#[test]
fn a_chain_is_the_newest_base_and_what_follows_without_a_gap() {
    let names = [
        name(None, 3, 1),
        name(Some(3), 5, 2),
        name(None, 5, 3),
        name(Some(5), 6, 4),
        name(Some(5), 8, 5),
        name(Some(8), 9, 6),
        name(Some(10), 12, 7),
        "a stranger".to_owned(),
    ];
    let chain = Chain::find(&names).unwrap();
    assert_eq!(chain.base.name, names[2]);
    let deltas: Vec<_> = chain.deltas.iter().map(|delta| delta.name.clone()).collect();
    assert_eq!(deltas, [names[4].clone(), names[5].clone()]);
    assert_eq!(chain.to(), Seq(9));
    assert_eq!(Chain::find(&names[1..2]), None);
}

#[test]
fn operations_come_back_over_blocks() {
    let reached = Applied { seq: Seq(300), point: LogPoint { position: 70_000, checksum: 5 } };
    let ops: Vec<RawOp> =
        (0..300_u32).map(|n| op("key", (n % 7 > 0).then(|| vec![n as u8; n as usize * 40]))).collect();
    let mut encoder = Encoder::new(CATALOG, reached);
    ops.iter().for_each(|op| encoder.add(op));
    let bytes = encoder.finish();
    let manifest = decode("m", &bytes, CATALOG).unwrap();
    assert_eq!(manifest.reached, reached);
    assert!(manifest.blocks("m").count() > 1);
    assert_eq!(manifest.blocks("m").flat_map(Result::unwrap).collect::<Vec<_>>(), ops);
}

#[test]
fn a_manifest_has_these_bytes() {
    let reached = Applied { seq: Seq(300), point: LogPoint { position: 5, checksum: 1 } };
    let mut encoder = Encoder::new(CATALOG, reached);
    encoder.add(&op("k", Some(vec![9])));
    encoder.add(&op("l", None));
    let bytes = encoder.finish();
    let mut expected = b"PMAN\x04\0".to_vec();
    expected.extend_from_slice(CATALOG.as_bytes());
    // Commit, position, checksum; a block of 2 operations, 6 bytes, 7 compressed: one run of literals.
    expected.extend_from_slice(&[0xac, 0x02, 5, 1, 2, 6, 7, 0x60, 3, b'k', 1, 9, 2, b'l']);
    let checksum = crc32c::crc32c(&expected);
    expected.extend_from_slice(&checksum.to_le_bytes());
    assert_eq!(bytes, expected);
}

#[test]
fn a_newer_manifest_and_a_foreign_one_are_told_apart_from_damage() {
    let bytes = Encoder::new(CATALOG, Applied::default()).finish();
    let foreign = decode("m", &bytes, Uuid::nil()).err();
    assert!(matches!(foreign, Some(crate::Error::Mismatch(_))));
    let mut newer = bytes.to_vec();
    newer[4] = 5;
    let newer = decode("m", &newer.into(), CATALOG).err();
    assert!(matches!(newer, Some(crate::Error::NewerFormat { found: 5, known: 4, .. })));
}
