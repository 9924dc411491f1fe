package directory

import (
	"context"

	"nameplate/internal/property"
)

// Query says which part of a list to read.
type Query struct {
	Filter string          // $filter as Graph takes it; "" is everybody
	Search string          // words to look for; not together with Filter where the directory cannot
	Order  property.Name   // "" is the directory's own order
	Desc   bool            // descending; only with Order
	Names  []property.Name // properties to read of each person, and of the facets manager, account and licenses
	Top    int             // at most so many, 1 to 999; 0 is 100
	Page   string          // Next of the page before; "" is the first
	Count  bool            // how many there are in all
}

// People is a page of a list.
type People struct {
	List  []User // Values as far as they were asked for
	Next  string // for Query.Page; "" on the last page
	Total int    // with Query.Count on the first page, else -1
}

// Groups is a page of groups.
type Groups struct {
	List  []Group
	Next  string
	Total int
}

// GroupKind says what a group is for.
type GroupKind string

// The kinds of groups. https://learn.microsoft.com/graph/api/resources/groups-overview
const (
	SecurityGroup     GroupKind = "security"
	Microsoft365Group GroupKind = "microsoft365"
	MailSecurityGroup GroupKind = "mail-security" // read-only in Graph
	DistributionGroup GroupKind = "distribution"  // read-only in Graph
)

// Group is what the directory says of a group.
type Group struct {
	Ref         Ref
	Name        string
	Description string
	Mail        string
	Kind        GroupKind
	Rule        string // of a dynamic group, whose members nobody picks by hand; "" for others
	Assignable  bool   // can hold directory roles: whoever gets in gets them
	Synced      bool   // mastered on-premises
	Owners      []Person
}

// Fixed says why nobody can put people into a group here: it is "dynamic", "synced" or "mail" (kept by Exchange); "" when one can.
func (g Group) Fixed() string {
	switch {
	case g.Rule != "":
		return "dynamic"
	case g.Synced:
		return "synced"
	case g.Kind == MailSecurityGroup || g.Kind == DistributionGroup:
		return "mail"
	}
	return ""
}

// License is a product that a person has.
type License struct {
	SKU      string
	Disabled []string // service plan ids that are switched off
	Groups   []string // object ids of the groups that give it; none: given directly
	Direct   bool     // given directly, maybe beside a group
	Problem  string   // the directory's word for why it does not work: "CountViolation"; "" when it does
}

// SKU is a product that the organization has bought. https://learn.microsoft.com/graph/api/resources/subscribedsku
type SKU struct {
	ID     string // lower case
	Part   string // "ENTERPRISEPACK"
	Status string // "Enabled", "Warning", "Suspended", "Deleted", "LockedOut"
	Seats  int    // that can be given: enabled and in warning
	Used   int
	Plans  []Plan
}

// Free is how many seats are left, never less than none.
func (s SKU) Free() int { return max(0, s.Seats-s.Used) }

// Plan is one service of a product.
type Plan struct {
	ID   string // lower case
	Name string // "EXCHANGE_S_ENTERPRISE"
}

// Lister reads lists. Every method but Group asks one request a page.
type Lister interface {
	// People lists people by the application's right.
	People(ctx context.Context, tenant string, q Query) (People, error)
	// DeletedPeople lists who can still be restored; Filter and Order are not answered.
	DeletedPeople(ctx context.Context, tenant string, q Query) (People, error)
	// Groups lists groups; Names are not asked.
	Groups(ctx context.Context, tenant string, q Query) (Groups, error)
	// Group reads one group with its owners. NotFound when there is none.
	Group(ctx context.Context, on Ref) (Group, error)
	// Members lists the people who are direct members of a group.
	Members(ctx context.Context, group Ref, q Query) (People, error)
	// RoleHolders are the template ids of the directory roles that people hold, also by a group, by object id (lower case). Who is not
	// in it holds none. One request for the roles and one for the members of each.
	RoleHolders(ctx context.Context, tenant string) (map[string][]string, error)
	// SKUs are the organization's products that can be given to people.
	SKUs(ctx context.Context, tenant string) ([]SKU, error)
}
