package emulator

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// groupProps are the properties of a group: the v1.0 CSDL (msgraph-metadata, August 2026); operators from the property texts of
// @microsoft/microsoft-graph-types 2.43.1, split by https://learn.microsoft.com/en-us/graph/aad-advanced-queries.
var groupProps = []prop{
	{name: "id", shown: true, ops: "eq in", adv: "ne not"},
	{name: "deletedDateTime", typ: edmInstant, shown: true, sorts: true, fixed: true, ops: "eq ge le", adv: "ne not in"},
	{name: "classification", shown: true, ops: "eq ge le in sw", adv: "ne not"},
	{name: "createdDateTime", typ: edmInstant, shown: true, sorts: true, fixed: true},
	{name: "description", shown: true, max: 1024, search: true, adv: "eq ne not ge le in sw"},
	{name: "displayName", shown: true, must: true, max: 256, order: true, search: true, ops: "eq ge le in sw", adv: "ne not n"},
	{name: "expirationDateTime", typ: edmInstant, shown: true, fixed: true, adv: "eq ne not ge le in"},
	{name: "groupTypes", typ: edmTexts, shown: true, values: []string{"Unified", "DynamicMembership"}, ops: "eq", adv: "not /$count"},
	{name: "isAssignableToRole", typ: edmBool, shown: true, born: true, ops: "eq", adv: "ne not"},
	{name: "mail", shown: true, fixed: true, ops: "eq ge le in sw", adv: "ne not n"},
	{name: "mailEnabled", typ: edmBool, shown: true, must: true, ops: "eq in", adv: "ne not"},
	{name: "mailNickname", shown: true, must: true, max: 64, ops: "eq ge le in sw", adv: "ne not n"},
	{name: "membershipRule", shown: true, max: 3072, ops: "eq ge le in sw", adv: "ne not"},
	{name: "membershipRuleProcessingState", shown: true, values: []string{"On", "Paused"}, ops: "eq in", adv: "ne not"},
	{name: "onPremisesDomainName", shown: true, fixed: true},
	{name: "onPremisesLastSyncDateTime", typ: edmInstant, shown: true, fixed: true, ops: "eq ge le in", adv: "ne not"},
	{name: "onPremisesNetBiosName", shown: true, fixed: true},
	{name: "onPremisesProvisioningErrors", typ: edmObjects, shown: true, fixed: true, ops: "eq", adv: "not"},
	{name: "onPremisesSamAccountName", shown: true, fixed: true, adv: "eq ne not ge le in sw"},
	{name: "onPremisesSecurityIdentifier", shown: true, fixed: true, ops: "eq", adv: "n"},
	{name: "onPremisesSyncEnabled", typ: edmBool, shown: true, fixed: true, ops: "eq in", adv: "ne not n"},
	{name: "preferredDataLocation", shown: true},
	{name: "preferredLanguage", shown: true, adv: "eq ne not ge le in sw n"},
	{name: "proxyAddresses", typ: edmTexts, shown: true, fixed: true, ops: "eq ge le sw", adv: "not ew /$count"},
	{name: "renewedDateTime", typ: edmInstant, shown: true, fixed: true, ops: "eq ge le in", adv: "ne not"},
	{name: "securityEnabled", typ: edmBool, shown: true, must: true, ops: "eq in", adv: "ne not"},
	{name: "securityIdentifier", shown: true, fixed: true},
	{name: "theme", shown: true, values: []string{"Teal", "Purple", "Green", "Blue", "Pink", "Orange", "Red"}},
	{name: "visibility", shown: true, values: []string{"Private", "Public", "HiddenMembership"}},
	{name: "resourceBehaviorOptions", typ: edmTexts, shown: true, born: true},
	{name: "resourceProvisioningOptions", typ: edmTexts, shown: true},
	{name: "assignedLabels", typ: edmObjects},
	{name: "assignedLicenses", typ: edmObjects, fixed: true, ops: "eq", adv: "not /$count"},
	{name: "licenseProcessingState", typ: edmObject, fixed: true},
	{name: "isManagementRestricted", typ: edmBool, fixed: true},
	{name: "uniqueName", ops: "eq in sw", adv: "ne not n"},
	{name: "serviceProvisioningErrors", typ: edmObjects, fixed: true, ops: "eq", adv: "not"},
	{name: "hasMembersWithLicenseErrors", typ: edmBool, hidden: true, fixed: true, ops: "eq"},
	{name: "allowExternalSenders", typ: edmBool, single: true, blank: "false"},
	{name: "autoSubscribeNewMembers", typ: edmBool, single: true, blank: "false"},
	{name: "hideFromAddressLists", typ: edmBool, single: true, blank: "false"},
	{name: "hideFromOutlookClients", typ: edmBool, single: true, blank: "false"},
	{name: "isSubscribedByMail", typ: edmBool, single: true, blank: "false"},
	{name: "unseenCount", typ: edmInt, single: true, fixed: true, blank: "0"},
}

// The properties that the code itself speaks of.
var (
	gCreated    = propNumber(groupProps, "createdDateTime")
	gRenewed    = propNumber(groupProps, "renewedDateTime")
	gDesc       = propNumber(groupProps, "description")
	gName       = propNumber(groupProps, "displayName")
	gTypes      = propNumber(groupProps, "groupTypes")
	gAssignable = propNumber(groupProps, "isAssignableToRole")
	gMail       = propNumber(groupProps, "mail")
	gMailed     = propNumber(groupProps, "mailEnabled")
	gNick       = propNumber(groupProps, "mailNickname")
	gRule       = propNumber(groupProps, "membershipRule")
	gState      = propNumber(groupProps, "membershipRuleProcessingState")
	gProxies    = propNumber(groupProps, "proxyAddresses")
	gSecurity   = propNumber(groupProps, "securityEnabled")
	gSID        = propNumber(groupProps, "securityIdentifier")
	gVisibility = propNumber(groupProps, "visibility")
	gLicenses   = propNumber(groupProps, "assignedLicenses")
	gProcessing = propNumber(groupProps, "licenseProcessingState")

	gLicenseErrors = propNumber(groupProps, "hasMembersWithLicenseErrors")
)

// groupEntity: https://learn.microsoft.com/en-us/graph/api/resources/group
func groupEntity() *entity {
	return &entity{
		set: "groups", name: "group", title: "Group", props: groupProps, delta: true, found: []string{"displayName", "description"},
		rels: groupRelations(),
		soft: func(*object) bool { return true }, // security groups too: https://learn.microsoft.com/en-us/graph/api/group-delete (2025)
		keys: map[string]func(*directory, string) *object{"uniquename": func(d *directory, key string) *object {
			i := slices.IndexFunc(d.groups.list, func(g *object) bool { return strings.EqualFold(g.text("uniqueName"), key) })
			if i < 0 || key == "" {
				return nil
			}
			return d.groups.list[i]
		}},
		sees: func(c *call, _ *object) sight {
			if !c.p.holds(readGroups...) && !c.p.asUser() {
				return blind
			}
			return full
		},
		routes:      (*call).groupRoutes,
		mayCreate:   (*call).mayCreateGroup,
		mayPatch:    (*call).mayPatchGroup,
		patched:     (*call).patchedGroup,
		mayDelete:   (*call).mayDeleteGroup,
		mayRestore:  (*call).mayRestoreGroup,
		seesDeleted: (*call).seesDeletedGroups,
		check:       (*call).checkGroup, prepare: (*call).prepareGroup, settle: (*call).settleGroup, clash: (*directory).clashGroup,
		indexed: []int{gNick, gProxies, gTypes, gMailed}, index: (*directory).indexGroup,
		created: (*call).createdGroup, written: (*call).writtenGroup,
	}
}

// Kinds of groups: https://learn.microsoft.com/en-us/graph/api/resources/groups-overview
func (o *object) unified() bool { return slices.Contains(texts(o.rec.get(gTypes)), "Unified") }

func (o *object) dynamic() bool {
	return slices.Contains(texts(o.rec.get(gTypes)), "DynamicMembership")
}

func (o *object) assignable() bool { return o.rec.get(gAssignable) == "true" }

// sidOf is the security identifier that follows from an object id.
func sidOf(o *object) string {
	b, err := hex.DecodeString(strings.ReplaceAll(o.id, "-", ""))
	if err != nil || len(b) != 16 {
		return ""
	}
	a := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	m := uint32(b[6])<<24 | uint32(b[7])<<16 | uint32(b[4])<<8 | uint32(b[5])
	return fmt.Sprintf(`"S-1-12-1-%d-%d-%d-%d"`, a, m, binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint32(b[12:]))
}

// readGroups makes the groups of an organization file.
func (t *tenant) readGroups(e *Emulator, list []Group, now time.Time) error {
	d := t.dir
	made := make([]*object, 0, len(list))
	for _, o := range list {
		g := &object{in: d.groups, id: strings.ToLower(o.ID)}
		if g.id == "" {
			g.id = e.random.id()
		}
		nick := strings.ToLower(strings.Map(func(r rune) rune {
			if groupNickRune(r) {
				return r
			}
			return -1
		}, o.Name))
		at := instantJSON(now)
		set := map[int]string{
			gName: text(o.Name), gNick: text(nick), gCreated: at, gRenewed: at, gMailed: "false", gSecurity: "true",
		}
		if o.Description != "" {
			set[gDesc] = text(o.Description)
		}
		if o.Rule != "" {
			set[gRule] = text(o.Rule)
		}
		switch o.Type {
		case "", "security":
		case "microsoft365":
			set[gTypes], set[gMailed], set[gSecurity], set[gVisibility] = `["Unified"]`, "true", "false", `"Public"`
		case "dynamic":
			set[gTypes], set[gState] = `["DynamicMembership"]`, `"On"`
		case "role-assignable":
			set[gAssignable], set[gVisibility] = "true", `"Private"`
		default:
			return fmt.Errorf("group %q: type is security, microsoft365, dynamic or role-assignable, not %q", o.Name, o.Type)
		}
		if err := d.readValues(d.groups, o.Values, set); err != nil {
			return fmt.Errorf("group %q: %w", o.Name, err)
		}
		if set[gMailed] == "true" && set[gMail] == "" {
			address := unquote(set[gNick]) + "@" + t.domains[0].Name
			set[gMail], set[gProxies] = text(address), "["+text("SMTP:"+address)+"]"
		}
		g.rec = record{}.with(fieldsOf(set))
		if o.Photo != "" {
			p, err := readPhoto(o.Photo, o.Name, g.id)
			if err != nil || !g.unified() {
				return fmt.Errorf("group %q: a photo is of a Microsoft 365 group, and \"initials\" or a data: address", o.Name)
			}
			g.extra().photo = p
		}
		if err := d.insert(g); err != nil {
			return fmt.Errorf("group %q: %w", o.Name, err)
		}
		made = append(made, g)
	}
	for i, o := range list {
		g := made[i]
		for _, key := range o.Members {
			x := d.member(key)
			if x == nil || x == g {
				return fmt.Errorf("group %q: there is no member %q", o.Name, key)
			}
			d.bond("members").add(g, x)
		}
		for _, key := range o.Owners {
			u := d.user(key)
			if u == nil {
				return fmt.Errorf("group %q: there is no owner %q", o.Name, key)
			}
			d.bond("owners").add(g, u)
		}
	}
	for i, g := range made { // what a file says of a dynamic group's members stands until somebody writes
		if rule := d.ruleOf(g); rule != nil && len(list[i].Members) == 0 {
			for _, u := range d.users.list {
				if rule.holds(u) {
					d.bond("members").add(g, u)
				}
			}
		}
	}
	return nil
}

// member finds what an organization file names as a member: an object by its id, a person by name, a group by name.
func (d *directory) member(key string) *object {
	if u := d.user(key); u != nil {
		return u
	}
	if o := d.byID[strings.ToLower(key)]; o != nil {
		return o
	}
	for _, g := range d.groups.list {
		if strings.EqualFold(unquote(g.rec.get(gName)), key) {
			return g
		}
	}
	return nil
}

// groupNickRune says whether a character may stand in a group's mailNickname:
// https://learn.microsoft.com/en-us/graph/api/resources/group
func groupNickRune(r rune) bool {
	return r > ' ' && r < 127 && !strings.ContainsRune(`@()\[]";:<>,`, r)
}

// roleAssignable says whether a person is member or owner of a role-assignable group:
// https://learn.microsoft.com/en-us/graph/api/resources/users#who-can-perform-sensitive-actions
func (d *directory) roleAssignable(u *object) bool {
	for _, name := range []string{"members", "owners"} {
		if slices.ContainsFunc(d.from(name, u), func(g *object) bool { return g.is("group") && g.assignable() }) {
			return true
		}
	}
	return false
}

// groupsOf are the groups that hold an object, nested ones included.
func (d *directory) groupsOf(o *object) []*object {
	all := walk(o, func(x *object) []*object { return d.from("members", x) })
	return slices.DeleteFunc(all, func(x *object) bool { return !x.is("group") })
}
