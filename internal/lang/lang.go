// Package lang owns the languages in which Nameplate speaks: which one a person gets, their sentences, plurals, dates,
// numbers, names of countries and languages, and the order of the alphabet.
//
// It promises that a sentence is looked up whole (nothing is glued from pieces), that what is put into a sentence keeps its
// own direction of writing, and that a sentence nobody has translated appears in English rather than not at all. Its test
// refuses a sentence of the sources that a language lacks. It knows no request and no page.
package lang

import (
	"strings"

	"golang.org/x/text/language"
)

// Language is one that the pages are written in.
type Language struct {
	Code string // "en", "de", "ar": the lang attribute
	Dir  string // "ltr" or "rtl": the dir attribute
	Own  string // its own name: "Deutsch"
	tag  language.Tag
}

// Latin digits in Arabic: numbers stand beside telephone numbers and postal codes, which are stored in them.
var languages = []Language{
	{Code: "en", Dir: "ltr", Own: "English", tag: language.BritishEnglish},
	{Code: "de", Dir: "ltr", Own: "Deutsch", tag: language.German},
	{Code: "ar", Dir: "rtl", Own: "العربية", tag: language.MustParse("ar-u-nu-latn")},
}

// All are the languages, English first.
func All() []Language { return append([]Language(nil), languages...) }

// Named finds a language by its code.
func Named(code string) (Language, bool) {
	for _, l := range languages {
		if l.Code == code {
			return l, true
		}
	}
	return Language{}, false
}

// maxAccept is how much of an Accept-Language header is read; a longer one is a probe, not a person.
const maxAccept = 512

// Pick chooses a language: the one chosen by hand if we speak it, else the directory's preferredLanguage, else the best of the
// browser's Accept-Language, else otherwise, else English. Each may be empty or nonsense.
func Pick(preferredLanguage, acceptLanguage, chosen, otherwise string) Language {
	if l, ok := Named(chosen); ok {
		return l
	}
	if tag, err := language.Parse(preferredLanguage); err == nil && preferredLanguage != "" {
		if l, ok := match(tag); ok {
			return l
		}
	}
	if len(acceptLanguage) <= maxAccept {
		tags, weights, err := language.ParseAcceptLanguage(acceptLanguage)
		if err == nil {
			for i, tag := range tags {
				if weights[i] == 0 {
					continue
				}
				if l, ok := match(tag); ok {
					return l
				}
			}
		}
	}
	if l, ok := Named(otherwise); ok {
		return l
	}
	return languages[0]
}

// match compares by base language only: a person who reads de-CH reads our German; one who reads fr is offered the next wish.
func match(tag language.Tag) (Language, bool) {
	base, _ := tag.Base()
	return Named(strings.ToLower(base.String()))
}
