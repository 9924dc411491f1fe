package emulator

import (
	"encoding/json"
	"slices"
	"strings"
)

func (c *call) mayEdit(u *object, e edit) error {
	if !c.p.self(u) { // of their own what people may write anyway; assumed
		if err := c.mayManageRestricted(u); err != nil {
			return err
		}
	}
	for _, f := range e.facts {
		if g := c.mayWrite(u, e.name, f); g != nil {
			return g
		}
	}
	return nil
}

// locked says whether directory sync keeps the cloud from writing a property. Texts:
// https://github.com/microsoftgraph/microsoft-graph-docs/issues/7301 for a synced person,
// https://github.com/microsoftgraph/msgraph-sdk-php/issues/292 for one who was: the extension attributes then belong to Exchange
// (https://learn.microsoft.com/en-us/graph/api/resources/onpremisesextensionattributes).
func locked(u *object, e edit) error {
	for _, f := range e.facts {
		if u.synced() && f.SyncLocked {
			return masteredElsewhere()
		}
	}
	if u.onceSynced() && e.prop == pExtension {
		return badRequest("Unable to update the specified properties for objects that have originated within an external service.")
	}
	return nil
}

func masteredElsewhere() *graphError {
	return badRequest("Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration.")
}

// clashUser refuses a name or address that somebody else has. The conflict is 400, not 409, with details:
// https://github.com/microsoftgraph/microsoft-graph-docs/issues/1508
func (d *directory) clashUser(u *object, rec record) error {
	if upn := rec.get(pUPN); u == nil || upn != u.rec.get(pUPN) {
		if other := d.byUPN[strings.ToLower(unquote(upn))]; other != nil && other != u {
			return conflict("userPrincipalName")
		}
	}
	if u == nil || rec.get(pMail) != u.rec.get(pMail) || rec.get(pProxies) != u.rec.get(pProxies) {
		for _, a := range addresses(rec) {
			if other := d.holder(a); other != nil && other != u {
				return conflict("proxyAddresses")
			}
		}
	}
	return nil
}

func conflict(name string) error {
	g := badRequest("Another object with the same value for property %s already exists.", name)
	g.details = []errorDetail{{"ObjectConflict", g.message, name}}
	return g
}

// withPrimary is the list of proxy addresses after mail became the primary one, "" when that is the only one.
func withPrimary(r record, mail string) string {
	old := r.get(pProxies)
	if old == "" {
		old = addressesOf(r)
	}
	list := []string{}
	if mail != "" {
		list = append(list, "SMTP:"+mail)
	}
	for _, a := range texts(old) {
		kind, address, _ := strings.Cut(a, ":")
		switch {
		case strings.EqualFold(address, mail):
		case kind == "SMTP":
			list = append(list, "smtp:"+address)
		default:
			list = append(list, a)
		}
	}
	if len(list) == 1 && mail != "" {
		return ""
	}
	b, _ := json.Marshal(list) // texts
	return string(b)
}

type passwordProfile struct {
	Password    string `json:"password"`
	Force       *bool  `json:"forceChangePasswordNextSignIn"`
	ForceStrong *bool  `json:"forceChangePasswordNextSignInWithMfa"`
}

// force is false unless the request asks for it: https://learn.microsoft.com/en-us/graph/api/resources/passwordprofile
func (p passwordProfile) force() bool {
	return p.Force != nil && *p.Force || p.ForceStrong != nil && *p.ForceStrong
}

// needsAnchor: a person in a federated domain is made with an onPremisesImmutableId
// (https://learn.microsoft.com/en-us/graph/api/user-update).
func (c *call) needsAnchor(edits []edit) error {
	federated, anchored := false, false
	for _, e := range edits {
		switch e.prop {
		case pUPN:
			_, domain, _ := strings.Cut(unquote(e.json), "@")
			d := c.t.domain(domain)
			federated = d != nil && d.Federated
		case pImmutable:
			anchored = e.json != "null"
		}
	}
	if federated && !anchored {
		return badRequest("A value is required for property 'onPremisesImmutableId' of resource 'User'.")
	}
	return nil
}

func (c *call) mayCreateUser(map[string]json.RawMessage) error {
	if !c.p.holds(createUsers...) && !c.p.asUser() || c.p.delegated() && !c.p.hasRole(globalAdmin, userAdmin, directoryWriter) {
		return denied()
	}
	return nil
}

// prepareUser refuses what a new person cannot have.
func (c *call) prepareUser(u *object, edits []edit) ([]edit, error) {
	if err := c.needsAnchor(edits); err != nil {
		return nil, err
	}
	u.rec = u.rec.with([]field{{pUserType, `"Member"`}})
	for _, e := range edits {
		if e.facts[0].Alone {
			return nil, badRequest("One or more property values specified are invalid.")
		}
		if (e.name == "customSecurityAttributes" || e.name == "employeeLeaveDateTime") && !c.p.holds(e.facts[0].Write...) {
			return nil, denied()
		}
	}
	return edits, nil
}

// settleUser is what else changes with a user's edits.
func (c *call) settleUser(u *object, edits []edit) ([]field, error) {
	var out []field
	for _, e := range edits {
		if err := locked(u, e); err != nil {
			return nil, err
		}
		switch e.prop {
		case pPassword:
			out = append(out, field{pPassword, ""})
			if e.json != "null" {
				out = append(out, field{pPasswordTime, instantJSON(c.e.Now())})
			}
		case pMail:
			out = append(out, field{pProxies, withPrimary(u.rec, unquote(e.json))})
		}
	}
	return out, nil
}

// wroteUser keeps a password, which stands in no record.
func (c *call) wroteUser(u *object, edits []edit, entry *Entry) {
	for _, e := range edits {
		if e.prop != pPassword {
			continue
		}
		var profile passwordProfile
		if e.json != "null" {
			_ = json.Unmarshal([]byte(e.json), &profile) // checked before
			entry.Before["passwordProfile"], entry.After["passwordProfile"] = nil, map[string]any{"forceChangePasswordNextSignIn": profile.force()}
		}
		if profile.Password != "" {
			u.extra().password = profile.Password
		}
		u.extra().force = profile.force()
	}
}

// deletingUser frees the name of a person, and parts manager and reports until a restore. How the name of a deleted user looks is
// remembered.
func (c *call) deletingUser(u *object) []field {
	d, x := c.t.dir, u.extra()
	c.t.seats = nil // who is deleted takes none
	x.name = u.upn()
	x.reports = slices.Clone(d.reports[u])
	for _, r := range x.reports {
		d.setManager(r, nil)
		d.changed(c.e.Now(), change{object: r, rel: "manager", removed: []*object{u}})
	}
	if x.manager = u.manager; x.manager != nil {
		d.setManager(u, nil)
		d.changed(c.e.Now(), change{object: u, rel: "manager", removed: []*object{x.manager}})
	}
	return []field{{pUPN, text(strings.ReplaceAll(u.id, "-", "") + x.name)}}
}

func (c *call) restoringUser(u *object) []field { return []field{{pUPN, text(u.more.name)}} }

func (c *call) restoredUser(u *object) {
	d := c.t.dir
	c.t.seats = nil
	if m := u.more.manager; m != nil && d.byID[m.id] == m {
		d.setManager(u, m)
		d.changed(c.e.Now(), change{object: u, rel: "manager", added: []*object{m}})
	}
	for _, r := range u.more.reports {
		if r.manager == nil && d.byID[r.id] == r {
			d.setManager(r, u)
			d.changed(c.e.Now(), change{object: r, rel: "manager", added: []*object{u}})
		}
	}
	u.more.manager, u.more.reports, u.more.name = nil, nil, ""
}
