// Package explain owns the one table that goes from an answer of Microsoft Graph or Entra ID, or from a connection that brought
// none, to its cause: what it means for a person, what shows it, what to do next, and a text for the team that can do it.
//
// It promises that the same answer is explained alike on a page, on the command line and in the API, and that it never names a
// cause with confidence that the answer does not carry: the service says "Insufficient privileges" for ten different reasons, and
// which of them it was follows only from what else is known (Target, Grants). Where that is not known the finding says so.
// It asks nobody and reads nothing; whoever has an answer gathers what is known and asks here.
package explain

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// From says who answered.
type From int

const (
	Graph  From = iota // Microsoft Graph
	SignIn             // Entra ID: authorize and token endpoints, metadata
)

// Doing says what was asked; the sentence for people depends on it.
type Doing int

const (
	Reading Doing = iota
	Writing
	SigningIn // a person, in a browser
	Token     // the application's own token, or a person's renewed one
)

// Known is a thing that may be known or not.
type Known int

const (
	NotKnown Known = iota
	No
	Yes
)

// Is makes a Known of what is known.
func Is(b bool) Known {
	if b {
		return Yes
	}
	return No
}

// Answer is what came back, and what is known about what was asked.
type Answer struct {
	From    From
	Doing   Doing
	Status  int      // HTTP; 0 when nothing came
	Code    string   // Graph's code, or the error of an OAuth answer
	Inner   string   // Graph's innermost code
	Codes   []string // codes of Graph's details
	Numbers []int    // AADSTS numbers
	Text    string   // message or error_description
	Claims  bool     // it carries a claims challenge
	Broken  string   // what was wrong with an answer that could not be read; "" for one that could
	Err     error    // of a connection that failed
	Ref     string   // the service's request or trace id
	Related string   // Entra ID's correlation id

	Own    bool             // asked with the person's own token
	Set    []property.Facts // the properties of a write
	Grants []string         // the permissions that the token names; nil is not known, empty is none
	Needs  []string         // permissions that allow it, least first, "A+B" needs both; nil: those of Set
	On     Target           // whom or what it was about
}

// Target is what is known of the person or group that was asked about.
type Target struct {
	ID         string
	Self       bool  // the person who asks
	Privileged Known // holds a directory role, or belongs to a role-assignable group
	Guest      Known
	Synced     Known // mastered on-premises
	Once       Known // was so once
	Domain     Known // the domain of the sign-in name that was asked for is verified
	Group      bool  // it is a group, and these are known of it:
	Dynamic    bool
	Assignable bool // role-assignable
	Mail       bool // distribution list or mail-enabled security group
}

// Sure says how far a finding can be relied on.
type Sure int

const (
	Unknown Sure = iota // the answer fits several causes, or none that is known
	Likely              // the answer fits this cause, and nothing else that has been seen
	Certain             // the answer or what is known besides names the cause
)

var sures = [...]string{"unknown", "likely", "certain"}

func (s Sure) String() string { return sures[s] }

// MarshalText and UnmarshalText keep the word, which is what programs and the journal are told.
func (s Sure) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes a word that it does not know as Unknown.
func (s *Sure) UnmarshalText(b []byte) error {
	*s = Sure(max(slices.Index(sures[:], string(b)), 0))
	return nil
}

// Team is who can put it right.
type Team string

const (
	Nobody    Team = ""          // it passes, or the person can do it
	Operator  Team = "operator"  // whoever runs Nameplate
	Entra     Team = "entra"     // administrators of the Microsoft 365 organization
	OnPremise Team = "ad"        // whoever looks after the directory on-premises
	Exchange  Team = "exchange"  // administrators of Exchange Online
	Network   Team = "network"   // proxies, firewalls, name servers
	Licensing Team = "licensing" // whoever buys and assigns licenses
	Microsoft Team = "microsoft" // a support case
)

// Finding is an explained answer.
type Finding struct {
	Cause    Cause     `json:"cause"`
	Sure     Sure      `json:"sure"`
	Kind     fail.Kind `json:"-"`
	Say      fail.Text `json:"-"` // for people
	Evidence string    `json:"evidence"`
	Next     string    `json:"next"`            // for operators
	For      Team      `json:"for,omitempty"`   // who can do Next
	Ready    string    `json:"ready,omitempty"` // a text to send to that team; names no person but by object id
	Trail    Trail     `json:"-"`               // of an answer of Entra ID
}

// Explain finds the cause. It has no side effect.
func Explain(a Answer) Finding {
	cause, sure := find(a)
	m := meanings[cause]
	f := Finding{Cause: cause, Sure: sure, Kind: m.kind, Say: m.say, For: m.team, Evidence: evidence(a)}
	if a.Doing == Writing && !m.wrote.Zero() {
		f.Say = m.wrote
	}
	if cause == Refused && a.Doing == Writing && !slices.ContainsFunc(a.Set, func(p property.Facts) bool { return p.Sensitive }) {
		f.Say = wroteGrant // nobody's role makes a difference to what is not sensitive
	}
	fill := strings.NewReplacer("{permission}", least(a), "{properties}", names(a), "{target}", target(a))
	f.Next = fill.Replace(m.next)
	if f.For != Nobody && f.For != Operator {
		f.Ready = ready(a, f)
	}
	if a.From == SignIn {
		f.Trail = trail(a)
	}
	return f
}

// find goes through the tables; the first row that fits is taken.
func find(a Answer) (Cause, Sure) {
	switch {
	case a.Claims:
		return MoreProof, Certain
	case a.From == SignIn && (a.Code != "" || len(a.Numbers) > 0):
		return signIn(a)
	case a.Broken != "":
		return broken(a)
	case a.Err != nil && a.Status == 0 && a.Code == "":
		return line(a.Err)
	case a.From == SignIn:
		return signIn(a)
	}
	return answered(a)
}

// explained carries a finding in a chain of errors.
type explained struct {
	Finding
	err error
}

func (e *explained) Error() string { return e.err.Error() }
func (e *explained) Unwrap() error { return e.err }

// With puts a finding beside its error, where Of finds it.
func With(f Finding, err error) error { return &explained{f, err} }

// Of is the finding in a chain of errors.
func Of(err error) (Finding, bool) {
	var e *explained
	if !errors.As(err, &e) {
		return Finding{}, false
	}
	return e.Finding, true
}

// evidence is what shows the cause, in one line for operators: no value, no token, no name.
func evidence(a Answer) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	switch {
	case a.Err != nil && a.Status == 0 && a.Code == "" && a.Broken == "" && len(a.Numbers) == 0:
		add("no answer: %s", plain(a.Err.Error()))
	case a.From == SignIn:
		add("Entra ID answered %s", plain(a.Code))
		for _, n := range a.Numbers {
			add("AADSTS%d", n)
		}
	default:
		add("Graph answered %d %s", a.Status, plain(a.Code))
		if a.Text != "" {
			add("%q", plain(a.Text))
		}
	}
	if a.Broken != "" {
		add("%s", plain(a.Broken))
	}
	if a.Own {
		add("asked with the person's own token")
	}
	if a.Grants != nil {
		if len(a.Grants) == 0 {
			add("the token carries no permission")
		} else if missing := least(a); missing != "" && !Covered(needs(a), a.Grants) {
			add("the token does not carry %s", missing)
		}
	}
	for _, k := range []struct {
		is   Known
		what string
	}{{a.On.Privileged, "the person holds a directory role"}, {a.On.Guest, "the person is a guest"}, {a.On.Synced, "the person is synchronized from on-premises"}, {a.On.Once, "the person was synchronized once"}, {a.On.Domain, "the domain is verified"}} {
		if k.is == Yes {
			add("%s", k.what)
		}
	}
	if a.On.Domain == No {
		add("the domain is not among the organization's verified ones")
	}
	for _, k := range []struct {
		is   bool
		what string
	}{{a.On.Dynamic, "the group's members follow a rule"}, {a.On.Assignable, "the group is role-assignable"}, {a.On.Mail, "the group is mail-enabled"}} {
		if k.is {
			add("%s", k.what)
		}
	}
	return strings.Join(parts, "; ")
}

// Letter is what whoever met the failure can send to somebody who can help: cause and remedy in our own words, and nothing of what
// was answered. Ref is the portal's own reference. "" when there is nobody to send it to.
func (f Finding) Letter(ref string) string {
	if f.For == Nobody {
		return ""
	}
	text := "Nameplate could not do what I asked of it.\nCause: " + string(f.Cause) + " (" + f.Sure.String() + ")\nWhat would help: " + f.Next + "\n"
	if ref != "" {
		text += "Reference: " + ref + "\n"
	}
	return text
}

var greetings = map[Team]string{
	Entra: "Entra ID", OnPremise: "Active Directory", Exchange: "Exchange Online", Network: "network", Licensing: "licensing", Microsoft: "Microsoft support",
}

// ready is a text to send as it is.
func ready(a Answer, f Finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "To: %s team\n", greetings[f.For])
	what := "read"
	switch {
	case a.Doing == Writing && len(a.Set) > 0:
		what = "change " + names(a)
	case a.Doing == Writing:
		what = "make a change"
	case a.Doing == SigningIn:
		what = "sign a person in"
	case a.Doing == Token:
		what = "get a token"
	}
	fmt.Fprintf(&b, "Nameplate could not %s%s.\n", what, onTarget(a))
	fmt.Fprintf(&b, "What it saw: %s.\n", f.Evidence)
	if a.Ref != "" {
		fmt.Fprintf(&b, "Request id: %s\n", plain(a.Ref))
	}
	if f.Sure == Unknown {
		b.WriteString("The cause is not certain from this answer.\n")
	}
	fmt.Fprintf(&b, "What would help: %s\n", f.Next)
	return b.String()
}

func onTarget(a Answer) string {
	if a.On.ID == "" {
		return ""
	}
	return " for " + target(a)
}

func target(a Answer) string {
	kind := "user"
	if a.On.Group {
		kind = "group"
	}
	if a.On.ID == "" {
		return "the " + kind
	}
	return kind + " " + plain(a.On.ID)
}

func names(a Answer) string {
	var l []string
	for _, f := range a.Set {
		l = append(l, f.Path)
	}
	if len(l) == 0 {
		return "the value"
	}
	return strings.Join(l, ", ")
}

var aadsts = regexp.MustCompile(`AADSTS(\d{4,9})`)

// Numbers finds the AADSTS numbers in a description, in their order.
func Numbers(text string) []int {
	var out []int
	for _, m := range aadsts.FindAllStringSubmatch(text, 4) {
		if n, err := strconv.Atoi(m[1]); err == nil && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// plain makes foreign words fit for a line of a log or a mail: no control characters, at most 300 letters.
func plain(s string) string {
	n := 0
	return strings.Map(func(r rune) rune {
		if n++; n > 300 || r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return -1
		}
		return r
	}, s)
}
