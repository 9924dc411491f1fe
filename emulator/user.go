package emulator

import (
	"encoding/json"
	"slices"
	"strings"

	"nameplate/internal/property"
)

// userEntity: https://learn.microsoft.com/en-us/graph/api/resources/user. What may be written into a user, and by whom, is
// property.Facts.
func userEntity() *entity {
	return &entity{
		set: "users", name: "user", title: "User", props: userProps, delta: true,
		found: []string{"displayName", "mail", "userPrincipalName"}, basic: basicNames,
		soft: func(*object) bool { return true },
		find: func(d *directory, key string) *object { return d.byUPN[strings.ToLower(key)] },
		keys: map[string]func(*directory, string) *object{
			"userprincipalname": func(d *directory, key string) *object { return d.byUPN[strings.ToLower(key)] },
		},
		rels:      userRelations(),
		sees:      (*call).sees,
		maySelect: func(c *call, name string) bool { return c.p.maySelect(name) },
		routes:    (*call).userRoutes,
		decode:    (*directory).decodeUser,
		factsOf:   (*directory).factsOfUser,
		mayCreate: (*call).mayCreateUser,
		mayPatch: func(c *call, u *object, edits []edit) error {
			for _, e := range edits {
				if err := c.mayEdit(u, e); err != nil {
					return err
				}
			}
			return nil
		},
		mayDelete: func(c *call, u *object) error {
			if !c.p.holds(deleteUsers...) && !c.p.asUser() || !c.mayTouch(u, changeSensitive) || c.p.self(u) {
				return denied()
			}
			return c.mayManageRestricted(u)
		},
		mayRestore: func(c *call, u *object) error {
			if !c.p.holds(deleteUsers...) && !c.p.asUser() || u != nil && !c.mayTouch(u, changeSensitive) {
				return denied()
			}
			return nil
		},
		checkAll: (*call).checkUser,
		prepare:  (*call).prepareUser,
		settle:   (*call).settleUser,
		clash:    (*directory).clashUser,
		indexed:  []int{pUPN, pMail, pProxies},
		index:    (*directory).indexUser,
		wrote:    (*call).wroteUser,
		written:  func(c *call, u *object, changed []int) { c.e.regroup(c.t, u, changed) },
		deleting: (*call).deletingUser, restoring: (*call).restoringUser, restored: (*call).restoredUser,
	}
}

// userProps are the properties of a user: what the v1.0 CSDL (msgraph-metadata, August 2026) has. Operators are those of
// property.Facts; for what is not in the catalog they stand here, from the property texts of @microsoft/microsoft-graph-types 2.43.1.
var userProps = []prop{
	{name: "id", shown: true},
	{name: "businessPhones", typ: edmTexts, shown: true},
	{name: "displayName", shown: true, order: true, search: true},
	{name: "givenName", shown: true},
	{name: "jobTitle", shown: true},
	{name: "mail", shown: true},
	{name: "mobilePhone", shown: true},
	{name: "officeLocation", shown: true},
	{name: "preferredLanguage", shown: true},
	{name: "surname", shown: true},
	{name: "userPrincipalName", shown: true, order: true},
	{name: "accountEnabled", typ: edmBool},
	{name: "ageGroup"},
	{name: "assignedLicenses", typ: edmObjects},
	{name: "assignedPlans", typ: edmObjects, ops: "eq", adv: "not"},
	{name: "city"},
	{name: "companyName"},
	{name: "consentProvidedForMinor"},
	{name: "country"},
	{name: "createdDateTime", typ: edmInstant, sorts: true},
	{name: "creationType"},
	{name: "customSecurityAttributes", typ: edmObject},
	{name: "deletedDateTime", typ: edmInstant, sorts: true, ops: "eq ge le", adv: "ne not in"},
	{name: "department"},
	{name: "employeeHireDate", typ: edmInstant},
	{name: "employeeId"},
	{name: "employeeLeaveDateTime", typ: edmInstant},
	{name: "employeeOrgData", typ: edmObject, adv: "eq ne not ge le in"},
	{name: "employeeType"},
	{name: "externalUserState"},
	{name: "externalUserStateChangeDateTime", typ: edmInstant, ops: "eq", adv: "ne not in"},
	{name: "faxNumber"},
	{name: "identities", typ: edmObjects},
	{name: "imAddresses", typ: edmTexts},
	{name: "isResourceAccount", typ: edmBool},
	{name: "lastPasswordChangeDateTime", typ: edmInstant},
	{name: "legalAgeGroupClassification"},
	{name: "licenseAssignmentStates", typ: edmObjects, untold: true},
	{name: "mailNickname"},
	{name: "onPremisesDistinguishedName"},
	{name: "onPremisesDomainName"},
	{name: "onPremisesExtensionAttributes", typ: edmObject, adv: "eq ne not in n", blank: noExtensionAttributes()},
	{name: "onPremisesImmutableId"},
	{name: "onPremisesLastSyncDateTime", typ: edmInstant},
	{name: "onPremisesProvisioningErrors", typ: edmObjects, adv: "eq not ge le"},
	{name: "onPremisesSamAccountName"},
	{name: "onPremisesSecurityIdentifier"},
	{name: "onPremisesSyncEnabled", typ: edmBool},
	{name: "onPremisesUserPrincipalName"},
	{name: "otherMails", typ: edmTexts},
	{name: "passwordPolicies"},
	{name: "passwordProfile", typ: edmObject}, // never kept in a record, so it reads as null,
	{name: "postalCode"},
	{name: "preferredDataLocation"},
	{name: "provisionedPlans", typ: edmObjects, ops: "eq", adv: "not"},
	{name: "proxyAddresses", typ: edmTexts},
	{name: "securityIdentifier"},
	{name: "serviceProvisioningErrors", typ: edmObjects, ops: "eq", adv: "not"},
	{name: "showInAddressList", typ: edmBool},
	{name: "signInActivity", typ: edmObject},
	{name: "signInSessionsValidFromDateTime", typ: edmInstant},
	{name: "state"},
	{name: "streetAddress"},
	{name: "usageLocation"},
	{name: "userType"},
	{name: "isManagementRestricted", typ: edmBool},
	{name: "aboutMe", single: true},
	{name: "birthday", typ: edmInstant, single: true, blank: `"0001-01-01T00:00:00Z"`},
	{name: "hireDate", typ: edmInstant, single: true, blank: `"0001-01-01T00:00:00Z"`},
	{name: "interests", typ: edmTexts, single: true},
	{name: "mailboxSettings", typ: edmObject, single: true},
	{name: "mySite", single: true},
	{name: "pastProjects", typ: edmTexts, single: true},
	{name: "preferredName", single: true},
	{name: "responsibilities", typ: edmTexts, single: true},
	{name: "schools", typ: edmTexts, single: true},
	{name: "skills", typ: edmTexts, single: true},
}

// noExtensionAttributes is how the service writes the fifteen when none is set.
func noExtensionAttributes() string {
	var b strings.Builder
	b.WriteByte('{')
	for i := range 15 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + extensionAttribute(i) + `":null`)
	}
	b.WriteByte('}')
	return b.String()
}

func extensionAttribute(i int) string {
	return "extensionAttribute" + [...]string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"}[i]
}

// The properties that the code itself speaks of.
var (
	pName         = propNumber(userProps, "displayName")
	pGiven        = propNumber(userProps, "givenName")
	pSurname      = propNumber(userProps, "surname")
	pJob          = propNumber(userProps, "jobTitle")
	pMail         = propNumber(userProps, "mail")
	pUPN          = propNumber(userProps, "userPrincipalName")
	pEnabled      = propNumber(userProps, "accountEnabled")
	pCreated      = propNumber(userProps, "createdDateTime")
	pProxies      = propNumber(userProps, "proxyAddresses")
	pIdentities   = propNumber(userProps, "identities")
	pSync         = propNumber(userProps, "onPremisesSyncEnabled")
	pLastSync     = propNumber(userProps, "onPremisesLastSyncDateTime")
	pImmutable    = propNumber(userProps, "onPremisesImmutableId")
	pExtension    = propNumber(userProps, "onPremisesExtensionAttributes")
	pOrgData      = propNumber(userProps, "employeeOrgData")
	pSecurity     = propNumber(userProps, "customSecurityAttributes")
	pUserType     = propNumber(userProps, "userType")
	pValidFrom    = propNumber(userProps, "signInSessionsValidFromDateTime")
	pPasswordTime = propNumber(userProps, "lastPasswordChangeDateTime")
	pPassword     = propNumber(userProps, "passwordProfile")
	pLicenses     = propNumber(userProps, "assignedLicenses")
	pPlans        = propNumber(userProps, "assignedPlans")
	pStates       = propNumber(userProps, "licenseAssignmentStates")
	pUsage        = propNumber(userProps, "usageLocation")
	pExternal     = propNumber(userProps, "externalUserState")
	pExternalTime = propNumber(userProps, "externalUserStateChangeDateTime")
)

// learn takes operators from the facts, and gives the properties that follow from others their source.
func (t *table) learn(facts map[string]property.Facts) {
	for i := range t.props {
		p := &t.props[i]
		if f, ok := facts[strings.ToLower(p.name)]; ok && f.Filter+f.Advanced != "" {
			p.ops, p.adv = f.Filter, f.Advanced
		}
		switch p.name {
		case "identities":
			p.derive = identitiesOf
		case "proxyAddresses":
			p.derive = func(o *object) string { return addressesOf(o.rec) }
		case "mailNickname":
			p.derive = nicknameOf
		case "signInSessionsValidFromDateTime", "lastPasswordChangeDateTime":
			p.derive = func(o *object) string { return o.rec.get(pCreated) }
		case "accountEnabled", "displayName", "passwordProfile", "userPrincipalName":
			p.must = true
		}
	}
	t.props[t.prop("mailNickname")].must = true
	t.shown = t.selection(slices.Clone(t.shown.props))
}

// identitiesOf is the one identity of a person who has no others: the user principal name.
func identitiesOf(o *object) string {
	upn := o.upn()
	_, domain, _ := strings.Cut(upn, "@")
	b := append([]byte(nil), `[{"signInType":"userPrincipalName","issuer":`...)
	b = appendText(b, domain)
	b = append(b, `,"issuerAssignedId":`...)
	b = appendText(b, upn)
	return string(append(b, "}]"...))
}

// addressesOf is the primary address of a person who has no others.
func addressesOf(r record) string {
	mail := unquote(r.get(pMail))
	if mail == "" {
		return ""
	}
	return string(append(appendText([]byte{'['}, "SMTP:"+mail), ']'))
}

func nicknameOf(o *object) string {
	nick, _, _ := strings.Cut(o.upn(), "@")
	return string(appendText(nil, nick))
}

// userRoutes answers what follows a person's key.
func (c *call) userRoutes(key string, n int) (bool, error) {
	last := len(c.seg) == n+1
	switch strings.ToLower(c.seg[n]) {
	case "manager":
		if last || len(c.seg) == n+2 && c.is(n+1, "$ref") {
			return true, c.managerOf(key, !last)
		}
	case "photo", "photos":
		return c.photoRoutes(c.t.dir.users, key, n)
	case "extensions":
		if len(c.seg) <= n+2 {
			return true, c.openExtensions(key, n+1)
		}
	case "changepassword", "microsoft.graph.changepassword":
		if last {
			return true, c.changePassword(key)
		}
	case "licensedetails":
		if last {
			return true, c.licenseDetails(key)
		}
	case "scopedrolememberof":
		return true, c.scopedRoleMembers(c.t.dir.users, key, n)
	case "assignlicense", "microsoft.graph.assignlicense":
		if last {
			return true, c.assignLicense(key)
		}
	case "reprocesslicenseassignment", "microsoft.graph.reprocesslicenseassignment":
		if last {
			return true, c.postAbout(key, c.reprocessLicenses)
		}
	case "sendmail", "microsoft.graph.sendmail":
		if last {
			return true, c.sendMail(key)
		}
	case "revokesigninsessions", "microsoft.graph.revokesigninsessions":
		if last {
			return true, c.postAbout(key, c.revokeSessions)
		}
	}
	return false, nil
}

// userRelations: https://learn.microsoft.com/en-us/graph/api/user-list-memberof, user-list-transitivememberof,
// user-list-directreports, user-list-ownedobjects. The manager's requests are in manager.go.
func userRelations() []relation {
	mayMemberOf := func(c *call, u *object) error {
		allowed := c.p.holds("Directory.Read.All", "Directory.ReadWrite.All") || c.p.asUser()
		if c.p.delegated() {
			allowed = allowed || c.p.self(u) && c.p.holds("User.Read", "User.ReadWrite") || c.p.holds("GroupMember.Read.All", "User.Read.All", "User.ReadWrite.All")
		}
		if !allowed {
			return denied()
		}
		return nil
	}
	return []relation{
		{name: "manager", types: []string{"user"}, one: true, bind: 1, list: func(_ *directory, u *object) []*object {
			if u.manager == nil {
				return nil
			}
			return []*object{u.manager}
		}, may: (*call).mayManager},
		{name: "directReports", types: []string{"user"}, list: func(d *directory, u *object) []*object {
			reports := slices.Clone(d.reports[u])
			sortByOrd(reports)
			return reports
		}, may: func(c *call, u *object) error {
			if own := c.p.self(u) && c.p.holds("User.Read", "User.ReadWrite"); !own && !c.p.holds(readUsers...) && !c.p.asUser() {
				return denied()
			}
			return nil
		}},
		{name: "memberOf", types: holders, bond: "members", also: "units", back: true, may: mayMemberOf, hides: (*call).hidesMembership},
		{name: "transitiveMemberOf", types: holders, bond: "members", also: "units", back: true, deep: true, may: mayMemberOf, hides: (*call).hidesMembership},
		{name: "ownedObjects", types: []string{"group", "application", "servicePrincipal"}, bond: "owners", back: true, may: func(c *call, u *object) error {
			if own := c.p.self(u) && c.p.holds("User.Read", "User.ReadWrite"); !own && !c.p.holds(readUsers...) && !c.p.asUser() {
				return denied()
			}
			return nil
		}},
		assignmentsTo("principalId", "appRoleAssignments"),
		grantsOf("principalId"),
	}
}

// indexUser keeps a user's names and addresses.
func (d *directory) indexUser(u *object, add bool) {
	key := strings.ToLower(u.upn())
	put(d.byUPN, key, u, add)
	for _, a := range addresses(u.rec) {
		if !add || a != key {
			put(d.byMail, a, u, add)
		}
	}
}

// decodeUser reads a value of a property of a user that is not of a plain type.
func (d *directory) decodeUser(i int, raw json.RawMessage, old string, strict bool) (string, bool) {
	p := &d.users.props[i]
	switch i {
	case pOrgData:
		return decodeMembers(raw, "", []string{"division", "costCenter"})
	case pSecurity:
		return d.decodeSecurity(raw, old, strict)
	case pExtension:
		names := make([]string, 15)
		for n := range names {
			names[n] = extensionAttribute(n)
		}
		j, ok := decodeMembers(raw, old, names)
		if ok && j == "null" {
			j = p.blank
		}
		return j, ok
	}
	return decodeType(p.typ, raw)
}
