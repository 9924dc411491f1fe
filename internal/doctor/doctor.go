// Package doctor owns the examination of an installation: for each feature a harmless probe, and for each thing that is wrong a
// finding that says what it is, since when, what it disables and what to do.
//
// It promises to change nothing: it reads, it looks at the rights that the application's own token names, and it asks the sign-in
// service questions that start no session. It never prints a secret or a token, and what it cannot see it says it cannot see.
package doctor

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"nameplate/graph"
	"nameplate/internal/explain"
	"nameplate/internal/setup"
)

// Level says how bad a finding is.
type Level string

const (
	OK      Level = "ok"
	Note    Level = "note"
	Warning Level = "warning"
	Error   Level = "error"
)

// Finding is one result.
type Finding struct {
	Code     string    `json:"code"` // stable, for programs
	Level    Level     `json:"level"`
	What     string    `json:"what"`
	Since    time.Time `json:"since,omitzero"`     // when it began, or when it was first seen by this process
	Disables string    `json:"disables,omitempty"` // what does not work because of it
	Do       string    `json:"do,omitempty"`
	Evidence string    `json:"evidence,omitempty"`
	Ready    string    `json:"ready,omitempty"` // a text for the team that can do it
}

// Credential is what proves the application.
type Credential struct {
	Kind    string            // "certificate", "secret", "federated token", "managed identity"
	Ends    time.Time         // zero: not known
	Leaf    *x509.Certificate // of a certificate
	Hint    string            // the first three characters of a secret, which the registration shows as well
	Renewed bool              // by the platform that runs us: there is no end to watch
}

// Database is what was found in it.
type Database struct {
	Absent  bool      // nothing was made yet
	Stopped time.Time // since when all writing is stopped; zero when it is not
	Of      string    // the tenant id of a stop of one organization; "" is a stop of all
	By, Why string
}

// Options are what is examined.
type Options struct {
	Tenant     string // directory (tenant) id
	Authority  string // origin of the sign-in service
	Graph      *graph.Client
	ClientID   string
	Redirect   string            // the redirect address that has to be registered
	Credential func() Credential // what proves the application now
	Delegated  bool              // nothing is done with the application's own right
	Features   []Feature
	HTTP       *http.Client // reaches the authority
	Now        func() time.Time
	Database   func(context.Context) (Database, error) // nil is not examined
	KeyFile    func() error
	Wish       *setup.Wish // what the registration has to be; nil is not examined
}

// Doctor examines again and again, and remembers when it first saw what. It is safe for concurrent use.
type Doctor struct {
	o    Options
	mu   sync.Mutex
	seen map[string]time.Time
}

// New makes a Doctor.
func New(o Options) *Doctor {
	h := *o.HTTP
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	o.HTTP = &h
	return &Doctor{o: o, seen: map[string]time.Time{}}
}

// Run examines everything. The worst come first.
func (d *Doctor) Run(ctx context.Context) []Finding {
	var out []Finding
	add := func(f ...Finding) { out = append(out, f...) }
	add(d.here(ctx)...)
	usable, f := d.authority(ctx)
	add(f...)
	if usable {
		add(d.redirect(ctx)...)
	}
	known := d.o.Credential()
	if !d.o.Delegated {
		add(d.rights(ctx)...)
		add(d.registration(ctx, &known)...)
	}
	add(d.credential(known)...)
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.o.Now()
	still := map[string]time.Time{}
	for i := range out {
		if out[i].Level == OK || !out[i].Since.IsZero() {
			continue
		}
		at, ok := d.seen[out[i].Code]
		if !ok {
			at = now
		}
		out[i].Since, still[out[i].Code] = at, at
	}
	d.seen = still
	rank := map[Level]int{Error: 0, Warning: 1, Note: 2, OK: 3}
	slices.SortStableFunc(out, func(a, b Finding) int { return rank[a.Level] - rank[b.Level] })
	return out
}

func (d *Doctor) here(ctx context.Context) []Finding {
	var out []Finding
	if d.o.Database != nil {
		f := Finding{Code: "database", Level: OK, What: "the database answers"}
		db, err := d.o.Database(ctx)
		switch {
		case err != nil:
			f = Finding{Code: "database", Level: Error, What: "the database does not answer", Disables: "everything", Do: "check the setting database, and that its server runs", Evidence: err.Error()}
		case db.Absent:
			f.What = "there is no database yet; the first start makes it"
		}
		out = append(out, f)
		if !db.Stopped.IsZero() {
			again := "nameplate go --why REASON"
			if db.Of != "" {
				again += " --tenant " + db.Of
			}
			out = append(out, Finding{
				Code: "stopped", Level: Warning, What: "all writing is stopped, by " + db.By, Since: db.Stopped, Evidence: "the reason given: " + db.Why,
				Disables: "saving, for everybody; signing in and reading go on", Do: "when that reason is gone: " + again,
			})
		}
	}
	if d.o.KeyFile != nil {
		f := Finding{Code: "key_file", Level: OK, What: "the key file can be used"}
		if err := d.o.KeyFile(); err != nil {
			f = Finding{Code: "key_file", Level: Error, What: "the key file cannot be used", Disables: "signing in", Do: "restore the key file beside the database it belongs to, readable by its owner only", Evidence: err.Error()}
		}
		out = append(out, f)
	}
	return out
}

// told makes a finding of an explained answer.
func told(code, what, disables string, f explain.Finding) Finding {
	return Finding{Code: code, Level: Error, What: what + ": " + string(f.Cause), Disables: disables, Do: f.Next, Evidence: f.Evidence, Ready: f.Ready}
}

// skew is how far clocks may be apart before what is signed is refused, and before it is worth a word.
const skew, worth = 5 * time.Minute, time.Minute

// authority asks who the sign-in service says it is, which Graph belongs to it, and what time it is.
// https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc and https://learn.microsoft.com/graph/deployments
func (d *Doctor) authority(ctx context.Context) (usable bool, out []Finding) {
	const disables = "signing in, and everything that the application does itself"
	resp, body, err := d.get(ctx, d.o.Authority+"/"+d.o.Tenant+"/v2.0/.well-known/openid-configuration")
	if err != nil {
		return false, []Finding{told("authority", "the sign-in service cannot be reached", disables, explain.Explain(explain.Answer{From: explain.SignIn, Doing: explain.Token, Err: err}))}
	}
	out = append(out, d.clock(resp.Header.Get("Date"))...)
	var doc struct {
		Issuer  string `json:"issuer"`
		Graph   string `json:"msgraph_host"`
		Error   string `json:"error"`
		Numbers []int  `json:"error_codes"`
	}
	if json.Unmarshal(body, &doc) != nil || doc.Issuer == "" {
		a := explain.Answer{From: explain.SignIn, Doing: explain.Token, Status: resp.StatusCode, Code: doc.Error, Numbers: doc.Numbers}
		if doc.Error == "" {
			a.Broken = "the answer is not JSON but " + resp.Header.Get("Content-Type")
		}
		return false, append(out, told("authority", "the sign-in service does not know this organization", disables, explain.Explain(a)))
	}
	if want := d.o.Authority + "/" + d.o.Tenant + "/v2.0"; doc.Issuer != want {
		return false, append(out, Finding{
			Code: "authority", Level: Error, What: "the sign-in service describes itself as somebody else", Disables: disables,
			Do: "check the settings tenant, cloud and authority", Evidence: "issuer " + doc.Issuer + ", expected " + want,
		})
	}
	out = append(out, Finding{Code: "authority", Level: OK, What: "the sign-in service knows this organization"})
	theirs, _, _ := strings.Cut(doc.Graph, ":") // an emulator has a port, and another one for http
	if u, err := url.Parse(d.o.Graph.Endpoint()); err == nil && theirs != "" && !strings.EqualFold(u.Hostname(), theirs) {
		out = append(out, Finding{
			Code: "cloud", Level: Error, What: "sign-in and Graph belong to two clouds", Disables: "everything that reads or writes the directory",
			Do: "set cloud to the one that the organization lives in, and leave authority and graph unset", Evidence: "Graph of this sign-in service is " + doc.Graph + ", configured is " + u.Host,
		})
	}
	return true, out
}

func (d *Doctor) clock(date string) []Finding {
	theirs, err := http.ParseTime(date)
	if err != nil {
		return nil
	}
	off := d.o.Now().Sub(theirs).Round(time.Second)
	f := Finding{Code: "clock", Level: OK, What: "this machine's clock fits"}
	switch {
	case off.Abs() > skew:
		f = Finding{Code: "clock", Level: Error, What: fmt.Sprintf("this machine's clock is %s off", off), Disables: "signing in; the application's certificate", Do: "set the clock by NTP"}
	case off.Abs() > worth:
		f = Finding{Code: "clock", Level: Warning, What: fmt.Sprintf("this machine's clock is %s off", off), Do: "set the clock by NTP: from five minutes on nobody can sign in"}
	}
	if f.Level != OK {
		f.Evidence = "the sign-in service says " + theirs.UTC().Format(time.RFC3339)
	}
	return []Finding{f}
}

// redirect asks for a sign-in that may show nothing: a registered address is sent login_required, any other gets a page.
// https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
func (d *Doctor) redirect(ctx context.Context) []Finding {
	q := url.Values{
		"client_id": {d.o.ClientID}, "response_type": {"code"}, "redirect_uri": {d.o.Redirect}, "scope": {"openid"}, "prompt": {"none"}, "state": {"doctor"}, "nonce": {"doctor"},
	}
	resp, body, err := d.get(ctx, d.o.Authority+"/"+d.o.Tenant+"/oauth2/v2.0/authorize?"+q.Encode())
	if err != nil {
		return nil // told already
	}
	if strings.HasPrefix(resp.Header.Get("Location"), d.o.Redirect) {
		return []Finding{{Code: "redirect", Level: OK, What: "the redirect address is registered"}}
	}
	numbers := explain.Numbers(string(body))
	f := told("redirect", "a sign-in would not come back", "signing in", explain.Explain(explain.Answer{From: explain.SignIn, Doing: explain.SigningIn, Status: resp.StatusCode, Numbers: numbers}))
	if len(numbers) == 0 {
		f.Level, f.What = Note, "whether the redirect address is registered cannot be seen"
		f.Do, f.Ready = "sign in once", ""
	} else if slices.Contains(numbers, 50011) {
		f.Evidence += "; register exactly " + d.o.Redirect
	}
	return []Finding{f}
}

// warn are the days before its end at which a credential is worth a word.
var warn = []int{60, 30, 14, 7, 1}

func (d *Doctor) credential(c Credential) []Finding {
	if c.Renewed {
		return []Finding{{Code: "credential_end", Level: OK, What: "the application proves itself by a " + c.Kind + ", which the platform renews"}}
	}
	if c.Ends.IsZero() {
		return []Finding{{
			Code: "credential_end", Level: Note, What: "when the application's " + c.Kind + " ends cannot be seen", Do: "use a certificate (client_certificate), whose end is in it, or note the end of the secret",
		}}
	}
	left := c.Ends.Sub(d.o.Now())
	days := int(left / (24 * time.Hour))
	f := Finding{Code: "credential_end", Level: OK, What: fmt.Sprintf("the application's %s is good for %d days", c.Kind, days)}
	const disables = "signing in, and everything that the application does itself"
	do := "run nameplate credentials rotate: both are good side by side for a while"
	if c.Kind == "secret" {
		do = "make a new secret in Entra ID and put it into the configuration before the old one ends, or go over to a certificate: nameplate setup"
	}
	switch {
	case left <= 0:
		return []Finding{{Code: "credential_end", Level: Error, What: "the application's " + c.Kind + " has ended", Since: c.Ends, Disables: disables, Do: do}}
	case days <= 7:
		f.Level, f.Disables, f.Do = Warning, disables, do
	case days <= warn[0]:
		f.Level, f.Do = Note, do
	}
	if f.Level != OK {
		at := warn[0]
		for _, w := range warn {
			if days < w {
				at = w
			}
		}
		f.What += fmt.Sprintf(" (less than %d)", at)
		f.Evidence = "it ends on " + c.Ends.UTC().Format(time.RFC3339)
	}
	return []Finding{f}
}

func (d *Doctor) get(ctx context.Context, address string) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, err
	}
	resp, err := d.o.HTTP.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp, body, err
}
