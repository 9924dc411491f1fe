package emulator

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestMatching(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	token := func(app, tenant string) string {
		payload := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"appid":%q,"tid":%q}`, app, tenant))
		return "e30." + payload + ".x"
	}
	for name, c := range map[string]struct {
		match Match
		want  string // of eight requests a second apart: x is met
	}{
		"all":         {Match{}, "xxxxxxxx"},
		"nth":         {Match{Nth: 3}, "..x....."},
		"every":       {Match{Every: 3}, "..x..x.."},
		"times":       {Match{Times: 2}, "xx......"},
		"every times": {Match{Every: 2, Times: 2}, ".x.x...."},
		"from":        {Match{From: start.Add(5 * time.Second)}, ".....xxx"},
		"until":       {Match{Until: start.Add(2 * time.Second)}, "xx......"},
		"method":      {Match{Method: "post"}, "........"},
		"path":        {Match{Path: `^/v1\.0/users/1{8}-`}, "xxxxxxxx"},
		"other path":  {Match{Path: `^/v1\.0/groups`}, "........"},
		"app":         {Match{App: "APP-B"}, ".x.x.x.x"},
		"tenant":      {Match{Tenant: "t", App: "app-a"}, "x.x.x.x."},
		"else":        {Match{Tenant: "u"}, "........"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wall := start
			s := stand(t, Options{Wall: func() time.Time { return wall }})
			s.e.Inject(Rule{Match: c.match, Do: Do{Status: 503}})
			got := ""
			for i := range 8 {
				r := httptest.NewRequest("GET", "/v1.0/users/"+anna, nil)
				r.Header.Set("Authorization", "Bearer "+token([]string{"app-a", "app-b"}[i%2], "t"))
				w := httptest.NewRecorder()
				s.e.faulty(http.NotFoundHandler()).ServeHTTP(w, r)
				got += map[bool]string{true: "x", false: "."}[w.Code == 503]
				wall = wall.Add(time.Second)
			}
			if got != c.want {
				t.Errorf("met %s, want %s", got, c.want)
			}
		})
	}
	t.Run("prob", func(t *testing.T) {
		t.Parallel()
		met := func(seed uint64) string {
			s := stand(t, Options{Seed: seed})
			s.e.Inject(Rule{Match: Match{Prob: 0.5}, Do: Do{Status: 503}})
			out := ""
			for range 64 {
				res, _ := s.ok("GET", "/v1.0/users/"+anna, "")
				out += map[bool]string{true: "x", false: "."}[res.StatusCode == 503]
			}
			return out
		}
		one := met(5)
		if n := strings.Count(one, "x"); n < 16 || n > 48 {
			t.Errorf("met %d of 64", n)
		}
		if met(5) != one {
			t.Error("the same seed meets other requests")
		}
		if met(6) == one {
			t.Error("another seed meets the same requests")
		}
	})
}

func TestSignInHalf(t *testing.T) {
	t.Parallel()
	s := stand(t, Options{})
	s.e.Inject(Rule{Do: Do{Status: 503}})
	if res, _ := s.ok("POST", "/t/oauth2/v2.0/token", "a=b"); res.StatusCode != 200 {
		t.Errorf("a rule for Graph met the token endpoint: %s", res.Status)
	}
	s.e.ClearFaults()
	s.e.Inject(Rule{At: AtToken, Match: Match{Times: 1}, Do: Do{Status: 503}})
	if res, _ := s.ok("GET", "/v1.0/users/"+anna, ""); res.StatusCode != 200 {
		t.Errorf("a rule for tokens met Graph: %s", res.Status)
	}
	res, text := s.ok("POST", "/t/oauth2/v2.0/token", "a=b")
	var body struct {
		Error  string `json:"error"`
		Said   string `json:"error_description"`
		Number []int  `json:"error_codes"`
	}
	if err := json.Unmarshal([]byte(text), &body); err != nil || res.StatusCode != 503 || !strings.HasPrefix(body.Said, "AADSTS90033:") || len(body.Number) != 1 {
		t.Errorf("F32: %s %s", res.Status, text)
	}
	if got := s.e.Statistics(); got.Tokens != 1 || got.SignIn != 2 || got.Requests != 1 {
		t.Errorf("%+v", got)
	}
}

func TestRulesThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]Rule{
		"path": {Match: Match{Path: "("}}, "at": {At: "noon"}, "prob": {Match: Match{Prob: 2}}, "status": {Do: Do{Status: 99}},
		"corrupt": {Do: Do{Corrupt: "nicely"}}, "retry": {Do: Do{RetryAfter: "date:soon"}}, "claims": {Do: Do{Claims: "{"}}, "nth": {Match: Match{Nth: -1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stand(t, Options{})
			defer func() {
				if recover() == nil || len(s.e.Faults()) != 0 {
					t.Error("was taken")
				}
			}()
			s.e.Inject(r)
		})
	}
}
