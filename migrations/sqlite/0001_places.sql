-- Places: administrative units by (code, valid from), their lineage, streets, markets.
-- Days are numbers of days since 1970-01-01 (UTC+7 days); an open start is -1000000.
-- Small tables: copied to every shard, so a unique index beside the key is allowed here.

CREATE TABLE unit (
    code TEXT NOT NULL,
    valid_from_day BIGINT NOT NULL,
    valid_to_day BIGINT,
    name TEXT NOT NULL,
    name_en TEXT NOT NULL,
    type_name TEXT NOT NULL,
    level TEXT NOT NULL CHECK (level IN ('city', 'district', 'ward', 'commune', 'special_zone')),
    parent_code TEXT,
    source TEXT NOT NULL,
    CHECK (valid_to_day IS NULL OR valid_to_day >= valid_from_day),
    PRIMARY KEY (code, valid_from_day)
);

-- From one unit to the unit that took its land the day after it ended; part = 1 when only some of it.
CREATE TABLE unit_edge (
    from_code TEXT NOT NULL,
    from_valid_from_day BIGINT NOT NULL,
    to_code TEXT NOT NULL,
    to_valid_from_day BIGINT NOT NULL,
    part BIGINT NOT NULL CHECK (part IN (0, 1)),
    PRIMARY KEY (from_code, from_valid_from_day, to_code, to_valid_from_day)
);

-- A street name is unique inside a scope: the city as the oldest known version of its unit knew it.
CREATE TABLE street (
    street_id TEXT NOT NULL PRIMARY KEY,
    scope_code TEXT NOT NULL,
    scope_valid_from_day BIGINT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    recorded_at_ms BIGINT NOT NULL,
    UNIQUE (scope_code, scope_valid_from_day, name_key)
);

-- A place is a segment of a street or a market. Households, stalls and counters point here.
CREATE TABLE place (
    place_id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('segment', 'market')),
    street_id TEXT REFERENCES street (street_id),
    market_name TEXT,
    address TEXT,
    recorded_at_ms BIGINT NOT NULL,
    CHECK ((kind = 'segment') = (street_id IS NOT NULL)),
    CHECK ((kind = 'market') = (market_name IS NOT NULL))
);
CREATE INDEX place_of_street ON place (street_id);

-- Where a place lies, known from a day on. Never changed, only added to.
CREATE TABLE place_unit (
    place_id TEXT NOT NULL REFERENCES place (place_id),
    from_day BIGINT NOT NULL,
    recorded_at_ms BIGINT NOT NULL,
    unit_code TEXT NOT NULL,
    unit_valid_from_day BIGINT NOT NULL,
    PRIMARY KEY (place_id, from_day, recorded_at_ms)
);
