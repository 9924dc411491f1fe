package portal_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"nameplate/internal/access"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/keep"
	"nameplate/internal/lang"
	"nameplate/internal/policy"
	"nameplate/internal/portal"
	"nameplate/internal/property"
	"nameplate/internal/web"
)

// world is a portal with ports that live in memory. What it says of a page is about presentation; what a change does is shown on
// the emulator by the journeys.
type world struct {
	server *httptest.Server
	site   *web.Site
	deps   portal.Deps

	mu      sync.Mutex
	user    directory.User
	photo   []byte
	locked  map[property.Name]fail.Text
	hidden  []property.Name
	options map[property.Name][]policy.Option
	asks    map[property.Name]*policy.Ask
	entries []change.Entry
	applied []change.Change
	answer  func(change.Change) (change.Outcome, error) // instead of applying
	readErr error
	seen    *directory.User
	live    map[string]access.Session
	stash   map[string]access.Form
	finish  error
	signIns int
	now     time.Time
}

var self = directory.Ref{Tenant: "11111111-1111-1111-1111-111111111111", ID: "22222222-2222-2222-2222-222222222222"}

func newWorld(t testing.TB, change ...func(*world)) *world {
	t.Helper()
	w := &world{
		now:     time.Date(2026, 11, 21, 14, 5, 0, 0, time.UTC),
		live:    map[string]access.Session{},
		stash:   map[string]access.Form{},
		locked:  map[property.Name]fail.Text{},
		options: map[property.Name][]policy.Option{},
		user: directory.User{
			Ref: self, Enabled: true, Values: property.Values{
				"displayName": property.Text("Mira Østergaard"), "jobTitle": property.Text("Service designer"), "department": property.Text("Customer care"),
				"mail": property.Text("mira@contoso.example"), "userPrincipalName": property.Text("mira@contoso.example"), "mobilePhone": property.Text("+45 20 12 34 56"),
				"businessPhones": property.List("+45 33 12 34 56"), "officeLocation": property.Text("Copenhagen 4.12"), "city": property.Text("København"),
				"streetAddress": property.Text("Kalvebod Brygge 24"), "postalCode": property.Text("1560"), "country": property.Text("Denmark"), "state": property.Null(),
				"companyName": property.Text("Contoso"), "aboutMe": property.Null(), "skills": property.List("Service blueprints", "Interviews", "Danish sign language"),
				"birthday": property.Instant(time.Date(1988, 3, 14, 0, 0, 0, 0, time.UTC)), "mySite": property.Text("https://mira.example/"), "preferredLanguage": property.Null(),
				"usageLocation": property.Text("DK"), "interests": property.List(), "surname": property.Text("Østergaard"), "givenName": property.Text("Mira"),
			},
			Manager: &directory.Person{Ref: directory.Ref{Tenant: self.Tenant, ID: "33333333-3333-3333-3333-333333333333"}, Name: "Jonas Weidenmüller-Szczepański", Title: "Head of Customer care"},
			Reports: []directory.Person{{Ref: directory.Ref{ID: "4"}, Name: "ليلى منصور", Title: "Researcher"}, {Ref: directory.Ref{ID: "5"}, Name: "Aino Korhonen", Title: "Writer"}},
		},
	}
	for _, n := range []property.Name{"displayName", "jobTitle", "department", "userPrincipalName", "usageLocation", "companyName", "surname", "givenName", "mail"} {
		w.locked[n] = fail.T("Your organization keeps this in its HR system.")
	}
	w.options["officeLocation"] = []policy.Option{
		{Value: "Copenhagen 4.12", Follows: property.Values{"streetAddress": property.Text("Kalvebod Brygge 24"), "city": property.Text("København"), "postalCode": property.Text("1560")}},
		{Value: "Hamburg 2.03", Follows: property.Values{"streetAddress": property.Text("Am Sandtorkai 37"), "city": property.Text("Hamburg"), "postalCode": property.Text("20457")}},
	}
	for _, c := range change {
		c(w)
	}
	catalog, err := lang.New()
	if err != nil {
		t.Fatal(err)
	}
	w.server = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.site.ServeHTTP(rw, r) }))
	w.server.Start()
	t.Cleanup(w.server.Close)
	public, _ := url.Parse(w.server.URL)
	w.site, err = web.New(web.Options{Public: public, Key: bytes.Repeat([]byte{7}, 32), Sessions: portal.Sessions{Access: memory{w}}, Catalog: catalog, Now: w.clock, Random: &chance{r: rand.NewChaCha8([32]byte{1})}})
	if err != nil {
		t.Fatal(err)
	}
	w.deps.Site, w.deps.Engine, w.deps.Form, w.deps.Reader, w.deps.Journal, w.deps.Access = w.site, memory{w}, memory{w}, reader{w}, memory{w}, memory{w}
	w.deps.Now, w.deps.Keep = w.clock, memory{w}
	if w.deps.Brand.Name == "" {
		w.deps.Brand.Name = "Contoso"
	}
	p, err := portal.New(w.deps)
	if err != nil {
		t.Fatal(err)
	}
	if err := portal.Mount(w.site, p); err != nil {
		t.Fatal(err)
	}
	return w
}

type chance struct {
	mu sync.Mutex
	r  io.Reader
}

func (c *chance) Read(b []byte) (int, error) { c.mu.Lock(); defer c.mu.Unlock(); return c.r.Read(b) }

// What is kept of people is package keep's; the pages that show it are tried with the true one (test/journey).
func (memory) Of(context.Context, directory.Ref) (keep.File, error) { return keep.File{}, nil }

func (memory) Exported(context.Context, directory.Actor, directory.Ref, string, string, int, string) error {
	return nil
}

func (w *world) clock() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.now }

// memory is every port but the reader, whose Photo is another than the form's.
type memory struct{ w *world }

type reader struct{ w *world }

func (m memory) Names() []property.Name {
	var names []property.Name
	for _, d := range property.Catalog().All() {
		if _, ok := m.w.user.Values[d.Name]; ok {
			names = append(names, d.Name)
		}
	}
	return names
}

func (m memory) Form(by directory.Actor, on directory.User) []policy.Field {
	var fields []policy.Field
	for _, d := range property.Catalog().All() {
		if _, ok := m.w.user.Values[d.Name]; !ok || slices.Contains(m.w.hidden, d.Name) {
			continue
		}
		reason, locked := m.w.locked[d.Name]
		fields = append(fields, policy.Field{Def: d, Write: !locked, Reason: reason, Options: m.w.options[d.Name], Help: fail.T(d.House.Help), Ask: m.w.asks[d.Name], Only: true, Max: d.Graph.Max})
	}
	return fields
}

func (m memory) Photo(by directory.Actor, on directory.User) (policy.Field, bool) {
	reason, locked := m.w.locked["photo"]
	return policy.Field{Write: !locked, Reason: reason}, true
}

func (m memory) Properties() *property.Set { return property.Catalog() }

func (m reader) User(ctx context.Context, as directory.Authority, on directory.Ref, ask directory.Ask) (directory.User, error) {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	if m.w.readErr != nil {
		return directory.User{}, m.w.readErr
	}
	u := m.w.user
	u.Values = u.Values.Clone()
	if m.w.photo != nil {
		u.Photo = directory.PhotoInfo{ETag: fmt.Sprintf("%x", sha256.Sum256(m.w.photo))[:12], Width: 648, Height: 648}
	}
	return u, nil
}

func (m reader) Photo(ctx context.Context, as directory.Authority, on directory.Ref, px int) (directory.Photo, error) {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	if m.w.photo == nil {
		return directory.Photo{}, fail.New(fail.NotFound, "test", fail.T("There is no photo."))
	}
	return directory.Photo{Type: "text/html", Data: m.w.photo}, nil
}

func (m memory) Apply(ctx context.Context, c change.Change) (change.Outcome, error) {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	for _, e := range m.w.entries {
		if c.Key != "" && e.Change.Key == c.Key {
			return e.Outcome, nil
		}
	}
	m.w.applied = append(m.w.applied, c)
	id := fmt.Sprintf("entry-%d", len(m.w.entries)+1)
	var out change.Outcome
	if m.w.answer != nil {
		var err error
		if out, err = m.w.answer(c); err != nil {
			return out, err
		}
	} else {
		out = change.Outcome{State: change.Applied, Before: property.Values{}, After: property.Values{}}
		var names []property.Name
		for n, v := range c.Set {
			if was, ok := c.Expect[n]; ok && !was.Equal(m.w.user.Values[n]) && !(was.Empty() && m.w.user.Values[n].Empty()) {
				out.State = change.Conflicted
				out.Conflicts = append(out.Conflicts, change.Conflict{Name: n, Saw: was, Now: m.w.user.Values[n], Wanted: v})
			}
			out.Before[n] = m.w.user.Values[n]
			names = append(names, n)
		}
		if out.State == change.Conflicted {
			return out, nil
		}
		for n, v := range c.Set {
			m.w.user.Values[n] = v
			out.After[n] = v
		}
		if c.Do == change.Photo {
			was := property.Null()
			if m.w.photo != nil {
				was = property.Text("old")
			}
			m.w.photo = c.Photo
			now := property.Null()
			if c.Photo != nil {
				sum := sha256.Sum256(c.Photo)
				now = property.Text(hex.EncodeToString(sum[:]))
			}
			out.Before[change.PhotoName], out.After[change.PhotoName] = was, now
			names = append(names, change.PhotoName)
		}
		slices.Sort(names)
		out.Parts = []change.Part{{Names: names, State: change.Applied}}
	}
	out.Entry, out.At = id, m.w.now
	m.w.entries = append(m.w.entries, change.Entry{ID: id, Seq: int64(len(m.w.entries) + 1), Change: c, Outcome: out, Begun: m.w.now, Ended: m.w.now})
	return out, nil
}

func (m memory) Inverse(ctx context.Context, tenant, entry string, by directory.Actor) (change.Change, error) {
	e, err := m.Get(ctx, tenant, entry)
	return change.Change{On: e.Change.On, Do: e.Change.Do, Set: e.Outcome.Before, Expect: e.Outcome.After, By: by, Key: "undo/" + entry, Undoes: entry}, err
}

func (m memory) Get(ctx context.Context, tenant, id string) (change.Entry, error) {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	for _, e := range m.w.entries {
		if e.ID == id {
			return e, nil
		}
	}
	return change.Entry{}, fail.New(fail.NotFound, "test", fail.Text{})
}

func (m memory) On(ctx context.Context, ref directory.Ref, before int64, n int) ([]change.Entry, error) {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	var out []change.Entry
	for i := len(m.w.entries) - 1; i >= 0 && len(out) < n; i-- {
		if e := m.w.entries[i]; e.Change.On == ref && (before == 0 || e.Seq < before) {
			out = append(out, e)
		}
	}
	return out, nil
}

func (m memory) Find(ctx context.Context, in string, q change.Search, before int64, n int) ([]change.Entry, error) {
	of, err := m.On(ctx, directory.Ref{Tenant: in, ID: q.On}, before, n)
	return slices.DeleteFunc(of, func(e change.Entry) bool { return q.Do != "" && e.Change.Do != q.Do || e.Begun.Before(q.From) }), err
}

func (m memory) Blob(ctx context.Context, tenant, sum string) ([]byte, error) {
	return nil, fail.New(fail.NotFound, "test", fail.Text{})
}

func (m memory) Begin(ctx context.Context, b access.Begin) (access.Begun, error) {
	q := url.Values{"next": {b.Next}, "claims": {b.Claims}}
	return access.Begun{URL: "https://login.example/authorize?" + q.Encode(), Cookie: "attempt"}, nil
}

func (m memory) Finish(ctx context.Context, c access.Callback) (access.Finished, error) {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	if m.w.finish != nil {
		return access.Finished{}, m.w.finish
	}
	if c.Query.Get("code") == "" || c.Attempt == "" {
		return access.Finished{}, &fail.Error{Op: "test", Kind: fail.Denied, Code: access.CodeAttempt}
	}
	m.w.signIns++
	secret := fmt.Sprintf("secret-%d", m.w.signIns)
	s := access.Session{ID: "session-" + secret, Ref: self, Name: "Mira Østergaard", UPN: "mira@contoso.example"}
	if f, ok := m.w.stash[c.Session]; ok {
		s.Recovered = f.Path
		m.w.stash[secret] = f
		delete(m.w.stash, c.Session)
	}
	m.w.live[secret] = s
	return access.Finished{Cookie: secret, Session: s, Next: c.Query.Get("next")}, nil
}

func (m memory) Session(ctx context.Context, cookie, from string) (access.Session, error) {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	s, ok := m.w.live[cookie]
	if !ok {
		return access.Session{}, &fail.Error{Op: "test", Kind: fail.Denied, Code: access.CodeSignIn}
	}
	if _, waits := m.w.stash[cookie]; !waits {
		s.Recovered = ""
	}
	return s, nil
}

func (m memory) SignOut(ctx context.Context, cookie string) (string, error) {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	delete(m.w.live, cookie)
	return "https://login.example/logout", nil
}

func (m memory) FrontChannel(ctx context.Context, q url.Values) (int, error) { return 0, nil }

func (m memory) Stash(ctx context.Context, cookie string, f access.Form) error {
	if cookie == "" { // nobody who was signed in here
		return &fail.Error{Op: "test", Kind: fail.Denied, Code: access.CodeSignIn}
	}
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	m.w.stash[cookie] = f
	return nil
}

func (m memory) Unstash(ctx context.Context, s access.Session) (access.Form, error) {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	secret := strings.TrimPrefix(s.ID, "session-")
	f, ok := m.w.stash[secret]
	if !ok {
		return access.Form{}, fail.New(fail.NotFound, "test", fail.Text{})
	}
	delete(m.w.stash, secret)
	return f, nil
}

func (m memory) Seen(ctx context.Context, ref directory.Ref) (directory.User, error) {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	if m.w.seen == nil {
		return directory.User{}, fail.New(fail.NotFound, "test", fail.Text{})
	}
	return *m.w.seen, nil
}

func (m memory) PutSeen(ctx context.Context, u directory.User) error {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	m.w.seen = &u
	return nil
}

func (m memory) Confirm(string, time.Time) {}

func (m memory) Settings(ctx context.Context, ref directory.Ref) (access.Settings, error) {
	return access.Settings{}, nil
}

func (m memory) PutSettings(ctx context.Context, ref directory.Ref, v access.Settings) error {
	return nil
}

// No command line is signed in here: test/journey has those.

func (m memory) Connect(context.Context, string, access.Ask) (access.Session, error) {
	return access.Session{}, fail.New(fail.Invalid, "memory", fail.Text{})
}

func (m memory) Programs(context.Context, directory.Ref) ([]access.Session, error) { return nil, nil }

func (m memory) EndProgram(context.Context, directory.Ref, string) error {
	return fail.New(fail.NotFound, "memory", fail.Text{})
}

func picture(t testing.TB, w, h int) []byte {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{200, 20, 20, 255}
			if y >= h/2 {
				c = color.RGBA{20, 20, 200, 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
