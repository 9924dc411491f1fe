package property

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// Parse reads what a person typed. The value is clean (see Clean); whether the directory can take it is Check's question.
// A list comes one item on each line, or on one line with ";" between the items.
func (d Def) Parse(text string) (Value, *Problem) {
	text = trim(text)
	if text == "" {
		return d.Clean(Null()), nil
	}
	switch d.Kind {
	case KindTextList:
		return d.Clean(List(d.split(text)...)), nil
	case KindBool:
		switch strings.ToLower(text) {
		case "true", "yes", "on", "1":
			return Bool(true), nil
		case "false", "no", "off", "0":
			return Bool(false), nil
		}
		return Null(), &Problem{"not_yes_or_no", "Write yes or no.", nil}
	case KindInstant:
		return parseInstant(text)
	case KindObject:
		if !json.Valid([]byte(text)) {
			return Null(), &Problem{"not_json", "This is not valid JSON.", nil}
		}
		return Raw(json.RawMessage(text)), nil
	}
	return d.Clean(Text(text)), nil
}

func (d Def) split(text string) []string {
	if d.Graph.Items == 1 {
		return []string{text}
	}
	return strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' || r == ';' })
}

// Clean is what a value becomes before it is compared, checked or sent: ends trimmed, Unicode in its composed form, line ends
// "\n", an empty text null, blank items of a list dropped, a list that is null empty, and letters in the case that the
// directory uses (a choice, a country, a language tag). "" is never sent.
func (d Def) Clean(v Value) Value {
	switch x := v.v.(type) {
	case nil:
		if d.Kind == KindTextList {
			return List()
		}
	case string:
		x = tidy(x)
		if x == "" {
			return d.Clean(Null())
		}
		switch d.Kind {
		case KindTextList:
			return List(x)
		case KindCountry:
			x = strings.ToUpper(x)
		case KindLanguage:
			x = languageTag(x)
		case KindChoice:
			for _, w := range d.Graph.Values {
				if strings.EqualFold(w, x) {
					x = w
				}
			}
		}
		return Text(x)
	case []string:
		l := make([]string, 0, len(x))
		for _, s := range x {
			if s = tidy(s); s != "" {
				l = append(l, s)
			}
		}
		return List(l...)
	}
	return v
}

// Decode gives a value that came out of JSON its kind: an instant is a text there. The year 1 is how SharePoint says that
// there is no date.
func (d Def) Decode(v Value) Value {
	if d.Kind == KindInstant {
		s, ok := v.v.(string)
		if !ok {
			return v
		}
		t, err := time.Parse(time.RFC3339Nano, s)
		switch {
		case err != nil:
			return v
		case t.Year() <= 1:
			return Null()
		}
		return Instant(t)
	}
	if d.Kind == KindChoice { // older answers wrote "minor" for "Minor"
		return d.Clean(v)
	}
	if d.Kind == KindObject && !v.IsNull() && v.JSON() == nil {
		if b, err := v.MarshalJSON(); err == nil { // an array of texts looks like a list
			return Raw(b)
		}
	}
	return v
}

func trim(s string) string {
	return strings.Trim(strings.TrimSpace(s), "\ufeff\u200b \t\r\n")
}

func tidy(s string) string {
	if !utf8.ValidString(s) {
		return s // Check refuses it
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")
	return trim(norm.NFC.String(s))
}

// languageTag writes a tag as RFC 5646 asks (de-DE, zh-Hant-TW); what is no tag stays as it is.
func languageTag(s string) string {
	t, err := language.Raw.Parse(s)
	if err != nil {
		return s
	}
	return t.String()
}

var (
	onlyDate  = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)
	noZone    = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?$`)
	spaced    = regexp.MustCompile(`^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2})`)
	noSeconds = regexp.MustCompile(`^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2})(Z|[+-]\d{2}:\d{2})$`)
)

func parseInstant(text string) (Value, *Problem) {
	if onlyDate.MatchString(text) {
		t, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return Null(), &Problem{"not_a_day", "%s is not a day of the calendar. Write an existing day, for example 2026-02-28.", []any{text}}
		}
		return Instant(t), nil
	}
	if noZone.MatchString(text) {
		return Null(), &Problem{"no_zone", "A time needs its zone. Write for example 2026-02-28T09:30:00Z or 2026-02-28T09:30:00+01:00, or only the day: 2026-02-28.", nil}
	}
	s := spaced.ReplaceAllString(text, "${1}T${2}")
	s = noSeconds.ReplaceAllString(s, "${1}:00${2}")
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return Null(), &Problem{"not_a_date", "Write the date as year, month and day, for example 2026-02-28.", nil}
	}
	return Instant(t), nil
}
