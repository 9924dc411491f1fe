-- Times are microseconds since 1970, UTC. Every row carries its tenant.

CREATE TABLE heads (
	tenant TEXT PRIMARY KEY,
	seq    INTEGER NOT NULL,
	hash   BLOB NOT NULL
) STRICT;

CREATE TABLE records (
	tenant  TEXT NOT NULL,
	seq     INTEGER NOT NULL,
	at      INTEGER NOT NULL,
	kind    TEXT NOT NULL,
	entry   TEXT NOT NULL,
	payload TEXT NOT NULL,
	prev    BLOB NOT NULL,
	hash    BLOB NOT NULL,
	PRIMARY KEY (tenant, seq)
) STRICT;
CREATE INDEX records_entry ON records (tenant, entry, seq);

CREATE TRIGGER records_stay BEFORE UPDATE ON records BEGIN SELECT RAISE(ABORT, 'a record is never changed'); END;
CREATE TRIGGER records_last BEFORE DELETE ON records BEGIN SELECT RAISE(ABORT, 'a record is never deleted'); END;

-- What of an entry can be looked for; its content is in the records.
CREATE TABLE entries (
	id        TEXT PRIMARY KEY,
	tenant    TEXT NOT NULL,
	key       TEXT,
	object    TEXT NOT NULL,
	state     TEXT NOT NULL,
	open      INTEGER NOT NULL,
	begin_seq INTEGER NOT NULL,
	note_seq  INTEGER NOT NULL DEFAULT 0,
	end_seq   INTEGER NOT NULL DEFAULT 0,
	begun     INTEGER NOT NULL,
	UNIQUE (tenant, key)
) STRICT;
CREATE UNIQUE INDEX entries_open ON entries (tenant, object) WHERE open = 1;
CREATE INDEX entries_object ON entries (tenant, object, begin_seq);
CREATE INDEX entries_unsettled ON entries (begun) WHERE state IN ('open', 'unverified');

CREATE TABLE blobs (
	tenant TEXT NOT NULL,
	sum    TEXT NOT NULL,
	data   BLOB NOT NULL,
	at     INTEGER NOT NULL,
	PRIMARY KEY (tenant, sum)
) STRICT;

CREATE TABLE attempts (
	id    TEXT PRIMARY KEY,
	until INTEGER NOT NULL
) STRICT;

-- id is the SHA-256 of the session id. data holds what is only shown (name, roles, …).
CREATE TABLE sessions (
	id        TEXT PRIMARY KEY,
	tenant    TEXT NOT NULL,
	object    TEXT NOT NULL,
	sid       TEXT NOT NULL,
	data      TEXT NOT NULL,
	began     INTEGER NOT NULL,
	seen      INTEGER NOT NULL,
	idle_end  INTEGER NOT NULL,
	final_end INTEGER NOT NULL,
	checked   INTEGER NOT NULL,
	ended     INTEGER NOT NULL DEFAULT 0,
	why       TEXT NOT NULL DEFAULT '',
	tokens    BLOB,
	version   INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX sessions_person ON sessions (tenant, object);
CREATE INDEX sessions_sid ON sessions (tenant, sid) WHERE sid <> '';

CREATE TABLE stashes (
	session TEXT PRIMARY KEY,
	tenant  TEXT NOT NULL,
	object  TEXT NOT NULL,
	path    TEXT NOT NULL,
	sealed  BLOB NOT NULL,
	until   INTEGER NOT NULL
) STRICT;

CREATE TABLE visits (
	tenant TEXT NOT NULL,
	object TEXT NOT NULL,
	at     INTEGER NOT NULL,
	data   TEXT NOT NULL,
	PRIMARY KEY (tenant, object)
) STRICT;

CREATE TABLE settings (
	tenant   TEXT NOT NULL,
	object   TEXT NOT NULL,
	language TEXT NOT NULL,
	theme    TEXT NOT NULL,
	PRIMARY KEY (tenant, object)
) STRICT;

-- Which keys values were sealed with; a start with none of them is refused.
CREATE TABLE seal_keys (
	key TEXT PRIMARY KEY
) STRICT;
