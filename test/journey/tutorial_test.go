package journey

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"nameplate/emulator"
	"nameplate/internal/app"
)

// The ten fields of the tutorial that Nameplate replaces, with the words beside them.
var tenFields = []struct{ id, name, label, value string }{
	{"S1.35", "country", "Country", "Ireland"},
	{"S1.36", "state", "State", "Leinster"},
	{"S1.37", "city", "City", "Dún Laoghaire"},
	{"S1.38", "postalCode", "Postal code", "A96 X2Y3"},
	{"S1.39", "streetAddress", "Street address", "7 Harbour Road"},
	{"S1.40", "companyName", "Company name", "Larkfield Ltd."},
	{"S1.41", "department", "Department", "Field Service"},
	{"S1.42", "jobTitle", "Job title", "Harbour Engineer"},
	{"S1.43", "officeLocation", "Office location", "Quay 3"},
	{"S1.44", "mobilePhone", "Mobile phone", "+353 87 555 0142"},
}

// S1.1, S1.2, S1.24, S1.26, S1.27, S1.30 to S1.45: every field of the tutorial, shown with its label and value, edited by the
// person, and found in the directory by a client that is not ours.
func TestS1_1to2_S1_19_S1_30to45_TheTenFields(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	upn := w.who("member")
	b := w.signIn(upn)

	root := b.all(func(n *htmlNode) bool { return n.Data == "html" })
	viewport := b.all(func(n *htmlNode) bool { return n.Data == "meta" && attr(n, "name") == "viewport" })
	title := b.all(func(n *htmlNode) bool { return n.Data == "title" })
	heading := b.all(func(n *htmlNode) bool { return n.Data == "h1" })
	if len(root) != 1 || attr(root[0], "lang") != "en" || len(viewport) != 1 || len(title) != 1 || len(heading) != 1 {
		t.Fatalf("S1.30: lang, viewport, title and one heading: %d %d %d %d", len(root), len(viewport), len(title), len(heading))
	}
	if !strings.Contains(words(heading[0]), "田中 美咲") {
		t.Errorf("S1.31: the heading is %q, not the display name", words(heading[0]))
	}
	b.says(upn) // S1.32

	b.get("/profile?edit=all")
	form := b.form("/profile") // S1.33
	if form.Has("user_id") || form.Has("id") {
		t.Errorf("S1.34: the form carries an id, which nothing may believe: %v", form)
	}
	labels := map[string]string{}
	for _, l := range b.all(func(n *htmlNode) bool { return n.Data == "label" }) {
		labels[attr(l, "for")] = words(l)
	}
	before := w.Emulator.Ledger(0)
	const fields = "?$select=id,displayName,mail,country,state,city,postalCode,streetAddress,companyName,department,jobTitle,officeLocation,mobilePhone"
	was := foreign(t, w, "/v1.0/users/"+url.PathEscape(upn)+fields)
	want := map[string]string{}
	for _, f := range tenFields {
		inputs := b.all(func(n *htmlNode) bool {
			return attr(n, "name") == f.name && slices.Contains([]string{"input", "select", "textarea"}, n.Data)
		})
		if len(inputs) != 1 {
			t.Fatalf("%s: %d inputs called %s", f.id, len(inputs), f.name)
		}
		if got := labels[attr(inputs[0], "id")]; got != f.label {
			t.Errorf("%s: the label is %q, want %q", f.id, got, f.label)
		}
		if there, _ := was[f.name].(string); form.Get(f.name) != there {
			t.Errorf("%s: the box holds %q, the directory %q", f.id, form.Get(f.name), there)
		}
		form.Set(f.name, f.value)
		want[f.name] = f.value
	}
	if buttons := b.all(func(n *htmlNode) bool { return n.Data == "button" && words(n) == "Save" }); len(buttons) != 1 {
		t.Errorf("S1.45: %d buttons that save", len(buttons))
	}
	b.post("/profile", form)
	if b.at.Path != "/profile" || b.code != http.StatusOK {
		t.Fatalf("S1.27: after saving: %d at %s\n%s", b.code, b.at, b.text())
	}
	b.says("Saved")
	// The new department may put the person into a group whose rule asks for it; that is the directory's own doing.
	got := slices.DeleteFunc(slices.Clone(w.Emulator.Ledger(0)[len(before):]), func(e emulator.Entry) bool { return e.Op != "user.update" })
	if len(got) != 1 {
		t.Errorf("S1.26: ten fields are one PATCH, the ledger has %d", len(got))
	}

	// A plain HTTP client with the application's own token, as the tutorial has it.
	person := foreign(t, w, "/v1.0/users/"+url.PathEscape(upn)+fields)
	for name, v := range want {
		if person[name] != v {
			t.Errorf("the directory has %s = %v, want %q", name, person[name], v)
		}
	}
}

// foreign reads from the emulator with the application's own token and nothing of ours (S1.15, S1.18, S1.19).
func foreign(t *testing.T, w *world, path string) map[string]any {
	t.Helper()
	resp, err := http.PostForm(w.AuthHTTP+"/"+w.TenantID+"/oauth2/v2.0/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {w.ClientID}, "client_secret": {w.ClientSecret}, "scope": {"https://graph.microsoft.com/.default"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&token); err != nil || token.AccessToken == "" {
		t.Fatalf("no token: %v", err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.GraphHTTP+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token.AccessToken)
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var out map[string]any
	if err := json.NewDecoder(answer.Body).Decode(&out); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %v %v", path, answer.StatusCode, out, err)
	}
	return out
}

// S1.20 to S1.23: where an address leads with and without a session.
func TestS1_20to23_WhereAddressesLead(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.browser()
	b.get("/")
	b.says("Sign in", "Larkfield Instruments")
	b.get("/profile")
	b.says("Sign in")
	if b.at.Path == "/profile" && b.code == http.StatusOK {
		t.Errorf("S1.23: the profile is shown to nobody in particular: %s", b.text())
	}
	stop := *b.http
	stop.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := stop.Get(w.Portal + "/login")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	to, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || to.Path != "/"+w.TenantID+"/oauth2/v2.0/authorize" {
		t.Fatalf("S1.14, S1.21: login leads to %q", resp.Header.Get("Location"))
	}
	q := to.Query()
	if q.Get("redirect_uri") != w.Portal+"/auth/callback" {
		t.Errorf("S1.21: redirect_uri is %q", q.Get("redirect_uri"))
	}
	// S1.17, S1.58: the least scopes, and never the power to act as the person in the whole directory.
	scopes := strings.Fields(q.Get("scope"))
	if strings.Contains(q.Get("scope"), "Directory.") || !slices.Contains(scopes, "openid") || !strings.Contains(q.Get("scope"), "User.Read") {
		t.Errorf("S1.17: scope is %q", q.Get("scope"))
	}
	// W15: PKCE, nonce, state.
	for _, k := range []string{"code_challenge", "nonce", "state"} {
		if len(q.Get(k)) < 32 {
			t.Errorf("W15: %s is %q", k, q.Get(k))
		}
	}
	if q.Get("code_challenge_method") != "S256" {
		t.Error("W15: no PKCE")
	}
	signed := w.signIn(w.who("member"))
	signed.get("/")
	if signed.at.Path != "/profile" {
		t.Errorf("S1.20: with a session / leads to %s", signed.at.Path)
	}
}

// S1.25, A21, W6: an id from the request is refused by name, wherever it stands, and the victim is not touched.
func TestS1_25_W6_A21_TargetIsTheSession(t *testing.T) {
	t.Parallel()
	w := running(t)
	b := w.signIn(w.who("member"))
	victim, _ := foreign(t, w, "/v1.0/users/"+w.who("Nameplate.Admin"))["id"].(string)
	before := w.mark()
	for _, key := range []string{"user_id", "id", "userId", "oid", "on", "target"} {
		b.get("/profile?edit=contact")
		form := b.form("/profile")
		form.Set("mobilePhone", "+49 30 111111")
		form.Set(key, victim)
		b.post("/profile", form)
		if b.code != http.StatusBadRequest || !strings.Contains(b.body, key) {
			t.Errorf("%s in the form: %d\n%s", key, b.code, b.text())
		}
	}
	if got := w.since(before); len(got) != 0 {
		t.Fatalf("writes happened: %+v", got)
	}
	for _, where := range []string{"/profile?user_id=" + victim, "/profile?edit=contact&id=" + victim, "/profile/" + victim, "/profile/../" + victim} {
		b.get(where)
		if strings.Contains(b.text(), "Okonkwo") {
			t.Errorf("%s shows somebody else", where)
		}
	}
	form := b.get("/profile?edit=contact").form("/profile")
	form.Set("mobilePhone", "+49 30 222222")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.Portal+"/profile?user_id="+victim, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", w.Portal)
	req.Header.Set("X-User-Id", victim)
	b.do(req)
	for _, e := range w.since(before) {
		if e.Object == victim {
			t.Errorf("the victim was written: %+v", e)
		}
	}
}

// S1.3, S1.4, S1.5, S1.10, S1.60: what the tutorial needs installed and leaves to the reader, and ours does not: the one program starts
// with an empty environment, in an empty folder and without any other program in reach; a session lives in its database and outlives
// a restart; and more properties than ten are there.
func TestS1_3to5_S1_10_S1_60_NothingToInstall(t *testing.T) {
	t.Parallel()
	alone := runningIn(t, t.TempDir(), []string{"PATH="})
	alone.signIn(alone.who("member"))

	dir := t.TempDir()
	var cookies []*http.Cookie
	t.Run("before the restart", func(t *testing.T) {
		w := begin(t, app.DemoOptions{Data: dir})
		b := w.signIn(w.who("member"))
		if n := len(b.get("/profile?edit=all").form("/profile")); n < 2*20 {
			t.Errorf("S1.60: only %d entries in the form", n)
		}
		cookies = b.http.Jar.Cookies(mustParse(t, w.Portal))
	})
	w := begin(t, app.DemoOptions{Data: dir})
	b := w.browser()
	b.http.Jar.SetCookies(mustParse(t, w.Portal), cookies)
	if b.get("/profile"); b.code != http.StatusOK || b.at.Path != "/profile" {
		t.Errorf("S1.10: the session did not outlive the restart: %d at %s", b.code, b.at)
	}
}

// S1.29: what starts the tutorial's development server is a server here, and says when it is ready.
func TestS1_29_ReadySaysOk(t *testing.T) {
	t.Parallel()
	b := running(t).browser()
	b.get("/readyz")
	if b.code != http.StatusOK || strings.TrimSpace(b.body) != "ok" {
		t.Errorf("S1.29, W26: /readyz says %d %q", b.code, b.body)
	}
}

// S1.62: the help page leads on to the five places, and to Microsoft's own pages for password and sign-in methods.
func TestS1_62_HelpLinks(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(w.who("member")).get("/help")
	for _, want := range []string{
		"https://learn.microsoft.com/graph/overview", "https://learn.microsoft.com/graph/api/overview", "https://developer.microsoft.com/graph/gallery", "https://github.com/microsoftgraph",
		"https://developer.microsoft.com/graph/graph-explorer", "https://account.activedirectory.windowsazure.com/ChangePassword.aspx", "https://mysignins.microsoft.com/security-info",
	} {
		if links := b.all(func(n *htmlNode) bool {
			return n.Data == "a" && attr(n, "href") == want && strings.Contains(attr(n, "rel"), "noreferrer")
		}); len(links) != 1 {
			t.Errorf("%d links to %s", len(links), want)
		}
	}
}
