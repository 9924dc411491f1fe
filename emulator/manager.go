package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// managerOf answers /users/{key}/manager and, with ref, …/manager/$ref:
// https://learn.microsoft.com/en-us/graph/api/user-list-manager, user-post-manager, user-delete-manager
func (c *call) managerOf(key string, ref bool) error {
	if ref && c.r.Method != http.MethodGet {
		return c.putManager(key)
	}
	if err := c.method(http.MethodGet); err != nil {
		return err
	}
	c.e.mu.RLock()
	defer c.e.mu.RUnlock()
	u, err := c.find(key)
	if err != nil {
		return err
	}
	if err := c.mayManager(u); err != nil {
		return err
	}
	if u.manager == nil {
		return notThere("manager")
	}
	if ref {
		b := c.context(nil, "directoryObjects/$entity")
		b = append(b, `"@odata.id":`...)
		b = appendText(b, c.base()+"/directoryObjects/"+u.manager.id)
		return c.send(http.StatusOK, append(b, '}'))
	}
	sel, _, err := c.selectFrom(c.t.dir.users, full, false)
	if err != nil {
		return err
	}
	b := sel.withType().append(c.context(nil, "directoryObjects/$entity"), u.manager)
	return c.send(http.StatusOK, append(b, '}'))
}

// mayManager: User.Read does not reach the own manager either.
func (c *call) mayManager(*object) error {
	if !c.p.holds(readUsers...) && !c.p.asUser() {
		return denied()
	}
	return nil
}

func (c *call) putManager(key string) error {
	if err := c.method(http.MethodPut, http.MethodDelete); err != nil {
		return err
	}
	var target string
	if c.r.Method == http.MethodPut {
		body, err := c.object()
		if err != nil {
			return err
		}
		address, ok := decodeText(body["@odata.id"])
		if !ok {
			return failure(http.StatusBadRequest, "BadRequest", "The request body needs '@odata.id'.")
		}
		target = tail(address)
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	u, err := c.find(key)
	if err != nil {
		return err
	}
	if !c.p.holds(setManagers...) && !c.p.asUser() || c.p.delegated() && !c.hasRoleOver(u, basicWriters...) {
		return denied()
	}
	if err := c.mayManageRestricted(u); err != nil {
		return err
	}
	if u.synced() { // inferred: the manager is an attribute that directory sync sends
		return masteredElsewhere()
	}
	var m *object
	if c.r.Method == http.MethodPut {
		if m, err = c.find(target); err != nil {
			return err
		}
		if m == u {
			return badRequest("Invalid object identifier '%s' specified for property 'manager' of resource 'User'.", m.id)
		}
	} else {
		if u.manager == nil {
			return notThere("manager")
		}
	}
	c.setManager(u, m)
	return c.done()
}

// setManager sets or, with nil, removes a manager, with ledger and change log.
func (c *call) setManager(u, m *object) {
	entry := c.entry("user.manager.set", u.id)
	if m == nil {
		entry.Op = "user.manager.remove"
	}
	entry.Before, entry.After = map[string]any{"manager": idOf(u.manager)}, map[string]any{"manager": idOf(m)}
	ch := change{object: u, rel: "manager"}
	if u.manager != nil {
		ch.removed = []*object{u.manager}
	}
	if m != nil {
		ch.added = []*object{m}
	}
	c.t.dir.setManager(u, m)
	c.e.ledger.add(entry)
	c.t.dir.changed(c.e.Now(), ch)
}

func idOf(o *object) any {
	if o == nil {
		return nil
	}
	return o.id
}

// tail is the last key of an address, whatever host and version stand before: …/users/KEY, …/users('KEY').
func tail(address string) string {
	s := strings.TrimRight(address, "/")
	if i := strings.LastIndex(s, "('"); i >= 0 && strings.HasSuffix(s, "')") {
		return s[i+2 : len(s)-2]
	}
	return s[strings.LastIndexByte(s, '/')+1:]
}

// changePassword: https://learn.microsoft.com/en-us/graph/api/user-changepassword
func (c *call) changePassword(key string) error {
	if err := c.method(http.MethodPost); err != nil {
		return err
	}
	raw, err := c.object()
	if err != nil {
		return err
	}
	var body struct{ CurrentPassword, NewPassword string }
	whole, _ := json.Marshal(raw) // just decoded
	if json.Unmarshal(whole, &body) != nil {
		return badJSON()
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	u, err := c.find(key)
	if err != nil {
		return err
	}
	if !c.p.self(u) || !c.p.holds("User-PasswordProfile.ReadWrite.All", "User.ReadWrite.All", "Directory.ReadWrite.All") && !c.p.asUser() {
		return denied()
	}
	if have := u.extra().password; have != "" && have != body.CurrentPassword {
		return badRequest("The specified password is incorrect.")
	}
	if !strong(body.NewPassword) {
		return weakPassword()
	}
	u.more.password, u.more.force = body.NewPassword, false
	entry := c.entry("user.password.change", u.id)
	u.rec = u.rec.with([]field{{pPasswordTime, instantJSON(c.e.Now())}})
	c.e.ledger.add(entry)
	c.t.dir.changed(c.e.Now(), change{object: u, props: []int{pPasswordTime}})
	return c.done()
}

// revokeSessions: https://learn.microsoft.com/en-us/graph/api/user-revokesigninsessions
func (c *call) revokeSessions(u *object) error {
	own := c.p.self(u) && c.p.holds("User.ReadWrite")
	if !own && !c.p.holds("User.RevokeSessions.All", "User.ReadWrite.All", "Directory.ReadWrite.All") && !c.p.asUser() {
		return denied()
	}
	if c.p.delegated() && !c.p.self(u) && !c.mayTouch(u, resetPassword) {
		return denied()
	}
	was := u.rec
	u.rec = was.with([]field{{pValidFrom, fmt.Sprintf(`"%s"`, c.e.Now().Format("2006-01-02T15:04:05.999999Z"))}})
	entry := c.entry("user.sessions.revoke", u.id)
	entry.Before, entry.After = u.in.values(was, []int{pValidFrom}), u.in.values(u.rec, []int{pValidFrom})
	c.e.ledger.add(entry)
	c.t.dir.changed(c.e.Now(), change{object: u, props: []int{pValidFrom}})
	return c.value("Boolean", "true")
}

// postAbout answers a POST about a person: with the directory locked and the person found.
func (c *call) postAbout(key string, do func(u *object) error) error {
	if err := c.method(http.MethodPost); err != nil {
		return err
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	u, err := c.find(key)
	if err != nil {
		return err
	}
	return do(u)
}
