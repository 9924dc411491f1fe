package api

import (
	"net/http"
	"time"

	"nameplate/internal/access"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
)

// key is an API key as it is shown; Secret only once.
type key struct {
	ID      string            `json:"id"`
	Name    string            `json:"name"`
	Role    directory.Role    `json:"role"`
	Scopes  []directory.Scope `json:"scopes"`
	By      string            `json:"by" says:"who made it"`
	Made    time.Time         `json:"made"`
	Expires time.Time         `json:"expires"`
	Used    *time.Time        `json:"used" says:"when it was last used, accurate to a minute; null is never"`
	Revoked *time.Time        `json:"revoked" says:"null while it was not"`
	Secret  string            `json:"secret,omitempty" says:"what goes into the header; shown once, when the key is made"`
}

type keysPage struct {
	Keys []key `json:"keys"`
}

// newKey is what is said of a key that is to be made.
type newKey struct {
	Name    string            `json:"name"`
	Role    directory.Role    `json:"role"`
	Scopes  []directory.Scope `json:"scopes"`
	Expires time.Time         `json:"expires" says:"at the latest in a year"`
	Why     string            `json:"why" says:"what it is for; stands in the history"`
}

func (a *API) keys() []Route {
	return []Route{
		{Method: "GET", Path: "/keys", Says: "List API keys, the newest first.", Scope: directory.KeysManage, Roles: admins, Gives: keysPage{}, do: listKeys},
		{Method: "POST", Path: "/keys", Says: "Make an API key. A key gives no scope that it lacks and no longer life than its own.", Scope: directory.KeysManage, Roles: admins, Body: newKey{}, Gives: key{}, Status: http.StatusCreated, Fresh: true, do: makeKey},
		{Method: "DELETE", Path: "/keys/{id}", Says: "Revoke an API key for good.", Scope: directory.KeysManage, Roles: admins, Status: http.StatusNoContent, Query: []Param{{"why", "the reason, for the history", "string"}}, do: revokeKey},
	}
}

func shownKey(k access.Key) key {
	instant := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	return key{ID: k.ID, Name: k.Name, Role: k.Role, Scopes: k.Scopes, By: k.By, Made: k.Made, Expires: k.Expires, Used: instant(k.Used), Revoked: instant(k.Revoked)}
}

func listKeys(c *call) (reply, error) {
	l, err := c.Keys.List(c.r.Context(), c.by, c.tenant)
	if err != nil {
		return reply{}, err
	}
	out := keysPage{[]key{}}
	for _, k := range l {
		out.Keys = append(out.Keys, shownKey(k))
	}
	return reply{body: out}, nil
}

func makeKey(c *call) (reply, error) {
	var in newKey
	if err := c.into(&in); err != nil {
		return reply{}, err
	}
	k, secret, err := c.Keys.Make(c.r.Context(), c.by, access.Key{Tenant: c.tenant, Name: in.Name, Role: in.Role, Scopes: in.Scopes, Expires: in.Expires}, in.Why)
	if err != nil {
		return reply{}, err
	}
	kept := shownKey(k)
	shown := kept
	shown.Secret = secret
	return reply{body: shown, kept: kept}, nil
}

func revokeKey(c *call) (reply, error) {
	id := c.r.PathValue("id")
	if !guid.MatchString(id) {
		return reply{}, fail.New(fail.NotFound, "api.keys", fail.T("There is no such key."))
	}
	return reply{}, c.Keys.Revoke(c.r.Context(), c.by, c.tenant, id, c.r.URL.Query().Get("why"))
}
