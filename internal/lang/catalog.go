package lang

import (
	"embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/text/collate"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/message"
	"golang.org/x/text/number"

	"nameplate/internal/fail"
)

//go:embed en.json de.json ar.json
var files embed.FS

// forms are the sentences of one key: one, and where a number stands in it one for each CLDR plural form of the language.
type forms struct {
	other  string
	plural map[string]string // nil where there is one sentence, as there is for most
}

// UnmarshalJSON reads a sentence or an object of plural forms.
func (f *forms) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &f.other)
	}
	if err := json.Unmarshal(b, &f.plural); err != nil {
		return err
	}
	f.other = f.plural["other"]
	return nil
}

// Catalog holds the sentences of every language. It does not change after New and may be used by many at a time.
type Catalog struct {
	sentences map[string]map[string]forms // language code → English key → forms
}

// New reads the sentences that are built into the program.
func New() (*Catalog, error) {
	c := &Catalog{sentences: map[string]map[string]forms{}}
	for _, l := range languages {
		b, err := files.ReadFile(l.Code + ".json")
		if err != nil {
			return nil, fmt.Errorf("lang: %w", err)
		}
		m := map[string]forms{}
		if err := json.Unmarshal(b, &m); err != nil {
			return nil, fmt.Errorf("lang: %s.json: %w", l.Code, err)
		}
		c.sentences[l.Code] = m
	}
	return c, nil
}

// Printer speaks one language. It may be used by many at a time.
type Printer struct {
	Language Language
	// Zone is the time zone of dates and times.
	Zone      *time.Location
	sentences map[string]forms
	numbers   *message.Printer
	countries func() []Choice // made once: every page of a profile shows them
	languages func() []Choice
}

// Printer speaks that language, with times in zone (nil is UTC).
func (c *Catalog) Printer(l Language, zone *time.Location) *Printer {
	if zone == nil {
		zone = time.UTC
	}
	p := &Printer{Language: l, Zone: zone, sentences: c.sentences[l.Code], numbers: message.NewPrinter(l.tag)}
	p.countries = sync.OnceValue(func() []Choice { return p.named(countries, p.Country) })
	p.languages = sync.OnceValue(func() []Choice { return p.named(offered, p.LanguageName) })
	return p
}

// T is the sentence in the printer's language.
func (p *Printer) T(t fail.Text) string { return p.S(t.Key, t.Args...) }

// S is the sentence whose English is key, with args put in. Without args the key is taken as it stands: a house rule may say
// "100 %".
func (p *Printer) S(key string, args ...any) string {
	sentence := key
	if f, ok := p.sentences[key]; ok {
		sentence = f.other
		if len(f.plural) > 1 {
			if s, ok := f.plural[p.form(args)]; ok {
				sentence = s
			}
		}
	}
	if len(args) == 0 {
		return sentence
	}
	return p.fill(sentence, args)
}

// form is the plural form that the first number among args asks for.
func (p *Printer) form(args []any) string {
	for _, a := range args {
		n, ok := whole(a)
		if !ok {
			continue
		}
		if n < 0 {
			n = -n
		}
		switch plural.Cardinal.MatchPlural(p.Language.tag, n, 0, 0, 0, 0) {
		case plural.Zero:
			return "zero"
		case plural.One:
			return "one"
		case plural.Two:
			return "two"
		case plural.Few:
			return "few"
		case plural.Many:
			return "many"
		}
		return "other"
	}
	return "other"
}

func whole(a any) (int, bool) {
	switch n := a.(type) {
	case int:
		return n, true
	case int64:
		return int(n), true
	case int32:
		return int(n), true
	}
	return 0, false
}

// fill puts args in the places of fmt verbs: %s, %d, %v as the language writes such a thing, %q in its quotation marks,
// %[2]s by number, %% a percent sign. A place without an argument stays as it is.
func (p *Printer) fill(format string, args []any) string {
	var b strings.Builder
	next := 0
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 >= len(format) {
			b.WriteByte(format[i])
			continue
		}
		rest := format[i+1:]
		if rest[0] == '%' {
			b.WriteByte('%')
			i++
			continue
		}
		at, skip := next, 0
		if rest[0] == '[' {
			end := strings.IndexByte(rest, ']')
			if n, err := strconv.Atoi(rest[1:max(end, 1)]); err == nil && end > 0 {
				at, skip = n-1, end+1
			}
		}
		if skip >= len(rest) || !strings.ContainsRune("sdvqx", rune(rest[skip])) || at < 0 || at >= len(args) {
			b.WriteByte('%')
			continue
		}
		text := p.arg(args[at])
		if rest[skip] == 'q' {
			text = p.quoted(text)
		}
		b.WriteString(text)
		next = at + 1
		i += skip + 1
	}
	return b.String()
}

func (p *Printer) quoted(s string) string {
	switch p.Language.Code {
	case "de":
		return "„" + s + "“"
	case "ar":
		return "«" + s + "»"
	}
	return "“" + s + "”"
}

func (p *Printer) arg(a any) string {
	switch x := a.(type) {
	case fail.Text:
		return p.T(x)
	case time.Time:
		return p.Date(x)
	case time.Duration:
		return p.Duration(x)
	case string:
		return p.isolate(x)
	case fmt.Stringer:
		return p.isolate(x.String())
	case error:
		return p.isolate(x.Error())
	}
	if n, ok := whole(a); ok {
		return p.Number(n)
	}
	return p.isolate(fmt.Sprint(a))
}

// isolate keeps a foreign piece from turning the sentence around it: first-strong isolate marks, where writing directions meet.
func (p *Printer) isolate(s string) string {
	if s == "" || (p.Language.Dir == "ltr" && !strings.ContainsFunc(s, rightToLeft)) {
		return s
	}
	return "\u2068" + s + "\u2069"
}

func rightToLeft(r rune) bool {
	return unicode.In(r, unicode.Arabic, unicode.Hebrew, unicode.Syriac, unicode.Thaana, unicode.Nko, unicode.Adlam)
}

// Number writes a whole number with the language's grouping: 1,234.
func (p *Printer) Number(n int) string { return p.numbers.Sprint(number.Decimal(n)) }

// Sort puts items in the order of the language's alphabet, by what text says of each.
func Sort[E any](p *Printer, items []E, text func(E) string) {
	keys := make([][]byte, len(items))
	var buf collate.Buffer
	c := collate.New(p.Language.tag, collate.IgnoreCase)
	for i, item := range items {
		keys[i] = append([]byte(nil), c.KeyFromString(&buf, text(item))...)
		buf.Reset()
	}
	sortBy(items, keys)
}
