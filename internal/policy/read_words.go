package policy

import (
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"nameplate/internal/fail"
)

// sentence reads words for people: one text for every language, or one for each.
func (b *builder) sentence(n node) (fail.Text, bool) {
	if n.Node.Kind != 0 && n.Content != nil {
		texts := map[string]string{}
		for _, e := range b.entries(n, "The text", languages) {
			if s, ok := b.text(e.value); ok {
				texts[e.key] = s
			}
		}
		if texts["en"] == "" {
			b.mistake(n, "Add \"en:\". It is shown where a language is missing.", "The English text is missing.")
			return fail.Text{}, false
		}
		for l, s := range texts {
			b.translate(n, l, texts["en"], s)
		}
		return fail.T(texts["en"]), true
	}
	s, ok := b.text(n)
	return fail.T(s), ok
}

func (b *builder) translate(n node, language, english, s string) {
	if language == "en" {
		return
	}
	if b.words[language] == nil {
		b.words[language] = map[string]string{}
	}
	if was, ok := b.words[language][english]; ok && was != s {
		b.mistake(n, "Translate the same English text the same way everywhere, or vary the English.", "%q is translated in two ways (%s).", english, language)
	}
	b.words[language][english] = s
}

func (b *builder) ask(n node) *contact {
	c := &contact{}
	for _, e := range b.entries(n, "ask", askKeys) {
		switch e.key {
		case "who":
			c.who, _ = b.sentence(e.value)
		case "to":
			s, ok := b.text(e.value)
			if !ok {
				break
			}
			if a, err := mail.ParseAddress(s); err == nil && a.Name == "" && a.Address == s {
				c.to = s
			} else if u, err := url.Parse(s); err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil {
				c.to = s
			} else {
				b.mistake(e.value, "Write an e-mail address, or an address that begins with https://.", "%q is neither an e-mail address nor a web address.", s)
			}
		case "text":
			c.text, c.args = b.template(e.value)
		}
	}
	if n.Content != nil && c.who.Zero() {
		b.mistake(n, "Write \"who:\", for example \"who: the People team\".", "It is not said who can be asked.")
	}
	if c.text.Zero() {
		c.text, c.args = fail.T("Hello,\n\nplease correct my profile in Microsoft 365.\n\n%[1]s: %[2]s\nIt should be: …\n\nThank you\n%[3]s"), places[:3]
	}
	return c
}

var (
	places      = []string{"property", "value", "name"}
	placeholder = regexp.MustCompile(`\{[A-Za-z]*\}`)
)

// template reads a text with {property}, {value} and {name} in it.
func (b *builder) template(n node) (fail.Text, []string) {
	languagesOf := []node{n}
	if n.Content != nil {
		languagesOf = nil
		for _, e := range b.entries(n, "The text", nil) {
			languagesOf = append(languagesOf, e.value)
		}
	}
	for _, l := range languagesOf {
		for _, f := range placeholder.FindAllString(l.Value, -1) {
			if w := f[1 : len(f)-1]; !slices.Contains(places, w) {
				b.mistake(l, suggest(w, places), "%s is not known here.", f)
			}
		}
	}
	before := b.words
	b.words = map[string]map[string]string{}
	t, ok := b.sentence(n)
	mine := b.words
	b.words = before
	if !ok {
		return fail.Text{}, nil
	}
	key := verbs(t.Key)
	for l, m := range mine {
		for _, s := range m {
			b.translate(n, l, key, verbs(s))
		}
	}
	return fail.T(key), places
}

// verbs turns {property} and the like to the places of a format string.
func verbs(s string) string {
	s = strings.ReplaceAll(s, "%", "%%")
	for i, p := range places {
		s = strings.ReplaceAll(s, "{"+p+"}", fmt.Sprintf("%%[%d]s", i+1))
	}
	return s
}
