package entra

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"nameplate/graph"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// core is what is always read: who it is, and what decides what can be changed.
var core = []string{"id", "userPrincipalName", "displayName", "accountEnabled", "userType", "onPremisesSyncEnabled", "onPremisesLastSyncDateTime"}

// apart are properties whose reading needs a right of its own, so that a refusal must not take the others with it.
// https://learn.microsoft.com/graph/api/user-get
var apart = []string{"employeeLeaveDateTime", "customSecurityAttributes", "mailboxSettings", "signInActivity"}

// reading is one $batch about a person while it is put together.
type reading struct {
	d     *Directory
	c     *graph.Client
	op    string
	id    string // of the person, "" when only their name is known
	own   bool   // with the person's own right
	ask   directory.Ask
	base  string // path of the person
	items []graph.Item
	parts []func(graph.Answer) // what to do with each answer
	user  directory.User
	err   error // of the main part
}

func (r *reading) add(path string, header map[string]string, then func(graph.Answer)) {
	r.items = append(r.items, graph.Item{Method: http.MethodGet, Path: r.base + path, Header: header})
	r.parts = append(r.parts, then)
}

func (r *reading) missing(op, what string, err error) {
	r.user.Missing = append(r.user.Missing, directory.Missing{What: what, Err: failure(op, r.user.Ref.ID, err)})
}

// User implements directory.Reader by one $batch: https://learn.microsoft.com/graph/json-batching
func (d *Directory) User(ctx context.Context, as directory.Authority, on directory.Ref, ask directory.Ask) (directory.User, error) {
	const op = "entra.user"
	if err := checked(op, on); err != nil {
		return directory.User{}, err
	}
	return d.user(ctx, op, as, on.Tenant, person(on.ID), on.ID, ask)
}

// ByName implements directory.Reader.
func (d *Directory) ByName(ctx context.Context, tenant, upn string, ask directory.Ask) (directory.User, error) {
	const op = "entra.byname"
	if upn == "" || strings.ContainsAny(upn, "/\\?") {
		f := fail.New(fail.Invalid, op, fail.T("%q is not a sign-in name. It looks like name@example.com.", upn))
		return directory.User{}, f
	}
	return d.user(ctx, op, directory.Authority{}, tenant, named(upn), "", ask)
}

func (d *Directory) user(ctx context.Context, op string, as directory.Authority, tenant, base, id string, ask directory.Ask) (directory.User, error) {
	r, err := d.reading(op, as, tenant, base, id, ask)
	if err != nil {
		return directory.User{}, err
	}
	answers, err := r.c.Batch(ctx, r.items)
	return r.end(ctx, answers, err)
}

// reading puts together what is asked of a person.
func (d *Directory) reading(op string, as directory.Authority, tenant, base, id string, ask directory.Ask) (*reading, error) {
	c, err := d.client(op, as, tenant)
	if err != nil {
		return nil, err
	}
	r := &reading{
		d: d, c: c, op: op, id: id, own: as.Delegated(), ask: ask,
		base: base, user: directory.User{Ref: directory.Ref{Tenant: strings.ToLower(tenant), ID: id}, Values: property.Values{}},
	}
	names := r.facets(op, ask)
	if err := r.properties(op, names); err != nil {
		return nil, err
	}
	if ask.Reports {
		r.add("/directReports?$select="+mention+"&$top=100", nil, r.reports(op))
	}
	if ask.Roles {
		// A cast on a transitive list is an advanced query. https://learn.microsoft.com/graph/aad-advanced-queries
		r.add("/transitiveMemberOf/microsoft.graph.directoryRole?$select=id,roleTemplateId&$count=true",
			map[string]string{"ConsistencyLevel": "eventual"}, r.roles(op))
	}
	if ask.Photo {
		r.add("/photo", nil, r.photo(op))
	}
	return r, nil
}

// end takes the answers to a reading's items; err is that of the whole request.
func (r *reading) end(ctx context.Context, answers []graph.Answer, err error) (directory.User, error) {
	if err != nil {
		return directory.User{}, r.d.unread(ctx, r.c, r.op, r.id, property.ReadUser, r.own, err)
	}
	for i, a := range answers {
		r.parts[i](a)
	}
	if r.err != nil && r.id != "" && isStatus(r.err, http.StatusNotFound) && slices.Contains(r.ask.Names, directory.FacetAccount) {
		return r.d.deleted(ctx, r.op, r.c, r.user.Ref, r.ask.Names)
	}
	if r.err != nil {
		return directory.User{}, r.d.unread(ctx, r.c, r.op, r.id, property.ReadUser, r.own, r.err)
	}
	if r.id != "" && !strings.EqualFold(r.user.Ref.ID, r.id) {
		f := fail.New(fail.Unavailable, r.op, fail.T("The directory answered about somebody else. Nothing was shown or changed; tell your administrator."))
		f.Item = r.id
		return directory.User{}, f
	}
	r.user.At = r.d.o.Now()
	return r.user, nil
}

// properties asks for the names: together, except those whose refusal must stay theirs alone.
func (r *reading) properties(op string, names []property.Name) error {
	plain := slices.Clone(core)
	held := []string{"id"} // held by SharePoint, a service that may be down or missing for a person while the directory is fine
	var alone [][]string
	group := map[string][]property.Name{}
	for _, n := range names {
		def, ok := r.d.o.Properties.Def(n)
		if !ok {
			f := fail.New(fail.Internal, op, fail.T("There is no property called %q.", string(n)))
			return f
		}
		if def.Graph.Secret {
			continue
		}
		s := def.Selected()
		switch {
		case slices.Contains(apart, s):
			if group[s] == nil {
				alone = append(alone, []string{s})
			}
			group[s] = append(group[s], def.Name)
		case def.Graph.Single || def.Graph.Alone:
			held = appendNew(held, s)
			group["held"] = append(group["held"], def.Name)
		default:
			plain = appendNew(plain, s)
			group["plain"] = append(group["plain"], def.Name)
		}
	}
	r.add("?$select="+sel(plain), nil, func(a graph.Answer) {
		if r.err = r.identity(a); r.err == nil {
			r.err = r.fill(a, group["plain"])
		}
	})
	side := func(fields []string, defs []property.Name) {
		r.add("?$select="+sel(fields), nil, func(a graph.Answer) {
			err := a.Err
			if err == nil {
				err = r.fill(a, defs)
			}
			if err != nil {
				for _, n := range defs {
					r.missing(op, string(n), err)
				}
			}
		})
	}
	if len(held) > 1 {
		side(held, group["held"])
	}
	for _, s := range alone {
		side(appendNew([]string{"id"}, s[0]), group[s[0]])
	}
	return nil
}

func appendNew(l []string, s string) []string {
	if slices.Contains(l, s) {
		return l
	}
	return append(l, s)
}

func sel(fields []string) string { return url.QueryEscape(strings.Join(fields, ",")) }

func (r *reading) fill(a graph.Answer, names []property.Name) error {
	v, err := read(r.d.o.Properties, a, names)
	for n, x := range v {
		r.user.Values[n] = x
	}
	return err
}

// read takes the named properties out of an answer. What was selected and left out has no value.
func read(s *property.Set, a graph.Answer, names []property.Name) (property.Values, error) {
	var whole json.RawMessage
	if err := a.Decode(&whole); err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, nil
	}
	v, err := property.Read(s, whole, names...)
	if err != nil {
		return nil, &graph.Fault{Op: "GET user", Sent: true, What: "the answer has a value of an unexpected type", Err: err}
	}
	for _, n := range names {
		if def, _ := s.Def(n); !def.Graph.Secret {
			if _, ok := v[def.Name]; !ok {
				v[def.Name] = def.Clean(property.Null())
			}
		}
	}
	return v, nil
}

func (r *reading) identity(a graph.Answer) error {
	var u struct {
		ID                         string
		AccountEnabled             *bool
		UserType                   *string
		OnPremisesSyncEnabled      *bool
		OnPremisesLastSyncDateTime *time.Time
	}
	if err := a.Decode(&u); err != nil {
		return err
	}
	if !guid(u.ID) {
		return &graph.Fault{Op: "GET user", Sent: true, What: "the answer is no person"}
	}
	r.user.Ref.ID = strings.ToLower(u.ID)
	r.user.Enabled = u.AccountEnabled == nil || *u.AccountEnabled
	r.user.Guest = u.UserType != nil && strings.EqualFold(*u.UserType, "Guest")
	switch {
	case u.OnPremisesSyncEnabled != nil && *u.OnPremisesSyncEnabled:
		r.user.Sync = directory.Synced
	case u.OnPremisesSyncEnabled != nil || u.OnPremisesLastSyncDateTime != nil: // false: was synced once, null: never
		r.user.Sync = directory.OnceSynced
	}
	return nil
}

// mention is what is read of a manager or a report.
const mention = "id,displayName,userPrincipalName,jobTitle,mail"

type mentioned struct{ ID, DisplayName, UserPrincipalName, JobTitle, Mail string }

func (m mentioned) person(tenant string) directory.Person {
	return directory.Person{
		Ref: directory.Ref{Tenant: strings.ToLower(tenant), ID: strings.ToLower(m.ID)},
		UPN: m.UserPrincipalName, Name: m.DisplayName, Title: m.JobTitle, Mail: m.Mail,
	}
}

// manager takes the manager; managed says that the facet is asked for as well.
func (r *reading) manager(op string, managed bool) func(graph.Answer) {
	return func(a graph.Answer) {
		if isStatus(a.Err, http.StatusNotFound) { // nobody is set
			if managed {
				r.user.Values[directory.FacetManager] = property.Null()
			}
			return
		}
		var m mentioned
		if err := a.Decode(&m); err != nil {
			r.missing(op, "manager", err)
			return
		}
		p := m.person(r.user.Ref.Tenant)
		r.user.Manager = &p
		if managed {
			r.user.Values[directory.FacetManager] = property.Text(p.Ref.ID)
		}
	}
}

func (r *reading) reports(op string) func(graph.Answer) {
	return func(a graph.Answer) {
		var l struct{ Value []mentioned }
		if err := a.Decode(&l); err != nil {
			r.missing(op, "reports", err)
			return
		}
		for _, m := range l.Value[:min(len(l.Value), 100)] {
			r.user.Reports = append(r.user.Reports, m.person(r.user.Ref.Tenant))
		}
	}
}

func (r *reading) roles(op string) func(graph.Answer) {
	return func(a graph.Answer) {
		var l struct {
			Value []struct{ RoleTemplateID string }
		}
		if err := a.Decode(&l); err != nil {
			r.missing(op, "roles", err)
			return
		}
		r.user.Roles = []string{}
		for _, x := range l.Value {
			if x.RoleTemplateID != "" {
				r.user.Roles = append(r.user.Roles, strings.ToLower(x.RoleTemplateID))
			}
		}
	}
}

func (r *reading) photo(op string) func(graph.Answer) {
	return func(a graph.Answer) {
		if isStatus(a.Err, http.StatusNotFound) {
			return
		}
		var p struct {
			ETag          string `json:"@odata.mediaEtag"`
			Width, Height int
		}
		if err := a.Decode(&p); err != nil {
			r.missing(op, "photo", err)
			return
		}
		if p.Width <= 1 && p.Height <= 1 { // a picture of one dot stands for none
			return
		}
		r.user.Photo = directory.PhotoInfo{ETag: p.ETag, Width: p.Width, Height: p.Height}
	}
}

// Organization implements directory.Reader. https://learn.microsoft.com/graph/api/organization-get
func (d *Directory) Organization(ctx context.Context, tenant string) (directory.Organization, error) {
	const op = "entra.organization"
	c, err := d.client(op, directory.Authority{}, tenant)
	if err != nil {
		return directory.Organization{}, err
	}
	var l struct {
		Value []struct {
			ID              string
			DisplayName     string
			VerifiedDomains []struct{ Name string }
		}
	}
	if err := c.Get(ctx, "/organization?$select=id,displayName,verifiedDomains", &l); err != nil {
		return directory.Organization{}, d.unread(ctx, c, op, tenant, property.ReadOrg, false, err)
	}
	if len(l.Value) == 0 {
		return directory.Organization{}, fail.New(fail.NotFound, op, fail.T("The directory does not say which organization this is."))
	}
	o := directory.Organization{Tenant: strings.ToLower(l.Value[0].ID), Name: l.Value[0].DisplayName}
	for _, v := range l.Value[0].VerifiedDomains {
		o.Domains = append(o.Domains, v.Name)
	}
	return o, nil
}
