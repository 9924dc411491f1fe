package journey

import (
	"net/http"
	"strings"
	"testing"

	"nameplate/internal/app"
)

// S1.20 to S1.24, S1.26, S1.27, W20: a person opens the portal, signs in, changes the mobile number, sees it saved, and takes it back.
func TestS1_20to24_S1_26to27_EditOwnProfile(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	b := w.signIn(w.who("member"))
	b.says("田中 美咲")
	before := len(w.Emulator.Ledger(0))

	b.get("/profile?edit=contact")
	form := b.form("/profile")
	was := form.Get("mobilePhone")
	form.Set("mobilePhone", "+49 30 5550199")
	b.post("/profile", form)
	if b.code != http.StatusOK || b.at.Path != "/profile" {
		t.Fatalf("after saving: %d at %s\n%s", b.code, b.at, b.text())
	}
	b.says("Saved", "+49 30 5550199", "Undo")
	entries := w.Emulator.Ledger(0)
	if len(entries) != before+1 {
		t.Fatalf("the ledger has %d new entries, want 1: %+v", len(entries)-before, entries)
	}
	if e := entries[before]; e.After["mobilePhone"] != "+49 30 5550199" || len(e.After) != 1 {
		t.Errorf("the directory was sent more than the difference: %+v", e)
	}

	b.get("/history")
	b.says("Mobile phone", "+49 30 5550199", "田中 美咲")
	undo := b.all(func(n *htmlNode) bool {
		return n.Data == "form" && strings.HasPrefix(attr(n, "action"), "/history/") && strings.HasSuffix(attr(n, "action"), "/undo")
	})
	if len(undo) == 0 {
		t.Fatalf("the history offers no undo:\n%s", b.text())
	}
	b.post(attr(undo[0], "action"), fields(undo[0]))
	b.get("/profile?edit=contact")
	if now := b.form("/profile").Get("mobilePhone"); now != was {
		t.Errorf("after Undo the mobile phone is %q, and it was %q", now, was)
	}
}
