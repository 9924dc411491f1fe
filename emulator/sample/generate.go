package sample

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"nameplate/emulator"
)

// office is a place of work of the generated company.
type office struct {
	name, street, city, state, postal, country, iso, language, dial string
	weight                                                          int
	names                                                           *names
}

// names is a pool to take given and family names from.
type names struct {
	given, family []string
	latin         []string // the sign-in spelling of given followed by that of family; nil where the names are Latin already
	familyFirst   bool
}

// team is a department with the titles that people have in it, from the bottom up.
type team struct {
	name, division string
	weight         int
	titles         []string
}

// Domain of the generated organization.
const domain = "meridian.example"

// Generate makes an organization of n people: offices in nine countries, departments of very different sizes, a tree of managers
// with four to twelve reports each, a handful of guests, synced and disabled people, and gaps and stale values as real
// directories have them. The same n and seed give the same people with the same ids. About 5 µs a person.
func Generate(n int, seed uint64) emulator.Organization {
	org := Large(n, seed)
	org.Users, org.People = slices.AppendSeq(make([]emulator.User, 0, n), org.People), nil
	return org
}

// Large is the organization of Generate with its people in People, made one by one when somebody asks for them.
func Large(n int, seed uint64) emulator.Organization {
	org := emulator.Organization{
		ID:      id(seed, 0xffffffff),
		Name:    "Meridian Freight",
		Country: "NL",
		Domains: []emulator.Domain{
			{Name: domain, Verified: true},
			{Name: "ad." + domain, Verified: true},
			{Name: "meridian-old.example"},
		},
		People: func(yield func(emulator.User) bool) { people(n, seed, yield) },
		Apps:   portal(),
		Subscriptions: []emulator.Subscription{{
			SKU: "05e9a617-0261-4cee-bb44-138d3ef5d965", Part: "SPE_E3", Seats: n + n/10,
			Plans: []emulator.Plan{
				{ID: "efb87545-963c-4e0d-99df-69c6916d9eb0", Name: "EXCHANGE_S_ENTERPRISE"},
				{ID: "5dbe027f-2339-4123-9542-606e4d348a72", Name: "SHAREPOINTENTERPRISE"},
				{ID: "57ff2da0-773e-42df-b2af-ffb7a2317929", Name: "TEAMS1"},
				{ID: "41781fb2-bc02-4b7c-bd55-b576c07bb09d", Name: "AAD_PREMIUM"},
			},
		}},
	}
	roles := []string{"Nameplate.Admin", "Nameplate.Editor", "Nameplate.Approver", "Nameplate.Auditor"}
	i := 0
	for u := range org.People {
		for len(roles) > 0 && (i > 0 || n <= len(roles)) { // the head holds a directory role already
			org.Apps[0].Assigned[roles[0]] = []string{u.UPN}
			roles = roles[1:]
			if i < n-1 {
				break // the last one holds what is left
			}
		}
		if i++; len(roles) == 0 {
			break
		}
	}
	return org
}

func people(n int, seed uint64, yield func(emulator.User) bool) {
	g := generator{
		rnd:  rand.New(rand.NewPCG(seed, 0x70656f706c65)), // #nosec G404 -- the same people each time, nothing secret
		seed: seed, taken: map[string]int{}, offices: offices(), teams: teams(),
	}
	upns := make([]string, 0, n)
	for i := range n {
		u := g.person(i, n, upns)
		if i == 0 {
			u.Roles = []string{"Global Administrator"}
		}
		upns = append(upns, u.UPN)
		if !yield(u) {
			return
		}
	}
}

// portal is the registration of the demo portal, the same as in contoso.yaml.
func portal() []emulator.App {
	org, err := Contoso()
	if err != nil {
		panic(err) // the file is part of the program and read by a test
	}
	for i := range org.Apps {
		org.Apps[i].Assigned = map[string][]string{}
	}
	return org.Apps
}

type generator struct {
	rnd     *rand.Rand
	seed    uint64
	offices []office
	teams   []team
	taken   map[string]int
}

func id(seed uint64, i int) string {
	return fmt.Sprintf("%08x-%04x-4000-8%03x-%012x", (seed*0x9e3779b1+7)&0xffffffff, seed>>16&0xffff, seed>>32&0xfff, i+1)
}

// span is how many people report to one manager on average.
const span = 7

func (g *generator) person(i, n int, before []string) emulator.User {
	o := &g.offices[g.weighted(len(g.offices), func(i int) int { return g.offices[i].weight })]
	t := &g.teams[g.weighted(len(g.teams), func(i int) int { return g.teams[i].weight })]
	given := g.rnd.IntN(len(o.names.given))
	family := g.rnd.IntN(len(o.names.family))
	first, last := o.names.given[given], o.names.family[family]
	display := first + " " + last
	if o.names.familyFirst {
		display = last + " " + first
	}
	name := g.free(o.names.signIn(given, family))
	u := emulator.User{ID: id(g.seed, i), UPN: name + "@" + domain}
	level := 0 // how far below the head
	if i > 0 {
		at := (i - 1) / span
		if jitter := g.rnd.IntN(5) - 2; at+jitter >= 0 && at+jitter < i {
			at += jitter
		}
		if g.rnd.IntN(50) != 0 { // two in a hundred have no manager on record
			u.Manager = before[at]
		}
		for p := i; p > 0; p = (p - 1) / span {
			level++
		}
	}
	v := make(map[string]any, 20)
	u.Values = v
	v["displayName"] = display
	v["givenName"] = first
	v["surname"] = last
	v["mailNickname"] = name
	v["accountEnabled"] = true
	v["userType"] = "Member"
	v["mail"] = u.UPN
	v["usageLocation"] = o.iso
	v["jobTitle"] = t.title(g.rnd, level, n)
	v["department"] = t.name
	v["companyName"] = "Meridian Freight"
	v["employeeId"] = strconv.Itoa(100000 + i)
	v["officeLocation"] = o.name
	g.some(v, 97, "preferredLanguage", o.language)
	g.some(v, 92, "city", o.city)
	g.some(v, 70, "streetAddress", o.street)
	g.some(v, 72, "postalCode", o.postal)
	g.some(v, 55, "state", o.state)
	g.some(v, 90, "country", o.country)
	g.some(v, 64, "mobilePhone", g.phone(o, i))
	if g.rnd.IntN(100) < 48 {
		v["businessPhones"] = []any{g.phone(o, i+n)}
	}
	if g.rnd.IntN(100) < 60 {
		v["employeeHireDate"] = time.Date(2005+g.rnd.IntN(21), time.Month(1+g.rnd.IntN(12)), 1, 0, 0, 0, 0, time.UTC).Format(time.RFC3339)
	}
	if g.rnd.IntN(100) < 80 {
		v["employeeType"] = []string{"Employee", "Employee", "Employee", "Employee", "Contractor", "Intern"}[g.rnd.IntN(6)]
	}
	if g.rnd.IntN(100) < 45 {
		v["employeeOrgData"] = map[string]any{"division": t.division, "costCenter": strconv.Itoa(1000 + 10*g.rnd.IntN(60))}
	}
	if g.rnd.IntN(100) < 8 {
		v["skills"] = []any{"Customs", "Excel", o.language}
	}
	switch x := g.rnd.IntN(1000); {
	case i < 5: // who holds the roles of the portal
	case x < 40: // left, account kept
		v["accountEnabled"] = false
		delete(v, "mobilePhone")
	case x < 70:
		u.UPN = name + "_partner.example#EXT#@" + domain
		v["userType"], v["mail"], v["mailNickname"] = "Guest", name+"@partner.example", name+"_partner.example#EXT#"
		for _, k := range []string{"employeeId", "employeeType", "employeeHireDate", "employeeOrgData", "officeLocation", "department"} {
			delete(v, k)
		}
	case x < 220:
		u.Sync = "synced"
	case x < 230:
		u.Sync = "once"
	case x < 300: // stale: an office that was closed, a department that was renamed
		v["officeLocation"] = "Harbor House (closed)"
		v["department"] = t.name + " (old)"
	case x < 330: // nearly empty
		for _, k := range []string{"jobTitle", "department", "officeLocation", "employeeId", "companyName"} {
			delete(v, k)
		}
	case x < 345:
		v["mobilePhone"] = "n/a"
	}
	return u
}

// some sets a property for so many in a hundred.
func (g *generator) some(v map[string]any, percent int, name, value string) {
	if g.rnd.IntN(100) < percent {
		v[name] = value
	}
}

func (g *generator) phone(o *office, i int) string {
	return fmt.Sprintf("%s 555 %04d %02d", o.dial, i/100%10000, i%100)
}

// free makes a sign-in name that nobody has yet.
func (g *generator) free(name string) string {
	n := g.taken[name]
	g.taken[name] = n + 1
	if n == 0 {
		return name
	}
	return name + strconv.Itoa(n+1)
}

func (g *generator) weighted(n int, weight func(int) int) int {
	total := 0
	for i := range n {
		total += weight(i)
	}
	x := g.rnd.IntN(total)
	for i := range n {
		if x -= weight(i); x < 0 {
			return i
		}
	}
	return n - 1
}

// title is what somebody so far below the head is called.
func (t *team) title(rnd *rand.Rand, level, n int) string {
	deepest := 0
	for p := n - 1; p > 0; p = (p - 1) / span {
		deepest++
	}
	switch {
	case level == 0:
		return "Chief Executive"
	case level == 1:
		return "Director of " + t.name
	case level < deepest:
		return "Head of " + t.name + ", " + []string{"North", "South", "East", "West", "Central"}[rnd.IntN(5)]
	}
	return t.titles[rnd.IntN(len(t.titles))]
}

var plainLetters = strings.NewReplacer(
	"ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss", "é", "e", "è", "e", "ê", "e", "ë", "e", "á", "a", "à", "a", "â", "a", "ã", "a", "å", "a",
	"í", "i", "ï", "i", "î", "i", "ó", "o", "ô", "o", "õ", "o", "ø", "o", "ú", "u", "û", "u", "ç", "c", "ñ", "n", "ł", "l", "ż", "z", "ź", "z",
	"ś", "s", "ć", "c", "ń", "n", "ę", "e", "ą", "a", "š", "s", "č", "c", "ř", "r", "ž", "z", "ý", "y", "ě", "e", "ı", "i", "ş", "s", "ğ", "g",
	" ", "", "'", "", "’", "", "-", "",
)

func (p *names) signIn(given, family int) string {
	a, b := p.given[given], p.family[family]
	if p.latin != nil {
		a, b = p.latin[given], p.latin[len(p.given)+family]
	}
	return plainLetters.Replace(strings.ToLower(a)) + "." + plainLetters.Replace(strings.ToLower(b))
}
