package portal

import (
	"fmt"
	"hash/fnv"
	"html/template"
	"strings"
	"time"
	"unicode"

	"nameplate/internal/fail"
	"nameplate/internal/lang"
)

// funcs are what the templates of one language can say.
func (p *Portal) funcs(pr *lang.Printer) template.FuncMap {
	return template.FuncMap{
		"t":        func(key string, args ...any) string { return pr.S(key, args...) },
		"text":     func(t fail.Text) string { return pr.T(t) },
		"asset":    p.assets.URL,
		"icon":     p.symbol(),
		"clear":    Clear,
		"short":    short,
		"breaks":   breaks,
		"account":  account,
		"date":     pr.LongDate,
		"clock":    pr.Clock,
		"iso":      func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"initials": initials,
		"hue":      hue,
		"list":     func(items ...any) []any { return items },
		"join":     func(items []string) string { return join(pr, items) },
		"dict":     dict,
	}
}

// symbol makes the symbols of asset/symbols.svg. A page has dozens, and as markup in a template each would have its address looked up
// and escaped anew. Names come from our templates and tables, never from a request or the directory; what is no word is refused.
func (p *Portal) symbol() func(name string) (template.HTML, error) {
	before := `<svg class="icon" width="20" height="20" aria-hidden="true" focusable="false"><use href="` + p.assets.URL("symbols.svg") + "#"
	return func(name string) (template.HTML, error) {
		if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz") != "" {
			return "", fmt.Errorf("icon: %q is no name of a symbol", name)
		}
		return template.HTML(before + name + `"/></svg>`), nil // #nosec G203 -- letters only
	}
}

// dict makes named arguments for a partial.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict: a name without a value")
	}
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict: %v is no name", pairs[i])
		}
		m[name] = pairs[i+1]
	}
	return m, nil
}

// join is a list in a sentence, with the language's comma.
func join(pr *lang.Printer, items []string) string {
	if pr.Language.Code == "ar" {
		return strings.Join(items, "، ")
	}
	return strings.Join(items, ", ")
}

// shownMax is how much of one value a page shows; longer ones are the directory's mistakes or somebody's prank.
const shownMax = 4000

// Clear makes a foreign text safe to look at: characters that turn the direction of writing, and control characters, appear as
// their numbers instead of acting, and a text without end is cut (A37).
func Clear(s string) string {
	if len(s) > shownMax*4 {
		s = s[:shownMax*4]
	}
	var b strings.Builder
	b.Grow(len(s))
	n := 0
	for _, r := range s {
		if n++; n > shownMax {
			b.WriteString(" […]")
			break
		}
		switch {
		case r == '\n' || r == '\t':
			b.WriteRune(r)
		case turning(r), unicode.IsControl(r), r == unicode.ReplacementChar, r == 0xfeff:
			fmt.Fprintf(&b, "‹U+%04X›", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// short is Clear for a name or a title, which nobody needs more of than fits on two lines.
func short(s string) string {
	if len(s) > 120 { // bytes, and no more characters than that
		if r := []rune(s); len(r) > 120 {
			s = string(r[:119]) + "…"
		}
	}
	return Clear(s)
}

// breaks is Clear for an address, which may be broken after its @, its dots and its slashes rather than inside a word.
func breaks(s string) template.HTML {
	safe := template.HTMLEscapeString(Clear(s))
	if strings.ContainsAny(s, "@/") && !strings.ContainsAny(s, " \n\t") {
		safe = breakAfter.Replace(safe)
	}
	return template.HTML(safe) // #nosec G203 -- escaped above; only <wbr> is put in
}

var breakAfter = strings.NewReplacer("@", "@<wbr>", ".", ".<wbr>", "://", "://<wbr>", "/", "/<wbr>")

// account is a sign-in name as its owner knows it. Entra makes a guest's out of the address that was invited:
// chiara_partner.example#EXT#@contoso.onmicrosoft.com, see https://learn.microsoft.com/en-us/entra/external-id/user-properties
func account(upn string) string {
	before, _, guest := strings.Cut(upn, "#EXT#@")
	at := strings.LastIndex(before, "_")
	if !guest || at <= 0 {
		return upn
	}
	return before[:at] + "@" + before[at+1:]
}

// turning characters change the direction of what follows: embeddings, overrides and isolates. (The marks U+200E and U+200F only
// help, and names in right-to-left scripts do contain them.)
func turning(r rune) bool { return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 }

// initials stand for a face: the first letters of the first and the last word of a name.
func initials(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) && r != '\'' })
	first := func(w string) string {
		for _, r := range w {
			if unicode.IsLetter(r) {
				return string(unicode.ToUpper(r))
			}
		}
		return ""
	}
	switch len(words) {
	case 0:
		return "?"
	case 1:
		return first(words[0])
	}
	a, b := first(words[0]), first(words[len(words)-1])
	// Letters of joining scripts would join into a syllable that is nobody's.
	if r := []rune(a + b); len(r) == 2 && (unicode.In(r[0], unicode.Arabic) || unicode.In(r[1], unicode.Arabic)) {
		return a
	}
	return a + b
}

// hue is one of twelve colors, always the same for the same person.
func hue(id string) int {
	h := fnv.New32a()
	h.Write([]byte(id))
	return int(h.Sum32() % 12)
}
