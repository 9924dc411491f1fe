-- Each time that all writing was stopped; the one without an end is in force.
CREATE TABLE stops (
	since     INTEGER NOT NULL,
	actor     TEXT NOT NULL,
	why       TEXT NOT NULL,
	until     INTEGER NOT NULL DEFAULT 0,
	end_actor TEXT NOT NULL DEFAULT '',
	end_why   TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE UNIQUE INDEX stops_in_force ON stops (until) WHERE until = 0;
