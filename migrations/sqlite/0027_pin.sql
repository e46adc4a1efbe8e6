-- How a person signs in by phone: a PIN of which only the Argon2id hash is kept. A PIN that somebody else made is good
-- until expires_at_ms, and only for choosing one's own, which has no end. While one is chosen, change_sha256 knows the
-- page on which that happens. Wrong PINs in a row make the phone wait, whatever address they come from.
CREATE TABLE pin (
    phone TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    pin_hash TEXT NOT NULL,
    expires_at_ms BIGINT,
    change_sha256 TEXT UNIQUE,
    change_until_ms BIGINT,
    wrong BIGINT NOT NULL DEFAULT 0 CHECK (wrong >= 0),
    last_wrong_at_ms BIGINT NOT NULL DEFAULT 0,
    made_at_ms BIGINT NOT NULL
);
