package property

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/language"
)

// Length is how long Microsoft counts a text: in UTF-16 code units, so that an emoji counts two. The service is known to be
// written for .NET, whose lengths these are; no page says it.
func Length(s string) int {
	n := 0
	for _, r := range s {
		if k := utf16.RuneLen(r); k > 0 {
			n += k
		} else {
			n++
		}
	}
	return n
}

// Check says everything for which the directory cannot take a clean value, or for which a value would do harm wherever it is
// shown (control characters, characters that turn the direction of the text around them). Whether an organization wants such
// a value is the policy's question. No problems is nil.
func (d Def) Check(v Value) []Problem {
	if v.Empty() {
		if d.Graph.NoNull && !d.isList() {
			return []Problem{{"cannot_clear", "This cannot be left empty in Microsoft 365. Write a value.", nil}}
		}
		if v.IsNull() || d.isList() {
			return nil
		}
	}
	if p := d.form(v); p != nil {
		return []Problem{*p}
	}
	if d.rule != nil {
		if l := d.rule(v); len(l) > 0 {
			return l
		}
	}
	var l []Problem
	switch d.Kind {
	case KindTextList:
		if n := len(v.Items()); d.Graph.Items > 0 && n > d.Graph.Items {
			if d.Graph.Items == 1 {
				l = append(l, Problem{"too_many", "Microsoft 365 holds one value here. Keep one of the %d.", []any{n}})
			} else {
				l = append(l, Problem{"too_many", "Use at most %[1]d items. There are %[2]d.", []any{d.Graph.Items, n}})
			}
		}
		for i, s := range v.Items() {
			for _, p := range d.text(s, d.Item, false) {
				if len(v.Items()) > 1 {
					p = Problem{p.Code, "Item %[1]d: %[2]s", []any{i + 1, p}}
				}
				l = append(l, p)
			}
		}
	case KindInstant:
		if y := v.Time().Year(); y < 1900 || y > 2199 {
			l = append(l, Problem{"year", "The year has to be between 1900 and 2199, for example 2026-02-28.", nil})
		}
	case KindBool, KindObject:
	default:
		l = d.text(v.Str(), d.Kind, d.Kind == KindLongText)
	}
	return l
}

func (d Def) isList() bool { return d.Kind == KindTextList }

// form says whether the value is of another type than the property.
func (d Def) form(v Value) *Problem {
	ok := false
	switch v.v.(type) {
	case string:
		ok = d.Kind != KindTextList && d.Kind != KindBool && d.Kind != KindInstant && d.Kind != KindObject
	case []string:
		ok = d.Kind == KindTextList
	case bool:
		ok = d.Kind == KindBool
	case time.Time:
		ok = d.Kind == KindInstant
	case json.RawMessage:
		ok = d.Kind == KindObject
	}
	if ok {
		return nil
	}
	switch d.Kind {
	case KindTextList:
		return &Problem{"type", "A list of texts is needed here.", nil}
	case KindBool:
		return &Problem{"type", "Yes or no is needed here.", nil}
	case KindInstant:
		return &Problem{"type", "A date is needed here, for example 2026-02-28.", nil}
	case KindObject:
		return &Problem{"type", "A JSON object is needed here.", nil}
	}
	return &Problem{"type", "One text is needed here.", nil}
}

// text checks one text, or one item of a list.
func (d Def) text(s string, kind Kind, lines bool) []Problem {
	var l []Problem
	if p := characters(s, lines); p != nil {
		l = append(l, *p)
	}
	if n := Length(s); d.Graph.Max > 0 && n > d.Graph.Max {
		l = append(l, Problem{"too_long", "Use at most %[1]d characters. This has %[2]d.", []any{d.Graph.Max, n}})
	}
	if len(l) > 0 {
		return l
	}
	var p *Problem
	switch kind {
	case KindChoice:
		if !among(s, d.Graph.Values) {
			p = &Problem{"not_allowed", "Choose one of: %s.", []any{strings.Join(d.Graph.Values, ", ")}}
		}
	case KindCountry:
		p = country(s)
	case KindLanguage:
		if _, err := language.Raw.Parse(s); err != nil || strings.ContainsAny(s, "_ ") {
			p = &Problem{"not_a_language", "Write a language as a tag, for example en-US or de-DE.", nil}
		}
	case KindEmail:
		p = email(s)
	case KindLink:
		p = link(s)
	}
	if p != nil {
		l = append(l, *p)
	}
	return l
}

func among(s string, l []string) bool {
	for _, x := range l {
		if x == s {
			return true
		}
	}
	return false
}

// characters refuses what no text of a person needs. Joiners and single direction marks stay: Persian, Arabic, Hebrew and
// emoji need them.
func characters(s string, lines bool) *Problem {
	if !utf8.ValidString(s) {
		return &Problem{"not_text", "This is not readable text. Type it again.", nil}
	}
	for _, r := range s {
		switch {
		case r == '\n' && lines, r == '\t' && lines:
		case r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029':
			return &Problem{"one_line", "Write this on one line.", nil}
		case unicode.IsControl(r):
			return &Problem{"control_character", "This contains an invisible control character (%s). Type it again instead of pasting.", []any{point(r)}}
		case r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
			return &Problem{"direction", "This contains an invisible character that turns the direction of the text around it (%s). Type it again instead of pasting.", []any{point(r)}}
		case r >= 0xfdd0 && r <= 0xfdef, r&0xfffe == 0xfffe:
			return &Problem{"not_text", "This is not readable text. Type it again.", nil}
		}
	}
	return nil
}

func point(r rune) string {
	const hex = "0123456789ABCDEF"
	b := []byte("U+")
	for shift := 12; shift >= 0; shift -= 4 {
		b = append(b, hex[r>>shift&15])
	}
	return string(b)
}

// withdrawn are codes that ISO 3166-1 once had; the list of regions still knows them.
var withdrawn = []string{"AN", "BU", "CS", "DD", "FX", "NT", "SU", "TP", "YD", "YU", "ZR"}

func country(s string) *Problem {
	r, err := language.ParseRegion(s)
	if err != nil || len(s) != 2 || !r.IsCountry() || r.Canonicalize().String() != s || among(s, withdrawn) {
		return &Problem{"not_a_country", "Write the country as its two letters of ISO 3166, for example US, GB or DE.", nil}
	}
	return nil
}

var (
	mailLocal  = regexp.MustCompile(`^[A-Za-z0-9!#$%&'*+/=?^_{|}~` + "`" + `-]+(\.[A-Za-z0-9!#$%&'*+/=?^_{|}~` + "`" + `-]+)*$`)
	domainName = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])$`)
	signIn     = regexp.MustCompile(`^[A-Za-z0-9'.\-_!#^~]+$`)
)

func email(s string) *Problem {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || strings.Contains(domain, "@") {
		return &Problem{"not_an_address", "Write one e-mail address with one @, for example anna@example.com.", nil}
	}
	for _, r := range s {
		if r > unicode.MaxASCII {
			return &Problem{"accent", "Microsoft 365 allows no accents and no letters outside A to Z in an address: %s.", []any{string(r)}}
		}
	}
	if !mailLocal.MatchString(local) || !domainName.MatchString(domain) {
		return &Problem{"not_an_address", "Write one e-mail address with one @, for example anna@example.com.", nil}
	}
	return nil
}

func link(s string) *Problem {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.Opaque != "" || strings.ContainsAny(s, " <>\"\\^`{|}") {
		return &Problem{"not_a_link", "Write a full web address that begins with https:// or http://, for example https://www.example.com/.", nil}
	}
	if u.User != nil {
		return &Problem{"link_with_password", "A web address must not contain a name or password before an @.", nil}
	}
	return nil
}

// signInName: https://learn.microsoft.com/en-us/entra/identity/authentication/concept-sspr-policy, table of the
// userPrincipalName policies.
func signInName(v Value) []Problem {
	local, domain, _ := strings.Cut(v.Str(), "@")
	switch {
	case len(local) > 64 || len(domain) > 48:
		return []Problem{{"too_long", "Use at most 64 characters before the @ and 48 after it.", nil}}
	case !signIn.MatchString(local):
		return []Problem{{"characters", "Use only letters A to Z, digits and ' . - _ ! # ^ ~ before the @.", nil}}
	case strings.HasSuffix(local, "."):
		return []Problem{{"dot", "There must be no dot right before the @.", nil}}
	}
	return nil
}

// nickname: the characters that the description of mailNickname excludes.
func nickname(v Value) []Problem {
	for _, r := range v.Str() {
		if r > unicode.MaxASCII || strings.ContainsRune(`@()\[]";:<>, `, r) {
			return []Problem{{"characters", `Use only ASCII characters, without spaces and without @ ( ) \ [ ] " ; : < > and comma.`, nil}}
		}
	}
	return nil
}

func immutableID(v Value) []Problem {
	if strings.ContainsAny(v.Str(), "$_") {
		return []Problem{{"characters", "The characters $ and _ are not allowed here.", nil}}
	}
	return nil
}

func passwordPolicies(v Value) []Problem {
	seen := map[string]bool{}
	for _, p := range strings.Split(v.Str(), ",") {
		p = strings.TrimSpace(p)
		if !among(p, []string{"DisablePasswordExpiration", "DisableStrongPassword", "None"}) || seen[p] {
			return []Problem{{"not_allowed", "Write DisablePasswordExpiration, DisableStrongPassword, or both with a comma between them.", nil}}
		}
		seen[p] = true
	}
	return nil
}
