-- What became of plans: '' was never applied; run says by whom and when; a holder works on it until then. A row without a fate is still to do.
ALTER TABLE plans ADD COLUMN state TEXT NOT NULL DEFAULT '';
ALTER TABLE plans ADD COLUMN run TEXT NOT NULL DEFAULT '';
ALTER TABLE plans ADD COLUMN holder TEXT NOT NULL DEFAULT '';
ALTER TABLE plans ADD COLUMN until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE plan_rows ADD COLUMN fate TEXT NOT NULL DEFAULT '';
ALTER TABLE plan_rows ADD COLUMN outcome TEXT NOT NULL DEFAULT '';
