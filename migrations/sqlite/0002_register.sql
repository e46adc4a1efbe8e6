-- The register: households, stalls, payee accounts and the codes handed out.
-- Facts are never overwritten: a version says from which day it holds (valid_from_day) and when it
-- was recorded (recorded_at_ms), so that a report can be asked for any day as known at any time.
-- On day D, known at K: of the versions with recorded_at_ms <= K and valid_from_day <= D, the one with
-- the latest valid_from_day, and of those the latest recorded.

CREATE TABLE household (
    household_id TEXT NOT NULL PRIMARY KEY,
    household_ref TEXT NOT NULL UNIQUE,
    recorded_at_ms BIGINT NOT NULL
);

CREATE TABLE household_version (
    household_id TEXT NOT NULL REFERENCES household (household_id),
    valid_from_day BIGINT NOT NULL,
    recorded_at_ms BIGINT NOT NULL,
    recorded_by TEXT NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    class TEXT NOT NULL CHECK (class IN ('registered', 'street_vendor')),
    trading_status TEXT NOT NULL CHECK (trading_status IN ('trading', 'paused', 'moved', 'closed')),
    place_id TEXT NOT NULL REFERENCES place (place_id),
    house_number TEXT NOT NULL,
    phone TEXT,
    PRIMARY KEY (household_id, valid_from_day, recorded_at_ms)
);

CREATE TABLE stall (
    stall_id TEXT NOT NULL PRIMARY KEY,
    household_id TEXT NOT NULL REFERENCES household (household_id),
    stall_code TEXT NOT NULL UNIQUE,
    recorded_at_ms BIGINT NOT NULL
);
CREATE INDEX stall_of_household ON stall (household_id);

CREATE TABLE stall_version (
    stall_id TEXT NOT NULL REFERENCES stall (stall_id),
    valid_from_day BIGINT NOT NULL,
    recorded_at_ms BIGINT NOT NULL,
    recorded_by TEXT NOT NULL,
    place_id TEXT NOT NULL REFERENCES place (place_id),
    house_number TEXT NOT NULL,
    stall_number TEXT NOT NULL,
    trading_status TEXT NOT NULL CHECK (trading_status IN ('trading', 'paused', 'moved', 'closed')),
    PRIMARY KEY (stall_id, valid_from_day, recorded_at_ms)
);

-- A payee account is (bank BIN, number). An empty BIN is a wallet or mobile-money account.
CREATE TABLE account (
    account_id TEXT NOT NULL PRIMARY KEY,
    bank_bin TEXT NOT NULL,
    account_number TEXT NOT NULL,
    holder_name TEXT NOT NULL,
    recorded_at_ms BIGINT NOT NULL,
    UNIQUE (account_number, bank_bin)
);

-- One link of an account to a stall; ending it adds a version. The latest recorded version counts.
-- valid_to_day = valid_from_day - 1 says that the link never was.
CREATE TABLE account_link (
    link_id TEXT NOT NULL,
    recorded_at_ms BIGINT NOT NULL,
    recorded_by TEXT NOT NULL,
    account_id TEXT NOT NULL REFERENCES account (account_id),
    stall_id TEXT NOT NULL REFERENCES stall (stall_id),
    household_id TEXT NOT NULL REFERENCES household (household_id),
    valid_from_day BIGINT NOT NULL,
    valid_to_day BIGINT,
    holder_relation TEXT NOT NULL CHECK (holder_relation IN ('owner', 'relative', 'other')),
    CHECK (valid_to_day IS NULL OR valid_to_day >= valid_from_day - 1),
    PRIMARY KEY (link_id, recorded_at_ms)
);
CREATE INDEX account_link_of_account ON account_link (account_id);
CREATE INDEX account_link_of_stall ON account_link (stall_id);

-- A terminal of a provider that stands at a stall.
CREATE TABLE terminal (
    provider_id TEXT NOT NULL,
    terminal_id TEXT NOT NULL,
    valid_from_day BIGINT NOT NULL,
    valid_to_day BIGINT,
    stall_id TEXT NOT NULL REFERENCES stall (stall_id),
    recorded_at_ms BIGINT NOT NULL,
    recorded_by TEXT NOT NULL,
    PRIMARY KEY (provider_id, terminal_id, valid_from_day)
);

-- A payload handed out on a day for one stall and one account. The serial is printed on the card.
CREATE TABLE code (
    serial TEXT NOT NULL PRIMARY KEY,
    stall_id TEXT NOT NULL REFERENCES stall (stall_id),
    account_id TEXT NOT NULL REFERENCES account (account_id),
    household_id TEXT NOT NULL REFERENCES household (household_id),
    payload TEXT NOT NULL,
    issued_on_day BIGINT NOT NULL,
    recorded_at_ms BIGINT NOT NULL,
    recorded_by TEXT NOT NULL
);
CREATE INDEX code_of_stall ON code (stall_id);

CREATE TABLE code_end (
    serial TEXT NOT NULL PRIMARY KEY REFERENCES code (serial),
    state TEXT NOT NULL CHECK (state IN ('replaced', 'revoked', 'destroyed')),
    reason TEXT,
    ended_on_day BIGINT NOT NULL,
    recorded_at_ms BIGINT NOT NULL,
    recorded_by TEXT NOT NULL
);

-- A second person's word for the link of another account to a stall that had one. Cards to it are printed
-- only some time after this.
CREATE TABLE link_approval (
    link_id TEXT NOT NULL PRIMARY KEY,
    approved_at_ms BIGINT NOT NULL,
    approved_by TEXT NOT NULL
);

-- What the owner of a stall has to be told, and when somebody did.
CREATE TABLE owner_message (
    message_id TEXT NOT NULL PRIMARY KEY,
    stall_id TEXT NOT NULL REFERENCES stall (stall_id),
    message TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    told_at_ms BIGINT,
    told_by TEXT
);
CREATE INDEX owner_message_of_stall ON owner_message (stall_id);

-- Each look at a code on a wall. The code itself may be a thief's account: only its digest and the last four
-- characters are kept.
CREATE TABLE inspection (
    inspection_id TEXT NOT NULL PRIMARY KEY,
    checked_at_ms BIGINT NOT NULL,
    checked_by TEXT NOT NULL,
    way TEXT NOT NULL CHECK (way IN ('camera', 'photo', 'offline')),
    verdict TEXT NOT NULL CHECK (verdict IN ('right', 'wrong', 'revoked')),
    serial TEXT,
    payload_sha256 TEXT NOT NULL,
    account_tail TEXT
);
CREATE INDEX inspection_of_serial ON inspection (serial);
CREATE INDEX inspection_by_time ON inspection (checked_at_ms);

-- Raised by every change that attribution depends on, in the same transaction; the writer of notices
-- reads it first and so knows whether what it remembers of the register still holds.
CREATE TABLE register_epoch (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    epoch BIGINT NOT NULL
);
INSERT INTO register_epoch (id, epoch) VALUES (1, 0);
