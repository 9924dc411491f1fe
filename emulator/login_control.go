package emulator

import (
	"net/http"
	"time"
)

// loginVerbs are the sign-in half's routes on the control listener.
func (e *Emulator) loginVerbs() []verb {
	return []verb{
		{"GET /tokens/bad", "the ways in which an id token can be made wrong", func(*http.Request) (any, error) {
			out := map[string]string{}
			for name, s := range spoilers() {
				out[name] = s.does
			}
			return out, nil
		}},
		{"POST /tokens/bad", `make the next id tokens wrong: {"kind":"alg-none","times":1}; times 0 takes it back`, func(r *http.Request) (any, error) {
			in := struct {
				Kind  string `json:"kind"`
				Times *int   `json:"times"`
			}{}
			if err := read(r, &in); err != nil {
				return nil, err
			}
			n := 1
			if in.Times != nil {
				n = *in.Times
			}
			return nil, asRefused(e.SpoilIDTokens(in.Kind, n))
		}},
		{"POST /tokens", `make an access token: {"as":"UPN","scopes":["User.Read"]} or {"roles":["User.ReadWrite.All"]}, with tenant, client, wids, expires, aud`, e.postToken},
		{"POST /challenge", `demand a new sign-in (continuous access evaluation) of {"user":"UPN"} from clients that declared cp1`, func(r *http.Request) (any, error) {
			var in struct {
				Tenant string `json:"tenant"`
				User   string `json:"user"`
			}
			if err := read(r, &in); err != nil {
				return nil, err
			}
			return nil, asRefused(e.Challenge(in.Tenant, in.User))
		}},
		{"POST /issuer", `make discovery name another issuer: {"issuer":"https://evil.example/{tenantid}/v2.0"}; "" tells the truth again`, func(r *http.Request) (any, error) {
			var in struct {
				Issuer string `json:"issuer"`
			}
			if err := read(r, &in); err != nil {
				return nil, err
			}
			e.SwapIssuer(in.Issuer)
			return nil, nil
		}},
	}
}

func asRefused(err error) error {
	if err == nil {
		return nil
	}
	return refused{http.StatusBadRequest, err.Error()}
}

func (e *Emulator) postToken(r *http.Request) (any, error) {
	var in struct {
		Tenant  string   `json:"tenant"`
		Client  string   `json:"client"`
		As      string   `json:"as"`
		Scopes  []string `json:"scopes"`
		Roles   []string `json:"roles"`
		WIDs    []string `json:"wids"`
		Expires Duration `json:"expires"`
		Aud     string   `json:"aud"`
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	t, err := e.Mint(Token{
		Tenant: in.Tenant, Client: in.Client, As: in.As, Scopes: in.Scopes, Roles: in.Roles, WIDs: in.WIDs, Expires: time.Duration(in.Expires), Aud: in.Aud,
	})
	if err != nil {
		return nil, asRefused(err)
	}
	return map[string]string{"access_token": t}, nil
}
