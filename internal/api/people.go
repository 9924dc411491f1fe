package api

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"nameplate/internal/admin"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
	"nameplate/internal/web"
)

var (
	readers = admin.Roles
	writers = []directory.Role{directory.Admin, directory.Editor}
	admins  = []directory.Role{directory.Admin}
)

// person is somebody in a list or by themselves: id, and the properties that the key may see beside it in the same object.
type person map[string]any

// peoplePage is a page of people.
type peoplePage struct {
	People []person `json:"people"`
	page
}

func (a *API) people() []Route {
	return []Route{
		{
			Method: "GET", Path: "/people", Says: "List people.", Scope: directory.PeopleRead, Roles: readers, Gives: peoplePage{}, do: listPeople,
			Query: []Param{filterParam, searchParam, selectParam, orderParam, limitParam, cursorParam, countParam, {"deleted", "true lists those who were deleted and can be restored", "boolean"}},
		},
		{
			Method: "GET", Path: "/find", Says: "Find people by the beginnings of words in their name, address, work and telephone numbers, in a fresh copy of the directory; without one by name and address.",
			Scope: directory.PeopleRead, Roles: readers, Gives: foundPeople{}, do: findPeople, Query: []Param{{"text", "what is looked for; several words have to be there all", "string"}, selectParam, limitParam},
		},
		{
			Method: "GET", Path: "/people/{id}", Says: "Read one person, by object id or userPrincipalName.", Scope: directory.PeopleRead, Roles: readers, Gives: person{}, do: getPerson,
			Query: []Param{selectParam},
		},
		{
			Method: "PATCH", Path: "/people/{id}", Says: "Change properties: a value sets, null clears, what is left out stays.", Scope: directory.PeopleWrite, Roles: writers,
			Body: person{}, Gives: outcome{}, Match: true, Check: true, do: patchPerson,
		},
		{
			Method: "POST", Path: "/people", Says: "Add a person. The password, which has to be changed at the first sign-in, is shown once.",
			Scope: directory.PeopleCreate, Roles: admins, Body: newcomer{}, Gives: outcome{}, Check: true, do: addPerson,
		},
		{Method: "GET", Path: "/people/{id}/rights", Says: "What this key may change of the person, and why not the rest.", Scope: directory.PeopleRead, Roles: readers, Gives: rights{}, do: getRights},
	}
}

// columns are what a list gives when nothing is selected.
var columns = []property.Name{"displayName", "userPrincipalName", "mail", "jobTitle", "department"}

func listPeople(c *call) (reply, error) {
	q, err := c.query(columns...)
	if err != nil {
		return reply{}, err
	}
	list := c.Desk.People
	switch c.r.URL.Query().Get("deleted") {
	case "", "false":
	case "true":
		list = c.Desk.DeletedPeople
		for _, name := range []string{"filter", "search", "order", "count"} {
			if c.r.URL.Query().Has(name) {
				return reply{}, refuseAt(http.StatusBadRequest, fieldError{Parameter: name, Code: "unknown"}, fail.T("Those who were deleted are listed as a whole: %q is not answered.", name))
			}
		}
	default:
		return reply{}, refuseAt(http.StatusBadRequest, fieldError{Parameter: "deleted", Code: "form"}, fail.T("%q is true or false.", "deleted"))
	}
	got, err := list(c.r.Context(), c.by, c.tenant, q)
	if err != nil {
		return reply{}, err
	}
	return reply{body: peoplePage{shownPeople(got.List, q.Names), c.page(got.Next, got.Total)}}, c.listed(change.ExportPeople, len(got.List))
}

// foundPeople are people of the copy of the directory.
type foundPeople struct {
	People []person   `json:"people" says:"names that begin with the text first"`
	AsOf   *time.Time `json:"asOf" says:"the copy is the directory as it was then, or newer; null: the directory itself was asked"`
}

func findPeople(c *call) (reply, error) {
	q, err := c.query(columns...)
	if err != nil {
		return reply{}, err
	}
	text := strings.TrimSpace(c.r.URL.Query().Get("text"))
	found, err := c.Desk.Search(c.r.Context(), c.by, c.tenant, text, q.Names, q.Top)
	if err == nil {
		return reply{body: foundPeople{shownPeople(found.People, q.Names), &found.AsOf}}, nil
	}
	if !fail.Is(err, fail.Unavailable) {
		return reply{}, err
	}
	if text == "" {
		return reply{body: foundPeople{People: []person{}}}, nil
	}
	q.Search = text
	got, err := c.Desk.People(c.r.Context(), c.by, c.tenant, q)
	if err != nil {
		return reply{}, err
	}
	return reply{body: foundPeople{People: shownPeople(got.List, q.Names)}}, nil
}

func shownPeople(list []directory.User, names []property.Name) []person {
	out := []person{}
	for _, u := range list {
		p := person{"id": u.Ref.ID}
		for n, v := range u.Values {
			if slices.Contains(names, n) || n == "displayName" || n == "userPrincipalName" {
				p[string(n)] = v
			}
		}
		out = append(out, p)
	}
	return out
}

// mention is somebody or something by name.
type mention struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	UPN  string `json:"userPrincipalName,omitempty"`
}

// license is a product that a person has.
type license struct {
	SKU      string   `json:"sku"`
	Disabled []string `json:"disabledPlans"`
	Groups   []string `json:"groups" says:"the groups that give it"`
	Direct   bool     `json:"direct" says:"given directly, maybe beside a group"`
	Problem  string   `json:"problem,omitempty" says:"the directory's word for why it does not work"`
}

// missing is what could not be read.
type missing struct {
	What   string `json:"what"`
	Detail string `json:"detail"`
}

var syncWords = map[directory.Sync]string{directory.CloudOnly: "cloud", directory.Synced: "synced", directory.OnceSynced: "once-synced"}

// besides are the members of a person that are no properties: their schemas, by example.
var besides = map[string]any{
	"id": "", "deleted": true, "guest": true, "directory": "", "manager": &mention{}, "groups": []mention{}, "licenses": []license{}, "photo": true, "missing": []missing{},
}

var guid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// on is the person whom the address names.
func (c *call) on(ctx context.Context) (directory.Ref, error) {
	return c.named(ctx, c.r.PathValue("id"))
}

func (c *call) named(ctx context.Context, name string) (directory.Ref, error) {
	switch {
	case guid.MatchString(name):
		return directory.Ref{Tenant: c.tenant, ID: name}, nil
	case len(name) <= 200 && strings.Contains(name, "@") && !strings.ContainsAny(name, "/\\?\x00\r\n\t "):
		return c.Desk.Named(ctx, c.by, c.tenant, name)
	}
	return directory.Ref{}, &web.Refusal{Status: http.StatusNotFound, Say: fail.T("People are named by their object id, in lower case, or by their userPrincipalName.")}
}

// objectID is an object's id from the address.
func (c *call) objectID(name string) (directory.Ref, error) {
	if id := c.r.PathValue(name); guid.MatchString(id) {
		return directory.Ref{Tenant: c.tenant, ID: id}, nil
	}
	return directory.Ref{}, &web.Refusal{Status: http.StatusNotFound, Say: fail.T("Here stands an object id, in lower case.")}
}

// read is the person whom the address names, as the key may see them.
func (c *call) read() (admin.Person, error) {
	ref, err := c.on(c.r.Context())
	if err != nil {
		return admin.Person{}, err
	}
	return c.Desk.Person(c.r.Context(), c.by, ref)
}

// etag is a strong tag of the values that the key may see: two keys that see different things have different tags.
func etag(p admin.Person) string {
	b, err := json.Marshal(values(p.Values)) // in the order of the names
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(append([]byte(p.Ref.ID), b...))
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`
}

func getPerson(c *call) (reply, error) {
	q, err := c.query()
	if err != nil {
		return reply{}, err
	}
	p, err := c.read()
	if err != nil {
		return reply{}, err
	}
	out := person{"id": p.Ref.ID}
	for n, v := range p.Values {
		if q.Names == nil || slices.Contains(q.Names, n) {
			out[string(n)] = v
		}
	}
	if q.Names != nil {
		return reply{body: out, etag: etag(p)}, nil
	}
	out["deleted"], out["guest"], out["directory"], out["photo"] = p.Gone, p.Guest, syncWords[p.Sync], p.Seen && p.User.Photo.ETag != ""
	out["manager"] = (*mention)(nil)
	if p.Manager != nil {
		out["manager"] = &mention{p.Manager.Ref.ID, p.Manager.Name, p.Manager.UPN}
	}
	groups, licenses, gaps := []mention{}, []license{}, []missing{}
	for _, g := range p.Groups {
		groups = append(groups, mention{ID: g.Ref.ID, Name: g.Name})
	}
	for _, l := range p.Licenses {
		licenses = append(licenses, license{l.SKU, list(l.Disabled), list(l.Groups), l.Direct, l.Problem})
	}
	for _, m := range p.Missing {
		gaps = append(gaps, missing{m.What, tell(c.v, m.Err).Detail})
	}
	out["groups"], out["licenses"], out["missing"] = groups, licenses, gaps
	return reply{body: out, etag: etag(p)}, nil
}

// list is never null in JSON.
func list(l []string) []string { return append([]string{}, l...) }

// rights are what a key may change of a person.
type rights struct {
	Properties map[string]right `json:"properties"`
	Acts       map[string]right `json:"acts"`
}

// right says whether something may be changed, and why not.
type right struct {
	May      bool     `json:"may"`
	Why      string   `json:"why,omitempty" says:"why not"`
	Required bool     `json:"required,omitempty" says:"it cannot be cleared"`
	Max      int      `json:"max,omitempty" says:"characters"`
	Options  []string `json:"options,omitempty" says:"values to pick from"`
	Only     bool     `json:"only,omitempty" says:"nothing but the options"`
	Pattern  string   `json:"pattern,omitempty" says:"RE2 that the whole text has to fit"`
}

func getRights(c *call) (reply, error) {
	p, err := c.read()
	if err != nil {
		return reply{}, err
	}
	out := rights{Properties: map[string]right{}, Acts: map[string]right{}}
	for _, f := range p.Fields {
		r := right{May: f.Write && !p.Gone, Required: f.Required, Max: f.Max, Only: f.Only, Pattern: f.Pattern}
		if !f.Write {
			r.Why = c.v.T(f.Reason)
		}
		for _, o := range f.Options {
			r.Options = append(r.Options, o.Value)
		}
		out.Properties[string(f.Def.Name)] = r
	}
	for a, y := range p.Actions {
		r := right{May: y.Yes}
		if !y.Yes {
			r.Why = c.v.T(y.Why)
		}
		out.Acts[string(a)] = r
	}
	return reply{body: out}, nil
}

// match holds a request to what it says it has seen: 428 when it does not say it, 412 when that is not so any more. any is If-Match: *.
func (c *call) match(tag string) (anything bool, err error) {
	h := c.r.Header.Values("If-Match")
	at := fieldError{Header: "If-Match", Code: "required"}
	switch {
	case len(h) == 0:
		return false, refuseAt(http.StatusPreconditionRequired, at, fail.T("Say by If-Match which state you have seen: the ETag of a GET, or * for whatever is there."))
	case len(h) == 1 && h[0] == "*":
		return true, nil
	}
	for _, t := range strings.Split(strings.Join(h, ","), ",") {
		if strings.TrimSpace(t) == tag {
			return false, nil
		}
	}
	at.Code = "changed"
	return false, refuseAt(http.StatusPreconditionFailed, at, fail.T("It was changed since it was read, or the tag is of something else. Read it again and decide."))
}

func patchPerson(c *call) (reply, error) {
	set, probs := c.properties()
	if len(probs) > 0 {
		return reply{}, refuse(http.StatusBadRequest, fail.T("Nothing was changed. Look at what is named, correct it and send it again."), probs...)
	}
	p, err := c.read()
	if err != nil {
		return reply{}, err
	}
	anything, err := c.match(etag(p))
	if err != nil {
		return reply{}, err
	}
	ch := change.Change{On: p.Ref, Do: change.Update, Set: set}
	if !anything {
		ch.Expect = property.Values{}
		for n := range set {
			if v, seen := p.Values[n]; seen {
				ch.Expect[n] = v
			}
		}
	}
	return c.change(ch)
}

// properties are the body of a PATCH.
func (c *call) properties() (property.Values, []fieldError) {
	m, _ := c.tree.(map[string]any)
	var raw map[string]json.RawMessage
	if err := c.into(&raw); err != nil || len(m) == 0 {
		return nil, []fieldError{{Code: "empty", say: fail.T("There is nothing to change.")}}
	}
	return c.valuesOf(m, raw, "/")
}

// valuesOf are the properties of an object in a body, which stands there under a pointer.
func (c *call) valuesOf(m map[string]any, raw map[string]json.RawMessage, under string) (property.Values, []fieldError) {
	set := property.Values{}
	var probs []fieldError
	for _, name := range sorted(m) {
		say := func(code string, t fail.Text) {
			probs = append(probs, fieldError{Pointer: short(under + escape(name)), Code: code, say: t})
		}
		d, ok := c.Policy.Properties().Def(property.Name(name))
		if _, other := besides[name]; other && !ok {
			say("not_a_property", fail.T("%q is no property: it has an address of its own, or cannot be changed.", name))
			continue
		}
		if !ok || string(d.Name) != name {
			say("unknown", fail.T("There is no property called %q.", short(name)))
			continue
		}
		var v property.Value
		if err := v.UnmarshalJSON(raw[name]); err != nil {
			say("type", fail.T("This is not a value of this property."))
			continue
		}
		if m[name] == "" {
			say("empty", fail.T("An empty text is no value. Send null to clear it."))
			continue
		}
		if _, list := m[name].([]any); (d.Kind == property.KindTextList) != list && !v.IsNull() && d.Kind != property.KindObject {
			say("type", fail.T("This is not a value of this property: it is a %s.", d.Kind.String()))
			continue
		}
		set[d.Name] = d.Decode(v)
	}
	return set, probs
}
