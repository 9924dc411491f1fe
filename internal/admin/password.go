package admin

import (
	"io"

	"nameplate/internal/fail"
)

// What a new password is made of: nothing that looks like something else on paper, and no word.
const (
	lower  = "abcdefghijkmnpqrstuvwxyz"
	upper  = "ABCDEFGHJKLMNPQRSTUVWXYZ"
	digits = "23456789"
	signs  = "-+=%!?"
)

// NewPassword makes a password of 16 characters of all four kinds; random is a source fit for secrets. About 90 bits: guessing it
// before its person changes it is hopeless.
func NewPassword(random io.Reader) (string, error) {
	var b [16]byte
	for i := range b {
		from := lower + upper + digits
		if i%4 == 3 { // each kind has a place of its own, so that no rule about kinds can refuse it
			from = []string{lower, upper, digits, signs}[i/4]
		}
		n, err := below(random, len(from))
		if err != nil {
			return "", fail.Wrap(fail.Internal, "admin.password", err)
		}
		b[i] = from[n]
	}
	return string(b[:]), nil
}

// below is an even number from 0 to n-1; n is at most 256.
func below(random io.Reader, n int) (int, error) {
	var one [1]byte
	for {
		if _, err := io.ReadFull(random, one[:]); err != nil {
			return 0, err
		}
		if v := int(one[0]); v < 256-256%n {
			return v % n, nil
		}
	}
}
