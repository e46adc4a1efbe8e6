-- Notices, receipts, evidence, what is remembered of ids, and counters.
--
-- Rows are numbered by the ledger (day << 40 | count): the day on which it took them, then a number that
-- counts on. So they are added at the end of their table however the providers' ids look, and old months
-- can be taken away whole. No table has a unique index on a provider's id; whether an
-- id came before is known from the traces.

-- Where the ledger stands. Whoever adds a batch holds this row from its begin to its commit, so that
-- numbers are in the order of commit over all instances and each sees all that was kept before. batch_no:
-- the last batch; entry_no: the last notice or receipt; digest: of the last link of the chain of evidence;
-- generation: the one to which new traces go, and its bytes; runs_epoch: moves when runs of traces change;
-- counted_entry_no: the day counters hold the receipts up to this one.
CREATE TABLE feed (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    batch_no BIGINT NOT NULL,
    entry_no BIGINT NOT NULL,
    digest BLOB NOT NULL,
    generation BIGINT NOT NULL,
    generation_bytes BIGINT NOT NULL,
    runs_epoch BIGINT NOT NULL,
    counted_entry_no BIGINT NOT NULL
);
INSERT INTO feed (id, batch_no, entry_no, digest, generation, generation_bytes, runs_epoch, counted_entry_no)
VALUES (1, 0, 0, X'0000000000000000000000000000000000000000000000000000000000000000', 1, 0, 1, 0);

-- The callbacks of one batch as they came, compressed: raw body, the headers that the proof needs, key
-- and time. Its rows are those numbered from first_entry_no on; rows_digest: of what must not change in
-- them. digest covers the row before it, so that nothing can be changed or taken out unnoticed; bytes go at
-- the end of their retention, bytes_digest stays.
CREATE TABLE evidence (
    batch_no INTEGER NOT NULL PRIMARY KEY,
    first_entry_no BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    receipts BIGINT NOT NULL,
    callbacks BIGINT NOT NULL,
    rows_digest BLOB NOT NULL,
    bytes_digest BLOB NOT NULL,
    digest BLOB NOT NULL,
    bytes BLOB
);

-- Traces of what came, by which it is known when it comes again: of events and bank
-- transfers for good, of deliveries for the last million. A batch adds its own here, as they are written by the ledger.
-- When a generation of them is full it is sorted into a run, and its rows here go.
CREATE TABLE trace_batch (
    batch_no INTEGER NOT NULL PRIMARY KEY,
    generation BIGINT NOT NULL,
    bytes BLOB NOT NULL
);

-- A run: the traces of the generations first to last, with a filter that says which are surely not there.
CREATE TABLE trace_run (
    class BIGINT NOT NULL,
    first_generation BIGINT NOT NULL,
    last_generation BIGINT NOT NULL,
    traces BIGINT NOT NULL,
    filter BLOB NOT NULL,
    PRIMARY KEY (class, first_generation, last_generation)
);

-- Its traces in the order of their fingerprints, some twenty on a page.
CREATE TABLE trace_page (
    class BIGINT NOT NULL,
    first_generation BIGINT NOT NULL,
    last_generation BIGINT NOT NULL,
    first_fingerprint BIGINT NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (class, first_generation, last_generation, first_fingerprint)
);

-- Money that arrived, with what its notice said of it. content_digest: of the notice; event_id: where it
-- is not the provider's transaction id. corrected_vnd: what the statement or a person took off or added, the sum of
-- its corrections; what is left is amount - refunded + corrected. statement_row_no: the row of a statement that it was posted from, since no
-- notice came; nobody hears of such a receipt.
CREATE TABLE receipt (
    entry_no INTEGER NOT NULL PRIMARY KEY,
    household_id TEXT NOT NULL,
    business_day BIGINT NOT NULL,
    stall_id TEXT,
    place_id TEXT NOT NULL,
    provider_id TEXT NOT NULL,
    provider_txn_id TEXT NOT NULL,
    event_id TEXT,
    content_digest BLOB NOT NULL,
    amount_vnd BIGINT NOT NULL CHECK (amount_vnd > 0),
    refunded_vnd BIGINT NOT NULL DEFAULT 0 CHECK (refunded_vnd >= 0),
    corrected_vnd BIGINT NOT NULL DEFAULT 0,
    occurred_at_ms BIGINT,
    posted_at_ms BIGINT NOT NULL,
    bank_ref TEXT,
    statement_row_no BIGINT,
    CHECK (refunded_vnd <= amount_vnd + corrected_vnd)
);

-- Receipts of a day that the ledger took more than a day later: those of the others stand among the numbers of
-- their own day and the next.
CREATE TABLE late_receipt (
    provider_id TEXT NOT NULL,
    business_day BIGINT NOT NULL,
    entry_no BIGINT NOT NULL,
    PRIMARY KEY (provider_id, business_day, entry_no)
) WITHOUT ROWID;

-- An item of a callback that is no receipt: a refund, what waits for a person, what moves no money. Each is
-- exactly one of posted, quarantined, ignored; a posted one is a refund of the receipt receipt_no.
CREATE TABLE notice (
    entry_no INTEGER NOT NULL PRIMARY KEY,
    provider_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('payment', 'refund', 'void', 'payment_failed', 'payment_pending',
        'payment_authorized', 'payment_suspect', 'debit', 'test', 'other', 'unreadable')),
    provider_txn_id TEXT NOT NULL,
    -- whether it is the first of its event, or another content of it
    is_first BIGINT NOT NULL CHECK (is_first IN (0, 1)),
    content_digest BLOB NOT NULL,
    amount_vnd BIGINT NOT NULL CHECK (amount_vnd >= 0),
    state TEXT NOT NULL CHECK (state IN ('posted', 'quarantined', 'ignored')),
    reason TEXT,
    received_at_ms BIGINT NOT NULL,
    receipt_no BIGINT,
    CHECK ((state = 'posted') = (receipt_no IS NOT NULL)),
    CHECK ((state = 'posted') = (reason IS NULL))
);
CREATE INDEX notice_quarantined ON notice (entry_no) WHERE state = 'quarantined';

-- An order that waits to be paid: what a provider's reference stands for, and how much is asked.
CREATE TABLE payment_order (
    provider_id TEXT NOT NULL,
    reference TEXT NOT NULL,
    stall_id TEXT NOT NULL REFERENCES stall (stall_id),
    amount_vnd BIGINT CHECK (amount_vnd > 0),
    recorded_by TEXT NOT NULL,
    recorded_at_ms BIGINT NOT NULL,
    PRIMARY KEY (provider_id, reference)
);

-- Under which event the payment of an order was kept, for refunds that name the order only.
CREATE TABLE order_payment (
    provider_id TEXT NOT NULL,
    reference TEXT NOT NULL,
    event_id TEXT NOT NULL,
    PRIMARY KEY (provider_id, reference, event_id)
);

-- An amount that a stall asked for with a code of its own. Bank apps carry back only the note, so the bill
-- is known again by its number there.
CREATE TABLE bill (
    bill_id TEXT NOT NULL PRIMARY KEY,
    stall_id TEXT NOT NULL REFERENCES stall (stall_id),
    bill_number TEXT NOT NULL,
    amount_vnd BIGINT NOT NULL CHECK (amount_vnd > 0),
    payload TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    UNIQUE (stall_id, bill_number)
);

-- Which receipts paid a bill.
CREATE TABLE bill_payment (
    bill_id TEXT NOT NULL REFERENCES bill (bill_id),
    receipt_no BIGINT NOT NULL,
    amount_vnd BIGINT NOT NULL,
    paid_at_ms BIGINT NOT NULL,
    PRIMARY KEY (bill_id, receipt_no)
);

-- A refund that has not met its receipt yet; the row goes when it does. payment_key: event:ID or order:ID;
-- entry_no: its notice.
CREATE TABLE refund_waiting (
    provider_id TEXT NOT NULL,
    payment_key TEXT NOT NULL,
    entry_no BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('refund', 'void')),
    amount_vnd BIGINT NOT NULL CHECK (amount_vnd > 0),
    received_at_ms BIGINT NOT NULL,
    PRIMARY KEY (provider_id, payment_key, entry_no)
);

-- Money that went back, beside the receipt it came from.
CREATE TABLE refund (
    receipt_no BIGINT NOT NULL,
    provider_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('refund', 'void')),
    amount_vnd BIGINT NOT NULL CHECK (amount_vnd > 0),
    posted_at_ms BIGINT NOT NULL,
    PRIMARY KEY (receipt_no, provider_id, event_id, kind)
);

-- Counters by business day, of the receipts up to feed.counted_entry_no. Some thousand receipts are added
-- together, since adding each alone costs more than keeping it; whoever reads adds the few after them. The
-- rows of one day lie together, since adding touches most of them.
-- corrected_vnd: with its sign. qualifying_count: receipts of which at least the floor is left.
CREATE TABLE household_day (
    day BIGINT NOT NULL,
    household_id TEXT NOT NULL,
    posted_count BIGINT NOT NULL,
    posted_vnd BIGINT NOT NULL,
    refunded_vnd BIGINT NOT NULL,
    corrected_vnd BIGINT NOT NULL,
    qualifying_count BIGINT NOT NULL,
    CHECK (0 <= qualifying_count AND qualifying_count <= posted_count),
    CHECK (0 <= refunded_vnd AND refunded_vnd <= posted_vnd + corrected_vnd),
    PRIMARY KEY (day, household_id)
) WITHOUT ROWID;

-- The same per street segment and per market: the household's principal place on the business day.
CREATE TABLE place_day (
    day BIGINT NOT NULL,
    place_id TEXT NOT NULL,
    posted_count BIGINT NOT NULL,
    posted_vnd BIGINT NOT NULL,
    refunded_vnd BIGINT NOT NULL,
    corrected_vnd BIGINT NOT NULL,
    qualifying_count BIGINT NOT NULL,
    CHECK (0 <= qualifying_count AND qualifying_count <= posted_count),
    CHECK (0 <= refunded_vnd AND refunded_vnd <= posted_vnd + corrected_vnd),
    PRIMARY KEY (day, place_id)
) WITHOUT ROWID;

-- The same per provider, for its books.
CREATE TABLE provider_day (
    day BIGINT NOT NULL,
    provider_id TEXT NOT NULL,
    posted_count BIGINT NOT NULL,
    posted_vnd BIGINT NOT NULL,
    refunded_vnd BIGINT NOT NULL,
    corrected_vnd BIGINT NOT NULL,
    qualifying_count BIGINT NOT NULL,
    CHECK (0 <= qualifying_count AND qualifying_count <= posted_count),
    CHECK (0 <= refunded_vnd AND refunded_vnd <= posted_vnd + corrected_vnd),
    PRIMARY KEY (day, provider_id)
) WITHOUT ROWID;

-- Conservation, by provider and day of reception: the database itself refuses a sum that does not hold.
CREATE TABLE intake_day (
    provider_id TEXT NOT NULL,
    day BIGINT NOT NULL,
    received_count BIGINT NOT NULL,
    received_vnd BIGINT NOT NULL,
    posted_count BIGINT NOT NULL,
    posted_vnd BIGINT NOT NULL,
    quarantined_count BIGINT NOT NULL,
    quarantined_vnd BIGINT NOT NULL,
    ignored_count BIGINT NOT NULL,
    ignored_vnd BIGINT NOT NULL,
    repeat_count BIGINT NOT NULL,
    CHECK (received_count = posted_count + quarantined_count + ignored_count),
    CHECK (received_vnd = posted_vnd + quarantined_vnd + ignored_vnd),
    PRIMARY KEY (provider_id, day)
);

-- How a provider's callbacks went in one hour (hours since 1970 UTC): what the health page shows, and the
-- habit against which its silence is measured. latency: from the first byte to the answer.
CREATE TABLE provider_hour (
    provider_id TEXT NOT NULL,
    hour BIGINT NOT NULL,
    kept BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    not_kept BIGINT NOT NULL,
    latency_us_total BIGINT NOT NULL,
    latency_us_max BIGINT NOT NULL,
    last_heard_ms BIGINT NOT NULL,
    PRIMARY KEY (provider_id, hour)
);
