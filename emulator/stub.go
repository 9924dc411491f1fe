package emulator

import (
	"net/http"
	"strings"
	"time"
)

// Places for the parts that are being written; each is replaced by its own file. Whoever writes a file deletes the
// placeholder here and keeps the names: sign-in is written against account, accounts and userByID below.

// GRAPH: state.go.

type directory struct{ users []*user }
type user struct {
	id  string
	rec User
}

// account is what sign-in must know of a person: a copy, so that no lock is held while a page is drawn.
type account struct {
	id        string
	upn       string
	name      string // displayName
	given     string
	family    string
	mail      string
	jobTitle  string
	password  string    // "" accepts any
	enabled   bool      // accountEnabled
	guest     bool      // userType is Guest
	federated bool      // the UPN's domain is federated: passwords are refused here
	validFrom time.Time // signInSessionsValidFromDateTime
	wids      []string  // template ids of directory roles
	groups    []string  // object ids of the security groups that hold the person, nested ones included
}

// accountOf finds a person by object id, or by user principal name in any case. Deleted people are not found. Takes Emulator.mu.
func (e *Emulator) accountOf(t *tenant, key string) (account, bool) {
	for _, a := range e.accounts(t) {
		if a.id == key || strings.EqualFold(a.upn, key) {
			return a, true
		}
	}
	return account{}, false
}

// accounts lists everybody by displayName. Takes Emulator.mu.
func (e *Emulator) accounts(t *tenant) []account {
	var out []account
	for _, u := range t.dir.users {
		v := func(n string) string { s, _ := u.rec.Values[n].(string); return s }
		enabled, set := u.rec.Values["accountEnabled"].(bool)
		from, _ := u.rec.Values["signInSessionsValidFromDateTime"].(time.Time)
		out = append(out, account{
			id: u.id, upn: u.rec.UPN, name: v("displayName"), given: v("givenName"), family: v("surname"), mail: v("mail"), jobTitle: v("jobTitle"),
			password: u.rec.Password, enabled: enabled || !set, guest: v("userType") == "Guest", wids: u.rec.Roles, validFrom: from,
		})
	}
	return out
}

// userByID is the live object for authenticate; nil when it is gone. Call with Emulator.mu held for reading.
func (t *tenant) userByID(id string) *user {
	for _, u := range t.dir.users {
		if u.id == id {
			return u
		}
	}
	return nil
}

func newTenant(e *Emulator, org Organization) (*tenant, error) {
	t := &tenant{id: org.ID, name: org.Name, country: org.Country, domains: org.Domains, apps: map[string]*application{}, dir: &directory{}}
	if t.id == "" {
		t.id = e.random.id()
	}
	for _, a := range org.Apps {
		if a.ObjectID == "" {
			a.ObjectID = e.random.id()
		}
		app := newApplication(a)
		t.apps[strings.ToLower(a.ClientID)] = app
	}
	for _, u := range org.Users {
		id := u.ID
		if id == "" {
			id = e.random.id()
		}
		t.dir.users = append(t.dir.users, &user{id: id, rec: u})
	}
	return t, nil
}

func (e *Emulator) serveGraph(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }

func roleTemplate(nameOrID string) string { return nameOrID } // role.go
