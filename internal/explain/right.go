package explain

import (
	"net/http"
	"slices"
	"strings"

	"nameplate/internal/property"
)

// needs are the permissions each of which allows the whole request.
func needs(a Answer) []string {
	if a.Needs != nil || len(a.Set) == 0 {
		return a.Needs
	}
	all := func(f property.Facts) []string {
		if a.Own && a.On.Self {
			return append(slices.Clone(f.WriteOwn), f.Write...)
		}
		return f.Write
	}
	var out []string
	for _, n := range all(a.Set[0]) {
		if !slices.ContainsFunc(a.Set[1:], func(f property.Facts) bool { return !slices.Contains(all(f), n) }) {
			out = append(out, n)
		}
	}
	return out
}

// Covered says whether the granted permissions hold one of those that are needed; "A+B" needs both.
func Covered(needs, grants []string) bool {
	return slices.ContainsFunc(needs, func(n string) bool {
		for part := range strings.SplitSeq(n, "+") {
			if !slices.Contains(grants, part) {
				return false
			}
		}
		return true
	})
}

func least(a Answer) string {
	if n := needs(a); len(n) > 0 {
		return strings.ReplaceAll(n[0], "+", " and ")
	}
	return "the permission for it"
}

// right explains "Insufficient privileges", which the service says of every right that is missing.
// https://learn.microsoft.com/graph/resolve-auth-errors and https://learn.microsoft.com/graph/api/user-update
func right(a Answer) (Cause, Sure) {
	any := func(is func(property.Facts) bool) bool { return slices.ContainsFunc(a.Set, is) }
	n := needs(a)
	switch {
	case a.On.Group && a.On.Dynamic && a.Doing == Writing:
		return DynamicGroup, Certain
	case a.Grants != nil && len(a.Grants) == 0:
		return ConsentMissing, Certain
	case !a.Own && any(func(f property.Facts) bool { return f.Delegated }):
		return OwnToken, Certain
	case a.Own && a.On.Self && a.On.Guest == Yes && a.Doing == Writing:
		return GuestLimited, Likely
	case a.Own && a.On.Self && any(func(f property.Facts) bool { return !f.SelfWrite }) && (a.On.Privileged == No || a.On.Privileged == NotKnown && a.Grants != nil):
		return PersonMayNot, sureIf(a.On.Privileged == No) // somebody with a role may write more of themselves
	case a.Grants != nil && len(n) > 0 && !Covered(n, a.Grants):
		return Permission, Certain
	case a.On.Group && a.On.Assignable && a.Doing == Writing:
		return AssignableGroup, sureIf(a.Grants != nil)
	case any(func(f property.Facts) bool { return f.Sensitive }) && a.On.Privileged == Yes:
		return Privileged, sureIf(a.Grants != nil && Covered(n, a.Grants))
	case a.Doing == Writing && any(func(f property.Facts) bool { return f.Path == "passwordProfile" }) && a.Grants != nil && !a.Own:
		return RoleNeeded, Certain // https://learn.microsoft.com/graph/api/user-update: at least User Administrator for the application
	}
	return Refused, Unknown
}

func sureIf(known bool) Sure {
	if known {
		return Certain
	}
	return Likely
}

// rule is one row: an answer that tells its cause by itself. Text is matched only where codes do not tell the cases apart.
type rule struct {
	status int    // 0 is any
	code   string // any of the answer's codes; "" is any
	says   string // lower case, part of the message; "" is any
	cause  Cause
	sure   Sure
}

// rules are Graph's own words; each with the page or thread that quotes them.
var rules = []rule{
	// https://github.com/microsoftgraph/microsoft-graph-docs/issues/22189
	{500, "", "unauthorizedaccess", OwnToken, Certain},
	{500, "", "accessdenied", OwnToken, Likely},
	// https://github.com/microsoftgraph/microsoft-graph-docs/issues/7301
	{400, "", "on-premises mastered", Synced, Certain},
	// https://github.com/microsoftgraph/microsoft-graph-docs/issues/12584
	{0, "", "originated within an external service", OnceSynced, Certain},
	// https://learn.microsoft.com/graph/api/user-assignlicense and https://learn.microsoft.com/entra/identity/users/licensing-groups-resolve-problems
	{400, "", "invalid usage location", LicensePlace, Certain},
	{400, "", "does not have any available licenses", LicenseSeat, Certain},
	{400, "", "does not have available licenses", LicenseSeat, Certain},
	{400, "", "inherited from a group", LicenseInherited, Certain},
	{400, "", "depends on the service plan", LicensePlans, Certain},
	{400, "", "are mutually exclusive", LicensePlans, Certain},
	{400, "", "is not available in the usage location", LicensePlans, Certain},
	{400, "", "does not correspond to a valid company license", LicenseUnknown, Certain},
	{400, "", "does not have a corresponding license", LicenseUnknown, Certain},
	// https://github.com/microsoftgraph/microsoft-graph-docs/issues/3962 and others
	{0, "ObjectConflict", "", Taken, Certain},
	{0, "Request_MultipleObjectsWithSameKeyValue", "", Taken, Certain},
	{0, "", "another object with the same value", Taken, Certain},
	{422, "PropertyConflict", "", Taken, Certain},
	{0, "", "domain portion of the userprincipalname", Domain, Certain},
	{400, "", "domain is invalid", Domain, Certain},
	{0, "", "verified domain", Domain, Likely},
	{400, "", "password complexity", Password, Certain},
	{400, "", "specified password is incorrect", WrongPassword, Certain},
	{400, "", "cannot update a mail-enabled security group", MailGroup, Certain},
	{400, "", "writes of mail-enabled groups", MailGroup, Certain},
	{400, "", "references already exist", MemberAlready, Certain},
	{400, "", "at least one owner", LastOwner, Certain},
	{400, "", "last owner", LastOwner, Certain},
	{400, "", "a value is required for property", Required, Certain},
	{400, "", "invalid value specified for property", Value, Certain},
	{400, "", "should be between 1 and", Value, Certain},
	{400, "", "is read-only and cannot be set", ReadOnly, Certain},
	{400, "", "request of its own", Alone, Likely},
	{400, "", "only valid with delegated", Request, Certain},
	{400, "ErrorInvalidImage", "", Picture, Certain},
	{400, "", "content type of a photo", Picture, Certain},
	{413, "", "", TooLarge, Certain},
	{0, "ImageNotFound", "", NoPhoto, Certain},
	// https://learn.microsoft.com/graph/aad-advanced-queries and https://learn.microsoft.com/graph/errors
	{0, "Request_UnsupportedQuery", "", Query, Certain},
	{0, "Directory_ExpiredPageToken", "", PageExpired, Certain},
	{400, "", "skip token is invalid", PageExpired, Likely},
	{410, "", "", PageExpired, Certain},
	{0, "syncStateNotFound", "", PageExpired, Certain},
	{501, "", "", Unsupported, Certain},
	{405, "", "", Request, Certain},
	{400, "", "could not find a property named", Query, Certain},
	{400, "", "resource not found for the segment", Request, Certain},
	{400, "", "unable to read json request payload", Request, Certain},
	{400, "", "invalid batch payload", Request, Certain},
	// https://learn.microsoft.com/graph/throttling
	{409, "Directory_ConcurrencyViolation", "", Concurrent, Certain},
	{429, "", "", Throttled, Certain},
	{403, "Directory_QuotaExceeded", "", DirectoryFull, Certain},
	{412, "", "", Concurrent, Likely},
	// https://learn.microsoft.com/graph/resolve-auth-errors
	{401, "", "lifetime validation failed, the token is expired", TokenOld, Certain},
	{401, "", "not yet valid", Clock, Certain},
	{401, "", "invalid audience", WrongCloud, Certain},
	{401, "", "access token is empty", TokenNone, Certain},
	{401, "", "continuous access evaluation", SignedOut, Certain},
	{401, "InvalidAuthenticationToken", "", TokenRefused, Likely},
	{401, "", "", TokenRefused, Unknown},
	{404, "Request_ResourceNotFound", "", Gone, Certain},
	{404, "Directory_ObjectNotFound", "", Gone, Certain},
	{404, "ResourceNotFound", "", Gone, Certain},
	{404, "", "", Gone, Likely},
	// A proxy or load balancer gives these as well; the service's own have its code.
	{503, "", "", Busy, Certain},
	{408, "", "", Slow, Certain},
	{504, "", "", Slow, Certain},
	{502, "", "", Trouble, Likely},
	{500, "", "", Trouble, Unknown},
}

// answered explains an answer of Graph that could be read.
func answered(a Answer) (Cause, Sure) {
	text := strings.ToLower(a.Code + " " + a.Inner + " " + a.Text)
	has := func(code string) bool {
		return strings.EqualFold(a.Code, code) || strings.EqualFold(a.Inner, code) || slices.ContainsFunc(a.Codes, func(c string) bool { return strings.EqualFold(c, code) })
	}
	if a.Status >= 400 && a.Code == "" && a.Text == http.StatusText(a.Status) && a.Status != http.StatusTooManyRequests && a.Status != http.StatusServiceUnavailable &&
		a.Status != http.StatusGatewayTimeout && a.Status != http.StatusBadGateway && a.Status != http.StatusRequestTimeout && a.Status != http.StatusRequestEntityTooLarge {
		return NotGraph, Likely // the service's refusals have a body in its own form
	}
	if a.Status == http.StatusBadRequest && strings.Contains(text, "property userprincipalname is invalid") {
		switch a.On.Domain { // the service says the same of a wrong form and of a domain that is not verified
		case No:
			return Domain, Certain
		case Yes:
			return Value, Likely
		}
		return Value, Unknown
	}
	for _, r := range rules {
		if (r.status == 0 || r.status == a.Status) && (r.code == "" || has(r.code)) && strings.Contains(text, r.says) {
			return r.cause, r.sure
		}
	}
	switch {
	case a.Status == http.StatusForbidden && (has("Authorization_RequestDenied") || has("accessDenied") || has("ErrorAccessDenied")):
		return right(a)
	case a.Status == http.StatusForbidden:
		return Refused, Unknown
	case a.Status >= 500:
		return Trouble, Unknown
	}
	return Unexplained, Unknown
}
