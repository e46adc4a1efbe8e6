//! Numbers past which a file is refused, and the reader that keeps to them.

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

/// Bytes of a file (docs/spec/contract.md, section 4).
pub const FILE_BYTES_MAX: u64 = 256 << 20;
/// Rows handed over from a file (docs/spec/contract.md, section 4).
pub(crate) const ROWS_MAX: u64 = 1_000_000;
/// Bytes of a workbook once expanded, all its parts together.
pub(crate) const EXPANDED_BYTES_MAX: u64 = 1 << 30;
/// A part of a workbook that grows more than this, and is large, was made to do harm. Sheets of a
/// million rows grow some twenty times.
pub(crate) const EXPANSION_MAX: u64 = 250;
/// Parts up to this size may grow by any ratio: they do no harm.
pub(crate) const EXPANSION_FREE_BYTES: u64 = 64 << 20;
/// Texts that cells share in a workbook, which must be in memory.
pub(crate) const SHARED_BYTES_MAX: usize = 192 << 20;
/// Parts of a workbook.
pub(crate) const PARTS_MAX: usize = 10_000;
/// An old workbook cannot be large: 65,536 rows a sheet.
pub(crate) const OLD_WORKBOOK_BYTES_MAX: u64 = 64 << 20;
/// One line, record or element; more is no row of a statement.
pub(crate) const RECORD_BYTES_MAX: u64 = 1 << 20;
/// One cell: what a spreadsheet can hold.
pub(crate) const CELL_BYTES_MAX: usize = 32_767;
/// Columns of a table.
pub(crate) const COLUMNS_MAX: usize = 500;
/// Characters of an id or reference.
pub(crate) const ID_CHARS_MAX: usize = 100;
/// Transactions of one batch entry in camt.053, which are held until the entry ends.
pub(crate) const BATCH_MAX: usize = 50_000;
/// Rows above which the header must have come.
pub(crate) const HEADER_ROWS_MAX: usize = 50;

/// Why a reader stopped by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Overrun {
    /// One record or element does not end.
    #[error("a record is longer than {RECORD_BYTES_MAX} bytes")]
    Record,
    /// All together is too much.
    #[error("more than {EXPANDED_BYTES_MAX} bytes")]
    Total,
}

/// What a [`Metered`] reader may still read. Shared with whoever consumes, who refills it.
#[derive(Clone)]
pub(crate) struct Meter {
    record_max: u64,
    record: Rc<Cell<u64>>,
    total: Rc<Cell<u64>>,
}

impl Meter {
    /// A meter for this many bytes in all.
    pub(crate) fn new(total: u64) -> Meter {
        Meter::of(total, RECORD_BYTES_MAX)
    }

    /// A meter for this many bytes in all, whatever records they are in.
    pub(crate) fn for_total(total: u64) -> Meter {
        Meter::of(total, u64::MAX)
    }

    /// A meter for this many bytes in all and in one record.
    pub(crate) fn of(total: u64, record_max: u64) -> Meter {
        Meter {
            record_max,
            record: Rc::new(Cell::new(record_max)),
            total: Rc::new(Cell::new(total)),
        }
    }

    /// What is read from now on is bounded elsewhere.
    pub(crate) fn lift(&self) {
        self.record.set(u64::MAX);
        self.total.set(u64::MAX);
    }

    /// A record has ended, the next one may be as long again.
    pub(crate) fn next_record(&self) {
        self.record.set(self.record_max);
    }
}

/// A reader that fails instead of delivering more than it may: memory behind it is bounded whatever
/// the file says about its own size.
pub(crate) struct Metered<R> {
    inner: R,
    meter: Meter,
}

impl<R> Metered<R> {
    pub(crate) fn new(inner: R, meter: Meter) -> Metered<R> {
        Metered { inner, meter }
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)? as u64;
        for (left, overrun) in [
            (&self.meter.total, Overrun::Total),
            (&self.meter.record, Overrun::Record),
        ] {
            let rest = left
                .get()
                .checked_sub(got)
                .ok_or_else(|| io::Error::other(overrun))?;
            left.set(rest);
        }
        Ok(got as usize)
    }
}

impl<R: Seek> Seek for Metered<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

/// The overrun behind an error of reading, if that is what it was.
pub(crate) fn overrun(error: &io::Error) -> Option<Overrun> {
    error.get_ref()?.downcast_ref::<Overrun>().copied()
}

/// Reads until the buffer is full or the file ends.
pub(crate) fn fill<R: Read>(file: &mut R, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
