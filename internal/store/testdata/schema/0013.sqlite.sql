CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, at BIGINT NOT NULL);
INSERT INTO migrations VALUES(1,'journal_and_access',1772442000123456);
INSERT INTO migrations VALUES(2,'history_of_everybody',1772442000123456);
INSERT INTO migrations VALUES(3,'keys',1772442000123456);
INSERT INTO migrations VALUES(4,'stops',1772442000123456);
INSERT INTO migrations VALUES(5,'stops_of_one',1772442000123456);
INSERT INTO migrations VALUES(6,'plans',1772442000123456);
INSERT INTO migrations VALUES(7,'runs',1772442000123456);
INSERT INTO migrations VALUES(8,'forgetting',1772442000123456);
INSERT INTO migrations VALUES(9,'uploads',1772442000123456);
INSERT INTO migrations VALUES(10,'mirror',1772442000123456);
CREATE TABLE heads (
	tenant TEXT PRIMARY KEY,
	seq    INTEGER NOT NULL,
	hash   BLOB NOT NULL
) STRICT;
INSERT INTO heads VALUES('11111111-1111-4111-8111-111111111111',15,X'c5d593cbb543812bc50c156361b7626285259ef95b400e2954ba3cd6d2f7b8fa');
INSERT INTO heads VALUES('22222222-2222-4222-8222-222222222222',3,X'efedfc6ca32b5e604aa3ddecea96ded984b6b4cd6d6196014271eeeb41aa0c11');
CREATE TABLE records (
	tenant  TEXT NOT NULL,
	seq     INTEGER NOT NULL,
	at      INTEGER NOT NULL,
	kind    TEXT NOT NULL,
	entry   TEXT NOT NULL,
	payload TEXT NOT NULL,
	prev    BLOB NOT NULL,
	hash    BLOB NOT NULL, salt BLOB, sum BLOB, forgot INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (tenant, seq)
) STRICT;
INSERT INTO records VALUES('11111111-1111-4111-8111-111111111111',1,1772442060123456,'begin','e1','{"ID":"e1","Seq":0,"Begun":"2026-03-02T09:01:00.123456Z","Ended":"0001-01-01T00:00:00Z","Attempt":{"Part":0,"Sent":false},"Change":{"ID":"e1","Key":"k1","On":{"Tenant":"11111111-1111-4111-8111-111111111111","ID":"adele"},"Do":"update","By":{"Kind":"person","Ref":{"Tenant":"11111111-1111-4111-8111-111111111111","ID":"adele"},"Name":"Zoë \"Z\" O''Neil 👋","Session":"s1","Roles":null,"Groups":null,"From":"192.0.2.7"},"Why":"typed\nin two lines","Names":{"on":"Zoë"},"Undoes":"","Asked":"asked1","Set":{"city":"Köln","skills":["Go","SQL"]},"Expect":{"city":null}},"Outcome":{"Entry":"","State":"open","At":"0001-01-01T00:00:00Z","Parts":[{"Names":["city","skills"],"As":{"Session":""},"State":"open","Problem":null}],"Before":{"city":"Ulm"},"After":null,"Conflicts":null,"Problem":null}}',X'0000000000000000000000000000000000000000000000000000000000000000',X'5345776c0c950d8e0ec430a2ed64225c0fcc225de04c4d985e98b528059cba12',NULL,NULL,0);
INSERT INTO records VALUES('11111111-1111-4111-8111-111111111111',2,1772442060123456,'note','e1','{"Parts":[{"Names":["city","skills"],"As":{"Session":""},"State":"open","Problem":null}],"Attempt":{"Part":0,"Sent":true}}',X'5345776c0c950d8e0ec430a2ed64225c0fcc225de04c4d985e98b528059cba12',X'85b45950c9cfa14738cbe447ca81bbe957bb0080fbb0c3d3d6c62f7e2b123641',NULL,NULL,0);
INSERT INTO records VALUES('11111111-1111-4111-8111-111111111111',3,1772442061123456,'end','e1','{"Outcome":{"Entry":"e1","State":"applied","At":"2026-03-02T09:01:01.123456Z","Parts":null,"Before":null,"After":{"city":"Köln"},"Conflicts":null,"Problem":null},"Ended":"2026-03-02T09:01:01.123456Z"}',X'85b45950c9cfa14738cbe447ca81bbe957bb0080fbb0c3d3d6c62f7e2b123641',X'f061219ae3270d1895986e8286b4dfa35c55e6d3b4736b562f31a45fd4f3a101',NULL,NULL,0);
INSERT INTO records VALUES('11111111-1111-4111-8111-111111111111',4,1772442121123456,'begin','e2','{"ID":"e2","Seq":0,"Begun":"2026-03-02T09:02:01.123456Z","Ended":"0001-01-01T00:00:00Z","Attempt":{"Part":0,"Sent":false},"Change":{"ID":"e2","Key":"k2","On":{"Tenant":"11111111-1111-4111-8111-111111111111","ID":"ben"},"Do":"update","By":{"Kind":"person","Ref":{"Tenant":"11111111-1111-4111-8111-111111111111","ID":"ben"},"Name":"Zoë \"Z\" O''Neil 👋","Session":"s1","Roles":null,"Groups":null,"From":"192.0.2.7"},"Why":"typed\nin two lines","Names":{"on":"Zoë"},"Undoes":"","Asked":"asked2","Set":{"birthday":{"instant":"1990-01-02T00:00:00Z"},"city":null},"Expect":{"city":null}},"Outcome":{"Entry":"","State":"open","At":"0001-01-01T00:00:00Z","Parts":[{"Names":["birthday","city"],"As":{"Session":""},"State":"open","Problem":null}],"Before":{"city":"Ulm"},"After":null,"Conflicts":null,"Problem":null}}',X'f061219ae3270d1895986e8286b4dfa35c55e6d3b4736b562f31a45fd4f3a101',X'5a5626c1dc01ad0834f2acfaa08060e971671486a9fe679fa5948cb000ed4117',NULL,NULL,0);
INSERT INTO records VALUES('11111111-1111-4111-8111-111111111111',5,1772442121123456,'note','e2','{"Parts":[{"Names":["birthday","city"],"As":{"Session":""},"State":"open","Problem":null}],"Attempt":{"Part":0,"Sent":true}}',X'5a5626c1dc01ad0834f2acfaa08060e971671486a9fe679fa5948cb000ed4117',X'bce5d3c9ffd6eb0cc609225ed7102550d9fd166b21cd5d79018e6f3585ade445',NULL,NULL,0);
INSERT INTO records VALUES('11111111-1111-4111-8111-111111111111',6,1772442122123456,'end','e2','{"Outcome":{"Entry":"e2","State":"refused","At":"2026-03-02T09:02:02.123456Z","Parts":null,"Before":null,"After":{"city":"Köln"},"Conflicts":null,"Problem":{"Op":"entra.update","Item":"","Kind":2,"Retry":0,"Code":"Authorization_RequestDenied","Ref":"r1","Say":{"Key":"Not %s.","Args":[{"Str":"here"}]}}},"Ended":"2026-03-02T09:02:02.123456Z"}',X'bce5d3c9ffd6eb0cc609225ed7102550d9fd166b21cd5d79018e6f3585ade445',X'd71cc487616adb384be15305340677d01152a5c101dc84d94c0cd206b30645b4',NULL,NULL,0);
INSERT INTO records VALUES('11111111-1111-4111-8111-111111111111',7,1772442182123456,'begin','e3','{"ID":"e3","Seq":0,"Begun":"2026-03-02T09:03:02.123456Z","Ended":"0001-01-01T00:00:00Z","Attempt":{"Part":0,"Sent":false},"Change":{"ID":"e3","Key":"k3","On":{"Tenant":"11111111-1111-4111-8111-111111111111","ID":"adele"},"Do":"photo","By":{"Kind":"person","Ref":{"Tenant":"11111111-1111-4111-8111-111111111111","ID":"adele"},"Name":"Zoë \"Z\" O''Neil 👋","Session":"s1","Roles":null,"Groups":null,"From":"192.0.2.7"},"Why":"typed\nin two lines","Names":{"on":"Zoë"},"Undoes":"","Asked":"asked3","Set":null,"Expect":{"city":null},"Photo":"32461d5bd1773012acef0ba15636752949bd7c2ce50f9172159d9f56cf0dd9af"},"Outcome":{"Entry":"","State":"open","At":"0001-01-01T00:00:00Z","Parts":[{"Names":["photo"],"As":{"Session":""},"State":"open","Problem":null}],"Before":{"city":"Ulm"},"After":null,"Conflicts":null,"Problem":null}}',X'd71cc487616adb384be15305340677d01152a5c101dc84d94c0cd206b30645b4',X'b984c00235a8629f962485f43385c54beda1300f4f40a5de2b912ef4d113cc74',NULL,NULL,0);
INSERT INTO records VALUES('11111111-1111-4111-8111-111111111111',8,1772442182123456,'note','e3','{"Parts":[{"Names":["photo"],"As":{"Session":""},"State":"open","Problem":null}],"Attempt":{"Part":0,"Sent":true}}',X'b984c00235a8629f962485f43385c54beda1300f4f40a5de2b912ef4d113cc74',X'c4ae33ba4318639f289dcb961388aad9901889dc19d2f34c008587efd8809172',NULL,NULL,0);
INSERT INTO records VALUES('11111111-1111-4111-8111-111111111111',9,1772442183123456,'end','e3','{"Outcome":{"Entry":"e3","State":"unverified","At":"2026-03-02T09:03:03.123456Z","Parts":null,"Before":null,"After":{"city":"Köln"},"Conflicts":null,"Problem":null},"Ended":"2026-03-02T09:03:03.123456Z"}',X'c4ae33ba4318639f289dcb961388aad9901889dc19d2f34c008587efd8809172',X'fb91775ff76746de7f098006a79a22e86c7ff6111aa52746e75c1c5aaa5d91bd',NULL,NULL,0);
INSERT INTO records VALUES('11111111-1111-4111-8111-111111111111',10,1772442184123456,'end','e3','{"Outcome":{"Entry":"e3","State":"applied","At":"2026-03-02T09:03:04.123456Z","Parts":null,"Before":null,"After":{"city":"Köln"},"Conflicts":null,"Problem":null},"Ended":"2026-03-02T09:03:04.123456Z"}',X'fb91775ff76746de7f098006a79a22e86c7ff6111aa52746e75c1c5aaa5d91bd',X'4c8e4b8182d9d85293c181f540674f84f85a6190a6c35c5f4b1198cd5b262d3d',NULL,NULL,0);
INSERT INTO records VALUES('11111111-1111-4111-8111-111111111111',11,1772442244123456,'begin','e4','{"ID":"e4","Seq":0,"Begun":"2026-03-02T09:04:04.123456Z","Ended":"0001-01-01T00:00:00Z","Attempt":{"Part":0,"Sent":false},"Change":{"ID":"e4","Key":"","On":{"Tenant":"11111111-1111-4111-8111-111111111111","ID":"carla"},"Do":"update","By":{"Kind":"person","Ref":{"Tenant":"11111111-1111-4111-8111-111111111111","ID":"carla"},"Name":"Zoë \"Z\" O''Neil 👋","Session":"s1","Roles":null,"Groups":null,"From":"192.0.2.7"},"Why":"typed\nin two lines","Names":{"on":"Zoë"},"Undoes":"","Asked":"asked4","Set":{"city":"Bonn"},"Expect":{"city":null}},"Outcome":{"Entry":"","State":"open","At":"0001-01-01T00:00:00Z","Parts":[{"Names":["city"],"As":{"Session":""},"State":"open","Problem":null}],"Before":{"city":"Ulm"},"After":null,"Conflicts":null,"Problem":null}}',X'4c8e4b8182d9d85293c181f540674f84f85a6190a6c35c5f4b1198cd5b262d3d',X'4795280c7aacbe28fb0af7628fffbee1a68efabcabb496709a0d29b02970ff54',NULL,NULL,0);
INSERT INTO records VALUES('11111111-1111-4111-8111-111111111111',12,1772442244123456,'note','e4','{"Parts":[{"Names":["city"],"As":{"Session":""},"State":"open","Problem":null}],"Attempt":{"Part":0,"Sent":true}}',X'4795280c7aacbe28fb0af7628fffbee1a68efabcabb496709a0d29b02970ff54',X'236684445c588eb586d355f90006c7d52c53490821b83bacfb569f52b60789c3',NULL,NULL,0);
INSERT INTO records VALUES('11111111-1111-4111-8111-111111111111',13,1772442245123456,'end','e4','{"Outcome":{"Entry":"e4","State":"unverified","At":"2026-03-02T09:04:05.123456Z","Parts":null,"Before":null,"After":{"city":"Köln"},"Conflicts":null,"Problem":null},"Ended":"2026-03-02T09:04:05.123456Z"}',X'236684445c588eb586d355f90006c7d52c53490821b83bacfb569f52b60789c3',X'9df44fbc3487cb3798c3b55f69fb7e9f14174d5d51eab177778fce44353ff0c6',NULL,NULL,0);
INSERT INTO records VALUES('11111111-1111-4111-8111-111111111111',14,1772442305123456,'begin','e5','{"ID":"e5","Seq":0,"Begun":"2026-03-02T09:05:05.123456Z","Ended":"0001-01-01T00:00:00Z","Attempt":{"Part":0,"Sent":false},"Change":{"ID":"e5","Key":"k5","On":{"Tenant":"11111111-1111-4111-8111-111111111111","ID":"dora"},"Do":"update","By":{"Kind":"person","Ref":{"Tenant":"11111111-1111-4111-8111-111111111111","ID":"dora"},"Name":"Zoë \"Z\" O''Neil 👋","Session":"s1","Roles":null,"Groups":null,"From":"192.0.2.7"},"Why":"typed\nin two lines","Names":{"on":"Zoë"},"Undoes":"","Asked":"asked5","Set":{"city":"Jena"},"Expect":{"city":null}},"Outcome":{"Entry":"","State":"open","At":"0001-01-01T00:00:00Z","Parts":[{"Names":["city"],"As":{"Session":""},"State":"open","Problem":null}],"Before":{"city":"Ulm"},"After":null,"Conflicts":null,"Problem":null}}',X'9df44fbc3487cb3798c3b55f69fb7e9f14174d5d51eab177778fce44353ff0c6',X'7c08f11aa2a62ec0c2fe880db3e7b7d9e8b012e8c0f87ff47cc0446ec55c8fc9',NULL,NULL,0);
INSERT INTO records VALUES('11111111-1111-4111-8111-111111111111',15,1772442305123456,'note','e5','{"Parts":[{"Names":["city"],"As":{"Session":""},"State":"open","Problem":null}],"Attempt":{"Part":0,"Sent":true}}',X'7c08f11aa2a62ec0c2fe880db3e7b7d9e8b012e8c0f87ff47cc0446ec55c8fc9',X'c5d593cbb543812bc50c156361b7626285259ef95b400e2954ba3cd6d2f7b8fa',NULL,NULL,0);
INSERT INTO records VALUES('22222222-2222-4222-8222-222222222222',1,1772442365123456,'begin','e6','{"ID":"e6","Seq":0,"Begun":"2026-03-02T09:06:05.123456Z","Ended":"0001-01-01T00:00:00Z","Attempt":{"Part":0,"Sent":false},"Change":{"ID":"e6","Key":"k1","On":{"Tenant":"22222222-2222-4222-8222-222222222222","ID":"eve"},"Do":"update","By":{"Kind":"person","Ref":{"Tenant":"22222222-2222-4222-8222-222222222222","ID":"eve"},"Name":"Zoë \"Z\" O''Neil 👋","Session":"s1","Roles":null,"Groups":null,"From":"192.0.2.7"},"Why":"typed\nin two lines","Names":{"on":"Zoë"},"Undoes":"","Asked":"asked6","Set":{"city":"Wien"},"Expect":{"city":null}},"Outcome":{"Entry":"","State":"open","At":"0001-01-01T00:00:00Z","Parts":[{"Names":["city"],"As":{"Session":""},"State":"open","Problem":null}],"Before":{"city":"Ulm"},"After":null,"Conflicts":null,"Problem":null}}',X'0000000000000000000000000000000000000000000000000000000000000000',X'c40676f266ed8cf3bf6371e6a51b8df50fa5ee80cd6646216d0331df77cd21a5',NULL,NULL,0);
INSERT INTO records VALUES('22222222-2222-4222-8222-222222222222',2,1772442365123456,'note','e6','{"Parts":[{"Names":["city"],"As":{"Session":""},"State":"open","Problem":null}],"Attempt":{"Part":0,"Sent":true}}',X'c40676f266ed8cf3bf6371e6a51b8df50fa5ee80cd6646216d0331df77cd21a5',X'a4f0066283b720b9fd9ac47bc3784664dc0c56af4abbe79149628c24d81dd628',NULL,NULL,0);
INSERT INTO records VALUES('22222222-2222-4222-8222-222222222222',3,1772442366123456,'end','e6','{"Outcome":{"Entry":"e6","State":"applied","At":"2026-03-02T09:06:06.123456Z","Parts":null,"Before":null,"After":{"city":"Köln"},"Conflicts":null,"Problem":null},"Ended":"2026-03-02T09:06:06.123456Z"}',X'a4f0066283b720b9fd9ac47bc3784664dc0c56af4abbe79149628c24d81dd628',X'efedfc6ca32b5e604aa3ddecea96ded984b6b4cd6d6196014271eeeb41aa0c11',NULL,NULL,0);
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
	begun     INTEGER NOT NULL, action TEXT NOT NULL DEFAULT '', actor TEXT NOT NULL DEFAULT '',
	UNIQUE (tenant, key)
) STRICT;
INSERT INTO entries VALUES('e1','11111111-1111-4111-8111-111111111111','k1','adele','applied',0,1,2,3,1772442060123456,'update','adele');
INSERT INTO entries VALUES('e2','11111111-1111-4111-8111-111111111111','k2','ben','refused',0,4,5,6,1772442121123456,'update','ben');
INSERT INTO entries VALUES('e3','11111111-1111-4111-8111-111111111111','k3','adele','applied',0,7,8,10,1772442182123456,'photo','adele');
INSERT INTO entries VALUES('e4','11111111-1111-4111-8111-111111111111',NULL,'carla','unverified',0,11,12,13,1772442244123456,'update','carla');
INSERT INTO entries VALUES('e5','11111111-1111-4111-8111-111111111111','k5','dora','open',1,14,15,0,1772442305123456,'update','dora');
INSERT INTO entries VALUES('e6','22222222-2222-4222-8222-222222222222','k1','eve','applied',0,1,2,3,1772442365123456,'update','eve');
CREATE TABLE blobs (
	tenant TEXT NOT NULL,
	sum    TEXT NOT NULL,
	data   BLOB NOT NULL,
	at     INTEGER NOT NULL,
	PRIMARY KEY (tenant, sum)
) STRICT;
INSERT INTO blobs VALUES('11111111-1111-4111-8111-111111111111','32461d5bd1773012acef0ba15636752949bd7c2ce50f9172159d9f56cf0dd9af',X'ffd8ffd9',1772442182123456);
CREATE TABLE attempts (
	id    TEXT PRIMARY KEY,
	until INTEGER NOT NULL
) STRICT;
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
INSERT INTO sessions VALUES('5f','11111111-1111-4111-8111-111111111111','adele','sid','{}',1,2,3,4,5,0,'',X'010203',1);
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
INSERT INTO visits VALUES('11111111-1111-4111-8111-111111111111','adele',1772442366123456,'{"city":"Köln"}');
CREATE TABLE settings (
	tenant   TEXT NOT NULL,
	object   TEXT NOT NULL,
	language TEXT NOT NULL,
	theme    TEXT NOT NULL,
	PRIMARY KEY (tenant, object)
) STRICT;
INSERT INTO settings VALUES('11111111-1111-4111-8111-111111111111','adele','de','dark');
CREATE TABLE seal_keys (
	key TEXT PRIMARY KEY
) STRICT;
INSERT INTO seal_keys VALUES('aabbccdd');
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
CREATE TABLE stops (
	since     INTEGER NOT NULL,
	actor     TEXT NOT NULL,
	why       TEXT NOT NULL,
	until     INTEGER NOT NULL DEFAULT 0,
	end_actor TEXT NOT NULL DEFAULT '',
	end_why   TEXT NOT NULL DEFAULT '', tenant TEXT NOT NULL DEFAULT ''
) STRICT;
INSERT INTO stops VALUES(1772442000123456,'olga','a drill',1772442060123456,'olga','the drill is over','');
INSERT INTO stops VALUES(1772442120123456,'ben on this machine','an incident',0,'','','');
INSERT INTO stops VALUES(1772442180123456,'olga','one organization''s incident',0,'','','22222222-2222-4222-8222-222222222222');
CREATE TABLE plans (
	tenant TEXT NOT NULL,
	id     TEXT NOT NULL,
	made   INTEGER NOT NULL,
	digest TEXT NOT NULL DEFAULT '',
	data   TEXT NOT NULL, state TEXT NOT NULL DEFAULT '', run TEXT NOT NULL DEFAULT '', holder TEXT NOT NULL DEFAULT '', until INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (tenant, id)
) STRICT;
INSERT INTO plans VALUES('22222222-2222-4222-8222-222222222222','plan-1',1772442000123456,'cd','{"ID":"plan-1","Tenant":"22222222-2222-4222-8222-222222222222","By":{"Kind":"host","Ref":{"Tenant":"","ID":""},"Name":"olga","Session":"","Roles":null,"Groups":null,"From":""},"Made":"2026-03-02T09:00:00.123456Z","File":"people.csv","Sum":"ab","About":{"Kind":"csv","Format":"own"},"Digest":"cd","Counts":{"Rows":1,"Ready":1,"Kinds":{"update":1}}}','','','',0);
CREATE TABLE plan_rows (
	tenant TEXT NOT NULL,
	plan   TEXT NOT NULL,
	number INTEGER NOT NULL,
	state  TEXT NOT NULL,
	kinds  TEXT NOT NULL,
	who    TEXT NOT NULL,
	data   TEXT NOT NULL, fate TEXT NOT NULL DEFAULT '', outcome TEXT NOT NULL DEFAULT '',
	PRIMARY KEY (tenant, plan, number)
) STRICT, WITHOUT ROWID;
INSERT INTO plan_rows VALUES('22222222-2222-4222-8222-222222222222','plan-1',1,'ready',' update ',replace('ben\nben@contoso.example','\n',char(10)),'{"Line":2,"On":{"Tenant":"22222222-2222-4222-8222-222222222222","ID":"ben"},"UPN":"ben@contoso.example","Name":"Ben","State":"ready","Steps":[{"Do":"update","Set":{"city":"Köln"},"Before":{"city":null}}]}','','');
CREATE TABLE leavers (
	tenant TEXT NOT NULL,
	object TEXT NOT NULL,
	since  INTEGER NOT NULL,
	PRIMARY KEY (tenant, object)
) STRICT;
CREATE TABLE uploads (
	tenant TEXT NOT NULL,
	id     TEXT NOT NULL,
	part   INTEGER NOT NULL,
	object TEXT NOT NULL,
	until  INTEGER NOT NULL,
	sealed BLOB NOT NULL,
	PRIMARY KEY (tenant, id, part)
) STRICT;
CREATE TABLE mirror_states (
	tenant  TEXT NOT NULL PRIMARY KEY,
	version INTEGER NOT NULL,
	data    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE mirror_seen (
	tenant TEXT NOT NULL,
	part   TEXT NOT NULL,
	n      INTEGER NOT NULL,
	data   BLOB NOT NULL,
	PRIMARY KEY (tenant, part, n)
) STRICT, WITHOUT ROWID;
CREATE TABLE mirror_people (
	tenant  TEXT NOT NULL,
	id      TEXT NOT NULL,
	upn     TEXT NOT NULL,
	name    TEXT NOT NULL,
	doc     TEXT NOT NULL,
	manager TEXT,
	gone    TEXT NOT NULL DEFAULT '',
	since   INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (tenant, id)
) STRICT;
CREATE TABLE mirror_groups (
	tenant TEXT NOT NULL,
	id     TEXT NOT NULL,
	name   TEXT NOT NULL,
	doc    TEXT NOT NULL,
	gone   TEXT NOT NULL DEFAULT '',
	since  INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (tenant, id)
) STRICT;
CREATE TABLE mirror_members (
	tenant TEXT NOT NULL,
	grp    TEXT NOT NULL,
	id     TEXT NOT NULL,
	kind   TEXT NOT NULL,
	PRIMARY KEY (tenant, grp, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE mirror_products (
	tenant TEXT NOT NULL,
	id     TEXT NOT NULL,
	doc    TEXT NOT NULL,
	PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE mirror_events (
	tenant TEXT NOT NULL,
	seq    INTEGER NOT NULL,
	after  INTEGER NOT NULL,
	at     INTEGER NOT NULL,
	object TEXT NOT NULL,
	id     TEXT NOT NULL,
	who    TEXT NOT NULL,
	name   TEXT NOT NULL,
	what   TEXT NOT NULL,
	diff   TEXT NOT NULL,
	cause  TEXT NOT NULL,
	PRIMARY KEY (tenant, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX records_entry ON records (tenant, entry, seq);
CREATE TRIGGER records_last BEFORE DELETE ON records BEGIN SELECT RAISE(ABORT, 'a record is never deleted'); END;
CREATE UNIQUE INDEX entries_open ON entries (tenant, object) WHERE open = 1;
CREATE INDEX entries_object ON entries (tenant, object, begin_seq);
CREATE INDEX entries_unsettled ON entries (begun) WHERE state IN ('open', 'unverified');
CREATE INDEX sessions_person ON sessions (tenant, object);
CREATE INDEX sessions_sid ON sessions (tenant, sid) WHERE sid <> '';
CREATE INDEX entries_all ON entries (tenant, begin_seq);
CREATE INDEX entries_actor ON entries (tenant, actor, begin_seq);
CREATE INDEX api_keys_tenant ON api_keys (tenant, made);
CREATE INDEX answers_begun ON answers (begun);
CREATE UNIQUE INDEX stops_in_force ON stops (tenant) WHERE until = 0;
CREATE INDEX plans_by_time ON plans (tenant, made);
CREATE TRIGGER records_stay BEFORE UPDATE ON records WHEN NOT (
	NEW.forgot > OLD.forgot AND NEW.salt IS NULL AND NEW.tenant = OLD.tenant AND NEW.seq = OLD.seq AND NEW.at = OLD.at AND NEW.kind = OLD.kind
	AND NEW.entry = OLD.entry AND NEW.prev = OLD.prev AND NEW.hash = OLD.hash AND NEW.sum IS OLD.sum
	AND EXISTS (SELECT 1 FROM records f WHERE f.tenant = NEW.tenant AND f.seq = NEW.forgot AND f.kind = 'forget'))
BEGIN SELECT RAISE(ABORT, 'a record is never changed'); END;
CREATE INDEX uploads_by_person ON uploads (tenant, object, until);
CREATE INDEX mirror_reports ON mirror_people (tenant, manager);
CREATE INDEX mirror_member_of ON mirror_members (tenant, id);
CREATE INDEX mirror_events_of ON mirror_events (tenant, id, seq);
CREATE VIEW people AS SELECT
	tenant,
	id,
	upn AS user_principal_name,
	name AS display_name,
	json_extract(doc, '$.mail') AS mail,
	json_extract(doc, '$.givenName') AS given_name,
	json_extract(doc, '$.surname') AS surname,
	json_extract(doc, '$.jobTitle') AS job_title,
	json_extract(doc, '$.department') AS department,
	json_extract(doc, '$.companyName') AS company_name,
	json_extract(doc, '$.employeeId') AS employee_id,
	json_extract(doc, '$.employeeType') AS employee_type,
	json_extract(doc, '$.officeLocation') AS office_location,
	json_extract(doc, '$.streetAddress') AS street_address,
	json_extract(doc, '$.city') AS city,
	json_extract(doc, '$.state') AS state,
	json_extract(doc, '$.postalCode') AS postal_code,
	json_extract(doc, '$.country') AS country,
	json_extract(doc, '$.usageLocation') AS usage_location,
	json_extract(doc, '$.preferredLanguage') AS preferred_language,
	json_extract(doc, '$.mobilePhone') AS mobile_phone,
	json_extract(doc, '$.userType') AS user_type,
	json_extract(doc, '$.createdDateTime') AS created_date_time,
	coalesce(json_extract(doc, '$.accountEnabled'), 0) AS account_enabled,
	coalesce(json_extract(doc, '$.onPremisesSyncEnabled'), 0) AS synced,
	nullif(manager, '') AS manager_id,
	gone,
	CASE WHEN since > 0 THEN strftime('%Y-%m-%dT%H:%M:%SZ', since / 1000000, 'unixepoch') END AS gone_since,
	doc AS properties
FROM mirror_people;
CREATE VIEW managers AS SELECT
	p.tenant, p.id, p.upn AS user_principal_name, p.name AS display_name,
	m.id AS manager_id, m.upn AS manager_user_principal_name, m.name AS manager_display_name
FROM mirror_people p JOIN mirror_people m ON m.tenant = p.tenant AND m.id = p.manager
WHERE p.gone = '' AND m.gone = '';
CREATE VIEW groups AS SELECT
	tenant,
	id,
	name AS display_name,
	json_extract(doc, '$.description') AS description,
	json_extract(doc, '$.mail') AS mail,
	coalesce(json_extract(doc, '$.securityEnabled'), 0) AS security_enabled,
	coalesce(json_extract(doc, '$.mailEnabled'), 0) AS mail_enabled,
	json_extract(doc, '$.membershipRule') AS membership_rule,
	gone,
	CASE WHEN since > 0 THEN strftime('%Y-%m-%dT%H:%M:%SZ', since / 1000000, 'unixepoch') END AS gone_since,
	doc AS properties
FROM mirror_groups;
CREATE VIEW memberships AS SELECT
	m.tenant, m.grp AS group_id, g.name AS group_display_name, m.id AS member_id, m.kind AS member_type,
	p.upn AS user_principal_name, coalesce(p.name, h.name) AS display_name
FROM mirror_members m
	JOIN mirror_groups g ON g.tenant = m.tenant AND g.id = m.grp AND g.gone = ''
	LEFT JOIN mirror_people p ON p.tenant = m.tenant AND p.id = m.id
	LEFT JOIN mirror_groups h ON h.tenant = m.tenant AND h.id = m.id
WHERE coalesce(p.gone, h.gone, '') = '';
CREATE VIEW licenses AS SELECT
	p.tenant, p.id, p.upn AS user_principal_name, p.name AS display_name,
	lower(json_extract(l.value, '$.skuId')) AS sku_id, json_extract(k.doc, '$.skuPartNumber') AS sku_part_number, json_extract(k.doc, '$.name') AS product,
	json_extract(l.value, '$.disabledPlans') AS disabled_plans
FROM mirror_people p, json_each(p.doc, '$.assignedLicenses') l
	LEFT JOIN mirror_products k ON k.tenant = p.tenant AND k.id = lower(json_extract(l.value, '$.skuId'))
WHERE p.gone = '';
CREATE VIEW changes AS SELECT
	tenant, seq, strftime('%Y-%m-%dT%H:%M:%SZ', after / 1000000, 'unixepoch') AS after, strftime('%Y-%m-%dT%H:%M:%SZ', at / 1000000, 'unixepoch') AS noticed, object, id, nullif(who, '') AS member_id, name AS display_name, what, diff AS properties,
	nullif(cause, '') AS entry
FROM mirror_events;

-- Passwords of people who were created, sealed, until somebody was shown them once. id is that of the entry, or of a row of a plan.
CREATE TABLE secrets (
	tenant TEXT NOT NULL,
	id     TEXT NOT NULL,
	sealed BLOB NOT NULL,
	until  INTEGER NOT NULL,
	PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
INSERT INTO migrations VALUES (11, 'secrets', 1772442000123456);

-- How much of the write quota of a tenant is used, shared by all processes. used and quota are writes, at is when used was so.
CREATE TABLE paces (
	tenant TEXT PRIMARY KEY,
	used   REAL NOT NULL,
	quota  REAL NOT NULL,
	at     INTEGER NOT NULL
) STRICT;
INSERT INTO migrations VALUES (12, 'paces', 1772442000123456);

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
INSERT INTO migrations VALUES (13, 'words', 1772442000123456);
