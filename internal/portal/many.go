package portal

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"nameplate/internal/bulk"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/policy"
	"nameplate/internal/property"
	"nameplate/internal/sheet"
	"nameplate/internal/web"
)

// Many people at once: those of a list, or who was picked in it; what is said here becomes a plan, which is looked at like any other.

const (
	manyPath  = "/admin/people/edit"
	manyScope = "many"
	mostIDs   = 500 // picked in one form
)

type manyBody struct {
	Who, Back, At string
	Chosen        []filterView
	Keep          []hiddenView
	Scope, Token  string
	Fields        []manyField
	Add           []optionView
	Manager       string
	NoManager     bool
	Join, Leave   string
	Products      []manyProduct
	Problem       string
}

// manyField is a property that is to become the same for all.
type manyField struct {
	fieldView
	Clear bool // it is to be taken away
}

type manyProduct struct {
	ID, Name, Free string
	Give, Take     bool
}

// listKeys are what says which list of people is meant; in the form they have "of." before them, for a property can be called the same.
var listKeys = []string{"view", "q", "department", "filter"}

// whom are the people of a form.
func whom(q url.Values) (s bulk.Selection, l peopleQuery, err error) {
	list := url.Values{}
	for _, name := range listKeys {
		if q.Has("of." + name) {
			list[name] = q["of."+name]
		}
	}
	if l, err = readPeopleQuery(list); err != nil {
		return s, l, err
	}
	if l.view == "deleted" {
		return s, l, wrong("view")
	}
	if q.Get("all") != "" {
		return bulk.Selection{All: true, Filter: l.clauses(), Search: l.words}, l, nil
	}
	for _, id := range q["id"] {
		if !isID(id) || len(s.IDs) == mostIDs {
			return s, l, wrong("id")
		}
		s.IDs = append(s.IDs, id)
	}
	return s, l, nil
}

// askMany asks what is to become of many people.
func (p *Portal) askMany(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	q, values := r.URL.Query(), url.Values{}
	for _, name := range []string{"all", "id"} {
		values[name] = q[name]
	}
	for _, name := range listKeys {
		if q.Has(name) {
			values["of."+name] = q[name]
		}
	}
	f := &web.Form{Values: values}
	if kept := p.kept(r.Context(), v, r.URL.Path); kept != nil && kept.Scope == manyScope {
		f = kept
	}
	return p.showMany(w, r, v, http.StatusOK, f, "")
}

// manyFields are the properties that the reader may set, of somebody of whom nothing is known.
func (p *Portal) manyFields(v *web.Visit) []policy.Field {
	writable := map[property.Name]bool{}
	for _, d := range sheet.Writable(p.props) {
		writable[d.Name] = true
	}
	blank := directory.User{Ref: directory.Ref{Tenant: v.Session.Ref.Tenant}, Values: property.Values{}, Roles: []string{}}
	for _, n := range p.Desk.Policy.Needs() {
		blank.Values[n] = property.Null()
	}
	return slices.DeleteFunc(p.Desk.Policy.Form(v.Actor(), blank), func(f policy.Field) bool {
		return !f.Write || !writable[f.Def.Name] || f.Def.Name == "displayName"
	})
}

func (p *Portal) showMany(w http.ResponseWriter, r *http.Request, v *web.Visit, status int, f *web.Form, problem string) error {
	pr := v.Printer
	s, l, err := whom(f.Values)
	if err != nil {
		return err
	}
	by, tenant := v.Actor(), v.Session.Ref.Tenant
	b := manyBody{At: manyPath, Back: with("/admin/people", l.values()), Scope: manyScope, Token: v.Token(manyScope), Problem: problem, Manager: f.Get("manager"), NoManager: f.Get("nomanager") != "", Join: f.Get("join"), Leave: f.Get("leave")}
	n := len(s.IDs)
	if s.All {
		list, err := p.Desk.People(r.Context(), by, tenant, directory.Query{Filter: s.Filter, Search: s.Search, Top: 1, Count: true})
		if err != nil {
			return err
		}
		n = list.Total
		b.Keep = append(b.Keep, hiddenView{"all", "1"})
		b.Chosen = p.peopleBody(v, l).Chosen
	}
	b.Who = pr.S("%d people", n)
	for name, values := range l.values() {
		b.Keep = append(b.Keep, hiddenView{"of." + name, values[0]})
	}
	slices.SortFunc(b.Keep, func(x, y hiddenView) int { return strings.Compare(x.Name, y.Name) })
	for _, id := range s.IDs {
		b.Keep = append(b.Keep, hiddenView{"id", id})
	}
	if n == 0 {
		b.Problem = v.T(fail.T("Nobody was picked."))
	}

	chosen := f.Values["set"]
	if add := f.Get("add"); add != "" && !slices.Contains(chosen, add) {
		chosen = append(slices.Clone(chosen), add)
	}
	d := drawing{p: pr, typed: valuesOf(f), was: property.Values{}, user: directory.User{Values: property.Values{}}}
	for _, one := range p.manyFields(v) {
		name := string(one.Def.Name)
		if !slices.Contains(chosen, name) {
			b.Add = append(b.Add, optionView{Value: name, Label: v.T(label(one))})
			continue
		}
		one.Required = false
		x := manyField{d.field(one), f.Get("clear."+name) != ""}
		x.WasError = false
		b.Fields = append(b.Fields, x)
		b.Keep = append(b.Keep, hiddenView{"set", name})
	}
	skus, err := p.Desk.SKUs(r.Context(), by, tenant)
	if err != nil {
		return err
	}
	for _, k := range skus {
		b.Products = append(b.Products, manyProduct{k.ID, directory.ProductName(k.Part), pr.S("%d free", k.Free()), slices.Contains(f.Values["give"], k.ID), slices.Contains(f.Values["take"], k.ID)})
	}
	return p.show(w, v, status, "many", p.desk(r, v, "people", fail.T("Edit many people"), b))
}

// many makes a plan of what was said, or shows the form with one property more.
func (p *Portal) many(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	f, err := v.FormFor(r, manyScope)
	if err != nil {
		return err
	}
	fields := map[string]policy.Field{}
	for _, one := range p.manyFields(v) {
		fields[string(one.Def.Name)] = one
	}
	known := []string{"all", "id", "of.view", "of.q", "of.department", "of.filter", "step", "set", "add", "manager", "nomanager", "join", "leave", "give", "take"}
	if err := f.Only(func(k string) bool {
		_, field := fields[strings.TrimPrefix(strings.TrimPrefix(k, "was."), "clear.")]
		return field || slices.Contains(known, k)
	}); err != nil {
		return err
	}
	s, _, err := whom(f.Values)
	if err != nil {
		return err
	}
	if f.Get("step") != "plan" {
		return p.showMany(w, r, v, http.StatusOK, f, "")
	}
	say := func(t fail.Text) error {
		return p.showMany(w, r, v, http.StatusUnprocessableEntity, f, v.T(t))
	}
	s.Set = property.Values{}
	for _, name := range f.Values["set"] {
		one, ok := fields[name]
		if !ok {
			return wrong("set")
		}
		value := readText(one.Def, strings.Join(f.Values[name], "\n"), property.Null())
		switch clears := f.Get("clear."+name) != ""; {
		case clears && !value.Empty():
			return say(fail.T("%s has a value and is to be taken away. Choose one of the two.", v.T(label(one))))
		case !clears && value.Empty():
			return say(fail.T("Say what %s is to become, or that it is to be taken away.", v.T(label(one))))
		}
		s.Set[one.Def.Name] = value
	}
	if text := strings.TrimSpace(f.Get("manager")); f.Get("nomanager") != "" {
		if text != "" {
			return say(fail.T("%s has a value and is to be taken away. Choose one of the two.", v.T(fail.T("Manager"))))
		}
		s.Manager = &text
	} else if text != "" {
		s.Manager = &text
	}
	lines := func(name string) (out []string) {
		for line := range strings.Lines(f.Get(name)) {
			if line = strings.TrimSpace(line); line != "" {
				out = append(out, line)
			}
		}
		return out
	}
	s.Join, s.Leave, s.Give, s.Take = lines("join"), lines("leave"), f.Values["give"], f.Values["take"]
	r, done := v.Slowly(w, r, patient)
	defer done()
	one, err := p.Bulk.PlanSelection(r.Context(), v.Actor(), v.Session.Ref.Tenant, s)
	if fail.Is(err, fail.Invalid) {
		return say(sayOf(err))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, planAddress(one.ID), http.StatusSeeOther)
	return nil
}
