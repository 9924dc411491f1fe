package graph

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// appToken puts the application's own token on requests. One caller at a time asks the credential, the others wait for what it
// gets: a token that the service refuses is renewed once, however many requests carried it.
type appToken struct {
	state *state
	turn  chan struct{} // holds the right to look at and change token
	token azcore.AccessToken
	got   time.Time
}

// fresh says whether the token is good for a while yet: until five minutes before its end, or a fifth of its life if that is less.
func (a *appToken) fresh(now time.Time) bool {
	early := min(5*time.Minute, a.token.ExpiresOn.Sub(a.got)/5)
	return a.token.ExpiresOn.Sub(now) > early && (a.token.RefreshOn.IsZero() || a.token.RefreshOn.After(now))
}

// get is a token other than spent. claims are those of a challenge, "" for none.
func (a *appToken) get(ctx context.Context, spent, claims string) (string, error) {
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	now := a.state.opts.Now()
	usable := a.token.Token != "" && a.token.Token != spent
	if usable && a.fresh(now) {
		return a.token.Token, nil
	}
	ask := policy.TokenRequestOptions{Scopes: []string{a.state.opts.Scope}, EnableCAE: true, Claims: claims}
	t, err := a.state.opts.Credential.GetToken(ctx, ask)
	if err == nil && t.Token == spent && spent != "" && claims == "" {
		// The credential's own memory still believes in the token that the service refused: its clock may be behind. A demand for
		// a younger one, in the form of a challenge, makes it ask the authority.
		// https://learn.microsoft.com/entra/identity-platform/claims-challenge
		ask.Claims = fmt.Sprintf(`{"access_token":{"nbf":{"essential":true,"value":"%d"}}}`, now.Unix())
		t, err = a.state.opts.Credential.GetToken(ctx, ask)
	}
	if err != nil {
		if usable && a.token.ExpiresOn.After(now) {
			return a.token.Token, nil // not fresh, and good
		}
		return "", err
	}
	a.token, a.got = t, now
	return t.Token, nil
}

// now is the token that requests carry at present.
func (a *appToken) now(ctx context.Context, spent string) (string, error) {
	if a.state.opts.Credential == nil {
		return "", ErrNoCredential
	}
	return a.get(ctx, spent, "")
}

// Held is what a token says of its rights.
type Held struct {
	Permissions []string // roles of an application's token, scopes of a person's
	Roles       []string // template ids of directory roles: the service principal's or the person's
}

// Held reads what the client's token says of its rights. To its client a token is opaque
// (https://learn.microsoft.com/entra/identity-platform/access-tokens): this tells an operator why something was refused and decides
// nothing. The error says why there is no token, as a *Fault, or that it cannot be read.
func (c *Client) Held(ctx context.Context) (Held, error) {
	token, err := c.token(ctx, "")
	if err != nil {
		return Held{}, &Fault{Op: "token", Err: &tokenError{err}}
	}
	var held struct {
		Roles  []string `json:"roles"`
		Scopes *string  `json:"scp"`
		WIDs   []string `json:"wids"`
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return Held{}, errors.New("graph: the token cannot be read")
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(body, &held) != nil {
		return Held{}, errors.New("graph: the token cannot be read")
	}
	if held.Scopes != nil { // a person's token may carry roles of theirs as well
		return Held{strings.Fields(*held.Scopes), held.WIDs}, nil
	}
	return Held{append([]string{}, held.Roles...), held.WIDs}, nil
}

// Do implements policy.Policy.
func (a *appToken) Do(r *policy.Request) (*http.Response, error) {
	if a.state.opts.Credential == nil {
		return nil, ErrNoCredential
	}
	return send(r, true, a.get)
}

// personToken asks token anew for each attempt and keeps nothing.
func personToken(token TokenFunc) policy.Policy {
	return policyFunc(func(r *policy.Request) (*http.Response, error) {
		return send(r, false, func(ctx context.Context, spent, _ string) (string, error) {
			t, err := token(ctx, spent)
			if err == nil && t == "" {
				err = errors.New("empty token")
			}
			return t, err
		})
	})
}

// send sends the request, and once more with a new token when the service does not accept the first. meets says that get can meet a
// claims challenge; what only the person can meet goes back to the caller.
func send(r *policy.Request, meets bool, get func(ctx context.Context, spent, challenge string) (string, error)) (*http.Response, error) {
	spent, challenge := "", ""
	for try := 1; ; try++ {
		token, err := get(r.Raw().Context(), spent, challenge)
		if err != nil {
			return nil, &tokenError{err}
		}
		r.Raw().Header.Set("Authorization", "Bearer "+token)
		resp, err := r.Next()
		if err != nil || resp.StatusCode != http.StatusUnauthorized || try == 2 {
			return resp, err
		}
		spent, challenge = token, claims(resp.Header)
		if challenge != "" && !meets {
			return resp, nil
		}
		runtime.Drain(resp)
		if err := r.RewindBody(); err != nil {
			return nil, err
		}
	}
}
