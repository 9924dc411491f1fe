package admin

import (
	"encoding/base32"
	"io"
	"strings"

	"nameplate/internal/fail"
)

// NewPassword is sixteen characters in four groups, easy to read out: nearly 80 random bits, none of 0 O 1 l I, with letters of both
// cases, a digit and a hyphen, as every policy of Entra wants. random is a source fit for secrets.
// https://learn.microsoft.com/entra/identity/authentication/concept-sspr-policy
func NewPassword(random io.Reader) (string, error) {
	for {
		b := make([]byte, 10)
		if _, err := io.ReadFull(random, b); err != nil {
			return "", fail.Wrap(fail.Internal, "admin.password", err)
		}
		s := readable.EncodeToString(b)
		s = strings.ToUpper(s[:1]) + s[1:4] + "-" + s[4:8] + "-" + s[8:12] + "-" + s[12:]
		if strings.ContainsAny(s, "23456789") && strings.ContainsAny(s[:1], "ABCDEFGHJKMNPQRSTUVWXYZ") && strings.ContainsAny(s[1:], "abcdefghijkmnpqrstuvwxyz") {
			return s, nil
		}
	}
}

var readable = base32.NewEncoding("abcdefghijkmnpqrstuvwxyz23456789").WithPadding(base32.NoPadding)
