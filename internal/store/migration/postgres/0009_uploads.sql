-- Spreadsheets that wait until somebody has confirmed what their columns are: sealed, in parts, for some hours.
CREATE TABLE uploads (
	tenant TEXT NOT NULL,
	id     TEXT NOT NULL,
	part   BIGINT NOT NULL,
	object TEXT NOT NULL,
	until  BIGINT NOT NULL,
	sealed BYTEA NOT NULL,
	PRIMARY KEY (tenant, id, part)
);
CREATE INDEX uploads_by_person ON uploads (tenant, object, until);
