package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/explain"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

const (
	tenantA = "11111111-1111-4111-8111-111111111111"
	tenantB = "22222222-2222-4222-8222-222222222222"
)

// Entry is a believable entry for tests: entry id n on the object of that name.
func Entry(tenant, object, entry, key string) change.Entry {
	on := directory.Ref{Tenant: tenant, ID: object}
	return change.Entry{
		ID: entry,
		Change: change.Change{
			ID: entry, Key: key, On: on, Do: change.Update,
			Set:    property.Values{"mobilePhone": property.Text("+1 425 555 0109")},
			Expect: property.Values{"mobilePhone": property.Null()},
			By:     directory.Actor{Kind: directory.PersonActor, Ref: on, Name: "Adele Vance", Session: "5e55", From: "192.0.2.7"},
		},
		Outcome: change.Outcome{Before: property.Values{"mobilePhone": property.Null()}},
		Begun:   Start,
	}
}

func applied(at time.Time) change.Outcome {
	return change.Outcome{State: change.Applied, After: property.Values{"mobilePhone": property.Text("+1 425 555 0109")}, At: at}
}

// equal compares what went in with what came back: values by their type and content, causes of errors by their words.
func equal(t testing.TB, what string, got, want any) {
	t.Helper()
	d := cmp.Diff(want, got,
		cmp.Comparer(func(a, b property.Value) bool {
			return a.Equal(b) && reflect.TypeOf(a.Any()) == reflect.TypeOf(b.Any())
		}),
		cmp.FilterPath(func(p cmp.Path) bool { return p.Last().Type() == reflect.TypeFor[error]() },
			cmp.Comparer(func(a, b error) bool { return (a == nil) == (b == nil) && (a == nil || a.Error() == b.Error()) })))
	if d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// Journal is the contract of change.Journal.
func Journal(t *testing.T, open Open) {
	ctx := context.Background()
	cases := map[string]func(t *testing.T, j change.Journal, c *Clock){
		"what was begun comes back":             beginGet,
		"every field comes back with its type":  everyField,
		"a known key returns the first entry":   knownKey,
		"one open entry per object":             oneOpen,
		"F40 twenty at once under one key":      manyOneKey,
		"F40 twenty at once on one object":      manyOneObject,
		"an entry ends once":                    endOnce,
		"an unverified entry ends again":        endUnverified,
		"a note says how far it came":           note,
		"history pages from the newest":         pages,
		"S3.B5 everybody's history is searched": search,
		"unsettled are found, oldest first":     unsettled,
		"a picture is a blob of its tenant":     blobs,
		"the chain is whole after many writers": chainWhole,
		"nothing is written when it is refused": refusals,
		"B59 names of every kind survive":       hostileNames,
		"random steps go as in a model":         likeModel,
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &Clock{}
			j := open(t, c.Now).Journal()
			test(t, j, c)
			for _, tenant := range []string{tenantA, tenantB} {
				if _, bad, err := j.Verify(ctx, tenant); err != nil || bad != nil {
					t.Errorf("afterwards the chain does not verify: %v %v", bad, err)
				}
			}
		})
	}
}

func begin(t testing.TB, j change.Journal, e change.Entry) change.Entry {
	t.Helper()
	got, known, err := j.Begin(context.Background(), e)
	must(t, "begin "+e.ID, err)
	if known {
		t.Fatalf("begin %s: known", e.ID)
	}
	return got
}

func beginGet(t *testing.T, j change.Journal, _ *Clock) {
	ctx := context.Background()
	e := Entry(tenantA, "adele", "e1", "k1")
	first := begin(t, j, e)
	want := e
	want.Seq, want.Outcome.State = first.Seq, change.Open
	equal(t, "begun", first, want)
	if first.Seq <= 0 {
		t.Errorf("seq %d is no place in a chain", first.Seq)
	}
	want.Outcome.Entry = "e1"
	got, err := j.Get(ctx, tenantA, "e1")
	must(t, "get", err)
	equal(t, "got", got, want)
	got, err = j.ByKey(ctx, tenantA, "k1")
	must(t, "by key", err)
	equal(t, "by key", got, want)
	_, err = j.Get(ctx, tenantB, "e1")
	wantKind(t, "another tenant's entry", err, fail.NotFound, "")
	_, err = j.ByKey(ctx, tenantB, "k1")
	wantKind(t, "another tenant's key", err, fail.NotFound, "")
	_, err = j.Get(ctx, tenantA, "e1\x00")
	wantKind(t, "an id with NUL", err, fail.NotFound, "")
}

// finder is what the journal of the store answers beside the engine's port.
type finder interface {
	Find(ctx context.Context, tenant string, q change.Search, before int64, n int) ([]change.Entry, error)
}

// everyField fills every field that the types have, today and later, and looks whether each comes back.
func everyField(t *testing.T, j change.Journal, c *Clock) {
	ctx := context.Background()
	var e change.Entry
	fill(t, reflect.ValueOf(&e).Elem(), 1)
	e.ID, e.Change.Key = "full", "full"
	e.Change.On = directory.Ref{Tenant: tenantA, ID: "adele"}
	e.Ended, e.Seq = time.Time{}, 0
	e.Outcome.State, e.Outcome.Entry = change.Open, "full"
	e.Change.Set = everyType()
	e.Change.Secret = "" // A56: a new password is kept nowhere
	kept := e
	kept.Change.Secret = "Wr9-tulip-Ferry"
	first := begin(t, j, kept)
	e.Seq = first.Seq
	got, err := j.Get(ctx, tenantA, "full")
	must(t, "get", err)
	equal(t, "begun with everything", got, e.Landed())

	var parts []change.Part
	fill(t, reflect.ValueOf(&parts).Elem(), 7)
	at := change.Attempt{Part: 3, Sent: true}
	must(t, "note", j.Note(ctx, "full", parts, at))
	var o change.Outcome
	fill(t, reflect.ValueOf(&o).Elem(), 9)
	o.State, o.Entry, o.At = change.Partly, "full", c.Now()
	o.Before, o.After = everyType(), everyType()
	must(t, "end", j.End(ctx, "full", o))
	got, err = j.Get(ctx, tenantA, "full")
	must(t, "get", err)
	e.Outcome, e.Ended, e.Attempt = o, o.At, at
	equal(t, "ended with everything", got, e.Landed())
}

func everyType() property.Values {
	return property.Values{
		"null": property.Null(), "text": property.Text("a < b & “c”"), "empty": property.Text(""),
		"list": property.List("one", "2"), "none": property.List(), "yes": property.Bool(true), "no": property.Bool(false),
		"birthday": property.Instant(time.Date(1990, 4, 30, 0, 0, 0, 0, time.UTC)),
		"moment":   property.Instant(time.Date(2026, 1, 2, 3, 4, 5, 678900000, time.UTC)),
		"looks":    property.Text("1990-04-30T00:00:00Z"),
		"object":   property.Raw([]byte(`{"instant":"1990-04-30T00:00:00Z","<b>":[1,2.5,null]}`)),
		"objects":  property.Raw([]byte(`[{"a":1}]`)),
	}
}

// fill gives each field a value that is not zero, so that a field which is forgotten shows.
func fill(t *testing.T, v reflect.Value, n int) {
	switch v.Interface().(type) {
	case property.Value:
		v.Set(reflect.ValueOf(property.Instant(Start.Add(time.Duration(n) * time.Hour))))
		return
	case time.Time:
		v.Set(reflect.ValueOf(Start.Add(time.Duration(n) * time.Minute)))
		return
	case fail.Text:
		v.Set(reflect.ValueOf(fail.T("%[1]s %[2]d %[3]v %[4]v", fail.T("inner %s", "word"), 7, true, []string{"x", "y"})))
		return
	case []byte:
		v.Set(reflect.ValueOf([]byte{0xff, 0xd8, 0, byte(n)}))
		return
	}
	if v.Type() == reflect.TypeFor[error]() {
		v.Set(reflect.ValueOf(errors.New("a cause")))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), n+i)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(t, v.Index(i), n+i)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(t, key, n)
		fill(t, value, n)
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString("word" + strings.Repeat("!", n%5))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(n%8) + 1)
	case reflect.Bool:
		v.SetBool(true)
	default:
		t.Fatalf("the test cannot fill a %s: teach it, and the store's documents too", v.Type())
	}
}

func knownKey(t *testing.T, j change.Journal, c *Clock) {
	ctx := context.Background()
	begin(t, j, Entry(tenantA, "adele", "e1", "k1"))
	must(t, "end", j.End(ctx, "e1", applied(c.Now())))
	before, _, _ := j.Verify(ctx, tenantA)
	got, known, err := j.Begin(ctx, Entry(tenantA, "adele", "e2", "k1"))
	must(t, "begin again", err)
	if !known || got.ID != "e1" || got.Outcome.State != change.Applied {
		t.Errorf("got entry %s, %s, known %v; want e1, applied, known", got.ID, got.Outcome.State, known)
	}
	after, _, _ := j.Verify(ctx, tenantA)
	if before != after || before != 2 {
		t.Errorf("%d records before and %d after, want 2 and 2", before, after)
	}
	begin(t, j, Entry(tenantB, "adele", "e3", "k1")) // the same key of another tenant is another key
	begin(t, j, Entry(tenantA, "x1", "e4", ""))      // and no key is no key
	begin(t, j, Entry(tenantA, "x2", "e5", ""))
}

func oneOpen(t *testing.T, j change.Journal, c *Clock) {
	ctx := context.Background()
	begin(t, j, Entry(tenantA, "adele", "e1", "k1"))
	_, _, err := j.Begin(ctx, Entry(tenantA, "adele", "e2", "k2"))
	wantKind(t, "a second one on the object", err, fail.Conflict, "busy")
	begin(t, j, Entry(tenantA, "alex", "e3", "k3"))
	begin(t, j, Entry(tenantB, "adele", "e4", "k4"))
	must(t, "end", j.End(ctx, "e1", applied(c.Now())))
	begin(t, j, Entry(tenantA, "adele", "e2", "k2"))
}

// together runs f n times at once and returns the errors.
func together(n int, f func(i int) error) []error {
	var wg sync.WaitGroup
	errs := make([]error, n)
	gate := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-gate
			errs[i] = f(i)
		})
	}
	close(gate)
	wg.Wait()
	return errs
}

func manyOneKey(t *testing.T, j change.Journal, _ *Clock) {
	var mu sync.Mutex
	fresh, ids := 0, map[string]bool{}
	for _, err := range together(20, func(i int) error {
		got, known, err := j.Begin(context.Background(), Entry(tenantA, id("object", i), id("e", i), "one"))
		mu.Lock()
		defer mu.Unlock()
		ids[got.ID] = true
		if !known {
			fresh++
		}
		return err
	}) {
		must(t, "begin", err)
	}
	if fresh != 1 || len(ids) != 1 {
		t.Errorf("%d were told to go on, with %d entries; want 1 and 1", fresh, len(ids))
	}
}

func manyOneObject(t *testing.T, j change.Journal, _ *Clock) {
	won := 0
	for _, err := range together(20, func(i int) error {
		_, _, err := j.Begin(context.Background(), Entry(tenantA, "adele", id("e", i), id("k", i)))
		return err
	}) {
		if err == nil {
			won++
		} else {
			wantKind(t, "the others", err, fail.Conflict, "busy")
		}
	}
	if won != 1 {
		t.Errorf("%d changes of one object are open at once, want 1", won)
	}
}

func endOnce(t *testing.T, j change.Journal, c *Clock) {
	ctx := context.Background()
	wantKind(t, "an entry that is not there", j.End(ctx, "none", applied(c.Now())), fail.NotFound, "")
	begin(t, j, Entry(tenantA, "adele", "e1", "k1"))
	wantKind(t, "no outcome", j.End(ctx, "e1", change.Outcome{State: change.Open}), fail.Invalid, "")
	c.Advance(time.Minute)
	o := applied(c.Now())
	must(t, "end", j.End(ctx, "e1", o))
	wantKind(t, "ended again", j.End(ctx, "e1", change.Outcome{State: change.Failed, At: c.Now()}), fail.Conflict, "")
	got, err := j.Get(ctx, tenantA, "e1")
	must(t, "get", err)
	o.Entry = "e1"
	equal(t, "the first outcome stays", got.Outcome, o)
	if !got.Ended.Equal(c.Now()) {
		t.Errorf("ended %v, want %v", got.Ended, c.Now())
	}
	ended := 0
	begin(t, j, Entry(tenantA, "alex", "e2", "k2"))
	for _, err := range together(10, func(int) error { return j.End(ctx, "e2", applied(c.Now())) }) {
		if err == nil {
			ended++
		}
	}
	if ended != 1 {
		t.Errorf("ten at once: %d ended it, want 1", ended)
	}
}

func endUnverified(t *testing.T, j change.Journal, c *Clock) {
	ctx := context.Background()
	begin(t, j, Entry(tenantA, "adele", "e1", "k1"))
	must(t, "unverified", j.End(ctx, "e1", change.Outcome{State: change.Unverified, At: c.Now()}))
	begin(t, j, Entry(tenantA, "adele", "e2", "k2")) // it blocks nobody
	c.Advance(time.Minute)
	must(t, "still unverified", j.End(ctx, "e1", change.Outcome{State: change.Unverified, At: c.Now()}))
	c.Advance(time.Minute)
	must(t, "settled", j.End(ctx, "e1", applied(c.Now())))
	wantKind(t, "ended for good", j.End(ctx, "e1", applied(c.Now())), fail.Conflict, "")
	got, err := j.Get(ctx, tenantA, "e1")
	must(t, "get", err)
	if got.Outcome.State != change.Applied || !got.Ended.Equal(c.Now()) {
		t.Errorf("%s at %v, want applied at %v", got.Outcome.State, got.Ended, c.Now())
	}
	if n, _, _ := j.Verify(ctx, tenantA); n != 5 {
		t.Errorf("%d records, want 5: each end is one", n)
	}
}

func note(t *testing.T, j change.Journal, c *Clock) {
	ctx := context.Background()
	begin(t, j, Entry(tenantA, "adele", "e1", "k1"))
	parts := []change.Part{{Names: []property.Name{"mobilePhone"}, State: change.Open}, {Names: []property.Name{"aboutMe"}, As: directory.Own("5e55"), State: change.Open}}
	must(t, "note", j.Note(ctx, "e1", parts, change.Attempt{Part: 0, Sent: true}))
	parts[0].State = change.Refused
	parts[0].Problem = fail.New(fail.Denied, "entra.update", fail.T("Only an administrator may change the phone of %s.", "Adele"))
	parts[0].Problem.Err = explain.With(explain.Finding{Cause: explain.Privileged, Sure: explain.Certain, Evidence: "403 <html>", Next: "an administrator", For: explain.Entra, Ready: "To: them\n"}, errors.New("refused"))
	must(t, "note", j.Note(ctx, "e1", parts, change.Attempt{Part: 1}))
	got, err := j.Get(ctx, tenantA, "e1")
	must(t, "get", err)
	equal(t, "parts", got.Outcome.Parts, parts)
	equal(t, "attempt", got.Attempt, change.Attempt{Part: 1})
	if got.Outcome.State != change.Open || !got.Ended.IsZero() {
		t.Errorf("a note ended the entry: %s %v", got.Outcome.State, got.Ended)
	}
	must(t, "end", j.End(ctx, "e1", applied(c.Now())))
	wantKind(t, "a note after the end", j.Note(ctx, "e1", nil, change.Attempt{}), fail.Conflict, "")
	wantKind(t, "a note on nothing", j.Note(ctx, "none", nil, change.Attempt{}), fail.NotFound, "")
}

func blobs(t *testing.T, j change.Journal, c *Clock) {
	ctx := context.Background()
	jpeg := []byte("\xff\xd8\xff\xe0 a picture \x00\x01")
	want := sha256.Sum256(jpeg)
	for range 2 {
		sum, err := j.PutBlob(ctx, tenantA, jpeg)
		must(t, "put", err)
		if sum != hex.EncodeToString(want[:]) {
			t.Fatalf("sum %s, want the SHA-256", sum)
		}
	}
	got, err := j.Blob(ctx, tenantA, hex.EncodeToString(want[:]))
	must(t, "blob", err)
	if !bytes.Equal(got, jpeg) {
		t.Errorf("got %q", got)
	}
	_, err = j.Blob(ctx, tenantB, hex.EncodeToString(want[:]))
	wantKind(t, "another tenant's picture", err, fail.NotFound, "")

	// What was last put too long ago is forgotten, and what was put again since is not.
	other := []byte("\xff\xd8\xff\xe0 another picture")
	_, err = j.PutBlob(ctx, tenantA, other)
	must(t, "put", err)
	c.Advance(48 * time.Hour)
	_, err = j.PutBlob(ctx, tenantA, jpeg)
	must(t, "put again", err)
	n, err := j.(interface {
		Forget(ctx context.Context, t time.Time) (int, error)
	}).Forget(ctx, c.Now().Add(-24*time.Hour))
	must(t, "forget", err)
	if n != 1 {
		t.Errorf("%d pictures were forgotten, want 1", n)
	}
	gone := sha256.Sum256(other)
	_, err = j.Blob(ctx, tenantA, hex.EncodeToString(gone[:]))
	wantKind(t, "a picture that was forgotten", err, fail.NotFound, "")
	_, err = j.Blob(ctx, tenantA, hex.EncodeToString(want[:]))
	must(t, "a picture that was put again", err)

	e := Entry(tenantA, "adele", "e1", "k1")
	e.Change.Do, e.Change.Set, e.Change.Photo = change.Photo, nil, jpeg
	begin(t, j, e)
	must(t, "end", j.End(ctx, "e1", change.Outcome{State: change.Applied, At: c.Now()}))
	e = Entry(tenantA, "adele", "e2", "k2")
	e.Change.Do, e.Change.Set = change.Photo, nil
	begin(t, j, e)
	for entry, want := range map[string][]byte{"e1": jpeg, "e2": nil} {
		got, err := j.Get(ctx, tenantA, entry)
		must(t, "get", err)
		if !bytes.Equal(got.Change.Photo, want) || (got.Change.Photo == nil) != (want == nil) {
			t.Errorf("%s: picture %q, want %q", entry, got.Change.Photo, want)
		}
	}
}

func chainWhole(t *testing.T, j change.Journal, c *Clock) {
	ctx := context.Background()
	for _, err := range together(30, func(i int) error {
		tenant := []string{tenantA, tenantB}[i%2]
		if _, _, err := j.Begin(ctx, Entry(tenant, id("object", i), id("e", i), id("k", i))); err != nil {
			return err
		}
		if err := j.Note(ctx, id("e", i), nil, change.Attempt{Sent: true}); err != nil {
			return err
		}
		return j.End(ctx, id("e", i), applied(c.Now()))
	}) {
		must(t, "write", err)
	}
	for _, tenant := range []string{tenantA, tenantB} {
		n, bad, err := j.Verify(ctx, tenant)
		must(t, "verify", err)
		if bad != nil || n != 45 {
			t.Errorf("%d records, bad %v; want 45 and none", n, bad)
		}
	}
	if n, bad, err := j.Verify(ctx, "never seen"); n != 0 || bad != nil || err != nil {
		t.Errorf("a tenant without changes: %d %v %v", n, bad, err)
	}
}

func refusals(t *testing.T, j change.Journal, _ *Clock) {
	ctx := context.Background()
	for name, mend := range map[string]func(*change.Entry){
		"no id":         func(e *change.Entry) { e.ID = "" },
		"no tenant":     func(e *change.Entry) { e.Change.On.Tenant = "" },
		"no object":     func(e *change.Entry) { e.Change.On.ID = "" },
		"NUL in key":    func(e *change.Entry) { e.Change.Key = "a\x00b" },
		"key not UTF-8": func(e *change.Entry) { e.Change.Key = "\xff" },
		"10 kB key":     func(e *change.Entry) { e.Change.Key = strings.Repeat("k", 10_000) },
	} {
		e := Entry(tenantA, "adele", "e1", "k1")
		mend(&e)
		_, _, err := j.Begin(ctx, e)
		wantKind(t, name, err, fail.Invalid, "")
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	_, _, err := j.Begin(over, Entry(tenantA, "adele", "e1", "k1"))
	wantKind(t, "a context that is over", err, fail.Unavailable, "")
	if n, _, _ := j.Verify(ctx, tenantA); n != 0 {
		t.Errorf("%d records were written", n)
	}
}

func hostileNames(t *testing.T, j change.Journal, _ *Clock) {
	ctx := context.Background()
	for i, s := range []string{
		"null", "None", "true", "O'Brien", "Jr.", "李", "ß/İ/ı", "Robert'); DROP TABLE records;--", "a\x00b", "\u202egnp.exe", "👩‍👩‍👧",
		"line\r\nbreak", `{"instant":"1990-04-30T00:00:00Z"}`, "$1", "%s%n", strings.Repeat("x", 65536), "e\u0301", "\u2028", "<script>",
	} {
		e := Entry(tenantA, id("object", i), id("e", i), id("k", i))
		e.Change.Set = property.Values{"displayName": property.Text(s), "skills": property.List(s, s)}
		e.Change.By.Name, e.Change.Why = s, s
		begin(t, j, e)
		got, err := j.Get(ctx, tenantA, e.ID)
		must(t, "get", err)
		equal(t, "set", got.Change.Set, e.Change.Set)
		if got.Change.By.Name != s || got.Change.Why != s {
			t.Errorf("%.40q came back as %.40q and %.40q", s, got.Change.By.Name, got.Change.Why)
		}
	}
}
