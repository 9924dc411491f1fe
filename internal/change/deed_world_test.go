package change_test

import (
	"context"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// deed is one write of facets to the box.
func (b *tenantBox) deed(as directory.Authority, on directory.Ref, set property.Values) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.next()
	b.batches, b.as = append(b.batches, set.Clone()), append(b.as, as)
	if f == fine || f == lostAfter || f == noReadBack {
		b.put(on, set, true, as)
	}
	if g := b.after; g != nil {
		b.after = nil
		b.mu.Unlock()
		g()
		b.mu.Lock()
	}
	return answerOf(f)
}

func (b *tenantBox) SetManager(_ context.Context, as directory.Authority, on directory.Ref, manager string) error {
	v := property.Null()
	if manager != "" {
		v = property.Text(manager)
	}
	return b.deed(as, on, property.Values{directory.FacetManager: v})
}

func (b *tenantBox) SetMember(_ context.Context, as directory.Authority, on directory.Ref, group string, in bool) error {
	v := property.Null()
	if in {
		v = property.Bool(true)
	}
	return b.deed(as, on, property.Values{directory.MemberOf(group): v})
}

func (b *tenantBox) SetLicenses(_ context.Context, as directory.Authority, on directory.Ref, set property.Values) error {
	return b.deed(as, on, set)
}

func (b *tenantBox) SetAccount(_ context.Context, as directory.Authority, on directory.Ref, state string) error {
	return b.deed(as, on, property.Values{directory.FacetAccount: property.Text(state)})
}

func (b *tenantBox) ResetPassword(_ context.Context, as directory.Authority, on directory.Ref, password string) error {
	if password == "" {
		return fail.New(fail.Invalid, "box.password", fail.T("None."))
	}
	b.mu.Lock()
	b.passwords = append(b.passwords, password)
	b.mu.Unlock()
	return b.deed(as, on, property.Values{directory.FacetPassword: property.Instant(b.clock.Now())})
}

func (b *tenantBox) RevokeSessions(_ context.Context, as directory.Authority, on directory.Ref) error {
	return b.deed(as, on, property.Values{directory.FacetSessions: property.Instant(b.clock.Now())})
}

func (b *tenantBox) Group(_ context.Context, on directory.Ref) (directory.Group, error) {
	return directory.Group{Ref: on, Name: on.ID, Kind: directory.SecurityGroup}, nil
}
