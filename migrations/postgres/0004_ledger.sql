-- Notices, receipts and counters. Growing tables: every key holds the value the table would be spread
-- by (the callback's own key for deliveries and notices, the household for receipts and counters), and
-- there is no unique index beside it.

-- A callback as it came: the raw body that was verified, and the key that fitted. variant is empty for
-- the first delivery under this webhook-id, else the digest of items that differ from the first's.
CREATE TABLE delivery (
    provider_id TEXT COLLATE "C" NOT NULL,
    webhook_id TEXT COLLATE "C" NOT NULL,
    variant TEXT COLLATE "C" NOT NULL,
    items_digest BYTEA NOT NULL,
    received_at_ms BIGINT NOT NULL,
    signed_at_s BIGINT NOT NULL,
    signature TEXT COLLATE "C" NOT NULL,
    key_id TEXT COLLATE "C" NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (provider_id, webhook_id, variant)
);

-- One item of a delivery. variant is empty for the first notice of an event, else the digest of content
-- that differs from the first's. Each row is exactly one of posted, quarantined, ignored.
CREATE TABLE notice (
    provider_id TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('payment', 'refund', 'payment_failed', 'other', 'unreadable')),
    variant TEXT COLLATE "C" NOT NULL,
    webhook_id TEXT COLLATE "C" NOT NULL,
    delivery_variant TEXT COLLATE "C" NOT NULL,
    item_index BIGINT NOT NULL,
    received_at_ms BIGINT NOT NULL,
    content_digest BYTEA NOT NULL,
    amount_vnd BIGINT NOT NULL CHECK (amount_vnd >= 0),
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('posted', 'quarantined', 'ignored')),
    reason TEXT COLLATE "C" NOT NULL,
    household_id TEXT COLLATE "C",
    receipt_id TEXT COLLATE "C",
    CHECK ((state = 'posted') = (receipt_id IS NOT NULL)),
    PRIMARY KEY (provider_id, event_id, kind, variant)
);
CREATE INDEX notice_quarantined ON notice (received_at_ms, provider_id, event_id) WHERE state = 'quarantined';

-- A refund that has not met its receipt yet; the row goes when it does.
CREATE TABLE refund_waiting (
    provider_id TEXT COLLATE "C" NOT NULL,
    payment_event_id TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    variant TEXT COLLATE "C" NOT NULL,
    amount_vnd BIGINT NOT NULL CHECK (amount_vnd > 0),
    received_at_ms BIGINT NOT NULL,
    PRIMARY KEY (provider_id, payment_event_id, event_id, variant)
);

-- The id begins with the time, so rows are added at the end; the household, by which the table would
-- be spread, is in the key.
CREATE TABLE receipt (
    household_id TEXT COLLATE "C" NOT NULL,
    receipt_id TEXT COLLATE "C" NOT NULL,
    business_day BIGINT NOT NULL,
    stall_id TEXT COLLATE "C",
    place_id TEXT COLLATE "C" NOT NULL,
    provider_id TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    amount_vnd BIGINT NOT NULL CHECK (amount_vnd > 0),
    refunded_vnd BIGINT NOT NULL CHECK (refunded_vnd >= 0 AND refunded_vnd <= amount_vnd),
    occurred_at_ms BIGINT,
    posted_at_ms BIGINT NOT NULL,
    PRIMARY KEY (receipt_id, household_id)
);

-- Money that went back, beside the receipt it came from.
CREATE TABLE refund (
    household_id TEXT COLLATE "C" NOT NULL,
    receipt_id TEXT COLLATE "C" NOT NULL,
    provider_id TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    amount_vnd BIGINT NOT NULL CHECK (amount_vnd > 0),
    posted_at_ms BIGINT NOT NULL,
    PRIMARY KEY (household_id, receipt_id, provider_id, event_id)
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
