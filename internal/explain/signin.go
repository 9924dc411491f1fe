package explain

import "slices"

// number is one row: an AADSTS number and its cause. The numbers are diagnostics; where there is none that is known, the error
// of the answer decides. https://learn.microsoft.com/entra/identity-platform/reference-error-codes
type number struct {
	n     int
	cause Cause
	sure  Sure
}

var numbers = []number{
	{7000222, SecretExpired, Certain},
	{7000215, SecretWrong, Certain},
	{7000218, CredentialNone, Certain},
	{700025, CredentialPublic, Certain},
	{700027, CertificateUnknown, Certain},
	{700024, Clock, Likely}, // the assertion's times: a clock that is off, or an assertion that was kept too long
	{700021, CertificateUnknown, Likely},
	{700023, WrongTenant, Likely}, // the audience of the assertion is another tenant's
	{700211, Federation, Certain},
	{700212, Federation, Certain},
	{700213, Federation, Certain},
	{7002138, Federation, Certain},
	{7000272, Federation, Certain},
	{7000112, AppDisabled, Certain},
	{700016, AppMissing, Certain},
	{70001, AppMissing, Likely},
	{700011, AppMissing, Certain},
	{90002, WrongTenant, Certain},
	{900023, WrongTenant, Certain},
	{50194, WrongTenant, Certain},
	{90038, WrongCloud, Certain},
	{900440, WrongCloud, Certain},
	{50011, Redirect, Certain},
	{500112, Redirect, Certain},
	{500113, Redirect, Certain},
	{500011, WrongCloud, Likely}, // Graph's address of another cloud is a resource that this one does not know
	{650057, Permission, Likely},
	{650053, WrongCloud, Unknown},
	{70011, ScopeWrong, Certain},
	{28002, ScopeWrong, Certain},
	{700022, ScopeWrong, Certain},
	{1002012, ScopeWrong, Certain},
	{65001, ConsentMissing, Certain},
	{90094, AdminConsent, Certain},
	{90093, AdminConsent, Certain},
	{65004, Declined, Certain},
	{50105, Unassigned, Certain},
	{501051, Unassigned, Certain},
	{50057, Disabled, Certain},
	{50034, Stranger, Certain},
	{50020, Stranger, Certain},
	{16003, Stranger, Certain},
	{50126, WrongPassword, Certain},
	{50053, Locked, Certain},
	{50055, PasswordExpired, Certain},
	{53003, ConditionalAccess, Certain},
	{53000, ConditionalAccess, Certain},
	{53001, ConditionalAccess, Certain},
	{50076, MoreProof, Certain},
	{50079, MoreProof, Certain},
	{50074, MoreProof, Certain},
	{50158, MoreProof, Certain},
	{70043, SignInOld, Certain},
	{700082, SignInOld, Certain},
	{700084, SignInOld, Certain},
	{50173, SignedOut, Certain},
	{50133, SignedOut, Certain},
	{54005, CodeSpent, Certain},
	{70008, CodeSpent, Certain},
	{501481, CodeForeign, Certain},
	{70000, CodeForeign, Likely},
	{700005, CodeForeign, Certain},
	{50058, NotSignedIn, Certain},
	{16000, NotSignedIn, Certain},
	{70016, DevicePending, Certain},
	{70017, Declined, Certain},
	{70019, DeviceExpired, Certain},
	{70020, DeviceExpired, Certain},
	{70018, DeviceExpired, Likely},
	{90120, CodeSpent, Certain},
	{50196, Loop, Certain},
	{70003, Request, Certain},
	{900144, Request, Certain},
	{90014, Request, Certain},
	{9002313, Request, Certain},
	{900561, Request, Certain},
	{90033, Trouble, Certain},
	{90099, AppMissing, Likely},
}

// oauth are the errors of an answer without a number that is known: RFC 6749 and its relatives name kinds, not causes.
var oauth = map[string]number{
	"invalid_client":          {0, CredentialRefused, Unknown},
	"unauthorized_client":     {0, CredentialRefused, Unknown},
	"consent_required":        {0, ConsentMissing, Likely},
	"access_denied":           {0, Declined, Unknown},
	"authorization_declined":  {0, Declined, Certain},
	"authorization_pending":   {0, DevicePending, Certain},
	"expired_token":           {0, DeviceExpired, Certain},
	"login_required":          {0, NotSignedIn, Likely},
	"interaction_required":    {0, MoreProof, Unknown},
	"invalid_grant":           {0, SignInRefused, Unknown},
	"temporarily_unavailable": {0, Trouble, Certain},
	"server_error":            {0, Trouble, Likely},
}

// signIn explains an answer of Entra ID.
func signIn(a Answer) (Cause, Sure) {
	for _, n := range numbers {
		if slices.Contains(a.Numbers, n.n) {
			return n.cause, n.sure
		}
	}
	if o, ok := oauth[a.Code]; ok {
		return o.cause, o.sure
	}
	switch {
	case a.Status == 429:
		return Throttled, Certain
	case a.Status == 503:
		return Busy, Certain
	case a.Status == 504 || a.Status == 408:
		return Slow, Certain
	case a.Status >= 500:
		return Trouble, Unknown
	}
	return Unexplained, Unknown
}
