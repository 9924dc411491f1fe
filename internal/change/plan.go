package change

import (
	"context"
	"slices"
	"strings"
	"time"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// codeDenied marks a problem that is about rights and not about the value; policies use it too.
const codeDenied = "not_allowed"

// wish is a Change whose values are cleaned and known to the catalog.
type wish struct{ Change }

// wish checks what can be checked without reading anybody.
func (e *Engine) wish(c Change) (wish, []fail.Problem) {
	w := wish{Change: c}
	var probs []fail.Problem
	say := func(field, code string, t fail.Text) {
		probs = append(probs, fail.Problem{Field: field, Code: code, Say: t})
	}
	if c.On.ID == "" && c.Do != Create || c.On.Tenant == "" {
		say("", "target", fail.T("It is not said whose profile this is about. Open the page again."))
	} else if e.cfg.Tenant != "" && c.On.Tenant != e.cfg.Tenant {
		say("", codeDenied, fail.T("This is about somebody of another organization."))
	}
	switch c.Do {
	case Update:
		if len(c.Photo) > 0 {
			say(string(PhotoName), "alone", fail.T("A picture is saved by itself."))
		}
		w.Set, w.Expect = property.Values{}, nil
		for _, n := range c.Set.Names() {
			def, ok := e.cfg.Properties.Def(n)
			if !ok {
				say(string(n), "unknown", fail.T("There is no property called %q.", string(n)))
				continue
			}
			if def.Graph.Secret {
				say(string(n), codeDenied, fail.T("This can never be read back, so it is not changed here."))
				continue
			}
			v := def.Clean(c.Set[n])
			for _, p := range def.Check(v) {
				say(string(def.Name), p.Code, sentence(p))
			}
			w.Set[def.Name] = v
		}
		if c.Expect != nil {
			w.Expect = property.Values{}
			for n, v := range c.Expect {
				if def, ok := e.cfg.Properties.Def(n); ok {
					w.Expect[def.Name] = def.Clean(v)
				}
			}
		}
	case Photo:
		w.Set = property.Values{PhotoName: property.Null()}
		if len(c.Set) > 0 {
			say("", "alone", fail.T("A picture is saved by itself."))
		}
		if c.Photo != nil {
			if err := checkPicture(c.Photo); err != nil {
				say(string(PhotoName), "not_a_picture", *err)
			}
			w.Set[PhotoName] = album{held: map[string][]byte{}}.hold(c.Photo)
		}
	case Create:
		e.newcomer(&w, say)
	default:
		if deeds[c.Do] == nil {
			say("", "action", fail.T("There is no such kind of change."))
			break
		}
		w.deed(say)
	}
	if len(probs) == 0 {
		w.Asked = digest(w.Change)
	}
	return w, probs
}

// plan is a Preview with what the engine needs to carry it out.
type plan struct {
	Preview
	album
	set  property.Values // the completed wish
	seen property.Values // what was read
	have property.Values // what is there now, as far as it can be believed
	at   time.Time       // when it was read
	pass bool            // a problem is that something could not be read for now
}

// before is the image of what is going to be changed.
func (p plan) before() property.Values {
	b := property.Values{}
	for n := range p.Diff {
		b[n] = p.have[n]
	}
	for _, c := range p.Conflicts {
		b[c.Name] = c.Now
	}
	return b
}

// plan reads the person once and compares. past are the newest entries on the person.
func (e *Engine) plan(ctx context.Context, w wish, past []Entry) (plan, error) {
	ctx, cancel := context.WithTimeout(ctx, e.limits.Save/2)
	defer cancel()
	p := plan{album: album{e: e, tenant: w.On.Tenant, held: map[string][]byte{}}}
	if w.Photo != nil {
		p.hold(w.Photo)
	}
	if f := e.stopped(ctx, w.On.Tenant); f != nil {
		if f.Code != CodeHeld {
			return p, f
		}
		p.Problems = []fail.Problem{{Code: CodeHeld, Say: f.Say}}
		return p, nil
	}
	if w.Do == Create {
		return p, e.planCreate(ctx, w, &p)
	}
	as := e.readAs(w.Change)
	p.at = e.cfg.Now()
	u, err := e.cfg.Reader.User(ctx, as, w.On, e.ask(w.Change))
	if err != nil {
		return p, err
	}
	if on, known := u.Values[accountEnabled]; known && !on.IsNull() && !on.True() && w.By.Self(w.On) {
		p.Before, p.set = u, w.Set
		p.Problems = []fail.Problem{{Code: codeDenied, Say: fail.T("Your account is disabled, so nothing can be saved. Ask your administrator.")}}
		return p, nil
	}
	set, probs := e.may(ctx, w.Change, u)
	p.Before, p.set, p.Problems = u, set, probs
	if len(probs) > 0 {
		return p, unread(u, probs)
	}
	if p.have, err = e.now(ctx, as, w.Change, &p, set); err != nil || len(p.Problems) > 0 {
		return p, err
	}
	late := e.overlay(p.have, past)
	p.seen = late.seen
	p.Diff = property.Values{}
	for _, n := range set.Names() {
		want, have := set[n], p.have[n]
		if saw, ok := w.Expect[n]; ok {
			if p.same(ctx, n, want, saw) && w.Undoes == "" {
				continue // the asker left it as it was
			}
			if !p.same(ctx, n, have, want) && !p.same(ctx, n, have, saw) && !p.same(ctx, n, p.seen[n], saw) {
				p.Conflicts = append(p.Conflicts, Conflict{Name: n, Saw: saw, Now: have, Wanted: want})
				continue
			}
		}
		if late.unsure[n] || directory.Stamp(n) || !p.same(ctx, n, have, want) {
			p.Diff[n] = want
		}
	}
	if w.Do == Account && len(p.Diff) > 0 {
		p.Conflicts = append(p.Conflicts, astray(w.Change, u)...)
	}
	for n := range p.Diff {
		for _, s := range siblings(n) {
			if _, ok := p.Diff[s]; !ok && late.doubt[s] {
				return p, notYet(s)
			}
		}
	}
	e.split(w.Change, &p)
	return p, nil
}

// notYet refuses to send along a value that may be older than our own last write of it.
func notYet(n property.Name) error {
	f := fail.New(fail.Unavailable, "change.plan", fail.T("The directory does not show an earlier change yet that this one belongs to, so nothing was changed. Save again in a few minutes."))
	f.Item, f.Code = string(n), codeNotSent
	return f
}

// readAs is whose right reads the person: with no right of the application's it is the person's own.
func (e *Engine) readAs(c Change) directory.Authority {
	if e.cfg.DelegatedOnly {
		return directory.Own(c.By.Session)
	}
	return directory.Authority{}
}

// ask is what has to be known of the person to judge a change.
func (e *Engine) ask(c Change) directory.Ask {
	names := append(c.Set.Names(), e.cfg.Policy.Needs()...)
	if c.Do == Account {
		names = append(names, c.Expect.Names()...)
	}
	if _, ok := e.cfg.Properties.Def(accountEnabled); ok {
		names = append(names, accountEnabled)
	}
	return directory.Ask{Names: e.reads(names), Roles: true}
}

// accountEnabled is looked at before every write: a session may be a few minutes older than the account's end.
const accountEnabled property.Name = "accountEnabled"

// reads adds the names that must be sent together with those asked for.
func (e *Engine) reads(names []property.Name) []property.Name {
	out := slices.Clone(names)
	for _, n := range names {
		for _, s := range siblings(n) {
			if _, ok := e.cfg.Properties.Def(s); ok && !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(n property.Name) bool { return n == PhotoName })
}

// siblings are the parts of an object that Graph replaces as a whole: one that is left out becomes null.
// https://learn.microsoft.com/graph/api/user-update (employeeOrgData)
func siblings(n property.Name) []property.Name {
	if strings.HasPrefix(string(n), "employeeOrgData/") {
		return []property.Name{"employeeOrgData/costCenter", "employeeOrgData/division"}
	}
	return nil
}

// now is what the directory says of the names in set; what the policy has added to the wish is read after.
func (e *Engine) now(ctx context.Context, as directory.Authority, c Change, p *plan, set property.Values) (property.Values, error) {
	have, u := property.Values{}, &p.Before
	if c.Do == Photo {
		v, err := p.picture(ctx, as, c.On)
		have[PhotoName] = v
		return have, err
	}
	unread := func(u directory.User, n property.Name) bool {
		err := missing(u, n)
		if err != nil { // what cannot be read cannot be compared, so it is not written; the field says why
			p.Problems = append(p.Problems, fail.Problem{Field: string(n), Code: "unreadable", Say: problemOf(err).Say})
			p.pass = p.pass || passing(err)
		}
		return err != nil
	}
	var more []property.Name
	for _, n := range e.reads(set.Names()) {
		if _, ok := u.Values[n]; !ok && !unread(*u, n) {
			more = append(more, n)
		}
	}
	if len(more) > 0 {
		v, err := e.cfg.Reader.User(ctx, as, c.On, directory.Ask{Names: more})
		if err != nil {
			return nil, err
		}
		if u.Values == nil {
			u.Values = property.Values{}
		}
		for _, n := range more {
			x, ok := v.Values[n]
			if !ok && !unread(v, n) {
				f := fail.New(fail.Unavailable, "change.read", fail.T("The directory did not say what is there now, so nothing was changed. Try again in a moment."))
				f.Item = string(n)
				return nil, f
			}
			u.Values[n] = x
		}
	}
	for _, n := range e.reads(set.Names()) {
		have[n] = u.Values[n]
	}
	return have, nil
}

func missing(u directory.User, n property.Name) error {
	for _, m := range u.Missing {
		if m.What == string(n) && m.Err != nil {
			return m.Err
		}
	}
	return nil
}

// unread is why a refusal may be another one in a moment: a part of the person could not be read now, and what is not known is closed. Nil
// when that is not why.
func unread(u directory.User, probs []fail.Problem) error {
	for _, p := range probs {
		if p.Code != codeDenied {
			return nil
		}
	}
	for _, m := range u.Missing {
		if m.Err != nil && passing(m.Err) {
			return m.Err
		}
	}
	return nil
}

// passing says whether another read may do better.
func passing(err error) bool {
	k := fail.KindOf(err)
	return k == fail.Unavailable || k == fail.Throttled || k == fail.Internal
}

// recently is what our own writes of a short time ago say about a read, for a replica may still show what was there before them.
type recently struct {
	seen   property.Values        // what was read
	unsure map[property.Name]bool // looks as before one of our writes: it is old, or somebody put it back; sent even if it looks as wanted
	doubt  map[property.Name]bool // not to be sent along with something else
}

// overlay corrects have: a write that was accepted and seen not to show yet is believed. Otherwise putting the old value back would
// look like no change.
func (e *Engine) overlay(have property.Values, past []Entry) recently {
	o := recently{have.Clone(), map[property.Name]bool{}, map[property.Name]bool{}}
	latest := map[property.Name]property.Value{}
	pending := map[property.Name]bool{}
	for _, p := range past { // newest first
		if p.Ended.IsZero() || e.cfg.Now().Sub(p.Ended) > e.limits.Stale {
			continue
		}
		for _, part := range p.Outcome.Parts {
			if part.State != Unverified && part.State != Applied && part.State != Conflicted {
				continue // certainly not written
			}
			for _, n := range part.Names {
				read, ok := o.seen[n]
				if !ok {
					continue
				}
				if _, newer := latest[n]; !newer {
					latest[n] = p.Change.Set[n]
					pending[n] = part.State == Unverified && part.Problem != nil && part.Problem.Code == codeNotVisible
					// It may have been written and overwritten since, or an old read looked like somebody's write.
					o.doubt[n] = part.State == Conflicted
				}
				switch {
				case alike(read, latest[n]) || !alike(read, p.Outcome.Before[n]):
				case pending[n]:
					have[n] = latest[n]
				default:
					o.unsure[n], o.doubt[n] = true, true
				}
			}
		}
	}
	return o
}

// split cuts the difference into requests: what the application may write together first, then each property that must stand
// alone or needs the person's own right.
func (e *Engine) split(c Change, p *plan) {
	if deeds[c.Do] != nil {
		e.splitDeed(p)
		return
	}
	var app, own, sensitive []property.Name
	var alone []Part
	session := directory.Own(c.By.Session)
	mine := c.By.Self(c.On) && c.By.Session != ""
	for _, n := range p.Diff.Names() {
		def, _ := e.cfg.Properties.Def(n)
		g := def.Graph
		switch {
		case n == PhotoName:
			part := Part{Names: []property.Name{n}}
			switch {
			case mine:
				part.As = session // Graph lets people write their own, so the application needs no right to everybody's
			case e.cfg.DelegatedOnly:
				p.deny(n, fail.T("Only the person themself can change this, because the application has no right to."))
				continue
			}
			alone = append(alone, part)
		case g.ReadOnly:
			p.deny(n, fail.T("This is kept by Microsoft 365 itself and cannot be changed."))
		case g.SyncLocked && p.Before.Sync == directory.Synced:
			p.deny(n, fail.T("This comes from your organization's own directory on-premises. It has to be changed there; ask the people who look after it."))
		case g.Delegated && !mine:
			p.deny(n, fail.T("Only the person themself can change this, signed in with their own account."))
		case e.cfg.DelegatedOnly && !g.SelfWrite:
			p.deny(n, fail.T("This portal may only save what Microsoft 365 lets people change by themselves. Ask your administrator to give it the right to change more."))
		case e.cfg.DelegatedOnly && !mine:
			p.deny(n, fail.T("Only the person themself can change this, because the application has no right to."))
		case g.Alone || g.Delegated:
			part := Part{Names: []property.Name{n}}
			if g.Delegated || e.cfg.DelegatedOnly {
				part.As = session
			}
			alone = append(alone, part)
		case e.cfg.DelegatedOnly:
			own = append(own, n)
		case g.Sensitive && len(p.Before.Roles) > 0:
			sensitive = append(sensitive, n) // may be refused by itself, and must not take the others with it
		default:
			app = append(app, n)
		}
	}
	if len(p.Problems) > 0 {
		return
	}
	if len(app) > 0 {
		p.Parts = append(p.Parts, Part{Names: app})
	}
	if len(sensitive) > 0 {
		p.Parts = append(p.Parts, Part{Names: sensitive})
	}
	if len(own) > 0 {
		p.Parts = append(p.Parts, Part{Names: own, As: session})
	}
	p.Parts = append(p.Parts, alone...)
	for i := range p.Parts {
		p.Parts[i].State = Open
	}
}

func (p *plan) deny(n property.Name, t fail.Text) {
	p.Problems = append(p.Problems, fail.Problem{Field: string(n), Code: codeDenied, Say: t})
}

// alike says whether two values are the same for a reader of the directory: null, "" and an empty list all mean "nothing there".
func alike(a, b property.Value) bool { return a.Equal(b) || (a.Empty() && b.Empty()) }

// sentence is a catalog's problem as a text for people; a problem may hold another one.
func sentence(p property.Problem) fail.Text {
	t := fail.Text{Key: p.Key}
	for _, a := range p.Args {
		if q, ok := a.(property.Problem); ok {
			a = sentence(q)
		}
		t.Args = append(t.Args, a)
	}
	return t
}
