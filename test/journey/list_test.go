package journey

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"nameplate/internal/app"
)

// The parts of pages with lists, by keyboard: a run of rows is selected, a question is asked and left with Escape, a value is
// taken along; the navigation opens on a phone and stands open beside a table.
func TestW24_PartsOfListsInChromium(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{})
	c := w.chromium()
	c.look(1280, map[string]string{"prefers-color-scheme": "dark"})
	c.open("/gallery/parts")
	line := `document.querySelector("[data-selected]").textContent`
	if got := eval[string](c, line); got != "Selected: 1" {
		t.Errorf("one row is selected, and the line says %q", got)
	}
	c.tabTo(`e.matches('thead input')`)
	c.press(" ")
	if got := eval[string](c, line); got != "Selected: 4" {
		t.Errorf("after all: %q", got)
	}
	c.press(" ")
	if got := eval[string](c, line); got != "51 to 100 of 1,204" {
		t.Errorf("after none: %q", got)
	}
	if n := eval[int64](c, `[...document.querySelectorAll("[data-bulk]")].filter(b => b.offsetParent).length`); n > 0 {
		t.Errorf("%d buttons for rows that nobody selected", n)
	}
	eval[any](c, `(r => { r[0].click(); r[2].dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, shiftKey: true })) })(document.querySelectorAll("tbody input"))`)
	if got := eval[string](c, line); got != "Selected: 3" {
		t.Errorf("after a run with Shift: %q", got)
	}

	c.tabTo(`e.matches('[data-opens]')`)
	c.press("\r")
	if !eval[bool](c, `document.querySelector("dialog").matches(":modal") && document.querySelector("dialog").contains(document.activeElement)`) {
		t.Errorf("the question does not hold the focus; %s does", c.focus())
	}
	c.accessible("question-dark")
	c.press("\x1b")
	if eval[bool](c, `document.querySelector("dialog").open`) || !strings.Contains(c.focus(), "Disable") {
		t.Errorf("after Escape the focus is on %s", c.focus())
	}
	if got := eval[string](c, `document.querySelector("code[data-copy] + button").textContent`); got != "Copy text" {
		t.Errorf("the button beside a value to copy says %q", got)
	}

	seen := `document.querySelector('.side a[aria-current]').checkVisibility({ contentVisibilityAuto: true, visibilityProperty: true }) && document.querySelector('.side a[aria-current]').getBoundingClientRect().height > 0`
	if !eval[bool](c, seen) {
		t.Error("the navigation is folded away where there is room for it")
	}
	c.look(360, nil)
	c.open("/gallery/parts")
	if eval[bool](c, seen) {
		t.Error("the navigation takes the whole phone")
	}
	c.tabTo(`e.matches('.side-menu summary')`)
	c.press("\r")
	if !eval[bool](c, seen) {
		t.Error("the navigation does not open")
	}
}

// A navigation in groups has its style on every page, one's own profile too.
func TestW24_TheNavigationOfAdministratorsHasItsStyle(t *testing.T) {
	t.Parallel()
	b := begin(t, app.DemoOptions{}).signIn(ruth)
	for _, path := range []string{"/admin", "/profile", "/history"} {
		if b.get(path); !strings.Contains(b.body, "side-menu") || !strings.Contains(b.body, "/desk.css") {
			t.Errorf("%s: a menu without its style", path)
		}
	}
}

// heads are the names in a table, in its order; of a history the addresses of its entries.
func (b *browser) heads() (out []string) {
	b.t.Helper()
	for _, n := range b.all(func(n *html.Node) bool {
		return n.Data == "a" && (attr(n, "class") == "card-link" || strings.HasPrefix(attr(n, "href"), "/admin/history/")) ||
			n.Data == "form" && strings.HasSuffix(attr(n, "action"), "/undo")
	}) {
		if at := attr(n, "href") + attr(n, "action"); at != "/admin/history/check" && !slices.Contains(out, at) && !strings.HasPrefix(at, "/admin/history/export") {
			out = append(out, at)
		}
	}
	return out
}

// Forward to the end of a list and back to its beginning, page by page: the same pages in the other order. A mark that somebody else
// was given, or of another list, leads nowhere.
func TestS4_21_ListsForwardAndBack(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{People: 240})
	b := w.signIn(w.who("Nameplate.Admin"))
	walk := func(start, next, previous string) {
		t.Helper()
		var there [][]string
		for b.get(start); ; b.follow(next) {
			there = append(there, b.heads())
			if !strings.Contains(b.text(), next) {
				break
			}
		}
		if len(there) < 3 {
			t.Fatalf("%s has %d pages", start, len(there))
		}
		for i := len(there) - 2; i >= 0; i-- {
			if got := b.follow(previous).heads(); !slices.Equal(got, there[i]) {
				t.Errorf("%s, back on page %d: %v, it was %v", start, i+1, got, there[i])
			}
		}
		if strings.Contains(b.text(), previous) {
			t.Errorf("%s: the first page has one before it", start)
		}
	}
	walk("/admin/people?size=25&sort=-displayName", "Next", "Previous")
	at := b.heads()[0]
	for i := range 55 {
		b.get(at + "?edit=contact")
		b.press(at, "save", func(f url.Values) { f.Set("faxNumber", fmt.Sprintf("+49 30 %d", i)) })
	}
	walk("/admin/history", "Older changes", "Newer changes")
	walk("/admin/history?do=update", "Older changes", "Newer changes")
	for i := range 55 {
		b.save("contact", map[string]string{"faxNumber": fmt.Sprintf("+49 31 %d", i)})
	}
	walk("/history", "Older changes", "Newer changes")
	for _, path := range []string{"/admin/history?after=x", "/admin/history?after=0", "/admin/people?page=x"} {
		if b.get(path); b.code != http.StatusBadRequest {
			t.Errorf("%s: %d", path, b.code)
		}
	}
}

// The way back through a long list does not grow for ever: an address stays short enough for every proxy, and the first page is offered.
func TestS4_21_TheWayBackFitsIntoAnAddress(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{People: 2000})
	b := w.signIn(w.who("Nameplate.Admin"))
	pages := 0
	for b.get("/admin/people?size=25"); strings.Contains(b.text(), "Next"); b.follow("Next") {
		if pages++; len(b.at.String()) > 7000 {
			t.Fatalf("page %d has an address of %d characters", pages, len(b.at.String()))
		}
	}
	back := 0
	for strings.Contains(b.text(), "Previous") {
		back++
		b.follow("Previous")
	}
	if pages < 70 || back < 8 {
		t.Errorf("%d pages forward, %d back", pages, back)
	}
	if back < pages {
		b.follow("First page")
	}
	if strings.Contains(b.text(), "First page") {
		t.Errorf("not on the first page: %s", b.at)
	}
}

// The same by keyboard: the links between pages are stops of Tab, seen and in the order of reading.
func TestS4_21_W24_PagesByKeyboardInChromium(t *testing.T) {
	t.Parallel()
	w := begin(t, app.DemoOptions{People: 120})
	c := w.chromium()
	c.look(1280, nil)
	c.signIn(w.who("Nameplate.Admin"))
	c.open("/admin/people?size=25")
	first := eval[string](c, `document.querySelector("tbody a").href`)
	for _, step := range []string{"next", "next", "prev", "prev"} {
		c.tabTo(`e.matches('a[rel=` + step + `]')`)
		c.enter()
	}
	if got := eval[string](c, `document.querySelector("tbody a").href`); got != first {
		t.Errorf("after two on and two back the first row is %s, it was %s", got, first)
	}
	if eval[bool](c, `document.querySelector("a[rel=prev]") !== null`) {
		t.Error("the first page has one before it")
	}
}
