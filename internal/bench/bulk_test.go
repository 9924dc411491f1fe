package bench

import (
	"testing"

	"nameplate/internal/app"
)

// A person who is signed in saves by the form of the portal, with one read and one batch.
func TestP8_APersonSaves(t *testing.T) {
	t.Parallel()
	b, err := open(t.Context(), 3, app.DemoOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.close(t.Context())
	p, err := b.signIn(t.Context(), b.people[2].UPN)
	if err != nil {
		t.Fatal(err)
	}
	for _, phone := range []string{"+49 30 5550001", "+49 30 5550002"} {
		if _, err := p.save(t.Context(), phone); err != nil {
			t.Fatal(err)
		}
		l := b.Emulator.Ledger(0)
		if last := l[len(l)-1]; last.Object != b.people[2].ID || last.After["mobilePhone"] != phone {
			t.Errorf("%+v", last)
		}
	}
}
