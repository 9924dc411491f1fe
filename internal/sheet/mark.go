package sheet

import "strings"

// A cell that begins like a formula is one to Excel, also in a CSV. An export puts ' before such a text, and an import takes exactly
// one away. So that the way back is exact, what would lose its own ' on the way in gets one as well, and so does a text that would
// be read as the word that clears.
// https://owasp.org/www-community/attacks/CSV_Injection

// marked says whether a text needs a mark, however many it carries already.
func marked(s, clear string) bool {
	t := strings.TrimLeft(s, "'")
	return t != "" && strings.ContainsAny(t[:1], "=+-@\t\r\n") || strings.HasPrefix(t, "＝") || strings.HasPrefix(t, "＋") ||
		strings.HasPrefix(t, "－") || strings.HasPrefix(t, "＠") || clears(t, clear)
}

// mark is what an export writes for a text.
func mark(s, clear string) string {
	if marked(s, clear) {
		return "'" + s
	}
	return s
}

// unmark takes the mark away again.
func unmark(s, clear string) string {
	if rest, ok := strings.CutPrefix(s, "'"); ok && marked(rest, clear) {
		return rest
	}
	return s
}

// formula says whether a text looks like a formula; a number or a phone number does not.
func formula(s string) bool {
	if s == "" || !strings.ContainsAny(s[:1], "=+-@") {
		return false
	}
	return strings.Trim(s[1:], "0123456789 ()/.-") != "" || s[0] == '=' || s[0] == '@'
}

func clears(s, word string) bool { return strings.EqualFold(strings.TrimSpace(s), word) }
