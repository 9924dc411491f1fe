package api

import (
	"encoding/json"
	"net/http"

	"nameplate/internal/admin"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
)

// newcomer is somebody who is to be added.
type newcomer struct {
	Properties map[string]any `json:"properties" says:"by name, as in a PATCH; userPrincipalName and displayName at least"`
	Password   string         `json:"password,omitempty" says:"one is made when it is left out, and shown once"`
}

// addPerson creates somebody. The password stands sealed until this answer, or the one to the same Idempotency-Key after a crash, has told it.
func addPerson(c *call) (reply, error) {
	var in struct {
		Properties map[string]json.RawMessage
		Password   string
	}
	if err := c.into(&in); err != nil {
		return reply{}, err
	}
	m, _ := c.tree.(map[string]any)
	sub, _ := m["properties"].(map[string]any)
	set, probs := c.valuesOf(sub, in.Properties, "/properties/")
	if len(probs) > 0 {
		return reply{}, refuse(http.StatusBadRequest, fail.T("Nothing was changed. Look at what is named, correct it and send it again."), probs...)
	}
	c.point = map[string]string{"passwordProfile": "/password"}
	for _, n := range c.Policy.Properties().Names() {
		if n != "passwordProfile" {
			c.point[string(n)] = "/properties/" + escape(string(n))
		}
	}
	made := in.Password == ""
	if made {
		var err error
		if in.Password, err = admin.NewPassword(c.Random); err != nil {
			return reply{}, err
		}
	}
	rep, err := c.change(change.Change{On: directory.Ref{Tenant: c.tenant}, Do: change.Create, Set: set, Secret: in.Password})
	o, ok := rep.body.(outcome)
	if err != nil || !ok || c.dry() || o.Person == "" {
		return rep, err
	}
	rep.kept = o
	// Whoever has sent one knows it; it is forgotten all the same.
	if secret, err := c.Desk.Reveal(c.r.Context(), c.by, c.tenant, o.Entry); err == nil && made {
		o.Password = secret
	}
	rep.body = o
	return rep, nil
}

// firstPasswords are those of a plan's people.
type firstPasswords struct {
	Passwords []firstPassword `json:"passwords"`
}

type firstPassword struct {
	Line     int    `json:"line" says:"in the file"`
	UPN      string `json:"userPrincipalName"`
	Password string `json:"password" says:"shown once, to be changed at the first sign-in"`
}

func takePasswords(c *call) (reply, error) {
	l, err := c.Bulk.Passwords(c.r.Context(), c.by, c.tenant, c.r.PathValue("id"))
	if err != nil && len(l) == 0 { // what was taken already is told whatever came after
		return reply{}, err
	}
	out := firstPasswords{Passwords: []firstPassword{}}
	for _, p := range l {
		out.Passwords = append(out.Passwords, firstPassword(p))
	}
	return reply{body: out, kept: firstPasswords{Passwords: []firstPassword{}}}, nil
}
