-- What reconciliation changes: corrections of receipts, people's decisions, days that are closed, and the trail of
-- all that people did.

-- A correction of what is left of a receipt: the ledger is told by a row of a statement, or by a person, that more
-- or less came than its notice said. Never changed, only added to; receipt.corrected_vnd is the sum. row_no: the
-- row that says so, 0 where a person said it of a receipt without a row; business_day: of that row, else of the
-- receipt. because: the kind of exception, or refund_heard where a notice told of what a row had told before.
CREATE TABLE correction (
    receipt_no BIGINT NOT NULL,
    correction_no BIGINT NOT NULL,
    provider_id TEXT NOT NULL,
    business_day BIGINT NOT NULL,
    row_no BIGINT NOT NULL,
    because TEXT NOT NULL,
    amount_vnd BIGINT NOT NULL CHECK (amount_vnd <> 0),
    posted_at_ms BIGINT NOT NULL,
    PRIMARY KEY (receipt_no, correction_no)
);
CREATE INDEX correction_by_day ON correction (provider_id, business_day);

-- Rows whose receipt lies so many days away that the days of the one are compared without those of the other.
CREATE TABLE statement_far (
    row_no BIGINT NOT NULL,
    provider_id TEXT NOT NULL,
    row_day BIGINT NOT NULL,
    receipt_day BIGINT NOT NULL,
    receipt_no BIGINT NOT NULL,
    PRIMARY KEY (row_no, receipt_no)
);
CREATE INDEX statement_far_by_row_day ON statement_far (provider_id, row_day);
CREATE INDEX statement_far_by_receipt_day ON statement_far (provider_id, receipt_day);

-- What people did about exceptions and days, in a chain: digest covers the act before it, so that nothing can be
-- changed or taken out unnoticed. subject: row:NO, entry:NO or day:YYYY-MM-DD; detail: JSON.
CREATE TABLE act (
    act_no BIGINT NOT NULL PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    by_name TEXT NOT NULL,
    provider_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    what TEXT NOT NULL,
    detail TEXT NOT NULL,
    digest BLOB NOT NULL
);
CREATE INDEX act_by_subject ON act (provider_id, subject, act_no);

-- What a person decided about a row or about a receipt without one (then row_no is 0), until it is undone.
-- state: waiting for a second person, standing, undone, or refused by the second. business_day: of the row, else
-- of the receipt. decision_no: the act.
CREATE TABLE decision (
    decision_no BIGINT NOT NULL PRIMARY KEY,
    provider_id TEXT NOT NULL,
    business_day BIGINT NOT NULL,
    row_no BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('manual', 'forced', 'struck')),
    state TEXT NOT NULL CHECK (state IN ('waiting', 'standing', 'undone', 'refused')),
    amount_vnd BIGINT NOT NULL,
    reason TEXT NOT NULL,
    decided_by TEXT NOT NULL,
    decided_at_ms BIGINT NOT NULL,
    second_by TEXT,
    second_at_ms BIGINT
);
CREATE INDEX decision_by_day ON decision (provider_id, business_day);
CREATE INDEX decision_by_row ON decision (row_no) WHERE row_no <> 0;

-- The receipts that a decision gives to its row, or is about.
CREATE TABLE decision_receipt (
    decision_no BIGINT NOT NULL REFERENCES decision (decision_no),
    receipt_no BIGINT NOT NULL,
    PRIMARY KEY (decision_no, receipt_no)
);
CREATE INDEX decision_of_receipt ON decision_receipt (receipt_no);

-- Who looks after an exception.
CREATE TABLE assignment (
    provider_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    assignee TEXT NOT NULL,
    PRIMARY KEY (provider_id, subject)
);

-- A day that is closed: its figures as JSON, fixed. Version 1 is the close, each later one a restatement, dated and
-- with its reason.
CREATE TABLE day_close (
    provider_id TEXT NOT NULL,
    business_day BIGINT NOT NULL,
    version BIGINT NOT NULL,
    closed_at_ms BIGINT NOT NULL,
    closed_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    figures TEXT NOT NULL,
    PRIMARY KEY (provider_id, business_day, version)
);
