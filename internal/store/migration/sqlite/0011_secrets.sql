-- Passwords of people who were created, sealed, until somebody was shown them once. id is that of the entry, or of a row of a plan.
CREATE TABLE secrets (
	tenant TEXT NOT NULL,
	id     TEXT NOT NULL,
	sealed BLOB NOT NULL,
	until  INTEGER NOT NULL,
	PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
