package admin

import (
	"context"
	"errors"
	"slices"
	"time"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// Fresh is how long ago a sign-in may be for what is Dangerous.
const Fresh = 15 * time.Minute

// Proved says whether somebody who signed in at that time has proved who they are a moment ago; the zero time is not known.
func Proved(signedIn, now time.Time) bool {
	age := now.Sub(signedIn)
	return !signedIn.IsZero() && age < Fresh && age > -Fresh
}

// Preview is what a change would do. Dangerous: it asks for a sign-in of a moment ago, because it locks somebody out, takes somebody
// over or cannot be taken back (A12). What follows from a pick in a table of the policy counts like what was asked for.
type Preview struct {
	change.Preview
	Dangerous bool
}

func dangerous(do change.Action, set property.Values) bool {
	switch do {
	case change.Create, change.Account, change.Password:
		return true
	case change.Update:
		on, said := set["accountEnabled"]
		_, name := set["userPrincipalName"]
		return said && !on.True() || name
	}
	return false
}

// scope is what a key needs for a change. Whoever can lock somebody out needs more than whoever keeps a telephone number right.
func scope(c change.Change) directory.Scope {
	switch c.Do {
	case change.Create:
		return directory.PeopleCreate
	case change.Member:
		return directory.GroupsWrite
	case change.License:
		return directory.LicensesWrite
	case change.Password, change.Sessions:
		return directory.PasswordsWrite
	}
	if dangerous(c.Do, c.Set) {
		return directory.PeopleDelete
	}
	return directory.PeopleWrite
}

// Check says what Apply would do, and writes nothing.
func (d *Desk) Check(ctx context.Context, c change.Change) (Preview, error) {
	c, err := d.ready(ctx, c)
	if err != nil {
		return Preview{}, err
	}
	p, err := d.check(ctx, c)
	p.Diff = d.told(c, p.Diff)
	return p, err
}

// check holds what would be written against the scopes of a key, as ready has held what was asked for.
func (d *Desk) check(ctx context.Context, c change.Change) (Preview, error) {
	pre, err := d.Engine.Check(ctx, c)
	if err != nil {
		return Preview{pre, false}, d.lost(ctx, c, err)
	}
	return scoped(c, pre)
}

// Weigh is Check of a change on somebody who was read already together with others (see change.Seen): it makes no request.
func (d *Desk) Weigh(ctx context.Context, c change.Change, seen change.Seen) (Preview, error) {
	if err := writes(c.By, c.On.Tenant, scope(c)); err != nil {
		return Preview{}, err
	}
	pre, err := d.Engine.Weigh(ctx, c, seen)
	if err != nil {
		return Preview{}, err
	}
	p, err := scoped(c, pre)
	p.Diff = d.told(c, p.Diff)
	return p, err
}

func scoped(c change.Change, pre change.Preview) (Preview, error) {
	p := Preview{pre, dangerous(c.Do, c.Set) || dangerous(c.Do, pre.Diff)}
	if c.Do == change.Update && p.Dangerous && !c.By.Can(directory.PeopleDelete) {
		return Preview{}, fail.New(fail.Denied, "admin", lacks(directory.PeopleDelete))
	}
	return p, nil
}

// Apply makes a change. Its By says who; whoever calls has looked whether Check finds it Dangerous.
func (d *Desk) Apply(ctx context.Context, c change.Change) (change.Outcome, error) {
	c, err := d.ready(ctx, c)
	if err != nil {
		return change.Outcome{}, err
	}
	if c.Do == change.Update && !c.By.Can(directory.PeopleDelete) {
		_, err := d.check(ctx, c)
		var f *fail.Error
		if errors.As(err, &f) && (f.Kind == fail.Unavailable || f.Kind == fail.Throttled) {
			return change.Outcome{State: change.Failed, Problem: f, At: d.Now()}, nil // as the engine says of a read that did not come
		}
		if err != nil {
			return change.Outcome{}, err
		}
	}
	o, err := d.Engine.Apply(ctx, c)
	if err != nil {
		err = d.lost(ctx, c, err)
	} else if o.Problem != nil && o.Problem.Kind == fail.NotFound {
		if f, ok := errors.AsType[*fail.Error](d.lost(ctx, c, o.Problem)); ok {
			o.Problem = f
		}
	}
	o.Before, o.After = d.told(c, o.Before), d.told(c, o.After)
	return o, err
}

// lost says it plainly when what is to be taken back was done to somebody who was deleted since; any other failure stays what it is.
func (d *Desk) lost(ctx context.Context, c change.Change, err error) error {
	if c.Undoes == "" || !fail.Is(err, fail.NotFound) {
		return err
	}
	f := &fail.Error{Op: "admin.undo", Kind: fail.Unsupported, Code: "deleted", Item: c.Undoes, Err: err}
	u, read := d.Directory.User(ctx, directory.Authority{}, c.On, directory.Ask{Names: []property.Name{"displayName", directory.FacetAccount}})
	switch {
	case fail.Is(read, fail.NotFound):
		f.Say = fail.T("This cannot be taken back: the person was deleted since, and can no longer be restored.")
	case read == nil && u.Values[directory.FacetAccount].Str() == directory.Deleted:
		f.Say = fail.T("This cannot be taken back now: the person was deleted since. Restore them on their page first, then take it back.")
	default: // a group, a product or a manager is gone, or it cannot be told
		return err
	}
	return f
}

// Together lets do be called n times at once, each time with a desk that is this one; what they ask of the directory and the journal goes
// there together. See change.Engine.
func (d *Desk) Together(ctx context.Context, n int, do func(i int, d *Desk)) {
	d.Engine.Together(ctx, n, func(i int, e *change.Engine, r directory.Reader) {
		cfg := d.Config
		cfg.Engine, cfg.Directory = e, shared{r, d.Directory}
		do(i, New(cfg))
	})
}

// shared reads people together with others, and lists by itself.
type shared struct {
	directory.Reader
	directory.Lister
}

// told leaves out what followed from a pick and is not for the actor's eyes. What they set themselves they have seen.
func (d *Desk) told(c change.Change, v property.Values) property.Values {
	if v == nil {
		return nil
	}
	out := property.Values{}
	for n, x := range v {
		_, own := c.Set[n]
		if own || directory.Facet(n) || n == change.PhotoName || d.Policy.SeesOfAll(c.By, c.On.Tenant, n) {
			out[n] = x
		}
	}
	return out
}

// ready gives a change the names of what it is about. A name that cannot be read is left out: the id says it as well.
func (d *Desk) ready(ctx context.Context, c change.Change) (change.Change, error) {
	if err := writes(c.By, c.On.Tenant, scope(c)); err != nil {
		return c, err
	}
	names := map[string]string{}
	for k, v := range c.Names {
		names[k] = v
	}
	if c.Do == change.Create {
		names["on"] = c.Set["displayName"].Str()
		c.Names = names
		return c, nil
	}
	var skus []directory.SKU
	for n, v := range c.Set {
		if names[string(n)] != "" {
			continue
		}
		if id, ok := directory.GroupOf(n); ok {
			if g, err := d.Directory.Group(ctx, directory.Ref{Tenant: c.On.Tenant, ID: id}); err == nil {
				names[string(n)] = g.Name
			}
		}
		if id, ok := directory.SKUOf(n); ok {
			if skus == nil {
				skus, _ = d.Directory.SKUs(ctx, c.On.Tenant)
			}
			if i := slices.IndexFunc(skus, func(s directory.SKU) bool { return s.ID == id }); i >= 0 {
				names[string(n)] = skus[i].Part
			}
		}
		if n == directory.FacetManager && v.Str() != "" && names[v.Str()] == "" {
			on := directory.Ref{Tenant: c.On.Tenant, ID: v.Str()}
			if u, err := d.Directory.User(ctx, directory.Authority{}, on, directory.Ask{Names: []property.Name{"displayName"}}); err == nil {
				names[v.Str()] = u.Values["displayName"].Str()
			}
		}
	}
	_, boss := c.Set[directory.FacetManager]
	if names["on"] == "" || boss {
		u, err := d.Directory.User(ctx, directory.Authority{}, c.On, directory.Ask{Names: []property.Name{"displayName", directory.FacetAccount}, Manager: boss})
		if err == nil {
			names["on"] = u.Values["displayName"].Str()
			if u.Manager != nil { // whose place somebody else takes
				names[u.Manager.Ref.ID] = u.Manager.Name
			}
		}
	}
	c.Names = names
	return c, nil
}

// Inverse is the change that takes an entry back, whoever's it is, ready for Apply.
func (d *Desk) Inverse(ctx context.Context, by directory.Actor, tenant, entry string) (change.Change, error) {
	if err := writes(by, tenant, directory.HistoryRead); err != nil {
		return change.Change{}, err
	}
	return d.Engine.Inverse(ctx, tenant, entry, by)
}

// Undo takes an entry back, as far as the actor may make that change; whoever calls has looked whether Check
// finds its Inverse Dangerous.
func (d *Desk) Undo(ctx context.Context, by directory.Actor, tenant, entry string) (change.Outcome, error) {
	c, err := d.Inverse(ctx, by, tenant, entry)
	if err != nil {
		return change.Outcome{}, err
	}
	return d.Apply(ctx, c)
}

// writes is may for whoever wants to change something.
func writes(by directory.Actor, tenant string, scope directory.Scope) error {
	if err := may(by, tenant, scope); err != nil || Writes(by) {
		return err
	}
	return fail.New(fail.Denied, "admin", sayReader)
}

// History lists what was done in the tenant, newest first, at most n, older than before (0: from the newest). Values of properties
// that are hidden from the actor are taken out of the entries; that they were changed stays.
func (d *Desk) History(ctx context.Context, by directory.Actor, tenant string, q change.Search, before int64, n int) ([]change.Entry, error) {
	if err := may(by, tenant, directory.HistoryRead); err != nil {
		return nil, err
	}
	list, err := d.Journal.Find(ctx, tenant, q, before, n)
	for i := range list {
		list[i] = d.hide(by, tenant, list[i])
	}
	return list, err
}

// Entry is one entry of the history, as History shows it; NotFound.
func (d *Desk) Entry(ctx context.Context, by directory.Actor, tenant, id string) (change.Entry, error) {
	if err := may(by, tenant, directory.HistoryRead); err != nil {
		return change.Entry{}, err
	}
	e, err := d.Journal.Get(ctx, tenant, id)
	if err != nil {
		return change.Entry{}, err
	}
	return d.hide(by, tenant, e), nil
}

// Hidden stands for a value that is not for the actor's eyes.
const Hidden = "•••"

// Veil puts Hidden in the place of values that the actor may not see.
func (d *Desk) Veil(by directory.Actor, tenant string, v property.Values) property.Values {
	return d.hide(by, tenant, change.Entry{Change: change.Change{Set: v}}).Change.Set
}

// hide takes the values out that the actor may not see.
func (d *Desk) hide(by directory.Actor, tenant string, e change.Entry) change.Entry {
	seen := map[property.Name]bool{}
	sees := func(n property.Name) bool {
		if directory.Facet(n) || n == change.PhotoName || change.OwnName(n) {
			return true
		}
		yes, known := seen[n]
		if !known {
			yes = d.Policy.SeesOfAll(by, tenant, n)
			seen[n] = yes
		}
		return yes
	}
	veil := func(v property.Values) property.Values {
		if v == nil {
			return nil
		}
		out := property.Values{}
		for n, x := range v {
			if !sees(n) && !x.Empty() {
				x = property.Text(Hidden)
			}
			out[n] = x
		}
		return out
	}
	e.Change.Set, e.Change.Expect = veil(e.Change.Set), veil(e.Change.Expect)
	e.Outcome.Before, e.Outcome.After = veil(e.Outcome.Before), veil(e.Outcome.After)
	conflicts := slices.Clone(e.Outcome.Conflicts)
	for i, c := range conflicts {
		if !sees(c.Name) {
			h := property.Text(Hidden)
			conflicts[i] = change.Conflict{Name: c.Name, Saw: h, Now: h, Wanted: h}
		}
	}
	e.Outcome.Conflicts = conflicts
	if !sees("displayName") {
		e.Change.Names = anonymous(e.Change)
	}
	return e
}

// anonymous are the names of a change without those of people: their ids stand for them.
func anonymous(c change.Change) map[string]string {
	names := map[string]string{}
	for k, v := range c.Names {
		switch {
		case k == "on":
			v = c.On.ID
		case !directory.Facet(property.Name(k)):
			v = k
		}
		names[k] = v
	}
	return names
}
