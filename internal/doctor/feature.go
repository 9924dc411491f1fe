package doctor

import (
	"slices"
	"strings"

	"nameplate/internal/property"
)

// Feature is something that an organization can let Nameplate do, and what it needs for that.
type Feature struct {
	Name  string // in the setting features
	For   string // what people lose without it
	Needs []Need
}

// Need is one right. Any of Permits will do; the first is the least.
type Need struct {
	What    string
	Permits []string
	Probe   string // a read that fails without it; "" where only writing would show it, and the token is looked at
	Role    string // template id of a directory role that the service principal needs as well
}

// RoleName is what Microsoft calls the directory role with a template id of Need.Role.
func RoleName(template string) string {
	if template == userAdministrator {
		return "User Administrator"
	}
	return template
}

const userAdministrator = "fe930be7-5e62-47db-91af-98c3a49a38b1"

// higher are the roles that may do what User Administrator may to passwords.
// https://learn.microsoft.com/graph/api/resources/users#who-can-reset-passwords
var higher = []string{userAdministrator, "7be44c8a-adaf-4e2a-84d6-ab2649e08a13", "62e90394-69f5-4237-9190-012177145e10"}

func operation(o property.Operation, probe string) Need {
	return Need{What: string(o), Permits: o.Permits(false), Probe: probe}
}

// writing are the permissions for a property, as Microsoft documents them.
func writing(what string, name property.Name) Need {
	def, _ := property.Catalog().Def(name)
	return Need{What: what, Permits: def.Graph.Write}
}

// Features are all, in the order of the documentation. Their permissions come from the property catalog.
func Features() []Feature {
	return []Feature{
		{"profiles", "seeing and changing profiles", []Need{
			operation(property.ReadUser, "/users?$top=1&$select=id"),
			operation(property.ReadRoles, "/directoryRoles?$select=id"),
			writing("change profiles", "jobTitle"),
		}},
		{"photos", "setting photos", []Need{operation(property.WritePhoto, "")}},
		{"groups", "looking after groups and their members", []Need{operation(property.ReadGroups, "/groups?$top=1&$select=id"), operation(property.WriteMembers, "")}},
		{"licenses", "giving and taking licenses", []Need{operation(property.ReadSKUs, "/subscribedSkus?$select=id"), operation(property.WriteLicenses, "")}},
		{"managers", "setting managers", []Need{operation(property.WriteManager, "")}},
		{"accounts", "switching accounts on and off", []Need{writing("switch accounts on and off", "accountEnabled")}},
		{"creation", "adding people", []Need{operation(property.CreatePeople, "")}},
		{"deletion", "deleting and restoring people", []Need{operation(property.WriteAccount, "")}},
		{"sessions", "ending sign-ins", []Need{operation(property.WriteSessions, "")}},
		{"passwords", "resetting passwords", []Need{{
			What: "reset passwords", Permits: []string{"User-PasswordProfile.ReadWrite.All", "User.ReadWrite.All", "Directory.ReadWrite.All"}, Role: userAdministrator,
		}}},
	}
}

// Chosen are the features of these names; all when there are none. A name that is no feature is left out.
func Chosen(names []string) []Feature {
	all := Features()
	if len(names) == 0 {
		return all
	}
	return slices.DeleteFunc(all, func(f Feature) bool { return !slices.Contains(names, f.Name) })
}

// Least is the smallest list of permissions that these features need, sorted: a permission that an other one on the list makes
// superfluous is left out. known, when there are any, are those that the organization's Microsoft Graph has: an older one lacks the
// youngest, and the next wider one takes their place.
func Least(features []Feature, known ...string) []string {
	var needs [][]string
	var out []string
	for _, f := range features {
		for _, n := range f.Needs {
			needs = append(needs, n.Permits)
			first := n.Permits[0]
			if i := slices.IndexFunc(n.Permits, func(p string) bool { return allows([]string{p}, known) }); i >= 0 {
				first = n.Permits[i]
			}
			for p := range strings.SplitSeq(first, "+") {
				if !slices.Contains(out, p) {
					out = append(out, p)
				}
			}
		}
	}
	slices.Sort(out)
	for i := len(out) - 1; i >= 0; i-- {
		without := slices.Delete(slices.Clone(out), i, i+1)
		if !slices.ContainsFunc(needs, func(n []string) bool { return !allows(n, without) }) {
			out = without
		}
	}
	return out
}
