-- hash is the SHA-256 of an API key's secret. data holds what is only shown (name, role, scopes, who made it).
CREATE TABLE api_keys (
	id      TEXT PRIMARY KEY,
	tenant  TEXT NOT NULL,
	hash    TEXT NOT NULL UNIQUE,
	data    TEXT NOT NULL,
	made    INTEGER NOT NULL,
	expires INTEGER NOT NULL,
	used    INTEGER NOT NULL DEFAULT 0,
	revoked INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX api_keys_tenant ON api_keys (tenant, made);

-- What a request with an Idempotency-Key was answered. Status 0 is under way.
CREATE TABLE answers (
	tenant TEXT NOT NULL,
	actor  TEXT NOT NULL,
	key    TEXT NOT NULL,
	digest TEXT NOT NULL,
	begun  INTEGER NOT NULL,
	status INTEGER NOT NULL DEFAULT 0,
	body   TEXT NOT NULL DEFAULT '',
	PRIMARY KEY (tenant, actor, key)
) STRICT;
CREATE INDEX answers_begun ON answers (begun);
