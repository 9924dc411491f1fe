package admin_test

import (
	"crypto/rand"
	"io"
	mathrand "math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"nameplate/internal/admin"
)

func TestNewPassword(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[A-HJKMNP-Z][a-kmnp-z2-9]{3}(-[a-kmnp-z2-9]{4}){3}$`)
	seen := map[string]bool{}
	for range 2000 {
		s, err := admin.NewPassword(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if !form.MatchString(s) || !strings.ContainsAny(s, "23456789") || !strings.ContainsAny(s, "abcdefghijkmnpqrstuvwxyz") || seen[s] {
			t.Fatalf("%q", s)
		}
		seen[s] = true
	}
	if s, err := admin.NewPassword(io.LimitReader(mathrand.NewChaCha8([32]byte{}), 3)); err == nil {
		t.Errorf("made %q of three bytes", s)
	}
}
