package directory

import (
	"strings"
	"unicode/utf8"
)

// MaxReason is how long a reason may be, in characters.
const MaxReason = 500

// Reason is the reason that somebody gave for what they do, as the history keeps it: ends trimmed, "" when there is none. It is not ok
// when it is too long, or no text that every database keeps.
func Reason(typed string) (why string, ok bool) {
	why = strings.TrimSpace(typed)
	return why, utf8.ValidString(why) && !strings.ContainsRune(why, 0) && utf8.RuneCountInString(why) <= MaxReason
}
