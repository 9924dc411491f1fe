package doctor

import (
	"context"
	"slices"
	"strings"

	"nameplate/internal/fail"
	"nameplate/internal/setup"
)

// lacking says what it means when a part of the registration is missing.
var lacking = map[string]Finding{
	"redirect": {Level: Warning, What: "a redirect address is not registered", Disables: "signing in, or coming back after signing out at Microsoft"},
	"logout":   {Level: Note, What: "the front-channel logout address is not registered", Disables: "signing out here when somebody signs out at Microsoft"},
	"role":     {Level: Note, What: "an app role is not defined", Disables: "giving it to people"},
	"claim":    {Level: Note, What: "an optional claim of the ID token is not asked for", Disables: "signing out here when somebody signs out at Microsoft, or telling guests"},
	"certificate": {
		Level: Error, What: "the certificate of the configuration is not registered", Disables: "signing in, and everything that the application does itself",
	},
}

// registration looks at the application itself, as setup does: what lacks, what was added since consent was given, and when a secret
// ends, which no secret tells by itself. What an application may not read is said once.
func (d *Doctor) registration(ctx context.Context, c *Credential) []Finding {
	if d.o.Wish == nil {
		return nil
	}
	wish := *d.o.Wish
	wish.Certificate = c.Leaf
	plan, err := setup.Compare(ctx, d.o.Graph, wish)
	switch {
	case fail.Is(err, fail.Denied), fail.Is(err, fail.NotFound):
		return []Finding{{
			Code: "registration", Level: Note, What: "the application's registration cannot be seen, so it is not examined",
			Do: "nothing has to be done; nameplate setup --plan looks at it with an administrator's right", Evidence: "reading it needs Directory.Read.All, and that it is registered in this organization",
		}}
	case err != nil:
		return nil // what does not answer is told by the probes
	}
	const again = "run nameplate setup, which adds it, or do it by hand: nameplate setup --checklist"
	out := []Finding{}
	told := map[string]int{}
	for _, s := range plan.Steps {
		f, known := lacking[s.Kind]
		if !known || s.State != setup.Add && s.State != setup.ByHand {
			continue
		}
		if i, ok := told[s.Kind]; ok {
			out[i].Evidence += ", " + s.Item
			continue
		}
		told[s.Kind] = len(out)
		f.Code, f.Do, f.Evidence = "registration:"+s.Kind, again, "missing: "+s.Item
		out = append(out, f)
	}
	var more []string
	for _, s := range plan.Steps {
		if s.Kind == "public client" && s.State == setup.Excess {
			out = append(out, Finding{
				Code: "excess:public_client", Level: Warning, What: "the registration allows public client flows, which nothing here uses",
				Do:       "switch them off: Authentication → Allow public client flows → No, or nameplate setup --remove",
				Evidence: "isFallbackPublicClient: whoever knows the client id can ask for passwords or device codes in its name",
			})
		}
		if s.Kind == "delegated" && s.State == setup.Excess {
			more = append(more, s.Item)
		}
	}
	if len(more) > 0 {
		out = append(out, Finding{Code: "excess:delegated", Level: Warning, What: "everybody's consent to " + strings.Join(more, ", ") + " is not needed", Do: "take it away: nameplate setup --remove"})
	}
	// A permission that is added to a registration does nothing until somebody consents again:
	// https://learn.microsoft.com/entra/identity-platform/permissions-consent-overview
	if list := plan.Unconsented; len(list) > 0 {
		out = append(out, Finding{
			Code: "consent_outdated", Level: Warning, What: "consent is older than the registration", Disables: "whatever needs " + strings.Join(list, ", "),
			Do: "consent again: nameplate setup, or Grant admin consent under API permissions", Evidence: "declared and not granted for everybody: " + strings.Join(list, ", "),
		})
	}
	if c.Kind == "secret" && c.Ends.IsZero() {
		ours := slices.DeleteFunc(slices.Clone(plan.Credentials), func(x setup.Credential) bool {
			return x.Kind != "secret" || c.Hint == "" || x.Mark != c.Hint || x.Ends.IsZero() || !x.Ends.After(d.o.Now())
		})
		if len(ours) > 0 { // several may begin alike: the first to end is the one to fear
			c.Ends = ours[0].Ends
		}
	}
	if len(out) == 0 {
		out = append(out, Finding{Code: "registration", Level: OK, What: "the application's registration is as it has to be"})
	}
	return out
}
