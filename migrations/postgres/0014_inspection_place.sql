-- A look at a code also says where it was, and a code of an account that is not on the register is neither right nor
-- wrong. place: a street's id or a market's place id.
ALTER TABLE inspection ADD COLUMN place TEXT COLLATE "C";
ALTER TABLE inspection DROP CONSTRAINT inspection_verdict_check;
ALTER TABLE inspection ADD CONSTRAINT inspection_verdict_check
    CHECK (verdict IN ('right', 'wrong', 'revoked', 'unregistered'));
