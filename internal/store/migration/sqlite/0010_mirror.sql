-- The copy of directories. It may be lost at any time and is read anew then; docs/decisions says why it stands beside the journal.
CREATE TABLE mirror_states (
	tenant  TEXT NOT NULL PRIMARY KEY,
	version INTEGER NOT NULL,
	data    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What a full reading has told of, page by page: ids one after the other.
CREATE TABLE mirror_seen (
	tenant TEXT NOT NULL,
	part   TEXT NOT NULL,
	n      INTEGER NOT NULL,
	data   BLOB NOT NULL,
	PRIMARY KEY (tenant, part, n)
) STRICT, WITHOUT ROWID;

-- manager is an object id, '' is nobody, NULL is not known yet. gone is '', deleted, purged or outside.
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
CREATE INDEX mirror_reports ON mirror_people (tenant, manager);

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
CREATE INDEX mirror_member_of ON mirror_members (tenant, id);

CREATE TABLE mirror_products (
	tenant TEXT NOT NULL,
	id     TEXT NOT NULL,
	doc    TEXT NOT NULL,
	PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

-- Each difference between copy and directory, noticed between after and at (microseconds).
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
CREATE INDEX mirror_events_of ON mirror_events (tenant, id, seq);

-- For others to read, with names that stay: docs/guide/database.md.
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
