//! `random()` and `setseed`: a session's chance is the server's until a seed makes it a sequence that repeats, which is
//! PostgreSQL 15's.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, NullArray};
use datafusion::common::Result;
use parking_lot::Mutex;
use peristyle_catalog::model::PgType;

use super::define::{Call, Definition, overload, volatile};
use super::error::error;
use super::rows::*;
use super::signature::Ty;
use crate::semantics::text::float8_text;

pub(crate) const DEFINITIONS: &[Definition] = &[
    volatile("random", &[overload(&[], PgType::FLOAT8, random)]),
    volatile("setseed", &[overload(&[Ty::Float8], PgType::VOID, set_seed)]),
];

/// What a session draws numbers from. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Chance(Arc<Mutex<Option<Generator>>>);

impl Chance {
    /// Whether its numbers come in one order, which streams beside each other would not keep.
    pub(crate) fn is_seeded(&self) -> bool {
        self.0.lock().is_some()
    }
}

fn set_seed(call: &Call<'_>) -> Result<ArrayRef> {
    let chance = &call.context()?.chance;
    let seeds = Argument::<Float8>::of(call, 0);
    for seed in (0..call.rows).filter_map(|row| seeds.get(row)) {
        if !(-1.0..=1.0).contains(&seed) {
            let message = format!("setseed parameter {} is out of allowed range [-1,1]", float8_text(seed));
            return Err(error("22023", message));
        }
        *chance.0.lock() = Some(Generator::new(seed));
    }
    Ok(Arc::new(NullArray::new(call.rows)))
}

fn random(call: &Call<'_>) -> Result<ArrayRef> {
    let context = call.context()?;
    if let Some(generator) = context.chance.0.lock().as_mut() {
        let numbers = (0..call.rows).map(|_| generator.number());
        return Ok(Arc::new(Float64Array::from_iter_values(numbers)));
    }
    let mut bytes = vec![0; call.rows * 8];
    context.sources.entropy.fill(&mut bytes);
    let number = |chunk: &[u8]| of_bits(u64::from_le_bytes(chunk.try_into().expect("chunks of eight")));
    Ok(Arc::new(Float64Array::from_iter_values(bytes.chunks_exact(8).map(number))))
}

/// Uniform in [0, 1), by as many bits as PostgreSQL takes.
fn of_bits(bits: u64) -> f64 {
    const BITS: u32 = 52;
    (bits >> (64 - BITS)) as f64 / (1_u64 << BITS) as f64
}

/// xoroshiro128**.
#[derive(Debug)]
struct Generator([u64; 2]);

impl Generator {
    fn new(seed: f64) -> Generator {
        let mut state = (((1_u64 << 52) - 1) as f64 * seed) as i64 as u64;
        Generator([split_mix(&mut state), split_mix(&mut state)])
    }

    fn number(&mut self) -> f64 {
        let [first, second] = self.0;
        let mixed = second ^ first;
        self.0 = [first.rotate_left(24) ^ mixed ^ (mixed << 16), mixed.rotate_left(37)];
        of_bits(first.wrapping_mul(5).rotate_left(7).wrapping_mul(9))
    }
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut bits = *state;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}
