// Package admin owns what people with a role see and do of others: lists and single people through the view rules of the policy,
// groups and licenses, the history of everybody, and the changes they make, each through the change engine. Pages, API and command
// line are readings of it.
//
// It promises that nobody sees a value, or learns it by filtering, that the policy hides from them; that what it offers to do is
// what the engine will allow; and that every change carries the names of what it is about, so that the history can be read later.
// It knows neither HTTP nor SQL.
package admin

import (
	"context"
	"slices"
	"strings"
	"time"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/policy"
	"nameplate/internal/property"
	"nameplate/odata"
)

// Directory is what a Desk reads.
type Directory interface {
	directory.Reader
	directory.Lister
}

// History is the journal as far as it is looked through.
type History interface {
	// Find lists entries of everybody in a tenant, newest first, at most n, older than before (0: from the newest).
	Find(ctx context.Context, tenant string, q change.Search, before int64, n int) ([]change.Entry, error)
	Get(ctx context.Context, tenant, id string) (change.Entry, error)
	// Verify walks the tenant's chain: how many records there are, or the first that does not fit.
	Verify(ctx context.Context, tenant string) (records int64, bad *change.BadRecord, err error)
}

// Engine makes changes; *change.Engine is one.
type Engine interface {
	Check(ctx context.Context, c change.Change) (change.Preview, error)
	Weigh(ctx context.Context, c change.Change, seen change.Seen) (change.Preview, error)
	Apply(ctx context.Context, c change.Change) (change.Outcome, error)
	Inverse(ctx context.Context, tenant, entry string, by directory.Actor) (change.Change, error)
	Reveal(ctx context.Context, tenant, entry string, by directory.Actor) (string, error)
	Together(ctx context.Context, n int, do func(i int, e *change.Engine, r directory.Reader))
}

// Config is what a Desk is made of; all of it is needed.
type Config struct {
	Directory Directory
	Engine    Engine
	Policy    *policy.Policy
	Journal   History
	Brake     Brake
	Keep      Keeper
	Now       func() time.Time
	// Differences are those of the copy of the directory.
	Differences Differences
	// Copy is the copy itself.
	Copy Copy
}

// Desk is where people with a role work. It is safe for concurrent use.
type Desk struct{ Config }

// New makes a Desk.
func New(c Config) *Desk { return &Desk{c} }

// Roles may look at other people; what they see and do beyond that is the policy's word.
var Roles = []directory.Role{directory.Admin, directory.Editor, directory.Auditor}

// Writers may change other people, as far as the policy lets them. An auditor never does, whatever the file says.
var Writers = []directory.Role{directory.Admin, directory.Editor}

// Looks says whether somebody holds a role that looks at other people.
func Looks(by directory.Actor) bool { return holds(by, Roles) }

// Writes says whether somebody holds a role that changes other people.
func Writes(by directory.Actor) bool { return holds(by, Writers) }

func holds(by directory.Actor, one []directory.Role) bool {
	return slices.ContainsFunc(by.Roles, func(r directory.Role) bool { return slices.Contains(one, r) })
}

var sayReader = fail.T("Your role looks and does not change.")

// may is the first gate of every method: a role in the tenant that is asked about, and for a key the scope.
func may(by directory.Actor, tenant string, scope directory.Scope) error {
	people := by.Kind == directory.PersonActor || by.Kind == directory.KeyActor
	own := by.Kind == directory.HostActor || people && by.Ref.Tenant == tenant && tenant != ""
	if own && !by.Can(scope) {
		return fail.New(fail.Denied, "admin", lacks(scope))
	}
	if own && Looks(by) {
		return nil
	}
	return fail.New(fail.Denied, "admin", fail.T("This is for administrators of your organization."))
}

func lacks(s directory.Scope) fail.Text {
	return fail.T("This key does not have the scope %s.", string(s))
}

// May says why somebody may not use a scope in a tenant, nil when they may; write asks for a role that changes people.
func May(by directory.Actor, tenant string, scope directory.Scope, write bool) error {
	if write {
		return writes(by, tenant, scope)
	}
	return may(by, tenant, scope)
}

// identity is what everybody with a role sees of a person, or they could not be told apart. Whoever hides it by the policy hides it.
var identity = []property.Name{"displayName", "userPrincipalName"}

// People lists people. Columns that the policy hides are left out row by row; a filter, a search or an order by something that is
// hidden of anybody is refused (Denied), for the list would tell it.
func (d *Desk) People(ctx context.Context, by directory.Actor, tenant string, q directory.Query) (directory.People, error) {
	if err := may(by, tenant, directory.PeopleRead); err != nil {
		return directory.People{}, err
	}
	if err := d.askable(by, tenant, q); err != nil {
		return directory.People{}, err
	}
	page, err := d.Directory.People(ctx, tenant, d.wide(q))
	return d.veil(by, page, q.Names), err
}

// DeletedPeople lists who can be restored.
func (d *Desk) DeletedPeople(ctx context.Context, by directory.Actor, tenant string, q directory.Query) (directory.People, error) {
	if err := may(by, tenant, directory.PeopleRead); err != nil {
		return directory.People{}, err
	}
	page, err := d.Directory.DeletedPeople(ctx, tenant, d.wide(q))
	return d.veil(by, page, q.Names), err
}

// Members lists the people who are direct members of a group.
func (d *Desk) Members(ctx context.Context, by directory.Actor, group directory.Ref, q directory.Query) (directory.People, error) {
	if err := may(by, group.Tenant, directory.PeopleRead); err != nil {
		return directory.People{}, err
	}
	if err := d.askable(by, group.Tenant, q); err != nil {
		return directory.People{}, err
	}
	page, err := d.Directory.Members(ctx, group, d.wide(q))
	return d.veil(by, page, q.Names), err
}

// wide asks also for what the rules of the policy need to know.
func (d *Desk) wide(q directory.Query) directory.Query {
	q.Names = slices.Clone(q.Names)
	for _, n := range slices.Concat(identity, d.Policy.Needs()) {
		if def, ok := d.Policy.Properties().Def(n); ok && !slices.Contains(q.Names, def.Name) && !def.Graph.Single && !def.Graph.Alone {
			q.Names = append(q.Names, def.Name)
		}
	}
	return q
}

func (d *Desk) veil(by directory.Actor, p directory.People, names []property.Name) directory.People {
	for i := range p.List {
		p.List[i].Values = d.Policy.Sees(by, p.List[i], slices.Concat(identity, names))
		if m := p.List[i].Manager; m != nil {
			p.List[i].Manager = &d.mentions(by, []directory.Person{*m})[0]
		}
	}
	return p
}

// Askable says why the actor may not ask for such a list, nil when they may: whoever reads it by another way than People asks first.
func (d *Desk) Askable(by directory.Actor, tenant string, q directory.Query) error {
	if err := may(by, tenant, directory.PeopleRead); err != nil {
		return err
	}
	return d.askable(by, tenant, q)
}

// askable refuses questions whose answer would tell what is hidden.
func (d *Desk) askable(by directory.Actor, tenant string, q directory.Query) error {
	var asked []property.Name
	if q.Filter != "" {
		e, err := odata.ParseFilter(q.Filter)
		if err != nil {
			f := fail.New(fail.Invalid, "admin.people", fail.T("The filter cannot be read: %s. It looks like department eq 'Sales'.", err.Error()))
			f.Item = "filter"
			return f
		}
		for _, n := range e.Names() {
			asked = append(asked, property.Name(n))
		}
	}
	if q.Order != "" {
		asked = append(asked, q.Order)
	}
	if q.Search != "" {
		asked = append(asked, "displayName", "mail")
	}
	for _, n := range asked {
		def, ok := d.Policy.Properties().Def(n)
		if !ok {
			f := fail.New(fail.Invalid, "admin.people", fail.T("There is no property called %q.", string(n)))
			f.Item = string(n)
			return f
		}
		if !d.Policy.SeesOfAll(by, tenant, def.Name) {
			f := fail.New(fail.Denied, "admin.people", fail.T("You cannot filter or sort by %q, because it is hidden from you.", string(def.Name)))
			f.Item = string(def.Name)
			return f
		}
	}
	return nil
}

// Allowed says whether something may be done, and why not.
type Allowed struct {
	Yes bool
	Why fail.Text // zero when Yes
}

// Person is one person as the actor may see them.
type Person struct {
	directory.User
	Fields  []policy.Field // properties, in the order of the page
	Photo   policy.Field
	Seen    bool // whether the picture may be seen
	Actions map[change.Action]Allowed
	// Gone says that the person was deleted and can be restored; then only FacetAccount can be changed.
	Gone bool
}

// actions are what a person's page offers beside fields.
var actions = []change.Action{change.Manager, change.Member, change.License, change.Account, change.Password, change.Sessions}

// Person reads one person with everything that the page about them shows, by one request.
func (d *Desk) Person(ctx context.Context, by directory.Actor, on directory.Ref) (Person, error) {
	if err := may(by, on.Tenant, directory.PeopleRead); err != nil {
		return Person{}, err
	}
	u, err := d.Directory.User(ctx, directory.Authority{}, on, directory.Ask{
		Names: append(d.Policy.Names(), directory.FacetAccount), Manager: true, Reports: true, Roles: true, Photo: true, Groups: true, Licenses: true,
	})
	if err != nil {
		return Person{}, err
	}
	return d.person(by, u), nil
}

var sayGone = fail.T("This person was deleted. Restore them first.")

func (d *Desk) person(by directory.Actor, u directory.User) Person {
	p := Person{User: u, Actions: map[change.Action]Allowed{}, Gone: u.Values[directory.FacetAccount].Str() == directory.Deleted}
	p.Fields = d.Policy.Form(by, p.User)
	for i, f := range p.Fields {
		if need := scope(change.Change{Do: change.Update, Set: property.Values{f.Def.Name: property.Bool(true)}}); f.Write && !by.Can(need) {
			p.Fields[i].Write, p.Fields[i].Reason = false, lacks(need)
		}
	}
	p.Photo, p.Seen = d.Policy.Photo(by, p.User)
	for _, a := range actions {
		yes, why := d.Policy.Acts(by, a, p.User)
		if need := scope(change.Change{Do: a}); yes && !by.Can(need) {
			yes, why = false, lacks(need)
		}
		if p.Gone && a != change.Account {
			yes, why = false, sayGone
		}
		if !Writes(by) {
			yes, why = false, sayReader
		}
		p.Actions[a] = Allowed{yes, why}
	}
	for i := range p.Fields {
		if f := &p.Fields[i]; f.Write && (p.Gone || !Writes(by)) {
			f.Write, f.Reason = false, sayReader
			if p.Gone {
				f.Reason = sayGone
			}
		}
	}
	p.Values = d.Policy.Sees(by, p.User, p.User.Values.Names())
	if p.Manager != nil {
		p.Manager = &d.mentions(by, []directory.Person{*p.Manager})[0]
	}
	p.Reports = d.mentions(by, p.Reports)
	return p
}

// mentions are people who are only named beside somebody or something. Which rules are about them is not known here, so what is
// hidden of anybody is hidden of them; their id stands for a name that is.
func (d *Desk) mentions(by directory.Actor, list []directory.Person) []directory.Person {
	list = slices.Clone(list)
	for i := range list {
		m := &list[i]
		for n, s := range map[property.Name]*string{"displayName": &m.Name, "userPrincipalName": &m.UPN, "jobTitle": &m.Title, "mail": &m.Mail} {
			if !d.Policy.SeesOfAll(by, m.Ref.Tenant, n) {
				*s = ""
			}
		}
		if m.Name == "" {
			m.Name = m.Ref.ID
		}
	}
	return list
}

// Photo is a person's picture in the size nearest to px, 0 for the largest; NotFound when there is none, or when it is hidden.
func (d *Desk) Photo(ctx context.Context, by directory.Actor, on directory.Ref, px int) (directory.Photo, error) {
	if err := may(by, on.Tenant, directory.PeopleRead); err != nil {
		return directory.Photo{}, err
	}
	u, err := d.Directory.User(ctx, directory.Authority{}, on, directory.Ask{Names: d.Policy.Needs(), Roles: true})
	if err != nil {
		return directory.Photo{}, err
	}
	if _, seen := d.Policy.Photo(by, u); !seen {
		return directory.Photo{}, fail.New(fail.NotFound, "admin.photo", fail.Text{})
	}
	return d.Directory.Photo(ctx, directory.Authority{}, on, px)
}

// OwnForm is what a person sees and may change of themselves, without the values.
func (d *Desk) OwnForm(ctx context.Context, by directory.Actor, on directory.Ref) ([]policy.Field, error) {
	if err := may(by, on.Tenant, directory.PeopleRead); err != nil {
		return nil, err
	}
	u, err := d.Directory.User(ctx, directory.Authority{}, on, directory.Ask{Names: d.Policy.Needs(), Roles: true})
	if err != nil {
		return nil, err
	}
	fields := d.Policy.Form(directory.Actor{Kind: directory.PersonActor, Ref: on}, u)
	for i := range fields {
		fields[i].Value, fields[i].Ask = property.Null(), nil
	}
	return fields, nil
}

// Named is who has a user principal name; NotFound.
func (d *Desk) Named(ctx context.Context, by directory.Actor, tenant, upn string) (directory.Ref, error) {
	if err := may(by, tenant, directory.PeopleRead); err != nil {
		return directory.Ref{}, err
	}
	u, err := d.Directory.ByName(ctx, tenant, upn, directory.Ask{})
	return u.Ref, err
}

// NamedDeleted is who was deleted, can be restored, and had a user principal name or is the only one called so; NotFound.
func (d *Desk) NamedDeleted(ctx context.Context, by directory.Actor, tenant, name string) (directory.Ref, error) {
	var called []directory.Ref
	for q := (directory.Query{Top: 999}); ; {
		page, err := d.DeletedPeople(ctx, by, tenant, q)
		if err != nil {
			return directory.Ref{}, err
		}
		for _, u := range page.List {
			if strings.EqualFold(u.Values["userPrincipalName"].Str(), name) {
				return u.Ref, nil
			}
			if strings.EqualFold(u.Values["displayName"].Str(), name) {
				called = append(called, u.Ref)
			}
		}
		if q.Page = page.Next; q.Page == "" {
			break
		}
	}
	switch {
	case len(called) == 1:
		return called[0], nil
	case len(called) > 1:
		return directory.Ref{}, fail.New(fail.Conflict, "admin", fail.T("%[2]d people who were deleted are called %[1]q. Name one by the object id or the user principal name.", name, len(called)))
	}
	return directory.Ref{}, fail.New(fail.NotFound, "admin", fail.T("Nobody called %q was deleted in the last 30 days.", name))
}

// Groups lists groups.
func (d *Desk) Groups(ctx context.Context, by directory.Actor, tenant string, q directory.Query) (directory.Groups, error) {
	if err := may(by, tenant, directory.PeopleRead); err != nil {
		return directory.Groups{}, err
	}
	return d.Directory.Groups(ctx, tenant, q)
}

// Group reads one group and says whether the actor may change its members.
func (d *Desk) Group(ctx context.Context, by directory.Actor, on directory.Ref) (directory.Group, Allowed, error) {
	if err := may(by, on.Tenant, directory.PeopleRead); err != nil {
		return directory.Group{}, Allowed{}, err
	}
	g, err := d.Directory.Group(ctx, on)
	if err != nil {
		return directory.Group{}, Allowed{}, err
	}
	g.Owners = d.mentions(by, g.Owners)
	return g, d.MayJoin(by, g), nil
}

// MayJoin says whether the actor may put people into a group and take them out, whoever they are.
func (d *Desk) MayJoin(by directory.Actor, g directory.Group) Allowed {
	if !Writes(by) {
		return Allowed{Why: sayReader}
	}
	for _, p := range d.Policy.MayJoin(by, g) {
		return Allowed{Why: p.Say}
	}
	return Allowed{Yes: true}
}

// SKUs are the products of the organization with their seats.
func (d *Desk) SKUs(ctx context.Context, by directory.Actor, tenant string) ([]directory.SKU, error) {
	if err := may(by, tenant, directory.PeopleRead); err != nil {
		return nil, err
	}
	return d.Directory.SKUs(ctx, tenant)
}
