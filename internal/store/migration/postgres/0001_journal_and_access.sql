-- Times are microseconds since 1970, UTC. Every row carries its tenant.

CREATE TABLE heads (
	tenant TEXT PRIMARY KEY,
	seq    BIGINT NOT NULL,
	hash   BYTEA NOT NULL
);

CREATE TABLE records (
	tenant  TEXT NOT NULL,
	seq     BIGINT NOT NULL,
	at      BIGINT NOT NULL,
	kind    TEXT NOT NULL,
	entry   TEXT NOT NULL,
	payload TEXT NOT NULL,
	prev    BYTEA NOT NULL,
	hash    BYTEA NOT NULL,
	PRIMARY KEY (tenant, seq)
);
CREATE INDEX records_entry ON records (tenant, entry, seq);

CREATE FUNCTION records_stay() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN RAISE EXCEPTION ''a record is never changed or deleted''; END';
CREATE TRIGGER records_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON records
	FOR EACH STATEMENT EXECUTE FUNCTION records_stay();

-- What of an entry can be looked for; its content is in the records.
CREATE TABLE entries (
	id        TEXT PRIMARY KEY,
	tenant    TEXT NOT NULL,
	key       TEXT,
	object    TEXT NOT NULL,
	state     TEXT NOT NULL,
	open      BIGINT NOT NULL,
	begin_seq BIGINT NOT NULL,
	note_seq  BIGINT NOT NULL DEFAULT 0,
	end_seq   BIGINT NOT NULL DEFAULT 0,
	begun     BIGINT NOT NULL,
	UNIQUE (tenant, key)
);
CREATE UNIQUE INDEX entries_open ON entries (tenant, object) WHERE open = 1;
CREATE INDEX entries_object ON entries (tenant, object, begin_seq);
CREATE INDEX entries_unsettled ON entries (begun) WHERE state IN ('open', 'unverified');

CREATE TABLE blobs (
	tenant TEXT NOT NULL,
	sum    TEXT NOT NULL,
	data   BYTEA NOT NULL,
	at     BIGINT NOT NULL,
	PRIMARY KEY (tenant, sum)
);

CREATE TABLE attempts (
	id    TEXT PRIMARY KEY,
	until BIGINT NOT NULL
);

-- id is the SHA-256 of the session id. data holds what is only shown (name, roles, …).
CREATE TABLE sessions (
	id        TEXT PRIMARY KEY,
	tenant    TEXT NOT NULL,
	object    TEXT NOT NULL,
	sid       TEXT NOT NULL,
	data      TEXT NOT NULL,
	began     BIGINT NOT NULL,
	seen      BIGINT NOT NULL,
	idle_end  BIGINT NOT NULL,
	final_end BIGINT NOT NULL,
	checked   BIGINT NOT NULL,
	ended     BIGINT NOT NULL DEFAULT 0,
	why       TEXT NOT NULL DEFAULT '',
	tokens    BYTEA,
	version   BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX sessions_person ON sessions (tenant, object);
CREATE INDEX sessions_sid ON sessions (tenant, sid) WHERE sid <> '';

CREATE TABLE stashes (
	session TEXT PRIMARY KEY,
	tenant  TEXT NOT NULL,
	object  TEXT NOT NULL,
	path    TEXT NOT NULL,
	sealed  BYTEA NOT NULL,
	until   BIGINT NOT NULL
);

CREATE TABLE visits (
	tenant TEXT NOT NULL,
	object TEXT NOT NULL,
	at     BIGINT NOT NULL,
	data   TEXT NOT NULL,
	PRIMARY KEY (tenant, object)
);

CREATE TABLE settings (
	tenant   TEXT NOT NULL,
	object   TEXT NOT NULL,
	language TEXT NOT NULL,
	theme    TEXT NOT NULL,
	PRIMARY KEY (tenant, object)
);

-- Which keys values were sealed with; a start with none of them is refused.
CREATE TABLE seal_keys (
	key TEXT PRIMARY KEY
);
