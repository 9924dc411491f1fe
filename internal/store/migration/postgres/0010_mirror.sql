-- The copy of directories. It may be lost at any time and is read anew then; docs/decisions says why it stands beside the journal.
CREATE TABLE mirror_states (
	tenant  TEXT NOT NULL PRIMARY KEY,
	version BIGINT NOT NULL,
	data    TEXT NOT NULL
);

-- What a full reading has told of, page by page: ids one after the other.
CREATE TABLE mirror_seen (
	tenant TEXT NOT NULL,
	part   TEXT NOT NULL,
	n      BIGINT NOT NULL,
	data   BYTEA NOT NULL,
	PRIMARY KEY (tenant, part, n)
);

-- manager is an object id, '' is nobody, NULL is not known yet. gone is '', deleted, purged or outside.
CREATE TABLE mirror_people (
	tenant  TEXT NOT NULL,
	id      TEXT NOT NULL,
	upn     TEXT NOT NULL,
	name    TEXT NOT NULL,
	doc     TEXT NOT NULL,
	manager TEXT,
	gone    TEXT NOT NULL DEFAULT '',
	since   BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (tenant, id)
);
CREATE INDEX mirror_reports ON mirror_people (tenant, manager);

CREATE TABLE mirror_groups (
	tenant TEXT NOT NULL,
	id     TEXT NOT NULL,
	name   TEXT NOT NULL,
	doc    TEXT NOT NULL,
	gone   TEXT NOT NULL DEFAULT '',
	since  BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (tenant, id)
);

CREATE TABLE mirror_members (
	tenant TEXT NOT NULL,
	grp    TEXT NOT NULL,
	id     TEXT NOT NULL,
	kind   TEXT NOT NULL,
	PRIMARY KEY (tenant, grp, id)
);
CREATE INDEX mirror_member_of ON mirror_members (tenant, id);

CREATE TABLE mirror_products (
	tenant TEXT NOT NULL,
	id     TEXT NOT NULL,
	doc    TEXT NOT NULL,
	PRIMARY KEY (tenant, id)
);

-- Each difference between copy and directory, noticed between after and at (microseconds).
CREATE TABLE mirror_events (
	tenant TEXT NOT NULL,
	seq    BIGINT NOT NULL,
	after  BIGINT NOT NULL,
	at     BIGINT NOT NULL,
	object TEXT NOT NULL,
	id     TEXT NOT NULL,
	who    TEXT NOT NULL,
	name   TEXT NOT NULL,
	what   TEXT NOT NULL,
	diff   TEXT NOT NULL,
	cause  TEXT NOT NULL,
	PRIMARY KEY (tenant, seq)
);
CREATE INDEX mirror_events_of ON mirror_events (tenant, id, seq);

-- For others to read, with names that stay: docs/guide/database.md.
CREATE VIEW people AS SELECT
	tenant,
	id,
	upn AS user_principal_name,
	name AS display_name,
	doc::jsonb ->> 'mail' AS mail,
	doc::jsonb ->> 'givenName' AS given_name,
	doc::jsonb ->> 'surname' AS surname,
	doc::jsonb ->> 'jobTitle' AS job_title,
	doc::jsonb ->> 'department' AS department,
	doc::jsonb ->> 'companyName' AS company_name,
	doc::jsonb ->> 'employeeId' AS employee_id,
	doc::jsonb ->> 'employeeType' AS employee_type,
	doc::jsonb ->> 'officeLocation' AS office_location,
	doc::jsonb ->> 'streetAddress' AS street_address,
	doc::jsonb ->> 'city' AS city,
	doc::jsonb ->> 'state' AS state,
	doc::jsonb ->> 'postalCode' AS postal_code,
	doc::jsonb ->> 'country' AS country,
	doc::jsonb ->> 'usageLocation' AS usage_location,
	doc::jsonb ->> 'preferredLanguage' AS preferred_language,
	doc::jsonb ->> 'mobilePhone' AS mobile_phone,
	doc::jsonb ->> 'userType' AS user_type,
	doc::jsonb ->> 'createdDateTime' AS created_date_time,
	coalesce((doc::jsonb ->> 'accountEnabled')::boolean, false) AS account_enabled,
	coalesce((doc::jsonb ->> 'onPremisesSyncEnabled')::boolean, false) AS synced,
	nullif(manager, '') AS manager_id,
	gone,
	CASE WHEN since > 0 THEN to_timestamp(since / 1000000.0) END AS gone_since,
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
	doc::jsonb ->> 'description' AS description,
	doc::jsonb ->> 'mail' AS mail,
	coalesce((doc::jsonb ->> 'securityEnabled')::boolean, false) AS security_enabled,
	coalesce((doc::jsonb ->> 'mailEnabled')::boolean, false) AS mail_enabled,
	doc::jsonb ->> 'membershipRule' AS membership_rule,
	gone,
	CASE WHEN since > 0 THEN to_timestamp(since / 1000000.0) END AS gone_since,
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
	lower(l.value ->> 'skuId') AS sku_id, k.doc::jsonb ->> 'skuPartNumber' AS sku_part_number, k.doc::jsonb ->> 'name' AS product,
	(l.value -> 'disabledPlans')::text AS disabled_plans
FROM mirror_people p CROSS JOIN LATERAL jsonb_array_elements(coalesce(p.doc::jsonb -> 'assignedLicenses', '[]'::jsonb)) AS l(value)
	LEFT JOIN mirror_products k ON k.tenant = p.tenant AND k.id = lower(l.value ->> 'skuId')
WHERE p.gone = '';

CREATE VIEW changes AS SELECT
	tenant, seq, to_timestamp(after / 1000000.0) AS after, to_timestamp(at / 1000000.0) AS noticed, object, id, nullif(who, '') AS member_id, name AS display_name, what, diff AS properties,
	nullif(cause, '') AS entry
FROM mirror_events;
