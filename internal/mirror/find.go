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

// By is a kind of words that people are found by. Who may not see what such words come from must not find anybody by them.
type By byte

// Kinds of words, and the properties that they come from.
const (
	ByName    By = 'n' // displayName, givenName, surname
	ByAddress By = 'm' // userPrincipalName, mail: what is before the @, and the whole
	ByWork    By = 'w' // jobTitle, department, companyName, officeLocation, employeeId
	ByPhone   By = 'p' // mobilePhone, businessPhones: digits
)

// Sources are the properties that words of a kind come from.
var Sources = map[By][]string{
	ByName:    {"displayName", "givenName", "surname"},
	ByAddress: {"userPrincipalName", "mail"},
	ByWork:    {"jobTitle", "department", "companyName", "officeLocation", "employeeId"},
	ByPhone:   {"mobilePhone", "businessPhones"},
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
	Words []string // each its kind and a word
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
	add := func(by By, words []string) {
		for _, w := range words {
			if w = string(by) + w; !slices.Contains(x.Words, w) {
				x.Words = append(x.Words, w)
			}
		}
	}
	add(ByName, tokens(p.Name))
	add(ByAddress, tokens(p.UPN))
	for _, by := range []By{ByName, ByAddress, ByWork, ByPhone} {
		for _, name := range Sources[by] {
			for _, text := range texts(doc[name]) {
				if by == ByPhone {
					add(by, numbers(text))
				} else {
					add(by, tokens(text))
				}
			}
		}
	}
	return x
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

// Question is what Store.Find looks for: whoever has a word that begins so for each of Words, of the kinds By, or a number that begins with Phone.
type Question struct {
	By    []By
	Words []string // folded; letters and digits only
	Phone string   // digits; "" when the text is no telephone number, or numbers are not looked through
	Fold  string   // the whole text: names that begin with it come first; "" when names are not looked through
	Top   int
}

// ask reads what somebody typed.
func ask(text string, by []By, top int) Question {
	q := Question{By: by, Top: top}
	if slices.Contains(by, ByName) {
		q.Fold = Fold(text)
	}
	if slices.Contains(by, ByPhone) {
		q.Phone = strings.TrimLeft(phone(text), "0")
	}
	q.Words = split(Fold(text))
	for i, w := range q.Words {
		if r := []rune(w); len(r) > mostRunes {
			q.Words[i] = string(r[:mostRunes])
		}
	}
	q.Words = q.Words[:min(len(q.Words), mostWords)]
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

// Find looks for people by the beginnings of their words. Names that begin with the whole text come first, in order. fail.Unavailable
// is a copy that is not whole yet: ask the directory.
func (m *Mirror) Find(ctx context.Context, tenant, text string, by []By, top int) (Found, error) {
	const op = "mirror.find"
	s, err := m.Store.State(ctx, tenant)
	if err != nil {
		return Found{}, err
	}
	if s.Whole.IsZero() || s.Indexed != indexed {
		return Found{}, fail.New(fail.Unavailable, op, fail.T("The copy of the directory is not whole yet."))
	}
	f := Found{AsOf: s.Whole}
	q := ask(text, by, top)
	if len(q.Words) == 0 || len(by) == 0 {
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
