-- The key with which the owner of a household opens the list of its own money, and nothing else. Only the
-- SHA-256 of a key is kept. A household has one living key; making another revokes it. last_used_at_ms: within
-- some minutes, so that looking does not write each time.
CREATE TABLE owner_key (
    token_sha256 TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    household_id TEXT COLLATE "C" NOT NULL REFERENCES household (household_id),
    created_by TEXT COLLATE "C" NOT NULL,
    created_at_ms BIGINT NOT NULL,
    last_used_at_ms BIGINT,
    revoked_at_ms BIGINT,
    revoked_by TEXT COLLATE "C",
    CHECK ((revoked_at_ms IS NULL) = (revoked_by IS NULL))
);
CREATE UNIQUE INDEX owner_key_living ON owner_key (household_id) WHERE revoked_at_ms IS NULL;
