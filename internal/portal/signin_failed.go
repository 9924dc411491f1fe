package portal

import (
	"net/http"
	"net/url"

	"nameplate/internal/access"
	"nameplate/internal/explain"
	"nameplate/internal/fail"
	"nameplate/internal/web"
)

// Why nobody is signed in now: a page for whoever tried, and a text for those who can help (S3.42, W13).

type signInProblem struct {
	Title, Say, Do string
	Login          string // "" when trying again cannot help
	Other          string // the way to choose another account
	Code           string
	Reference      string
	Why            *whyView
}

type signInWords struct{ title, say, do fail.Text }

// refusedSignIn are the pages for what Entra ID found wrong with a person's sign-in.
var refusedSignIn = map[explain.Cause]signInWords{
	explain.ConditionalAccess: {
		fail.T("Your organization does not allow this sign-in"), fail.T("A rule of your organization stops it: the device, the network or the app is not one that may be used."),
		fail.T("Try from a device and a network of your organization. If it has to work from here, send your administrator the text below."),
	},
	explain.Stranger: {
		fail.T("That account belongs to another organization"), fail.T("This portal is for people of the organization named above."),
		fail.T("Sign in with the account that this organization gave you."),
	},
	explain.Locked: {
		fail.T("Your account is locked for a while"), fail.T("Too many wrong passwords were tried, so Microsoft takes none for some minutes."),
		fail.T("Wait a few minutes, then sign in again. If it was not you, tell your administrator."),
	},
	explain.PasswordExpired: {
		fail.T("Your password has expired"), fail.T("Microsoft takes it no more, so nobody was signed in."),
		fail.T("Sign in again, and Microsoft asks you for a new one."),
	},
}

// signInFailed says why nobody is signed in now (W13: a refused consent is a page, not a crash).
func (p *Portal) signInFailed(w http.ResponseWriter, r *http.Request, v *web.Visit, err error) error {
	var say signInWords
	found, explained := explain.Of(err)
	status := http.StatusForbidden
	login, other := loginAddress("", ""), ""
	switch access.Code(err) {
	case access.CodeConsent:
		say = signInWords{
			fail.T("You did not give permission"), fail.T("Nameplate asks Microsoft for permission to read your profile and to change it when you ask. Without that it cannot show you anything, and nothing was changed."),
			fail.T("If that was a mistake, sign in again and accept."),
		}
	case access.CodeAdminNeeded:
		say = signInWords{
			fail.T("Your administrator has to approve this portal first"), fail.T("Your organization lets people use a new application only after an administrator has approved it."),
			fail.T("Tell your administrator that Nameplate waits for admin consent."),
		}
		login = ""
	case access.CodeUnassigned:
		say = signInWords{
			fail.T("This portal is not open for your account"), fail.T("Your organization decides who may use it, and your account is not among them."),
			fail.T("If you should have it, ask your administrator to assign you to Nameplate."),
		}
		login, other = "", loginAddress("", "select_account")
	case access.CodePilot:
		say = signInWords{
			fail.T("This portal is not open for your account"), fail.T("This portal is being tried out by a small group first, and your account is not in it yet."),
			fail.T("You do not have to do anything. Your organization will tell you when it is open for everybody."),
		}
		login, other = "", loginAddress("", "select_account")
	case access.CodeTenant:
		say = signInWords{fail.T("That account belongs to another organization"), fail.T("This portal is for people of the organization named above."), fail.T("Sign in with the account that this organization gave you.")}
		login, other = "", loginAddress("", "select_account")
	case access.CodeDisabled:
		say = signInWords{fail.T("Your account is disabled"), fail.T("Your organization has switched this account off, so it cannot be used here."), fail.T("Ask your administrator.")}
		login = ""
	case access.CodeAttempt:
		say = signInWords{fail.T("The sign-in took too long, or was begun in another browser"), fail.T("For your safety a sign-in can be finished only where it was begun, once, and within ten minutes."), fail.T("Sign in again.")}
		status = http.StatusBadRequest
	case access.CodeToken:
		say = signInWords{fail.T("The sign-in could not be verified"), fail.T("What came back from Microsoft did not pass a check, so nobody was signed in."), fail.T("Sign in again. If it happens again, tell your administrator the reference under Details.")}
	case access.CodeClaims:
		claims, _ := access.Challenge(err)
		say = signInWords{fail.T("Microsoft asks you to confirm who you are"), fail.T("Your organization asks for one more proof before you may go on."), fail.T("Sign in again to give it.")}
		login = "/login?" + url.Values{"claims": {p.Site.Sign(claims)}}.Encode()
		status = http.StatusUnauthorized
	case access.CodeSignIn:
		var known bool
		if say, known = refusedSignIn[found.Cause]; !known {
			say = signInWords{fail.T("The sign-in could not be finished"), fail.T("Microsoft did not say yes to it, so nobody was signed in."), fail.T("Sign in again. If it happens again, tell your administrator the reference under Details.")}
		}
		if found.Cause == explain.Stranger {
			login, other = "", loginAddress("", "select_account")
		}
	case access.CodeCredential:
		say = signInWords{fail.T("Nobody can sign in at the moment"), sayOf(err), fail.T("Trying again does not help until that is done.")}
		status, login = http.StatusServiceUnavailable, ""
	case access.CodeAuthority:
		say = signInWords{fail.T("Microsoft's sign-in does not answer at the moment"), fail.T("Your profile is safe, but nobody can sign in right now."), fail.T("Wait a moment, then try again.")}
		status = http.StatusServiceUnavailable
	default:
		return err
	}
	if other != "" && len(p.orgs) > 0 {
		other = "/sign-in" // perhaps it was the wrong organization
	}
	body := signInProblem{Title: v.T(say.title), Say: v.T(say.say), Do: v.T(say.do), Login: login, Other: other, Code: access.Code(err), Reference: v.ID}
	level, facts := p.Log.Info, []any{"request", v.ID, "err", err.Error()}
	if status >= http.StatusInternalServerError {
		level = p.Log.Error
	}
	if explained {
		body.Why = whySignIn(found, v.ID, p.Now())
		facts = append(facts, "cause", string(found.Cause), "sure", found.Sure.String(), "next", found.Next)
	}
	level("sign-in failed", facts...)
	return p.show(w, v, status, "sign-in-problem", p.page(r, v, "", say.title, body))
}
