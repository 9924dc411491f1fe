-- What people of the copy are found by. fold is the display name as it is compared, byte by byte.
CREATE TABLE mirror_names (
	tenant TEXT NOT NULL,
	id     TEXT NOT NULL,
	fold   TEXT COLLATE "C" NOT NULL,
	words  TSVECTOR NOT NULL,
	PRIMARY KEY (tenant, id)
);
CREATE INDEX mirror_name_order ON mirror_names (tenant, fold);
CREATE INDEX mirror_words ON mirror_names USING GIN (words) WITH (fastupdate = off); -- a search never walks through what is not in the index yet
