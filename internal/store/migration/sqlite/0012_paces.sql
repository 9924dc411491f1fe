-- How much of the write quota of a tenant is used, shared by all processes. used and quota are writes, at is when used was so.
CREATE TABLE paces (
	tenant TEXT PRIMARY KEY,
	used   REAL NOT NULL,
	quota  REAL NOT NULL,
	at     INTEGER NOT NULL
) STRICT;
