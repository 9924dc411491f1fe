-- What a record's payload holds of a person can be taken away, and the chain still be proved. hash covers sum in the payload's place, and
-- sum covers salt and payload: what is left tells nothing of what was there. Records from before have neither. forgot is the record in
-- which stands what was left of this one.
ALTER TABLE records ADD COLUMN salt BYTEA;
ALTER TABLE records ADD COLUMN sum BYTEA;
ALTER TABLE records ADD COLUMN forgot BIGINT NOT NULL DEFAULT 0;

DROP TRIGGER records_stay ON records;
CREATE FUNCTION records_forget() RETURNS trigger LANGUAGE plpgsql AS '
BEGIN
	IF NEW.forgot > OLD.forgot AND NEW.salt IS NULL AND NEW.tenant = OLD.tenant AND NEW.seq = OLD.seq AND NEW.at = OLD.at AND NEW.kind = OLD.kind
		AND NEW.entry = OLD.entry AND NEW.prev = OLD.prev AND NEW.hash = OLD.hash AND NEW.sum IS NOT DISTINCT FROM OLD.sum
		AND EXISTS (SELECT 1 FROM records f WHERE f.tenant = NEW.tenant AND f.seq = NEW.forgot AND f.kind = ''forget'') THEN
		RETURN NEW;
	END IF;
	RAISE EXCEPTION ''a record is never changed or deleted'';
END';
CREATE TRIGGER records_stay BEFORE UPDATE ON records FOR EACH ROW EXECUTE FUNCTION records_forget();
CREATE TRIGGER records_last BEFORE DELETE OR TRUNCATE ON records FOR EACH STATEMENT EXECUTE FUNCTION records_stay();

-- Since when people are missed in the directory.
CREATE TABLE leavers (
	tenant TEXT NOT NULL,
	object TEXT NOT NULL,
	since  BIGINT NOT NULL,
	PRIMARY KEY (tenant, object)
);
