package portal

import (
	"slices"
	"time"

	"nameplate/internal/admin"
	"nameplate/internal/directory"
	"nameplate/internal/explain"
	"nameplate/internal/web"
)

// whyView is what an explained answer of Microsoft's means, for whoever can do something about it.
type whyView struct {
	Found *explain.Finding // for people with a role, and of a sign-in that failed; nil for everybody else
	Text  string           // to send on, "" when there is nobody to send it to
}

// why explains a failure under the sentence that everybody reads. People with a role see what shows it and a text for the team that
// can help; anybody else who is signed in gets a text for their administrator in our own words, without a word of the answer (A39).
// nil: nothing is known, or nobody else can do anything.
func why(v *web.Visit, found *explain.Finding, ref string) *whyView {
	if found == nil || v.Session == nil {
		return nil
	}
	if slices.ContainsFunc(v.Session.Roles, func(r directory.Role) bool { return slices.Contains(admin.Roles, r) }) {
		return &whyView{Found: found, Text: found.Ready}
	}
	if text := found.Letter(ref); text != "" {
		return &whyView{Text: text}
	}
	return nil
}

// whySignIn explains a sign-in that failed. Whoever reads it is nobody yet, so what shows the cause is what Entra ID's sign-in log has
// it by, and no word of the answer.
func whySignIn(found explain.Finding, ref string, at time.Time) *whyView {
	found.Evidence = found.Trail.Line(at)
	return &whyView{Found: &found, Text: found.SignInLetter(ref, at)}
}

// problemOf is a failure as a line above a form or in the history; ref is what the log or the history calls it.
func problemOf(v *web.Visit, err error, ref string) problemView {
	pr := web.ProblemOf(err)
	return problemView{Say: v.T(pr.Say), Why: why(v, pr.Found, ref)}
}
