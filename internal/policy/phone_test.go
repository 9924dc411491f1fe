package policy_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"

	"nameplate/internal/property"
)

// phones says what a policy that wants international telephone numbers finds in one: "" or "pattern".
func phones(t testing.TB) func(number string) string {
	t.Helper()
	p := must(t, "version: 1\nproperties:\n  mobilePhone: {edit: self, format: international-phone}\n")
	return func(number string) string {
		return may(p, person(anna), user(nil), "mobilePhone", property.Text(number))
	}
}

// The table of calling codes says the same as the library that it is taken from, for every code and every length.
func TestCallingCodesAreTheLibrarys(t *testing.T) {
	t.Parallel()
	finds := phones(t)
	known := func(code int) bool {
		return phonenumbers.GetRegionCodeForCountryCode(code) != phonenumbers.UNKNOWN_REGION
	}
	codes := 0
	for code := range 1000 {
		country := int32(code)
		switch {
		case known(code):
			codes++
		case code < 100 || known(code/10) || known(code/100):
			continue // no code, but the beginning of one, or one and the beginning of a number
		}
		for length := 1; length < 19; length++ {
			national := strings.Repeat("2", length)
			value, _ := strconv.ParseUint(national, 10, 64)
			number := &phonenumbers.PhoneNumber{CountryCode: &country, NationalNumber: &value}
			want := known(code) && phonenumbers.IsPossibleNumberWithReason(number) == phonenumbers.IS_POSSIBLE
			if got := finds("+"+strconv.Itoa(code)+national) == ""; got != want {
				t.Errorf("+%d and %d digits: %v, the library says %v", code, length, got, want)
			}
		}
	}
	if codes < 200 {
		t.Errorf("the library knows %d calling codes", codes)
	}
}

func TestWrittenPhones(t *testing.T) {
	t.Parallel()
	finds := phones(t)
	for number, want := range map[string]string{
		"+493012345678":                  "",
		"+49 30 1234567":                 "",
		"+49 (0)30 1234567":              "",
		"+49/30/123-456":                 "",
		"+44 20 7946 0958":               "",
		"+44 (0) 20 7946 0958":           "",
		"+44 7946 0958 20 55":            "pattern", // too long
		"+39 02 1234567":                 "",        // the 0 belongs to the number
		"+1 (425) 555-0100":              "",
		"+1 425.555.0100 x12":            "",
		"+1 425 555 0100, ext. 1234":     "",
		"+1 425 555 0100 Extension 9":    "",
		"+1 425 555 0100;ext=77":         "",
		"+1 425 555 0100 #5":             "",
		"+1\u00a0425\u2011555\u20110100": "", // no break
		"+٤٩ ٣٠ ١٢٣٤٥٦٧":                 "",
		"+۴۹ ۳۰ ۱۲۳۴۵۶۷":                 "",
		"\u200e+49 30 1234567":           "pattern",
		"+1 555 0100":                    "pattern", // without the area nobody can call it
		"+1 425 555 0100 ext. 12345678":  "pattern",
		"+1 800 FLOWERS":                 "pattern",
		"+49 30 1234567 (office)":        "pattern",
		"+210 1234567":                   "pattern", // no country's
		"030 1234567":                    "pattern",
		"0049 30 1234567":                "pattern",
		"++49 30 1234567":                "pattern",
		"+ ":                             "pattern",
		"+":                              "pattern",
		"+49":                            "pattern",
		"+4":                             "pattern",
	} {
		if got := finds(number); got != want {
			t.Errorf("%q: got %q, want %q", number, got, want)
		}
	}
}
