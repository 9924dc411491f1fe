package journey

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/html"

	"nameplate/emulator"
	"nameplate/internal/app"
	"nameplate/internal/cli"
)

// The command line as a person: nameplate login, and what a session of it may and may not.

// terminal is somebody's command line with a home of its own.
type terminal struct {
	t       *testing.T
	environ []string
	file    string // where its sign-in is kept
}

func (w *world) terminal() *terminal {
	home := w.t.TempDir()
	return &terminal{w.t, []string{"HOME=" + home, "NAMEPLATE_SERVER=" + w.Portal}, filepath.Join(home, ".config", "nameplate", "login.json")}
}

// do runs a verb.
func (c *terminal) do(args ...string) (code int, out, errs string) {
	c.t.Helper()
	var o, e strings.Builder
	code = cli.Main(c.t.Context(), cli.World{Args: args, Environ: c.environ, Version: "test", In: strings.NewReader(""), Out: &o, Err: &e})
	return code, o.String(), e.String()
}

// ends runs a verb that has to end with a number.
func (c *terminal) ends(want int, args ...string) string {
	c.t.Helper()
	code, out, errs := c.do(args...)
	if code != want {
		c.t.Errorf("%s: exit %d, want %d\n%s%s", strings.Join(args, " "), code, want, out, errs)
	}
	return out + errs
}

var linkAndCode = regexp.MustCompile(`Open \S+?(/connect\?ask=\S+)\s+and type there the code (\S+)`)

// login begins nameplate login; finish waits for its end.
func (c *terminal) login(args ...string) (page, code string, finish func() (int, string)) {
	c.t.Helper()
	r, w := io.Pipe()
	type end struct {
		code int
		out  string
	}
	done := make(chan end, 1)
	go func() {
		var o strings.Builder
		n := cli.Main(c.t.Context(), cli.World{Args: append([]string{"login"}, args...), Environ: c.environ, Version: "test", In: strings.NewReader(""), Out: &o, Err: w})
		_ = w.Close()
		done <- end{n, o.String()}
	}()
	in := bufio.NewReader(r)
	first, _ := in.ReadString('\n')
	second, _ := in.ReadString('\n')
	m := linkAndCode.FindStringSubmatch(first + second)
	if m == nil {
		c.t.Fatalf("nameplate login says %q", first+second)
	}
	rest := make(chan string, 1)
	go func() { b, _ := io.ReadAll(in); rest <- string(b) }()
	return m[1], m[2], func() (int, string) {
		e := <-done
		return e.code, e.out + <-rest
	}
}

// again lets the browser sign in once more, as a page asks that wants a sign-in of a moment ago, and goes on to where it was going.
func (b *browser) again(path, upn string) *browser {
	b.t.Helper()
	b.get(path)
	if b.at.Host == mustParse(b.t, b.w.Portal).Host {
		return b
	}
	to, err := emulator.SignIn(b.t.Context(), b.http, b.at.String(), upn)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.open(to)
}

// connect types the code on the page that the link leads to.
func (b *browser) connect(page, code, upn string) *browser {
	b.t.Helper()
	b.again(page, upn)
	return b.press("/connect", "", func(f url.Values) { f.Set("code", code) })
}

// api asks the API with a bearer.
func (w *world) api(method, path, bearer, body string) (int, map[string]any) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.Portal+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+bearer)
	req.Header.Set("If-Match", "*")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var got map[string]any
	_ = json.NewDecoder(resp.Body).Decode(&got) // 204 has no body
	return resp.StatusCode, got
}

// secret is what the terminal keeps of its sign-in.
func (c *terminal) secret() string {
	c.t.Helper()
	b, err := os.ReadFile(c.file)
	if err != nil {
		c.t.Fatal(err)
	}
	return regexp.MustCompile(`nps_[\w-]{43}`).FindString(string(b))
}

// A12: an administrator signs the command line in, works as themselves, and is asked again for what is dangerous.
func TestA12_TheCommandLineIsThePerson(t *testing.T) {
	t.Parallel()
	var late atomic.Int64
	w := begin(t, app.DemoOptions{Now: func() time.Time { return app.Clock().Add(time.Duration(late.Load())) }})
	c, b := w.terminal(), w.signIn(ruth)
	if out := c.ends(2, "users", "list"); !strings.Contains(out, "nameplate login") {
		t.Errorf("before: %s", out)
	}
	page, code, finish := c.login("--name", "Ruth's laptop")
	b.again(page, ruth).says("Ruth's laptop", "127.0.0.1", "Only if you typed nameplate login yourself")
	b.press("/connect", "", func(f url.Values) { f.Set("code", "AAAA-AAAA") })
	if b.code != http.StatusUnprocessableEntity {
		t.Errorf("a wrong code: %d", b.code)
	}
	b.says("This is not the code")
	b.press("/connect", "", func(f url.Values) { f.Set("code", strings.ToLower(strings.ReplaceAll(code, "-", " "))) }).says("The command line is signed in", "Ruth's laptop")
	if n, out := finish(); n != 0 || !strings.Contains(out, "as Ruth Okonkwo-Bergström ("+ruth+")") {
		t.Fatalf("login ended with %d: %s", n, out)
	}
	if at, err := os.Stat(c.file); err != nil || at.Mode().Perm() != 0o600 {
		t.Errorf("what is kept: %v %v", at, err)
	}
	if out := c.ends(0, "whoami"); !strings.Contains(out, ruth) || !strings.Contains(out, "Nameplate.Admin") || !strings.Contains(out, "person") {
		t.Errorf("whoami: %s", out)
	}
	c.ends(0, "users", "set", lena, "department=Sales")
	if out := c.ends(0, "history", "list", "--top", "1", "--as", "json"); !strings.Contains(out, `"kind":"person"`) || !strings.Contains(out, "Ruth Okonkwo-Bergström") {
		t.Errorf("the history does not say the person: %s", out)
	}
	c.ends(0, "users", "disable", lena, "--yes", lena) // she signed in a moment ago
	late.Add(int64(20 * time.Minute))
	w.Emulator.Clock().Advance(20 * time.Minute)
	mark := w.mark()
	for _, args := range [][]string{
		{"users", "delete", lena, "--yes", lena},
		{"keys", "create", "x", "--why", "a test", "--role", "Nameplate.Admin", "--scope", "people:read"},
		{"data", "forget", "--user", lena, "--why", "a test", "--yes", lena},
	} {
		if out := c.ends(4, args...); !strings.Contains(out, "nameplate login") || !strings.Contains(out, "sign_in_again") {
			t.Errorf("%v long after the sign-in: %s", args, out)
		}
	}
	if n := len(w.since(mark)); n != 0 {
		t.Errorf("A12: %d writes", n)
	}
	c.ends(0, "users", "set", lena, "department=Research") // this is not dangerous

	// The file opens nothing for others, and who can read it cannot use it here.
	if err := os.Chmod(c.file, 0o644); err != nil {
		t.Fatal(err)
	}
	if out := c.ends(2, "whoami"); !strings.Contains(out, "chmod 600") {
		t.Errorf("a file that others read: %s", out)
	}
	if err := os.Chmod(c.file, 0o600); err != nil {
		t.Fatal(err)
	}
	spent := c.secret()
	c.ends(0, "logout")
	c.ends(0, "logout")
	if status, _ := w.api("GET", "/session", spent, ""); status != http.StatusUnauthorized {
		t.Errorf("A06: the secret after the sign-out: %d", status)
	}
	b.get("/connect").says("No command line is signed in")
}

// The link is a question of ten minutes that is answered once, and by nobody but a person with a role.
func TestA05_A06_ALinkIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	var late atomic.Int64
	w := begin(t, app.DemoOptions{Now: func() time.Time { return app.Clock().Add(time.Duration(late.Load())) }})
	b := w.signIn(ruth)
	ask := func() (path, code, secret string) {
		secret, challenge, err := app.NewProgramSecret()
		if err != nil {
			t.Fatal(err)
		}
		_, got := w.api("GET", "/session/ask?name=x&challenge="+challenge, "", "")
		return fmt.Sprint(got["page"]), fmt.Sprint(got["code"]), secret
	}
	path, code, secret := ask()
	if status, _ := w.api("GET", "/session", secret, ""); status != http.StatusUnauthorized {
		t.Errorf("before anybody answered: %d", status)
	}
	if other := w.signIn(lena); other.get(path).code != http.StatusForbidden {
		t.Errorf("somebody without a role: %d", other.code)
	}
	b.again(path, ruth)
	form := b.form("/connect")
	form.Set("code", code)
	if b.post("/connect", form); b.code != http.StatusOK {
		t.Fatalf("%d %s", b.code, b.text())
	}
	if status, who := w.api("GET", "/session", secret, ""); status != http.StatusOK || who["userPrincipalName"] != ruth {
		t.Errorf("after: %d %v", status, who)
	}
	if b.post("/connect", form); b.code != http.StatusBadRequest {
		t.Errorf("the same answer again: %d", b.code)
	}
	for _, f := range b.get("/connect").all(func(n *html.Node) bool {
		return n.Data == "form" && strings.HasPrefix(attr(n, "action"), "/connect/end")
	}) {
		b.post(attr(f, "action"), fields(f))
	}
	if status, _ := w.api("GET", "/session", secret, ""); status != http.StatusUnauthorized {
		t.Errorf("after it was ended on the page: %d", status)
	}
	late.Add(int64(6 * time.Minute))
	w.Emulator.Clock().Advance(6 * time.Minute)
	if b.post("/connect", form); b.code != http.StatusBadRequest {
		t.Errorf("A06: a session that was ended comes back: %d", b.code)
	}
	path, _, _ = ask()
	late.Add(int64(11 * time.Minute))
	w.Emulator.Clock().Advance(11 * time.Minute)
	if b.again(path, ruth); b.code != http.StatusBadRequest {
		t.Errorf("after eleven minutes: %d", b.code)
	}
	forged := "/connect?ask=" + base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("x", 32)+"ask\x00"+strings.Repeat("a", 64)+"\x002026-01-01T00:00:00Z\x00127.0.0.1\x00x"))
	if b.again(forged, ruth); b.code != http.StatusBadRequest {
		t.Errorf("a forged link: %d", b.code)
	}
	if status, _ := w.api("GET", "/session/ask?challenge=ABC", "", ""); status != http.StatusBadRequest {
		t.Errorf("a bad challenge: %d", status)
	}
}

// Nothing that Microsoft signs opens the API, whoever it was made for, and nothing that looks like it.
func TestA02_A35_TokensOpenNothing(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	tokens := map[string]string{}
	for name, as := range map[string]emulator.Token{
		"of a person for Graph":        {Client: w.ClientID, As: ruth, Scopes: []string{"User.Read"}},
		"of a person for us":           {Client: w.ClientID, As: ruth, Scopes: []string{"User.Read"}, Aud: w.ClientID},
		"of a person for our API":      {Client: w.ClientID, As: ruth, Scopes: []string{"access"}, Aud: "api://" + w.ClientID},
		"of a person for another":      {Client: w.ClientID, As: ruth, Aud: "https://other.example"},
		"of the application for Graph": {Client: w.ClientID, Roles: []string{"User.ReadWrite.All"}},
		"of the application for us":    {Client: w.ClientID, Roles: []string{"Nameplate.Admin"}, Aud: w.ClientID},
		"that has expired":             {Client: w.ClientID, As: ruth, Expires: -time.Hour, Aud: w.ClientID},
	} {
		token, err := w.Emulator.Mint(as)
		if err != nil {
			t.Fatal(err)
		}
		tokens[name] = token
	}
	raw := func(v any) string {
		j, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(j)
	}
	claims := func(tenant string) map[string]any {
		return map[string]any{"iss": w.Authority + "/" + tenant + "/v2.0", "aud": w.ClientID, "tid": tenant, "oid": "10000000-0000-4000-8000-000000000001", "roles": []string{"Nameplate.Admin"}, "exp": 4102444800, "iat": 0, "nbf": 0}
	}
	tokens["without a signature"] = raw(map[string]any{"alg": "none", "typ": "JWT"}) + "." + raw(claims(w.TenantID)) + "."
	tokens["of another tenant"] = raw(map[string]any{"alg": "RS256", "kid": "x"}) + "." + raw(claims("99999999-7a42-4c7b-9c1e-2b8f4d6a9e01")) + ".c2ln"
	b := w.signIn(ruth)
	for _, cookie := range b.http.Jar.Cookies(b.at) {
		tokens["the cookie "+cookie.Name] = cookie.Value
		tokens["the cookie "+cookie.Name+" as a program"] = "nps_" + cookie.Value
	}
	tokens["a key for a program"] = "nps_" + strings.TrimPrefix(w.APIKey, "npk_")
	tokens["nothing"], tokens["short"], tokens["padded"] = "", "nps_", "nps_"+strings.Repeat("A", 43)+"="
	for name, token := range tokens {
		for _, path := range []string{"/session", "/people"} {
			if status, got := w.api("GET", path, token, ""); status != http.StatusUnauthorized {
				t.Errorf("a token %s at %s: %d %v", name, path, status, got)
			}
		}
	}
	if status, got := w.api("GET", "/session?key=nps_x", w.APIKey, ""); status != http.StatusBadRequest {
		t.Errorf("A35: a secret in an address: %d %v", status, got)
	}
	if status, got := w.api("GET", "/session", w.APIKey, ""); status != http.StatusOK || got["kind"] != "key" {
		t.Errorf("a key asks who it is: %d %v", status, got)
	}
}

// A10, A15: who is disabled is out within five minutes; a session is nobody else's and in no place but its owner's.
func TestA10_A15_ProgramsEndWithTheAccount(t *testing.T) {
	t.Parallel()
	var late atomic.Int64
	w := begin(t, app.DemoOptions{Now: func() time.Time { return app.Clock().Add(time.Duration(late.Load())) }})
	wait := func(d time.Duration) { late.Add(int64(d)); w.Emulator.Clock().Advance(d) }
	c, e := w.terminal(), w.terminal()
	for term, upn := range map[*terminal]string{c: helen, e: jonas} {
		page, code, finish := term.login()
		w.signIn(upn).connect(page, code, upn)
		if n, out := finish(); n != 0 {
			t.Fatalf("%s: %d %s", upn, n, out)
		}
	}
	if out := c.ends(4, "users", "set", lena, "department=X"); !strings.Contains(out, "403") { // an auditor looks, there as here
		t.Errorf("an auditor: %s", out)
	}
	if out := e.ends(4, "keys", "list"); !strings.Contains(out, "403") {
		t.Errorf("an editor: %s", out)
	}
	var id string
	{
		_, got := w.api("GET", "/session", e.secret(), "")
		id = fmt.Sprint(got["id"])
	}
	if status, _ := w.api("DELETE", "/session", c.secret()+"x", ""); status != http.StatusUnauthorized {
		t.Errorf("A15: a longer secret: %d", status)
	}
	administer(t, w, http.MethodPatch, "/users/"+url.PathEscape(jonas), `{"accountEnabled":false}`)
	wait(5*time.Minute + time.Second)
	if status, got := w.api("PATCH", "/people/"+id, e.secret(), `{"mobilePhone":"+49 1"}`); status != http.StatusUnauthorized || !strings.Contains(fmt.Sprint(got["detail"]), "disabled") {
		t.Errorf("A10: %d %v", status, got)
	}
	wait(56 * time.Minute)
	if status, _ := w.api("GET", "/session", c.secret(), ""); status != http.StatusUnauthorized {
		t.Errorf("after an hour without use: %d", status)
	}
	if out := c.ends(4, "users", "list"); !strings.Contains(out, "nameplate login") {
		t.Errorf("after it ended: %s", out)
	}
}
