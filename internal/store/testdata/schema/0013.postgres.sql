SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
CREATE FUNCTION public.records_forget() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
	IF NEW.forgot > OLD.forgot AND NEW.salt IS NULL AND NEW.tenant = OLD.tenant AND NEW.seq = OLD.seq AND NEW.at = OLD.at AND NEW.kind = OLD.kind
		AND NEW.entry = OLD.entry AND NEW.prev = OLD.prev AND NEW.hash = OLD.hash AND NEW.sum IS NOT DISTINCT FROM OLD.sum
		AND EXISTS (SELECT 1 FROM records f WHERE f.tenant = NEW.tenant AND f.seq = NEW.forgot AND f.kind = 'forget') THEN
		RETURN NEW;
	END IF;
	RAISE EXCEPTION 'a record is never changed or deleted';
END$$;
CREATE FUNCTION public.records_stay() RETURNS trigger
    LANGUAGE plpgsql
    AS $$BEGIN RAISE EXCEPTION 'a record is never changed or deleted'; END$$;
CREATE TABLE public.answers (
    tenant text NOT NULL,
    actor text NOT NULL,
    key text NOT NULL,
    digest text NOT NULL,
    begun bigint NOT NULL,
    status bigint DEFAULT 0 NOT NULL,
    body text DEFAULT ''::text NOT NULL
);
CREATE TABLE public.api_keys (
    id text NOT NULL,
    tenant text NOT NULL,
    hash text NOT NULL,
    data text NOT NULL,
    made bigint NOT NULL,
    expires bigint NOT NULL,
    used bigint DEFAULT 0 NOT NULL,
    revoked bigint DEFAULT 0 NOT NULL
);
CREATE TABLE public.attempts (
    id text NOT NULL,
    until bigint NOT NULL
);
CREATE TABLE public.blobs (
    tenant text NOT NULL,
    sum text NOT NULL,
    data bytea NOT NULL,
    at bigint NOT NULL
);
CREATE TABLE public.mirror_events (
    tenant text NOT NULL,
    seq bigint NOT NULL,
    after bigint NOT NULL,
    at bigint NOT NULL,
    object text NOT NULL,
    id text NOT NULL,
    who text NOT NULL,
    name text NOT NULL,
    what text NOT NULL,
    diff text NOT NULL,
    cause text NOT NULL
);
CREATE VIEW public.changes AS
 SELECT mirror_events.tenant,
    mirror_events.seq,
    to_timestamp((((mirror_events.after)::numeric / 1000000.0))::double precision) AS after,
    to_timestamp((((mirror_events.at)::numeric / 1000000.0))::double precision) AS noticed,
    mirror_events.object,
    mirror_events.id,
    NULLIF(mirror_events.who, ''::text) AS member_id,
    mirror_events.name AS display_name,
    mirror_events.what,
    mirror_events.diff AS properties,
    NULLIF(mirror_events.cause, ''::text) AS entry
   FROM public.mirror_events;
CREATE TABLE public.entries (
    id text NOT NULL,
    tenant text NOT NULL,
    key text,
    object text NOT NULL,
    state text NOT NULL,
    open bigint NOT NULL,
    begin_seq bigint NOT NULL,
    note_seq bigint DEFAULT 0 NOT NULL,
    end_seq bigint DEFAULT 0 NOT NULL,
    begun bigint NOT NULL,
    action text DEFAULT ''::text NOT NULL,
    actor text DEFAULT ''::text NOT NULL
);
CREATE TABLE public.mirror_groups (
    tenant text NOT NULL,
    id text NOT NULL,
    name text NOT NULL,
    doc text NOT NULL,
    gone text DEFAULT ''::text NOT NULL,
    since bigint DEFAULT 0 NOT NULL
);
CREATE VIEW public.groups AS
 SELECT mirror_groups.tenant,
    mirror_groups.id,
    mirror_groups.name AS display_name,
    ((mirror_groups.doc)::jsonb ->> 'description'::text) AS description,
    ((mirror_groups.doc)::jsonb ->> 'mail'::text) AS mail,
    COALESCE((((mirror_groups.doc)::jsonb ->> 'securityEnabled'::text))::boolean, false) AS security_enabled,
    COALESCE((((mirror_groups.doc)::jsonb ->> 'mailEnabled'::text))::boolean, false) AS mail_enabled,
    ((mirror_groups.doc)::jsonb ->> 'membershipRule'::text) AS membership_rule,
    mirror_groups.gone,
        CASE
            WHEN (mirror_groups.since > 0) THEN to_timestamp((((mirror_groups.since)::numeric / 1000000.0))::double precision)
            ELSE NULL::timestamp with time zone
        END AS gone_since,
    mirror_groups.doc AS properties
   FROM public.mirror_groups;
CREATE TABLE public.heads (
    tenant text NOT NULL,
    seq bigint NOT NULL,
    hash bytea NOT NULL
);
CREATE TABLE public.leavers (
    tenant text NOT NULL,
    object text NOT NULL,
    since bigint NOT NULL
);
CREATE TABLE public.mirror_people (
    tenant text NOT NULL,
    id text NOT NULL,
    upn text NOT NULL,
    name text NOT NULL,
    doc text NOT NULL,
    manager text,
    gone text DEFAULT ''::text NOT NULL,
    since bigint DEFAULT 0 NOT NULL
);
CREATE TABLE public.mirror_products (
    tenant text NOT NULL,
    id text NOT NULL,
    doc text NOT NULL
);
CREATE VIEW public.licenses AS
 SELECT p.tenant,
    p.id,
    p.upn AS user_principal_name,
    p.name AS display_name,
    lower((l.value ->> 'skuId'::text)) AS sku_id,
    ((k.doc)::jsonb ->> 'skuPartNumber'::text) AS sku_part_number,
    ((k.doc)::jsonb ->> 'name'::text) AS product,
    ((l.value -> 'disabledPlans'::text))::text AS disabled_plans
   FROM ((public.mirror_people p
     CROSS JOIN LATERAL jsonb_array_elements(COALESCE(((p.doc)::jsonb -> 'assignedLicenses'::text), '[]'::jsonb)) l(value))
     LEFT JOIN public.mirror_products k ON (((k.tenant = p.tenant) AND (k.id = lower((l.value ->> 'skuId'::text))))))
  WHERE (p.gone = ''::text);
CREATE VIEW public.managers AS
 SELECT p.tenant,
    p.id,
    p.upn AS user_principal_name,
    p.name AS display_name,
    m.id AS manager_id,
    m.upn AS manager_user_principal_name,
    m.name AS manager_display_name
   FROM (public.mirror_people p
     JOIN public.mirror_people m ON (((m.tenant = p.tenant) AND (m.id = p.manager))))
  WHERE ((p.gone = ''::text) AND (m.gone = ''::text));
CREATE TABLE public.mirror_members (
    tenant text NOT NULL,
    grp text NOT NULL,
    id text NOT NULL,
    kind text NOT NULL
);
CREATE VIEW public.memberships AS
 SELECT m.tenant,
    m.grp AS group_id,
    g.name AS group_display_name,
    m.id AS member_id,
    m.kind AS member_type,
    p.upn AS user_principal_name,
    COALESCE(p.name, h.name) AS display_name
   FROM (((public.mirror_members m
     JOIN public.mirror_groups g ON (((g.tenant = m.tenant) AND (g.id = m.grp) AND (g.gone = ''::text))))
     LEFT JOIN public.mirror_people p ON (((p.tenant = m.tenant) AND (p.id = m.id))))
     LEFT JOIN public.mirror_groups h ON (((h.tenant = m.tenant) AND (h.id = m.id))))
  WHERE (COALESCE(p.gone, h.gone, ''::text) = ''::text);
CREATE TABLE public.migrations (
    number integer NOT NULL,
    name text NOT NULL,
    at bigint NOT NULL
);
CREATE TABLE public.mirror_seen (
    tenant text NOT NULL,
    part text NOT NULL,
    n bigint NOT NULL,
    data bytea NOT NULL
);
CREATE TABLE public.mirror_states (
    tenant text NOT NULL,
    version bigint NOT NULL,
    data text NOT NULL
);
CREATE VIEW public.people AS
 SELECT mirror_people.tenant,
    mirror_people.id,
    mirror_people.upn AS user_principal_name,
    mirror_people.name AS display_name,
    ((mirror_people.doc)::jsonb ->> 'mail'::text) AS mail,
    ((mirror_people.doc)::jsonb ->> 'givenName'::text) AS given_name,
    ((mirror_people.doc)::jsonb ->> 'surname'::text) AS surname,
    ((mirror_people.doc)::jsonb ->> 'jobTitle'::text) AS job_title,
    ((mirror_people.doc)::jsonb ->> 'department'::text) AS department,
    ((mirror_people.doc)::jsonb ->> 'companyName'::text) AS company_name,
    ((mirror_people.doc)::jsonb ->> 'employeeId'::text) AS employee_id,
    ((mirror_people.doc)::jsonb ->> 'employeeType'::text) AS employee_type,
    ((mirror_people.doc)::jsonb ->> 'officeLocation'::text) AS office_location,
    ((mirror_people.doc)::jsonb ->> 'streetAddress'::text) AS street_address,
    ((mirror_people.doc)::jsonb ->> 'city'::text) AS city,
    ((mirror_people.doc)::jsonb ->> 'state'::text) AS state,
    ((mirror_people.doc)::jsonb ->> 'postalCode'::text) AS postal_code,
    ((mirror_people.doc)::jsonb ->> 'country'::text) AS country,
    ((mirror_people.doc)::jsonb ->> 'usageLocation'::text) AS usage_location,
    ((mirror_people.doc)::jsonb ->> 'preferredLanguage'::text) AS preferred_language,
    ((mirror_people.doc)::jsonb ->> 'mobilePhone'::text) AS mobile_phone,
    ((mirror_people.doc)::jsonb ->> 'userType'::text) AS user_type,
    ((mirror_people.doc)::jsonb ->> 'createdDateTime'::text) AS created_date_time,
    COALESCE((((mirror_people.doc)::jsonb ->> 'accountEnabled'::text))::boolean, false) AS account_enabled,
    COALESCE((((mirror_people.doc)::jsonb ->> 'onPremisesSyncEnabled'::text))::boolean, false) AS synced,
    NULLIF(mirror_people.manager, ''::text) AS manager_id,
    mirror_people.gone,
        CASE
            WHEN (mirror_people.since > 0) THEN to_timestamp((((mirror_people.since)::numeric / 1000000.0))::double precision)
            ELSE NULL::timestamp with time zone
        END AS gone_since,
    mirror_people.doc AS properties
   FROM public.mirror_people;
CREATE TABLE public.plan_rows (
    tenant text NOT NULL,
    plan text NOT NULL,
    number integer NOT NULL,
    state text NOT NULL,
    kinds text NOT NULL,
    who text NOT NULL,
    data text NOT NULL,
    fate text DEFAULT ''::text NOT NULL,
    outcome text DEFAULT ''::text NOT NULL
);
CREATE TABLE public.plans (
    tenant text NOT NULL,
    id text NOT NULL,
    made bigint NOT NULL,
    digest text DEFAULT ''::text NOT NULL,
    data text NOT NULL,
    state text DEFAULT ''::text NOT NULL,
    run text DEFAULT ''::text NOT NULL,
    holder text DEFAULT ''::text NOT NULL,
    until bigint DEFAULT 0 NOT NULL
);
CREATE TABLE public.records (
    tenant text NOT NULL,
    seq bigint NOT NULL,
    at bigint NOT NULL,
    kind text NOT NULL,
    entry text NOT NULL,
    payload text NOT NULL,
    prev bytea NOT NULL,
    hash bytea NOT NULL,
    salt bytea,
    sum bytea,
    forgot bigint DEFAULT 0 NOT NULL
);
CREATE TABLE public.seal_keys (
    key text NOT NULL
);
CREATE TABLE public.sessions (
    id text NOT NULL,
    tenant text NOT NULL,
    object text NOT NULL,
    sid text NOT NULL,
    data text NOT NULL,
    began bigint NOT NULL,
    seen bigint NOT NULL,
    idle_end bigint NOT NULL,
    final_end bigint NOT NULL,
    checked bigint NOT NULL,
    ended bigint DEFAULT 0 NOT NULL,
    why text DEFAULT ''::text NOT NULL,
    tokens bytea,
    version bigint DEFAULT 1 NOT NULL
);
CREATE TABLE public.settings (
    tenant text NOT NULL,
    object text NOT NULL,
    language text NOT NULL,
    theme text NOT NULL
);
CREATE TABLE public.stashes (
    session text NOT NULL,
    tenant text NOT NULL,
    object text NOT NULL,
    path text NOT NULL,
    sealed bytea NOT NULL,
    until bigint NOT NULL
);
CREATE TABLE public.stops (
    since bigint NOT NULL,
    actor text NOT NULL,
    why text NOT NULL,
    until bigint DEFAULT 0 NOT NULL,
    end_actor text DEFAULT ''::text NOT NULL,
    end_why text DEFAULT ''::text NOT NULL,
    tenant text DEFAULT ''::text NOT NULL
);
CREATE TABLE public.uploads (
    tenant text NOT NULL,
    id text NOT NULL,
    part bigint NOT NULL,
    object text NOT NULL,
    until bigint NOT NULL,
    sealed bytea NOT NULL
);
CREATE TABLE public.visits (
    tenant text NOT NULL,
    object text NOT NULL,
    at bigint NOT NULL,
    data text NOT NULL
);
INSERT INTO public.blobs VALUES ('11111111-1111-4111-8111-111111111111', '32461d5bd1773012acef0ba15636752949bd7c2ce50f9172159d9f56cf0dd9af', '\xffd8ffd9', 1772442548123456);
INSERT INTO public.entries VALUES ('e1', '11111111-1111-4111-8111-111111111111', 'k1', 'adele', 'applied', 0, 1, 2, 3, 1772442426123456, 'update', 'adele');
INSERT INTO public.entries VALUES ('e2', '11111111-1111-4111-8111-111111111111', 'k2', 'ben', 'refused', 0, 4, 5, 6, 1772442487123456, 'update', 'ben');
INSERT INTO public.entries VALUES ('e3', '11111111-1111-4111-8111-111111111111', 'k3', 'adele', 'applied', 0, 7, 8, 10, 1772442548123456, 'photo', 'adele');
INSERT INTO public.entries VALUES ('e4', '11111111-1111-4111-8111-111111111111', NULL, 'carla', 'unverified', 0, 11, 12, 13, 1772442610123456, 'update', 'carla');
INSERT INTO public.entries VALUES ('e5', '11111111-1111-4111-8111-111111111111', 'k5', 'dora', 'open', 1, 14, 15, 0, 1772442671123456, 'update', 'dora');
INSERT INTO public.entries VALUES ('e6', '22222222-2222-4222-8222-222222222222', 'k1', 'eve', 'applied', 0, 1, 2, 3, 1772442731123456, 'update', 'eve');
INSERT INTO public.heads VALUES ('11111111-1111-4111-8111-111111111111', 15, '\x0f4b6bc076e452e36c0c580b1242ea03b7585c935d94e22d4e6b8ebcb8dac688');
INSERT INTO public.heads VALUES ('22222222-2222-4222-8222-222222222222', 3, '\x78757b2d6e00b10a34a8dd912117d0bd1e9d92224e5396e97c6440f3b917283a');
INSERT INTO public.migrations VALUES (1, 'journal_and_access', 1772442366123456);
INSERT INTO public.migrations VALUES (2, 'history_of_everybody', 1772442366123456);
INSERT INTO public.migrations VALUES (3, 'keys', 1772442366123456);
INSERT INTO public.migrations VALUES (4, 'stops', 1772442366123456);
INSERT INTO public.migrations VALUES (5, 'stops_of_one', 1772442366123456);
INSERT INTO public.migrations VALUES (6, 'plans', 1772442366123456);
INSERT INTO public.migrations VALUES (7, 'runs', 1772442000123456);
INSERT INTO public.migrations VALUES (8, 'forgetting', 1772442000123456);
INSERT INTO public.migrations VALUES (9, 'uploads', 1772442000123456);
INSERT INTO public.migrations VALUES (10, 'mirror', 1772442000123456);
INSERT INTO public.plan_rows VALUES ('22222222-2222-4222-8222-222222222222', 'plan-1', 1, 'ready', ' update ', 'ben
ben@contoso.example', '{"Line":2,"On":{"Tenant":"22222222-2222-4222-8222-222222222222","ID":"ben"},"UPN":"ben@contoso.example","Name":"Ben","State":"ready","Steps":[{"Do":"update","Set":{"city":"Köln"},"Before":{"city":null}}]}', '', '');
INSERT INTO public.plans VALUES ('22222222-2222-4222-8222-222222222222', 'plan-1', 1772442366123456, 'cd', '{"ID":"plan-1","Tenant":"22222222-2222-4222-8222-222222222222","By":{"Kind":"host","Ref":{"Tenant":"","ID":""},"Name":"olga","Session":"","Roles":null,"Groups":null,"From":""},"Made":"2026-03-02T09:00:00.123456Z","File":"people.csv","Sum":"ab","About":{"Kind":"csv","Format":"own"},"Digest":"cd","Counts":{"Rows":1,"Ready":1,"Kinds":{"update":1}}}', '', '', '', 0);
INSERT INTO public.records VALUES ('11111111-1111-4111-8111-111111111111', 1, 1772442426123456, 'begin', 'e1', '{"ID":"e1","Seq":0,"Begun":"2026-03-02T09:07:06.123456Z","Ended":"0001-01-01T00:00:00Z","Attempt":{"Part":0,"Sent":false},"Change":{"ID":"e1","Key":"k1","On":{"Tenant":"11111111-1111-4111-8111-111111111111","ID":"adele"},"Do":"update","By":{"Kind":"person","Ref":{"Tenant":"11111111-1111-4111-8111-111111111111","ID":"adele"},"Name":"Zoë \"Z\" O''Neil 👋","Session":"s1","Roles":null,"Groups":null,"From":"192.0.2.7"},"Why":"typed\nin two lines","Names":{"on":"Zoë"},"Undoes":"","Asked":"asked1","Set":{"city":"Köln","skills":["Go","SQL"]},"Expect":{"city":null}},"Outcome":{"Entry":"","State":"open","At":"0001-01-01T00:00:00Z","Parts":[{"Names":["city","skills"],"As":{"Session":""},"State":"open","Problem":null}],"Before":{"city":"Ulm"},"After":null,"Conflicts":null,"Problem":null}}', '\x0000000000000000000000000000000000000000000000000000000000000000', '\x23b5cc5925c618284ebe036f5b956b47a63ca7e5290a3e1472c385d0f7fb4dab', NULL, NULL, 0);
INSERT INTO public.records VALUES ('11111111-1111-4111-8111-111111111111', 2, 1772442426123456, 'note', 'e1', '{"Parts":[{"Names":["city","skills"],"As":{"Session":""},"State":"open","Problem":null}],"Attempt":{"Part":0,"Sent":true}}', '\x23b5cc5925c618284ebe036f5b956b47a63ca7e5290a3e1472c385d0f7fb4dab', '\x702e765b80821639cc6f5ff6b294b837de736b695444eb44813eca7430770e7b', NULL, NULL, 0);
INSERT INTO public.records VALUES ('11111111-1111-4111-8111-111111111111', 3, 1772442427123456, 'end', 'e1', '{"Outcome":{"Entry":"e1","State":"applied","At":"2026-03-02T09:07:07.123456Z","Parts":null,"Before":null,"After":{"city":"Köln"},"Conflicts":null,"Problem":null},"Ended":"2026-03-02T09:07:07.123456Z"}', '\x702e765b80821639cc6f5ff6b294b837de736b695444eb44813eca7430770e7b', '\x1121670ae400f876653058f34fc5a92ede1876dbb13a3fd6c3ff068340aec057', NULL, NULL, 0);
INSERT INTO public.records VALUES ('11111111-1111-4111-8111-111111111111', 4, 1772442487123456, 'begin', 'e2', '{"ID":"e2","Seq":0,"Begun":"2026-03-02T09:08:07.123456Z","Ended":"0001-01-01T00:00:00Z","Attempt":{"Part":0,"Sent":false},"Change":{"ID":"e2","Key":"k2","On":{"Tenant":"11111111-1111-4111-8111-111111111111","ID":"ben"},"Do":"update","By":{"Kind":"person","Ref":{"Tenant":"11111111-1111-4111-8111-111111111111","ID":"ben"},"Name":"Zoë \"Z\" O''Neil 👋","Session":"s1","Roles":null,"Groups":null,"From":"192.0.2.7"},"Why":"typed\nin two lines","Names":{"on":"Zoë"},"Undoes":"","Asked":"asked2","Set":{"birthday":{"instant":"1990-01-02T00:00:00Z"},"city":null},"Expect":{"city":null}},"Outcome":{"Entry":"","State":"open","At":"0001-01-01T00:00:00Z","Parts":[{"Names":["birthday","city"],"As":{"Session":""},"State":"open","Problem":null}],"Before":{"city":"Ulm"},"After":null,"Conflicts":null,"Problem":null}}', '\x1121670ae400f876653058f34fc5a92ede1876dbb13a3fd6c3ff068340aec057', '\x3998ee4378e0dd0875a087030441cb520574764fd48af199077120164d39b191', NULL, NULL, 0);
INSERT INTO public.records VALUES ('11111111-1111-4111-8111-111111111111', 5, 1772442487123456, 'note', 'e2', '{"Parts":[{"Names":["birthday","city"],"As":{"Session":""},"State":"open","Problem":null}],"Attempt":{"Part":0,"Sent":true}}', '\x3998ee4378e0dd0875a087030441cb520574764fd48af199077120164d39b191', '\xef26df2cabe4704b94908bc582f70399fd3ce285723084e716bfcb94934dcac1', NULL, NULL, 0);
INSERT INTO public.records VALUES ('11111111-1111-4111-8111-111111111111', 6, 1772442488123456, 'end', 'e2', '{"Outcome":{"Entry":"e2","State":"refused","At":"2026-03-02T09:08:08.123456Z","Parts":null,"Before":null,"After":{"city":"Köln"},"Conflicts":null,"Problem":{"Op":"entra.update","Item":"","Kind":2,"Retry":0,"Code":"Authorization_RequestDenied","Ref":"r1","Say":{"Key":"Not %s.","Args":[{"Str":"here"}]}}},"Ended":"2026-03-02T09:08:08.123456Z"}', '\xef26df2cabe4704b94908bc582f70399fd3ce285723084e716bfcb94934dcac1', '\x719796160bb6b34e23541078247f7c293746e6507f3833657eb7c8d7a6b07c46', NULL, NULL, 0);
INSERT INTO public.records VALUES ('11111111-1111-4111-8111-111111111111', 7, 1772442548123456, 'begin', 'e3', '{"ID":"e3","Seq":0,"Begun":"2026-03-02T09:09:08.123456Z","Ended":"0001-01-01T00:00:00Z","Attempt":{"Part":0,"Sent":false},"Change":{"ID":"e3","Key":"k3","On":{"Tenant":"11111111-1111-4111-8111-111111111111","ID":"adele"},"Do":"photo","By":{"Kind":"person","Ref":{"Tenant":"11111111-1111-4111-8111-111111111111","ID":"adele"},"Name":"Zoë \"Z\" O''Neil 👋","Session":"s1","Roles":null,"Groups":null,"From":"192.0.2.7"},"Why":"typed\nin two lines","Names":{"on":"Zoë"},"Undoes":"","Asked":"asked3","Set":null,"Expect":{"city":null},"Photo":"32461d5bd1773012acef0ba15636752949bd7c2ce50f9172159d9f56cf0dd9af"},"Outcome":{"Entry":"","State":"open","At":"0001-01-01T00:00:00Z","Parts":[{"Names":["photo"],"As":{"Session":""},"State":"open","Problem":null}],"Before":{"city":"Ulm"},"After":null,"Conflicts":null,"Problem":null}}', '\x719796160bb6b34e23541078247f7c293746e6507f3833657eb7c8d7a6b07c46', '\xa2ec1ae5203fd794eaadbf27fb214b7209406b4adf3361dca66267d366d31cb4', NULL, NULL, 0);
INSERT INTO public.records VALUES ('11111111-1111-4111-8111-111111111111', 8, 1772442548123456, 'note', 'e3', '{"Parts":[{"Names":["photo"],"As":{"Session":""},"State":"open","Problem":null}],"Attempt":{"Part":0,"Sent":true}}', '\xa2ec1ae5203fd794eaadbf27fb214b7209406b4adf3361dca66267d366d31cb4', '\xa048a36c23d2557ecfb34760c9f8fdde481eb7071553ce4fcb931f633b1ecc6c', NULL, NULL, 0);
INSERT INTO public.records VALUES ('11111111-1111-4111-8111-111111111111', 9, 1772442549123456, 'end', 'e3', '{"Outcome":{"Entry":"e3","State":"unverified","At":"2026-03-02T09:09:09.123456Z","Parts":null,"Before":null,"After":{"city":"Köln"},"Conflicts":null,"Problem":null},"Ended":"2026-03-02T09:09:09.123456Z"}', '\xa048a36c23d2557ecfb34760c9f8fdde481eb7071553ce4fcb931f633b1ecc6c', '\xe426fcffdc87796415a691185baa3eaebfecfbc113595e395b0d31a0c6f6d81a', NULL, NULL, 0);
INSERT INTO public.records VALUES ('11111111-1111-4111-8111-111111111111', 10, 1772442550123456, 'end', 'e3', '{"Outcome":{"Entry":"e3","State":"applied","At":"2026-03-02T09:09:10.123456Z","Parts":null,"Before":null,"After":{"city":"Köln"},"Conflicts":null,"Problem":null},"Ended":"2026-03-02T09:09:10.123456Z"}', '\xe426fcffdc87796415a691185baa3eaebfecfbc113595e395b0d31a0c6f6d81a', '\xceeaaeecc8b917fae996e1be15f08f54560e57c81bb43c2d6c660f060996cb64', NULL, NULL, 0);
INSERT INTO public.records VALUES ('11111111-1111-4111-8111-111111111111', 11, 1772442610123456, 'begin', 'e4', '{"ID":"e4","Seq":0,"Begun":"2026-03-02T09:10:10.123456Z","Ended":"0001-01-01T00:00:00Z","Attempt":{"Part":0,"Sent":false},"Change":{"ID":"e4","Key":"","On":{"Tenant":"11111111-1111-4111-8111-111111111111","ID":"carla"},"Do":"update","By":{"Kind":"person","Ref":{"Tenant":"11111111-1111-4111-8111-111111111111","ID":"carla"},"Name":"Zoë \"Z\" O''Neil 👋","Session":"s1","Roles":null,"Groups":null,"From":"192.0.2.7"},"Why":"typed\nin two lines","Names":{"on":"Zoë"},"Undoes":"","Asked":"asked4","Set":{"city":"Bonn"},"Expect":{"city":null}},"Outcome":{"Entry":"","State":"open","At":"0001-01-01T00:00:00Z","Parts":[{"Names":["city"],"As":{"Session":""},"State":"open","Problem":null}],"Before":{"city":"Ulm"},"After":null,"Conflicts":null,"Problem":null}}', '\xceeaaeecc8b917fae996e1be15f08f54560e57c81bb43c2d6c660f060996cb64', '\x41233125882ec59a7098a7edb3a0c3a2b901b30dedc21d35298dc229eb9213a2', NULL, NULL, 0);
INSERT INTO public.records VALUES ('11111111-1111-4111-8111-111111111111', 12, 1772442610123456, 'note', 'e4', '{"Parts":[{"Names":["city"],"As":{"Session":""},"State":"open","Problem":null}],"Attempt":{"Part":0,"Sent":true}}', '\x41233125882ec59a7098a7edb3a0c3a2b901b30dedc21d35298dc229eb9213a2', '\x1dd0a0e0adee3887ad8a7cad8ae08656d4159dbe27399b2e0a7044e7ce02ada0', NULL, NULL, 0);
INSERT INTO public.records VALUES ('11111111-1111-4111-8111-111111111111', 13, 1772442611123456, 'end', 'e4', '{"Outcome":{"Entry":"e4","State":"unverified","At":"2026-03-02T09:10:11.123456Z","Parts":null,"Before":null,"After":{"city":"Köln"},"Conflicts":null,"Problem":null},"Ended":"2026-03-02T09:10:11.123456Z"}', '\x1dd0a0e0adee3887ad8a7cad8ae08656d4159dbe27399b2e0a7044e7ce02ada0', '\x887e8e3912f204b4598507f924cdce5beffce687920b7b342b869f10455bae60', NULL, NULL, 0);
INSERT INTO public.records VALUES ('11111111-1111-4111-8111-111111111111', 14, 1772442671123456, 'begin', 'e5', '{"ID":"e5","Seq":0,"Begun":"2026-03-02T09:11:11.123456Z","Ended":"0001-01-01T00:00:00Z","Attempt":{"Part":0,"Sent":false},"Change":{"ID":"e5","Key":"k5","On":{"Tenant":"11111111-1111-4111-8111-111111111111","ID":"dora"},"Do":"update","By":{"Kind":"person","Ref":{"Tenant":"11111111-1111-4111-8111-111111111111","ID":"dora"},"Name":"Zoë \"Z\" O''Neil 👋","Session":"s1","Roles":null,"Groups":null,"From":"192.0.2.7"},"Why":"typed\nin two lines","Names":{"on":"Zoë"},"Undoes":"","Asked":"asked5","Set":{"city":"Jena"},"Expect":{"city":null}},"Outcome":{"Entry":"","State":"open","At":"0001-01-01T00:00:00Z","Parts":[{"Names":["city"],"As":{"Session":""},"State":"open","Problem":null}],"Before":{"city":"Ulm"},"After":null,"Conflicts":null,"Problem":null}}', '\x887e8e3912f204b4598507f924cdce5beffce687920b7b342b869f10455bae60', '\x7c7259e04fc5bfd38c24948cdd31cd099b2ae144c4bee7e4d666fa511f3ad3d4', NULL, NULL, 0);
INSERT INTO public.records VALUES ('11111111-1111-4111-8111-111111111111', 15, 1772442671123456, 'note', 'e5', '{"Parts":[{"Names":["city"],"As":{"Session":""},"State":"open","Problem":null}],"Attempt":{"Part":0,"Sent":true}}', '\x7c7259e04fc5bfd38c24948cdd31cd099b2ae144c4bee7e4d666fa511f3ad3d4', '\x0f4b6bc076e452e36c0c580b1242ea03b7585c935d94e22d4e6b8ebcb8dac688', NULL, NULL, 0);
INSERT INTO public.records VALUES ('22222222-2222-4222-8222-222222222222', 1, 1772442731123456, 'begin', 'e6', '{"ID":"e6","Seq":0,"Begun":"2026-03-02T09:12:11.123456Z","Ended":"0001-01-01T00:00:00Z","Attempt":{"Part":0,"Sent":false},"Change":{"ID":"e6","Key":"k1","On":{"Tenant":"22222222-2222-4222-8222-222222222222","ID":"eve"},"Do":"update","By":{"Kind":"person","Ref":{"Tenant":"22222222-2222-4222-8222-222222222222","ID":"eve"},"Name":"Zoë \"Z\" O''Neil 👋","Session":"s1","Roles":null,"Groups":null,"From":"192.0.2.7"},"Why":"typed\nin two lines","Names":{"on":"Zoë"},"Undoes":"","Asked":"asked6","Set":{"city":"Wien"},"Expect":{"city":null}},"Outcome":{"Entry":"","State":"open","At":"0001-01-01T00:00:00Z","Parts":[{"Names":["city"],"As":{"Session":""},"State":"open","Problem":null}],"Before":{"city":"Ulm"},"After":null,"Conflicts":null,"Problem":null}}', '\x0000000000000000000000000000000000000000000000000000000000000000', '\xe221f9eb090e6f8f8d236e7d21fa3ebf176974c52dd3778445da7698b3710821', NULL, NULL, 0);
INSERT INTO public.records VALUES ('22222222-2222-4222-8222-222222222222', 2, 1772442731123456, 'note', 'e6', '{"Parts":[{"Names":["city"],"As":{"Session":""},"State":"open","Problem":null}],"Attempt":{"Part":0,"Sent":true}}', '\xe221f9eb090e6f8f8d236e7d21fa3ebf176974c52dd3778445da7698b3710821', '\x1db418360a190f34d4d78c4f76afa45c8cd10d68d8a3e872088401881a1c0050', NULL, NULL, 0);
INSERT INTO public.records VALUES ('22222222-2222-4222-8222-222222222222', 3, 1772442732123456, 'end', 'e6', '{"Outcome":{"Entry":"e6","State":"applied","At":"2026-03-02T09:12:12.123456Z","Parts":null,"Before":null,"After":{"city":"Köln"},"Conflicts":null,"Problem":null},"Ended":"2026-03-02T09:12:12.123456Z"}', '\x1db418360a190f34d4d78c4f76afa45c8cd10d68d8a3e872088401881a1c0050', '\x78757b2d6e00b10a34a8dd912117d0bd1e9d92224e5396e97c6440f3b917283a', NULL, NULL, 0);
INSERT INTO public.seal_keys VALUES ('aabbccdd');
INSERT INTO public.sessions VALUES ('5f', '11111111-1111-4111-8111-111111111111', 'adele', 'sid', '{}', 1, 2, 3, 4, 5, 0, '', '\x010203', 1);
INSERT INTO public.settings VALUES ('11111111-1111-4111-8111-111111111111', 'adele', 'de', 'dark');
INSERT INTO public.stops VALUES (1772442366123456, 'olga', 'a drill', 1772442426123456, 'olga', 'the drill is over', '');
INSERT INTO public.stops VALUES (1772442486123456, 'ben on this machine', 'an incident', 0, '', '', '');
INSERT INTO public.stops VALUES (1772442546123456, 'olga', 'one organization''s incident', 0, '', '', '22222222-2222-4222-8222-222222222222');
INSERT INTO public.visits VALUES ('11111111-1111-4111-8111-111111111111', 'adele', 1772442732123456, '{"city":"Köln"}');
ALTER TABLE ONLY public.answers
    ADD CONSTRAINT answers_pkey PRIMARY KEY (tenant, actor, key);
ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_hash_key UNIQUE (hash);
ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.attempts
    ADD CONSTRAINT attempts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.blobs
    ADD CONSTRAINT blobs_pkey PRIMARY KEY (tenant, sum);
ALTER TABLE ONLY public.entries
    ADD CONSTRAINT entries_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.entries
    ADD CONSTRAINT entries_tenant_key_key UNIQUE (tenant, key);
ALTER TABLE ONLY public.heads
    ADD CONSTRAINT heads_pkey PRIMARY KEY (tenant);
ALTER TABLE ONLY public.leavers
    ADD CONSTRAINT leavers_pkey PRIMARY KEY (tenant, object);
ALTER TABLE ONLY public.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (number);
ALTER TABLE ONLY public.mirror_events
    ADD CONSTRAINT mirror_events_pkey PRIMARY KEY (tenant, seq);
ALTER TABLE ONLY public.mirror_groups
    ADD CONSTRAINT mirror_groups_pkey PRIMARY KEY (tenant, id);
ALTER TABLE ONLY public.mirror_members
    ADD CONSTRAINT mirror_members_pkey PRIMARY KEY (tenant, grp, id);
ALTER TABLE ONLY public.mirror_people
    ADD CONSTRAINT mirror_people_pkey PRIMARY KEY (tenant, id);
ALTER TABLE ONLY public.mirror_products
    ADD CONSTRAINT mirror_products_pkey PRIMARY KEY (tenant, id);
ALTER TABLE ONLY public.mirror_seen
    ADD CONSTRAINT mirror_seen_pkey PRIMARY KEY (tenant, part, n);
ALTER TABLE ONLY public.mirror_states
    ADD CONSTRAINT mirror_states_pkey PRIMARY KEY (tenant);
ALTER TABLE ONLY public.plan_rows
    ADD CONSTRAINT plan_rows_pkey PRIMARY KEY (tenant, plan, number);
ALTER TABLE ONLY public.plans
    ADD CONSTRAINT plans_pkey PRIMARY KEY (tenant, id);
ALTER TABLE ONLY public.records
    ADD CONSTRAINT records_pkey PRIMARY KEY (tenant, seq);
ALTER TABLE ONLY public.seal_keys
    ADD CONSTRAINT seal_keys_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.settings
    ADD CONSTRAINT settings_pkey PRIMARY KEY (tenant, object);
ALTER TABLE ONLY public.stashes
    ADD CONSTRAINT stashes_pkey PRIMARY KEY (session);
ALTER TABLE ONLY public.uploads
    ADD CONSTRAINT uploads_pkey PRIMARY KEY (tenant, id, part);
ALTER TABLE ONLY public.visits
    ADD CONSTRAINT visits_pkey PRIMARY KEY (tenant, object);
CREATE INDEX answers_begun ON public.answers USING btree (begun);
CREATE INDEX api_keys_tenant ON public.api_keys USING btree (tenant, made);
CREATE INDEX entries_actor ON public.entries USING btree (tenant, actor, begin_seq);
CREATE INDEX entries_all ON public.entries USING btree (tenant, begin_seq);
CREATE INDEX entries_object ON public.entries USING btree (tenant, object, begin_seq);
CREATE UNIQUE INDEX entries_open ON public.entries USING btree (tenant, object) WHERE (open = 1);
CREATE INDEX entries_unsettled ON public.entries USING btree (begun) WHERE (state = ANY (ARRAY['open'::text, 'unverified'::text]));
CREATE INDEX mirror_events_of ON public.mirror_events USING btree (tenant, id, seq);
CREATE INDEX mirror_member_of ON public.mirror_members USING btree (tenant, id);
CREATE INDEX mirror_reports ON public.mirror_people USING btree (tenant, manager);
CREATE INDEX plans_by_time ON public.plans USING btree (tenant, made);
CREATE INDEX records_entry ON public.records USING btree (tenant, entry, seq);
CREATE INDEX sessions_person ON public.sessions USING btree (tenant, object);
CREATE INDEX sessions_sid ON public.sessions USING btree (tenant, sid) WHERE (sid <> ''::text);
CREATE UNIQUE INDEX stops_in_force ON public.stops USING btree (tenant) WHERE (until = 0);
CREATE INDEX uploads_by_person ON public.uploads USING btree (tenant, object, until);
CREATE TRIGGER records_last BEFORE DELETE OR TRUNCATE ON public.records FOR EACH STATEMENT EXECUTE FUNCTION public.records_stay();
CREATE TRIGGER records_stay BEFORE UPDATE ON public.records FOR EACH ROW EXECUTE FUNCTION public.records_forget();

SET search_path = public;
-- Passwords of people who were created, sealed, until somebody was shown them once. id is that of the entry, or of a row of a plan.
CREATE TABLE secrets (
	tenant TEXT NOT NULL,
	id     TEXT NOT NULL,
	sealed BYTEA NOT NULL,
	until  BIGINT NOT NULL,
	PRIMARY KEY (tenant, id)
);
INSERT INTO public.migrations VALUES (11, 'secrets', 1772442000123456);

SET search_path = public;
-- How much of the write quota of a tenant is used, shared by all processes. used and quota are writes, at is when used was so.
CREATE TABLE paces (
	tenant TEXT PRIMARY KEY,
	used   DOUBLE PRECISION NOT NULL,
	quota  DOUBLE PRECISION NOT NULL,
	at     BIGINT NOT NULL
);
INSERT INTO public.migrations VALUES (12, 'paces', 1772442000123456);

SET search_path = public;
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
INSERT INTO public.migrations VALUES (13, 'words', 1772442000123456);
