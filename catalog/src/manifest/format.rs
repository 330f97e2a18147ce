//! The bytes of one manifest.

use bytes::Bytes;
use uuid::Uuid;

use super::Chain;
use crate::catalog::Parts;
use crate::index::Applied;
use crate::records::codec::{Decoded, Field, Input, Malformed};
use crate::records::{RawOp, decode_ops, encode_op};
use crate::{Error, Result};

const MAGIC: [u8; 4] = *b"PMAN";
pub(crate) const FORMAT_VERSION: u16 = 4;
/// Magic, version, catalog id.
const FIXED_BYTES: usize = 4 + 2 + 16;
const CHECKSUM_BYTES: usize = 4;
/// Uncompressed bytes after which a block ends.
const BLOCK_BYTES: usize = 1 << 20;

/// A manifest as read.
pub(crate) struct Manifest {
    pub(crate) reached: Applied,
    blocks: Vec<Block>,
}

struct Block {
    ops: usize,
    bytes: usize,
    compressed: Bytes,
}

/// Encodes operations as a manifest, block by block.
pub(crate) struct Encoder {
    out: Vec<u8>,
    block: Vec<u8>,
    ops: u64,
}

impl Encoder {
    pub(crate) fn new(catalog: Uuid, reached: Applied) -> Encoder {
        let mut out = Vec::new();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        out.extend_from_slice(catalog.as_bytes());
        reached.put(&mut out);
        Encoder { out, block: Vec::new(), ops: 0 }
    }

    pub(crate) fn add(&mut self, op: &RawOp) {
        encode_op(op, &mut self.block);
        self.ops += 1;
        if self.block.len() >= BLOCK_BYTES {
            self.end_block();
        }
    }

    fn end_block(&mut self) {
        if self.ops == 0 {
            return;
        }
        let compressed = lz4_flex::block::compress(&self.block);
        self.ops.put(&mut self.out);
        (self.block.len() as u64).put(&mut self.out);
        (compressed.len() as u64).put(&mut self.out);
        self.out.extend_from_slice(&compressed);
        self.block.clear();
        self.ops = 0;
    }

    pub(crate) fn finish(mut self) -> Bytes {
        self.end_block();
        let checksum = crc32c::crc32c(&self.out);
        self.out.extend_from_slice(&checksum.to_le_bytes());
        self.out.into()
    }
}

/// Checks a manifest and reads its header; the operations come block by block from [`Manifest::blocks`].
pub(crate) fn decode(name: &str, bytes: &Bytes, catalog: Uuid) -> Result<Manifest> {
    let damaged = |detail: &str| corrupt(name, detail);
    if bytes.len() < FIXED_BYTES + CHECKSUM_BYTES || bytes[..4] != MAGIC {
        return Err(damaged("it is no manifest"));
    }
    let found = u16::from_le_bytes([bytes[4], bytes[5]]);
    if found > FORMAT_VERSION {
        let (found, known) = (found.into(), FORMAT_VERSION.into());
        return Err(Error::NewerFormat { what: format!("manifest {name}"), found, known });
    }
    let (content, checksum) = bytes.split_at(bytes.len() - CHECKSUM_BYTES);
    if crc32c::crc32c(content).to_le_bytes() != checksum {
        return Err(damaged("its checksum does not match"));
    }
    if content[6..FIXED_BYTES] != *catalog.as_bytes() {
        return Err(Error::Mismatch(format!("manifest {name} in the store belongs to another catalog")));
    }
    let mut input = Input::new(&content[FIXED_BYTES..]);
    let manifest = decode_content(bytes, &mut input);
    manifest.map_err(|Malformed(detail)| damaged(detail))
}

/// Up to where a chain reaches, without its operations.
pub(crate) async fn read_reached(parts: &Parts, catalog: Uuid, chain: &Chain) -> Result<Applied> {
    let newest = chain.deltas.last().unwrap_or(&chain.base);
    let bytes = parts.manifests.read(&newest.name).await?;
    let bytes = bytes.ok_or_else(|| corrupt(&newest.name, "it is listed and cannot be read"))?;
    Ok(decode(&newest.name, &bytes, catalog)?.reached)
}

fn decode_content(bytes: &Bytes, input: &mut Input<'_>) -> Decoded<Manifest> {
    let reached = Applied::take(input)?;
    let mut blocks = Vec::new();
    while !input.is_empty() {
        let ops = length(input)?;
        let uncompressed = length(input)?;
        let compressed = input.count()?;
        blocks.push(Block { ops, bytes: uncompressed, compressed: bytes.slice_ref(input.bytes(compressed)?) });
    }
    Ok(Manifest { reached, blocks })
}

fn length(input: &mut Input<'_>) -> Decoded<usize> {
    usize::try_from(input.varint()?).map_err(|_| Malformed("a length is out of range"))
}

impl Manifest {
    /// The operations, one block at a time.
    pub(crate) fn blocks(&self, name: &str) -> impl Iterator<Item = Result<Vec<RawOp>>> {
        self.blocks.iter().map(move |block| block.decode().map_err(|Malformed(detail)| corrupt(name, detail)))
    }
}

impl Block {
    fn decode(&self) -> Decoded<Vec<RawOp>> {
        let bytes = lz4_flex::block::decompress(&self.compressed, self.bytes);
        let bytes = Bytes::from(bytes.map_err(|_| Malformed("a block does not decompress"))?);
        let mut input = Input::new(&bytes);
        let ops = decode_ops(&bytes, &mut input, self.ops)?;
        input.end()?;
        Ok(ops)
    }
}

fn corrupt(name: &str, detail: &str) -> Error {
    Error::Corrupt { what: format!("manifest {name}"), detail: detail.to_owned() }
}
