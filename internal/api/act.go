package api

import (
	"fmt"
	"net/http"
	"strings"

	"nameplate/internal/admin"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// managerOf names a manager.
type managerOf struct {
	Manager string `json:"manager" says:"object id or userPrincipalName"`
}

// memberships are groups to put somebody into and to take them out of.
type memberships struct {
	Add    []string `json:"add,omitempty" says:"object ids of groups"`
	Remove []string `json:"remove,omitempty" says:"object ids of groups"`
}

// given is a product that is to be given.
type given struct {
	SKU      string   `json:"sku" says:"skuId"`
	Disabled []string `json:"disabledPlans,omitempty" says:"servicePlanIds that stay off"`
}

// products are licenses to give and to take.
type products struct {
	Assign []given  `json:"assign,omitempty"`
	Remove []string `json:"remove,omitempty" says:"skuIds"`
}

// secretOf is a new password.
type secretOf struct {
	Password string `json:"password,omitempty" says:"one is made when it is left out, and shown once"`
}

func (a *API) acts() []Route {
	act := func(method, path, says string, scope directory.Scope, roles []directory.Role, body any, do func(*call) (reply, error)) Route {
		return Route{Method: method, Path: "/people/{id}" + path, Says: says, Scope: scope, Roles: roles, Body: body, Gives: outcome{}, Check: true, do: do}
	}
	return []Route{
		act("POST", "/manager", "Give a manager.", directory.PeopleWrite, writers, managerOf{}, setManager),
		act("DELETE", "/manager", "Take the manager away.", directory.PeopleWrite, writers, nil, func(c *call) (reply, error) {
			return c.facet(change.Manager, directory.FacetManager, property.Null())
		}),
		act("POST", "/groups", "Put into groups and take out of groups.", directory.GroupsWrite, writers, memberships{}, setGroups),
		act("POST", "/licenses", "Give and take products, or switch their services.", directory.LicensesWrite, admins, products{}, setLicenses),
		act("POST", "/password", "Set a new password, to be changed at the next sign-in.", directory.PasswordsWrite, admins, secretOf{}, setPassword),
		act("DELETE", "/sessions", "End all sign-ins.", directory.PasswordsWrite, admins, nil, func(c *call) (reply, error) {
			return c.facet(change.Sessions, directory.FacetSessions, property.Bool(true))
		}),
		act("DELETE", "", "Delete the person; for 30 days they can be restored.", directory.PeopleDelete, admins, nil, func(c *call) (reply, error) {
			return c.facet(change.Account, directory.FacetAccount, property.Text(directory.Deleted))
		}),
		act("POST", "/restore", "Restore a person who was deleted; the name that they had does for the object id.", directory.PeopleDelete, admins, nil, restore),
	}
}

func restore(c *call) (reply, error) {
	ref := directory.Ref{Tenant: c.tenant, ID: c.r.PathValue("id")}
	if !guid.MatchString(ref.ID) {
		var err error
		if ref, err = c.Desk.NamedDeleted(c.r.Context(), c.by, c.tenant, ref.ID); err != nil {
			return reply{}, err
		}
	}
	return c.change(change.Change{On: ref, Do: change.Account, Set: property.Values{directory.FacetAccount: property.Text(directory.Active)}})
}

// facet sets one facet of the person whom the address names.
func (c *call) facet(do change.Action, name property.Name, v property.Value) (reply, error) {
	ref, err := c.on(c.r.Context())
	if err != nil {
		return reply{}, err
	}
	return c.change(change.Change{On: ref, Do: do, Set: property.Values{name: v}})
}

func setManager(c *call) (reply, error) {
	var in managerOf
	if err := c.into(&in); err != nil {
		return reply{}, err
	}
	boss, err := c.named(c.r.Context(), in.Manager)
	if err != nil {
		return reply{}, refuseAt(http.StatusBadRequest, fieldError{Pointer: "/manager", Code: "not_a_person"}, fail.T("There is nobody with this object id or userPrincipalName."))
	}
	return c.facet(change.Manager, directory.FacetManager, property.Text(boss.ID))
}

// ids checks a list of ids and says where each stands.
func (c *call) ids(list []string, at string, name func(string) property.Name, set property.Values, v property.Value) (probs []fieldError) {
	for i, id := range list {
		where := fmt.Sprintf("%s/%d", at, i)
		n := name(id)
		_, twice := set[n]
		switch {
		case !guid.MatchString(id):
			probs = append(probs, fieldError{Pointer: where, Code: "id", say: fail.T("Here stands an object id, in lower case.")})
		case twice:
			probs = append(probs, fieldError{Pointer: where, Code: "twice", say: fail.T("%q stands there twice.", id)})
		default:
			set[n], c.point[string(n)] = v, where
		}
	}
	return probs
}

func setGroups(c *call) (reply, error) {
	var in memberships
	if err := c.into(&in); err != nil {
		return reply{}, err
	}
	set := property.Values{}
	probs := c.ids(in.Add, "/add", directory.MemberOf, set, property.Bool(true))
	probs = append(probs, c.ids(in.Remove, "/remove", directory.MemberOf, set, property.Null())...)
	return c.several(change.Member, set, probs)
}

func setLicenses(c *call) (reply, error) {
	var in products
	if err := c.into(&in); err != nil {
		return reply{}, err
	}
	set := property.Values{}
	var probs []fieldError
	for i, g := range in.Assign {
		at := fmt.Sprintf("/assign/%d/", i)
		for j, p := range g.Disabled {
			if !guid.MatchString(p) {
				probs = append(probs, fieldError{Pointer: fmt.Sprintf("%sdisabledPlans/%d", at, j), Code: "id", say: fail.T("Here stands an object id, in lower case.")})
			}
		}
		one := c.ids([]string{g.SKU}, at+"sku", directory.Licensed, set, directory.Assigned(g.Disabled...))
		for k := range one {
			one[k].Pointer = at + "sku"
		}
		probs = append(probs, one...)
	}
	probs = append(probs, c.ids(in.Remove, "/remove", directory.Licensed, set, property.Null())...)
	for n, where := range c.point {
		c.point[n] = strings.Replace(where, "/sku/0", "/sku", 1)
	}
	return c.several(change.License, set, probs)
}

// several makes one change of many facets.
func (c *call) several(do change.Action, set property.Values, probs []fieldError) (reply, error) {
	if len(probs) > 0 {
		return reply{}, refuse(http.StatusBadRequest, fail.T("Nothing was changed. Look at what is named, correct it and send it again."), probs...)
	}
	ref, err := c.on(c.r.Context())
	if err != nil {
		return reply{}, err
	}
	return c.change(change.Change{On: ref, Do: do, Set: set})
}

func setPassword(c *call) (reply, error) {
	var in secretOf
	if err := c.into(&in); err != nil {
		return reply{}, err
	}
	made := in.Password == ""
	if made {
		var err error
		if in.Password, err = admin.NewPassword(c.Random); err != nil {
			return reply{}, err
		}
	}
	ref, err := c.on(c.r.Context())
	if err != nil {
		return reply{}, err
	}
	rep, err := c.change(change.Change{On: ref, Do: change.Password, Set: property.Values{directory.FacetPassword: property.Bool(true)}, Secret: in.Password})
	if o, ok := rep.body.(outcome); ok && made && !c.dry() {
		rep.kept = o
		o.Password = in.Password
		rep.body = o
	}
	return rep, err
}
