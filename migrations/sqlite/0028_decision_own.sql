-- A person may say that a row which might have been another's payment is one of its own. SQLite changes no CHECK, so both
-- tables are written anew.
CREATE TABLE decision_anew (
    decision_no BIGINT NOT NULL PRIMARY KEY,
    provider_id TEXT NOT NULL,
    business_day BIGINT NOT NULL,
    row_no BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('manual', 'forced', 'struck', 'own')),
    state TEXT NOT NULL CHECK (state IN ('waiting', 'standing', 'undone', 'refused')),
    amount_vnd BIGINT NOT NULL,
    reason TEXT NOT NULL,
    decided_by TEXT NOT NULL,
    decided_at_ms BIGINT NOT NULL,
    second_by TEXT,
    second_at_ms BIGINT
);
CREATE TABLE decision_receipt_anew (
    decision_no BIGINT NOT NULL REFERENCES decision_anew (decision_no),
    receipt_no BIGINT NOT NULL,
    PRIMARY KEY (decision_no, receipt_no)
);
INSERT INTO decision_anew SELECT * FROM decision;
INSERT INTO decision_receipt_anew SELECT * FROM decision_receipt;
DROP TABLE decision_receipt;
DROP TABLE decision;
ALTER TABLE decision_anew RENAME TO decision;
ALTER TABLE decision_receipt_anew RENAME TO decision_receipt;
CREATE INDEX decision_by_day ON decision (provider_id, business_day);
CREATE INDEX decision_by_row ON decision (row_no) WHERE row_no <> 0;
CREATE INDEX decision_of_receipt ON decision_receipt (receipt_no);
