-- What a record's payload holds of a person can be taken away, and the chain still be proved. hash covers sum in the payload's place, and
-- sum covers salt and payload: what is left tells nothing of what was there. Records from before have neither. forgot is the record in
-- which stands what was left of this one.
ALTER TABLE records ADD COLUMN salt BLOB;
ALTER TABLE records ADD COLUMN sum BLOB;
ALTER TABLE records ADD COLUMN forgot INTEGER NOT NULL DEFAULT 0;

DROP TRIGGER records_stay;
CREATE TRIGGER records_stay BEFORE UPDATE ON records WHEN NOT (
	NEW.forgot > OLD.forgot AND NEW.salt IS NULL AND NEW.tenant = OLD.tenant AND NEW.seq = OLD.seq AND NEW.at = OLD.at AND NEW.kind = OLD.kind
	AND NEW.entry = OLD.entry AND NEW.prev = OLD.prev AND NEW.hash = OLD.hash AND NEW.sum IS OLD.sum
	AND EXISTS (SELECT 1 FROM records f WHERE f.tenant = NEW.tenant AND f.seq = NEW.forgot AND f.kind = 'forget'))
BEGIN SELECT RAISE(ABORT, 'a record is never changed'); END;

-- Since when people are missed in the directory.
CREATE TABLE leavers (
	tenant TEXT NOT NULL,
	object TEXT NOT NULL,
	since  INTEGER NOT NULL,
	PRIMARY KEY (tenant, object)
) STRICT;
