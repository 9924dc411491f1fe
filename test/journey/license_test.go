package journey

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"nameplate/emulator"
	"nameplate/internal/app"
)

// S4.20: Microsoft gives no license to somebody without a usage location (S2.P40), and none whose seats are used up. The form says so
// before anything is asked of Microsoft, keeps what was chosen, and leads to where the place is set; then the license is given.
func TestS4_20_S2_P40_ALicenseNeedsAPlaceAndASeat(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	const online = "license/4b9405b0-7788-4568-add1-99614e613b69" // Exchange Online (Plan 1), of which there are 5 seats
	if err := w.Emulator.Set("", lena, map[string]any{"usageLocation": nil}); err != nil {
		t.Fatal(err)
	}
	b := w.signIn(ruth)
	at := b.person("Lena Hoffmann")
	page := at + "/licenses"
	writes := func() (n int) {
		var log []emulator.Request
		w.control(http.MethodGet, "/requests", nil, &log)
		for _, r := range log {
			if strings.HasSuffix(r.Path, "/assignLicense") {
				n++
			}
		}
		return n
	}
	b.get(page).says("No usage location is set for this person", "5 of 5 seats are free")
	for _, step := range []string{"", "save"} {
		b.get(page)
		b.press(page, step, func(f url.Values) { f.Set(online, "on") }).says("Nothing was saved yet", "Microsoft gives no license without one")
		if b.code != http.StatusUnprocessableEntity || b.form(page).Get(online) != "on" {
			t.Errorf("%d, and the choice is %q", b.code, b.form(page).Get(online))
		}
	}
	if n := writes(); n != 0 {
		t.Errorf("Microsoft was asked %d times", n)
	}
	b.follow("Set the usage location first").says("Usage location")
	b.press(at, "", func(f url.Values) { f.Set("usageLocation", "DE") }).says("Before you save", "Germany")
	b.press(at, "save", nil).says("Saved", "Germany")
	b.get(page)
	if strings.Contains(b.text(), "No usage location") {
		t.Error("the form still asks for a place")
	}
	b.press(page, "", func(f url.Values) { f.Set(online, "on") }).says("Before you save", "EXCHANGE_S_STANDARD")
	b.press(page, "save", nil).says("Saved", "Exchange Online (Plan 1)")

	// The other four seats go to others; the sixth person gets none, and who has one keeps changing its services.
	people := b.get("/admin/people?size=100").all(func(n *htmlNode) bool { return n.Data == "a" && attr(n, "class") == "card-link" })
	given, last := 1, ""
	for _, n := range people {
		one := attr(n, "href")
		if b.get(one); one == at || !strings.Contains(b.body, one+"/licenses") || strings.Contains(b.text(), "Usage location Not given") || strings.Contains(b.text(), "Exchange Online (Plan 1)") {
			continue
		}
		if last = one; given == 5 {
			break
		}
		b.get(one + "/licenses")
		b.press(one+"/licenses", "", func(f url.Values) { f.Set(online, "on") })
		if b.press(one+"/licenses", "save", nil); strings.Contains(b.text(), "Saved") {
			given++
		}
	}
	if given != 5 {
		t.Fatalf("%d seats were given", given)
	}
	before := writes()
	b.get(last+"/licenses").says("0 of 5 seats are free", "None left")
	b.press(last+"/licenses", "", func(f url.Values) { f.Set(online, "on") }).says("Nothing was saved yet", "No seat of Exchange Online (Plan 1) is free")
	if n := writes(); n != before {
		t.Errorf("Microsoft was asked for a seat that is not there, %d times", n-before)
	}
	b.get(page)
	b.press(page, "", func(f url.Values) { f.Del("plan.4b9405b0-7788-4568-add1-99614e613b69") }).says("Before you save", "services off: 1")
}
