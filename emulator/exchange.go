package emulator

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
)

// exchange is what the emulator knows of one request while it lasts, inner requests of a batch included. The fault middleware
// makes it; whoever writes to the ledger takes id and fault from it.
type exchange struct {
	id     string     // our request-id, a GUID; the answer carries it unless the handler sets another
	client string     // the caller's client-request-id, or id where there is none
	fault  string     // id of the rule that meets this request, "" for none
	inner  bool       // one request of a batch
	lost   bool       // an unknown route was asked for
	seq    int64      // in the request log
	again  string     // the address that asks for this page again, where it is not the request's own
	size   int        // of a page, as a rule wants it; 0: as the request wants it
	most   int        // objects on a page at most, as chaos wants it
	seed   uint64     // what the decision was drawn from, 0 where chance had no say
	dice   *rand.Rand // draws what chance has a say in for this request; nil where nothing does
	did    string     // what the emulator decided to do to it, for the request log
}

// decide notes what is done to the request, for the request log.
func (x *exchange) decide(what string) {
	if x.did != "" {
		what = x.did + "; " + what
	}
	x.did = what
}

type exchangeKey struct{}

// exchangeOf returns the exchange of a request that came through the middleware, or an empty one. It is never nil.
func exchangeOf(ctx context.Context) *exchange {
	if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return x
	}
	return &exchange{}
}

// caller is what a request claims of itself before anybody has checked it: good enough to choose fault rules and to count.
type caller struct{ app, tenant, object string }

// callers reads claimed callers and remembers them by token, as a client sends the same token thousands of times.
type callers struct {
	byToken sync.Map // string -> caller
	n       atomic.Int64
}

func (c *callers) of(r *http.Request) caller {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return signingIn(r)
	}
	if v, ok := c.byToken.Load(token); ok {
		return v.(caller)
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return caller{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return caller{}
	}
	var claims struct{ AppID, AZP, TID, OID, IDTyp string }
	if json.Unmarshal(payload, &claims) != nil {
		return caller{}
	}
	got := caller{app: claims.AppID, tenant: claims.TID, object: claims.OID}
	if got.app == "" {
		got.app = claims.AZP
	}
	if claims.IDTyp == "app" {
		got.object = ""
	}
	if c.n.Add(1) > 4096 {
		c.byToken.Clear()
		c.n.Store(0)
	}
	c.byToken.Store(token, got)
	return got
}

// signingIn is the claimed caller of a request without a bearer token: the client id stands in a Basic header, in the address or
// in a small form, which is put back.
func signingIn(r *http.Request) caller {
	var c caller
	if isGraph(r.URL.Path) {
		return c
	}
	c.tenant, _, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	const small = 64 << 10
	if id, _, ok := r.BasicAuth(); ok {
		c.app = id
	} else if strings.Contains(r.URL.RawQuery, "client_id=") {
		c.app = r.URL.Query().Get("client_id")
	} else if r.Method == http.MethodPost && r.ContentLength > 0 && r.ContentLength < small {
		b, err := io.ReadAll(r.Body)
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(b), r.Body), r.Body}
		if form, bad := url.ParseQuery(string(b)); err == nil && bad == nil {
			c.app = form.Get("client_id")
		}
	}
	return c
}

// isGraph says whether a path belongs to Graph and not to the sign-in half.
func isGraph(path string) bool {
	version, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return strings.EqualFold(version, "v1.0") || strings.EqualFold(version, "beta")
}
