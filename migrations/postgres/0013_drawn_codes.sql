-- When a card, pack or picture with this code was first drawn to leave the house; NULL if it never was: then handing it
-- out can still be taken back. What was handed out before this column counts as drawn.
ALTER TABLE code ADD COLUMN drawn_at_ms BIGINT;
UPDATE code SET drawn_at_ms = recorded_at_ms;
