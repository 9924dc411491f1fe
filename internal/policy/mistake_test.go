package policy_test

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf16"

	"nameplate/internal/policy"
	"nameplate/internal/property"
)

// quickest is the shortest processor time of three, because other processes share the machine.
func quickest(do func()) time.Duration {
	spent := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			panic(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	best := time.Hour
	for range 3 {
		start := spent()
		do()
		best = min(best, spent()-start)
	}
	return best
}

// parse gives the mistakes, and fails when it takes long or much memory.
func parse(t *testing.T, name string, data []byte) []policy.Mistake {
	t.Helper()
	var before, after runtime.MemStats
	var m []policy.Mistake
	runtime.ReadMemStats(&before)
	took := quickest(func() { _, m = policy.Parse("p.yaml", data) })
	runtime.ReadMemStats(&after)
	if took > slower*500*time.Millisecond { // 100 ms on a quiet machine; this is a guard against what runs away
		t.Errorf("%s: took %s", name, took)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 3*64<<20 {
		t.Errorf("%s: took %d MB", name, grown/3>>20)
	}
	return m
}

func TestB40_Bombs(t *testing.T) { // not parallel: it looks at the clock and at memory
	var bomb strings.Builder
	bomb.WriteString("version: 1\na0: &a0 [x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i < 30; i++ {
		fmt.Fprintf(&bomb, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i, i-1, i-1, i-1, i-1, i-1, i-1, i-1, i-1, i-1)
	}
	var stairs strings.Builder
	for i := range 600 {
		stairs.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	for name, data := range map[string][]byte{
		"aliases":           []byte(bomb.String()),
		"recursive alias":   []byte("version: 1\nproperties: &p\n  city: *p\n"),
		"merge":             []byte("version: 1\nproperties:\n  city: &c {edit: self}\n  state:\n    <<: *c\n"),
		"10 MB":             bytes.Repeat([]byte("# nothing\n"), 1<<20),
		"10 MB of one key":  append([]byte("version: 1\nname: "), bytes.Repeat([]byte("x"), 10<<20)...),
		"10,000 deep":       []byte("version: 1\nproperties: " + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)),
		"10,000 deep maps":  []byte("version: 1\nproperties: " + strings.Repeat("{a: ", 10_000) + strings.Repeat("}", 10_000)),
		"10,000 dashes":     []byte(strings.Repeat("- ", 10_000) + "x"),
		"600 steps":         []byte(stairs.String()),
		"deep, not hostile": []byte("version: 1\nproperties:\n  city:\n    ask:\n      who:\n        en:\n          a:\n            b:\n              c:\n                d:\n                  e:\n                    f:\n                      g:\n                        h: 1\n"),
		"many keys":         []byte("version: 1\nproperties:\n" + strings.Repeat("  city: {edit: self}\n", 18_000)),
	} {
		m := parse(t, name, data)
		if len(m) == 0 {
			t.Errorf("%s is taken", name)
		}
		for _, x := range m {
			if x.What == "" {
				t.Errorf("%s: a mistake without words: %+v", name, x)
			}
		}
	}
}

// mistake is what is expected of one mistake: where, and words in what and remedy.
type mistake struct {
	line, column int
	path         string
	says         string
}

func check(t *testing.T, name, text string, want []mistake) {
	t.Helper()
	_, got := policy.Parse("p.yaml", []byte(text))
	if len(got) != len(want) {
		t.Errorf("%s: %d mistakes, want %d\n%s", name, len(got), len(want), policy.Report("p.yaml", got))
		return
	}
	for i, w := range want {
		g := got[i]
		if g.Line != w.line || g.Column != w.column || g.Path != w.path || !strings.Contains(g.What+" "+g.Remedy, w.says) {
			t.Errorf("%s: got  %d:%d %s: %s %s\nwant %d:%d %s: … %s", name, g.Line, g.Column, g.Path, g.What, g.Remedy, w.line, w.column, w.path, w.says)
		}
	}
}

func TestB41_Mistakes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		text string
		want []mistake
	}{
		{"everything at once", "version: 2\nproperites: {}\nproperties:\n  citty: {edit: self}\n  city: {edti: self, edit: selv}\n  City: {edit: self}\n", []mistake{
			{1, 10, "version", "Write 1."},
			{2, 1, "properites", `Did you mean "properties"?`},
			{4, 3, "properties.citty", `Did you mean "city"?`},
			{5, 10, "properties.city.edti", `Did you mean "edit"?`},
			{5, 28, "properties.city.edit", `Did you mean "self"?`},
			{6, 3, "properties.City", `Write "city".`},
		}},
		{"twice", "version: 1\nproperties:\n  city: {edit: self}\n  city: {edit: nobody}\n", []mistake{{4, 3, "properties.city", "Join it with line 3."}}},
		{"tab", "version: 1\nproperties:\n\tcity: {edit: self}\n", []mistake{{3, 1, "", "Use spaces."}}},
		{"indent", "version: 1\nproperties:\n  city:\n    edit: self\n   view: self\n", []mistake{{5, 4, "", "Look at the indentation"}}},
		{"colon", "version: 1\nname: a: b\n", []mistake{{2, 8, "", "A value that contains a colon needs quotes."}}},
		{"at sign", "version: 1\nname: @b\n", []mistake{{2, 7, "", "Put the value in quotes."}}},
		{"quote", "version: 1\nname: 'b\n", []mistake{{3, 1, "", "A quotation mark is not closed."}}},
		{"two documents", "version: 1\n---\nversion: 1\n", []mistake{{2, 1, "", "Remove the line ---"}}},
		{"tag", "version: 1\nname: !!binary aGk=\n", []mistake{{2, 7, "name", "Remove the tag."}}},
		{"own tag", "version: 1\nname: !env X\n", []mistake{{2, 7, "name", "Remove the tag."}}},
		{"anchor", "version: 1\nname: &n x\n", []mistake{{2, 7, "name", "Aliases are not supported."}}},
		{"key of brackets", "version: 1\n[a]: b\n", []mistake{{2, 1, "", "This key is not a plain name."}}},
		{"list for names", "version: 1\nproperties:\n  - city\n", []mistake{{3, 3, "properties", `Write "name: value" lines`}}},
		{"text for names", "version: 1\nproperties:\n  city: self\n", []mistake{{3, 9, "properties.city", `Write "name: value" lines`}}},
		{"no version", "properties: {}\n", []mistake{{1, 1, "", "The version is missing."}}},
		{"only a word", "hello\n", []mistake{{1, 1, "", `Write "name: value" lines`}, {1, 1, "", "The version is missing."}}},
		{"who", "version: 1\nproperties:\n  city: {edit: [nobody, self, admin, 'group:x', 1b4e28ba-2fa1-41d2-883f-0016d3cca427]}\n", []mistake{
			{3, 17, "properties.city.edit[0]", `Write only "nobody"`},
			{3, 31, "properties.city.edit[2]", "Use one of: nobody, self, Nameplate.Admin, Nameplate.Editor, Nameplate.Approver, Nameplate.Auditor, group:<object id>."},
			{3, 38, "properties.city.edit[3]", "object id of the group"},
			{3, 49, "properties.city.edit[4]", `Write "group:" before`},
		}},
		{"nobody sees anything", "version: 1\n", []mistake{{0, 0, "", "nobody can see or edit anything"}}},
		{"only closed", "version: 1\ndefault: {edit: nobody}\nproperties:\n  city: {view: nobody, label: Town}\nrules:\n  - when: userType eq 'Guest'\n    properties: {city: {edit: nobody}}\n", []mistake{{0, 0, "", "Write under \"properties\""}}},
		{"open for some", "version: 1\nrules:\n  - when: userType eq 'Guest'\n    default: {view: 'group:1b4e28ba-2fa1-41d2-883f-0016d3cca427'}\n", nil},
		{"yes", "version: 1\nproperties:\n  city: {edit: self, required: yes}\n", []mistake{{3, 32, "properties.city.required", "Write true."}}},
		{"max", "version: 1\nproperties:\n  city: {edit: self, max: 12.5}\n  state: {max: \"5\"}\n  surname: {max: 65}\n", []mistake{
			{3, 27, "properties.city.max", "for example 40"}, {4, 16, "properties.state.max", "for example 40"}, {5, 18, "properties.surname.max", "at most 64"},
		}},
		{"condition", "version: 1\nrules:\n  - when: userType = 'Guest'\n  - when: departmnet eq 'x'\n  - when: accountEnabled eq 'yes'\n  - properties: {}\n", []mistake{
			{3, 11, "rules[0].when", "The condition cannot be read"},
			{4, 11, "rules[1].when", `Did you mean "department"?`},
			{5, 11, "rules[2].when", "never be decided"},
			{6, 5, "rules[3]", "The rule has no condition."},
		}},
		{"table", "version: 1\ntables:\n  offices:\n    - {officeLocation: Berlin, aboutMe: x, city: B}\n    - {city: Oslo}\n  unused: []\nproperties:\n  officeLocation: {edit: self, follow: ofices}\n  city: {edit: self, follow: offices, allowed: [Oslo]}\n", []mistake{
			{4, 32, "tables.offices[0].aboutMe", "never lets an application write it"},
			{6, 3, "tables.unused", "is used nowhere"},
			{8, 40, "properties.officeLocation.follow", `Did you mean "offices"?`},
			{9, 48, "properties.city.allowed", "Keep one of them."},
		}},
		{"ask", "version: 1\ndefault:\n  ask: {to: help desk, text: 'Hello {nmae}'}\n", []mistake{
			{3, 8, "default.ask", `Write "who:"`},
			{3, 13, "default.ask.to", "neither an e-mail address"},
			{3, 30, "default.ask.text", `Did you mean "name"?`},
		}},
		{"words", "version: 1\nproperties:\n  city: {label: {de: Ort, fr: Ville}}\n", []mistake{
			{3, 17, "properties.city.label", `Add "en:".`}, {3, 27, "properties.city.label.fr", "Use one of: en, de, ar."},
		}},
		{"two translations", "version: 1\nproperties:\n  city: {label: {en: Town, de: Ort}}\n  state: {label: {en: Town, de: Stadt}}\n", []mistake{
			{4, 18, "properties.state.label", "translated in two ways"},
		}},
		{"empty", "version: 1\nproperties:\n  city:\n  state: {edit:}\n", []mistake{{3, 8, "properties.city", "or remove it"}, {4, 16, "properties.state.edit", "Write a text, or remove the line."}}},
		{"extension", "version: 1\nextensions:\n  - {name: badge, label: Badge}\n  - {name: extension_0123456789abcdef0123456789abcdef_x}\n  - {name: ext1_a/b, label: B, kind: number}\n", []mistake{
			{3, 5, "extensions[0]", "is not the name of an extension"}, {4, 5, "extensions[1]", "needs a name and a label"}, {5, 38, "extensions[2].kind", "Use one of"},
		}},
		{"message without pattern", "version: 1\nproperties:\n  city: {message: x}\n  state: {pattern: x}\n", []mistake{
			{3, 19, "properties.city.message", "belongs to no pattern"}, {4, 20, "properties.state.pattern", "has no message"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			check(t, c.name, c.text, c.want)
		})
	}
	report := policy.Report("p.yaml", []policy.Mistake{{Line: 3, Column: 7, Path: "properties.city", What: "It is wrong.", Remedy: "Mend it."}, {What: "All is wrong."}})
	if report != "p.yaml:3:7: properties.city: It is wrong.\n    Mend it.\np.yaml: All is wrong.\n2 mistakes\n" {
		t.Errorf("report:\n%s", report)
	}
}

// A policy can close, never open: what Microsoft closes is a mistake to open, with its line.
func TestLooseningIsAMistake(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, property, says string }{
		{"read-only", "createdDateTime: {edit: self}", "nobody can edit it"},
		{"read-only by an administrator", "proxyAddresses: {edit: Nameplate.Admin}", "nobody can edit it"},
		{"password", "passwordProfile: {edit: self}", "cannot be edited here"},
		{"password shown", "passwordProfile: {view: self}", "never shows"},
		{"identities", "identities: {edit: Nameplate.Admin}", "cannot be edited here"},
		{"own token only", "aboutMe: {edit: [self, Nameplate.Admin]}", `Write "edit: self".`},
		{"own token only, group", "skills: {edit: 'group:1b4e28ba-2fa1-41d2-883f-0016d3cca427'}", `Write "edit: self".`},
		{"never by an application", "employeeHireDate: {edit: self}", "Microsoft's own pages"},
		{"longer", "employeeId: {edit: self, max: 17}", "at most 16 characters"},
		{"optional", "displayName: {required: false}", "be cleared"},
		{"values", "usageLocation: {edit: self, allowed: [UK]}", "does not take"},
		{"value of a choice", "ageGroup: {edit: self, allowed: [Old]}", "does not take"},
		{"value too long", "employeeId: {edit: self, allowed: [abcdefghijklmnopq]}", "does not take"},
		{"pick for a date", "birthday: {edit: self, allowed: ['2020-01-01']}", "no text"},
	} {
		_, m := policy.Parse("p.yaml", []byte("version: 1\nproperties:\n  "+c.property+"\n"))
		if len(m) != 1 || m[0].Line != 3 || m[0].Column < 5 || !strings.Contains(m[0].What+" "+m[0].Remedy, c.says) {
			t.Errorf("%s: %+v", c.name, m)
		}
	}
	_, m := policy.Parse("p.yaml", []byte("version: 1\ndefault: {edit: self}\n"))
	if len(m) != 1 || m[0].Line != 2 {
		t.Errorf("everything at once: %+v", m)
	}
}

func TestB42_TextStaysText(t *testing.T) {
	t.Parallel()
	p := must(t, "version: 1\nproperties:\n  country: {edit: self, allowed: [NO, on, yes, 0123, 1e3, 12:30, +1 425, +1425, 2001-01-01, true, 0x10, 1_000, .5, 'null', NaN]}\n")
	f := p.Form(person(anna), user(nil))
	var got []string
	for _, o := range f[0].Options {
		got = append(got, o.Value)
	}
	want := []string{"NO", "on", "yes", "0123", "1e3", "12:30", "+1 425", "+1425", "2001-01-01", "true", "0x10", "1_000", ".5", "null", "NaN"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	check(t, "nothing", "version: 1\nproperties:\n  country: {edit: self, allowed: [~, null]}\n", []mistake{
		{3, 35, "properties.country.allowed[0]", "YAML takes ~ for nothing."}, {3, 38, "properties.country.allowed[1]", `Put it in quotes, "null"`},
	})
	check(t, "on", "version: 1\non: x\n", []mistake{{2, 1, "on", "is not known here"}})
}

func TestB43_Files(t *testing.T) {
	t.Parallel()
	good := "version: 1\nproperties:\n  city: {edit: self, label: {en: Town, de: Öd}}\n"
	wide := func(order int) []byte {
		b := []byte{0xff, 0xfe}
		if order == 1 {
			b = []byte{0xfe, 0xff}
		}
		for _, u := range utf16.Encode([]rune(good)) {
			pair := []byte{byte(u), byte(u >> 8)}
			b = append(b, pair[order], pair[1-order])
		}
		return b
	}
	for name, data := range map[string][]byte{
		"CRLF": []byte(strings.ReplaceAll(good, "\n", "\r\n")), "BOM": []byte("\ufeff" + good), "UTF-16 LE": wide(0), "UTF-16 BE": wide(1),
		"no line end": []byte(strings.TrimSpace(good)), "document marks": []byte("---\n" + good + "...\n"),
	} {
		p, m := policy.Parse("p.yaml", data)
		if len(m) > 0 {
			t.Errorf("%s: %s", name, policy.Report("p.yaml", m))
			continue
		}
		if p.Words()["de"]["Town"] != "Öd" {
			t.Errorf("%s: letters are lost: %v", name, p.Words())
		}
	}
	for name, c := range map[string]struct {
		data []byte
		says string
	}{
		"empty":            {nil, "The file holds nothing."},
		"spaces":           {[]byte(" \n\n"), "The file holds nothing."},
		"only comments":    {[]byte("# soon\n# more\n"), "The file holds nothing."},
		"only a mark":      {[]byte("---\n"), "Write \"name: value\" lines"},
		"UTF-16, no mark":  {wide(0)[2:], "zero byte"},
		"UTF-16, odd":      {append(wide(0), 'x'), "odd number of bytes"},
		"Latin-1":          {[]byte("version: 1\nname: K\xf6ln\n"), "not UTF-8"},
		"a picture":        {[]byte("\x89PNG\r\n\x1a\n\x00\x00"), "zero byte"},
		"a control letter": {[]byte("version: 1\nname: a\x07b\n"), "control character"},
	} {
		_, m := policy.Parse("p.yaml", c.data)
		if len(m) == 0 || !strings.Contains(m[0].What+" "+m[0].Remedy, c.says) || m[0].Remedy == "" {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

// The corpus holds the usual ways to make a backtracking engine run for ever, and the largest programs that RE2 would build.
func TestA62_Patterns(t *testing.T) { // not parallel: it looks at the clock
	long := strings.Repeat("a", 1024)
	for _, pattern := range []string{
		`(a+)+b`, `(a|aa)+b`, `(a*)*b`, `(.*a){12}b`, `([a-z]+)*=`, `^(\w+\s?)*$!`, `(?:a?){100}a{100}b`, `(x+x+)+y`, `[^b]*b[^c]*c`,
		`\p{L}+\p{N}`, `(a{0,30}){0,15}b`,
	} {
		text := "version: 1\nproperties:\n  streetAddress: {edit: self, message: no, pattern: '" + pattern + "'}\n  aboutMe: {edit: self, message: no, pattern: '" + pattern + "'}\n"
		var p *policy.Policy
		var m []policy.Mistake
		if took := quickest(func() { p, m = policy.Parse("p.yaml", []byte(text)) }); took > slower*250*time.Millisecond {
			t.Errorf("%s: reading took %s", pattern, took)
		}
		if len(m) > 0 {
			t.Errorf("%s: %s", pattern, policy.Report("p.yaml", m))
			continue
		}
		for n, v := range map[property.Name]string{"streetAddress": long, "aboutMe": strings.Repeat("a", 4000)} {
			code := ""
			if took := quickest(func() { code = may(p, person(anna), user(nil), n, property.Text(v)) }); took > slower*250*time.Millisecond {
				t.Errorf("%s: matching %d letters took %s", pattern, len(v), took)
			}
			if code != "pattern" {
				t.Errorf("%s: %q", pattern, code)
			}
		}
		if code := may(p, person(anna), user(nil), "aboutMe", property.Text(strings.Repeat("a", 4001))); code != "too_long" {
			t.Errorf("%s is tried on any length: %q", pattern, code)
		}
	}
	for pattern, says := range map[string]string{
		strings.Repeat("a", 501):               "500 are possible",
		`(a{0,100}){0,100}`:                    "cannot be read",
		`[a-z]{0,900}[a-z]{0,900}[a-z]{0,900}`: "too large",
		`a(?=b)`:                               "no look-ahead",
		`(a`:                                   "cannot be read",
		`\1`:                                   "cannot be read",
	} {
		var m []policy.Mistake
		text := "version: 1\nproperties:\n  city: {edit: self, message: no, pattern: '" + pattern + "'}\n"
		if took := quickest(func() { _, m = policy.Parse("p.yaml", []byte(text)) }); took > slower*250*time.Millisecond {
			t.Errorf("%.20s: took %s", pattern, took)
		}
		if len(m) != 1 || !strings.Contains(m[0].What+" "+m[0].Remedy, says) {
			t.Errorf("%.20s: %+v", pattern, m)
		}
	}
}
