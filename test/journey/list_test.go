package journey

import (
	"strings"
	"testing"

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
