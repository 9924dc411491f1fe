package policy_test

import (
	"context"
	"testing"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/policy"
	"nameplate/internal/property"
)

const guestInviter = "95e79109-95c0-4d8e-aee3-d01accf2d47b"

// acts asks the gate and the page about the same action, which must agree.
func acts(t *testing.T, p *policy.Policy, by directory.Actor, do change.Action, on directory.User) bool {
	t.Helper()
	_, problems := p.May(context.Background(), by, do, on, property.Values{})
	yes, why := p.Acts(by, do, on)
	if yes != (len(problems) == 0) {
		t.Errorf("%s: the page says %v, the gate %v", do, yes, problems)
	}
	if !yes && why.Zero() {
		t.Errorf("%s is refused without a reason", do)
	}
	return yes
}

// A27, A23: what each role may do to whom, under both shipped files.
func TestA23_A27_ActionsByRole(t *testing.T) {
	t.Parallel()
	all := []change.Action{change.Manager, change.Member, change.License, change.Account, change.Password, change.Sessions}
	demo, standard := shipped(t)
	for _, c := range []struct {
		name string
		by   directory.Actor
		on   directory.User
		want []change.Action
	}{
		{"administrator", person(other, directory.Admin), user(nil), all},
		{"editor", person(other, directory.Editor), user(nil), []change.Action{change.Manager, change.Member}},
		{"auditor", person(other, directory.Auditor), user(nil), nil},
		{"approver", person(other, directory.Approver), user(nil), nil},
		{"the person", person(anna), user(nil), nil},
		{"somebody", person(other), user(nil), nil},
		{"administrator of another tenant", person(directory.Ref{Tenant: "99999999-7a42-4c7b-9c1e-2b8f4d6a9e01", ID: other.ID}, directory.Admin), user(nil), nil},
		{"nobody", directory.Actor{}, user(nil), nil},
		{"administrator on a Global Administrator", person(other, directory.Admin), withRoles(globalAdministrator), nil},
		{"administrator on a guest inviter", person(other, directory.Admin), withRoles(guestInviter), all},
		{"administrator on unknown roles", person(other, directory.Admin), withRoles(), nil},
		{"administrator on themself", person(anna, directory.Admin), user(nil), []change.Action{change.Manager, change.Member, change.License, change.Password, change.Sessions}},
	} {
		for name, p := range map[string]*policy.Policy{"demo": demo, "default": standard} {
			for _, do := range all {
				want := false
				for _, w := range c.want {
					want = want || w == do
				}
				if got := acts(t, p, c.by, do, c.on); got != want {
					t.Errorf("%s: %s may %s: %v, want %v", name, c.name, do, got, want)
				}
				if acts(t, p.Delegated(true), c.by, do, c.on) {
					t.Errorf("%s: %s may %s without any right of the application", name, c.name, do)
				}
			}
		}
	}
}

func TestActions_RulesNarrowAndPrivilegedOpens(t *testing.T) {
	t.Parallel()
	p := must(t, `
version: 1
properties: {city: {view: self}}
actions: {account: Nameplate.Admin, password: [Nameplate.Admin, "group:1b4e28ba-2fa1-41d2-883f-0016d3cca427"]}
privileged: Nameplate.Admin
rules:
  - when: department eq 'Board'
    actions: {account: nobody}
`)
	board := user(property.Values{"department": property.Text("Board")})
	admin, desk := person(other, directory.Admin), person(other)
	desk.Groups = []string{"1b4e28ba-2fa1-41d2-883f-0016d3cca427"}
	for _, c := range []struct {
		by   directory.Actor
		do   change.Action
		on   directory.User
		want bool
	}{
		{admin, change.Account, user(nil), true},
		{admin, change.Account, board, false},
		{admin, change.Password, board, true},
		{admin, change.Account, withRoles(globalAdministrator), true},
		{admin, change.License, user(nil), false},
		{desk, change.Password, user(nil), true},
		{desk, change.Password, withRoles(globalAdministrator), false},
		{desk, change.Account, user(nil), false},
	} {
		if got := acts(t, p, c.by, c.do, c.on); got != c.want {
			t.Errorf("%s on %v: %v", c.do, c.on.Roles, got)
		}
	}
	if g := p.Groups(); len(g) != 1 {
		t.Errorf("the groups that the file names: %v", g)
	}
}

// A27: nobody is put into a group that can hold directory roles unless somebody was named for it.
func TestA27_GroupsThatMakeAdministrators(t *testing.T) {
	t.Parallel()
	_, standard := shipped(t)
	opened := must(t, "version: 1\nproperties: {city: {view: self}}\nactions: {member: Nameplate.Admin}\nprivileged: Nameplate.Admin\n")
	ref := directory.Ref{Tenant: tenant, ID: "1b4e28ba-2fa1-41d2-883f-0016d3cca427"}
	admin := person(other, directory.Admin)
	for name, c := range map[string]struct {
		p    *policy.Policy
		g    directory.Group
		want bool
	}{
		"plain":             {standard, directory.Group{Ref: ref, Kind: directory.SecurityGroup}, true},
		"role-assignable":   {standard, directory.Group{Ref: ref, Assignable: true}, false},
		"opened on purpose": {opened, directory.Group{Ref: ref, Assignable: true}, true},
		"dynamic":           {opened, directory.Group{Ref: ref, Rule: "user.city -eq \"Ulm\""}, false},
		"synced":            {opened, directory.Group{Ref: ref, Synced: true}, false},
		"distribution list": {opened, directory.Group{Ref: ref, Kind: directory.DistributionGroup}, false},
	} {
		if got := len(c.p.MayJoin(admin, c.g)) == 0; got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestA20_NobodyBlocksThemself(t *testing.T) {
	t.Parallel()
	_, standard := shipped(t)
	if code := may(standard, person(anna, directory.Admin), user(nil), "accountEnabled", property.Bool(false)); code != "not_allowed" {
		t.Errorf("an administrator may block themself: %q", code)
	}
	if code := may(standard, person(other, directory.Admin), user(nil), "accountEnabled", property.Bool(false)); code != "" {
		t.Errorf("an administrator may not block another: %q", code)
	}
}
