package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Mistake is one thing that is wrong with a policy file, for whoever wrote it.
type Mistake struct {
	Line   int    `json:"line"`   // from 1; 0 when it is about the whole file
	Column int    `json:"column"` // from 1
	Path   string `json:"path"`   // "properties.city.pattern", "rules[2].when"
	What   string `json:"what"`
	Remedy string `json:"remedy"`
}

// Report is the mistakes as plain text, each with file, line and column, what is wrong and what to do.
func Report(name string, mistakes []Mistake) string {
	var b strings.Builder
	for _, m := range mistakes {
		b.WriteString(name)
		if m.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", m.Line, m.Column)
		}
		b.WriteString(": ")
		if m.Path != "" {
			b.WriteString(m.Path + ": ")
		}
		b.WriteString(m.What + "\n")
		if m.Remedy != "" {
			b.WriteString("    " + m.Remedy + "\n")
		}
	}
	switch len(mistakes) {
	case 0:
	case 1:
		b.WriteString("1 mistake\n")
	default:
		fmt.Fprintf(&b, "%d mistakes\n", len(mistakes))
	}
	return b.String()
}

// nearest is the word among words that somebody who wrote got probably meant, or "".
func nearest(got string, words []string) string {
	best, found := (len(got)+2)/3, "" // so many slips are believed
	if len(got) < 3 {
		best = 0
	}
	for _, w := range words {
		if strings.EqualFold(got, w) {
			return w
		}
		if d := distance(strings.ToLower(got), strings.ToLower(w)); d <= best && d < len(w) {
			if d < best || found == "" {
				best, found = d, w
			}
		}
	}
	return found
}

// distance counts the letters to insert, delete, replace or swap with their neighbor.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	var before, last []int
	now := make([]int, len(b)+1)
	for j := range now {
		now[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last = last, slices.Clone(now)
		now[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			now[j] = min(last[j]+1, now[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				now[j] = min(now[j], before[j-2]+1)
			}
		}
	}
	return now[len(b)]
}

// suggest is the remedy for a word that is not known.
func suggest(got string, words []string) string {
	if w := nearest(got, words); w != "" {
		return fmt.Sprintf("Did you mean %q?", w)
	}
	if len(words) > 14 {
		return ""
	}
	return "Use one of: " + strings.Join(words, ", ") + "."
}
