package api

import (
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/property"
)

// group is a group.
type group struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Mail        string    `json:"mail"`
	Kind        string    `json:"kind" says:"security, microsoft365, mail-security or distribution"`
	Rule        string    `json:"rule" says:"of a dynamic group, whose members nobody picks by hand"`
	Assignable  bool      `json:"assignable" says:"can hold directory roles"`
	Synced      bool      `json:"synced" says:"mastered on-premises"`
	Owners      []mention `json:"owners,omitempty"`
	Members     *right    `json:"members,omitempty" says:"whether this key may change the members"`
}

type groupsPage struct {
	Groups []group `json:"groups"`
	page
}

// someone names a person.
type someone struct {
	Person string `json:"person" says:"object id or userPrincipalName"`
}

// sku is a product of the organization.
type sku struct {
	SKU    string    `json:"sku"`
	Name   string    `json:"name" says:"skuPartNumber"`
	Status string    `json:"status"`
	Seats  int       `json:"seats"`
	Used   int       `json:"used"`
	Free   int       `json:"free"`
	Plans  []mention `json:"plans" says:"its services"`
}

type licensesPage struct {
	Licenses []sku `json:"licenses"`
}

func (a *API) groups() []Route {
	return []Route{
		{Method: "GET", Path: "/groups", Says: "List groups.", Scope: directory.PeopleRead, Roles: readers, Query: []Param{filterParam, searchParam, limitParam, cursorParam, countParam}, Gives: groupsPage{}, do: listGroups},
		{Method: "GET", Path: "/groups/{id}", Says: "Read one group.", Scope: directory.PeopleRead, Roles: readers, Gives: group{}, do: getGroup},
		{
			Method: "GET", Path: "/groups/{id}/members", Says: "List the people who are direct members.", Scope: directory.PeopleRead, Roles: readers,
			Query: []Param{filterParam, searchParam, selectParam, orderParam, limitParam, cursorParam, countParam}, Gives: peoplePage{}, do: listMembers,
		},
		{Method: "POST", Path: "/groups/{id}/members", Says: "Put a person into the group.", Scope: directory.GroupsWrite, Roles: writers, Body: someone{}, Gives: outcome{}, Check: true, do: addMember},
		{Method: "DELETE", Path: "/groups/{id}/members/{person}", Says: "Take a person out of the group.", Scope: directory.GroupsWrite, Roles: writers, Gives: outcome{}, Check: true, do: removeMember},
	}
}

func (a *API) licenses() []Route {
	return []Route{{Method: "GET", Path: "/licenses", Says: "The organization's products with their seats.", Scope: directory.PeopleRead, Roles: readers, Gives: licensesPage{}, do: listLicenses}}
}

func shownGroup(g directory.Group) group {
	out := group{ID: g.Ref.ID, Name: g.Name, Description: g.Description, Mail: g.Mail, Kind: string(g.Kind), Rule: g.Rule, Assignable: g.Assignable, Synced: g.Synced}
	for _, o := range g.Owners {
		out.Owners = append(out.Owners, mention{o.Ref.ID, o.Name, o.UPN})
	}
	return out
}

func listGroups(c *call) (reply, error) {
	q, err := c.query()
	if err != nil {
		return reply{}, err
	}
	got, err := c.Desk.Groups(c.r.Context(), c.by, c.tenant, q)
	if err != nil {
		return reply{}, err
	}
	out := groupsPage{[]group{}, c.page(got.Next, got.Total)}
	for _, g := range got.List {
		out.Groups = append(out.Groups, shownGroup(g))
	}
	return reply{body: out}, c.listed(change.ExportGroups, len(got.List))
}

func getGroup(c *call) (reply, error) {
	ref, err := c.objectID("id")
	if err != nil {
		return reply{}, err
	}
	g, may, err := c.Desk.Group(c.r.Context(), c.by, ref)
	if err != nil {
		return reply{}, err
	}
	out := shownGroup(g)
	out.Members = &right{May: may.Yes}
	if !may.Yes {
		out.Members.Why = c.v.T(may.Why)
	}
	return reply{body: out}, nil
}

func listMembers(c *call) (reply, error) {
	ref, err := c.objectID("id")
	if err != nil {
		return reply{}, err
	}
	q, err := c.query(columns...)
	if err != nil {
		return reply{}, err
	}
	got, err := c.Desk.Members(c.r.Context(), c.by, ref, q)
	if err != nil {
		return reply{}, err
	}
	return reply{body: peoplePage{shownPeople(got.List, q.Names), c.page(got.Next, got.Total)}}, c.listed(change.ExportMembers, len(got.List))
}

func addMember(c *call) (reply, error) {
	var in someone
	if err := c.into(&in); err != nil {
		return reply{}, err
	}
	return c.member(in.Person, property.Bool(true))
}

func removeMember(c *call) (reply, error) { return c.member(c.r.PathValue("person"), property.Null()) }

func (c *call) member(who string, in property.Value) (reply, error) {
	g, err := c.objectID("id")
	if err != nil {
		return reply{}, err
	}
	ref, err := c.named(c.r.Context(), who)
	if err != nil {
		return reply{}, err
	}
	n := directory.MemberOf(g.ID)
	c.point[string(n)] = ""
	return c.change(change.Change{On: ref, Do: change.Member, Set: property.Values{n: in}})
}

func listLicenses(c *call) (reply, error) {
	l, err := c.Desk.SKUs(c.r.Context(), c.by, c.tenant)
	if err != nil {
		return reply{}, err
	}
	out := licensesPage{[]sku{}}
	for _, s := range l {
		x := sku{SKU: s.ID, Name: s.Part, Status: s.Status, Seats: s.Seats, Used: s.Used, Free: s.Free(), Plans: []mention{}}
		for _, p := range s.Plans {
			x.Plans = append(x.Plans, mention{ID: p.ID, Name: p.Name})
		}
		out.Licenses = append(out.Licenses, x)
	}
	return reply{body: out}, nil
}
