package setup_test

import (
	"bytes"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"nameplate/emulator"
	"nameplate/internal/doctor"
	"nameplate/internal/setup"
)

func (w *world) places() setup.Places {
	return setup.Places{
		Login: w.s.Authority, Graph: w.s.Graph, Portal: "https://entra.microsoft.com", Tenant: tenant, File: "nameplate.pem",
		Roles: []string{"User Administrator"}, Features: []string{"profiles", "passwords"},
	}
}

// TestS1_47_S1_57_TheScriptMakesTheSame: run twice as it is printed, by bash with curl and jq; afterwards setup finds nothing missing.
func TestS1_47_S1_57_TheScriptMakesTheSame(t *testing.T) {
	t.Parallel()
	w := begin(t)
	x := wish("Ann's portal", "profiles", "groups")
	x.Redirects, x.Logout = wish("People").Redirects, wish("People").Logout
	text, err := setup.Script(x, w.places(), w.newID)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text, "PRIVATE") {
		t.Error("the script holds a key")
	}
	token, err := w.Mint(emulator.Token{Client: setup.Tools, As: glenda, Scopes: setup.Scopes(false)})
	if err != nil {
		t.Fatal(err)
	}
	var first string
	for range 2 {
		cmd := exec.CommandContext(t.Context(), "bash", "-s")
		cmd.Env = append(os.Environ(), "GRAPH="+w.s.GraphHTTP, "GRAPH_TOKEN="+token)
		cmd.Stdin = strings.NewReader(text)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v\n%s\n%s", err, out, errs.String())
		}
		_, lines, _ := strings.Cut(string(out), "tenant: ")
		if first == "" {
			first = lines
		}
		if lines != first || !strings.HasPrefix(lines, tenant+"\nclient_id: ") {
			t.Errorf("%s", out)
		}
	}
	p := w.look(w.options(glenda, false), x)
	if p.Pending() || !strings.Contains(first, p.ClientID) {
		t.Errorf("after the script: %v", states(p))
	}
	if got := w.held(p); !slices.Equal(got, doctor.Least(doctor.Chosen([]string{"profiles", "groups"}))) {
		t.Errorf("granted %v", got)
	}
}

// TestS5_29_S5_31_TheConsentLinkGrantsWhatIsDeclared: an application as the checklist has it, and the link that it prints.
func TestS5_29_S5_31_TheConsentLinkGrantsWhatIsDeclared(t *testing.T) {
	t.Parallel()
	x := wish("Portal", "profiles", "photos")
	var requests []string
	for _, p := range doctor.Least(doctor.Chosen([]string{"profiles", "photos"})) {
		requests = append(requests, "Role:"+p)
	}
	for _, p := range x.Delegated {
		requests = append(requests, "Scope:"+p)
	}
	w := begin(t, emulator.App{ClientID: "20000000-0000-4000-8000-000000000001", Name: "Portal", Redirects: x.Redirects, Requests: requests, Certificates: []string{setup.Public(pair().Leaf)}})
	list := setup.Checklist(x, w.places())
	for _, s := range append(slices.Concat(x.Redirects, x.Delegated, x.Application(nil)), x.Logout, setup.Thumbprint(pair().Leaf), "Nameplate.Approver", "APPLICATION-ID", "sid", "acct",
		"User Administrator", "Accounts in this organizational directory only", "BEGIN CERTIFICATE") {
		if !strings.Contains(list, s) {
			t.Errorf("the checklist does not say %q:\n%s", s, list)
		}
	}
	x.ClientID = "20000000-0000-4000-8000-000000000001"
	to, err := emulator.SignIn(t.Context(), w.s.Client(), setup.ConsentLink(x, w.places()), glenda)
	if err != nil {
		t.Fatal(err)
	}
	back, err := url.Parse(to)
	if err != nil || !strings.HasPrefix(to, x.Redirects[0]+"?") || back.Query().Get("admin_consent") != "True" {
		t.Errorf("sent back to %s, %v", to, err)
	}
	for _, s := range w.look(w.options(glenda, true), x).Steps {
		if (s.Kind == "permission" || s.Kind == "delegated") && s.State != setup.There {
			t.Errorf("after consent: %+v", s)
		}
	}
}
