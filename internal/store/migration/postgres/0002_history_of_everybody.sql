-- What the history of everybody is looked through by. What stands in the records stays what counts.
ALTER TABLE entries ADD COLUMN action TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN actor TEXT NOT NULL DEFAULT '';
UPDATE entries SET
	action = coalesce((SELECT r.payload::json #>> '{Change,Do}' FROM records r WHERE r.tenant = entries.tenant AND r.seq = entries.begin_seq), ''),
	actor = coalesce((SELECT r.payload::json #>> '{Change,By,Ref,ID}' FROM records r WHERE r.tenant = entries.tenant AND r.seq = entries.begin_seq), '');
CREATE INDEX entries_all ON entries (tenant, begin_seq);
CREATE INDEX entries_actor ON entries (tenant, actor, begin_seq);
