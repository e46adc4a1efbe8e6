-- What a token may be used for: NULL for a person, who signs in; for a program words such as receipts, with blanks
-- between.
ALTER TABLE access_token ADD COLUMN may TEXT COLLATE "C";

-- People who are signed in at the pages. The cookie holds a session, never the token; of both only the SHA-256 is
-- kept. Signing out takes the row away, and revoking the token ends all sessions that began with it.
CREATE TABLE session (
    session_sha256 TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    token_sha256 TEXT COLLATE "C" NOT NULL REFERENCES access_token (token_sha256),
    opened_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL
);
CREATE INDEX session_of_token ON session (token_sha256);

-- Links that sign a person in once. The row goes when the link is used or has expired.
CREATE TABLE sign_in_link (
    once_sha256 TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    token_sha256 TEXT COLLATE "C" NOT NULL REFERENCES access_token (token_sha256),
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL
);
CREATE INDEX sign_in_link_of_token ON sign_in_link (token_sha256);
