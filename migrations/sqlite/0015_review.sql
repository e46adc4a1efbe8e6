-- Whom a payment names that waits for a person, so that somebody can find out whose it is. account_number: as sent, may be
-- empty; stall_code: the one in its note or reference. What came before this table has no row.
CREATE TABLE waiting_payee (
    entry_no BIGINT NOT NULL PRIMARY KEY,
    bank_bin TEXT NOT NULL,
    account_number TEXT NOT NULL,
    terminal TEXT NOT NULL,
    stall_code TEXT NOT NULL,
    business_day BIGINT NOT NULL,
    occurred_at_ms BIGINT,
    bank_ref TEXT
);

-- Receipts that a person made of a notice that waited. act_no: the act that says so, with whose money it is; the chain of
-- evidence has the entry as the notice it came as.
CREATE TABLE posted_by_hand (
    entry_no BIGINT NOT NULL PRIMARY KEY,
    act_no BIGINT NOT NULL,
    posted_at_ms BIGINT NOT NULL
);
