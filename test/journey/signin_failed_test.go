package journey

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"nameplate/emulator"
	"nameplate/internal/app"
)

// S3.42, C5: a sign-in that fails says why, by what the sign-in log has it, what helps, and gives a text for those who can help;
// whether Entra ID sends the browser back with the refusal or answers the portal with it. Nothing of the answer's words, no code of
// the sign-in and no secret stands on the page: whoever reads it is nobody yet (A39).
// Numbers and errors are those of https://learn.microsoft.com/entra/identity-platform/reference-error-codes.
func TestS3_42_C5_W13_AFailedSignInSaysWhyAndWhatHelps(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	const trace, related = "0a1b2c3d-0000-4000-8000-00000000abcd", "6b6f2f3e-0000-4000-8000-0123456789ab"
	for _, c := range []struct {
		number               int
		kind                 string
		status               int // of the token endpoint; 0: the browser is sent back with it
		title, cause, to     string
		next                 string
		login, other, letter bool
	}{
		{65001, "consent_required", 0, "Your administrator has to approve this portal first", "consent_missing (certain)", "Entra ID team", "Give admin consent for the application again", false, false, true},
		{65001, "invalid_grant", 400, "Your administrator has to approve this portal first", "consent_missing (certain)", "Entra ID team", "Give admin consent for the application again", false, false, true},
		{90094, "consent_required", 0, "Your administrator has to approve this portal first", "admin_consent_needed (certain)", "Entra ID team", "Grant admin consent", false, false, true},
		{65004, "access_denied", 0, "You did not give permission", "declined (certain)", "", "The person declined", true, false, false},
		{50105, "access_denied", 0, "This portal is not open for your account", "unassigned (certain)", "Entra ID team", "Assign the person or their group", false, true, true},
		{53003, "access_denied", 0, "Your organization does not allow this sign-in", "conditional_access (certain)", "Entra ID team", "The sign-in log in Entra ID names the policy", true, false, true},
		{53003, "invalid_grant", 400, "Your organization does not allow this sign-in", "conditional_access (certain)", "Entra ID team", "The sign-in log in Entra ID names the policy", true, false, true},
		{50057, "interaction_required", 0, "Your account is disabled", "account_disabled (certain)", "Entra ID team", "Enable the account", false, false, true},
		{50020, "invalid_request", 0, "That account belongs to another organization", "other_organization (certain)", "Entra ID team", "Invite it as a guest", false, true, true},
		{50053, "invalid_grant", 0, "Your account is locked for a while", "account_locked (certain)", "Entra ID team", "Too many wrong passwords", true, false, true},
		{50055, "invalid_grant", 0, "Your password has expired", "password_expired (certain)", "", "sets a new password", true, false, false},
		{7000222, "invalid_client", 401, "Nobody can sign in at the moment", "secret_expired (certain)", "Entra ID team", "Make a new client secret", false, false, true},
		{7000215, "invalid_client", 401, "Nobody can sign in at the moment", "secret_wrong (certain)", "the people who run Nameplate", "Copy the secret's Value", false, false, true},
		{700016, "unauthorized_client", 400, "Nobody can sign in at the moment", "app_missing (certain)", "the people who run Nameplate", "no application with this id", false, false, true},
		{7000112, "unauthorized_client", 400, "Nobody can sign in at the moment", "app_disabled (certain)", "Entra ID team", "Enable the application", false, false, true},
		{90002, "invalid_request", 400, "Nobody can sign in at the moment", "wrong_tenant (certain)", "the people who run Nameplate", "Check the settings tenant and cloud", false, false, true},
		{50011, "invalid_grant", 400, "Nobody can sign in at the moment", "redirect_mismatch (certain)", "Entra ID team", "Register exactly the redirect address", false, false, true},
		{90033, "temporarily_unavailable", 503, "Microsoft's sign-in does not answer at the moment", "trouble (certain)", "", "Try again", true, false, false},
		{54005, "invalid_grant", 400, "The sign-in took too long, or was begun in another browser", "code_spent (certain)", "", "Begin the sign-in again", true, false, false},
		{99999999, "invalid_grant", 400, "The sign-in could not be finished", "sign_in_refused (unknown)", "", "the sign-in log in Entra ID says why", true, false, false},
	} {
		name := fmt.Sprint(c.number, " ", c.kind, " ", c.status)
		b := w.browser()
		b.get("/login")
		description := fmt.Sprintf("AADSTS%d: Words of the answer about anna@example.com.\r\nTrace ID: %s\r\nCorrelation ID: %s\r\nTimestamp: 2026-11-30 12:00:00Z", c.number, trace, related)
		secret := "" // what the browser brought and must not be shown again
		if c.status == 0 {
			q := url.Values{"state": {b.at.Query().Get("state")}, "error": {c.kind}, "error_description": {description}}
			secret = q.Get("state")
			b.get("/auth/callback?" + q.Encode())
		} else {
			body, err := json.Marshal(map[string]any{"error": c.kind, "error_description": description, "error_codes": []int{c.number}, "trace_id": trace, "correlation_id": related})
			if err != nil {
				t.Fatal(err)
			}
			w.control(http.MethodPost, "/faults", emulator.Rule{
				At: emulator.AtToken, Match: emulator.Match{Path: "/token$"}, Do: emulator.Do{Status: c.status, Body: string(body), Headers: map[string]string{"Content-Type": "application/json"}},
			}, nil)
			to, err := emulator.SignIn(t.Context(), b.http, b.at.String(), w.who("member"))
			if err != nil {
				t.Fatal(err)
			}
			secret = mustParse(t, to).Query().Get("code")
			b.open(to)
			w.control(http.MethodDelete, "/faults", nil, nil)
		}
		if b.code < 400 || len(secret) < 16 {
			t.Errorf("%s: %d, and what was brought is %q", name, b.code, secret)
		}
		b.says(c.title, "Cause and remedy", c.cause, c.next, fmt.Sprintf("Error AADSTS%d", c.number), "Correlation id "+related, "Request id "+trace)
		if !regexp.MustCompile(`Time 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC`).MatchString(b.text()) {
			t.Errorf("%s: no time: %s", name, b.text())
		}
		var letter string
		for _, n := range b.all(func(n *html.Node) bool { return attr(n, "class") == "letter" }) {
			letter = words(n)
		}
		if (letter != "") != c.letter {
			t.Errorf("%s: the text to send is %q", name, letter)
		}
		if c.letter {
			for _, want := range []string{"To: " + c.to, "I could not sign in to Nameplate.", "Cause: " + c.cause, fmt.Sprintf("Error: AADSTS%d", c.number), "Correlation id: " + related, "Request id: " + trace, c.next, "Reference: ", " UTC"} {
				if !strings.Contains(letter, want) {
					t.Errorf("%s: the text to send lacks %q:\n%s", name, want, letter)
				}
			}
		}
		for _, leak := range []string{"Words of the answer", "anna@example.com", secret, "client_secret="} {
			if strings.Contains(b.body, leak) {
				t.Errorf("%s: %q stands on the page", name, leak)
			}
		}
		for text, want := range map[string]bool{"Sign in again": c.login, "Use another account": c.other} {
			if got := len(b.all(func(n *html.Node) bool { return n.Data == "a" && words(n) == text })) > 0; got != want {
				t.Errorf("%s: a link %q is there: %t", name, text, got)
			}
		}
	}
}
