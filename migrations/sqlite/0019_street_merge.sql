-- Streets that turned out to be one. A merged street stays on record under its name, which leads to the street it was
-- merged into. Its segments point to that street now; what they belonged to until then is kept, so that a figure as
-- known at an earlier time still counts two streets.
CREATE TABLE street_merge (
    street_id TEXT NOT NULL PRIMARY KEY REFERENCES street (street_id),
    into_street_id TEXT NOT NULL REFERENCES street (street_id),
    merged_at_ms BIGINT NOT NULL,
    merged_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    CHECK (street_id <> into_street_id)
);
CREATE TABLE segment_until (
    place_id TEXT NOT NULL REFERENCES place (place_id),
    until_ms BIGINT NOT NULL,
    street_id TEXT NOT NULL REFERENCES street (street_id),
    PRIMARY KEY (place_id, until_ms)
);
