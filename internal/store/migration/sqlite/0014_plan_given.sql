-- What a file gives with a row and a plan must not show: pictures and first passwords, sealed, until the row was applied or the time is over.
CREATE TABLE plan_given (
	tenant TEXT NOT NULL,
	plan   TEXT NOT NULL,
	number INTEGER NOT NULL,
	what   TEXT NOT NULL,
	until  INTEGER NOT NULL,
	sealed BLOB NOT NULL,
	PRIMARY KEY (tenant, plan, number, what)
) STRICT;
