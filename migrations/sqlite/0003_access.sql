-- Who may call: providers with their sealed keys, people with their hashed tokens.

CREATE TABLE provider (
    provider_id TEXT NOT NULL PRIMARY KEY,
    profile TEXT NOT NULL CHECK (profile IN ('standard', 'momo', 'vnpay', 'viettel', 'vnpt', 'mb', 'zalopay', 'payos', 'casso', 'sepay')),
    scheme TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    disabled_at_ms BIGINT
);

-- Secrets are encrypted under the key file, which the database never holds.
CREATE TABLE provider_key (
    provider_id TEXT NOT NULL REFERENCES provider (provider_id),
    key_id TEXT NOT NULL,
    sealed_secret TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT,
    PRIMARY KEY (provider_id, key_id)
);

-- One living token per person; only its SHA-256 is kept.
CREATE TABLE access_token (
    token_sha256 TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    revoked_at_ms BIGINT
);

-- What a creating call answered under an Idempotency-Key, so that the same call again answers the same.
CREATE TABLE idempotency (
    name TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    request_sha256 TEXT NOT NULL,
    status BIGINT NOT NULL,
    body TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (name, idempotency_key)
);
