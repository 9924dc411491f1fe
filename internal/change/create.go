package change

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// Who is created has no object id yet. The intent is written under directory.Newcomer, an id that follows from the sign-in name, so that
// one create of a name is under way at a time; what they are in the end is Outcome.Created. Whether somebody is there is the facet
// account, beside the properties: nothing, Active when it is the person of this change, Taken when it is somebody else. With that the
// engine's rules for properties are those of creating as well: as before means that nobody came of it, anything else that is not as
// wanted is a conflict.

// Secrets keeps passwords sealed until they were shown once.
type Secrets interface {
	// Put keeps one under an id, for some days.
	Put(ctx context.Context, tenant, id, secret string) error
	// Get reads it; fail.NotFound. Take reads and forgets it.
	Get(ctx context.Context, tenant, id string) (string, error)
	Take(ctx context.Context, tenant, id string) (string, error)
	// Drop forgets it; none is no error.
	Drop(ctx context.Context, tenant, id string) error
}

const (
	upnName      property.Name = "userPrincipalName"
	nicknameName property.Name = "mailNickname"
	createdName  property.Name = "createdDateTime"
	passwordName property.Name = "passwordProfile" // the field of problems with the password
)

// newcomer checks and completes the wish for a new person: the nickname is the sign-in name before its @, and they may sign in.
func (e *Engine) newcomer(w *wish, say func(field, code string, t fail.Text)) {
	set := property.Values{}
	for _, n := range w.Set.Names() {
		def, ok := e.cfg.Properties.Def(n)
		g := def.Graph
		switch {
		case n == directory.FacetAccount:
			continue
		case !ok:
			say(string(n), "unknown", fail.T("There is no property called %q.", string(n)))
			continue
		case g.ReadOnly || g.Secret || def.Kind == property.KindObject:
			say(string(n), codeDenied, fail.T("This is kept by Microsoft 365 itself and cannot be changed."))
			continue
		case g.Alone || g.Delegated || g.Single:
			say(string(n), "later", fail.T("This cannot be given to somebody who is being added. It can be set once they are there."))
			continue
		}
		v := def.Clean(w.Set[n])
		if v.Empty() {
			continue
		}
		for _, p := range def.Check(v) {
			say(string(def.Name), p.Code, sentence(p))
		}
		set[def.Name] = v
	}
	name, domain, _ := strings.Cut(set[upnName].Str(), "@")
	if _, said := set[nicknameName]; !said && domain != "" {
		def, _ := e.cfg.Properties.Def(nicknameName)
		for _, p := range def.Check(property.Text(name)) {
			say(string(nicknameName), p.Code, sentence(p))
		}
		set[nicknameName] = property.Text(name)
	}
	if _, said := set[accountEnabled]; !said {
		set[accountEnabled] = property.Bool(true)
	}
	for _, n := range []property.Name{upnName, "displayName"} {
		if set[n].Empty() {
			say(string(n), "required", fail.T("Nobody can be added without this."))
		}
	}
	if t := weak(w.Secret, name); t != nil {
		say(string(passwordName), "weak", *t)
	}
	set[directory.FacetAccount] = property.Text(directory.Active)
	w.Set, w.Expect, w.On = set, nil, directory.Newcomer(w.On.Tenant, set[upnName].Str())
}

// weak says what the service would say against a first password.
// https://learn.microsoft.com/entra/identity/authentication/concept-sspr-policy, password policies of cloud accounts.
func weak(password, name string) *fail.Text {
	kinds := 0
	for _, is := range []func(rune) bool{
		unicode.IsLower, unicode.IsUpper, unicode.IsDigit, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) },
	} {
		if strings.ContainsFunc(password, is) {
			kinds++
		}
	}
	var t fail.Text
	switch n := property.Length(password); {
	case password == "":
		t = fail.T("A first password is needed.")
	case n < 8 || n > 256:
		t = fail.T("A password has 8 to 256 characters. This has %d.", n)
	case kinds < 3:
		t = fail.T("A password has three of these: small letters, capital letters, digits, other signs.")
	case len(name) > 3 && strings.Contains(strings.ToLower(password), strings.ToLower(name)):
		t = fail.T("A password must not contain the sign-in name.")
	default:
		return nil
	}
	return &t
}

// nobody is the person whom a change creates, as the directory knows them before.
func nobody(c Change, needs []property.Name) directory.User {
	u := directory.User{Ref: c.On, Values: property.Values{}, Enabled: true, Roles: []string{}}
	for _, n := range append(c.Set.Names(), needs...) {
		u.Values[n] = property.Null()
	}
	return u
}

// planCreate looks whether the name is free and the domain ours. Everything there is to a new person goes by one request.
func (e *Engine) planCreate(ctx context.Context, w wish, p *plan) error {
	p.Before, p.set = nobody(w.Change, e.cfg.Policy.Needs()), w.Set
	if e.cfg.DelegatedOnly || e.cfg.Secrets == nil {
		p.deny("", fail.T("Nobody can be added here, because the application has no right to."))
		return nil
	}
	upn := w.Set[upnName].Str()
	org, err := e.cfg.Reader.Organization(ctx, w.On.Tenant)
	if err != nil {
		return err
	}
	_, domain, _ := strings.Cut(upn, "@")
	if !slices.ContainsFunc(org.Domains, func(d string) bool { return strings.EqualFold(d, domain) }) {
		p.Problems = append(p.Problems, fail.Problem{
			Field: string(upnName), Code: "domain",
			Say: fail.T("The domain of %[1]s is none of your organization's. It has: %[2]s.", upn, strings.Join(org.Domains, ", ")),
		})
	}
	p.at = e.cfg.Now()
	switch _, err := e.cfg.Reader.ByName(ctx, w.On.Tenant, upn, directory.Ask{}); {
	case err == nil:
		p.Problems = append(p.Problems, fail.Problem{Field: string(upnName), Code: "exists", Say: fail.T("Somebody has the sign-in name %s already.", upn)})
	case !fail.Is(err, fail.NotFound):
		return err
	}
	set, probs := e.may(ctx, w.Change, p.Before)
	if p.Problems = append(p.Problems, probs...); len(p.Problems) > 0 {
		return nil
	}
	p.set, p.Diff, p.have, p.seen = set, set.Clone(), property.Values{}, property.Values{}
	for n := range set {
		p.have[n], p.seen[n] = property.Null(), property.Null()
		p.Before.Values[n] = property.Null()
	}
	p.Parts = []Part{{Names: p.Diff.Names(), State: Open}}
	return nil
}

// create sends the one request.
func (r *run) create(ctx context.Context, p Part) error {
	set := property.Values{}
	for _, n := range p.Names {
		if n != directory.FacetAccount {
			set[n] = r.wanted(n)
		}
	}
	r.sent = true
	id, err := r.e.cfg.Writer.CreatePerson(ctx, p.As, r.ent.Change.On, set, r.secret)
	if err == nil {
		r.ent.Outcome.Created = id
	}
	return err
}

// lookForNewcomer reads who has come of a create: by the id when the directory has told it, else by the sign-in name. Who was there before
// the intent, or while nothing was sent, is somebody else, and so is whom another entry has created.
func (r *run) lookForNewcomer(ctx context.Context, names []property.Name) (property.Values, error) {
	ask := directory.Ask{Names: append(slices.DeleteFunc(slices.Clone(names), directory.Facet), createdName)}
	c, known := r.ent.Change, r.ent.Outcome.Created
	var u directory.User
	var err error
	if known != "" {
		u, err = r.e.cfg.Reader.User(ctx, r.as, directory.Ref{Tenant: c.On.Tenant, ID: known}, ask)
	} else {
		u, err = r.e.cfg.Reader.ByName(ctx, c.On.Tenant, r.wanted(upnName).Str(), ask)
	}
	out := property.Values{}
	if fail.Is(err, fail.NotFound) {
		for _, n := range names {
			out[n] = property.Null()
		}
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	if out, err = valuesOf(u, ask.Names); err != nil {
		return nil, err
	}
	born := out[createdName].Time() // whole seconds
	delete(out, createdName)
	if strings.EqualFold(out[upnName].Str(), r.wanted(upnName).Str()) {
		out[upnName] = r.wanted(upnName) // a sign-in name is one whatever its case
	}
	out[directory.FacetAccount] = property.Text(directory.Taken)
	ours := known != ""
	if !ours && r.sent && !born.Before(r.ent.Begun.Truncate(time.Second)) {
		past, err := r.e.cfg.Journal.On(ctx, u.Ref, 0, recent)
		if err != nil {
			return nil, err
		}
		ours = !slices.ContainsFunc(past, func(p Entry) bool { return p.Change.Do == Create && p.ID != r.ent.ID })
	}
	if ours {
		out[directory.FacetAccount], r.found = property.Text(directory.Active), u.Ref.ID
	}
	return out, nil
}

// born writes down who has come of a create, and forgets the password when nobody has.
func (r *run) born(ctx context.Context) {
	o := &r.ent.Outcome
	if o.Created == "" && o.State == Applied {
		o.Created = r.found // all values agree, and they were created after the intent
	}
	if o.Created == "" && o.State != Unverified {
		_ = r.e.cfg.Secrets.Drop(ctx, r.ent.Change.On.Tenant, r.ent.ID) // what stays is forgotten some days later
	}
}

// Reveal tells the password of somebody who was created, once, to whoever created them; fail.NotFound when it was told already.
func (e *Engine) Reveal(ctx context.Context, tenant, entry string, by directory.Actor) (string, error) {
	ent, err := e.cfg.Journal.Get(ctx, tenant, entry)
	if err != nil {
		return "", err
	}
	if ent.Change.Do != Create || ent.Outcome.Created == "" {
		return "", fail.New(fail.NotFound, "change.reveal", fail.T("No password waits here."))
	}
	if ent.Change.By.Ref != by.Ref || ent.Change.By.Kind != by.Kind {
		return "", fail.New(fail.Denied, "change.reveal", fail.T("The password is shown only to whoever added the person. Set another one."))
	}
	return e.cfg.Secrets.Take(ctx, tenant, entry)
}

// Landed is the entry as it is to be read: one of Create is about the person whom it created.
func (t Entry) Landed() Entry {
	if t.Outcome.Created != "" {
		t.Change.On.ID = t.Outcome.Created
	}
	return t
}
