package journey

import (
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/html"

	"nameplate/internal/app"
)

// First passwords of those whom a plan has added are told once, on its page, to whoever applied it, and the history says so.
func TestA12_S4_11_S4_12_FirstPasswordsOnThePageOfAPlan(t *testing.T) {
	t.Parallel()
	var late atomic.Int64
	w := begin(t, app.DemoOptions{Now: func() time.Time { return app.Clock().Add(time.Duration(late.Load())) }})
	b := w.signIn(ruth)
	plan := b.sheet("new.csv", "userPrincipalName,displayName,usageLocation,action,passwordProfile\r\ncleo.park@larkfield.example,Cleo Park,DE,create,\r\ndora.lind@larkfield.example,Dora Lind,DE,create,Wr9-tulip-Ferry\r\n")
	b.says("Created", "Cleo Park", "Dora Lind", "Apply 2 changes")
	if strings.Contains(b.body, "tulip") || strings.Contains(b.body, "/passwords") {
		t.Error("the plan tells a password, or offers to")
	}
	b.applied(plan, func(f url.Values) {
		if _, asked := f["people"]; asked {
			f.Set("people", "2")
		}
	}).says("Everything is saved", "First passwords")
	b.get(plan + "/passwords").says("They are shown one time, to whoever applied the plan")
	late.Add(int64(20 * time.Minute))
	w.control(http.MethodPost, "/clock", map[string]string{"advance": "20m"}, nil)
	if b.press(plan+"/passwords", "", nil); b.code != http.StatusUnauthorized {
		t.Fatalf("A12 an old sign-in: %d\n%s", b.code, b.text())
	}
	b.says("Sign in once more")
	for _, a := range b.all(func(n *html.Node) bool { return n.Data == "a" && strings.HasPrefix(attr(n, "href"), "/login") }) {
		b.get(b.link(a))
		break
	}
	to, err := signInFrom(b, ruth)
	if err != nil {
		t.Fatal(err)
	}
	b.open(to)
	b.press(plan+"/passwords", "", nil)
	if b.code != http.StatusOK || strings.Contains(b.body, "tulip") || strings.Contains(b.body, "dora.lind") || !strings.Contains(b.head.Get("Cache-Control"), "no-store") {
		t.Errorf("%d %v", b.code, b.head)
	}
	b.says("cleo.park@larkfield.example", "Shown this one time")
	b.get(plan + "/passwords")
	b.press(plan+"/passwords", "", nil).says("No password waits")
	b.get("/admin/history").says("first passwords", "new.csv")
}
