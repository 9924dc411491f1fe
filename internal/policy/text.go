package policy

import (
	"fmt"
	"strings"
	"time"

	"nameplate/internal/directory"
	"nameplate/internal/property"
)

// Text is a form as plain text: what somebody sees of on, what they may change, and why not the rest.
func Text(on directory.User, fields []Field) string {
	var b strings.Builder
	name := on.Values["displayName"].Str()
	if name == "" {
		name = on.Ref.ID
	}
	b.WriteString(printable(name) + "\n")
	width := 0
	for _, f := range fields {
		width = max(width, len([]rune(f.Label.String())))
	}
	for _, s := range property.Sections() {
		head := false
		for _, f := range fields {
			if f.Def.House.Section != s {
				continue
			}
			if !head {
				fmt.Fprintf(&b, "\n%s\n", s)
				head = true
			}
			label := f.Label.String()
			mark, value := " ", shown(f.Value)
			if f.Write {
				mark = "*"
			}
			if value == "" {
				value = "-"
			}
			fmt.Fprintf(&b, "  %s %s%s  %s\n", mark, label, strings.Repeat(" ", width-len([]rune(label))), value)
			indent := strings.Repeat(" ", width+6)
			for _, l := range details(f) {
				fmt.Fprintf(&b, "%s%s\n", indent, l)
			}
		}
	}
	b.WriteString("\n* may be changed\n")
	return b.String()
}

func details(f Field) []string {
	var l []string
	if !f.Write {
		l = append(l, f.Reason.String())
		if f.Ask != nil {
			who := f.Ask.Who.String()
			if f.Ask.To != "" {
				who += " (" + f.Ask.To + ")"
			}
			l = append(l, "Ask: "+who)
		}
		return l
	}
	if f.Missing {
		l = append(l, "Required, and empty.")
	} else if f.Required {
		l = append(l, "Required.")
	}
	if n := len(f.Options); n > 0 {
		var values []string
		for i, o := range f.Options {
			if i == 8 {
				values = append(values, fmt.Sprintf("and %d more", n-8))
				break
			}
			values = append(values, o.Value)
		}
		word := "Suggested: "
		if f.Only {
			word = "One of: "
		}
		l = append(l, word+strings.Join(values, "; "))
	}
	if f.Pattern != "" {
		l = append(l, fmt.Sprintf("Pattern %s: %s", f.Pattern, f.Message))
	} else if !f.Message.Zero() {
		l = append(l, f.Message.String())
	}
	return l
}

// shown is a value on one line; an instant at midnight is a day.
func shown(v property.Value) string {
	if t := v.Time(); !t.IsZero() && t.Equal(t.Truncate(24*time.Hour)) {
		return t.Format(time.DateOnly)
	}
	return printable(v.String())
}

// printable keeps a value on one line and keeps it from steering a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return ' '
		case r < 0x20, r >= 0x7f && r < 0xa0, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return -1
		}
		return r
	}, s)
}
