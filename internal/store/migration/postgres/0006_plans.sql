-- What spreadsheets would change. A plan without a digest is being made.
CREATE TABLE plans (
	tenant TEXT NOT NULL,
	id     TEXT NOT NULL,
	made   BIGINT NOT NULL,
	digest TEXT NOT NULL DEFAULT '',
	data   TEXT NOT NULL,
	PRIMARY KEY (tenant, id)
);
CREATE INDEX plans_by_time ON plans (tenant, made);

-- kinds and who are for looking rows up: " update manager ", and name and sign-in name in lower case.
CREATE TABLE plan_rows (
	tenant TEXT NOT NULL,
	plan   TEXT NOT NULL,
	number INTEGER NOT NULL,
	state  TEXT NOT NULL,
	kinds  TEXT NOT NULL,
	who    TEXT NOT NULL,
	data   TEXT NOT NULL,
	PRIMARY KEY (tenant, plan, number)
);
