-- A person may say that a row which might have been another's payment is one of its own.
ALTER TABLE decision DROP CONSTRAINT decision_kind_check;
ALTER TABLE decision ADD CONSTRAINT decision_kind_check CHECK (kind IN ('manual', 'forced', 'struck', 'own'));
