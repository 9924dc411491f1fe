package emulator

import (
	"maps"
	"slices"
)

// groupRelations: https://learn.microsoft.com/en-us/graph/api/group-list-members, group-post-members, group-delete-members,
// group-list-owners, group-post-owners, group-delete-owners, group-list-memberof, group-list-transitivemembers
func groupRelations() []relation {
	members := []string{"user", "group", "servicePrincipal"}
	return []relation{
		{
			name: "members", types: members, bond: "members", delta: true, op: "group.member", bind: maxBound, may: (*call).mayMembers,
			mayEdit: (*call).mayEditMembers, link: (*call).linkMember,
		},
		{
			name: "owners", types: []string{"user", "servicePrincipal"}, bond: "owners", op: "group.owner", bind: maxBound, may: (*call).mayOwners,
			mayEdit: func(c *call, g *object) error {
				if err := c.mayWriteGroup(g, writeGroups...); err != nil {
					return err
				}
				if g.synced() {
					return masteredElsewhere()
				}
				return nil
			},
			unlink: func(c *call, g, _ *object) error {
				if len(c.t.dir.to("owners", g)) == 1 {
					// https://github.com/microsoftgraph/microsoft-graph-docs/issues/12054
					return badRequest("The group must have at least one owner, hence this owner cannot be removed.")
				}
				return nil
			},
		},
		{name: "transitiveMembers", types: members, bond: "members", deep: true, may: (*call).mayMembers},
		{name: "memberOf", types: holders, bond: "members", also: "units", back: true, may: (*call).mayOwners, hides: (*call).hidesMembership},
		{name: "transitiveMemberOf", types: holders, bond: "members", also: "units", back: true, deep: true, may: (*call).mayOwners, hides: (*call).hidesMembership},
		assignmentsTo("principalId", "appRoleAssignments"),
		{name: "membersWithLicenseErrors", types: []string{"user"}, list: licenseErrors, may: (*call).mayMembers},
	}
}

func (c *call) mayOwners(*object) error {
	if !c.p.holds(readMembers...) && !c.p.asUser() {
		return denied()
	}
	return nil
}

func (c *call) mayMembers(g *object) error {
	if err := c.mayOwners(g); err != nil {
		return err
	}
	if c.hidesMembers(g) {
		return denied()
	}
	return nil
}

// hidesMembers says whether the members of a group are hidden from the caller: members and owners see them, administrators, and
// whoever has Member.Read.Hidden. https://learn.microsoft.com/en-us/graph/api/resources/group#group-visibility-options
func (c *call) hidesMembers(g *object) bool {
	if g.rec.get(gVisibility) != `"HiddenMembership"` || c.p.holds("Member.Read.Hidden") {
		return false
	}
	if !c.p.delegated() {
		return true
	}
	return !c.p.hasRole(globalAdmin, userAdmin, groupsAdmin, helpdeskAdmin, exchangeAdmin) && !c.owns(g) &&
		!c.t.dir.bond("members").has(g, c.p.user)
}

// hidesMembership is the same from the member's end.
func (c *call) hidesMembership(_, holder *object) bool {
	return holder.is("group") && c.hidesMembers(holder) || holder.is("administrativeUnit") && c.hidesUnit(holder)
}

// mayEditMembers: the members of a dynamic group follow from its rule. Status and words for those are inferred.
func (c *call) mayEditMembers(g *object) error {
	switch err := c.mayWriteGroup(g, writeMembers...); {
	case err != nil:
		return err
	case g.dynamic():
		return denied()
	case g.synced():
		return masteredElsewhere()
	}
	return nil
}

// linkMember holds which group may be in which: https://learn.microsoft.com/en-us/graph/api/group-post-members (the table) and
// https://learn.microsoft.com/en-us/entra/identity/role-based-access-control/groups-concept. The words are inferred.
func (c *call) linkMember(g, x *object) error {
	if x.is("group") && g.assignable() {
		// https://github.com/MicrosoftDocs/azure-docs/issues/88710
		return badRequest("Nesting is currently not supported for groups that can be assigned to a role.")
	}
	if x.is("group") && (x == g || g.unified() || x.unified()) {
		return badRequest("The object '%s' cannot be a member of this type of group.", x.id)
	}
	return nil
}

// regroup gives a person, some of whose properties changed, the dynamic groups whose rules say so. The service does that in the
// background some minutes later; here it is part of the write, with a line of its own in the ledger.
func (e *Emulator) regroup(t *tenant, u *object, changed []int) {
	if len(t.dir.dynamic) == 0 {
		return
	}
	groups := slices.Collect(maps.Keys(t.dir.dynamic))
	sortByOrd(groups)
	for _, g := range groups {
		if rule := t.dir.ruleOf(g); rule != nil && slices.ContainsFunc(rule.props, func(i int) bool { return slices.Contains(changed, i) }) {
			e.settleMember(t, g, u, rule.holds(u))
		}
	}
}

// fill gives a dynamic group the members that its rule says.
func (e *Emulator) fill(t *tenant, g *object) {
	rule := t.dir.ruleOf(g)
	if rule == nil {
		return
	}
	var add, remove []*object
	b := t.dir.bond("members")
	for _, u := range t.dir.users.list {
		switch in, should := b.has(g, u), rule.holds(u); {
		case should && !in:
			add = append(add, u)
		case !should && in:
			remove = append(remove, u)
		}
	}
	e.relink(t, g, add, remove)
}

func (e *Emulator) settleMember(t *tenant, g, u *object, should bool) {
	switch in := t.dir.bond("members").has(g, u); {
	case should && !in:
		e.relink(t, g, []*object{u}, nil)
	case !should && in:
		e.relink(t, g, nil, []*object{u})
	}
}

// relink is what the service itself does to a dynamic group.
func (e *Emulator) relink(t *tenant, g *object, add, remove []*object) {
	r := g.in.relation("members")
	for _, part := range []struct {
		op          string
		add, remove []*object
	}{{".add", add, nil}, {".remove", nil, remove}} {
		if len(part.add)+len(part.remove) > 0 {
			entry := Entry{Time: e.Now(), Tenant: t.id, RequestID: e.random.id(), Op: r.op + part.op, Object: g.id}
			t.relink(e, g, r, part.add, part.remove, entry)
		}
	}
}

// ruleOf is the rule of a dynamic group that is being processed; nil where there is none, or none that can be evaluated here.
func (d *directory) ruleOf(g *object) *memberRule {
	text := g.rec.get(gRule)
	if text == "" || !g.dynamic() || g.rec.get(gState) == `"Paused"` {
		return nil
	}
	if rule, ok := d.rules[text]; ok {
		return rule
	}
	rule, err := parseRule(unquote(text))
	if err != nil || rule.test == nil {
		rule = nil
	} else {
		rule.resolve(d.users)
	}
	d.rules[text] = rule
	return rule
}
