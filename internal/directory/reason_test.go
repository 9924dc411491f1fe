package directory_test

import (
	"strings"
	"testing"

	"nameplate/internal/directory"
)

// A reason is counted in characters, whatever the script: 500 letters of Arabic are 1,000 bytes.
func TestReason(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{"": "", " \t\n": "", " Lost phone ": "Lost phone", strings.Repeat("م", 500): strings.Repeat("م", 500), strings.Repeat("x", 500) + "  ": strings.Repeat("x", 500)} {
		if got, ok := directory.Reason(typed); got != want || !ok {
			t.Errorf("%.20q: %.20q, %t", typed, got, ok)
		}
	}
	for _, typed := range []string{strings.Repeat("x", 501), strings.Repeat("م", 501), "a\x00b", "a\xffb"} {
		if _, ok := directory.Reason(typed); ok {
			t.Errorf("%.20q was taken", typed)
		}
	}
}
