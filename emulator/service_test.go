package emulator_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"nameplate/emulator"
)

// service is the sample organization, running, with a plain client of somebody's.
type service struct {
	t     *testing.T
	e     *emulator.Emulator
	srv   *emulator.Server
	hc    *http.Client
	base  string
	token string
}

const (
	lenaID  = "10000000-0000-4000-8000-000000000008"
	payroll = "30000000-0000-4000-8000-000000000003"
)

// running starts it; who is a person, or "" for the application that may write everybody.
func running(t *testing.T, who string, opts emulator.Options) *service {
	t.Helper()
	if opts.Organizations == nil {
		opts.Organizations = []emulator.Organization{larkfield(t)}
	}
	e := newEmulator(t, opts)
	srv, err := e.Start(t.Context(), emulator.Addresses{})
	if err != nil {
		t.Fatal(err)
	}
	ask := emulator.Token{Client: payroll}
	if who != "" {
		ask = emulator.Token{As: who}
	}
	token, err := e.Mint(ask)
	if err != nil {
		t.Fatal(err)
	}
	hc := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(func() {
		hc.CloseIdleConnections()
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	return &service{t, e, srv, hc, srv.GraphHTTP + "/v1.0", token}
}

func (s *service) try(method, path, body string) (int, string, error) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.base+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("client-request-id", "11111111-2222-4333-8444-555555555555")
	res, err := s.hc.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, string(b), err
}

func (s *service) do(method, path, body string) (int, string) {
	s.t.Helper()
	code, text, err := s.try(method, path, body)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	return code, text
}

func (s *service) title(path string) string {
	s.t.Helper()
	code, text := s.do("GET", path+"?$select=jobTitle", "")
	var o struct{ JobTitle string }
	if err := json.Unmarshal([]byte(text), &o); err != nil || code != 200 {
		s.t.Fatalf("%d %s", code, text)
	}
	return o.JobTitle
}

type batched struct {
	ID      string
	Status  int
	Headers map[string]string
	Body    json.RawMessage
}

// batch does a $batch and gives the answers by id.
func (s *service) batch(requests string) map[string]batched {
	s.t.Helper()
	code, text := s.do("POST", "/$batch", `{"requests":[`+requests+`]}`)
	var out struct{ Responses []batched }
	if err := json.Unmarshal([]byte(text), &out); err != nil || code != 200 {
		s.t.Fatalf("batch: %d %s", code, text)
	}
	by := map[string]batched{}
	for _, a := range out.Responses {
		by[a.ID] = a
	}
	return by
}

const patchAndRead = `{"id":"1","method":"PATCH","url":"/users/` + lenaID + `","headers":{"Content-Type":"application/json"},"body":{"jobTitle":"Director"}},
	{"id":"2","method":"GET","url":"/users/` + lenaID + `?$select=jobTitle","dependsOn":["1"]}`

func TestServiceLosesAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ method, path, body, op string }{
		"F05 PATCH":              {"PATCH", "/users/" + lenaID, `{"jobTitle":"Director"}`, "user.update"},
		"F06 create":             {"POST", "/users", `{"accountEnabled":true,"displayName":"New","mailNickname":"new","userPrincipalName":"new@larkfield.example","passwordProfile":{"password":"Str0ng!enough"}}`, "user.create"},
		"F07 manager":            {"PUT", "/users/" + lenaID + "/manager/$ref", `{"@odata.id":"https://graph.microsoft.com/v1.0/users/10000000-0000-4000-8000-000000000002"}`, "user.manager.set"},
		"F07 delete":             {"DELETE", "/users/" + lenaID, ``, "user.delete"},
		"F07 removing a manager": {"DELETE", "/users/" + lenaID + "/manager/$ref", ``, "user.manager.remove"},
		"F07 removing a photo":   {"DELETE", "/users/" + lenaID + "/photo/$value", ``, "user.photo.remove"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := running(t, "", emulator.Options{})
			for _, at := range []string{emulator.Before, emulator.After} {
				for what, do := range map[string]emulator.Do{"504": {Status: 504}, "reset": {Drop: true}} {
					if err := s.e.Reset(); err != nil {
						t.Fatal(err)
					}
					id := s.e.Inject(emulator.Rule{Match: emulator.Match{Method: c.method}, At: at, Do: do})
					code, text, err := s.try(c.method, c.path, c.body)
					if do.Drop && err == nil || !do.Drop && code != 504 {
						t.Fatalf("%s %s: heard %d %s %v", at, what, code, text, err)
					}
					l := s.e.Ledger(0)
					if at == emulator.Before {
						if len(l) != 0 {
							t.Errorf("%s: applied: %+v", what, l)
						}
						continue
					}
					if len(l) != 1 {
						t.Fatalf("%s: ledger %+v", what, l)
					}
					if e := l[0]; e.Op != c.op || e.Fault != id || e.App != payroll || e.Actor != "" || e.ClientID != "11111111-2222-4333-8444-555555555555" || e.Tenant == "" {
						t.Errorf("%s: entry %+v", what, e)
					}
				}
			}
		})
	}
}

func TestServiceInsideBatches(t *testing.T) {
	t.Parallel()
	writes := emulator.Match{Method: "PATCH", Path: "^/v1.0/users/"}
	t.Run("F25 429 inside", func(t *testing.T) {
		t.Parallel()
		s := running(t, "", emulator.Options{})
		s.e.Inject(emulator.Rule{Match: writes, Do: emulator.Do{Status: 429, RetryAfter: "7"}})
		got := s.batch(patchAndRead)
		if got["1"].Status != 429 || got["1"].Headers["Retry-After"] != "7" || got["2"].Status != 424 || len(s.e.Ledger(0)) != 0 {
			t.Errorf("%+v, ledger %+v", got, s.e.Ledger(0))
		}
	})
	t.Run("F25 answer missing, applied", func(t *testing.T) {
		t.Parallel()
		s := running(t, "", emulator.Options{})
		id := s.e.Inject(emulator.Rule{Match: writes, At: emulator.After, Do: emulator.Do{Drop: true}})
		got := s.batch(patchAndRead)
		if _, there := got["1"]; there || len(got) != 1 {
			t.Errorf("%+v", got)
		}
		if l := s.e.Ledger(0); len(l) != 1 || l[0].Fault != id {
			t.Errorf("ledger %+v", l)
		}
	})
	t.Run("F25 outer 504 after apply", func(t *testing.T) {
		t.Parallel()
		s := running(t, "", emulator.Options{})
		s.e.Inject(emulator.Rule{Match: emulator.Match{Path: `\$batch$`}, At: emulator.After, Do: emulator.Do{Status: 504}})
		if code, text := s.do("POST", "/$batch", `{"requests":[`+patchAndRead+`]}`); code != 504 {
			t.Errorf("%d %s", code, text)
		}
		if l := s.e.Ledger(0); len(l) != 1 || l[0].After["jobTitle"] == nil {
			t.Errorf("ledger %+v", l)
		}
	})
	t.Run("F29 nothing without end inside", func(t *testing.T) {
		t.Parallel()
		s := running(t, "", emulator.Options{})
		s.e.Inject(emulator.Rule{Match: writes, At: emulator.After, Do: emulator.Do{Corrupt: "endless"}})
		if got := s.batch(patchAndRead); len(got) != 1 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("F11 a rival between the write and the read that depends on it", func(t *testing.T) {
		t.Parallel()
		s := running(t, "", emulator.Options{})
		once := false
		s.e.OnWrite(func(e emulator.Entry) {
			if !once {
				once = true
				if err := s.e.Set("", e.Object, map[string]any{"jobTitle": "Rival"}); err != nil {
					t.Error(err)
				}
			}
		})
		got := s.batch(patchAndRead)
		if got["1"].Status != 204 || !strings.Contains(string(got["2"].Body), `"jobTitle":"Rival"`) {
			t.Errorf("%+v", got)
		}
		if l := s.e.Ledger(0); len(l) != 2 || l[0].App != payroll || l[1].App != "" {
			t.Errorf("ledger %+v", l)
		}
	})
	t.Run("requests are counted one by one", func(t *testing.T) {
		t.Parallel()
		s := running(t, "", emulator.Options{})
		s.batch(patchAndRead)
		if st := s.e.Statistics(); st.Requests != 1 || st.Inner != 2 || st.Writes != 1 {
			t.Errorf("%+v", st)
		}
		log := s.e.Requests(0)
		if len(log) != 3 || log[0].Path != "/v1.0/$batch" || log[1].Status != 204 || !log[1].Inner || log[1].App != payroll || log[2].Path != "/v1.0/users/"+lenaID {
			t.Errorf("%+v", log)
		}
	})
}

func TestServiceIsStale(t *testing.T) {
	t.Parallel()
	late := func(method string) emulator.Rule {
		return emulator.Rule{Match: emulator.Match{Method: method, Times: 1}, Do: emulator.Do{Stale: emulator.Duration(30 * time.Second)}}
	}
	t.Run("F10 every way to read", func(t *testing.T) {
		t.Parallel()
		s := running(t, lena, emulator.Options{})
		s.e.Inject(late("PATCH"))
		if code, text := s.do("PATCH", "/me", `{"mobilePhone":"+49 1"}`); code != 204 {
			t.Fatalf("%d %s", code, text)
		}
		reads := func(want string) {
			t.Helper()
			for _, path := range []string{"/me", "/me?$select=mobilePhone", "/users/" + lenaID, "/users/" + lena + "?$select=mobilePhone,city"} {
				if _, text := s.do("GET", path, ""); !strings.Contains(text, `"mobilePhone":"`+want+`"`) {
					t.Errorf("%s: %s", path, text)
				}
			}
			if got := s.batch(`{"id":"1","method":"GET","url":"/me?$select=mobilePhone"}`); !strings.Contains(string(got["1"].Body), want) {
				t.Errorf("batch: %s", got["1"].Body)
			}
		}
		reads("+49 151 55501008")
		s.e.Clock().Advance(31 * time.Second)
		reads("+49 1")
	})
	t.Run("F10 another person is not stale", func(t *testing.T) {
		t.Parallel()
		s := running(t, "", emulator.Options{})
		s.e.Inject(late("PATCH"))
		s.do("PATCH", "/users/"+lenaID, `{"jobTitle":"Director"}`)
		s.do("PATCH", "/users/jo.li@larkfield.example", `{"jobTitle":"Director"}`)
		if old, now := s.title("/users/"+lena), s.title("/users/jo.li@larkfield.example"); old != "Sensor Engineer" || now != "Director" {
			t.Errorf("%q, %q", old, now)
		}
		if _, text := s.do("GET", "/users?$select=id,jobTitle&$top=999", ""); !strings.Contains(text, `"jobTitle":"Sensor Engineer"`) {
			t.Error("the list shows the write")
		}
	})
	t.Run("F10 create", func(t *testing.T) {
		t.Parallel()
		s := running(t, "", emulator.Options{})
		s.e.Inject(late("POST"))
		code, text := s.do("POST", "/users", `{"accountEnabled":true,"displayName":"New","mailNickname":"new","userPrincipalName":"new@larkfield.example","passwordProfile":{"password":"Str0ng!enough"}}`)
		var made struct{ ID string }
		if err := json.Unmarshal([]byte(text), &made); err != nil || code != 201 {
			t.Fatalf("%d %s", code, text)
		}
		for _, key := range []string{made.ID, "new@larkfield.example"} {
			if code, text := s.do("GET", "/users/"+key, ""); code != 404 || !strings.Contains(text, "Request_ResourceNotFound") {
				t.Errorf("%s: %d %s", key, code, text)
			}
		}
		s.e.Clock().Advance(31 * time.Second)
		if code, _ := s.do("GET", "/users/"+made.ID, ""); code != 200 {
			t.Error(code)
		}
	})
	t.Run("F10 manager", func(t *testing.T) {
		t.Parallel()
		s := running(t, "", emulator.Options{})
		s.e.Inject(late("PUT"))
		if code, text := s.do("PUT", "/users/"+lenaID+"/manager/$ref", `{"@odata.id":"https://graph.microsoft.com/v1.0/users/10000000-0000-4000-8000-000000000002"}`); code != 204 {
			t.Fatalf("%d %s", code, text)
		}
		if _, text := s.do("GET", "/users/"+lenaID+"/manager", ""); !strings.Contains(text, "misaki.tanaka@") {
			t.Error(text)
		}
		s.e.Clock().Advance(31 * time.Second)
		if _, text := s.do("GET", "/users/"+lenaID+"/manager", ""); !strings.Contains(text, "ruth.okonkwo@") {
			t.Error(text)
		}
	})
	t.Run("F10 photo", func(t *testing.T) {
		t.Parallel()
		s := running(t, lena, emulator.Options{})
		_, old := s.do("GET", "/me/photo/$value", "")
		s.e.Inject(late("DELETE"))
		if code, text := s.do("DELETE", "/me/photo/$value", ""); code != 204 {
			t.Fatalf("%d %s", code, text)
		}
		if code, now := s.do("GET", "/me/photo/$value", ""); code != 200 || now != old {
			t.Errorf("%d, %d bytes", code, len(now))
		}
		s.e.Clock().Advance(31 * time.Second)
		if code, _ := s.do("GET", "/me/photo/$value", ""); code != 404 {
			t.Error(code)
		}
	})
}

func TestServiceBreaksConnections(t *testing.T) {
	t.Parallel()
	rule := emulator.Rule{Match: emulator.Match{Method: "PATCH"}, At: emulator.After, Do: emulator.Do{Drop: true}}
	for name, client := range map[string]func(*service) (*http.Client, string){
		"F08 http":       func(s *service) (*http.Client, string) { return s.hc, s.srv.GraphHTTP },
		"F08 https":      func(s *service) (*http.Client, string) { return s.srv.Client(), s.srv.Graph },
		"F08 no network": func(s *service) (*http.Client, string) { return s.e.Client(), "https://graph.microsoft.com" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := running(t, "", emulator.Options{})
			s.e.Inject(rule)
			hc, base := client(s)
			defer hc.CloseIdleConnections()
			s.hc, s.base = hc, base+"/v1.0"
			if code, text, err := s.try("PATCH", "/users/"+lenaID, `{"jobTitle":"Director"}`); err == nil {
				t.Errorf("heard %d %s", code, text)
			}
			if l := s.e.Ledger(0); len(l) != 1 {
				t.Errorf("ledger %+v", l)
			}
			s.e.ClearFaults()
			s.e.Inject(emulator.Rule{At: emulator.MidBody})
			if _, text, err := s.try("GET", "/users/"+lenaID, ""); err == nil || text == "" {
				t.Errorf("F08 mid-body: %q, %v", text, err)
			}
			s.e.ClearFaults()
			if got := s.title("/users/" + lenaID); got != "Director" {
				t.Errorf("reads %q", got)
			}
		})
	}
}

func TestServiceTokens(t *testing.T) {
	t.Parallel()
	t.Run("F17 expires by the clock", func(t *testing.T) {
		t.Parallel()
		s := running(t, lena, emulator.Options{})
		if code, _ := s.do("GET", "/me", ""); code != 200 {
			t.Fatal(code)
		}
		s.e.Clock().Advance(2 * time.Hour)
		if code, text := s.do("GET", "/me", ""); code != 401 || !strings.Contains(text, "InvalidAuthenticationToken") {
			t.Errorf("%d %s", code, text)
		}
	})
	t.Run("F32 the sign-in half is down", func(t *testing.T) {
		t.Parallel()
		s := running(t, lena, emulator.Options{})
		s.e.Inject(emulator.Rule{At: emulator.AtToken, Match: emulator.Match{Path: "/keys$"}, Do: emulator.Do{Status: 500}})
		get := func(path string) int {
			r, _ := http.NewRequestWithContext(t.Context(), "GET", s.srv.AuthorityHTTP+path, nil)
			res, err := s.hc.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			return res.StatusCode
		}
		if code := get("/larkfield.example/discovery/v2.0/keys"); code != 500 {
			t.Errorf("keys: %d", code)
		}
		if code := get("/larkfield.example/v2.0/.well-known/openid-configuration"); code != 200 {
			t.Errorf("discovery: %d", code)
		}
		if code, _ := s.do("GET", "/me", ""); code != 200 {
			t.Errorf("Graph: %d", code)
		}
	})
	t.Run("F32 one application alone cannot get a token", func(t *testing.T) {
		t.Parallel()
		s := running(t, lena, emulator.Options{})
		s.e.Inject(emulator.Rule{At: emulator.AtToken, Match: emulator.Match{App: payroll, Method: "POST"}, Do: emulator.Do{Status: 503}})
		for client, want := range map[string]int{payroll: 503, "30000000-0000-4000-8000-000000000001": 200} {
			res, err := s.hc.PostForm(s.srv.AuthorityHTTP+"/larkfield.example/oauth2/v2.0/token", url.Values{
				"grant_type": {"client_credentials"}, "client_id": {client}, "client_secret": {"for-the-emulator-only"}, "scope": {"https://graph.microsoft.com/.default"},
			})
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if res.StatusCode != want {
				t.Errorf("%s: %s %s", client, res.Status, b)
			}
		}
		if log := s.e.Requests(0); len(log) != 2 || log[0].App == "" || log[0].Tenant != "larkfield.example" {
			t.Errorf("%+v", log)
		}
	})
	t.Run("F33 claims challenge", func(t *testing.T) {
		t.Parallel()
		s := running(t, lena, emulator.Options{})
		const claims = `{"access_token":{"acrs":{"essential":true,"value":"c1"}}}`
		s.e.Inject(emulator.Rule{Match: emulator.Match{Method: "PATCH", Times: 1}, Do: emulator.Do{Claims: claims}})
		r, _ := http.NewRequestWithContext(t.Context(), "PATCH", s.base+"/me", strings.NewReader(`{"mobilePhone":"+49 1"}`))
		r.Header.Set("Authorization", "Bearer "+s.token)
		res, err := s.hc.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if h := res.Header.Get("WWW-Authenticate"); res.StatusCode != 401 || !strings.Contains(h, base64.StdEncoding.EncodeToString([]byte(claims))) {
			t.Errorf("%s %q", res.Status, h)
		}
		if len(s.e.Ledger(0)) != 0 {
			t.Error("applied")
		}
	})
	t.Run("F31 renamed in between", func(t *testing.T) {
		t.Parallel()
		s := running(t, "", emulator.Options{})
		if err := s.e.Set("", lena, map[string]any{"userPrincipalName": "lena.ortiz@larkfield.example"}); err != nil {
			t.Fatal(err)
		}
		if code, _ := s.do("GET", "/users/"+lena, ""); code != 404 {
			t.Error(code)
		}
		if code, _ := s.do("GET", "/users/"+lenaID, ""); code != 200 {
			t.Error(code)
		}
		if code, _ := s.do("GET", "/users/lena.ortiz@larkfield.example", ""); code != 200 {
			t.Error(code)
		}
	})
}

// Whatever chaos does, the ledger, the answers and the directory tell one story.
func TestServiceInChaos(t *testing.T) {
	t.Parallel()
	s := running(t, "", emulator.Options{Chaos: 0.2, Seed: 11})
	answers, applied := map[int]int{}, int64(0)
	last := ""
	for i := range 400 {
		title := fmt.Sprintf("Title %d", i)
		code, text, err := s.try("PATCH", "/users/"+lenaID, `{"jobTitle":"`+title+`"}`)
		if err != nil {
			code = 0
		}
		answers[code]++
		now := s.e.Statistics().Writes
		switch did := now - applied; {
		case code == 204 || code == 504: // the second after it was applied, as chaos does it
			if did != 1 {
				t.Fatalf("%s: %d, applied %d times", title, code, did)
			}
		case code == 429 || code == 503:
			if did != 0 {
				t.Fatalf("%s: %d, applied %d times", title, code, did)
			}
		case err == nil || did > 1:
			t.Fatalf("%s: %d %s, applied %d times", title, code, text, did)
		}
		if now > applied {
			last, applied = title, now
		}
	}
	l := s.e.Ledger(0)
	if int64(len(l)) != applied || answers[429] == 0 || answers[504] == 0 {
		t.Errorf("%d entries of %d, answers %v", len(l), applied, answers)
	}
	if got := l[len(l)-1].After["jobTitle"]; fmt.Sprintf("%s", got) != `"`+last+`"` && got != last {
		t.Errorf("the last entry is %v, want %s", got, last)
	}
	if got := value(s.e, lena, "jobTitle"); got != last {
		t.Errorf("the directory has %v, want %s", got, last)
	}
}
