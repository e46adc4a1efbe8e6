-- How a provider's files are read, once a person agreed to it: one mapping for each shape of file (its own table, the
-- bank's table, MT940 …). shape: what Mapping::shape says, or 'first' for what was agreed before there were several.
CREATE TABLE statement_shape (
    provider_id TEXT NOT NULL REFERENCES provider (provider_id),
    shape TEXT NOT NULL,
    mapping TEXT NOT NULL,
    agreed_by TEXT NOT NULL,
    agreed_at_ms BIGINT NOT NULL,
    PRIMARY KEY (provider_id, shape)
);
INSERT INTO statement_shape (provider_id, shape, mapping, agreed_by, agreed_at_ms)
    SELECT provider_id, 'first', mapping, agreed_by, agreed_at_ms FROM statement_mapping;
DROP TABLE statement_mapping;
