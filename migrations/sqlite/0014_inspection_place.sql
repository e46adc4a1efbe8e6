-- A look at a code also says where it was, and a code of an account that is not on the register is neither right nor
-- wrong. SQLite changes no CHECK, so the table is written anew. place: a street's id or a market's place id.
CREATE TABLE inspection_anew (
    inspection_id TEXT NOT NULL PRIMARY KEY,
    checked_at_ms BIGINT NOT NULL,
    checked_by TEXT NOT NULL,
    way TEXT NOT NULL CHECK (way IN ('camera', 'photo', 'offline')),
    verdict TEXT NOT NULL CHECK (verdict IN ('right', 'wrong', 'revoked', 'unregistered')),
    serial TEXT,
    payload_sha256 TEXT NOT NULL,
    account_tail TEXT,
    place TEXT
);
INSERT INTO inspection_anew
SELECT inspection_id, checked_at_ms, checked_by, way, verdict, serial, payload_sha256, account_tail, NULL FROM inspection;
DROP TABLE inspection;
ALTER TABLE inspection_anew RENAME TO inspection;
CREATE INDEX inspection_of_serial ON inspection (serial);
CREATE INDEX inspection_by_time ON inspection (checked_at_ms);
