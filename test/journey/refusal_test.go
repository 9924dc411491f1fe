package journey

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"nameplate/emulator"
)

// What Microsoft 365 refuses or breaks, as a person meets it.

// upstream are texts of the other side that no person may read: a token, an address inside, markup, names of its errors, a stack.
var upstream = []string{"canary", "eyJ0eXAi", "Bearer ", "Authorization_RequestDenied", "AADSTS", "<script>alert", "graph.microsoft.com", "/v1.0/", "goroutine ", ".go:", "internal/", "secret="}

const said = "canary <script>alert(1)</script> eyJ0eXAi https://graph.microsoft.com/v1.0/users/1 secret=hunter2"

// errorNumber is a number of Entra ID's by itself, as it stands on the page of a sign-in that failed; before the answer's words comes a colon.
var errorNumber = regexp.MustCompile(`AADSTS\d+([^\d:])`)

func unnumbered(body string) string { return errorNumber.ReplaceAllString(body, "$1") }

// kind is one way in which the other side answers.
type kind struct {
	name string
	rule emulator.Rule
}

// waits is 1 for what asks to be left alone for a while.
func (k kind) waits() int { return len(k.rule.Do.Headers) }

// S1.28, W12, A39, A47: whatever is answered, the page says it in our own words, shows nothing of the other side, and keeps what was
// typed.
func TestS1_28_W12_A39_RefusalsInOurWords(t *testing.T) {
	t.Parallel()
	answer := func(method, path string, status int, code, body string) kind {
		r := emulator.Rule{Match: emulator.Match{Method: method, Path: path}, At: emulator.Before, Do: emulator.Do{Status: status, Code: code, Message: said, Body: body}}
		if status == http.StatusTooManyRequests {
			r.Do.Headers = map[string]string{"Retry-After": "120"} // longer than a person waits: told at once
		}
		return kind{strings.TrimSpace(fmt.Sprint(method, " ", path, " ", status, " ", code)), r}
	}
	const batch = `^/v1\.0/\$batch$`
	page := "<html><title>canary</title><script>alert(1)</script>" + said
	var writes, reads []kind
	for status, code := range map[int]string{
		400: "Request_BadRequest", 401: "InvalidAuthenticationToken", 402: "PaymentRequired", 403: "Authorization_RequestDenied", 404: "Request_ResourceNotFound", 405: "MethodNotAllowed",
		406: "NotAcceptable", 409: "Request_MultipleObjectsWithSameKeyValue", 410: "Gone", 411: "LengthRequired", 412: "PreconditionFailed", 413: "RequestEntityTooLarge", 415: "UnsupportedMediaType",
		422: "UnprocessableEntity", 423: "Locked", 429: "TooManyRequests", 500: "-1, Microsoft.Office.Server.Directory.DirectoryObjectUnauthorizedAccessException", 501: "NotImplemented", 507: "Directory_QuotaExceeded",
	} {
		writes = append(writes, answer("PATCH", "", status, code, ""))
	}
	for _, status := range []int{400, 403, 404, 500, 503} {
		writes = append(writes, answer("POST", batch, status, "UnknownError", ""))
		reads = append(reads, answer("GET", `^/v1\.0/users/`, status, "UnknownError", ""))
	}
	writes = append(writes, answer("PATCH", "", 400, "", page)) // not Graph's words, so they settle nothing
	reads = append(reads, answer("GET", `^/v1\.0/users/`, 429, "TooManyRequests", ""), answer("GET", `^/v1\.0/users/`, 200, "", page), answer("GET", `^/v1\.0/users/`, 200, "", `{"value":"`+said+`"}`))
	// After a 429 nothing is asked for two minutes, so it comes last.
	slices.SortStableFunc(writes, func(a, b kind) int { return cmp.Compare(a.waits(), b.waits()) })
	slices.SortStableFunc(reads, func(a, b kind) int { return cmp.Compare(a.waits(), b.waits()) })
	if len(writes)+len(reads) < 30 {
		t.Fatalf("only %d kinds", len(writes)+len(reads))
	}
	clean := func(t *testing.T, b *browser, name string) {
		t.Helper()
		for _, bad := range upstream {
			if strings.Contains(unnumbered(b.body), bad) || strings.Contains(fmt.Sprint(b.head), bad) {
				t.Errorf("%s: the page holds %q\n%s", name, bad, b.text())
			}
		}
		if len(b.text()) < 150 || !strings.HasPrefix(b.head.Get("Content-Type"), "text/html") {
			t.Errorf("%s: the page says %d %s: %s", name, b.code, b.head.Get("Content-Type"), b.text())
		}
	}
	met := func(t *testing.T, w *world, name string) {
		t.Helper()
		var hits []map[string]any
		w.control(http.MethodGet, "/faults/hits", nil, &hits)
		if len(hits) == 0 {
			t.Errorf("%s: nothing was met, so nothing is proved", name)
		}
		w.control(http.MethodDelete, "/faults", nil, nil)
	}
	t.Run("a save", func(t *testing.T) {
		t.Parallel()
		w := running(t)
		b := w.signIn(w.who("member"))
		at := w.mark()
		for _, k := range writes {
			form := b.get("/profile?edit=contact").form("/profile")
			form.Set("mobilePhone", "+49 30 333444")
			w.control(http.MethodPost, "/faults", k.rule, nil)
			b.post("/profile", form)
			met(t, w, k.name)
			clean(t, b, k.name)
			if unclear := strings.Contains(b.text(), "Not known yet whether this was saved"); b.code < 400 && (k.rule.Do.Status < 500 && k.rule.Do.Body == "" || !unclear) || strings.Contains(b.text(), "Saved") || strings.Contains(b.text(), "Accepted") {
				t.Errorf("%s: %d %s", k.name, b.code, b.text())
			}
			if !strings.Contains(b.body, "49 30 333444") {
				t.Errorf("%s: what was typed is gone (%d):\n%s", k.name, b.code, b.text())
			}
		}
		if n := w.since(at); len(n) != 0 {
			t.Errorf("the ledger has %v", n)
		}
	})
	t.Run("a look", func(t *testing.T) {
		t.Parallel()
		w := running(t)
		b := w.signIn(w.who("member"))
		for _, k := range reads {
			w.control(http.MethodPost, "/faults", k.rule, nil)
			b.get("/profile")
			met(t, w, k.name)
			clean(t, b, k.name)
			if b.code < 400 {
				t.Errorf("%s: %d %s", k.name, b.code, b.text())
			}
		}
	})
	t.Run("signing in", func(t *testing.T) {
		t.Parallel()
		w := running(t)
		for name, do := range map[string]emulator.Do{
			"code refused":       {Status: 400, Body: `{"error":"invalid_grant","error_description":"AADSTS70008: canary","error_codes":[70008]}`},
			"our secret refused": {Status: 401, Body: `{"error":"invalid_client","error_description":"AADSTS7000215: canary","error_codes":[7000215]}`},
			"down":               {Status: 503, Body: page}, "broken": {Status: 500, Body: page}, "no JSON": {Status: 200, Body: page}, "no token": {Status: 200, Body: `{"token_type":"Bearer","canary":1}`},
		} {
			b := w.browser()
			to, err := signInAddress(b, w.who("member"))
			if err != nil {
				t.Fatal(err)
			}
			w.control(http.MethodPost, "/faults", emulator.Rule{Match: emulator.Match{Path: "/token$"}, At: emulator.AtToken, Do: do}, nil)
			b.open(to)
			met(t, w, name)
			clean(t, b, name)
			if b.code < 400 {
				t.Errorf("%s: %d %s", name, b.code, b.text())
			}
		}
	})
}

// W13: whoever does not consent, or may not, comes back to a page that says so and offers the way on; the authority's text is not on it.
func TestW13_RefusedConsentIsAPage(t *testing.T) {
	t.Parallel()
	w := running(t)
	for name, c := range map[string]struct{ code, description, says string }{
		"refused":      {"access_denied", "AADSTS65004: User declined to consent to access the app. canary <script>alert(1)</script>", "You did not give permission"},
		"needs admin":  {"access_denied", "AADSTS90094: Admin consent is required. canary", "Your administrator has to approve this portal first"},
		"not assigned": {"access_denied", "AADSTS50105: canary is not assigned to a role", "This portal is not open for your account"},
		"something":    {"server_error", "canary", "Microsoft's sign-in does not answer"},
	} {
		b := w.browser()
		b.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		b.get("/login")
		state := mustParse(t, b.head.Get("Location")).Query().Get("state")
		b.get("/auth/callback?" + url.Values{"error": {c.code}, "error_description": {c.description}, "state": {state}}.Encode())
		if b.code < 400 || b.code >= 500 && c.code != "server_error" {
			t.Errorf("%s: %d", name, b.code)
		}
		b.says(c.says)
		for _, bad := range upstream {
			if strings.Contains(unnumbered(b.body), bad) {
				t.Errorf("%s: the page holds %q", name, bad)
			}
		}
		if again := b.all(func(n *htmlNode) bool {
			return n.Data == "a" && (strings.HasPrefix(attr(n, "href"), "/login") || attr(n, "href") == "/")
		}); len(again) == 0 {
			t.Errorf("%s: no way on:\n%s", name, b.text())
		}
	}
}
