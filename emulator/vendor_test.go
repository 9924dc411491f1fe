package emulator_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"nameplate/emulator"
)

// vendorCase is one file of testdata/vendor.
type vendorCase struct {
	name  string
	head  map[string]string
	setup string
	steps []vendorStep // the request first, then what is asked afterwards
}

type vendorStep struct {
	line   string
	header http.Header
	body   string
	want   string
}

func vendorCases(t *testing.T) []vendorCase {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "vendor", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatal("no expectations in testdata/vendor", err)
	}
	var out []vendorCase
	for _, f := range files {
		ar, err := txtar.ParseFile(f)
		if err != nil {
			t.Fatal(err)
		}
		c := vendorCase{name: strings.TrimSuffix(filepath.Base(f), ".txtar"), head: map[string]string{}}
		for _, l := range strings.Split(strings.TrimSpace(string(ar.Comment)), "\n") {
			k, v, ok := strings.Cut(l, ": ")
			if !ok {
				t.Fatalf("%s: %q is no line of a head", f, l)
			}
			c.head[k] = v
		}
		for _, k := range []string{"source", "date", "mark", "ids", "rules", "actor"} {
			if c.head[k] == "" {
				t.Errorf("%s has no %s", f, k)
			}
		}
		for _, s := range ar.Files {
			switch s.Name {
			case "setup.yaml":
				c.setup = string(s.Data)
			case "request", "then":
				line, header, body := message(string(s.Data))
				c.steps = append(c.steps, vendorStep{line: line, header: header, body: body})
			case "response", "expect":
				c.steps[len(c.steps)-1].want = string(s.Data)
			default:
				t.Fatalf("%s: what is the section %q?", f, s.Name)
			}
		}
		out = append(out, c)
	}
	return out
}

// message splits a first line, headers and a body.
func message(s string) (string, http.Header, string) {
	head, body, _ := strings.Cut(strings.TrimSpace(s)+"\n", "\n\n")
	lines := strings.Split(strings.TrimSpace(head), "\n")
	header := http.Header{}
	for _, l := range lines[1:] {
		k, v, _ := strings.Cut(l, ": ")
		header.Set(k, strings.TrimSpace(v))
	}
	return lines[0], header, strings.TrimSpace(body)
}

// TestVendor holds the emulator to Microsoft's pages and to threads that quote the service: testdata/vendor.
func TestVendor(t *testing.T) {
	t.Parallel()
	for _, mode := range []struct {
		name  string
		rules emulator.Rules
	}{{"observed", emulator.ObservedRules}, {"documented", emulator.DocumentedRules}} {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			cases := slices.DeleteFunc(vendorCases(t), func(c vendorCase) bool { return c.head["rules"] != "both" && c.head["rules"] != mode.name })
			var setups []string
			for _, c := range cases {
				setups = append(setups, c.setup)
			}
			hooks := newHooks(t)
			met := tally{}
			for i, w := range newWorlds(t, mode.rules, setups) {
				c := cases[i]
				w.hooks = hooks
				if set := c.head["throttle"]; set != "" {
					w = throttledWorld(t, mode.rules, c.setup, set)
					w.hooks = hooks
				}
				t.Run(strings.ReplaceAll(c.head["ids"], " ", ",")+"/"+c.name, func(t *testing.T) {
					met.settle(t, c.head["waits"], c.try(w), c.steps[0].line, c.head["source"])
				})
			}
			t.Logf("%d expectations: %s", len(cases), met)
		})
	}
}

// throttledWorld is a tenant in an emulator of its own, which keeps the quotas that a case asks for.
func throttledWorld(t *testing.T, rules emulator.Rules, setup, settings string) *world {
	t.Helper()
	var set emulator.Throttle
	if err := json.Unmarshal([]byte(settings), &set); err != nil {
		t.Fatal(err)
	}
	w := newWorlds(t, rules, []string{setup})[0]
	if err := w.e.SetThrottle(set); err != nil {
		t.Fatal(err)
	}
	return w
}

// try runs the case and says what is not as expected.
func (c vendorCase) try(w *world) []string {
	var bad []string
	for i, s := range c.steps {
		body, err := s.bytes(w)
		if err != nil {
			return []string{err.Error()}
		}
		header := s.header.Clone()
		actor := cmp.Or(header.Get("Actor"), c.head["actor"])
		header.Del("Actor")
		a, err := w.send(actor, w.fill(s.line), header, body)
		if err != nil {
			return []string{fmt.Sprintf("step %d: %v", i+1, err)}
		}
		if c.head["waits"] != "" && bytes.Contains(a.raw, []byte(noRoute)) {
			bad = append(bad, fmt.Sprintf("step %d: the emulator has no such route", i+1))
		}
		for _, miss := range s.compare(w, a) {
			bad = append(bad, fmt.Sprintf("step %d: %s", i+1, miss))
		}
		if i > 0 {
			continue
		}
		wantLedger, stated := c.head["ledger"]
		if !stated && (a.status >= 400 || strings.HasPrefix(s.line, "GET ")) {
			wantLedger = "0"
		}
		if wantLedger != "" && wantLedger != strconv.Itoa(len(w.mutations())) {
			bad = append(bad, fmt.Sprintf("the ledger has %d entries, wanted %s", len(w.mutations()), wantLedger))
		}
		if a.status == http.StatusNoContent && strings.HasPrefix(s.line, "PATCH ") && c.head["readback"] != "no" {
			bad = append(bad, c.readBack(w, s, body)...)
		}
	}
	return bad
}

// readBack reads the person or the group that the request wrote to.
func (c vendorCase) readBack(w *world, s vendorStep, body []byte) []string {
	var sent map[string]any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&sent); err != nil {
		return []string{err.Error()}
	}
	muts := w.mutations()
	if len(muts) == 0 {
		return []string{"accepted, but the ledger is empty"}
	}
	if strings.Contains(s.line, "/groups/") {
		return w.readBack("/groups/"+muts[0].Object, sent)
	}
	return w.readBack("/users/"+muts[0].Object, sent)
}

func (s vendorStep) bytes(w *world) ([]byte, error) {
	kind, arg, _ := strings.Cut(s.body, " ")
	switch kind {
	case "jpeg":
		return picture(arg)
	case "bytes":
		n, err := strconv.Atoi(arg)
		return bytes.Repeat([]byte{0xff}, n), err
	}
	if strings.HasSuffix(s.header.Get("Content-Type"), "x-www-form-urlencoded") {
		return []byte(placeholder.ReplaceAllStringFunc(s.body, func(p string) string { return url.QueryEscape(w.fill(p)) })), nil
	}
	return []byte(w.fill(writtenOut(s.body))), nil
}

func (s vendorStep) compare(w *world, a answer) []string {
	if s.want == "" && a.status < 400 {
		return nil // a step on the way, of which nothing is said but that it succeeds
	}
	status, header, want := message(w.fill(s.want))
	var bad []string
	if !statusIs(status, a.status) {
		bad = append(bad, fmt.Sprintf("status %d, wanted %s: %s", a.status, status, short(string(a.raw))))
	}
	for _, k := range slices.Sorted(maps.Keys(header)) {
		if got := a.header.Get(k); got == "" || !textIs(header.Get(k), got) {
			bad = append(bad, fmt.Sprintf("%s: %q, wanted %q", k, got, header.Get(k)))
		}
	}
	if a.status >= 400 && bytes.Contains(a.raw, []byte("EmulatorHasNoRoute")) && !strings.Contains(want, "segment") {
		return append(bad, "the emulator has no such route") // which is a 400 too, but not the one that is meant
	}
	switch half := strings.ToLower(s.line); {
	case a.status < 400, strings.Contains(half, "/oauth2/v2.0/authorize"): // its errors are pages
	case strings.Contains(half, " /v1.0"), strings.Contains(half, " /beta"), strings.Contains(half, " <"):
		bad = append(bad, a.envelope()...)
	default:
		bad = append(bad, a.signIn()...)
	}
	switch kind, arg, _ := strings.Cut(want, " "); kind {
	case "":
	case "empty":
		if len(a.raw) > 0 {
			bad = append(bad, "a body: "+short(string(a.raw)))
		}
	case "text":
		if got := strings.TrimPrefix(string(a.raw), "\ufeff"); got != arg {
			bad = append(bad, fmt.Sprintf("body %q, wanted %q", short(got), arg))
		}
	case "jpeg":
		img, err := jpeg.DecodeConfig(bytes.NewReader(a.raw))
		if err != nil {
			bad = append(bad, "no JPEG: "+err.Error())
		} else if got := fmt.Sprintf("%dx%d", img.Width, img.Height); got != arg {
			bad = append(bad, "a picture of "+got+", wanted "+arg)
		}
	default:
		var pattern any
		d := json.NewDecoder(strings.NewReader(want))
		d.UseNumber()
		if err := d.Decode(&pattern); err != nil {
			return append(bad, "the expectation is no JSON: "+err.Error())
		}
		bad = append(bad, contains(pattern, a.body, "body")...)
		w.remember(pattern, a.body)
	}
	return bad
}
