CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, at BIGINT NOT NULL);
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
CREATE TABLE seal_keys (
	key TEXT PRIMARY KEY
) STRICT;
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
CREATE TABLE plans (
	tenant TEXT NOT NULL,
	id     TEXT NOT NULL,
	made   INTEGER NOT NULL,
	digest TEXT NOT NULL DEFAULT '',
	data   TEXT NOT NULL, state TEXT NOT NULL DEFAULT '', run TEXT NOT NULL DEFAULT '', holder TEXT NOT NULL DEFAULT '', until INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (tenant, id)
) STRICT;
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
INSERT INTO migrations VALUES (1,'journal_and_access',1772442000123456);
INSERT INTO migrations VALUES (2,'history_of_everybody',1772442000123456);
INSERT INTO migrations VALUES (3,'keys',1772442000123456);
INSERT INTO migrations VALUES (4,'stops',1772442000123456);
INSERT INTO migrations VALUES (5,'stops_of_one',1772442000123456);
INSERT INTO migrations VALUES (6,'plans',1772442000123456);
INSERT INTO migrations VALUES (7,'runs',1772442000123456);
INSERT INTO heads VALUES ('11111111-1111-4111-8111-111111111111',15,X'C5D593CBB543812BC50C156361B7626285259EF95B400E2954BA3CD6D2F7B8FA');
INSERT INTO heads VALUES ('22222222-2222-4222-8222-222222222222',3,X'EFEDFC6CA32B5E604AA3DDECEA96DED984B6B4CD6D6196014271EEEB41AA0C11');
INSERT INTO records VALUES ('11111111-1111-4111-8111-111111111111',1,1772442060123456,'begin','e1','{"ID":"e1","Seq":0,"Begun":"2026-03-02T09:01:00.123456Z","Ended":"0001-01-01T00:00:00Z","Attempt":{"Part":0,"Sent":false},"Change":{"ID":"e1","Key":"k1","On":{"Tenant":"11111111-1111-4111-8111-111111111111","ID":"adele"},"Do":"update","By":{"Kind":"person","Ref":{"Tenant":"11111111-1111-4111-8111-111111111111","ID":"adele"},"Name":"Zoë \"Z\" O''Neil 👋","Session":"s1","Roles":null,"Groups":null,"From":"192.0.2.7"},"Why":"typed\nin two lines","Names":{"on":"Zoë"},"Undoes":"","Asked":"asked1","Set":{"city":"Köln","skills":["Go","SQL"]},"Expect":{"city":null}},"Outcome":{"Entry":"","State":"open","At":"0001-01-01T00:00:00Z","Parts":[{"Names":["city","skills"],"As":{"Session":""},"State":"open","Problem":null}],"Before":{"city":"Ulm"},"After":null,"Conflicts":null,"Problem":null}}',X'0000000000000000000000000000000000000000000000000000000000000000',X'5345776C0C950D8E0EC430A2ED64225C0FCC225DE04C4D985E98B528059CBA12');
INSERT INTO records VALUES ('11111111-1111-4111-8111-111111111111',2,1772442060123456,'note','e1','{"Parts":[{"Names":["city","skills"],"As":{"Session":""},"State":"open","Problem":null}],"Attempt":{"Part":0,"Sent":true}}',X'5345776C0C950D8E0EC430A2ED64225C0FCC225DE04C4D985E98B528059CBA12',X'85B45950C9CFA14738CBE447CA81BBE957BB0080FBB0C3D3D6C62F7E2B123641');
INSERT INTO records VALUES ('11111111-1111-4111-8111-111111111111',3,1772442061123456,'end','e1','{"Outcome":{"Entry":"e1","State":"applied","At":"2026-03-02T09:01:01.123456Z","Parts":null,"Before":null,"After":{"city":"Köln"},"Conflicts":null,"Problem":null},"Ended":"2026-03-02T09:01:01.123456Z"}',X'85B45950C9CFA14738CBE447CA81BBE957BB0080FBB0C3D3D6C62F7E2B123641',X'F061219AE3270D1895986E8286B4DFA35C55E6D3B4736B562F31A45FD4F3A101');
INSERT INTO records VALUES ('11111111-1111-4111-8111-111111111111',4,1772442121123456,'begin','e2','{"ID":"e2","Seq":0,"Begun":"2026-03-02T09:02:01.123456Z","Ended":"0001-01-01T00:00:00Z","Attempt":{"Part":0,"Sent":false},"Change":{"ID":"e2","Key":"k2","On":{"Tenant":"11111111-1111-4111-8111-111111111111","ID":"ben"},"Do":"update","By":{"Kind":"person","Ref":{"Tenant":"11111111-1111-4111-8111-111111111111","ID":"ben"},"Name":"Zoë \"Z\" O''Neil 👋","Session":"s1","Roles":null,"Groups":null,"From":"192.0.2.7"},"Why":"typed\nin two lines","Names":{"on":"Zoë"},"Undoes":"","Asked":"asked2","Set":{"birthday":{"instant":"1990-01-02T00:00:00Z"},"city":null},"Expect":{"city":null}},"Outcome":{"Entry":"","State":"open","At":"0001-01-01T00:00:00Z","Parts":[{"Names":["birthday","city"],"As":{"Session":""},"State":"open","Problem":null}],"Before":{"city":"Ulm"},"After":null,"Conflicts":null,"Problem":null}}',X'F061219AE3270D1895986E8286B4DFA35C55E6D3B4736B562F31A45FD4F3A101',X'5A5626C1DC01AD0834F2ACFAA08060E971671486A9FE679FA5948CB000ED4117');
INSERT INTO records VALUES ('11111111-1111-4111-8111-111111111111',5,1772442121123456,'note','e2','{"Parts":[{"Names":["birthday","city"],"As":{"Session":""},"State":"open","Problem":null}],"Attempt":{"Part":0,"Sent":true}}',X'5A5626C1DC01AD0834F2ACFAA08060E971671486A9FE679FA5948CB000ED4117',X'BCE5D3C9FFD6EB0CC609225ED7102550D9FD166B21CD5D79018E6F3585ADE445');
INSERT INTO records VALUES ('11111111-1111-4111-8111-111111111111',6,1772442122123456,'end','e2','{"Outcome":{"Entry":"e2","State":"refused","At":"2026-03-02T09:02:02.123456Z","Parts":null,"Before":null,"After":{"city":"Köln"},"Conflicts":null,"Problem":{"Op":"entra.update","Item":"","Kind":2,"Retry":0,"Code":"Authorization_RequestDenied","Ref":"r1","Say":{"Key":"Not %s.","Args":[{"Str":"here"}]}}},"Ended":"2026-03-02T09:02:02.123456Z"}',X'BCE5D3C9FFD6EB0CC609225ED7102550D9FD166B21CD5D79018E6F3585ADE445',X'D71CC487616ADB384BE15305340677D01152A5C101DC84D94C0CD206B30645B4');
INSERT INTO records VALUES ('11111111-1111-4111-8111-111111111111',7,1772442182123456,'begin','e3','{"ID":"e3","Seq":0,"Begun":"2026-03-02T09:03:02.123456Z","Ended":"0001-01-01T00:00:00Z","Attempt":{"Part":0,"Sent":false},"Change":{"ID":"e3","Key":"k3","On":{"Tenant":"11111111-1111-4111-8111-111111111111","ID":"adele"},"Do":"photo","By":{"Kind":"person","Ref":{"Tenant":"11111111-1111-4111-8111-111111111111","ID":"adele"},"Name":"Zoë \"Z\" O''Neil 👋","Session":"s1","Roles":null,"Groups":null,"From":"192.0.2.7"},"Why":"typed\nin two lines","Names":{"on":"Zoë"},"Undoes":"","Asked":"asked3","Set":null,"Expect":{"city":null},"Photo":"32461d5bd1773012acef0ba15636752949bd7c2ce50f9172159d9f56cf0dd9af"},"Outcome":{"Entry":"","State":"open","At":"0001-01-01T00:00:00Z","Parts":[{"Names":["photo"],"As":{"Session":""},"State":"open","Problem":null}],"Before":{"city":"Ulm"},"After":null,"Conflicts":null,"Problem":null}}',X'D71CC487616ADB384BE15305340677D01152A5C101DC84D94C0CD206B30645B4',X'B984C00235A8629F962485F43385C54BEDA1300F4F40A5DE2B912EF4D113CC74');
INSERT INTO records VALUES ('11111111-1111-4111-8111-111111111111',8,1772442182123456,'note','e3','{"Parts":[{"Names":["photo"],"As":{"Session":""},"State":"open","Problem":null}],"Attempt":{"Part":0,"Sent":true}}',X'B984C00235A8629F962485F43385C54BEDA1300F4F40A5DE2B912EF4D113CC74',X'C4AE33BA4318639F289DCB961388AAD9901889DC19D2F34C008587EFD8809172');
INSERT INTO records VALUES ('11111111-1111-4111-8111-111111111111',9,1772442183123456,'end','e3','{"Outcome":{"Entry":"e3","State":"unverified","At":"2026-03-02T09:03:03.123456Z","Parts":null,"Before":null,"After":{"city":"Köln"},"Conflicts":null,"Problem":null},"Ended":"2026-03-02T09:03:03.123456Z"}',X'C4AE33BA4318639F289DCB961388AAD9901889DC19D2F34C008587EFD8809172',X'FB91775FF76746DE7F098006A79A22E86C7FF6111AA52746E75C1C5AAA5D91BD');
INSERT INTO records VALUES ('11111111-1111-4111-8111-111111111111',10,1772442184123456,'end','e3','{"Outcome":{"Entry":"e3","State":"applied","At":"2026-03-02T09:03:04.123456Z","Parts":null,"Before":null,"After":{"city":"Köln"},"Conflicts":null,"Problem":null},"Ended":"2026-03-02T09:03:04.123456Z"}',X'FB91775FF76746DE7F098006A79A22E86C7FF6111AA52746E75C1C5AAA5D91BD',X'4C8E4B8182D9D85293C181F540674F84F85A6190A6C35C5F4B1198CD5B262D3D');
INSERT INTO records VALUES ('11111111-1111-4111-8111-111111111111',11,1772442244123456,'begin','e4','{"ID":"e4","Seq":0,"Begun":"2026-03-02T09:04:04.123456Z","Ended":"0001-01-01T00:00:00Z","Attempt":{"Part":0,"Sent":false},"Change":{"ID":"e4","Key":"","On":{"Tenant":"11111111-1111-4111-8111-111111111111","ID":"carla"},"Do":"update","By":{"Kind":"person","Ref":{"Tenant":"11111111-1111-4111-8111-111111111111","ID":"carla"},"Name":"Zoë \"Z\" O''Neil 👋","Session":"s1","Roles":null,"Groups":null,"From":"192.0.2.7"},"Why":"typed\nin two lines","Names":{"on":"Zoë"},"Undoes":"","Asked":"asked4","Set":{"city":"Bonn"},"Expect":{"city":null}},"Outcome":{"Entry":"","State":"open","At":"0001-01-01T00:00:00Z","Parts":[{"Names":["city"],"As":{"Session":""},"State":"open","Problem":null}],"Before":{"city":"Ulm"},"After":null,"Conflicts":null,"Problem":null}}',X'4C8E4B8182D9D85293C181F540674F84F85A6190A6C35C5F4B1198CD5B262D3D',X'4795280C7AACBE28FB0AF7628FFFBEE1A68EFABCABB496709A0D29B02970FF54');
INSERT INTO records VALUES ('11111111-1111-4111-8111-111111111111',12,1772442244123456,'note','e4','{"Parts":[{"Names":["city"],"As":{"Session":""},"State":"open","Problem":null}],"Attempt":{"Part":0,"Sent":true}}',X'4795280C7AACBE28FB0AF7628FFFBEE1A68EFABCABB496709A0D29B02970FF54',X'236684445C588EB586D355F90006C7D52C53490821B83BACFB569F52B60789C3');
INSERT INTO records VALUES ('11111111-1111-4111-8111-111111111111',13,1772442245123456,'end','e4','{"Outcome":{"Entry":"e4","State":"unverified","At":"2026-03-02T09:04:05.123456Z","Parts":null,"Before":null,"After":{"city":"Köln"},"Conflicts":null,"Problem":null},"Ended":"2026-03-02T09:04:05.123456Z"}',X'236684445C588EB586D355F90006C7D52C53490821B83BACFB569F52B60789C3',X'9DF44FBC3487CB3798C3B55F69FB7E9F14174D5D51EAB177778FCE44353FF0C6');
INSERT INTO records VALUES ('11111111-1111-4111-8111-111111111111',14,1772442305123456,'begin','e5','{"ID":"e5","Seq":0,"Begun":"2026-03-02T09:05:05.123456Z","Ended":"0001-01-01T00:00:00Z","Attempt":{"Part":0,"Sent":false},"Change":{"ID":"e5","Key":"k5","On":{"Tenant":"11111111-1111-4111-8111-111111111111","ID":"dora"},"Do":"update","By":{"Kind":"person","Ref":{"Tenant":"11111111-1111-4111-8111-111111111111","ID":"dora"},"Name":"Zoë \"Z\" O''Neil 👋","Session":"s1","Roles":null,"Groups":null,"From":"192.0.2.7"},"Why":"typed\nin two lines","Names":{"on":"Zoë"},"Undoes":"","Asked":"asked5","Set":{"city":"Jena"},"Expect":{"city":null}},"Outcome":{"Entry":"","State":"open","At":"0001-01-01T00:00:00Z","Parts":[{"Names":["city"],"As":{"Session":""},"State":"open","Problem":null}],"Before":{"city":"Ulm"},"After":null,"Conflicts":null,"Problem":null}}',X'9DF44FBC3487CB3798C3B55F69FB7E9F14174D5D51EAB177778FCE44353FF0C6',X'7C08F11AA2A62EC0C2FE880DB3E7B7D9E8B012E8C0F87FF47CC0446EC55C8FC9');
INSERT INTO records VALUES ('11111111-1111-4111-8111-111111111111',15,1772442305123456,'note','e5','{"Parts":[{"Names":["city"],"As":{"Session":""},"State":"open","Problem":null}],"Attempt":{"Part":0,"Sent":true}}',X'7C08F11AA2A62EC0C2FE880DB3E7B7D9E8B012E8C0F87FF47CC0446EC55C8FC9',X'C5D593CBB543812BC50C156361B7626285259EF95B400E2954BA3CD6D2F7B8FA');
INSERT INTO records VALUES ('22222222-2222-4222-8222-222222222222',1,1772442365123456,'begin','e6','{"ID":"e6","Seq":0,"Begun":"2026-03-02T09:06:05.123456Z","Ended":"0001-01-01T00:00:00Z","Attempt":{"Part":0,"Sent":false},"Change":{"ID":"e6","Key":"k1","On":{"Tenant":"22222222-2222-4222-8222-222222222222","ID":"eve"},"Do":"update","By":{"Kind":"person","Ref":{"Tenant":"22222222-2222-4222-8222-222222222222","ID":"eve"},"Name":"Zoë \"Z\" O''Neil 👋","Session":"s1","Roles":null,"Groups":null,"From":"192.0.2.7"},"Why":"typed\nin two lines","Names":{"on":"Zoë"},"Undoes":"","Asked":"asked6","Set":{"city":"Wien"},"Expect":{"city":null}},"Outcome":{"Entry":"","State":"open","At":"0001-01-01T00:00:00Z","Parts":[{"Names":["city"],"As":{"Session":""},"State":"open","Problem":null}],"Before":{"city":"Ulm"},"After":null,"Conflicts":null,"Problem":null}}',X'0000000000000000000000000000000000000000000000000000000000000000',X'C40676F266ED8CF3BF6371E6A51B8DF50FA5EE80CD6646216D0331DF77CD21A5');
INSERT INTO records VALUES ('22222222-2222-4222-8222-222222222222',2,1772442365123456,'note','e6','{"Parts":[{"Names":["city"],"As":{"Session":""},"State":"open","Problem":null}],"Attempt":{"Part":0,"Sent":true}}',X'C40676F266ED8CF3BF6371E6A51B8DF50FA5EE80CD6646216D0331DF77CD21A5',X'A4F0066283B720B9FD9AC47BC3784664DC0C56AF4ABBE79149628C24D81DD628');
INSERT INTO records VALUES ('22222222-2222-4222-8222-222222222222',3,1772442366123456,'end','e6','{"Outcome":{"Entry":"e6","State":"applied","At":"2026-03-02T09:06:06.123456Z","Parts":null,"Before":null,"After":{"city":"Köln"},"Conflicts":null,"Problem":null},"Ended":"2026-03-02T09:06:06.123456Z"}',X'A4F0066283B720B9FD9AC47BC3784664DC0C56AF4ABBE79149628C24D81DD628',X'EFEDFC6CA32B5E604AA3DDECEA96DED984B6B4CD6D6196014271EEEB41AA0C11');
INSERT INTO entries VALUES ('e1','11111111-1111-4111-8111-111111111111','k1','adele','applied',0,1,2,3,1772442060123456,'update','adele');
INSERT INTO entries VALUES ('e2','11111111-1111-4111-8111-111111111111','k2','ben','refused',0,4,5,6,1772442121123456,'update','ben');
INSERT INTO entries VALUES ('e3','11111111-1111-4111-8111-111111111111','k3','adele','applied',0,7,8,10,1772442182123456,'photo','adele');
INSERT INTO entries VALUES ('e4','11111111-1111-4111-8111-111111111111',NULL,'carla','unverified',0,11,12,13,1772442244123456,'update','carla');
INSERT INTO entries VALUES ('e5','11111111-1111-4111-8111-111111111111','k5','dora','open',1,14,15,0,1772442305123456,'update','dora');
INSERT INTO entries VALUES ('e6','22222222-2222-4222-8222-222222222222','k1','eve','applied',0,1,2,3,1772442365123456,'update','eve');
INSERT INTO blobs VALUES ('11111111-1111-4111-8111-111111111111','32461d5bd1773012acef0ba15636752949bd7c2ce50f9172159d9f56cf0dd9af',X'FFD8FFD9',1772442182123456);
INSERT INTO sessions VALUES ('5f','11111111-1111-4111-8111-111111111111','adele','sid','{}',1,2,3,4,5,0,'',X'010203',1);
INSERT INTO visits VALUES ('11111111-1111-4111-8111-111111111111','adele',1772442366123456,'{"city":"Köln"}');
INSERT INTO settings VALUES ('11111111-1111-4111-8111-111111111111','adele','de','dark');
INSERT INTO seal_keys VALUES ('aabbccdd');
INSERT INTO stops VALUES (1772442000123456,'olga','a drill',1772442060123456,'olga','the drill is over','');
INSERT INTO stops VALUES (1772442120123456,'ben on this machine','an incident',0,'','','');
INSERT INTO stops VALUES (1772442180123456,'olga','one organization''s incident',0,'','','22222222-2222-4222-8222-222222222222');
INSERT INTO plans VALUES ('22222222-2222-4222-8222-222222222222','plan-1',1772442000123456,'cd','{"ID":"plan-1","Tenant":"22222222-2222-4222-8222-222222222222","By":{"Kind":"host","Ref":{"Tenant":"","ID":""},"Name":"olga","Session":"","Roles":null,"Groups":null,"From":""},"Made":"2026-03-02T09:00:00.123456Z","File":"people.csv","Sum":"ab","About":{"Kind":"csv","Format":"own"},"Digest":"cd","Counts":{"Rows":1,"Ready":1,"Kinds":{"update":1}}}','','','',0);
INSERT INTO plan_rows VALUES ('22222222-2222-4222-8222-222222222222','plan-1',1,'ready',' update ','ben
ben@contoso.example','{"Line":2,"On":{"Tenant":"22222222-2222-4222-8222-222222222222","ID":"ben"},"UPN":"ben@contoso.example","Name":"Ben","State":"ready","Steps":[{"Do":"update","Set":{"city":"Köln"},"Before":{"city":null}}]}','','');
CREATE INDEX records_entry ON records (tenant, entry, seq);
CREATE TRIGGER records_stay BEFORE UPDATE ON records BEGIN SELECT RAISE(ABORT, 'a record is never changed'); END;
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
