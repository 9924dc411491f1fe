package explain

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Trail is by what the sign-in log of Entra ID finds a refused sign-in. It is digits and ids and no word of the answer, so that it may
// stand on a page before somebody whom nobody knows yet (A39).
type Trail struct {
	Error       string // as AADSTS50105; "" when no number was told
	Request     string // the log's request id, which the answer calls trace id; "" when none was told
	Correlation string // "" when none was told
}

var (
	guid      = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	traceID   = regexp.MustCompile(`Trace ID: ([0-9a-fA-F-]{36})\b`)
	relatedID = regexp.MustCompile(`Correlation ID: ([0-9a-fA-F-]{36})\b`)
)

// IDs finds trace and correlation id at the end of a description, "" for one that is not there.
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes#handling-error-codes-in-your-application
func IDs(description string) (trace, related string) {
	find := func(r *regexp.Regexp) string {
		if m := r.FindStringSubmatch(description); m != nil {
			return m[1]
		}
		return ""
	}
	return find(traceID), find(relatedID)
}

func trail(a Answer) (t Trail) {
	if len(a.Numbers) > 0 {
		t.Error = fmt.Sprintf("AADSTS%d", a.Numbers[0])
	}
	if guid.MatchString(a.Ref) {
		t.Request = strings.ToLower(a.Ref)
	}
	if guid.MatchString(a.Related) {
		t.Correlation = strings.ToLower(a.Related)
	}
	return t
}

// SignInLetter is what somebody who could not sign in can send to whoever can help: cause, where the sign-in log has it, and remedy.
// Ref is the portal's own reference, at when it was. "" when nobody else can do anything.
func (f Finding) SignInLetter(ref string, at time.Time) string {
	if f.For == Nobody {
		return ""
	}
	to := "the people who run Nameplate"
	if team, ok := greetings[f.For]; ok {
		to = team + " team"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "To: %s\nI could not sign in to Nameplate.\nCause: %s (%s)\n", to, f.Cause, f.Sure)
	for _, l := range append(f.Trail.lines(at), [2]string{"What would help", f.Next}, [2]string{"Reference", ref}) {
		fmt.Fprintf(&b, "%s: %s\n", l[0], l[1])
	}
	return b.String()
}

// Line is what is known of it in one line.
func (t Trail) Line(at time.Time) string {
	var parts []string
	for _, l := range t.lines(at) {
		parts = append(parts, l[0]+" "+l[1])
	}
	return strings.Join(parts, "; ")
}

func (t Trail) lines(at time.Time) (out [][2]string) {
	for _, l := range [][2]string{{"Error", t.Error}, {"Correlation id", t.Correlation}, {"Request id", t.Request}, {"Time", at.UTC().Format("2006-01-02 15:04:05 UTC")}} {
		if l[1] != "" {
			out = append(out, l)
		}
	}
	return out
}
