package guard_test

import (
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"

	"nameplate/internal/guard"
)

// corpus is testdata/openredirects.txt.
func corpus(t testing.TB) []string {
	t.Helper()
	b, err := os.ReadFile("testdata/openredirects.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.SplitSeq(strings.TrimSuffix(string(b), "\n"), "\n") {
		if strings.HasPrefix(line, "# ") {
			continue
		}
		if strings.HasPrefix(line, `"`) {
			if line, err = strconv.Unquote(line); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
		}
		all = append(all, line)
	}
	return all
}

func TestA14_NextStaysOnThisSite(t *testing.T) {
	t.Parallel()
	all := corpus(t)
	if len(all) < 300 {
		t.Fatalf("the corpus has %d addresses, want 300", len(all))
	}
	for _, raw := range all {
		if got := guard.Next(raw); got != "/" {
			t.Errorf("%q leads to %q", raw, got)
		}
	}
}

func TestNextKeepsOwnAddresses(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"/":                         "/",
		"/profile":                  "/profile",
		"/profile/":                 "/profile/",
		"/profile?section=work":     "/profile?section=work",
		"/history/8a1f?before=12":   "/history/8a1f?before=12",
		"/history?q=a%20b&c=%C3%A9": "/history?q=a%20b&c=%C3%A9",
		"/history?q=https://x.y/":   "/history?q=https://x.y/",
		"/caf%C3%A9":                "/caf%C3%A9",
		"/a%20b":                    "/a%20b",
		"/loginhelp":                "/loginhelp",
	} {
		if got := guard.Next(raw); got != want {
			t.Errorf("%q leads to %q, want %q", raw, got, want)
		}
	}
}

func TestA14_NextOfManyHosts(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"/profile", "/profile?edit=contact", "/history?before=12", "/ask/employeeOrgData%2FcostCenter"} {
		if got := guard.Next(good); got != good && got != strings.ReplaceAll(good, "%2F", "/") {
			t.Errorf("%s became %s", good, got)
		}
	}
	var bad []string
	for _, host := range []string{"evil.example", "evil.example/..", "evil.example%2f", "profile.contoso.example@evil.example", "evil.example:443", "[::1]"} {
		for _, lead := range []string{"//", "///", "/\\", "\\\\", "/%09/", "/\t/", "/%5c", "/%2f", "/%0d%0aLocation:", "/\r\n", "https:", "https://", "https:/", "http://", "javascript:", "data:", "/..//", "/./\\", "/%2e%2e//", " //", "\x00//", "/\x01/", "/%00//", "//%0a", "ftp://", "/#//", "?//", "", ".", "/;//", "/a//", "/%252f%252f/../.."} {
			bad = append(bad, lead+host)
		}
	}
	for _, raw := range bad {
		got := guard.Next(raw)
		u, err := url.Parse(got)
		if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\r\n\t") {
			t.Errorf("%q leads to %q", raw, got)
		}
		back, _ := url.Parse("https://own.example/x")
		if back.ResolveReference(u).Host != "own.example" {
			t.Errorf("%q leads to %q", raw, got)
		}
	}
}

func FuzzNext(f *testing.F) {
	for _, s := range corpus(f) {
		f.Add(s)
	}
	base, err := url.Parse("https://portal.example/auth/callback")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got := guard.Next(raw)
		to, err := base.Parse(got)
		if err != nil || to.Scheme != "https" || to.Host != "portal.example" || !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\r\n\t\x00#") {
			t.Errorf("%q leads to %q (%v, %v)", raw, got, to, err)
		}
		if again := guard.Next(got); again != got {
			t.Errorf("%q leads to %q, and that to %q", raw, got, again)
		}
	})
}
