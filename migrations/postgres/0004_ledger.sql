-- Notices, receipts, evidence and counters. Growing tables begin their key with the day on which the
-- ledger took the row, so that rows are added near each other however the providers' ids look, and old
-- days can be taken away whole: they are partitioned by month, a job makes the partitions ahead, and a row
-- for which there is none goes to the default one. There is no unique index beside the key.

-- What moves with every batch. position and digest: the last batch of the chain of evidence, in the order
-- of commit over all instances. open_day: nothing is added to days before it. filtered_day: keys up to
-- this day are in event_key, and its filter exists.
CREATE TABLE feed (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    position BIGINT NOT NULL,
    day BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    open_day BIGINT NOT NULL,
    filtered_day BIGINT NOT NULL
);
INSERT INTO feed (id, position, day, digest, open_day, filtered_day)
VALUES (1, 0, -1000000, '\x0000000000000000000000000000000000000000000000000000000000000000', -1000000, -1000000);

-- Days on which the ledger took rows.
CREATE TABLE ledger_day (
    day BIGINT NOT NULL PRIMARY KEY
);

-- The callbacks of one batch as they came, compressed: raw body, the headers that the proof needs, key
-- and time. digest covers the row before it, so that nothing can be changed or taken out unnoticed;
-- bytes go at the end of their retention, bytes_digest stays.
CREATE TABLE evidence (
    day BIGINT NOT NULL,
    position BIGINT NOT NULL,
    batch_id TEXT COLLATE "C" NOT NULL,
    batch_day BIGINT NOT NULL,
    callbacks BIGINT NOT NULL,
    notices BIGINT NOT NULL,
    receipts BIGINT NOT NULL,
    bytes_digest BYTEA NOT NULL,
    digest BYTEA NOT NULL,
    bytes BYTEA,
    PRIMARY KEY (day, position)
) PARTITION BY RANGE (day);
CREATE TABLE evidence_default PARTITION OF evidence DEFAULT;

-- Ids of deliveries, where a scheme has such ids: 128 bits of SHA-256 over provider and id, and a digest
-- of the items, so that an id used again for other items is noticed.
CREATE TABLE delivery (
    day BIGINT NOT NULL,
    fingerprint BIGINT NOT NULL,
    check_bits BIGINT NOT NULL,
    items_digest BYTEA NOT NULL,
    PRIMARY KEY (day, fingerprint, check_bits)
) PARTITION BY RANGE (day);
CREATE TABLE delivery_default PARTITION OF delivery DEFAULT;

-- One item of a callback. fingerprint: 64 bits of SHA-256 over provider, event and kind. check_bits: 64
-- more bits of the same for the first notice of an event, else of its other content too. Each row is
-- exactly one of posted, quarantined, ignored.
CREATE TABLE notice (
    day BIGINT NOT NULL,
    fingerprint BIGINT NOT NULL,
    check_bits BIGINT NOT NULL,
    provider_id TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('payment', 'refund', 'void', 'payment_failed', 'payment_pending',
        'payment_authorized', 'payment_suspect', 'debit', 'test', 'other', 'unreadable')),
    -- where it is not the event id
    provider_txn_id TEXT COLLATE "C",
    is_first BIGINT NOT NULL CHECK (is_first IN (0, 1)),
    content_digest BYTEA NOT NULL,
    amount_vnd BIGINT NOT NULL CHECK (amount_vnd >= 0),
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('posted', 'quarantined', 'ignored')),
    reason TEXT COLLATE "C",
    received_at_ms BIGINT NOT NULL,
    batch_id TEXT COLLATE "C" NOT NULL,
    household_id TEXT COLLATE "C",
    receipt_id TEXT COLLATE "C",
    CHECK ((state = 'posted') = (receipt_id IS NOT NULL)),
    CHECK ((state = 'posted') = (reason IS NULL)),
    PRIMARY KEY (day, fingerprint, check_bits)
) PARTITION BY RANGE (day);
CREATE TABLE notice_default PARTITION OF notice DEFAULT;
CREATE INDEX notice_quarantined ON notice (received_at_ms, provider_id, event_id) WHERE state = 'quarantined';

-- The keys of closed days, with the full id and the content: a notice that comes again after a day, a
-- month or a year is found here, also when the notices of its time have been taken away.
CREATE TABLE event_key (
    day BIGINT NOT NULL,
    fingerprint BIGINT NOT NULL,
    check_bits BIGINT NOT NULL,
    provider_id TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    is_first BIGINT NOT NULL,
    content_digest BYTEA NOT NULL,
    reason TEXT COLLATE "C",
    PRIMARY KEY (day, fingerprint, check_bits)
);

-- For a closed day, later for a closed month: a filter that says which fingerprints surely are not there.
CREATE TABLE event_filter (
    first_day BIGINT NOT NULL,
    last_day BIGINT NOT NULL,
    keys BIGINT NOT NULL,
    filter BYTEA NOT NULL,
    PRIMARY KEY (first_day, last_day)
);

-- An order that waits to be paid: what a provider's reference stands for, and how much is asked.
CREATE TABLE payment_order (
    provider_id TEXT COLLATE "C" NOT NULL,
    reference TEXT COLLATE "C" NOT NULL,
    stall_id TEXT COLLATE "C" NOT NULL REFERENCES stall (stall_id),
    amount_vnd BIGINT CHECK (amount_vnd > 0),
    recorded_by TEXT COLLATE "C" NOT NULL,
    recorded_at_ms BIGINT NOT NULL,
    PRIMARY KEY (provider_id, reference)
);

-- Under which event the payment of an order was kept, for refunds that name the order only.
CREATE TABLE order_payment (
    provider_id TEXT COLLATE "C" NOT NULL,
    reference TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (provider_id, reference, event_id)
);

-- A bank transfer that was posted, by the bank's own reference: another provider's word for it is no
-- second receipt.
CREATE TABLE bank_transfer (
    day BIGINT NOT NULL,
    fingerprint BIGINT NOT NULL,
    check_bits BIGINT NOT NULL,
    provider_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (day, fingerprint, check_bits)
);

-- A refund that has not met its receipt yet; the row goes when it does. payment_key: event:ID or order:ID.
CREATE TABLE refund_waiting (
    provider_id TEXT COLLATE "C" NOT NULL,
    payment_key TEXT COLLATE "C" NOT NULL,
    day BIGINT NOT NULL,
    fingerprint BIGINT NOT NULL,
    check_bits BIGINT NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('refund', 'void')),
    amount_vnd BIGINT NOT NULL CHECK (amount_vnd > 0),
    received_at_ms BIGINT NOT NULL,
    PRIMARY KEY (provider_id, payment_key, day, fingerprint, check_bits)
);

-- The id begins with the time of its batch, and day is the day of that time.
CREATE TABLE receipt (
    day BIGINT NOT NULL,
    receipt_id TEXT COLLATE "C" NOT NULL,
    household_id TEXT COLLATE "C" NOT NULL,
    business_day BIGINT NOT NULL,
    stall_id TEXT COLLATE "C",
    place_id TEXT COLLATE "C" NOT NULL,
    provider_id TEXT COLLATE "C" NOT NULL,
    provider_txn_id TEXT COLLATE "C" NOT NULL,
    amount_vnd BIGINT NOT NULL CHECK (amount_vnd > 0),
    refunded_vnd BIGINT NOT NULL CHECK (refunded_vnd >= 0 AND refunded_vnd <= amount_vnd),
    occurred_at_ms BIGINT,
    posted_at_ms BIGINT NOT NULL,
    PRIMARY KEY (day, receipt_id, household_id)
) PARTITION BY RANGE (day);
CREATE TABLE receipt_default PARTITION OF receipt DEFAULT;

-- Money that went back, beside the receipt it came from.
CREATE TABLE refund (
    household_id TEXT COLLATE "C" NOT NULL,
    receipt_id TEXT COLLATE "C" NOT NULL,
    provider_id TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('refund', 'void')),
    amount_vnd BIGINT NOT NULL CHECK (amount_vnd > 0),
    posted_at_ms BIGINT NOT NULL,
    PRIMARY KEY (household_id, receipt_id, provider_id, event_id, kind)
);

-- Counters by business day. qualifying_count: receipts whose amount after refunds reaches the floor.
CREATE TABLE household_day (
    household_id TEXT COLLATE "C" NOT NULL,
    day BIGINT NOT NULL,
    posted_count BIGINT NOT NULL,
    posted_vnd BIGINT NOT NULL,
    refunded_vnd BIGINT NOT NULL,
    qualifying_count BIGINT NOT NULL,
    CHECK (0 <= qualifying_count AND qualifying_count <= posted_count),
    CHECK (0 <= refunded_vnd AND refunded_vnd <= posted_vnd),
    PRIMARY KEY (household_id, day)
);

-- The same per street segment and per market: the household's principal place on the business day.
CREATE TABLE place_day (
    place_id TEXT COLLATE "C" NOT NULL,
    day BIGINT NOT NULL,
    posted_count BIGINT NOT NULL,
    posted_vnd BIGINT NOT NULL,
    refunded_vnd BIGINT NOT NULL,
    qualifying_count BIGINT NOT NULL,
    CHECK (0 <= qualifying_count AND qualifying_count <= posted_count),
    CHECK (0 <= refunded_vnd AND refunded_vnd <= posted_vnd),
    PRIMARY KEY (place_id, day)
);

-- Conservation, by provider and day of reception: the database itself refuses a sum that does not hold.
CREATE TABLE intake_day (
    provider_id TEXT COLLATE "C" NOT NULL,
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
    provider_id TEXT COLLATE "C" NOT NULL,
    hour BIGINT NOT NULL,
    kept BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    not_kept BIGINT NOT NULL,
    latency_us_total BIGINT NOT NULL,
    latency_us_max BIGINT NOT NULL,
    last_heard_ms BIGINT NOT NULL,
    PRIMARY KEY (provider_id, hour)
);
