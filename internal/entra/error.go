package entra

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"nameplate/graph"
	"nameplate/internal/directory"
	"nameplate/internal/explain"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// notSent is the Code of an Unavailable error that is no ambiguity: nothing left this machine.
const notSent = "not_sent"

// failure is the error of a read of which nothing more is known than the answer.
func failure(op, item string, err error) *fail.Error {
	return told(op, item, explain.FromGraph(err, explain.Reading), err)
}

// told makes the error from the answer and its explanation.
func told(op, item string, a explain.Answer, err error) *fail.Error {
	var own *fail.Error
	if errors.As(err, &own) { // a token that could not be had says by itself why; nothing was sent
		f := *own
		if f.Kind == fail.Unavailable || f.Kind == fail.Internal {
			f.Kind, f.Code = fail.Unavailable, notSent
		}
		return &f
	}
	if errors.Is(err, graph.ErrNoCredential) {
		return &fail.Error{
			Op: op, Item: item, Kind: fail.Denied, Code: notSent, Err: err,
			Say: fail.T("This portal has no right of its own in this organization's directory. Ask your administrator to connect it."),
		}
	}
	found := explain.Explain(a)
	f := &fail.Error{Op: op, Item: item, Kind: found.Kind, Say: found.Say, Code: a.Code, Ref: a.Ref, Err: explain.With(found, err)}
	var e *graph.Error
	var b *graph.Fault
	switch {
	case errors.As(err, &e):
		f.Retry = e.RetryAfter
		if e.Claims != "" {
			f.Code, f.Err = "claims", errors.Join(&directory.Challenge{Claims: e.Claims}, f.Err)
		}
	case errors.As(err, &b):
		if !b.Sent {
			f.Code = notSent
		}
		if f.Kind != fail.Internal {
			f.Kind = fail.Unavailable // whatever the authority's reason was, the directory has not said no
		}
	}
	return f
}

// unsent marks a failure before anything was sent.
func unsent(err error) error {
	var f *fail.Error
	if errors.As(err, &f) && f.Kind == fail.Unavailable && f.Code == "" {
		f.Code = notSent
	}
	return err
}

// unread is the error of a read: where the answer alone does not tell which right is missing, the token's permissions are looked at.
func (d *Directory) unread(ctx context.Context, c *graph.Client, op, item string, what property.Operation, own bool, err error) *fail.Error {
	a := explain.FromGraph(err, explain.Reading)
	if a.Status == http.StatusForbidden {
		a.Own, a.Needs = own, what.Permits(own)
		a.Grants = grants(ctx, c)
	}
	return d.anew(own, a, told(op, item, a, err))
}

// anew makes a demand for a new sign-in of the plain refusal of a person's own token, which a token got in its place met as well: no
// administrator can help with that, and the person can. The demand has the form of the service's own for a younger token.
// https://learn.microsoft.com/entra/identity-platform/claims-challenge
func (d *Directory) anew(own bool, a explain.Answer, f *fail.Error) *fail.Error {
	if own && a.Status == http.StatusUnauthorized && f.Code != "claims" {
		claims := fmt.Sprintf(`{"access_token":{"nbf":{"essential":true,"value":"%d"}}}`, d.o.Now().Unix())
		f.Kind, f.Code, f.Err = fail.Denied, "claims", errors.Join(&directory.Challenge{Claims: claims}, f.Err)
	}
	return f
}

// grants are the permissions that the token names, nil when they are not known.
func grants(ctx context.Context, c *graph.Client) []string {
	held, err := c.Held(ctx)
	if err != nil {
		return nil
	}
	return held.Permissions
}

// attempt is one write, as far as a refusal of it has to be explained.
type attempt struct {
	d     *Directory
	c     *graph.Client
	op    string
	as    directory.Authority
	on    directory.Ref
	group string             // object id of the group that it was about, "" for a person
	what  property.Operation // "" writes set
	set   property.Values
}

// refused is the error of a write; nil stays nil. An answer that fits several causes is explained by what else can be seen: the
// token's permissions and, by one more read, the person or group.
func (t attempt) refused(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	a := explain.FromGraph(err, explain.Writing)
	a.Own, a.Needs, a.On = t.as.Delegated(), t.what.Permits(t.as.Delegated()), explain.Target{ID: t.on.ID, Self: t.as.Delegated()}
	for _, n := range t.set.Names() {
		if def, ok := t.d.o.Properties.Def(n); ok {
			a.Set = append(a.Set, def.Graph)
		}
	}
	found := explain.Explain(a)
	if a.Status >= 400 && a.Status < 500 && found.Sure == explain.Unknown {
		a.Grants = grants(ctx, t.c)
		t.look(ctx, &a.On)
		found = explain.Explain(a)
	}
	f := t.d.anew(a.Own, a, told(t.op, t.on.ID, a, err))
	var e *graph.Error
	if errors.As(err, &e) && f.Code != "claims" && found.Cause != explain.Unsupported {
		switch f.Kind {
		case fail.Invalid, fail.Denied, fail.Exists, fail.Unsupported:
			say := f.Say
			if found.Cause == explain.Value || found.Cause == explain.Unexplained {
				say = fail.T("Microsoft 365 did not accept this value. Correct it and save again.")
			}
			if f.Fields = fields(e, t.set, say); found.Cause == explain.Unexplained && len(f.Fields) > 0 {
				f.Say = fail.T("Microsoft 365 did not accept a value. Nothing was changed; look at the marked field.")
			}
		}
	}
	return f
}

// look reads what tells causes apart. What cannot be read stays not known.
func (t attempt) look(ctx context.Context, on *explain.Target) {
	if t.group != "" {
		var g struct {
			GroupTypes                                             []string
			IsAssignableToRole, MailEnabled, OnPremisesSyncEnabled *bool
		}
		if t.c.Get(ctx, "/groups/"+t.group+"?$select=groupTypes,isAssignableToRole,mailEnabled,onPremisesSyncEnabled", &g) != nil {
			return
		}
		yes := func(b *bool) bool { return b != nil && *b }
		on.ID, on.Group, on.Assignable, on.Synced = t.group, true, yes(g.IsAssignableToRole), explain.Is(yes(g.OnPremisesSyncEnabled))
		for _, k := range g.GroupTypes {
			on.Dynamic = on.Dynamic || k == "DynamicMembership"
			on.Mail = on.Mail || k == "Unified"
		}
		on.Mail = yes(g.MailEnabled) && !on.Mail
		return
	}
	if name := t.set["userPrincipalName"].Str(); name != "" {
		if o, err := t.d.Organization(ctx, t.on.Tenant); err == nil {
			on.Domain = explain.Is(slices.ContainsFunc(o.Domains, func(d string) bool { return strings.EqualFold(d, name[strings.LastIndexByte(name, '@')+1:]) }))
		}
	}
	u, err := t.d.User(ctx, t.as, t.on, directory.Ask{Roles: true})
	if err != nil {
		return
	}
	on.Guest, on.Synced, on.Once = explain.Is(u.Guest), explain.Is(u.Sync == directory.Synced), explain.Is(u.Sync == directory.OnceSynced)
	if u.Roles != nil {
		on.Privileged = explain.Is(len(u.Roles) > 0)
	}
}

// fields finds which of the properties the service means. A single property is always meant.
func fields(e *graph.Error, set property.Values, say fail.Text) []fail.Problem {
	var out []fail.Problem
	for _, n := range set.Names() {
		leaf := string(n)[strings.LastIndexByte(string(n), '/')+1:]
		meant := len(set) == 1 || strings.Contains(strings.ToLower(e.Message), "'"+strings.ToLower(leaf)+"'")
		for _, d := range e.Details {
			meant = meant || strings.EqualFold(d.Target, leaf) || strings.EqualFold(d.Target, string(n))
		}
		if meant {
			out = append(out, fail.Problem{Field: string(n), Code: "refused", Say: say})
		}
	}
	return out
}
