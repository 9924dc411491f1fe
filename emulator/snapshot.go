package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Snapshot is every tenant with its values of now, as organization files that New takes. Deleted people are not in it.
func (e *Emulator) Snapshot() []Organization {
	e.mu.RLock()
	defer e.mu.RUnlock()
	out := make([]Organization, 0, len(e.tenants))
	for _, t := range e.tenants {
		out = append(out, t.describe())
	}
	return out
}

func (t *tenant) describe() Organization {
	d := t.dir
	org := Organization{ID: t.id, Name: t.name, Country: t.country, Domains: slices.Clone(t.domains), Extensions: d.extensions()}
	for name, j := range t.values {
		if org.Values == nil {
			org.Values = map[string]any{}
		}
		org.Values[name] = plainJSON([]byte(j))
	}
	org.Subscriptions = slices.Clone(t.skus)
	org.Cloud, org.MFA, org.Frequency, org.Issuers, org.Invites = t.policy.cloud, t.policy.mfa, t.policy.often, t.policy.issuers, t.policy.invites
	for _, t := range d.tables {
		for _, o := range t.kept() {
			switch t {
			case d.users:
				org.Users = append(org.Users, d.describe(o))
			case d.groups:
				org.Groups = append(org.Groups, d.describeGroup(o))
			default:
				org.Objects = append(org.Objects, d.describeObject(o))
			}
		}
	}
	return org
}

func (d *directory) describe(u *object) User {
	out := User{ID: u.id, UPN: u.upn(), Roles: d.rolesHeld(u), Values: valuesOf(u, pUPN, pSync)}
	if u.manager != nil {
		out.Manager = u.manager.upn()
	}
	switch {
	case u.synced():
		out.Sync = "synced"
	case u.onceSynced():
		out.Sync = "once"
	}
	if x := u.more; x != nil {
		out.Password = x.password
		out.Photo = x.photo.address()
	}
	return out
}

// valuesOf are the properties that are set, but for some.
func valuesOf(o *object, without ...int) map[string]any {
	out := map[string]any{}
	for r := o.rec; r.more(); {
		i, j, rest := r.next()
		r = rest
		if slices.Contains(without, i) || !o.in.known(i) {
			continue
		}
		var v any
		_ = json.Unmarshal([]byte(j), &v) // the record holds only what was encoded here
		out[o.in.props[i].name] = v
	}
	return out
}

func (d *directory) describeGroup(g *object) Group {
	out := Group{ID: g.id, Name: unquote(g.rec.get(gName)), Description: unquote(g.rec.get(gDesc)), Rule: unquote(g.rec.get(gRule)), Type: "security"}
	switch {
	case g.unified():
		out.Type = "microsoft365"
	case g.dynamic():
		out.Type = "dynamic"
	case g.assignable():
		out.Type = "role-assignable"
	}
	out.Values = valuesOf(g, gName, gDesc, gRule)
	if g.more != nil {
		out.Photo = g.more.photo.address()
	}
	out.Members, out.Owners = d.namesOf(d.to("members", g)), d.namesOf(d.to("owners", g))
	return out
}

func (d *directory) describeObject(o *object) Object {
	out := Object{ID: o.id, Type: o.in.name, Values: valuesOf(o), Links: map[string][]string{}}
	for _, r := range o.in.rels {
		if list := d.related(&r, o); r.bond != "" && !r.back && !r.deep && len(list) > 0 {
			out.Links[r.name] = d.namesOf(list)
		}
	}
	if o.more != nil {
		out.Secrets = o.more.secrets
	}
	return out
}

// namesOf are people by their names and everything else by id.
func (d *directory) namesOf(list []*object) []string {
	var out []string
	for _, o := range list {
		if o.is("user") {
			out = append(out, o.upn())
		} else {
			out = append(out, o.id)
		}
	}
	return out
}

// Reset goes back to the organizations of Options, ids included; faults, hooks, ledger, request log, statistics, sign-ins and the
// clock begin anew. Keys and addresses stay. A data folder is not touched until the next save.
func (e *Emulator) Reset() error {
	e.random.restart(e.opts.Seed)
	e.clock.Skew(0)
	e.clock.Advance(newClock(e.opts.Wall, e.opts.Start).offset - e.clock.ahead()) // first: what is made now is dated
	fresh, err := e.newTenants()
	if err != nil {
		return err
	}
	e.mu.Lock()
	for i, t := range e.tenants {
		fresh[i].dir.changes.begin(t.dir.changes.last)
		*t = *fresh[i]
	}
	e.ledger.restart()
	e.outbox.restore(nil)
	e.due.Store(0)
	e.licensesAgain()
	e.mu.Unlock()
	e.ClearFaults()
	e.faults.forget()
	e.limiter.use(e.opts.Throttle)
	e.sizes.Store(&e.opts.Pages)
	e.stats.restart()
	e.notifier.stop(true)
	e.login.restart()
	return nil
}

// restart forgets everything that sign-in remembers.
func (l *loginState) restart() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.codes)
	clear(l.refresh)
	clear(l.sessions)
	clear(l.flows)
	clear(l.devices)
	clear(l.challenges)
	clear(l.failures)
	l.bad, l.issuer = nil, ""
}

// Set changes properties of a person as some other administrator would, without a token and without asking any rule but that of
// the types: null clears. tenant is an id or domain, "" the first; who a UPN or object id. The ledger has it with an empty App.
func (e *Emulator) Set(tenant, who string, values map[string]any) error {
	t, acc, err := e.find(tenant, who)
	if err != nil {
		return err
	}
	defer e.announce(t)
	e.mu.Lock()
	defer e.mu.Unlock()
	d := t.dir
	u := d.user(acc.id)
	if u == nil {
		return fmt.Errorf("%s has just been deleted", who)
	}
	fields := make([]field, 0, len(values))
	for name, v := range values {
		i := d.users.prop(name)
		if i <= 0 {
			return fmt.Errorf("there is no property %q", name)
		}
		raw, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		j, ok := d.decode(d.users, i, raw, u.rec.get(i), true)
		if !ok {
			return fmt.Errorf("%s has a value of the wrong type: %s", name, raw)
		}
		if j == "null" || j == d.users.props[i].empty() {
			j = ""
		}
		fields = append(fields, field{i, j})
	}
	slices.SortFunc(fields, func(a, b field) int { return a.prop - b.prop })
	rec := u.rec.with(fields)
	if err := d.clashUser(u, rec); err != nil {
		return err
	}
	was := u.rec
	changed := differs(was, rec)
	before, after := d.users.values(was, changed), d.users.values(rec, changed)
	d.rewrite(u, rec)
	e.ledger.add(Entry{Time: e.Now(), Tenant: t.id, RequestID: e.random.id(), Op: "user.update", Object: u.id, Before: before, After: after})
	d.changed(e.Now(), change{object: u, props: changed})
	e.regroup(t, u, changed)
	return nil
}

// stateVerbs are the routes of the control listener that look at or change the tenants.
func (e *Emulator) stateVerbs() []verb {
	set := func(values map[string]any) func(*http.Request) (any, error) {
		return func(r *http.Request) (any, error) {
			given := values
			if given == nil {
				if err := read(r, &given); err != nil {
					return nil, err
				}
			}
			return nil, asRefused(e.Set(r.URL.Query().Get("tenant"), r.PathValue("who"), given))
		}
	}
	return []verb{
		{"GET /snapshot", "every organization with the values of now, as JSON of an organization file", func(*http.Request) (any, error) {
			return list(e.Snapshot()), nil
		}},
		{"PATCH /users/{who}", `change a person as another administrator would, without a token: {"jobTitle":"Nurse"}; ?tenant=ID`, set(nil)},
		{"POST /users/{who}/disable", "block the person's sign-in", set(map[string]any{"accountEnabled": false})},
		{"POST /users/{who}/enable", "allow it again", set(map[string]any{"accountEnabled": true})},
		{"POST /users/{who}/challenge", "demand a new sign-in of the person (continuous access evaluation)", func(r *http.Request) (any, error) {
			return nil, asRefused(e.Challenge(r.URL.Query().Get("tenant"), r.PathValue("who")))
		}},
		{"POST /reset", "back to the organizations of the start; faults, ledger, logs, sign-ins and clock begin anew", func(*http.Request) (any, error) {
			return nil, e.Reset()
		}},
		{"POST /save", "write the state to the data folder now", func(*http.Request) (any, error) { return nil, e.Save() }},
	}
}

// keepSaving saves every few seconds while somebody writes, so that a killed emulator loses little. Saving takes at most a
// twentieth of the time.
func (e *Emulator) keepSaving(done <-chan struct{}) {
	const atLeast = 2 * time.Second
	wait := time.NewTimer(atLeast)
	defer wait.Stop()
	now := func() [3]int64 { return [3]int64{e.ledger.last(), e.login.changes.Load(), e.outbox.last()} }
	saved := now()
	for {
		select {
		case <-done:
			return
		case <-wait.C:
		}
		next := atLeast
		if at := now(); at != saved {
			began := e.clock.wall()
			if e.Save() == nil { // Close saves again and tells
				saved = at
			}
			next = max(next, 20*e.clock.wall().Sub(began))
		}
		wait.Reset(next)
	}
}
