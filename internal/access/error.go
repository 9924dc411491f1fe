package access

import (
	"errors"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
)

// Codes of the errors of this package (fail.Error.Code). A page is chosen by them, never by a sentence.
const (
	CodeSignIn      = "signin"     // Denied: no session, or it has ended; sign in again (Reason says why)
	CodeDisabled    = "disabled"   // Denied: the account is disabled or gone
	CodeClaims      = "claims"     // Denied: the authority wants more of the person first; Challenge gives Begin.Claims
	CodeAttempt     = "attempt"    // Denied: the answer fits no sign-in begun in this browser in the last ten minutes, or was used
	CodeConsent     = "consent"    // Denied: the person declined
	CodeAdminNeeded = "admin"      // Denied: an administrator has to consent first
	CodeUnassigned  = "unassigned" // Denied: the organization has not assigned the person to the application
	CodePilot       = "pilot"      // Denied: the portal is open for a group only, and the person is not in it
	CodeTenant      = "tenant"     // Denied: a person of an organization that is not configured here
	CodeToken       = "token"      // Denied: the authority's token did not pass verification
	CodeAuthority   = "authority"  // Unavailable: the authority gave no usable answer
	CodeCredential  = "credential" // Unavailable: the authority did not accept the application's own credential or registration
	CodeMany        = "many"       // Throttled: too many attempts from one address
	CodeMixed       = "issuer"     // Invalid: the authority's metadata name another issuer; Check refuses to start
	CodeKey         = "key"        // Invalid: the key does not open what the store holds; Check refuses to start
)

// Reasons why a session is no more; in fail.Error.Item of a CodeSignIn error, and in the log.
const (
	ReasonNone      = "none"      // no cookie, or one that names no session
	ReasonIdle      = "idle"      // nothing happened for too long
	ReasonAbsolute  = "absolute"  // signed in too long ago
	ReasonSignedOut = "signedout" // by the person, here or at the authority
	ReasonReplaced  = "replaced"  // signed in again in the same browser
	ReasonDisabled  = "disabled"
	ReasonRevoked   = "revoked" // the authority takes the refresh token no more
)

// Challenge finds the claims challenge (a directory.Challenge) in an error of Token, of Finish or of the directory, as JSON for
// Begin.Claims.
func Challenge(err error) (claims string, ok bool) {
	var c *directory.Challenge
	if errors.As(err, &c) && c.Claims != "" {
		return c.Claims, true
	}
	return "", false
}

// Code is the code of the outermost fail.Error, "" for none.
func Code(err error) string {
	var e *fail.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// Reason is why a session is no more, for an error with CodeSignIn.
func Reason(err error) string {
	var e *fail.Error
	if errors.As(err, &e) {
		return e.Item
	}
	return ""
}

// challenged is a refusal together with the challenge that it carries.
type challenged struct {
	*refusal
	claims *directory.Challenge
}

func (c challenged) Unwrap() []error { return []error{c.refusal, c.claims} }
