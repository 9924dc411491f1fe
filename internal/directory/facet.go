package directory

import (
	"encoding/json"
	"slices"
	"strings"

	"nameplate/internal/property"
)

// A facet is something of a person that is no property of theirs in Graph and is changed by a request of its own kind: the manager,
// a membership, a license. Facets stand in the same Values as properties, so that one engine compares, journals, reads back and
// undoes them all. A Reader takes their names in Ask.Names and fills User.Values.
const (
	FacetManager  property.Name = "manager"  // object id of the manager; null is nobody
	FacetAccount  property.Name = "account"  // Active, or Deleted while the person can still be restored
	FacetPassword property.Name = "password" // when the password was last changed; ResetPassword moves it
	FacetSessions property.Name = "sessions" // sign-ins from before this instant do not count any more; RevokeSessions moves it

	membership = "memberOf/"
	license    = "license/"
)

// The values of FacetAccount.
const (
	Active  = "active"
	Deleted = "deleted"
	Taken   = "taken" // only of somebody who is to be created: another person has the sign-in name
)

// MemberOf is the facet that says whether a person is a direct member of a group: true or null.
func MemberOf(group string) property.Name {
	return property.Name(membership + strings.ToLower(group))
}

// Licensed is the facet that says whether a person was given a product (SKU) directly, and without which of its services; see Assigned.
func Licensed(sku string) property.Name { return property.Name(license + strings.ToLower(sku)) }

// GroupOf is the object id of the group that a membership is of.
func GroupOf(n property.Name) (id string, ok bool) { return strings.CutPrefix(string(n), membership) }

// SKUOf is the id of the product that a license facet is of.
func SKUOf(n property.Name) (id string, ok bool) { return strings.CutPrefix(string(n), license) }

// Facet says whether a name is a facet.
func Facet(n property.Name) bool {
	switch n {
	case FacetManager, FacetAccount, FacetPassword, FacetSessions:
		return true
	}
	_, group := GroupOf(n)
	_, sku := SKUOf(n)
	return group || sku
}

// Stamp says whether a facet is an instant that a write moves to a later one, whatever that is.
func Stamp(n property.Name) bool { return n == FacetPassword || n == FacetSessions }

// Assigned is the value of a license facet: given, without the services (service plan ids) that are named. Null is not given.
func Assigned(disabled ...string) property.Value {
	plans := make([]string, len(disabled))
	for i, p := range disabled {
		plans[i] = strings.ToLower(p)
	}
	slices.Sort(plans)
	b, _ := json.Marshal(map[string][]string{"disabledPlans": slices.Compact(plans)}) // texts only
	return property.Raw(b)
}

// Plans takes the value of a license facet apart.
func Plans(v property.Value) (disabled []string, assigned bool) {
	if v.IsNull() {
		return nil, false
	}
	var d struct{ DisabledPlans []string }
	_ = json.Unmarshal(v.JSON(), &d) // made by Assigned
	return d.DisabledPlans, true
}
