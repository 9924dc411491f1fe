package journey

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"nameplate/emulator"
	"nameplate/internal/app"
	"nameplate/internal/config"
)

// save opens a section, sets fields and posts the form.
func (b *browser) save(section string, set map[string]string) *browser {
	b.t.Helper()
	form := b.get("/profile?edit=" + section).form("/profile")
	for k, v := range set {
		if !form.Has(k) {
			b.t.Fatalf("section %s has no field %s: %v", section, k, form)
		}
		form.Set(k, v)
	}
	return b.post("/profile", form)
}

// speak chooses a language by hand.
func (b *browser) speak(code string) *browser {
	b.t.Helper()
	form := b.get("/profile").form("/preferences")
	form.Set("language", code)
	b.post("/preferences", form)
	return b.get("/profile")
}

// since are the ledger's entries after seq.
func (w *world) since(seq int64) []emulator.Entry {
	w.t.Helper()
	var out []emulator.Entry
	w.control(http.MethodGet, fmt.Sprintf("/ledger?after=%d", seq), nil, &out)
	return out
}

// mark is where the ledger stands now.
func (w *world) mark() int64 {
	w.t.Helper()
	all := w.since(0)
	if len(all) == 0 {
		return 0
	}
	return all[len(all)-1].Seq
}

// W1, W3, W4: an empty field stays empty, what was not touched is not sent, and no "None" is born.
func TestW1_W3_W4_EmptyStaysEmpty(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(w.who("member"))
	at := w.mark()
	b.save("all", map[string]string{"city": "Nara"}).says("Saved", "Nara")
	got := w.since(at)
	if len(got) != 1 || len(got[0].After) != 1 || got[0].After["city"] != "Nara" {
		t.Errorf("the directory was sent %+v", got)
	}
	person := foreign(t, w, "/v1.0/users/"+w.who("member")+"?$select=faxNumber,mySite,state,skills")
	if person["faxNumber"] != nil {
		t.Errorf("faxNumber became %v", person["faxNumber"])
	}
	if strings.Contains(b.get("/profile?edit=all").body, "None") {
		t.Error("the form says None")
	}
}

// W2, W3: emptying a field clears it with null and loses nothing beside it; a field that the request leaves out stays.
func TestW2_ClearingIsNull(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(w.who("member"))
	at := w.mark()
	b.save("place", map[string]string{"state": "", "city": "Nara"}).says("Saved")
	got := w.since(at)
	if len(got) != 1 || len(got[0].After) != 2 {
		t.Fatalf("the directory was sent %+v", got)
	}
	if v, there := got[0].After["state"]; !there || v != nil {
		t.Errorf("state was sent as %#v, want null", v)
	}
	// A partial form: only the token and one field. Nothing else may move.
	form := b.get("/profile?edit=place").form("/profile")
	for k := range form {
		if k != "city" && k != "was.city" && !strings.HasPrefix(k, "_") {
			form.Del(k)
		}
	}
	form.Set("city", "Uji")
	at = w.mark()
	b.post("/profile", form)
	if got := w.since(at); len(got) != 1 || len(got[0].After) != 1 || got[0].After["city"] != "Uji" {
		t.Errorf("a partial form wrote %+v", got)
	}
}

// W4, F40: two tabs change the same field: the second sees three values and decides; nothing is overwritten by stealth.
func TestW4_TwoTabs(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(w.who("member"))
	first := b.get("/profile?edit=place").form("/profile")
	second := b.get("/profile?edit=place").form("/profile")
	first.Set("city", "Nara")
	b.post("/profile", first).says("Saved")
	at := w.mark()
	second.Set("city", "Uji")
	b.post("/profile", second)
	b.says("千代田区", "Nara", "Uji")
	if b.code != http.StatusConflict || len(w.since(at)) != 0 {
		t.Errorf("the second tab: %d, %d writes", b.code, len(w.since(at)))
	}
	// The other field of the second tab would have been kept: a different field is no conflict.
	third := b.get("/profile?edit=place").form("/profile")
	b.save("contact", map[string]string{"faxNumber": "+81 3 5550 0777"}).says("Saved")
	third.Set("state", "奈良県")
	b.post("/profile", third).says("Saved", "奈良県")
}

// F40: a double click is one change, and so is a reload of the answer.
func TestF40_DoubleClick(t *testing.T) {
	t.Parallel()
	w := running(t)
	b := w.signIn(w.who("member"))
	form := b.get("/profile?edit=contact").form("/profile")
	form.Set("faxNumber", "+81 3 5550 0888")
	at := w.mark()
	b.post("/profile", form).says("Saved")
	b.post("/profile", form)
	if b.code != http.StatusOK || len(w.since(at)) != 1 {
		t.Errorf("sent twice: %d, %d writes", b.code, len(w.since(at)))
	}
}

// W5, A11: only our own pages can post. Each way that another site has ends in 403, and the directory is not touched.
func TestW5_A11_CrossSitePosts(t *testing.T) {
	t.Parallel()
	w := running(t)
	b := w.signIn(w.who("member"))
	form := b.get("/profile?edit=contact").form("/profile")
	form.Set("mobilePhone", "+49 30 666666")
	tokenless := url.Values{"mobilePhone": {"+49 30 666666"}}
	at := w.mark()
	for name, c := range map[string]struct {
		head http.Header
		body string
	}{
		"foreign origin":           {http.Header{"Origin": {"https://evil.example"}}, form.Encode()},
		"null origin":              {http.Header{"Origin": {"null"}}, form.Encode()},
		"cross-site fetch":         {http.Header{"Sec-Fetch-Site": {"cross-site"}}, form.Encode()},
		"same-site fetch":          {http.Header{"Sec-Fetch-Site": {"same-site"}}, form.Encode()},
		"http to https":            {http.Header{"Origin": {strings.Replace(w.Portal, "http:", "https:", 1)}}, form.Encode()},
		"no token, own origin":     {http.Header{"Origin": {w.Portal}}, tokenless.Encode()},
		"no token, no origin":      {http.Header{}, tokenless.Encode()},
		"somebody else's token":    {http.Header{"Origin": {w.Portal}}, "_token=AAAA&_scope=fields+contact+mobilePhone&mobilePhone=%2B49"},
		"JSON dressed as plain":    {http.Header{"Origin": {"https://evil.example"}, "Content-Type": {"text/plain"}}, `{"mobilePhone":"+49"}`},
		"multipart without origin": {http.Header{"Content-Type": {"multipart/form-data; boundary=x"}}, "--x\r\nContent-Disposition: form-data; name=\"mobilePhone\"\r\n\r\n+49\r\n--x--\r\n"},
	} {
		for _, path := range []string{"/profile", "/profile/resolve", "/profile/photo", "/profile/photo/remove", "/profile/seen", "/history/x/undo", "/preferences", "/sign-out"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.Portal+path, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			for k, v := range c.head {
				req.Header[k] = v
			}
			b.do(req)
			switch kind := req.Header.Get("Content-Type"); {
			case b.code == http.StatusForbidden:
			case b.code == http.StatusUnsupportedMediaType && (path == "/profile/photo") != strings.HasPrefix(kind, "multipart/"): // not even read
			default:
				t.Errorf("%s to %s: %d, want 403", name, path, b.code)
			}
		}
	}
	if got := w.since(at); len(got) != 0 {
		t.Errorf("the directory was written: %+v", got)
	}
	if b.get("/profile"); b.at.Path != "/profile" || b.code != http.StatusOK {
		t.Error("somebody else signed the person out")
	}
	// No state changes on GET.
	b.get("/profile?edit=contact&mobilePhone=1&_token=" + url.QueryEscape(form.Get("_token")))
	b.get("/sign-out")
	if b.get("/profile"); b.code != http.StatusOK || len(w.since(at)) != 0 {
		t.Error("a GET changed something")
	}
}

// W8, A50: the files of the portal hold no token and no session id, and nothing of them is pickled code.
func TestW8_NoTokensInFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := running(t, "--data", dir)
	b := w.signIn(w.who("member"))
	b.save("about", map[string]string{"skills": "Kites\nMaps"}).says("Saved")
	var session string
	for _, c := range b.http.Jar.Cookies(mustParse(t, w.Portal)) {
		if c.Name == "nameplate" {
			session = c.Value
		}
	}
	if session == "" {
		t.Fatal("no session cookie")
	}
	for _, f := range []string{"nameplate.db", "nameplate.db-wal"} {
		data, err := os.ReadFile(filepath.Join(dir, f))
		if err != nil {
			if f == "nameplate.db" {
				t.Fatal(err)
			}
			continue
		}
		for what, bad := range map[string]string{"a token": "eyJ", "the session id": session, "the client secret": w.ClientSecret} {
			if strings.Contains(string(data), bad) {
				t.Errorf("%s holds %s in clear", f, what)
			}
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "nameplate.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("A51: the key file: %v %v", info, err)
	}
}

// W16, P8: the application's token is fetched once, and a save is two requests: one read, one batch.
func TestW16_P8_RequestsOfASave(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(w.who("member"))
	b.save("contact", map[string]string{"mobilePhone": "+81 90 5550 1887"}).says("Saved") // tokens are there now
	count := func(what func()) (graph, tokens int) {
		all := w.Emulator.Requests(0)
		var last int64
		if len(all) > 0 {
			last = all[len(all)-1].Seq
		}
		what()
		for _, r := range w.Emulator.Requests(last) {
			switch {
			case r.Inner:
			case strings.Contains(r.Path, "/oauth2/v2.0/token"):
				tokens++
			case strings.HasPrefix(r.Path, "/v1.0/"):
				graph++
			}
		}
		return graph, tokens
	}
	if g, _ := count(func() { b.get("/profile") }); g > 1 {
		t.Errorf("viewing the profile took %d requests, at most 1", g)
	}
	form := b.get("/profile?edit=contact").form("/profile")
	form.Set("mobilePhone", "+81 90 5550 1888")
	stop := *b.http
	stop.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	g, tokens := count(func() {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.Portal+"/profile", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", w.Portal)
		resp, err := stop.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusSeeOther {
			t.Fatalf("S1.27: the save answered %d", resp.StatusCode)
		}
	})
	if g != 2 || tokens != 0 {
		t.Errorf("a save took %d requests to Graph and %d for tokens, want 2 and 0", g, tokens)
	}
	// Two own-token properties: the read, and a batch each.
	form = b.get("/profile?edit=about").form("/profile")
	form.Set("skills", "Kites")
	form.Set("interests", "Maps")
	if g, _ = count(func() {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.Portal+"/profile", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", w.Portal)
		resp, err := stop.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}); g != 3 {
		t.Errorf("two own-token properties took %d requests, want 3", g)
	}
}

// W17: what the portal's application may do. With what docs/start.md asks for a person's own profile it makes, deletes and
// promotes nobody and sets no password; with everything that administrators' pages need it still has no power over the directory itself.
func TestW17_LeastPermissions(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	member := "/v1.0/users/" + w.who("member")
	directory := [][3]string{
		{http.MethodPost, "/v1.0/groups", `{"displayName":"x","mailEnabled":false,"mailNickname":"x","securityEnabled":true}`},
		{http.MethodPost, "/v1.0/applications", `{"displayName":"x"}`},
		{http.MethodPost, "/v1.0/oauth2PermissionGrants", `{"clientId":"` + w.ClientID + `","consentType":"AllPrincipals","resourceId":"` + w.ClientID + `","scope":"User.Read"}`},
	}
	people := [][3]string{
		{http.MethodPost, "/v1.0/users", `{"accountEnabled":true,"displayName":"x","mailNickname":"x","userPrincipalName":"x@` + w.Domain + `","passwordProfile":{"password":"Long-enough-2026!"}}`},
		{http.MethodDelete, member, ""},
		{http.MethodPatch, member, `{"passwordProfile":{"password":"Long-enough-2026!"}}`},
		{http.MethodPost, member + "/assignLicense", `{"addLicenses":[],"removeLicenses":[]}`},
		{http.MethodPost, "/v1.0/groups/20000000-0000-4000-8000-000000000005/members/$ref", `{"@odata.id":"https://graph.microsoft.com/v1.0/directoryObjects/10000000-0000-4000-8000-000000000001"}`},
		{http.MethodPut, member + "/manager/$ref", `{"@odata.id":"https://graph.microsoft.com/v1.0/users/10000000-0000-4000-8000-000000000001"}`},
	}
	at := w.mark()
	for name, c := range map[string]struct {
		token  emulator.Token
		denied [][3]string
	}{
		"a person's own profile": {emulator.Token{Client: w.ClientID, Roles: []string{"User.ReadUpdate.All", "Directory.Read.All"}}, append(people, directory...)},
		"administrators' pages":  {emulator.Token{Client: w.ClientID}, directory},
	} {
		token, err := w.Emulator.Mint(c.token)
		if err != nil {
			t.Fatal(err)
		}
		for _, ask := range c.denied {
			req, err := http.NewRequestWithContext(t.Context(), ask[0], w.GraphHTTP+ask[1], strings.NewReader(ask[2]))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+token)
			req.Header.Set("Content-Type", "application/json")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusForbidden {
				t.Errorf("with the permissions of %s the application asks to %s %s: %d, want 403", name, ask[0], ask[1], resp.StatusCode)
			}
		}
	}
	if got := w.since(at); len(got) != 0 {
		t.Errorf("something was done: %+v", got)
	}
}

// W19, W24: bad values are told beside their field and in a summary that leads there; what was typed stays; nothing is written.
func TestW19_W24_BadValuesInPlace(t *testing.T) {
	t.Parallel()
	w := running(t)
	b := w.signIn(w.who("member"))
	at := w.mark()
	b.save("all", map[string]string{"mobilePhone": "call me", "companyName": strings.Repeat("x", 65), "city": "a\x00b", "birthday": "31.02.2026", "state": "Kansai"})
	if b.code != http.StatusUnprocessableEntity && b.code != http.StatusBadRequest {
		t.Fatalf("bad values: %d", b.code)
	}
	for _, name := range []string{"mobilePhone", "companyName", "city", "birthday"} {
		field := b.all(func(n *htmlNode) bool { return attr(n, "name") == name })
		if len(field) == 0 || attr(field[0], "aria-invalid") != "true" || attr(field[0], "aria-describedby") == "" {
			t.Errorf("%s is not marked", name)
			continue
		}
		if links := b.all(func(n *htmlNode) bool { return n.Data == "a" && attr(n, "href") == "#"+attr(field[0], "id") }); len(links) == 0 {
			t.Errorf("the summary does not lead to %s", name)
		}
	}
	b2 := b.form("/profile")
	if b2.Get("mobilePhone") != "call me" || b2.Get("state") != "Kansai" || b2.Get("birthday") != "31.02.2026" {
		t.Errorf("what was typed is gone: %v", b2)
	}
	if len(w.since(at)) != 0 {
		t.Error("something was written")
	}
}

// W20: every change has who, when, from where, old and new, and can be taken back; see also TestS1_20to24_S1_26to27_EditOwnProfile.
func TestW20_HistoryIsOnesOwn(t *testing.T) {
	t.Parallel()
	w := running(t)
	a := w.signIn(w.who("member"))
	a.save("contact", map[string]string{"mobilePhone": "+81 90 5550 1999"}).says("Saved")
	a.get("/history").says("Mobile phone", "+81 90 5550 1999", "127.0.0.1")
	undo := a.all(func(n *htmlNode) bool { return n.Data == "form" && strings.HasSuffix(attr(n, "action"), "/undo") })
	if len(undo) == 0 {
		t.Fatal("no undo")
	}
	// A22: somebody else cannot see it, nor take it back: the same answer as for an entry that never was.
	other := w.signIn(w.who("Nameplate.Auditor"))
	if other.get("/history"); strings.Contains(other.text(), "+81 90 5550 1999") {
		t.Error("A22: another person's history is shown")
	}
	form := other.get("/history").form("/sign-out")
	at := w.mark()
	theirs := fields(undo[0])
	theirs.Set("_token", form.Get("_token"))
	other.post(attr(undo[0], "action"), theirs)
	code := other.code
	other.post(regexp.MustCompile(`/history/[^/]+/`).ReplaceAllString(attr(undo[0], "action"), "/history/00000000-0000-4000-8000-000000000000/"), theirs)
	if code < 400 || code != other.code || len(w.since(at)) != 0 {
		t.Errorf("A22: undo of another person's change: %d, of one that never was: %d, %d writes", code, other.code, len(w.since(at)))
	}
}

// W22, S2.24: what only the person's own token may write is written, each in a request of its own, and told one by one.
func TestW22_C4_OwnTokenProperties(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(w.who("member"))
	at := w.mark()
	b.save("about", map[string]string{
		"aboutMe": "Likes kites.", "birthday": "1990-05-17", "interests": "Kites\nMaps", "mySite": "https://misaki.example/",
		"pastProjects": "Barometer mark V", "responsibilities": "Weather", "schools": "Nara", "skills": "Soldering",
	}).says("Saved", "About me", "Birthday", "Interests", "Website", "Past projects", "Responsibilities", "Schools", "Skills")
	got := w.since(at)
	if len(got) != 8 {
		t.Fatalf("%d writes, want 8: %+v", len(got), got)
	}
	for _, e := range got {
		if len(e.After) != 1 || e.Actor == "" {
			t.Errorf("not alone, or not with the person's own token: %+v", e)
		}
	}
}

// W22, S2.24: one of the eight is refused: the page names that one with its reason, the others are there, and what was typed is kept.
func TestW22_OneOfTheEightIsRefused(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(w.who("member"))
	form := b.get("/profile?edit=about").form("/profile")
	form.Set("skills", "Soldering")
	form.Set("interests", "Kites")
	form.Set("aboutMe", "Likes kites.")
	w.Emulator.Inject(emulator.Rule{Match: emulator.Match{Method: http.MethodPatch, Nth: 2}, At: emulator.Before, Do: emulator.Do{Status: http.StatusBadRequest, Code: "Request_BadRequest"}})
	at := w.mark()
	b.post("/profile", form).says("Partly saved", "Not saved: ")
	got := w.since(at)
	if len(got) != 2 {
		t.Fatalf("%d writes, want 2: %+v", len(got), got)
	}
	for name, label := range map[string]string{"skills": "Skills", "interests": "Interests", "aboutMe": "About me"} {
		written := slices.ContainsFunc(got, func(e emulator.Entry) bool { _, ok := e.After[name]; return ok })
		if refused := strings.Contains(b.text(), "Not saved: "+label); refused == written {
			t.Errorf("%s: written %v, called not saved %v:\n%s", name, written, refused, b.text())
		}
		if form := form.Get(name); !written {
			again := *b
			if got := again.get("/profile?again=" + b.at.Query().Get("done")).form("/profile").Get(name); got != form {
				t.Errorf("%s: typed %q, kept %q", name, form, got)
			}
		}
	}
}

// W24, W25: more than ten inputs of text: kinds of fields, languages, photo, manager; in three languages and both directions.
func TestW25_MoreThanTenFields(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(w.who("member"))
	b.says("Ingrid Solvang", "Lena Hoffmann", "Change photo")
	b.get("/profile?edit=all")
	tel := b.all(func(n *htmlNode) bool { return attr(n, "name") == "mobilePhone" })
	if len(tel) != 1 || attr(tel[0], "type") != "tel" || attr(tel[0], "autocomplete") == "" {
		t.Error("W24: the mobile phone is not a telephone field")
	}
	for code, want := range map[string][2]string{"de": {"ltr", "Mobiltelefon"}, "ar": {"rtl", "الهاتف"}} {
		b.speak(code)
		root := b.all(func(n *htmlNode) bool { return n.Data == "html" })
		if attr(root[0], "lang") != code || attr(root[0], "dir") != want[0] || !strings.Contains(b.text(), want[1]) {
			t.Errorf("%s: lang %q dir %q\n%.400s", code, attr(root[0], "lang"), attr(root[0], "dir"), b.text())
		}
	}
}

// What the files of packaging say to the program it knows: each variable is a setting, and a secret stands in a file.
func TestB48_PackagingNamesSettings(t *testing.T) {
	t.Parallel()
	known := map[string]bool{"NAMEPLATE_CONFIG": true}
	for _, s := range config.Settings() {
		known[s.Env()] = !s.Secret || s.Key == "database"
		known[s.Env()+"_FILE"] = s.Secret
	}
	for _, name := range []string{"Containerfile", "nameplate.service"} {
		text, err := os.ReadFile("../../packaging/" + name)
		if err != nil {
			t.Fatal(err)
		}
		all := regexp.MustCompile(`NAMEPLATE_[A-Z_]+`).FindAllString(string(text), -1)
		if len(all) < 3 {
			t.Errorf("%s: %v", name, all)
		}
		for _, v := range all {
			if !known[v] {
				t.Errorf("%s: %s is not a setting, or shows a secret", name, v)
			}
		}
	}
}

// W27: nothing is unpinned, and what runs is not a development server: go.mod names one exact version of each module, and the
// container holds the program and the authorities, and runs it as nobody in particular.
func TestW27_Pinned(t *testing.T) {
	t.Parallel()
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mod)) {
		f := strings.Fields(line)
		if len(f) >= 2 && strings.Contains(f[0], ".") && strings.Contains(f[0], "/") && !regexp.MustCompile(`^v\d+\.\d+\.\d+`).MatchString(f[1]) {
			t.Errorf("not pinned: %s", line)
		}
	}
	if _, err := os.Stat("../../go.sum"); err != nil {
		t.Error(err)
	}
	file, err := os.ReadFile("../../packaging/Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	var last []string // the instructions of the image that ships
	for line := range strings.Lines(string(file)) {
		switch f := strings.Fields(line); {
		case len(f) == 0 || f[0] == "#":
		case f[0] == "FROM":
			last = f
		default:
			last = append(last, f...)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllStringSubmatch(string(file), -1) {
		if !regexp.MustCompile(`^scratch$|^[^:]+/[^:]+:[a-z0-9.]+-slim$`).MatchString(m[1]) || strings.Contains(m[1], "latest") {
			t.Errorf("not pinned to a release: %s", m[1])
		}
	}
	if !strings.Contains(string(file), "COPY bin/nameplate-linux-${TARGETARCH} /nameplate") {
		t.Error("the container does not have the program of make release")
	}
	image := strings.Join(last, " ")
	for _, want := range []string{"FROM scratch", "USER 65532:65532", `ENTRYPOINT ["/nameplate"] CMD ["serve"]`} {
		if !strings.Contains(image, want) {
			t.Errorf("the container lacks %q: %s", want, image)
		}
	}
	for _, bad := range []string{" RUN ", "SECRET", "pip ", "trusted-host", "debug"} {
		if strings.Contains(image, bad) {
			t.Errorf("the container has %q: %s", bad, image)
		}
	}
}
