package odata

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

type kind int

const (
	kEnd kind = iota
	kName
	kText   // 'literal', or "phrase" in $search
	kNumber // number, date or GUID without quotes
	kPunct  // ( ) , : ; = / and anything else
)

type token struct {
	kind kind
	text string // a literal without its quotes
	pos  int
}

type lexer struct {
	s   string
	pos int
	tok token
	err error
}

func newLexer(s string) *lexer {
	l := &lexer{s: s}
	l.next()
	return l
}

func nameStart(r rune) bool { return r == '_' || r == '$' || r == '@' || unicode.IsLetter(r) }
func nameRune(r rune) bool  { return nameStart(r) || r == '.' || unicode.IsDigit(r) }

// next reads one token into l.tok; after an error only the end comes.
func (l *lexer) next() {
	for l.pos < len(l.s) && (l.s[l.pos] == ' ' || l.s[l.pos] == '\t' || l.s[l.pos] == '\n' || l.s[l.pos] == '\r') {
		l.pos++
	}
	start := l.pos
	if l.err != nil || l.pos >= len(l.s) {
		l.tok = token{kEnd, "", start}
		return
	}
	c := l.s[l.pos]
	if isGUID(l.s[l.pos:]) {
		l.pos += 36
		l.tok = token{kNumber, l.s[start:l.pos], start}
		return
	}
	r, size := utf8.DecodeRuneInString(l.s[l.pos:])
	switch {
	case c == '\'' || c == '"':
		l.quoted(c)
	case c >= '0' && c <= '9' || c == '-' && l.pos+1 < len(l.s) && l.s[l.pos+1] >= '0' && l.s[l.pos+1] <= '9':
		l.pos++
		for l.pos < len(l.s) && strings.IndexByte("0123456789.:-+TZtzeE", l.s[l.pos]) >= 0 {
			l.pos++
		}
		l.tok = token{kNumber, l.s[start:l.pos], start}
	case nameStart(r):
		for l.pos < len(l.s) {
			r, n := utf8.DecodeRuneInString(l.s[l.pos:])
			if !nameRune(r) || r == utf8.RuneError {
				break
			}
			l.pos += n
		}
		l.tok = token{kName, l.s[start:l.pos], start}
	default:
		l.pos += size
		l.tok = token{kPunct, l.s[start:l.pos], start}
	}
}

// quoted reads a literal: in single quotes a doubled quote is one, in double quotes a backslash protects the next character.
func (l *lexer) quoted(q byte) {
	start := l.pos
	var b strings.Builder
	for i := start + 1; i < len(l.s); i++ {
		c := l.s[i]
		switch {
		case c == q && q == '\'' && i+1 < len(l.s) && l.s[i+1] == q:
			b.WriteByte(q)
			i++
		case c == '\\' && q == '"' && i+1 < len(l.s):
			i++
			b.WriteByte(l.s[i])
		case c == q:
			l.pos = i + 1
			l.tok = token{kText, b.String(), start}
			return
		default:
			b.WriteByte(c)
		}
	}
	l.err = errAt(start, "there is an unterminated string literal")
	l.pos = len(l.s)
	l.tok = token{kEnd, "", start}
}

func (l *lexer) is(punct string) bool { return l.tok.kind == kPunct && l.tok.text == punct }

func (l *lexer) word(w string) bool {
	return l.tok.kind == kName && strings.EqualFold(l.tok.text, w)
}

func (l *lexer) expect(punct string) error {
	if !l.is(punct) {
		return l.unexpected("'" + punct + "'")
	}
	l.next()
	return l.err
}

func (l *lexer) unexpected(wanted string) error {
	if l.err != nil {
		return l.err
	}
	if l.tok.kind == kEnd {
		return errAt(l.tok.pos, "the text ends where %s is expected", wanted)
	}
	return errAt(l.tok.pos, "%s is expected, not '%s'", wanted, l.tok.text)
}

func isGUID(s string) bool {
	if len(s) < 36 {
		return false
	}
	for i := range 36 {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
				return false
			}
		}
	}
	if len(s) > 36 {
		r, _ := utf8.DecodeRuneInString(s[36:])
		return !nameRune(r)
	}
	return true
}

// instant reads a date or a point in time as OData writes them.
func instant(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02"} {
		if t, err := time.Parse(layout, strings.ToUpper(s)); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
