package emulator_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// What a step of an expectation may do besides asking: keep a value of an answer for the steps that follow, let time pass,
// sign a person in, and have notifications sent to an address that answers rightly or wrongly.

// noRoute is in the emulator's answers to what it does not have at all: no refusal that an expectation could have meant.
const noRoute = "EmulatorHasNoRoute"

// tally counts the expectations by what they wait for; "" is nothing.
type tally map[string]int

func (m tally) String() string {
	var waiting []string
	for k, n := range m {
		if k != "" && k != "not met" {
			waiting = append(waiting, fmt.Sprintf("%d wait for %s", n, k))
		}
	}
	slices.Sort(waiting)
	return strings.Join(append([]string{fmt.Sprintf("%d met, %d not met", m[""], m["not met"])}, waiting...), ", ")
}

// settle fails the test for what is not met. What waits for a part of the emulator that is not built is listed and counted,
// and fails as soon as it is met: then it waits no more, and its mark must go.
func (m tally) settle(t *testing.T, waits string, bad []string, asked, source string) {
	t.Helper()
	switch {
	case waits != "" && len(bad) == 0:
		t.Errorf("%s\n  is met: it waits for %s no more, take the mark off", asked, waits)
	case waits != "":
		m[waits]++
		t.Logf("waits for %s: %s\n  %s", waits, asked, strings.Join(bad, "\n  "))
	case len(bad) > 0:
		m["not met"]++
		t.Errorf("%s\n  %s\n  %s", asked, strings.Join(bad, "\n  "), source)
	default:
		m[""]++
	}
}

// kept is a pattern that takes any value and keeps it under a name: "=app" is <app> in the steps that follow.
var kept = regexp.MustCompile(`^=[a-z]+$`)

// remember keeps the values that the pattern names.
func (w *world) remember(pattern, got any) {
	switch p := pattern.(type) {
	case string:
		if kept.MatchString(p) && got != nil {
			w.people[p[1:]] = fmt.Sprint(got)
		}
	case map[string]any:
		m, _ := got.(map[string]any)
		for k, v := range p {
			w.remember(v, m[k])
		}
	case []any:
		list, _ := got.([]any)
		if len(p) > 0 && p[0] == "..." {
			for _, one := range p[1:] {
				if i := slices.IndexFunc(list, func(x any) bool { return len(contains(one, x, "")) == 0 }); i >= 0 {
					w.remember(one, list[i])
				}
			}
			return
		}
		for i := range min(len(p), len(list)) {
			w.remember(p[i], list[i])
		}
	}
}

// later lets time pass; tokens are asked for anew afterwards.
func (w *world) later(by string) (answer, error) {
	d, err := time.ParseDuration(by)
	if err != nil {
		return answer{}, err
	}
	w.e.Clock().Advance(d)
	clear(w.tokens)
	return answer{status: http.StatusOK}, nil
}

// signedIn signs a person in at an authorize address ("anna /<tenant>/oauth2/v2.0/authorize?…"). The answer's body is what the
// redirect carries.
func (w *world) signedIn(target string) (answer, error) {
	who, address, _ := strings.Cut(target, " ")
	id, ok := w.people[who]
	if !ok {
		return answer{}, fmt.Errorf("who is %q?", who)
	}
	at, err := w.e.SignIn(w.t.Context(), origin+strings.ReplaceAll(address, " ", "%20"), id)
	if err != nil {
		return answer{}, err
	}
	u, err := url.Parse(at)
	if err != nil {
		return answer{}, err
	}
	body := map[string]any{}
	for k, v := range u.Query() {
		body[k] = v[0]
	}
	return answer{status: http.StatusFound, header: http.Header{"Location": {at}}, raw: []byte(at), body: body}, nil
}

// newHooks is a server to which notifications may be sent. Its first path segment says how it answers the handshake.
func newHooks(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := r.URL.Query().Get("validationToken")
		w.Header().Set("Content-Type", "text/plain")
		switch strings.TrimPrefix(r.URL.Path, "/") {
		case "other":
			token = "another token"
		case "html":
			w.Header().Set("Content-Type", "text/html")
		case "accepted":
			w.WriteHeader(http.StatusAccepted)
		case "error":
			w.WriteHeader(http.StatusInternalServerError)
		case "missing":
			w.WriteHeader(http.StatusNotFound)
		case "empty":
			token = ""
		}
		_, _ = fmt.Fprint(w, token)
	}))
	t.Cleanup(s.Close)
	return s.URL
}
