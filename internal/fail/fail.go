// Package fail owns the nine kinds of failure, and the words in which a failure is told to a person.
//
// It promises that every error which crosses a package border can be asked for its kind (what to do about it),
// for a sentence that a person may read, and for the fields it is about. It knows no HTTP, no exit code and no
// language: each surface has one mapping of its own, and package lang turns a Text into the reader's language.
package fail

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind says what a caller can do about a failure.
type Kind int

const (
	// Internal is a defect of ours or something nobody foresaw; its cause is never shown to people.
	Internal Kind = iota
	// Invalid is input that can be mended by whoever gave it; Fields say where.
	Invalid
	// Denied is a right that is missing.
	Denied
	// NotFound is a thing that is not there, or that the asker must not know of.
	NotFound
	// Conflict is a value that moved between looking and writing.
	Conflict
	// Exists is a name that is already taken.
	Exists
	// Throttled is a "not now" from the directory: nothing was applied, come again after Retry.
	Throttled
	// Unavailable is no answer, or an answer that does not say whether the write was applied.
	Unavailable
	// Unsupported is something that this tenant, this person or this version cannot do at all.
	Unsupported
)

var kindNames = [...]string{"internal", "invalid", "denied", "not found", "conflict", "exists", "throttled", "unavailable", "unsupported"}

func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return fmt.Sprintf("kind %d", int(k))
	}
	return kindNames[k]
}

// Text is a sentence for people before it has a language: Key is the English format string (fmt verbs, with
// explicit indexes where there is more than one argument: "%[1]s … %[2]s") and is at the same time the key in the
// catalog of languages. An argument may itself be a Text.
type Text struct {
	Key  string
	Args []any
}

// T makes a Text.
func T(key string, args ...any) Text { return Text{Key: key, Args: args} }

// String is the English sentence.
func (t Text) String() string {
	if len(t.Args) == 0 {
		return t.Key
	}
	return fmt.Sprintf(t.Key, t.Args...)
}

// Zero says whether there is no sentence at all.
func (t Text) Zero() bool { return t.Key == "" }

// Problem is what is wrong with one field. Code is stable and for programs ("too_long", "not_allowed"); Say is for people
// and names the remedy.
type Problem struct {
	Field string
	Code  string
	Say   Text
}

// Error is a failure on its way to a surface.
type Error struct {
	Op     string // what was being done, for operators: "entra.update"
	Item   string // to what: an object id, a file name
	Kind   Kind
	Say    Text          // for people: what happened, what it means, what to do next
	Fields []Problem     // where, when Kind is Invalid, Denied or Conflict
	Retry  time.Duration // how long to wait, when Kind is Throttled or Unavailable; 0 is unknown
	Code   string        // the upstream's own code ("Authorization_RequestDenied"), for "Details"
	Ref    string        // the upstream's request id, for "Details"
	Err    error         // the cause, for operators; never shown to people
}

// New makes an Error with a sentence for people.
func New(kind Kind, op string, say Text) *Error { return &Error{Op: op, Kind: kind, Say: say} }

// Wrap gives a cause a kind and an operation; the sentence is the kind's own until Say is set.
func Wrap(kind Kind, op string, err error) *Error { return &Error{Op: op, Kind: kind, Err: err} }

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Item != "" {
		b.WriteString(" " + e.Item)
	}
	b.WriteString(": " + e.Kind.String())
	if !e.Say.Zero() {
		b.WriteString(": " + e.Say.String())
	}
	for _, f := range e.Fields {
		b.WriteString("; " + f.Field + ": " + f.Say.String())
	}
	if e.Code != "" {
		b.WriteString(" (" + e.Code + ")")
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf is the kind of the outermost Error in the chain; Internal for a stranger and for nil.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// Is says whether err has that kind. A nil error has none.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }

// Fields are the field problems of the outermost Error in the chain.
func Fields(err error) []Problem {
	var e *Error
	if errors.As(err, &e) {
		return e.Fields
	}
	return nil
}
