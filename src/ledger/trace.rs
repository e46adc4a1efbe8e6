//! What is remembered of each event, so that a repeat is recognised: in memory, and in pages on disk.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::filter::KeyFilter;
use super::key::Key;
use crate::notice::{ContentDigest, NoticeKind};

/// Bytes of a page of traces: a few of them are read to settle one look-up, and each fits beside others
/// on a page of the database.
const PAGE_BYTES: usize = 1800;
/// Parts into which the space of fingerprints is cut; no page lies in two of them.
pub const TRACE_PARTS: usize = 64;
/// Passes of the filter of a small run: there are up to fifteen small runs, and each may let a look-up through by
/// mistake.
const PASSES_OF_SMALL: usize = 2;
/// Passes of the filter of a large run: there are few of them, and memory matters more.
pub const PASSES_OF_LARGE: usize = 1;
/// Bytes of a trace before its texts.
const FIXED_BYTES: usize = 1 + 8 + 8 + 16 + 8 + 1;

/// What kind of thing a trace remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// A delivery, by the id that its sender gave it.
    Delivery,
    /// A bank transfer that was posted, by the bank's reference.
    Transfer,
    /// A payment that was posted under an event of its own, by the provider's id of its transaction: by that a
    /// statement names it.
    TransactionId,
    /// The first notice of an event.
    First(NoticeKind),
    /// Another content of an event that is known.
    OtherContent(NoticeKind),
    /// An item that came under the id of another delivery.
    DeliveryReused(NoticeKind),
}

/// For how long a trace is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// For good: an event, or a bank transfer, that comes again after a year is no second receipt.
    Event,
    /// As long as retries come: the last million.
    Recent,
}

impl Class {
    pub const ALL: [Class; 2] = [Class::Event, Class::Recent];
}

impl Standing {
    /// The class of such a trace.
    pub fn class(self) -> Class {
        match self {
            Standing::Delivery => Class::Recent,
            _ => Class::Event,
        }
    }

    fn tag(self) -> u8 {
        match self {
            Standing::Delivery => 0,
            Standing::Transfer => 1,
            Standing::TransactionId => 2,
            Standing::First(kind) => 3 + 3 * kind as u8,
            Standing::OtherContent(kind) => 4 + 3 * kind as u8,
            Standing::DeliveryReused(kind) => 5 + 3 * kind as u8,
        }
    }

    fn of_tag(tag: u8) -> Option<Standing> {
        let of_kind = |at: u8| NoticeKind::ALL.get(usize::from(at / 3)).copied();
        Some(match tag {
            0 => Standing::Delivery,
            1 => Standing::Transfer,
            2 => Standing::TransactionId,
            tag => match (tag - 3) % 3 {
                0 => Standing::First(of_kind(tag - 3)?),
                1 => Standing::OtherContent(of_kind(tag - 3)?),
                _ => Standing::DeliveryReused(of_kind(tag - 3)?),
            },
        })
    }
}

/// What is remembered of something that came, so that it is known when it comes again, and known to be
/// other when it says something else: the full id and a digest of the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace<'a> {
    /// Where it is found.
    pub key: Key,
    /// What kind of thing it remembers.
    pub standing: Standing,
    pub provider_id: &'a str,
    pub id: &'a str,
    /// Digest of what it said.
    pub content: ContentDigest,
    /// The number under which it is kept in the ledger; 0 for what has no row of its own.
    pub entry_no: i64,
}

/// Bytes that cannot be read as traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("kept traces cannot be read")]
pub struct TraceError;

impl<'a> Trace<'a> {
    /// Adds the trace to bytes. Texts longer than a trace holds are an error of the program: ids are
    /// bounded where callbacks are read.
    pub fn write(&self, out: &mut Vec<u8>) {
        assert!(
            self.provider_id.len() < 256 && self.id.len() < 65_536,
            "an id too long to be read again"
        );
        out.push(self.standing.tag());
        out.extend(self.key.fingerprint.to_le_bytes());
        out.extend(self.key.check_bits.to_le_bytes());
        out.extend(self.content);
        out.extend(self.entry_no.to_le_bytes());
        out.push(self.provider_id.len() as u8);
        out.extend(self.provider_id.as_bytes());
        out.extend((self.id.len() as u16).to_le_bytes());
        out.extend(self.id.as_bytes());
    }

    /// Reads one trace and moves on behind it.
    pub fn read(bytes: &mut &'a [u8]) -> Result<Trace<'a>, TraceError> {
        let standing = Standing::of_tag(u8::from_le_bytes(take(bytes)?)).ok_or(TraceError)?;
        let key = Key {
            fingerprint: i64::from_le_bytes(take(bytes)?),
            check_bits: i64::from_le_bytes(take(bytes)?),
        };
        let content = take(bytes)?;
        let entry_no = i64::from_le_bytes(take(bytes)?);
        let len = usize::from(u8::from_le_bytes(take(bytes)?));
        let provider_id = text(bytes, len)?;
        let len = usize::from(u16::from_le_bytes(take(bytes)?));
        let id = text(bytes, len)?;
        Ok(Trace {
            key,
            standing,
            provider_id,
            id,
            content,
            entry_no,
        })
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], TraceError> {
    let (first, rest) = bytes.split_first_chunk::<N>().ok_or(TraceError)?;
    *bytes = rest;
    Ok(*first)
}

fn text<'a>(bytes: &mut &'a [u8], len: usize) -> Result<&'a str, TraceError> {
    let (text, rest) = bytes.split_at_checked(len).ok_or(TraceError)?;
    *bytes = rest;
    std::str::from_utf8(text).map_err(|_| TraceError)
}

/// Every trace in bytes, in the order in which they were written.
pub fn read_traces(mut bytes: &[u8]) -> impl Iterator<Item = Result<Trace<'_>, TraceError>> {
    std::iter::from_fn(move || {
        (!bytes.is_empty()).then(|| {
            let trace = Trace::read(&mut bytes);
            if trace.is_err() {
                bytes = &[];
            }
            trace
        })
    })
}

/// Hashes a fingerprint as itself, since its bits are spread evenly already.
#[derive(Debug, Default, Clone, Copy)]
struct IdentityHasher(u64);

impl Hasher for IdentityHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_i64(&mut self, n: i64) {
        self.0 = n as u64;
    }
}

/// Traces in memory, found by fingerprint: as they were written, one behind the other, and an index of
/// where each begins.
#[derive(Debug, Default)]
pub struct Traces {
    bytes: Vec<u8>,
    /// Where the newest trace of a fingerprint begins.
    newest: HashMap<i64, u32, BuildHasherDefault<IdentityHasher>>,
    /// Where the one before begins, for the few that share a fingerprint.
    before: HashMap<u32, u32>,
}

impl Traces {
    /// Adds traces as [`Trace::write`] wrote them.
    pub fn add(&mut self, bytes: &[u8]) -> Result<(), TraceError> {
        let start = self.bytes.len();
        u32::try_from(start + bytes.len()).map_err(|_| TraceError)?;
        let mut rest = bytes;
        while !rest.is_empty() {
            let at = (start + bytes.len() - rest.len()) as u32;
            let trace = Trace::read(&mut rest)?;
            if let Some(earlier) = self.newest.insert(trace.key.fingerprint, at) {
                self.before.insert(at, earlier);
            }
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// The traces with a fingerprint, the newest first.
    pub fn find(&self, fingerprint: i64) -> impl Iterator<Item = Trace<'_>> {
        let mut next = self.newest.get(&fingerprint).copied();
        std::iter::from_fn(move || {
            let at = next?;
            next = self.before.get(&at).copied();
            // It was read once when it was added, so this cannot fail.
            Trace::read(&mut self.bytes.get(at as usize..)?).ok()
        })
    }

    /// Bytes of the traces, without their index.
    pub fn bytes_len(&self) -> usize {
        self.bytes.len()
    }

    /// Everything of a class as a run.
    pub fn run(&self, class: Class) -> Result<Run, TraceError> {
        let mut parts: Vec<Vec<Trace<'_>>> = (0..TRACE_PARTS).map(|_| Vec::new()).collect();
        for trace in read_traces(&self.bytes) {
            let trace = trace?;
            if trace.standing.class() == class {
                parts[part_of(trace.key.fingerprint)].push(trace);
            }
        }
        let mut run = Run::empty(PASSES_OF_SMALL);
        for (part, traces) in parts.into_iter().enumerate() {
            run.add(Run::of_part(part, traces, PASSES_OF_SMALL)?, part);
        }
        Ok(run)
    }
}

/// The part in which a fingerprint lies.
fn part_of(fingerprint: i64) -> usize {
    let bits = TRACE_PARTS.trailing_zeros();
    ((fingerprint >> (64 - bits)) - (i64::MIN >> (64 - bits))) as usize
}

/// Traces in the order of their fingerprints, cut into pages, with a filter that says which fingerprints
/// are surely not among them.
#[derive(Debug)]
pub struct Run {
    /// The first fingerprint of each page, and its bytes. All traces of one fingerprint lie on one page.
    pub pages: Vec<(i64, Vec<u8>)>,
    /// What is surely not there.
    pub filter: KeyFilter,
    pub traces: usize,
}

impl Run {
    fn empty(passes: usize) -> Run {
        Run {
            pages: Vec::new(),
            filter: KeyFilter::new(TRACE_PARTS, passes),
            traces: 0,
        }
    }

    /// The run of all traces of one part, with a filter of one pass or two.
    pub fn of_part(part: usize, mut traces: Vec<Trace<'_>>, passes: usize) -> Result<Run, TraceError> {
        traces.sort_by_key(|t| (t.key, t.entry_no));
        let mut run = Run::empty(passes);
        run.traces = traces.len();
        let mut page: Option<(i64, Vec<u8>)> = None;
        let mut last = None;
        for trace in &traces {
            let is_full = page.as_ref().is_some_and(|(_, bytes)| {
                bytes.len() + FIXED_BYTES + trace.provider_id.len() + trace.id.len() > PAGE_BYTES
            });
            if is_full && last != Some(trace.key.fingerprint) {
                run.pages.extend(page.take());
            }
            let (_, bytes) =
                page.get_or_insert_with(|| (trace.key.fingerprint, Vec::with_capacity(PAGE_BYTES)));
            trace.write(bytes);
            last = Some(trace.key.fingerprint);
        }
        run.pages.extend(page);
        let fingerprints = traces.iter().map(|t| t.key.fingerprint).collect();
        run.filter.fill(part, fingerprints).map_err(|_| TraceError)?;
        Ok(run)
    }

    /// Adds the next part; parts come in order.
    fn add(&mut self, next: Run, part: usize) {
        self.pages.extend(next.pages);
        self.filter.take_shard(next.filter, part);
        self.traces += next.traces;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn trace(n: u64, id: &str) -> Trace<'_> {
        // Spread as the halves of a digest are, and some share a fingerprint.
        let fingerprint = (n / 2).wrapping_mul(0x9e37_79b9_7f4a_7c15) as i64;
        let kind = NoticeKind::ALL[n as usize % NoticeKind::ALL.len()];
        let standing = match n % 4 {
            0 => Standing::Delivery,
            1 => Standing::First(kind),
            2 => Standing::OtherContent(kind),
            _ => Standing::DeliveryReused(kind),
        };
        Trace {
            key: Key {
                fingerprint,
                check_bits: n as i64,
            },
            standing,
            provider_id: "momo",
            id,
            content: [n as u8; 16],
            entry_no: n as i64,
        }
    }

    #[test]
    fn every_standing_reads_back() {
        for tag in 0..=255u8 {
            if let Some(standing) = Standing::of_tag(tag) {
                assert_eq!(standing.tag(), tag);
            }
        }
        assert_eq!(Standing::of_tag(3 + 3 * NoticeKind::ALL.len() as u8), None);
    }

    #[test]
    fn traces_are_found_by_fingerprint_newest_first() {
        let ids: Vec<String> = (0..500).map(|n| format!("T{n}")).collect();
        let mut all = Traces::default();
        for batch in ids.chunks(7).enumerate() {
            let mut bytes = Vec::new();
            for (n, id) in batch.1.iter().enumerate() {
                trace((batch.0 * 7 + n) as u64, id).write(&mut bytes);
            }
            all.add(&bytes).unwrap();
        }
        for n in (0..500u64).step_by(2) {
            let a = trace(n, &ids[n as usize]);
            let b = trace(n + 1, &ids[n as usize + 1]);
            let found: Vec<Trace<'_>> = all.find(a.key.fingerprint).collect();
            assert_eq!(found, [b, a]);
        }
        assert_eq!(all.find(1).count(), 0);
    }

    #[test]
    fn a_run_holds_every_trace_of_its_class_once_on_the_page_where_it_is_looked_for() {
        let ids: Vec<String> = (0..5000).map(|n| format!("T{n}")).collect();
        let mut bytes = Vec::new();
        for (n, id) in ids.iter().enumerate() {
            trace(n as u64, id).write(&mut bytes);
        }
        let mut all = Traces::default();
        all.add(&bytes).unwrap();
        let runs = Class::ALL.map(|class| all.run(class).unwrap());
        assert_eq!(runs[0].traces + runs[1].traces, 5000);
        for (class, run) in Class::ALL.into_iter().zip(&runs) {
            assert!(run.pages.is_sorted_by(|a, b| a.0 < b.0));
            for n in 0..5000u64 {
                let wanted = trace(n, &ids[n as usize]);
                let f = wanted.key.fingerprint;
                let page = run.pages.iter().rfind(|p| p.0 <= f);
                let mut on_page = page
                    .into_iter()
                    .flat_map(|p| read_traces(&p.1))
                    .map(Result::unwrap);
                let is_there = on_page.any(|t| t == wanted);
                assert_eq!(is_there, wanted.standing.class() == class, "{n}");
                assert!(!is_there || run.filter.may_hold(f));
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            for trace in read_traces(&bytes) {
                let _ = trace;
            }
            let _ = Traces::default().add(&bytes);
        }

        #[test]
        fn parts_are_the_ranges_of_the_filter(fingerprint: i64) {
            let (first, last) = KeyFilter::range(part_of(fingerprint), TRACE_PARTS);
            prop_assert!((first..=last).contains(&fingerprint));
        }
    }
}
