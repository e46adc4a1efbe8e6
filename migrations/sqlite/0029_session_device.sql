-- On which device a session was begun, in the words of a browser, and when it was last used (to the hour): one that nobody
-- uses ends. Sessions begun before count as used when this is applied.
ALTER TABLE session ADD COLUMN device TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN seen_at_ms BIGINT NOT NULL DEFAULT 0;
UPDATE session SET seen_at_ms = opened_at_ms;
