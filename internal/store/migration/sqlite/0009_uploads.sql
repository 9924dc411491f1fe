-- Spreadsheets that wait until somebody has confirmed what their columns are: sealed, in parts, for some hours.
CREATE TABLE uploads (
	tenant TEXT NOT NULL,
	id     TEXT NOT NULL,
	part   INTEGER NOT NULL,
	object TEXT NOT NULL,
	until  INTEGER NOT NULL,
	sealed BLOB NOT NULL,
	PRIMARY KEY (tenant, id, part)
) STRICT;
CREATE INDEX uploads_by_person ON uploads (tenant, object, until);
