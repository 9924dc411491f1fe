package lang_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"nameplate/internal/fail"
	"nameplate/internal/lang"
)

func printer(t *testing.T, code string) *lang.Printer {
	t.Helper()
	c, err := lang.New()
	if err != nil {
		t.Fatal(err)
	}
	l, ok := lang.Named(code)
	if !ok {
		t.Fatalf("no language %s", code)
	}
	return c.Printer(l, nil)
}

func TestPick(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ preferred, accept, chosen, otherwise, want string }{
		{"", "", "", "", "en"},
		{"de-AT", "ar", "", "", "de"},
		{"de", "", "ar", "", "ar"},
		{"fr-FR", "de;q=0.5, ar;q=0.9", "", "", "ar"},
		{"", "fr, de-CH;q=0.3", "", "", "de"},
		{"", "de;q=0, en", "", "", "en"},
		{"nonsense!!", "also nonsense;;;", "xx", "", "en"},
		{"", strings.Repeat("de,", 1000), "", "", "en"},
		{"ar-EG", "", "", "", "ar"},
		{"fr", "fr", "", "", "en"},
		{"fr", "fr", "", "de", "de"},
		{"", "en", "", "de", "en"},
		{"", "", "", "xx", "en"},
	} {
		if got := lang.Pick(c.preferred, c.accept, c.chosen, c.otherwise).Code; got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// Plural rules and examples: https://www.unicode.org/cldr/charts/latest/supplemental/language_plural_rules.html
func TestPlurals(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]map[int]string{
		"en": {0: "0 minutes", 1: "1 minute", 2: "2 minutes", 1234: "1,234 minutes"},
		"de": {0: "0 Minuten", 1: "1 Minute", 5: "5 Minuten", 1234: "1.234 Minuten"},
		"ar": {1: "دقيقة واحدة", 2: "دقيقتان", 3: "3 دقائق", 10: "10 دقائق", 11: "11 دقيقة", 99: "99 دقيقة", 100: "100 دقيقة", 103: "103 دقائق"},
	} {
		p := printer(t, code)
		for n, s := range want {
			if got := p.S("%d minutes", n); got != s {
				t.Errorf("%s %d: %q, want %q", code, n, got, s)
			}
		}
	}
}

func TestSentences(t *testing.T) {
	t.Parallel()
	en, de, ar := printer(t, "en"), printer(t, "de"), printer(t, "ar")
	for _, c := range []struct{ got, want string }{
		{en.S("100 %, said by a house rule"), "100 %, said by a house rule"},
		{en.S("%q and %[1]s, 5 %% of %d", "a", 3), "“a” and a, 5 % of 3"},
		{en.S("%s", fail.T("%d minutes", 1)), "1 minute"},
		{de.S("Photo of %s", "Ada"), "Foto von Ada"},
		{de.T(fail.T("Not saved: %s", fail.T("City"))), "Nicht gespeichert: Ort"},
		{ar.S("Photo of %s", "Ada"), "صورة \u2068Ada\u2069"},
		{en.S("Photo of %s", "ليلى"), "Photo of \u2068ليلى\u2069"},
		{en.S("%s is missing its second: %s", "x"), "x is missing its second: %s"},
		{de.S("a sentence nobody translated"), "a sentence nobody translated"},
		{en.S("%", "x"), "%"},
		{en.S("%[", "x"), "%["},
		{en.S("%[9]s", "x"), "%[9]s"},
		{en.S("%[x]s", "x"), "%[x]s"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestDates(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 23, 30, 0, 0, time.UTC)
	for code, want := range map[string]string{"en": "Saturday, 21 November 2026", "de": "Samstag, 21. November 2026", "ar": "السبت، 21 نوفمبر 2026"} {
		if got := printer(t, code).LongDate(at); got != want {
			t.Errorf("%s: %s", code, got)
		}
	}
	c, _ := lang.New()
	l, _ := lang.Named("en")
	tokyo := c.Printer(l, time.FixedZone("JST", 9*3600))
	if got := tokyo.LongDate(at) + " " + tokyo.Clock(at) + " " + tokyo.Day(at); got != "Sunday, 22 November 2026 08:30 JST 21 November 2026" {
		t.Error(got)
	}
	p := printer(t, "en")
	for d, want := range map[time.Duration]string{0: "1 second", 29500 * time.Millisecond: "30 seconds", 2 * time.Minute: "2 minutes", 91 * time.Minute: "2 hours", 72 * time.Hour: "3 days"} {
		if got := p.Duration(d); got != want {
			t.Errorf("%v: %s", d, got)
		}
	}
}

func TestNamesAndOrder(t *testing.T) {
	t.Parallel()
	for code, want := range map[string][2]string{"en": {"Germany", "Arabic (Saudi Arabia)"}, "de": {"Deutschland", "Arabisch (Saudi-Arabien)"}, "ar": {"ألمانيا", "العربية (المملكة العربية السعودية)"}} {
		p := printer(t, code)
		if p.Country("DE") != want[0] || p.LanguageName("ar-SA") != want[1] || p.Country("rubbish") != "rubbish" || p.LanguageName("!") != "!" {
			t.Errorf("%s: %s %s", code, p.Country("DE"), p.LanguageName("ar-SA"))
		}
		if n := len(p.Countries()); n != 249 { // ISO 3166-1 has 249 officially assigned codes: https://www.iso.org/iso-3166-country-codes.html
			t.Errorf("%s: %d countries", code, n)
		}
	}
	names := []string{"Zürich", "Österreich", "Aachen", "Ägypten", "Ofen"}
	lang.Sort(printer(t, "de"), names, func(s string) string { return s })
	if !slices.Equal(names, []string{"Aachen", "Ägypten", "Ofen", "Österreich", "Zürich"}) {
		t.Errorf("%v", names)
	}
}
