package change_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"slices"
	"sync"
	"testing"
	"time"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

const (
	tenant = "11111111-1111-4111-8111-111111111111"
	annaID = "22222222-2222-4222-8222-222222222222"
	benID  = "33333333-3333-4333-8333-333333333333"
)

var (
	anna = directory.Ref{Tenant: tenant, ID: annaID}
	ben  = directory.Ref{Tenant: tenant, ID: benID}
)

func self(on directory.Ref) directory.Actor {
	return directory.Actor{Kind: directory.PersonActor, Ref: on, Name: "Anna", Session: "s-" + on.ID}
}

// clock is the time of a world; waiting moves it and nobody waits.
type clock struct {
	mu     sync.Mutex
	now    time.Time
	onWait func()
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Wait(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	c.now = c.now.Add(d)
	f := c.onWait
	c.mu.Unlock()
	if f != nil {
		f()
	}
	return ctx.Err()
}

// effect is one property that really changed in the directory.
type effect struct {
	on     directory.Ref
	name   property.Name
	before property.Value
	after  property.Value
	ours   bool
	as     directory.Authority
}

// fault is what happens to one call.
type fault int

const (
	fine       fault = iota
	lostBefore       // nothing arrived, nobody says so
	lostAfter        // it arrived, nobody says so
	noReadBack       // it arrived, and the read-back in the same trip did not come
	throttled
	unsent
	refused
	throttledFor // 429 with Retry-After: 7
)

type version struct {
	at     time.Time
	values property.Values
}

// tenantBox is a directory in memory that keeps the promises of the ports, with faults at chosen calls.
type tenantBox struct {
	mu        sync.Mutex
	clock     *clock
	people    map[directory.Ref][]version // newest last
	photos    map[directory.Ref][]byte
	users     map[directory.Ref]directory.User
	ledger    []effect
	writes    int
	reads     int
	batches   []property.Values     // what each Update sent
	as        []directory.Authority // with whose right
	faults    []fault               // of the next writes
	blind     int                   // so many next reads fail
	stale     time.Duration         // reads show what was there so long ago
	after     func()                // runs once after the next write was handled, before its answer arrives
	reencode  func([]byte) []byte   // what the service makes of a picture
	passwords []string              // what ResetPassword was given
}

func newBox(c *clock) *tenantBox {
	b := &tenantBox{clock: c, people: map[directory.Ref][]version{}, photos: map[directory.Ref][]byte{}, users: map[directory.Ref]directory.User{}}
	b.person(anna, property.Values{"jobTitle": property.Text("Nurse"), "city": property.Text("Bonn"), "department": property.Text("Ward 3")})
	b.person(ben, property.Values{"jobTitle": property.Text("Clerk")})
	return b
}

func (b *tenantBox) person(ref directory.Ref, v property.Values) {
	b.people[ref] = []version{{b.clock.Now().Add(-time.Hour), v.Clone()}}
	b.users[ref] = directory.User{Ref: ref, Enabled: true, Roles: []string{}}
}

func (b *tenantBox) value(ref directory.Ref, n property.Name) property.Value {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.at(ref, 0)[n]
}

// at is what the directory shows that far back.
func (b *tenantBox) at(ref directory.Ref, back time.Duration) property.Values {
	vs := b.people[ref]
	for i := len(vs) - 1; i > 0; i-- {
		if !vs[i].at.After(b.clock.Now().Add(-back)) {
			return vs[i].values
		}
	}
	if back == 0 {
		return vs[len(vs)-1].values
	}
	return vs[0].values
}

func (b *tenantBox) put(ref directory.Ref, set property.Values, ours bool, as directory.Authority) {
	vs := b.people[ref]
	next := vs[len(vs)-1].values.Clone()
	for n, v := range set {
		if old := next[n]; !old.Equal(v) && !(old.Empty() && v.Empty()) {
			b.ledger = append(b.ledger, effect{ref, n, old, v, ours, as})
		}
		next[n] = v
	}
	b.people[ref] = append(vs, version{b.clock.Now(), next})
}

// rival is somebody else's write. It takes a second, for nobody can see what happens between a read and the write that follows it
// at once.
func (b *tenantBox) rival(ref directory.Ref, set property.Values) {
	b.clock.mu.Lock()
	b.clock.now = b.clock.now.Add(time.Second)
	b.clock.mu.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.put(ref, set, false, directory.Authority{})
}

func (b *tenantBox) effects() []effect {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.ledger)
}

func (b *tenantBox) sent() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.writes
}

func (b *tenantBox) trouble(tr trouble) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults, b.stale, b.blind = tr.faults, tr.stale, 0
	b.after = func() {
		b.mu.Lock()
		b.blind = tr.blind
		b.mu.Unlock()
		if tr.after != nil {
			tr.after()
		}
	}
}

func (b *tenantBox) next() fault {
	b.writes++
	if len(b.faults) == 0 {
		return fine
	}
	f := b.faults[0]
	b.faults = b.faults[1:]
	return f
}

func answerOf(f fault) error {
	switch f {
	case lostBefore, lostAfter:
		return fail.New(fail.Unavailable, "box.write", fail.T("No answer."))
	case throttled:
		return fail.New(fail.Throttled, "box.write", fail.T("Busy."))
	case throttledFor:
		e := fail.New(fail.Throttled, "box.write", fail.T("Busy."))
		e.Retry = 7 * time.Second
		return e
	case unsent:
		e := fail.New(fail.Unavailable, "box.write", fail.T("Not sent."))
		e.Code = "not_sent"
		return e
	case refused:
		return fail.New(fail.Denied, "box.write", fail.T("Refused."))
	}
	return nil
}

func (b *tenantBox) User(_ context.Context, _ directory.Authority, on directory.Ref, ask directory.Ask) (directory.User, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reads++
	if b.blind > 0 {
		b.blind--
		return directory.User{}, fail.New(fail.Unavailable, "box.read", fail.T("No answer."))
	}
	u, ok := b.users[on]
	if !ok {
		return u, fail.New(fail.NotFound, "box.read", fail.T("Not there."))
	}
	u.Values = property.Values{}
	now := b.at(on, b.stale)
	for _, n := range ask.Names {
		u.Values[n] = now[n]
	}
	u.At = b.clock.Now()
	return u, nil
}

func (b *tenantBox) Organization(context.Context, string) (directory.Organization, error) {
	return directory.Organization{Tenant: tenant, Domains: []string{"contoso.example"}}, nil
}

func (b *tenantBox) Update(_ context.Context, as directory.Authority, on directory.Ref, set property.Values) (property.Values, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.next()
	b.batches, b.as = append(b.batches, set.Clone()), append(b.as, as)
	if f == fine || f == lostAfter || f == noReadBack {
		b.put(on, set, true, as)
	}
	if g := b.after; g != nil {
		b.after = nil
		b.mu.Unlock()
		g()
		b.mu.Lock()
	}
	if err := answerOf(f); err != nil {
		return nil, err
	}
	if f == noReadBack {
		return nil, nil
	}
	now, out := b.at(on, b.stale), property.Values{}
	for n := range set {
		out[n] = now[n]
	}
	return out, nil
}

func (b *tenantBox) Photo(_ context.Context, _ directory.Authority, on directory.Ref, _ int) (directory.Photo, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reads++
	p := b.photos[on]
	if p == nil {
		return directory.Photo{}, fail.New(fail.NotFound, "box.photo", fail.T("None."))
	}
	return directory.Photo{Type: "image/jpeg", Data: slices.Clone(p)}, nil
}

func (b *tenantBox) SetPhoto(_ context.Context, as directory.Authority, on directory.Ref, jpeg []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.next()
	b.as = append(b.as, as)
	if f == fine || f == lostAfter || f == noReadBack {
		b.photos[on] = slices.Clone(jpeg)
		if b.reencode != nil {
			b.photos[on] = b.reencode(jpeg)
		}
		b.ledger = append(b.ledger, effect{on: on, name: change.PhotoName, after: property.Text(sum(jpeg)), ours: true, as: as})
	}
	return answerOf(f)
}

func (b *tenantBox) RemovePhoto(_ context.Context, as directory.Authority, on directory.Ref) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.next()
	b.as = append(b.as, as)
	if f == fine || f == lostAfter {
		if b.photos[on] == nil {
			return fail.New(fail.NotFound, "box.photo", fail.T("None."))
		}
		delete(b.photos, on)
		b.ledger = append(b.ledger, effect{on: on, name: change.PhotoName, ours: true, as: as})
	}
	return answerOf(f)
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// anything lets a person change everything of their own and nobody else anything, except what is closed.
type anything struct {
	closed  []property.Name
	follows property.Values // set along with officeLocation
}

func (a anything) MayJoin(directory.Actor, directory.Group) []fail.Problem { return nil }

func (a anything) Needs() []property.Name { return nil }

func (a anything) May(_ context.Context, by directory.Actor, _ change.Action, on directory.User, set property.Values) (property.Values, []fail.Problem) {
	var ps []fail.Problem
	if !by.Self(on.Ref) {
		return nil, []fail.Problem{{Code: "not_allowed", Say: fail.T("This is somebody else's profile.")}}
	}
	for _, n := range set.Names() {
		if slices.Contains(a.closed, n) {
			ps = append(ps, fail.Problem{Field: string(n), Code: "not_allowed", Say: fail.T("Closed.")})
		}
		if n == "officeLocation" {
			for k, v := range a.follows {
				set[k] = v
			}
		}
	}
	return set, ps
}

// world is a directory, a journal and an engine that can die and come back.
type world struct {
	t       testing.TB
	clock   *clock
	box     *tenantBox
	journal change.Journal
	cfg     change.Config
	engine  *change.Engine
	ids     int
}

func newWorld(t testing.TB, edit ...func(*change.Config)) *world {
	w := &world{t: t, clock: &clock{now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}}
	w.box = newBox(w.clock)
	w.journal = &diary{now: w.clock.Now, blobs: map[string][]byte{}}
	w.cfg = change.Config{
		Reader: w.box, Writer: w.box, Groups: w.box, Journal: w.journal, Secrets: &drawer{kept: map[string]string{}}, Policy: anything{}, Properties: property.Catalog(),
		Now: w.clock.Now, Wait: w.clock.Wait,
		NewID: func() string { w.ids++; return fmt.Sprintf("e%d", w.ids) },
	}
	for _, f := range edit {
		f(&w.cfg)
	}
	w.engine = change.New(w.cfg)
	return w
}

// dead is what a crash throws.
type dead struct{ point string }

// crashAt makes an engine that dies at the nth passing of a point.
func (w *world) crashAt(point string, nth int) *change.Engine {
	c := w.cfg
	c.Crash = func(p string) {
		if p == point {
			if nth--; nth == 0 {
				panic(dead{p})
			}
		}
	}
	return change.New(c)
}

// survive runs f and says whether a crash ended it.
func survive(f func()) (crashed bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(dead); !ok {
				panic(r)
			}
			crashed = true
		}
	}()
	f()
	return false
}

func (w *world) apply(c change.Change) change.Outcome {
	w.t.Helper()
	o, err := w.engine.Apply(context.Background(), c)
	if err != nil {
		w.t.Fatalf("Apply: %v", err)
	}
	return o
}

func (w *world) settle(after time.Duration) int {
	w.t.Helper()
	_ = w.clock.Wait(context.Background(), after)
	n, err := w.engine.Settle(context.Background())
	if err != nil {
		w.t.Fatalf("Settle: %v", err)
	}
	return n
}

func (w *world) ours() (out []effect) {
	w.box.mu.Lock()
	defer w.box.mu.Unlock()
	for _, e := range w.box.ledger {
		if e.ours {
			out = append(out, e)
		}
	}
	return out
}

func set(key string, on directory.Ref, v property.Values) change.Change {
	return change.Change{Key: key, On: on, Do: change.Update, Set: v, By: self(on)}
}

// picture draws a JPEG that is not like one of another seed.
func picture(seed, quality int) []byte {
	img := image.NewRGBA(image.Rect(0, 0, 64, 64))
	for y := range 64 {
		for x := range 64 {
			img.Set(x, y, color.RGBA{uint8(x*3 + seed*70), uint8(y * 3), uint8(seed * 90), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// recoded is a picture as a service may store it: another quality, another size.
func recoded(t testing.TB, b []byte, quality int) []byte {
	t.Helper()
	img, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// sameSight compares the middle of two pictures within what encoding changes.
func sameSight(a, b []byte) bool {
	x, err1 := jpeg.Decode(bytes.NewReader(a))
	y, err2 := jpeg.Decode(bytes.NewReader(b))
	if err1 != nil || err2 != nil {
		return false
	}
	r1, g1, b1, _ := x.At(32, 32).RGBA()
	r2, g2, b2, _ := y.At(32, 32).RGBA()
	near := func(p, q uint32) bool { return max(p, q)-min(p, q) < 24<<8 }
	return near(r1, r2) && near(g1, g2) && near(b1, b2)
}
