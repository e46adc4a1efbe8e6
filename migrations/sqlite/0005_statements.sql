-- Statements of providers: the files, their rows with what matching said of each, and rows that could not be
-- read.

-- A file that was handed in. file_no counts over all providers. state: reading while its rows are written; such a
-- file counts for nothing, and is taken away when nobody has touched it for a while.
CREATE TABLE statement_file (
    file_no INTEGER NOT NULL PRIMARY KEY,
    provider_id TEXT NOT NULL REFERENCES provider (provider_id),
    sha256 TEXT NOT NULL,
    name TEXT NOT NULL,
    layout TEXT NOT NULL,
    mapping TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('reading', 'kept')),
    imported_by TEXT NOT NULL,
    touched_at_ms BIGINT NOT NULL,
    first_day BIGINT,
    last_day BIGINT,
    row_count BIGINT NOT NULL DEFAULT 0,
    row_vnd BIGINT NOT NULL DEFAULT 0,
    repeated_count BIGINT NOT NULL DEFAULT 0,
    repeated_vnd BIGINT NOT NULL DEFAULT 0,
    ignored_count BIGINT NOT NULL DEFAULT 0,
    bad_count BIGINT NOT NULL DEFAULT 0,
    UNIQUE (provider_id, sha256)
);

-- A row. row_no: the file and the place in it (file_no << 21 | place), so that rows are added at the end.
-- content: the halves of 128 bits of a digest over what the row says, and which of equal rows of its file it is;
-- the same again in another file is not kept twice. finding, detail, pass, shift_days, receipt_no: what matching said last;
-- a lump has its receipts in statement_lump. is_posted: whether the ledger was given it, since no notice came.
-- refund_of: of money back the provider's id of the payment, where the file names it.
CREATE TABLE statement_row (
    row_no INTEGER NOT NULL PRIMARY KEY,
    provider_id TEXT NOT NULL,
    business_day BIGINT NOT NULL,
    row_number BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('payment', 'refund', 'outgoing', 'fee')),
    status TEXT NOT NULL CHECK (status IN ('settled', 'pending', 'failed')),
    amount_vnd BIGINT NOT NULL CHECK (amount_vnd > 0),
    fee_vnd BIGINT NOT NULL,
    vat_vnd BIGINT NOT NULL,
    discount_vnd BIGINT NOT NULL,
    net_vnd BIGINT,
    provider_txn_id TEXT NOT NULL,
    reference TEXT NOT NULL,
    bank_ref TEXT NOT NULL,
    refund_of TEXT NOT NULL,
    terminal TEXT NOT NULL,
    bank_bin TEXT NOT NULL,
    account_number TEXT NOT NULL,
    stall_code TEXT NOT NULL,
    occurred_at_ms BIGINT,
    settled_day BIGINT,
    parts BIGINT NOT NULL,
    fee_gap_vnd BIGINT NOT NULL,
    content_high BIGINT NOT NULL,
    content_low BIGINT NOT NULL,
    finding TEXT NOT NULL,
    detail BIGINT NOT NULL,
    pass TEXT NOT NULL,
    shift_days BIGINT NOT NULL,
    receipt_no BIGINT,
    is_posted BIGINT NOT NULL DEFAULT 0 CHECK (is_posted IN (0, 1))
);
CREATE INDEX statement_row_by_day ON statement_row (provider_id, business_day, row_no);
CREATE INDEX statement_row_unheard ON statement_row (provider_id, row_no) WHERE finding = 'missing_notice' AND is_posted = 0;
CREATE INDEX statement_row_alone ON statement_row (provider_id, business_day)
    WHERE finding IN ('missing_notice', 'refund_without_payment', 'outgoing') AND receipt_no IS NULL;

-- The receipts of a row that stands for many.
CREATE TABLE statement_lump (
    row_no BIGINT NOT NULL,
    receipt_no BIGINT NOT NULL,
    PRIMARY KEY (row_no, receipt_no)
);

-- A row that could not be read, with the reason; it counts for the day of the last row before it that could.
CREATE TABLE statement_bad (
    file_no BIGINT NOT NULL REFERENCES statement_file (file_no),
    row_number BIGINT NOT NULL,
    provider_id TEXT NOT NULL,
    business_day BIGINT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (file_no, row_number)
);
CREATE INDEX statement_bad_by_day ON statement_bad (provider_id, business_day);

-- How a provider's files are read, once a person agreed to it.
CREATE TABLE statement_mapping (
    provider_id TEXT NOT NULL PRIMARY KEY REFERENCES provider (provider_id),
    mapping TEXT NOT NULL,
    agreed_by TEXT NOT NULL,
    agreed_at_ms BIGINT NOT NULL
);
