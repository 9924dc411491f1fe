package entra

import (
	"errors"
	"net/http"
	"strings"

	"nameplate/graph"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// notSent is the Code of an Unavailable error that is no ambiguity: nothing left this machine.
const notSent = "not_sent"

// failure is the error of a read.
func failure(op, item string, err error) *fail.Error {
	var own *fail.Error
	if errors.As(err, &own) { // a token that could not be had says by itself why; nothing was sent
		f := *own
		if f.Kind == fail.Unavailable || f.Kind == fail.Internal {
			f.Kind, f.Code = fail.Unavailable, notSent
		}
		return &f
	}
	f := fail.Wrap(fail.Unavailable, op, err)
	f.Item = item
	var e *graph.Error
	if errors.As(err, &e) {
		f.Code, f.Ref, f.Retry = e.Code, e.RequestID, e.RetryAfter
		f.Kind, f.Say = reason(e)
		if e.Claims != "" {
			f.Kind, f.Code, f.Err = fail.Denied, "claims", errors.Join(&directory.Challenge{Claims: e.Claims}, err)
			f.Say = fail.T("Your organization asks you to sign in again before this. Sign in, and what you typed is still there.")
		}
		return f
	}
	var b *graph.Fault
	if errors.As(err, &b) {
		f.Ref = b.RequestID
		if !b.Sent {
			f.Code = notSent
		}
		switch {
		case errors.Is(err, graph.ErrNoCredential):
			f.Kind = fail.Denied
			f.Say = fail.T("This portal has no right of its own in this organization's directory. Ask your administrator to connect it.")
		case errors.Is(err, graph.ErrForeign):
			f.Kind = fail.Internal
			f.Say = fail.T("The directory's answer pointed to another place and was refused. Tell your administrator.")
		case b.What != "":
			f.Say = fail.T("The directory's answer could not be understood. Something between this portal and Microsoft 365 may have answered in its place. Try again in a few minutes.")
		default:
			f.Say = fail.T("Microsoft 365 cannot be reached at this moment. Try again in a few minutes.")
		}
	}
	return f
}

// unsent marks a failure before anything was sent.
func unsent(err error) error {
	var f *fail.Error
	if errors.As(err, &f) && f.Kind == fail.Unavailable && f.Code == "" {
		f.Code = notSent
	}
	return err
}

// reason maps a status to a kind and a sentence.
func reason(e *graph.Error) (fail.Kind, fail.Text) {
	switch e.Status {
	case http.StatusUnauthorized:
		return fail.Denied, fail.T("Microsoft 365 did not accept the sign-in for this. Sign out and in again; if that does not help, tell your administrator.")
	case http.StatusForbidden:
		return fail.Denied, fail.T("Microsoft 365 does not let this portal see this. An administrator has to grant the missing permission.")
	case http.StatusNotFound:
		return fail.NotFound, fail.T("This is not in the directory, or not any more.")
	case http.StatusTooManyRequests:
		return fail.Throttled, fail.T("Microsoft 365 is busy and asked to wait. Try again in a moment.")
	case http.StatusNotImplemented:
		return fail.Unsupported, fail.T("Microsoft 365 cannot do this for this person.")
	}
	if e.Status >= 500 || e.Status == http.StatusRequestTimeout {
		return fail.Unavailable, fail.T("Microsoft 365 has trouble at this moment. Try again in a few minutes.")
	}
	return fail.Invalid, fail.T("Microsoft 365 did not accept this request.")
}

// cause is a refusal of a write that the service words in its own way. The first that fits is taken. What the service says is
// matched only where its codes do not tell the cases apart.
type cause struct {
	status int
	code   string // "" is any
	says   string // lower case, part of the message; "" is any
	kind   fail.Kind
	say    fail.Text
}

var causes = []cause{
	// https://github.com/microsoftgraph/microsoft-graph-docs/issues/22189: SharePoint refuses with 500.
	{500, "", "unauthorizedaccess", fail.Denied, fail.T("Only the person themself can change this, signed in with their own account. Microsoft 365 keeps it in their personal site.")},
	{500, "", "accessdenied", fail.Denied, fail.T("Only the person themself can change this, signed in with their own account. Microsoft 365 keeps it in their personal site.")},
	// https://github.com/microsoftgraph/microsoft-graph-docs/issues/7301
	{400, "", "on-premises mastered", fail.Denied, fail.T("This comes from your organization's own directory on-premises. It has to be changed there; ask the people who look after it.")},
	// https://github.com/microsoftgraph/microsoft-graph-docs/issues/12584
	{400, "", "originated within an external service", fail.Denied, fail.T("This profile was once kept on-premises, and this part of it stayed locked. An administrator can change it in Exchange Online.")},
	{403, "", "originated within an external service", fail.Denied, fail.T("This profile was once kept on-premises, and this part of it stayed locked. An administrator can change it in Exchange Online.")},
	{400, "", "another object with the same value", fail.Exists, fail.T("Somebody else has this address or name already. Choose another one.")},
	{400, "Request_MultipleObjectsWithSameKeyValue", "", fail.Exists, fail.T("Somebody else has this address or name already. Choose another one.")},
	{400, "", "password complexity", fail.Invalid, fail.T("This password is too simple. Use at least eight characters of at least three kinds: small and capital letters, digits, signs.")},
	{409, "Directory_ConcurrencyViolation", "", fail.Throttled, fail.T("Somebody else was changing this profile at the same moment. Nothing was changed; save again.")},
	{403, "Directory_QuotaExceeded", "", fail.Denied, fail.T("The organization's directory is full. Tell your administrator.")},
	{413, "", "", fail.Invalid, fail.T("This is too large for Microsoft 365. Choose a smaller picture.")},
}

// refused is the error of a write; nil stays nil. set are the properties of an update.
func refused(op, item string, set property.Values, err error) error {
	if err == nil {
		return nil
	}
	f := failure(op, item, err)
	var e *graph.Error
	if f.Code == "claims" || !errors.As(err, &e) {
		return f
	}
	for _, c := range causes {
		if c.status == e.Status && (c.code == "" || e.Has(c.code)) && strings.Contains(strings.ToLower(e.Code+" "+e.Message), c.says) {
			if f.Kind, f.Say = c.kind, c.say; c.kind != fail.Throttled {
				f.Fields = fields(e, set, c.say)
			}
			return f
		}
	}
	switch {
	case e.Status == http.StatusForbidden:
		f.Say = denied(set)
		f.Fields = fields(e, set, f.Say)
	case e.Status == http.StatusNotFound:
		f.Say = fail.T("This person is not in the directory any more. Nothing was changed.")
	case e.Status == http.StatusTooManyRequests:
		f.Say = fail.T("Microsoft 365 is busy and asked to wait. Nothing was changed; save again in a moment.")
	case e.Status < 500 && e.Status != http.StatusRequestTimeout:
		f.Say = fail.T("Microsoft 365 did not accept a value. Nothing was changed; look at the marked field.")
		if f.Fields = fields(e, set, fail.T("Microsoft 365 did not accept this value. Correct it and save again.")); len(f.Fields) == 0 {
			f.Say = fail.T("Microsoft 365 did not accept the change, without saying why. Nothing was changed.")
		}
	default:
		f.Say = fail.T("Microsoft 365 had trouble while this was saved, so it is not certain yet whether it was.")
	}
	return f
}

// denied words a missing right by what was to be written, for the service says the same of all. https://learn.microsoft.com/graph/api/user-update
func denied(set property.Values) fail.Text {
	for n := range set {
		switch n {
		case "accountEnabled", "businessPhones", "mobilePhone", "onPremisesImmutableId", "otherMails", "passwordProfile", "userPrincipalName":
			return fail.T("Microsoft 365 refused this. If this person is an administrator, phone numbers, other addresses and the sign-in name can only be changed by an administrator with a higher role; otherwise the permission for it is missing.")
		}
	}
	return fail.T("Microsoft 365 refused this: with the rights at hand it may not be changed. A person can change only little of their own profile themself; for the rest an administrator has to grant this portal the permission.")
}

// fields finds which of the properties the service means. A single property is always meant.
func fields(e *graph.Error, set property.Values, say fail.Text) []fail.Problem {
	var out []fail.Problem
	for _, n := range set.Names() {
		leaf := string(n)[strings.LastIndexByte(string(n), '/')+1:]
		meant := len(set) == 1 || strings.Contains(strings.ToLower(e.Message), "'"+strings.ToLower(leaf)+"'")
		for _, d := range e.Details {
			meant = meant || strings.EqualFold(d.Target, leaf) || strings.EqualFold(d.Target, string(n))
		}
		if meant {
			out = append(out, fail.Problem{Field: string(n), Code: "refused", Say: say})
		}
	}
	return out
}
