-- What people of the copy are found by. n is the row of mirror_words: an integer of its own, since the numbers of rows without one may
-- change when a database is copied. fold is the display name as it is compared.
CREATE TABLE mirror_names (
	n      INTEGER PRIMARY KEY,
	tenant TEXT NOT NULL,
	id     TEXT NOT NULL,
	fold   TEXT NOT NULL,
	UNIQUE (tenant, id)
) STRICT;
CREATE INDEX mirror_name_order ON mirror_names (tenant, fold);

-- Words are folded before they come here, so that nothing but spaces parts them.
CREATE VIRTUAL TABLE mirror_words USING fts5 (words, content = '', contentless_delete = 1, detail = none, prefix = '2 3 4', tokenize = 'ascii');
