package mirror

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"nameplate/internal/fail"
)

// Searched are the properties that people are found by. Who may not see one must not find anybody by it.
var Searched = []string{
	"displayName", "userPrincipalName", "givenName", "surname", "mail", "jobTitle", "department", "companyName", "officeLocation", "employeeId",
	"mobilePhone", "businessPhones",
}

// kind is what the words of a property begin with in the index: a letter.
func kind(property string) string {
	return string(rune('a' + slices.Index(Searched, property)))
}

// numeric are the properties that hold telephone numbers.
func numeric(property string) bool {
	return strings.HasSuffix(property, "Phone") || strings.HasSuffix(property, "Phones")
}

// indexed is the version of what Index makes: a copy whose words are of another is indexed anew with the next round.
const indexed = 1

const (
	mostWords = 8  // of a question; further ones are not looked at
	mostRunes = 32 // of a word
)

// Index is what somebody is found by.
type Index struct {
	Fold  string   // the display name as it is compared and ordered by
	Words []string // each a letter for the property that it comes from, and a word
}

// IndexOf makes the index of a person; empty for who is gone.
func IndexOf(p Person) Index {
	if p.Gone != "" {
		return Index{}
	}
	var doc map[string]json.RawMessage
	if json.Unmarshal(p.Doc, &doc) != nil {
		doc = nil // found by the name and the address of the row alone
	}
	x := Index{Fold: Fold(p.Name)}
	for _, name := range Searched {
		words := tokens
		if numeric(name) {
			words = numbers
		}
		values := texts(doc[name])
		switch name {
		case "displayName":
			values = []string{p.Name}
		case "userPrincipalName":
			values = []string{p.UPN}
		}
		for _, text := range values {
			for _, w := range words(text) {
				if w = kind(name) + w; !slices.Contains(x.Words, w) {
					x.Words = append(x.Words, w)
				}
			}
		}
	}
	return x
}

// Text is a property of a person that is a text, "" when it is none or not there.
func (p Person) Text(property string) string {
	var doc map[string]json.RawMessage
	if json.Unmarshal(p.Doc, &doc) != nil {
		return ""
	}
	if l := texts(doc[property]); len(l) == 1 {
		return l[0]
	}
	return ""
}

// texts are the texts of a value that is one, or a list of them.
func texts(raw json.RawMessage) []string {
	var one string
	var many []string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}
	}
	if json.Unmarshal(raw, &many) == nil {
		return many
	}
	return nil
}

// plainly are letters without a decomposition that people write without their strokes; and what is joined is taken apart.
var plainly = strings.NewReplacer("ß", "ss", "ø", "o", "đ", "d", "ð", "d", "ł", "l", "ħ", "h", "ı", "i", "æ", "ae", "œ", "oe", "þ", "th", "ŋ", "n")

// Fold is a text as it is compared: lower case, without marks, wide and joined forms like plain ones.
func Fold(text string) string {
	var s strings.Builder
	for _, r := range norm.NFKD.String(text) {
		if unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Cf, r) || r == utf8.RuneError || r == 0 {
			continue
		}
		if unicode.IsSpace(r) {
			r = ' '
		}
		s.WriteRune(unicode.ToLower(r))
	}
	// Hangul is composed again: its syllables are what is typed.
	return strings.Join(strings.Fields(norm.NFKC.String(plainly.Replace(s.String()))), " ")
}

// tokens are the words of a text, folded. A script that is written without spaces gives each of its ends, so that any part of it
// is the beginning of a word; a German umlaut is also found by its two letters.
func tokens(text string) (out []string) {
	put := func(w string) {
		if r := []rune(w); len(r) > mostRunes {
			w = string(r[:mostRunes])
		}
		if w != "" && !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	for _, form := range []string{text, umlauts.Replace(norm.NFC.String(text))} {
		for _, w := range split(Fold(form)) {
			put(w)
			runes := []rune(w)
			for i := 1; i < len(runes) && i < mostRunes; i++ {
				if unspaced(runes[i]) {
					put(string(runes[i:]))
				}
			}
		}
	}
	return out
}

var umlauts = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "Ä", "Ae", "Ö", "Oe", "Ü", "Ue", "å", "aa", "Å", "Aa")

func split(folded string) []string {
	return strings.FieldsFunc(folded, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) })
}

func unspaced(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// numbers are the digits of a telephone number from the beginning and from behind each separator, so that it is found with and without
// its country and area.
func numbers(text string) (out []string) {
	digits := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return r
			}
			return -1
		}, s)
	}
	text = norm.NFKC.String(text)
	before := false
	for i, r := range text {
		is := r >= '0' && r <= '9'
		if is && !before {
			if d := strings.TrimLeft(digits(text[i:]), "0"); len(d) >= 2 && !slices.Contains(out, d) {
				out = append(out, d[:min(len(d), mostRunes)])
			}
		}
		before = is
	}
	return out
}

// Question is what Store.Find looks for: whoever has for each of All one of the beginnings, or one of Any.
type Question struct {
	All  [][]string // beginnings of words as Index has them; letters and digits only
	Any  []string
	Fold string // the whole text: names that begin with it come first; "" when names are not looked through
	Top  int
}

// ask reads what somebody typed, to be looked for in these properties.
func ask(text string, by []string, top int) Question {
	q := Question{Top: top}
	if slices.Contains(by, "displayName") {
		q.Fold = Fold(text)
	}
	words := split(Fold(text))
	for _, w := range words[:min(len(words), mostWords)] {
		if r := []rune(w); len(r) > mostRunes {
			w = string(r[:mostRunes])
		}
		var begins []string
		for _, name := range by {
			if !numeric(name) {
				begins = append(begins, kind(name)+w)
			}
		}
		if len(begins) > 0 {
			q.All = append(q.All, begins)
		}
	}
	if n := strings.TrimLeft(phone(text), "0"); n != "" {
		for _, name := range by {
			if numeric(name) {
				q.Any = append(q.Any, kind(name)+n)
			}
		}
	}
	return q
}

// phone is the digits of a text that is a telephone number, or the beginning of one, and nothing else.
func phone(text string) string {
	text = strings.Trim(norm.NFKC.String(text), " ")
	var s strings.Builder
	for _, r := range text {
		switch {
		case r >= '0' && r <= '9':
			s.WriteRune(r)
		case !strings.ContainsRune("+-()/. ", r):
			return ""
		}
	}
	return s.String()
}

// Found is who is found, and how old the copy is that was looked through.
type Found struct {
	People []Person
	AsOf   time.Time
}

// tooOld is a copy in which nobody should be looked for any more: the directory itself is asked.
const tooOld = 24 * time.Hour

// Find looks for people by the beginnings of their words in these properties. Names that begin with the whole text come first, in order. fail.Unavailable
// is a copy that is not whole, or old, or of a part of the directory: ask the directory.
func (m *Mirror) Find(ctx context.Context, tenant, text string, by []string, top int) (Found, error) {
	const op = "mirror.find"
	s, err := m.Store.State(ctx, tenant)
	if err != nil {
		return Found{}, err
	}
	if s.Whole.IsZero() || s.Indexed != indexed || m.Scope.Group != "" || m.Scope.Filter != "" || m.Now().Sub(s.Whole) > tooOld {
		return Found{}, fail.New(fail.Unavailable, op, fail.T("There is no fresh copy of the whole directory to look through."))
	}
	f := Found{AsOf: s.Whole}
	q := ask(text, by, top)
	if len(q.All)+len(q.Any) == 0 {
		return f, nil
	}
	ids, err := m.Store.Find(ctx, tenant, q)
	if err != nil {
		return f, err
	}
	rows, err := m.Store.People(ctx, tenant, ids)
	for _, id := range ids {
		if p, ok := rows[id]; ok {
			f.People = append(f.People, p)
		}
	}
	return f, err
}

// words brings the index of a copy to what IndexOf makes today.
func (r *round) words(ctx context.Context) error {
	if r.state.Indexed == indexed {
		return nil
	}
	if err := r.Store.IndexAnew(ctx, r.tenant); err != nil {
		return err
	}
	r.state.Indexed = indexed
	return r.commit(ctx, Commit{})
}
