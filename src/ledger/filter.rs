use xorf::{BinaryFuse8, BinaryFuse8Ref, DmaSerializable, Filter, FilterRef};

/// A set of fingerprints that answers "surely not there" or "perhaps there" (wrong for 1 in 256), in
/// nine bits a key. It is made once, shard by shard, so that building takes little memory.
pub struct KeyFilter {
    /// By the highest bits of the fingerprint; their number is a power of two. None for an empty shard.
    shards: Vec<Option<Shard>>,
}

/// Bytes of a shard's description: a seed and three lengths.
const DESCRIPTION_BYTES: usize = BinaryFuse8::DESCRIPTOR_LEN;

struct Shard {
    description: [u8; DESCRIPTION_BYTES],
    table: Box<[u8]>,
}

impl Shard {
    fn may_hold(&self, fingerprint: i64) -> bool {
        BinaryFuse8Ref::from_dma(&self.description, &self.table).contains(&(fingerprint as u64))
    }

    /// Whether every place that a look-up can compute lies in the table.
    fn is_sound(&self) -> bool {
        let number = |at: usize| {
            let bytes = self.description.get(at..at + 4).and_then(|b| b.try_into().ok());
            bytes.map_or(u64::MAX, |b| u64::from(u32::from_le_bytes(b)))
        };
        let (segment, mask, segments) = (number(8), number(12), number(16));
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

    /// An empty set of this many shards.
    pub fn new(shards: usize) -> KeyFilter {
        KeyFilter {
            shards: (0..shards).map(|_| None).collect(),
        }
    }

    /// Fills a shard with all fingerprints of its range.
    pub fn fill(&mut self, shard: usize, fingerprints: Vec<i64>) -> Result<(), FilterError> {
        let mut keys: Vec<u64> = fingerprints.into_iter().map(|f| f as u64).collect();
        keys.sort_unstable();
        keys.dedup();
        self.shards[shard] = match keys.is_empty() {
            true => None,
            false => {
                let filter = BinaryFuse8::try_from(&keys).map_err(|_| FilterError::Build)?;
                let mut description = [0; DESCRIPTION_BYTES];
                filter.dma_copy_descriptor_to(&mut description);
                Some(Shard {
                    description,
                    table: filter.fingerprints,
                })
            }
        };
        Ok(())
    }

    /// Takes a shard over from a set of as many shards.
    pub fn take_shard(&mut self, mut from: KeyFilter, shard: usize) {
        self.shards[shard] = from.shards[shard].take();
    }

    /// Whether the fingerprint may be in the set; false is sure.
    pub fn may_hold(&self, fingerprint: i64) -> bool {
        let bits = 64 - self.shards.len().trailing_zeros();
        let shard = match bits {
            64 => 0,
            bits => ((fingerprint >> bits) - (i64::MIN >> bits)) as usize,
        };
        self.shards[shard]
            .as_ref()
            .is_some_and(|s| s.may_hold(fingerprint))
    }

    /// Bytes in memory.
    pub fn bytes_len(&self) -> usize {
        self.shards.iter().flatten().map(|s| s.table.len()).sum()
    }

    /// The bytes that are kept: the number of shards, then each shard's description and its table.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.bytes_len() + 32 * self.shards.len() + 4);
        out.extend((self.shards.len() as u32).to_le_bytes());
        for shard in &self.shards {
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
        if !count.is_power_of_two() || count > 1 << 16 {
            return Err(FilterError::Bytes);
        }
        let mut shards = Vec::with_capacity(count);
        for _ in 0..count {
            let description = take(&mut bytes)?;
            let len = u32::from_le_bytes(take(&mut bytes)?) as usize;
            let (table, rest) = bytes.split_at_checked(len).ok_or(FilterError::Bytes)?;
            bytes = rest;
            let shard = Shard {
                description,
                table: table.into(),
            };
            shards.push(match len {
                0 => None,
                _ if shard.is_sound() => Some(shard),
                _ => return Err(FilterError::Bytes),
            });
        }
        match bytes.is_empty() {
            true => Ok(KeyFilter { shards }),
            false => Err(FilterError::Bytes),
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
            "KeyFilter({} shards, {} bytes)",
            self.shards.len(),
            self.bytes_len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filter_of(keys: &[i64], shards: usize) -> KeyFilter {
        let mut filter = KeyFilter::new(shards);
        for shard in 0..shards {
            let (first, last) = KeyFilter::range(shard, shards);
            let own = keys.iter().copied().filter(|k| (first..=last).contains(k));
            filter.fill(shard, own.collect()).unwrap();
        }
        filter
    }

    proptest! {
        #[test]
        fn what_is_in_is_never_denied(keys: Vec<i64>, shard_bits in 0u32..4) {
            let filter = filter_of(&keys, 1 << shard_bits);
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
        let filter = filter_of(&keys, 4);
        let strangers = (20_000..60_000).filter(|n| filter.may_hold(key(*n))).count();
        assert!(strangers < 400, "{strangers} of 40000");
        assert!(filter.bytes_len() < 30_000);
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
