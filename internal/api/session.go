package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"nameplate/internal/access"
	"nameplate/internal/admin"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/web"
)

// asked is where a person signs a program in.
type asked struct {
	Page  string    `json:"page" says:"path on this server: the person opens it in a browser"`
	Code  string    `json:"code" says:"what the person types there"`
	Until time.Time `json:"until"`
}

// session is who a request acts as.
type session struct {
	Kind    directory.ActorKind `json:"kind" says:"person, key or host"`
	ID      string              `json:"id" says:"object id of the person, or id of the key"`
	Name    string              `json:"name"`
	UPN     string              `json:"userPrincipalName,omitempty"`
	Tenant  string              `json:"tenant"`
	Roles   []directory.Role    `json:"roles"`
	Scopes  []directory.Scope   `json:"scopes,omitempty" says:"of a key; a person is not bound by scopes"`
	Program string              `json:"program,omitempty" says:"what the command line calls itself"`
	Until   *time.Time          `json:"until" says:"when it ends at the latest; null is never"`
	Idle    *time.Time          `json:"idle,omitempty" says:"when it ends if nothing happens"`
	Fresh   *time.Time          `json:"fresh,omitempty" says:"until when it may do what asks for a sign-in of a moment ago"`
}

func (a *API) sessions() []Route {
	return []Route{
		{
			Method: "GET", Path: "/session/ask", Says: "Ask whether a program may act as somebody: gives the page on which that person signs it in. Nothing is stored by it.", Open: true, Gives: asked{}, do: ask,
			Query: []Param{{"challenge", "SHA-256, in hex, of the secret that the program will send as bearer: nps_ and 32 random bytes in base64url", "string"}, {"name", "what the program calls itself: the computer", "string"}},
		},
		{Method: "GET", Path: "/session", Says: "Say who this request acts as.", Any: true, Gives: session{}, do: whoami},
		{Method: "DELETE", Path: "/session", Says: "Sign this program out.", Any: true, Status: http.StatusNoContent, do: signOut},
	}
}

func ask(c *call) (reply, error) {
	in := c.r.URL.Query()
	one, err := access.NewAsk(in.Get("challenge"), in.Get("name"), c.v.From, c.Now())
	if err != nil {
		return reply{}, refuseAt(http.StatusBadRequest, fieldError{Parameter: "challenge", Code: "form"}, fail.T("The challenge is the SHA-256 of the secret, in lower-case hex."))
	}
	return reply{body: asked{access.ConnectPath + "?ask=" + c.Sign.Sign(one.Text()), one.Code(), one.At.Add(access.AskLife)}}, nil
}

// program is whose command line a request comes from.
func (a *API) program(ctx context.Context, secret string, v *web.Visit) (caller, error) {
	s, err := a.Programs.Program(ctx, secret, v.From)
	var f *fail.Error
	switch {
	case err == nil && a.Houses[s.Ref.Tenant].Desk != nil:
		return caller{by: s.Actor(v.From), tenant: s.Ref.Tenant, session: &s}, nil
	case errors.As(err, &f) && f.Kind == fail.Throttled:
		return caller{}, &web.Refusal{Status: http.StatusTooManyRequests, Retry: f.Retry, Say: f.Say}
	case err == nil, errors.As(err, &f) && f.Kind == fail.Denied:
		say := fail.T("The command line is not signed in, or not any more: nameplate login.")
		if access.Code(err) == access.CodeDisabled {
			say = f.Say
		}
		return caller{}, &web.Refusal{Status: http.StatusUnauthorized, Say: say, Cause: err}
	}
	return caller{}, err
}

func whoami(c *call) (reply, error) {
	out := session{Kind: c.by.Kind, ID: c.by.Ref.ID, Name: c.by.Name, Tenant: c.tenant, Roles: c.by.Roles, Scopes: c.by.Scopes}
	switch {
	case c.session != nil:
		fresh := c.session.SignedIn.Add(admin.Fresh)
		out.UPN, out.Program, out.Until, out.Idle, out.Fresh = c.session.UPN, c.session.Program, &c.session.FinalEnd, &c.session.IdleEnd, &fresh
	case c.key.ID != "":
		out.Until = &c.key.Expires
	}
	return reply{body: out}, nil
}

func signOut(c *call) (reply, error) {
	if c.session == nil {
		return reply{}, fail.New(fail.Denied, "api.session", fail.T("Only a command line that is signed in as a person can be signed out. A key is revoked."))
	}
	return reply{}, c.Programs.EndProgram(c.r.Context(), c.session.Ref, c.session.ID)
}

// proved asks a person for a sign-in of a moment ago, as the pages do (A12); keys have scopes for it.
func (c *call) proved() error {
	if c.session == nil || admin.Proved(c.session.SignedIn, c.Now()) {
		return nil
	}
	r := refuse(http.StatusForbidden, fail.T("This can lock somebody out or cannot be taken back. It asks for a sign-in within the last %s: nameplate login.", admin.Fresh))
	r.code = "sign_in_again"
	return r
}

// recent is proved for what is Dangerous.
func (c *call) recent(ch change.Change) error {
	stale := c.proved()
	if stale == nil {
		return nil
	}
	ch.By = c.by
	pre, err := c.Desk.Check(c.r.Context(), ch)
	if err == nil && pre.Dangerous {
		err = stale
	}
	return err
}
