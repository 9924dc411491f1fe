package portal

import (
	"net/http"
	"slices"
	"strings"

	"nameplate/internal/admin"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/policy"
	"nameplate/internal/property"
	"nameplate/internal/web"
)

// deed is something that is done to a person by one button, after a page that says what follows.
type deed struct {
	key    string // in the address
	do     change.Action
	name   property.Name
	to     property.Value
	icon   string
	label  fail.Text
	title  fail.Text
	say    []fail.Text // what follows; %s is the person's name
	typed  bool        // the name has to be typed
	danger bool
}

const enabled property.Name = "accountEnabled"

// sayOpen is how long what is open stays open: services that evaluate access continuously hear of it within 15 minutes, an access token
// for any other lives 60 to 90 minutes, and a web page may have a session of its own.
// https://learn.microsoft.com/entra/identity/conditional-access/concept-continuous-access-evaluation
// https://learn.microsoft.com/entra/identity-platform/access-tokens#token-lifetime and https://learn.microsoft.com/entra/identity/users/users-revoke-access
var sayOpen = fail.T("What is open now closes after a while: Outlook, Teams and SharePoint within 15 minutes, other apps within 90, and an app with sessions of its own when it ends them.")

var deeds = []deed{
	{
		key: "block", do: change.Update, name: enabled, to: property.Bool(false), icon: "lock", danger: true, label: fail.T("Block sign-in"), title: fail.T("Block sign-in?"),
		say: []fail.Text{fail.T("%s cannot sign in any more."), sayOpen},
	},
	{
		key: "unblock", do: change.Update, name: enabled, to: property.Bool(true), icon: "key", label: fail.T("Allow sign-in"), title: fail.T("Allow sign-in?"),
		say: []fail.Text{fail.T("%s can sign in again, with the password from before.")},
	},
	{
		key: "sessions", do: change.Sessions, name: directory.FacetSessions, to: property.Bool(true), icon: "leave", label: fail.T("End sign-ins"), title: fail.T("End all sign-ins?"),
		say: []fail.Text{fail.T("%s has to sign in again on every device. This cannot be taken back."), sayOpen},
	},
	{
		key: "password", do: change.Password, name: directory.FacetPassword, to: property.Bool(true), icon: "shield", danger: true, label: fail.T("Reset password"), title: fail.T("Reset the password?"),
		say: []fail.Text{
			fail.T("%s gets a new password, which has to be changed at the next sign-in. The old one stops working at once."),
			fail.T("You see the new password once, on the next page. It is kept nowhere: tell it to %s in person or on the phone."),
		},
	},
	{
		key: "delete", do: change.Account, name: directory.FacetAccount, to: property.Text(directory.Deleted), icon: "bin", danger: true, typed: true, label: fail.T("Delete"), title: fail.T("Delete this person?"),
		say: []fail.Text{
			fail.T("%s cannot sign in any more, leaves all groups, and their licenses become free."),
			fail.T("Within 30 days you can restore them, with mailbox and files. After that everything is gone for good."),
		},
	},
	{
		key: "restore", do: change.Account, name: directory.FacetAccount, to: property.Text(directory.Active), icon: "undo", label: fail.T("Restore"), title: fail.T("Restore this person?"),
		say: []fail.Text{fail.T("%s comes back with profile, groups and sign-in name, and can sign in again. Licenses come back as long as there are free ones.")},
	},
}

// offered says whether a deed makes sense for a person as they are, and whether the reader may do it.
func (d deed) offered(one admin.Person) (sense bool, may admin.Allowed) {
	switch d.key {
	case "block", "unblock":
		on, known := one.Values[enabled]
		if !known || one.Gone || on.True() != (d.key == "block") {
			return false, may
		}
		i := slices.IndexFunc(one.Fields, func(f policy.Field) bool { return f.Def.Name == enabled })
		if i < 0 {
			return false, may
		}
		return true, admin.Allowed{Yes: one.Fields[i].Write, Why: one.Fields[i].Reason}
	case "restore":
		return one.Gone, one.Actions[d.do]
	}
	return !one.Gone, one.Actions[d.do]
}

// deedsOf are the buttons of a person's page; closed is why there is none.
func (p *Portal) deedsOf(v *web.Visit, one admin.Person) (out []deedView, closed string) {
	for _, d := range deeds {
		sense, may := d.offered(one)
		switch {
		case sense && may.Yes:
			out = append(out, deedView{Label: v.T(d.label), Href: personAddress(one.Ref) + "/" + d.key, Icon: d.icon, Danger: d.danger})
		case sense && closed == "" && !may.Why.Zero():
			closed = v.T(may.Why)
		}
	}
	if len(out) > 0 {
		closed = ""
	}
	return out, closed
}

// deedTask is the task of the deed that an address names.
func (p *Portal) deedTask(r *http.Request, v *web.Visit) (task, error) {
	i := slices.IndexFunc(deeds, func(d deed) bool { return d.key == r.PathValue("deed") })
	if i < 0 {
		return task{}, web.Refuse(http.StatusNotFound)
	}
	d := deeds[i]
	on, err := target(r, v)
	if err != nil {
		return task{}, err
	}
	one, err := p.Desk.Person(r.Context(), v.Actor(), on)
	if err != nil {
		return task{}, err
	}
	t := task{
		c:   change.Change{On: on, Do: d.do, Set: property.Values{d.name: d.to}, Expect: property.Values{}, By: v.Actor()},
		one: one, at: personAddress(on) + "/" + d.key, title: d.title, save: d.label, icon: d.icon, scope: "deed " + on.ID + " " + d.key,
	}
	name := mention(one.User).Name
	for _, s := range d.say {
		if strings.Contains(s.Key, "%s") {
			s = fail.T(s.Key, Clear(name))
		}
		t.warn = append(t.warn, v.T(s))
	}
	if d.typed {
		t.name = name
	}
	return t, nil
}

// askDeed shows what a deed would do.
func (p *Portal) askDeed(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	t, err := p.deedTask(r, v)
	if err != nil {
		return err
	}
	if t.c.Do == change.Password {
		t.c.Secret = "made when it is set" // a preview needs one and sends none
	}
	f := &web.Form{}
	if r.URL.Query().Get("recovered") != "" {
		if kept := p.kept(r.Context(), v, r.URL.Path); kept != nil && kept.Scope == t.scope {
			f = kept
		}
	}
	return p.step(w, r, v, t, f)
}

// doDeed does it.
func (p *Portal) doDeed(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	t, err := p.deedTask(r, v)
	if err != nil {
		return err
	}
	f, err := v.FormFor(r, t.scope)
	if err != nil {
		return err
	}
	if err := f.Only(func(k string) bool { return slices.Contains([]string{"step", "why", "name"}, k) }); err != nil {
		return err
	}
	if t.c.Do == change.Password {
		if err := p.newPassword(w, r, v, &t); err != nil {
			return err
		}
	}
	return p.step(w, r, v, t, f)
}

type passwordBody struct {
	Title    string
	Done     *doneView
	Person   directory.Person
	Password string // "" when another request has set it: it is shown once
	At       string
}

// newPassword gives a task a password of our making, and an answer that shows it this one time. The entry's id tells whether this
// request set it: the same form sent again gets the first one's outcome, and no password.
func (p *Portal) newPassword(w http.ResponseWriter, r *http.Request, v *web.Visit, t *task) error {
	secret, err := admin.NewPassword(p.Random)
	if err != nil {
		return err
	}
	id := p.NewID()
	t.c.Secret, t.c.ID = secret, id
	one := t.one
	t.done = func(out change.Outcome) error {
		e, err := p.deskEntry(r.Context(), v, out.Entry)
		if err != nil {
			return err
		}
		b := passwordBody{Title: v.T(fail.T("New password")), Done: p.doneFor(v, e, one), Person: mention(one.User), At: personAddress(one.Ref)}
		if out.Entry == id {
			b.Password = secret
		}
		return p.show(w, v, http.StatusOK, "password", p.desk(r, v, "people", fail.T("New password"), b))
	}
	return nil
}
