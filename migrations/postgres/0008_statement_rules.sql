-- What counts as agreement with a provider, where it is not the usual: JSON of texts, all of them, as
-- `choso provider rules` prints them. A fee is judged by what holds when a file is taken in.
CREATE TABLE statement_rules (
    provider_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES provider (provider_id),
    rules TEXT COLLATE "C" NOT NULL,
    set_by TEXT COLLATE "C" NOT NULL,
    set_at_ms BIGINT NOT NULL
);
