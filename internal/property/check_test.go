package property_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nameplate/internal/property"
)

func def(t testing.TB, n property.Name) property.Def {
	t.Helper()
	d, ok := property.Catalog().Def(n)
	if !ok {
		t.Fatalf("no %s", n)
	}
	return d
}

// problem is the code of what is wrong with a typed text, "" for nothing.
func problem(d property.Def, text string) (property.Value, string) {
	v, p := d.Parse(text)
	if p != nil {
		return v, p.Code
	}
	if l := d.Check(v); l != nil {
		return v, l[0].Code
	}
	return v, ""
}

func TestB59_Names(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"null", "None", "true", "O'Brien", "Jr.", "李", "ß", "İ", "ı", "Nguyễn Thị Ánh", "محمد", "Robert'); DROP TABLE users;--",
		"<script>alert(1)</script>", "=1+1", "x", strings.Repeat("ß", 64), "नमस्ते", "👩🏽‍🚀", "می\u200cخواهم", "{{.}}", "%s%n", "NaN", "-", "0",
	} {
		for _, n := range []property.Name{"displayName", "givenName", "surname", "city", "companyName"} {
			v, code := problem(def(t, n), s)
			if code != "" || v.Str() != s {
				t.Errorf("%s: %q became %q, %s", n, s, v.Str(), code)
			}
		}
	}
	d := def(t, "displayName")
	if _, code := problem(d, strings.Repeat("a", 256)); code != "" {
		t.Errorf("256 letters: %s", code)
	}
	if _, code := problem(d, strings.Repeat("a", 257)); code != "too_long" {
		t.Errorf("257 letters: %q", code)
	}
}

func TestB51_Texts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name property.Name
		text string
		code string
	}{
		{"city", strings.Repeat("x", 100_000), "too_long"},
		{"city", "Ber\x00lin", "control_character"},
		{"city", "Ber\nlin", "one_line"},
		{"city", "Ber\r\nlin", "one_line"},
		{"city", "Ber\u2028lin", "one_line"},
		{"city", "Ber\tlin", "control_character"},
		{"city", "Ber\x1b[31mlin", "control_character"},
		{"city", "Ber\u202elin", "direction"},
		{"city", "Ber\u2066lin", "direction"},
		{"city", "Ber\xfflin", "not_text"},
		{"city", "Ber\ufffelin", "not_text"},
		{"city", "😀", ""},
		{"city", "null", ""},
		{"city", "\u200fتل أبيب", ""},
		{"streetAddress", "Line 1\r\nLine 2", ""},
		{"aboutMe", "One.\n\n\tTwo.", ""},
		{"aboutMe", "One\x07", "control_character"},
		{"ageGroup", "adult", ""},
		{"ageGroup", "Old", "not_allowed"},
		{"accountEnabled", "maybe", "not_yes_or_no"},
		{"accountEnabled", "Yes", ""},
		{"identities", "{", "not_json"},
		{"passwordPolicies", "DisableStrongPassword, DisablePasswordExpiration", ""},
		{"passwordPolicies", "Weak", "not_allowed"},
		{"onPremisesImmutableId", "a_b", "characters"},
		{"onPremisesImmutableId", "a$b", "characters"},
		{"mailNickname", "anna.k", ""},
		{"mailNickname", "anna k", "characters"},
		{"mailNickname", "änna", "characters"},
		{"businessPhones", "+1 425 555 0109", ""},
		{"skills", "one\n\n two ;three", ""},
		{"otherMails", "a@example.com\nb at example.com", "not_an_address"},
	} {
		if _, code := problem(def(t, c.name), c.text); code != c.code {
			t.Errorf("%s %.40q: got %q, want %q", c.name, c.text, code, c.code)
		}
	}
}

// S2.3, W1, W2, W3: clearing is null, or [] for a list, and never "".
func TestClearing(t *testing.T) {
	t.Parallel()
	for _, d := range property.Catalog().All() {
		for _, v := range []property.Value{property.Null(), property.Text(""), property.Text(" \t\u00a0\n"), property.List(), property.List("", "  ")} {
			if d.Kind != property.KindTextList && v.Items() != nil {
				continue
			}
			got := d.Clean(v)
			want := property.Null()
			if d.Kind == property.KindTextList {
				want = property.List()
			}
			if !got.Equal(want) {
				t.Errorf("%s: %#v became %#v", d.Name, v, got)
			}
			p := d.Check(got)
			// https://learn.microsoft.com/en-us/graph/api/user-update?view=graph-rest-1.0: displayName, mail and usageLocation
			// cannot be null, identities has to hold the
			// userPrincipalName's; a person without sign-in name, nickname, password or state cannot be.
			switch d.Name {
			case "displayName", "mail", "usageLocation", "userPrincipalName", "mailNickname", "accountEnabled", "passwordProfile", "identities":
				if len(p) != 1 || p[0].Code != "cannot_clear" {
					t.Errorf("%s can be cleared: %v", d.Name, p)
				}
			default:
				if p != nil {
					t.Errorf("%s cannot be cleared: %v", d.Name, p)
				}
			}
		}
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name property.Name
		in   property.Value
		want property.Value
	}{
		{"city", property.Text("  Köln \r\n"), property.Text("Köln")},
		{"city", property.Text("Ko\u0308ln"), property.Text("K\u00f6ln")},
		{"streetAddress", property.Text("a\r\nb\rc"), property.Text("a\nb\nc")},
		{"skills", property.List(" Go ", "", "SQL"), property.List("Go", "SQL")},
		{"skills", property.Text("Go"), property.List("Go")},
		{"usageLocation", property.Text("de"), property.Text("DE")},
		{"preferredLanguage", property.Text("DE-de"), property.Text("de-DE")},
		{"preferredLanguage", property.Text("zh-hant-tw"), property.Text("zh-Hant-TW")},
		{"ageGroup", property.Text("adult"), property.Text("Adult")},
		{"accountEnabled", property.Bool(false), property.Bool(false)},
	} {
		if got := def(t, c.name).Clean(c.in); !got.Equal(c.want) {
			t.Errorf("%s: %q became %q, want %q", c.name, c.in, got, c.want)
		}
	}
}

func TestB56_Dates(t *testing.T) {
	t.Parallel()
	utc := func(y, m, d, hh, mm int) time.Time { return time.Date(y, time.Month(m), d, hh, mm, 0, 0, time.UTC) }
	for _, c := range []struct {
		text string
		code string
		want time.Time
	}{
		{"2026-02-28", "", utc(2026, 2, 28, 0, 0)},
		{"2028-02-29", "", utc(2028, 2, 29, 0, 0)},
		{"2026-02-28T09:30:00Z", "", utc(2026, 2, 28, 9, 30)},
		{"2026-02-28T09:30:00+01:00", "", utc(2026, 2, 28, 8, 30)},
		{"2026-02-28T09:30+05:30", "", utc(2026, 2, 28, 4, 0)},
		{"2026-02-28 09:30:00Z", "", utc(2026, 2, 28, 9, 30)},
		{"2026-02-31", "not_a_day", time.Time{}},
		{"2026-02-29", "not_a_day", time.Time{}},
		{"2026-13-01", "not_a_day", time.Time{}},
		{"31.02.2026", "not_a_date", time.Time{}},
		{"28.02.26", "not_a_date", time.Time{}},
		{"02/28/2026", "not_a_date", time.Time{}},
		{"26-02-28", "not_a_date", time.Time{}},
		{"2026-02-28T09:30", "no_zone", time.Time{}},
		{"2026-02-28 09:30:00", "no_zone", time.Time{}},
		{"0001-01-01", "year", time.Time{}},
		{"9999-12-31", "year", time.Time{}},
		{"1899-12-31", "year", time.Time{}},
		{"tomorrow", "not_a_date", time.Time{}},
		{"2026-02-28T25:00:00Z", "not_a_date", time.Time{}},
	} {
		v, code := problem(def(t, "employeeHireDate"), c.text)
		if code != c.code || (code == "" && !v.Time().Equal(c.want)) {
			t.Errorf("%s: got %s %q, want %s %q", c.text, v, code, c.want, c.code)
		}
	}
	for _, text := range []string{"31.02.2026", "2026-02-31", "9999-12-31", "2026-02-28T09:30", "x"} {
		d := def(t, "birthday")
		v, p := d.Parse(text)
		if p == nil {
			p = &d.Check(v)[0]
		}
		if !strings.Contains(p.String(), "2026-02-28") {
			t.Errorf("%s: the message shows no example: %s", text, p)
		}
	}
}

// https://learn.microsoft.com/en-us/entra/identity/authentication/concept-sspr-policy, table of the userPrincipalName policies.
func TestS2_P41_SignInNames(t *testing.T) {
	t.Parallel()
	d := def(t, "userPrincipalName")
	for text, want := range map[string]string{
		"anna@contoso.com":                     "",
		"O'Brien-1_x!#^~.y@contoso.com":        "",
		"a_b.com#EXT#@contoso.com":             "",
		"anna.@contoso.com":                    "dot",
		"jürgen@contoso.com":                   "characters",
		"anna kovács@contoso.com":              "characters",
		"anna+x@contoso.com":                   "characters",
		"anna":                                 "not_an_address",
		"anna@b@contoso.com":                   "not_an_address",
		"anna@":                                "not_an_address",
		"@contoso.com":                         "characters",
		"anna@contoso":                         "not_an_address",
		strings.Repeat("a", 64) + "@x.com":     "",
		strings.Repeat("a", 65) + "@x.com":     "too_long",
		"a@" + strings.Repeat("b", 44) + ".de": "",
		"a@" + strings.Repeat("b", 46) + ".de": "too_long",
	} {
		if _, code := problem(d, text); code != want {
			t.Errorf("%s: got %q, want %q", text, code, want)
		}
	}
}

// ISO 3166-1; the United Kingdom is GB there, UK is only reserved. AN was deleted in 2010.
func TestS2_P40_Countries(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		"US": true, "de": true, "GB": true, "SA": true, "TW": true, "SS": true, "NO": true, "UK": false, "XX": false, "ZZ": false,
		"EU": false, "AN": false, "SU": false, "USA": false, "Germany": false, "D": false, "84": false, "419": false,
	} {
		if _, code := problem(def(t, "usageLocation"), text); (code == "") != ok {
			t.Errorf("%s: %q", text, code)
		}
	}
	if _, code := problem(def(t, "country"), "Deutschland"); code != "" {
		t.Errorf("country is free text: %s", code)
	}
}

func TestS2_P33_Languages(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		"en-US": true, "de": true, "zh-Hans-CN": true, "sr-Latn": true, "ar": true, "pt-BR": true, "english": false, "e": false,
		"en-": false, "deutsch (DE)": false, "en_US": true, "en;de": false,
	} {
		v, code := problem(def(t, "preferredLanguage"), text)
		if (code == "") != ok {
			t.Errorf("%s: %q %s", text, code, v)
		}
	}
}

func TestS2_P24_Links(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		"https://www.example.com/": true, "http://example.com": true, "https://münchen.de/ä?q=1": true, "javascript:alert(1)": false,
		"example.com": false, "//example.com": false, "https://": false, "ftp://example.com": false, "https://user:pw@example.com": false, "https:example.com": false,
		"data:text/html,x": false, "https://exa mple.com": false, "JAVASCRIPT://example.com/%0Aalert(1)": false,
	} {
		if _, code := problem(def(t, "mySite"), text); (code == "") != ok {
			t.Errorf("%s: %q", text, code)
		}
	}
}

func TestS2_P5_BusinessPhones(t *testing.T) {
	t.Parallel()
	d := def(t, "businessPhones")
	if p := d.Check(property.List("+1 425 555 0109", "+1 425 555 0110")); len(p) != 1 || p[0].Code != "too_many" {
		t.Errorf("two numbers: %v", p)
	}
	if v, _ := d.Parse("+49 30 1234567;ext=12"); len(v.Items()) != 1 {
		t.Errorf("the extension was cut off: %v", v)
	}
	if p := d.Check(property.List(strings.Repeat("1", 65))); len(p) != 1 || p[0].Code != "too_long" {
		t.Errorf("65 digits: %v", p)
	}
}

// https://learn.microsoft.com/en-us/graph/api/user-update?view=graph-rest-1.0: otherMails can store up to 250 values of up to
// 250 characters.
func TestS2_P28_OtherMails(t *testing.T) {
	t.Parallel()
	d := def(t, "otherMails")
	many := make([]string, 251)
	for i := range many {
		many[i] = "a@example.com"
	}
	if p := d.Check(property.List(many[:250]...)); p != nil {
		t.Errorf("250: %v", p)
	}
	if p := d.Check(property.List(many...)); len(p) != 1 || p[0].Code != "too_many" {
		t.Errorf("251: %v", p)
	}
	p := d.Check(property.List("a@example.com", "ä@example.com"))
	if len(p) != 1 || p[0].Code != "accent" || !strings.HasPrefix(p[0].String(), "Item 2: ") {
		t.Errorf("accent: %v", p)
	}
}

func TestTypes(t *testing.T) {
	t.Parallel()
	values := map[string]property.Value{"text": property.Text("x"), "list": property.List("x"), "bool": property.Bool(true), "time": property.Instant(time.Unix(1e9, 0)), "object": property.Raw([]byte(`{"a":1}`))}
	fits := map[property.Name]string{"city": "text", "skills": "list", "accountEnabled": "bool", "birthday": "time", "identities": "object"}
	for n, want := range fits {
		for kind, v := range values {
			p := def(t, n).Check(v)
			if wrong := len(p) == 1 && p[0].Code == "type"; wrong == (kind == want) {
				t.Errorf("%s with a %s: %v", n, kind, p)
			}
		}
	}
}

// Whatever is typed: reading is stable, nothing panics, and what passes never is "" and never holds a control character.
func TestAnyText(t *testing.T) {
	t.Parallel()
	all := property.Catalog().All()
	rapid.Check(t, func(r *rapid.T) {
		d := rapid.SampledFrom(all).Draw(r, "property")
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ \x00-\x7f\x{202e}\x{feff}äß李😀@.;\n-]{0,40}`)).Draw(r, "text")
		v, p := d.Parse(text)
		if p != nil {
			return
		}
		if again := d.Clean(v); !again.Equal(v) {
			r.Fatalf("%s: cleaning %q again gives %q", d.Name, v, again)
		}
		if d.Check(v) != nil {
			return
		}
		for _, s := range append([]string{v.Str()}, v.Items()...) {
			if strings.ContainsAny(s, "\x00\x1b\u202e") {
				r.Fatalf("%s takes %q", d.Name, s)
			}
		}
		if s, ok := v.Any().(string); ok && s == "" {
			r.Fatalf("%s became an empty text", d.Name)
		}
	})
}
