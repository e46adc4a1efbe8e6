//! A compact set of fingerprints that says which ids were surely never seen.

use xorf::{BinaryFuse8, BinaryFuse8Ref, DmaSerializable, Filter, FilterRef};

/// A set of fingerprints that answers "surely not there" or "perhaps there", in nine bits a key and pass:
/// wrong for 1 in 256 with one pass, for 1 in 65,536 with two. It is made once, shard by shard, so that
/// building takes little memory.
pub struct KeyFilter {
    /// Each pass by the highest bits of the fingerprint; their number is a power of two. None for an empty
    /// shard.
    passes: Vec<Vec<Option<Shard>>>,
}

/// Passes that a filter may have.
const PASSES_MAX: usize = 2;

/// What a pass looks up: the passes of one filter err on different fingerprints.
fn mixed(pass: usize, fingerprint: i64) -> u64 {
    match pass {
        0 => fingerprint as u64,
        _ => (fingerprint as u64)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(32),
    }
}

/// Bytes of a shard's description: a seed and three lengths.
const DESCRIPTION_BYTES: usize = BinaryFuse8::DESCRIPTOR_LEN;

struct Shard {
    description: [u8; DESCRIPTION_BYTES],
    table: Box<[u8]>,
}

impl Shard {
    fn of(keys: &[u64]) -> Result<Shard, FilterError> {
        let filter = BinaryFuse8::try_from(keys).map_err(|_| FilterError::Build)?;
        let mut description = [0; DESCRIPTION_BYTES];
        filter.dma_copy_descriptor_to(&mut description);
        Ok(Shard {
            description,
            table: filter.fingerprints,
        })
    }

    fn may_hold(&self, key: u64) -> bool {
        BinaryFuse8Ref::from_dma(&self.description, &self.table).contains(&key)
    }

    /// Whether every place that a look-up can compute lies in the table.
    fn is_sound(&self) -> bool {
        let number = |at: usize| {
            let bytes = self.description.get(at..at + 4).and_then(|b| b.try_into().ok());
            bytes.map_or(u64::MAX, |b| u64::from(u32::from_le_bytes(b)))
        };
        let segment = number(8);
        let mask = number(12);
        let segments = number(16);
        segment > 0 && mask == segment - 1 && segments + 2 * segment <= self.table.len() as u64
    }
}

/// Why a kept filter cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// Its bytes are not what was written.
    #[error("the bytes of a filter cannot be read")]
    Bytes,
    /// It could not be made of these keys.
    #[error("a filter could not be made")]
    Build,
}

impl KeyFilter {
    /// The fingerprints of one shard: from the first to the last, both included.
    pub fn range(shard: usize, shards: usize) -> (i64, i64) {
        let width_bits = 64 - shards.trailing_zeros();
        match width_bits {
            64 => (i64::MIN, i64::MAX),
            bits => {
                let first = (i64::MIN >> bits) + shard as i64;
                (first << bits, (first << bits) | !(-1i64 << bits))
            }
        }
    }

    /// An empty set of this many shards, with one pass or two.
    pub fn new(shards: usize, passes: usize) -> KeyFilter {
        let shards_of_pass = || (0..shards).map(|_| None).collect();
        KeyFilter {
            passes: (0..passes.clamp(1, PASSES_MAX))
                .map(|_| shards_of_pass())
                .collect(),
        }
    }

    /// Fills a shard with all fingerprints of its range.
    pub fn fill(&mut self, shard: usize, mut fingerprints: Vec<i64>) -> Result<(), FilterError> {
        fingerprints.sort_unstable();
        fingerprints.dedup();
        for (pass, shards) in self.passes.iter_mut().enumerate() {
            let keys: Vec<u64> = fingerprints.iter().map(|f| mixed(pass, *f)).collect();
            shards[shard] = if keys.is_empty() {
                None
            } else {
                Some(Shard::of(&keys)?)
            };
        }
        Ok(())
    }

    /// Takes a shard over from a set of as many shards and passes.
    pub fn take_shard(&mut self, mut from: KeyFilter, shard: usize) {
        for (own, from) in self.passes.iter_mut().zip(&mut from.passes) {
            own[shard] = from[shard].take();
        }
    }

    /// Whether the fingerprint may be in the set; false is sure.
    pub fn may_hold(&self, fingerprint: i64) -> bool {
        self.passes.iter().enumerate().all(|(pass, shards)| {
            let bits = 64 - shards.len().trailing_zeros();
            let shard = match bits {
                64 => 0,
                bits => ((fingerprint >> bits) - (i64::MIN >> bits)) as usize,
            };
            let shard = shards[shard].as_ref();
            shard.is_some_and(|s| s.may_hold(mixed(pass, fingerprint)))
        })
    }

    /// Bytes in memory.
    pub fn bytes_len(&self) -> usize {
        let shards = self.passes.iter().flatten().flatten();
        shards.map(|s| s.table.len()).sum()
    }

    /// The bytes that are kept: the number of shards and of passes, then of each pass each shard's
    /// description and its table.
    pub fn to_bytes(&self) -> Vec<u8> {
        let count = self.passes[0].len();
        let mut out = Vec::with_capacity(self.bytes_len() + 32 * count * self.passes.len() + 8);
        out.extend((count as u32).to_le_bytes());
        out.extend((self.passes.len() as u32).to_le_bytes());
        for shard in self.passes.iter().flatten() {
            let Some(shard) = shard else {
                out.extend([0; DESCRIPTION_BYTES + 4]);
                continue;
            };
            out.extend(shard.description);
            out.extend((shard.table.len() as u32).to_le_bytes());
            out.extend(&shard.table[..]);
        }
        out
    }

    /// Reads what [`KeyFilter::to_bytes`] wrote.
    pub fn from_bytes(mut bytes: &[u8]) -> Result<KeyFilter, FilterError> {
        let count = u32::from_le_bytes(take(&mut bytes)?) as usize;
        let passes = u32::from_le_bytes(take(&mut bytes)?) as usize;
        if !count.is_power_of_two() || count > 1 << 16 || !(1..=PASSES_MAX).contains(&passes) {
            return Err(FilterError::Bytes);
        }
        let mut filter = KeyFilter::new(count, passes);
        for shard in filter.passes.iter_mut().flatten() {
            let description = take(&mut bytes)?;
            let len = u32::from_le_bytes(take(&mut bytes)?) as usize;
            let (table, rest) = bytes.split_at_checked(len).ok_or(FilterError::Bytes)?;
            bytes = rest;
            let read = Shard {
                description,
                table: table.into(),
            };
            *shard = match len {
                0 => None,
                _ if read.is_sound() => Some(read),
                _ => return Err(FilterError::Bytes),
            };
        }
        if bytes.is_empty() {
            Ok(filter)
        } else {
            Err(FilterError::Bytes)
        }
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], FilterError> {
    let (first, rest) = bytes.split_first_chunk::<N>().ok_or(FilterError::Bytes)?;
    *bytes = rest;
    Ok(*first)
}

impl std::fmt::Debug for KeyFilter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "KeyFilter({} passes, {} bytes)",
            self.passes.len(),
            self.bytes_len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filter_of(keys: &[i64], shards: usize, passes: usize) -> KeyFilter {
        let mut filter = KeyFilter::new(shards, passes);
        for shard in 0..shards {
            let (first, last) = KeyFilter::range(shard, shards);
            let own = keys.iter().copied().filter(|k| (first..=last).contains(k));
            filter.fill(shard, own.collect()).unwrap();
        }
        filter
    }

    proptest! {
        #[test]
        fn what_is_in_is_never_denied(keys: Vec<i64>, shard_bits in 0u32..4, passes in 1usize..=2) {
            let filter = filter_of(&keys, 1 << shard_bits, passes);
            let read = KeyFilter::from_bytes(&filter.to_bytes()).unwrap();
            for key in &keys {
                prop_assert!(filter.may_hold(*key) && read.may_hold(*key));
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, key: i64) {
            if let Ok(filter) = KeyFilter::from_bytes(&bytes) {
                let _ = filter.may_hold(key);
            }
        }
    }

    #[test]
    fn few_strangers_are_let_through() {
        let key = |n: i64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64);
        let keys: Vec<i64> = (0..20_000).map(key).collect();
        for (passes, strangers_max) in [(1, 400), (2, 10)] {
            let filter = filter_of(&keys, 4, passes);
            let strangers = (20_000..60_000).filter(|n| filter.may_hold(key(*n))).count();
            assert!(strangers < strangers_max, "{strangers} of 40000");
            assert!(filter.bytes_len() < passes * 30_000);
        }
    }

    #[test]
    fn ranges_cover_everything_once() {
        for shards in [1, 2, 8] {
            let mut next = i64::MIN;
            for shard in 0..shards {
                let (first, last) = KeyFilter::range(shard, shards);
                assert_eq!(first, next);
                next = last.wrapping_add(1);
            }
            assert_eq!(next, i64::MIN, "the last range ends at the last number");
        }
    }
}
