package admin_test

import (
	"strings"
	"testing"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// A22, A58: administrators stop all saving, with a reason; nobody else does, and no key.
func TestA22_A58_OnlyAdministratorsStop(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	key := holder(directory.Admin)
	key.Kind = directory.KeyActor
	for name, by := range map[string]directory.Actor{"a person": holder(), "an editor": holder(directory.Editor), "an auditor": holder(directory.Auditor), "a key": key} {
		_, err := d.Stop(ctx, by, "an incident")
		kind(t, name+" stops", err, fail.Denied)
		_, err = d.Go(ctx, by, "over")
		kind(t, name+" lets go", err, fail.Denied)
	}
	boss := holder(directory.Admin)
	for _, why := range []string{"", "  ", strings.Repeat("x", 501), "a\x00b"} {
		_, err := d.Stop(ctx, boss, why)
		kind(t, "without a reason", err, fail.Invalid)
	}
	if _, err := d.Go(ctx, boss, strings.Repeat("م", 500)); err != nil { // characters, not bytes
		t.Errorf("a long reason in Arabic: %v", err)
	}
	if s, err := d.Stop(ctx, boss, " an incident "); err != nil || s.By != "Olga" || s.Why != "an incident" {
		t.Fatalf("%+v, %v", s, err)
	}
	if s, err := d.Stopped(ctx, holder(directory.Auditor)); err != nil || s == nil || s.By != "Olga" {
		t.Errorf("an auditor sees %+v, %v", s, err)
	}
	wish := change.Change{On: ref(1), Do: change.Update, Set: property.Values{"jobTitle": property.Text("Chief clerk")}, By: boss}
	if o, err := d.Apply(ctx, wish); err != nil || o.State != change.Refused || o.Problem.Code != change.CodeHeld {
		t.Errorf("stopped: %+v, %v", o, err)
	}
	if was, err := d.Go(ctx, boss, "over"); !was || err != nil {
		t.Errorf("%v, %v", was, err)
	}
	if o, err := d.Apply(ctx, wish); err != nil || o.State != change.Applied {
		t.Errorf("gone on: %+v, %v", o, err)
	}
}
