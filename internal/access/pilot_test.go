package access_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"nameplate/internal/access"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
)

const pilotGroup = "cccccccc-0000-4000-8000-000000000001"

// members are who belongs to the pilot.
type members []string

func (m members) Of(_ context.Context, ref directory.Ref, groups []string) (bool, error) {
	if m == nil {
		return false, fail.Wrap(fail.Unavailable, "members", errors.New("the directory is away"))
	}
	return slices.Contains(m, ref.ID) && slices.Contains(groups, pilotGroup), nil
}

func TestPilot_OnlyItsMembersSignIn(t *testing.T) {
	t.Parallel()
	finish := func(who access.Member, upn string) error {
		b := newBench(t, func(c *access.Config) { c.Tenants[0].Pilot, c.Member = []string{pilotGroup}, who })
		begun := b.begin(access.Begin{Next: "/profile"})
		_, err := b.Finish(t.Context(), access.Callback{Query: b.visit(begun.URL, upn), Attempt: begun.Cookie, From: here})
		return err
	}
	if err := finish(members{adeleID}, "adele@contoso.com"); err != nil {
		t.Errorf("a member: %v", err)
	}
	if err := finish(members{adeleID}, "alex@contoso.com"); access.Code(err) != access.CodePilot || !fail.Is(err, fail.Denied) {
		t.Errorf("somebody else: %v", err)
	}
	if err := finish(members(nil), "adele@contoso.com"); !fail.Is(err, fail.Unavailable) {
		t.Errorf("nobody can tell: %v", err)
	}
	if err := finish(nil, "adele@contoso.com"); access.Code(err) != access.CodePilot {
		t.Errorf("nobody is asked: %v", err)
	}
}
